/* error.c - the words behind the error codes of fairlead/raft.h, from their one table. */
#include "core.h"

const char *fl_error_text(int error)
{
    switch (error) {
    case FL_OK:
        return "no error";
#define FL_ERROR_TEXT(name, value, text)                                                                     \
    case name:                                                                                               \
        return text;
        FL_ERRORS(FL_ERROR_TEXT)
#undef FL_ERROR_TEXT
    default:
        return "unknown error";
    }
}

const char *fl_error_name(int error)
{
    switch (error) {
    case FL_OK:
        return "FL_OK";
#define FL_ERROR_NAME(name, value, text)                                                                     \
    case name:                                                                                               \
        return #name;
        FL_ERRORS(FL_ERROR_NAME)
#undef FL_ERROR_NAME
    default:
        return "FL_E?";
    }
}

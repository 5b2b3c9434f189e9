/* address.c - what an address says of itself. */
#include "host.h"

#include <string.h>

bool fl_address_is_loopback(const char *address)
{
    bool is_number = address[strspn(address, "0123456789.")] == ':'; /* 127.example.com may be anywhere. */
    return (is_number && strncmp(address, "127.", 4) == 0) || strncmp(address, "[::1]:", 6) == 0 ||
           strncmp(address, "localhost:", 10) == 0;
}

/* roster_fuzz.c - a configuration entry's body: what can be read can be written, and reads the same again. */
#include "host.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fl__roster roster, again;
    struct fl__buffer out = {0};
    uint8_t *copy = malloc(size ? size : 1);
    if (size > 0)
        memcpy(copy, data, size);
    if (fl__roster_decode(copy, size, 5, &roster) == FL_OK) {
        fl_assert(roster.count >= 1 && roster.count <= FL_MEMBERS_MAX && roster.index == 5);
        fl_assert(fl__roster_encode(&roster, &out) == FL_OK);
        fl_assert(fl__roster_decode(out.data, out.size, 5, &again) == FL_OK);
        fl_assert(again.count == roster.count);
        for (uint32_t k = 0; k < roster.count; k++)
            fl_assert(strcmp(again.members[k].name, roster.members[k].name) == 0 &&
                      strcmp(again.members[k].address, roster.members[k].address) == 0 &&
                      again.members[k].id == roster.members[k].id && again.kinds[k] == roster.kinds[k]);
    }
    fl__buffer_release(&out);
    free(copy);
    return 0;
}

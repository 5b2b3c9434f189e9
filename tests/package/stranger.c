/* stranger.c - a program outside of Fairlead's tree that uses a little of it. */
#include <fairlead/node.h>
#include <fairlead/sim.h>
#include <stdio.h>

int main(void)
{
    struct fl_node_options options;
    fl_node_options_init(&options);
    printf("%s, %llu ms\n", fl_error_text(FL_EUNKNOWN),
           (unsigned long long)options.election_timeout_us / 1000);
    return 0;
}

// stranger.cpp - the public headers in a C++ program.
#include <fairlead/io.h>
#include <fairlead/node.h>
#include <fairlead/raft.h>
#include <fairlead/sim.h>

#include <cstdio>

int main()
{
    fl_io *io = nullptr;
    fl_node_options options{};
    fl_node_options_init(&options);
    if (fl_io_uv_create(&io) != FL_OK)
        return 1;
    fl_io_uv_destroy(io);
    std::printf("%s, %llu ms\n", fl_error_text(FL_EUNKNOWN),
                static_cast<unsigned long long>(options.election_timeout_us / 1000));
    return 0;
}

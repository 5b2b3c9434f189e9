/* notify.c - tells the service manager how `serve` does: systemd's protocol of Type=notify.
 *
 * Ready is what /readyz means by it: the node knows a leader and has caught up. Until then the status says
 * what it waits for, and then its role. A look five times a second is enough. Built without libsystemd, or
 * started by something else than systemd, all of this does nothing. */
#include "cli.h"

#include <inttypes.h>
#include <string.h>

#ifdef FL_SYSTEMD
#include <systemd/sd-daemon.h>
#else
static int sd_notify(int unset_environment, const char *state)
{
    (void)unset_environment;
    (void)state;
    return 0;
}
#endif

#define LOOK_US 200000u

void fl__notify_status(const struct fl_node_status *status, char *out, size_t size)
{
    if (status->damaged)
        snprintf(out, size, "damaged: %s", status->damage);
    else if (!status->founded)
        snprintf(out, size, "waits for the founding members");
    else if (!status->has_leader)
        snprintf(out, size, "no leader in term %" PRIu64, status->term);
    else if (!status->ready)
        snprintf(out, size, "catching up: applied %" PRIu64 " of %" PRIu64, status->applied, status->commit);
    else
        snprintf(out, size, "%s in term %" PRIu64, status->role == FL_LEADER ? "leader" : "follower",
                 status->term);
}

static void on_look(struct fl_io_op *op);

static void look_later(struct fl__notify *notify)
{
    const struct fl_io_vtable *vtable = notify->io->vtable;
    notify->timer = (struct fl_io_op){.done = on_look, .owner = notify};
    vtable->timer(notify->io, &notify->timer, vtable->now(notify->io) + LOOK_US);
}

static void look(struct fl__notify *notify)
{
    struct fl_node_status status;
    char text[sizeof notify->said], message[sizeof text + 32];
    fl_node_status(fl_server_node(notify->server), &status);
    fl__notify_status(&status, text, sizeof text);
    bool is_ready = status.ready && !status.damaged;
    if (strcmp(text, notify->said) == 0 && is_ready <= notify->was_ready)
        return;
    snprintf(message, sizeof message, "%sSTATUS=%s", is_ready && !notify->was_ready ? "READY=1\n" : "", text);
    notify->was_ready = notify->was_ready || is_ready;
    memcpy(notify->said, text, sizeof text);
    sd_notify(0, message);
}

static void on_look(struct fl_io_op *op)
{
    struct fl__notify *notify = op->owner;
    if (notify->server == NULL) {
        notify->is_looking = false;
        fl_io_uv_stop(notify->io); /* Whoever closes the engine waits for this. */
        return;
    }
    look(notify);
    look_later(notify);
}

void fl__notify_start(struct fl__notify *notify, struct fl_io *io, struct fl_server *server)
{
    *notify = (struct fl__notify){.io = io, .server = server, .is_looking = true};
    look(notify);
    look_later(notify);
}

void fl__notify_stop(struct fl__notify *notify)
{
    notify->server = NULL;
    notify->io->vtable->cancel(notify->io, &notify->timer);
    sd_notify(0, "STOPPING=1\nSTATUS=stopping");
}

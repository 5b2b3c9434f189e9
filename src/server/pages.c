/* pages.c - the web port's pages for machines: what load balancers, Prometheus and scripts look at.
 *
 *   /help          what there is
 *   /livez         200 unless the server's thread has not moved for ten seconds. Never because of a lost
 *                  quorum: a restart would not bring it back.
 *   /readyz        200 if the node knows a leader and has caught up; ?verbose says why not
 *   /metrics       Prometheus' text
 *   /status.json   as FAIRLEAD STATUS */
#include "web.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STUCK_S 10

static void add(struct fl__page *page, const char *text)
{
    fl__reply_raw(&page->text, fl__bytes_of(text));
}

static void show_livez(const struct fl__published *latest, bool verbose, struct fl__page *page)
{
    double age = fl__web_now_s() - latest->moved_s;
    (void)verbose;
    if (age < STUCK_S) {
        add(page, "ok\n");
        return;
    }
    page->status = FL__HTTP_UNAVAILABLE;
    fl__reply_print(&page->text, "stuck: the server's thread has not moved for %.0f s\n", age);
}

static void add_check(struct fl__page *page, bool verbose, bool is_fine, const char *name, const char *why)
{
    if (!is_fine)
        page->status = FL__HTTP_UNAVAILABLE;
    if (verbose && is_fine)
        fl__reply_print(&page->text, "[+] %s ok\n", name);
    else if (verbose)
        fl__reply_print(&page->text, "[-] %s: %s\n", name, why);
}

static void show_readyz(const struct fl__published *latest, bool verbose, struct fl__page *page)
{
    const struct fl_node_status *node = &latest->snapshot.node;
    char behind[96];
    snprintf(behind, sizeof behind, "applied %llu of %llu committed", (unsigned long long)node->applied,
             (unsigned long long)node->commit);
    add_check(page, verbose, fl__web_now_s() - latest->moved_s < STUCK_S, "alive",
              "the server's thread does not move");
    add_check(page, verbose, node->founded, "founded", "not all founding members have met yet");
    add_check(page, verbose, node->has_leader, "leader", "none is known; see fairlead status");
    add_check(page, verbose, node->ready, "caught up", behind);
    add_check(page, verbose, !node->damaged, "undamaged", node->damage);
    if (page->status == FL__HTTP_OK)
        add(page, verbose ? "ready\n" : "ok\n");
    else
        add(page, verbose ? "not ready\n" : "not ready; /readyz?verbose says why\n");
}

static void show_metrics(const struct fl__published *latest, bool verbose, struct fl__page *page)
{
    (void)verbose;
    page->type = "text/plain; version=0.0.4; charset=utf-8";
    fl__metrics_write(&page->text, &latest->snapshot, latest->calls);
    fl__process_write(&page->text);
}

static void show_status(const struct fl__published *latest, bool verbose, struct fl__page *page)
{
    char *json = fl__snapshot_json(&latest->snapshot);
    (void)verbose;
    page->type = "application/json";
    if (json == NULL)
        page->text.failed = true;
    else
        add(page, json);
    add(page, "\n");
    free(json);
}

static void show_help(const struct fl__published *latest, bool verbose, struct fl__page *page)
{
    (void)latest;
    (void)verbose;
    add(page, "This is a node of a Fairlead cluster. It shows:\n"
              "  /             the cluster, live, for people\n"
              "  /learn        the same page as a playground: Raft to look at and to break\n"
              "  /status.json  the cluster as this node sees it\n"
              "  /metrics      the same and more as numbers, for Prometheus\n"
              "  /readyz       200 if the node serves, else 503; ?verbose says why\n"
              "  /livez        200 if its loop turns, else 503\n");
}

static const struct {
    const char *path;
    void (*show)(const struct fl__published *latest, bool verbose, struct fl__page *page);
} pages[] = {
    {"/help", show_help},       {"/livez", show_livez},        {"/readyz", show_readyz},
    {"/metrics", show_metrics}, {"/status.json", show_status},
};

void fl__page_say(struct fl__page *page, unsigned status, const char *text)
{
    page->status = status;
    fl__reply_raw(&page->text, fl__bytes_of(text));
}

bool fl__page_show(struct fl__board *board, const char *path, bool verbose, struct fl__page *page)
{
    for (size_t k = 0; k < sizeof pages / sizeof pages[0]; k++) {
        if (strcmp(path, pages[k].path) != 0)
            continue;
        struct fl__published *latest = fl__board_take(board);
        if (latest == NULL)
            page->text.failed = true;
        else
            pages[k].show(latest, verbose, page);
        free(latest);
        return true;
    }
    return false;
}

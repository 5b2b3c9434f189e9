/* list.c - circular doubly linked lists whose links lie within what they link. */
#include "server.h"

void fl__link_init(struct fl__link *link)
{
    link->next = link->previous = link;
}

bool fl__link_is_alone(const struct fl__link *link)
{
    return link->next == link;
}

void fl__link_remove(struct fl__link *link)
{
    link->next->previous = link->previous;
    link->previous->next = link->next;
    fl__link_init(link);
}

void fl__link_take_all(struct fl__link *from, struct fl__link *to)
{
    fl__link_init(to);
    while (!fl__link_is_alone(from)) {
        struct fl__link *link = from->next;
        fl__link_remove(link);
        fl__link_append(to, link);
    }
}

void fl__link_append(struct fl__link *head, struct fl__link *link)
{
    if (!fl__link_is_alone(link))
        return;
    link->previous = head->previous;
    link->next = head;
    head->previous->next = link;
    head->previous = link;
}

/* memory_image.c - what a disk in memory may hold after a loss of power.
 *
 * All changes that are not sure are put in the order in which they were made. Each has parts: a write has one
 * for each sector that it touches, any other change is one part. What survives is decided part by part; a
 * change that survives only in part is a torn write. Survivors are applied to a copy of the sure state, in
 * order, each skipping what was lost before it: so a rename survives without the creation that it followed,
 * as it may in a journal, but an old version of a sector never replaces a newer one. */
#include "memory.h"

#include <stdlib.h>
#include <string.h>

/* A change, the inode to which it was made, and which of its parts survive. */
struct item {
    struct fl__inode *inode;
    const struct fl__change *change;
};

/* How the parts of one change are chosen. */
struct choice {
    enum fl__survival what;
    uint64_t parts_left; /* FL__SURVIVES_PREFIX. */
    uint64_t random;     /* FL__SURVIVES_SOME. */
    uint64_t odds;       /* Of 8, that a part survives; one world is kinder than another. */
};

static uint64_t part_count(const struct fl__change *change)
{
    if (change->kind != FL__CHANGE_WRITE || !change->data)
        return 1;
    return (change->offset + change->size - 1) / FL__SECTOR_SIZE - change->offset / FL__SECTOR_SIZE + 1;
}

/* The bytes of a write that its parts [first, last) are, counted from the write's beginning. Zeros that were
 * written by allocating are one part. */
static void apply_parts(const struct fl__change *change, struct fl__bytes *bytes, uint64_t first,
                        uint64_t last)
{
    uint64_t begin = change->offset / FL__SECTOR_SIZE, end = change->offset + change->size;
    uint64_t from = (begin + first) * FL__SECTOR_SIZE, to = (begin + last) * FL__SECTOR_SIZE;
    if (from < change->offset)
        from = change->offset;
    if (to > end || last >= part_count(change))
        to = end;
    fl__change_apply_part(change, bytes, from - change->offset, to - change->offset);
}

static int compare_items(const void *left, const void *right)
{
    uint64_t a = ((const struct item *)left)->change->sequence,
             b = ((const struct item *)right)->change->sequence;
    return a < b ? -1 : a > b;
}

/* All unsure changes of the disk, oldest first. From malloc. */
static struct item *gather(const struct fl__disk *disk, size_t *count)
{
    size_t capacity = 0;
    *count = 0;
    for (struct fl__inode *inode = disk->inodes; inode; inode = inode->next)
        for (struct fl__change *change = inode->first_change; change; change = change->next)
            capacity++;
    struct item *items = fl__memory_take((capacity + 1) * sizeof *items);
    for (struct fl__inode *inode = disk->inodes; inode; inode = inode->next)
        for (struct fl__change *change = inode->first_change; change; change = change->next)
            items[(*count)++] = (struct item){.inode = inode, .change = change};
    qsort(items, *count, sizeof *items, compare_items);
    return items;
}

uint64_t fl__disk_unsure_parts(const struct fl__disk *disk)
{
    uint64_t parts = 0;
    for (struct fl__inode *inode = disk->inodes; inode; inode = inode->next)
        for (struct fl__change *change = inode->first_change; change; change = change->next)
            parts += part_count(change);
    return parts;
}

/* ------------------------------------------------------------------------------------------------ copying */

static void copy_bytes(const struct fl__bytes *from, struct fl__bytes *to)
{
    *to = (struct fl__bytes){.size = from->size, .capacity = from->size};
    if (from->size == 0)
        return;
    to->data = fl__memory_take(from->size);
    memcpy(to->data, from->data, from->size);
}

/* The sure state, as the sure state of a new inode. Names are copied once all inodes have their copies. */
static void copy_inode(struct fl__disk *disk, struct fl__inode *inode)
{
    inode->copy = fl__inode_hold(fl__inode_create(disk, inode->is_directory));
    copy_bytes(&inode->sure_bytes, &inode->copy->sure_bytes);
    if (inode->unreadable_count == 0)
        return;
    size_t size = inode->unreadable_count * sizeof *inode->unreadable;
    inode->copy->unreadable = fl__memory_take(size);
    inode->copy->unreadable_count = inode->unreadable_count;
    memcpy(inode->copy->unreadable, inode->unreadable, size);
}

static void copy_names(struct fl__inode *inode)
{
    for (size_t k = 0; k < inode->sure_names.count; k++) {
        const struct fl__name *name = &inode->sure_names.list[k];
        fl__names_put(&inode->copy->sure_names, name->name, name->inode->copy);
    }
}

/* What is sure is what readers see. */
static void begin_reading(struct fl__inode *inode)
{
    copy_bytes(&inode->sure_bytes, &inode->bytes);
    inode->disk->used += inode->bytes.size;
    for (size_t k = 0; k < inode->sure_names.count; k++)
        fl__names_put(&inode->names, inode->sure_names.list[k].name, inode->sure_names.list[k].inode);
}

/* ---------------------------------------------------------------------------------------------- surviving */

static void survive_in_sectors(const struct item *item, struct choice *choice)
{
    uint64_t count = part_count(item->change);
    for (uint64_t k = 0; k < count; k++)
        if (fl__memory_random(&choice->random) % 8 < choice->odds)
            apply_parts(item->change, &item->inode->copy->sure_bytes, k, k + 1);
}

static void survive_partly(const struct item *item, struct choice *choice, uint64_t first_parts)
{
    uint64_t count = part_count(item->change);
    struct fl__inode *copy = item->inode->copy;
    if (first_parts >= count)
        fl__change_apply(item->change, &copy->sure_bytes, &copy->sure_names,
                         item->change->inode ? item->change->inode->copy : NULL);
    else if (first_parts > 0)
        apply_parts(item->change, &copy->sure_bytes, 0, first_parts);
    choice->parts_left -= first_parts < choice->parts_left ? first_parts : choice->parts_left;
}

static void survive(const struct item *item, struct choice *choice)
{
    uint64_t count = part_count(item->change);
    uint64_t first_parts = 0; /* FL__SURVIVES_NONE. */
    if (choice->what == FL__SURVIVES_ALL)
        first_parts = count;
    else if (choice->what == FL__SURVIVES_PREFIX)
        first_parts = choice->parts_left < count ? choice->parts_left : count;
    if (choice->what != FL__SURVIVES_SOME) {
        survive_partly(item, choice, first_parts);
        return;
    }
    switch (count > 1 ? fl__memory_random(&choice->random) % 3 : 2) {
    case 0: /* Each sector for itself. */
        survive_in_sectors(item, choice);
        break;
    case 1: /* The first of them. */
        survive_partly(item, choice, fl__memory_draw(&choice->random, 0, count));
        break;
    default: /* All or nothing. */
        survive_partly(item, choice, fl__memory_random(&choice->random) % 8 < choice->odds ? count : 0);
    }
}

struct fl__disk *fl__disk_after_power_loss(struct fl__disk *disk, enum fl__survival what, uint64_t choice)
{
    static const uint64_t odds[] = {1, 4, 4, 7};
    struct choice chosen = {.what = what, .parts_left = choice, .random = choice};
    chosen.odds = odds[fl__memory_random(&chosen.random) % 4];
    struct fl__disk *found = fl__memory_take(sizeof *found);
    found->capacity = disk->capacity;
    found->sequence = disk->sequence;
    for (struct fl__inode *inode = disk->inodes; inode; inode = inode->next)
        copy_inode(found, inode);
    for (struct fl__inode *inode = disk->inodes; inode; inode = inode->next)
        copy_names(inode);

    size_t count;
    struct item *items = gather(disk, &count);
    for (size_t k = 0; k < count; k++)
        survive(&items[k], &chosen);
    free(items);

    /* From here on only names keep a file. */
    found->root = fl__inode_hold(disk->root->copy);
    for (struct fl__inode *inode = disk->inodes; inode; inode = inode->next)
        fl__inode_release(inode->copy);
    for (struct fl__inode *inode = found->inodes; inode; inode = inode->next)
        begin_reading(inode);
    return found;
}

/* ---------------------------------------------------------------------------------------- walking through */

/* Directories that are still to be visited. */
struct place {
    struct fl__inode *directory;
    char *path;
    struct place *next;
};

static struct place *push_place(struct place *first, struct fl__inode *directory, char *path)
{
    struct place *place = fl__memory_take(sizeof *place);
    *place = (struct place){.directory = directory, .path = path, .next = first};
    return place;
}

static char *join_path(const char *directory, const char *name)
{
    size_t directory_size = strlen(directory), name_size = strlen(name);
    char *path = fl__memory_take(directory_size + name_size + 2);
    memcpy(path, directory, directory_size);
    if (directory_size > 0)
        path[directory_size++] = '/';
    memcpy(path + directory_size, name, name_size + 1);
    return path;
}

void fl__disk_each(struct fl__disk *disk, void (*each)(void *context, const char *path), void *context)
{
    struct place *first = push_place(NULL, disk->root, fl__memory_copy_text(""));
    while (first) {
        struct place *place = first;
        first = place->next;
        for (size_t k = 0; k < place->directory->names.count; k++) {
            const struct fl__name *name = &place->directory->names.list[k];
            char *path = join_path(place->path, name->name);
            if (name->inode->is_directory) {
                first = push_place(first, name->inode, path);
                continue;
            }
            each(context, path);
            free(path);
        }
        free(place->path);
        free(place);
    }
}

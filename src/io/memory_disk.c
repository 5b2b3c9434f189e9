/* memory_disk.c - a disk in memory that keeps apart what is sure and what a loss of power may take.
 *
 * An inode is a file or a directory. It has two states: the current one, which readers see, and the sure one;
 * and a list of the changes that lead from one to the other, oldest first. A sync carries the changes over to
 * the sure state and empties the list. What a power failure leaves (memory_image.c) is the sure state and
 * some of the changes. Changes are numbered across the whole disk, so that "the first k changes" means
 * something.
 *
 * An inode lives while a name (current or sure), a change or an open file refers to it. */
#include "memory.h"

#include <stdlib.h>
#include <string.h>

/* --------------------------------------------------------------------------------------------- references */

struct fl__inode *fl__inode_create(struct fl__disk *disk, bool is_directory)
{
    struct fl__inode *inode = fl__memory_take(sizeof *inode);
    inode->disk = disk;
    inode->is_directory = is_directory;
    inode->next = disk->inodes;
    if (disk->inodes)
        disk->inodes->previous = inode;
    disk->inodes = inode;
    return inode;
}

static void free_change(struct fl__change *change)
{
    fl__inode_release(change->inode);
    free(change->data);
    free(change->name);
    free(change->other_name);
    free(change);
}

static void free_names(struct fl__names *names)
{
    for (size_t k = 0; k < names->count; k++) {
        free(names->list[k].name);
        fl__inode_release(names->list[k].inode);
    }
    free(names->list);
    *names = (struct fl__names){0};
}

static void free_changes(struct fl__inode *inode)
{
    struct fl__change *change = inode->first_change;
    inode->first_change = inode->last_change = NULL;
    while (change) {
        struct fl__change *next = change->next;
        free_change(change);
        change = next;
    }
}

static void unlink_inode(struct fl__inode *inode)
{
    if (inode->previous)
        inode->previous->next = inode->next;
    else
        inode->disk->inodes = inode->next;
    if (inode->next)
        inode->next->previous = inode->previous;
}

struct fl__inode *fl__inode_hold(struct fl__inode *inode)
{
    inode->references++;
    return inode;
}

void fl__inode_release(struct fl__inode *inode)
{
    if (!inode)
        return;
    fl_assert(inode->references > 0);
    if (--inode->references > 0)
        return;
    unlink_inode(inode);
    free_changes(inode);
    free_names(&inode->names);
    free_names(&inode->sure_names);
    inode->disk->used -= inode->bytes.size;
    free(inode->bytes.data);
    free(inode->sure_bytes.data);
    free(inode->unreadable);
    free(inode);
}

struct fl__disk *fl__disk_create(void)
{
    struct fl__disk *disk = fl__memory_take(sizeof *disk);
    disk->capacity = UINT64_MAX;
    disk->root = fl__inode_hold(fl__inode_create(disk, true));
    return disk;
}

void fl__disk_destroy(struct fl__disk *disk)
{
    if (!disk)
        return;
    fl__inode_release(disk->root);
    fl_assert(disk->inodes == NULL); /* Else an engine still has a file open. */
    free(disk);
}

void fl__disk_set_capacity(struct fl__disk *disk, uint64_t size)
{
    disk->capacity = size;
}

uint64_t fl__disk_used(const struct fl__disk *disk)
{
    return disk->used;
}

/* -------------------------------------------------------------------------------------------------- names */

static size_t find_name(const struct fl__names *names, const char *name)
{
    size_t k = 0;
    while (k < names->count && strcmp(names->list[k].name, name) != 0)
        k++;
    return k;
}

static void remove_name(struct fl__names *names, const char *name)
{
    size_t k = find_name(names, name);
    if (k == names->count)
        return;
    struct fl__name removed = names->list[k];
    memmove(&names->list[k], &names->list[k + 1], (--names->count - k) * sizeof *names->list);
    free(removed.name);
    fl__inode_release(removed.inode);
}

void fl__names_put(struct fl__names *names, const char *name, struct fl__inode *inode)
{
    fl__inode_hold(inode); /* First: the name may hold the last reference to it. */
    remove_name(names, name);
    if (names->count == names->capacity) {
        names->capacity = names->capacity ? 2 * names->capacity : 8;
        names->list = realloc(names->list, names->capacity * sizeof *names->list);
        if (!names->list)
            fl_panic(__FILE__, __LINE__, "out of memory");
    }
    names->list[names->count++] = (struct fl__name){.name = fl__memory_copy_text(name), .inode = inode};
}

enum { NAME_SIZE = 256 };

/* The next component of a path, and what is behind it; false at the end. Empty ones and "." do not count. */
static bool next_component(const char **path, char name[NAME_SIZE])
{
    for (;;) {
        while (**path == '/')
            (*path)++;
        size_t size = strcspn(*path, "/");
        if (size == 0)
            return false;
        const char *begin = *path;
        *path += size;
        if (size == 1 && *begin == '.')
            continue;
        fl_assert(size < NAME_SIZE);
        memcpy(name, begin, size);
        name[size] = '\0';
        return true;
    }
}

/* Finds the directory in which the path's last component is, or would be. NULL: there is none. The root has
 * the name "". */
static struct fl__inode *find_parent(struct fl__disk *disk, const char *path, char name[NAME_SIZE])
{
    struct fl__inode *parent = disk->root;
    char next[NAME_SIZE];
    name[0] = '\0';
    if (!next_component(&path, name))
        return parent;
    while (next_component(&path, next)) {
        size_t k = find_name(&parent->names, name);
        if (k == parent->names.count || !parent->names.list[k].inode->is_directory)
            return NULL;
        parent = parent->names.list[k].inode;
        memcpy(name, next, sizeof next);
    }
    return parent;
}

static struct fl__inode *find(struct fl__disk *disk, const char *path)
{
    char name[NAME_SIZE];
    struct fl__inode *parent = find_parent(disk, path, name);
    if (!parent || name[0] == '\0')
        return parent;
    size_t k = find_name(&parent->names, name);
    return k < parent->names.count ? parent->names.list[k].inode : NULL;
}

static struct fl__inode *find_file(struct fl__disk *disk, const char *path)
{
    struct fl__inode *inode = find(disk, path);
    return inode && !inode->is_directory ? inode : NULL;
}

/* -------------------------------------------------------------------------------------------------- bytes */

static void resize(struct fl__bytes *bytes, size_t size)
{
    if (size > bytes->capacity) {
        size_t capacity = bytes->capacity ? bytes->capacity : 256;
        while (capacity < size)
            capacity *= 2;
        bytes->data = realloc(bytes->data, capacity);
        if (!bytes->data)
            fl_panic(__FILE__, __LINE__, "out of memory");
        bytes->capacity = capacity;
    }
    if (size > bytes->size)
        memset(bytes->data + bytes->size, 0, size - bytes->size);
    bytes->size = size;
}

/* A file that was never written has bytes too, so that nobody meets NULL. */
static const uint8_t *bytes_of(const struct fl__bytes *bytes)
{
    static const uint8_t none[1];
    return bytes->data ? bytes->data : none;
}

static void put_bytes(struct fl__bytes *bytes, uint64_t offset, const uint8_t *data, size_t size)
{
    if (size == 0)
        return;
    if (bytes->size < offset + size)
        resize(bytes, (size_t)offset + size);
    if (data)
        memcpy(bytes->data + offset, data, size);
    else
        memset(bytes->data + offset, 0, size);
}

static void resize_file(struct fl__inode *inode, uint64_t size)
{
    inode->disk->used += size - inode->bytes.size; /* May wrap and come back: sizes shrink too. */
    resize(&inode->bytes, (size_t)size);
}

/* ------------------------------------------------------------------------------------------------ changes */

static struct fl__change *add_change(struct fl__inode *inode, enum fl__change_kind kind)
{
    struct fl__change *change = fl__memory_take(sizeof *change);
    change->kind = kind;
    change->sequence = ++inode->disk->sequence;
    if (inode->last_change)
        inode->last_change->next = change;
    else
        inode->first_change = change;
    inode->last_change = change;
    return change;
}

/* Carries bytes [from, to) of a write over, counted from the write's beginning. */
void fl__change_apply_part(const struct fl__change *change, struct fl__bytes *bytes, uint64_t from,
                           uint64_t to)
{
    if (from < to)
        put_bytes(bytes, change->offset + from, change->data ? change->data + from : NULL,
                  (size_t)(to - from));
}

void fl__change_apply(const struct fl__change *change, struct fl__bytes *bytes, struct fl__names *names,
                      struct fl__inode *inode)
{
    switch (change->kind) {
    case FL__CHANGE_WRITE:
        fl__change_apply_part(change, bytes, 0, change->size);
        break;
    case FL__CHANGE_TRUNCATE:
        resize(bytes, (size_t)change->size);
        break;
    case FL__CHANGE_PUT:
        fl__names_put(names, change->name, inode);
        break;
    case FL__CHANGE_RENAME:
        fl__names_put(names, change->other_name, inode);
        remove_name(names, change->name);
        break;
    case FL__CHANGE_REMOVE:
        remove_name(names, change->name);
        break;
    }
}

static void apply_now(struct fl__inode *inode, const struct fl__change *change)
{
    fl__change_apply(change, &inode->bytes, &inode->names, change->inode);
}

static void make_sure(struct fl__inode *inode)
{
    for (struct fl__change *change = inode->first_change; change; change = change->next)
        fl__change_apply(change, &inode->sure_bytes, &inode->sure_names, change->inode);
    free_changes(inode);
}

static void change_name(struct fl__inode *directory, enum fl__change_kind kind, const char *name,
                        const char *other_name, struct fl__inode *inode)
{
    struct fl__change *change = add_change(directory, kind);
    change->name = fl__memory_copy_text(name);
    if (other_name)
        change->other_name = fl__memory_copy_text(other_name);
    if (inode)
        change->inode = fl__inode_hold(inode);
    apply_now(directory, change);
}

/* ----------------------------------------------------------------------------------------- calls on files */

int64_t fl__disk_open(struct fl__disk *disk, const char *path, int flags, struct fl__inode **out)
{
    char name[NAME_SIZE];
    struct fl__inode *parent = find_parent(disk, path, name);
    struct fl__inode *inode = find(disk, path);
    *out = NULL;
    if (!parent)
        return FL_ENOENT;
    if (inode && inode->is_directory)
        return FL_EINVAL;
    if (inode && (flags & FL_IO_CREATE) && (flags & FL_IO_EXCLUSIVE))
        return FL_EEXIST;
    if (!inode && !(flags & FL_IO_CREATE))
        return FL_ENOENT;
    if (!inode) {
        inode = fl__inode_create(disk, false);
        change_name(parent, FL__CHANGE_PUT, name, NULL, inode);
    }
    *out = fl__inode_hold(inode);
    return (int64_t)inode->bytes.size;
}

bool fl__disk_lock(struct fl__inode *inode)
{
    bool was_free = !inode->is_locked;
    inode->is_locked = true;
    return was_free;
}

void fl__disk_unlock(struct fl__inode *inode)
{
    inode->is_locked = false;
}

int64_t fl__disk_read(struct fl__inode *inode, void *data, size_t size, uint64_t offset)
{
    if (offset >= inode->bytes.size || size == 0)
        return 0;
    if (size > inode->bytes.size - offset)
        size = (size_t)(inode->bytes.size - offset);
    for (size_t k = 0; k < inode->unreadable_count; k++)
        if (offset < inode->unreadable[k].end && inode->unreadable[k].begin < offset + size)
            return FL_EIO;
    memcpy(data, bytes_of(&inode->bytes) + offset, size);
    return (int64_t)size;
}

/* What of [offset, offset + size) the disk has room for. */
static size_t room_for(const struct fl__inode *inode, uint64_t offset, size_t size)
{
    const struct fl__disk *disk = inode->disk;
    uint64_t left = disk->used < disk->capacity ? disk->capacity - disk->used : 0;
    uint64_t end_max = left > UINT64_MAX / 2 ? UINT64_MAX / 2 : inode->bytes.size + left;
    if (offset >= end_max)
        return 0;
    return size > end_max - offset ? (size_t)(end_max - offset) : size;
}

static void heal(struct fl__inode *inode, uint64_t begin, uint64_t end)
{
    for (size_t k = 0; k < inode->unreadable_count;)
        if (begin <= inode->unreadable[k].begin && inode->unreadable[k].end <= end)
            inode->unreadable[k] = inode->unreadable[--inode->unreadable_count];
        else
            k++;
}

/* NULL data: zeros. */
static void add_write(struct fl__inode *inode, const void *data, size_t size, uint64_t offset)
{
    struct fl__change *change = add_change(inode, FL__CHANGE_WRITE);
    change->offset = offset;
    change->size = size;
    if (data) {
        change->data = fl__memory_take(size);
        memcpy(change->data, data, size);
    }
    if (offset + size > inode->bytes.size)
        resize_file(inode, offset + size);
    apply_now(inode, change);
    heal(inode, offset, offset + size);
}

int64_t fl__disk_write(struct fl__inode *inode, const void *data, size_t size, uint64_t offset)
{
    size_t fits = room_for(inode, offset, size);
    if (fits > 0)
        add_write(inode, data, fits, offset);
    return fits < size ? FL_ENOSPC : (int64_t)size;
}

int64_t fl__disk_allocate(struct fl__inode *inode, uint64_t size)
{
    if (size <= inode->bytes.size)
        return 0;
    size_t missing = (size_t)(size - inode->bytes.size);
    size_t fits = room_for(inode, inode->bytes.size, missing);
    if (fits > 0)
        add_write(inode, NULL, fits, inode->bytes.size);
    return fits < missing ? FL_ENOSPC : 0;
}

int64_t fl__disk_truncate(struct fl__inode *inode, uint64_t size)
{
    if (size > inode->bytes.size &&
        room_for(inode, inode->bytes.size, (size_t)(size - inode->bytes.size)) < size - inode->bytes.size)
        return FL_ENOSPC;
    struct fl__change *change = add_change(inode, FL__CHANGE_TRUNCATE);
    change->size = size;
    resize_file(inode, size);
    return 0;
}

void fl__disk_sync(struct fl__inode *inode)
{
    make_sure(inode);
}

void fl__disk_fail_sync(struct fl__inode *inode, uint64_t *random, bool reverts)
{
    for (struct fl__change *change = inode->first_change; change; change = change->next)
        if (fl__memory_random(random) % 2)
            fl__change_apply(change, &inode->sure_bytes, &inode->sure_names, change->inode);
    free_changes(inode);
    if (!reverts)
        return;
    resize_file(inode, inode->sure_bytes.size);
    put_bytes(&inode->bytes, 0, bytes_of(&inode->sure_bytes), inode->sure_bytes.size);
}

/* ----------------------------------------------------------------------------------- calls on directories */

static struct fl__inode *find_directory(struct fl__disk *disk, const char *path)
{
    struct fl__inode *inode = find(disk, path);
    return inode && inode->is_directory ? inode : NULL;
}

int64_t fl__disk_sync_directory(struct fl__disk *disk, const char *path)
{
    struct fl__inode *directory = find_directory(disk, path);
    if (!directory)
        return FL_ENOENT;
    make_sure(directory);
    return 0;
}

int64_t fl__disk_rename(struct fl__disk *disk, const char *from, const char *to)
{
    char from_name[NAME_SIZE], to_name[NAME_SIZE];
    struct fl__inode *from_parent = find_parent(disk, from, from_name);
    struct fl__inode *to_parent = find_parent(disk, to, to_name);
    struct fl__inode *inode = find(disk, from), *target = find(disk, to);
    if (!from_parent || !to_parent || !inode)
        return FL_ENOENT;
    if (inode == target)
        return 0;
    /* Directories move only where nothing stands in the way, and within their parent: no cycles. */
    bool is_plain = !inode->is_directory && !(target && target->is_directory);
    if (from_name[0] == '\0' || to_name[0] == '\0' || (!is_plain && (target || from_parent != to_parent)))
        return FL_EINVAL;
    if (from_parent == to_parent) {
        change_name(from_parent, FL__CHANGE_RENAME, from_name, to_name, inode);
        return 0;
    }
    fl__inode_hold(inode); /* Each directory has its own change: power may fail between them. */
    change_name(to_parent, FL__CHANGE_PUT, to_name, NULL, inode);
    change_name(from_parent, FL__CHANGE_REMOVE, from_name, NULL, NULL);
    fl__inode_release(inode);
    return 0;
}

int64_t fl__disk_unlink(struct fl__disk *disk, const char *path)
{
    char name[NAME_SIZE];
    struct fl__inode *parent = find_parent(disk, path, name);
    struct fl__inode *inode = find(disk, path);
    if (!parent || !inode)
        return FL_ENOENT;
    if (inode->is_directory)
        return FL_EIO;
    change_name(parent, FL__CHANGE_REMOVE, name, NULL, NULL);
    return 0;
}

int64_t fl__disk_make_directory(struct fl__disk *disk, const char *path)
{
    char name[NAME_SIZE];
    struct fl__inode *parent = find_parent(disk, path, name);
    if (!parent)
        return FL_ENOENT;
    if (find(disk, path))
        return FL_EEXIST;
    change_name(parent, FL__CHANGE_PUT, name, NULL, fl__inode_create(disk, true));
    return 0;
}

int64_t fl__disk_list(struct fl__disk *disk, const char *path, void (*each)(void *context, const char *name),
                      void *context)
{
    struct fl__inode *directory = find_directory(disk, path);
    if (!directory)
        return FL_ENOENT;
    for (size_t k = 0; k < directory->names.count; k++)
        each(context, directory->names.list[k].name);
    return 0;
}

/* --------------------------------------------------------------------------------------------- for a test */

const uint8_t *fl__disk_bytes(struct fl__disk *disk, const char *path, size_t *size)
{
    struct fl__inode *inode = find_file(disk, path);
    *size = inode ? inode->bytes.size : 0;
    return inode ? bytes_of(&inode->bytes) : NULL;
}

void fl__disk_flip(struct fl__disk *disk, const char *path, uint64_t offset, uint8_t mask)
{
    struct fl__inode *inode = find_file(disk, path);
    fl_assert(inode && offset < inode->bytes.size);
    inode->bytes.data[offset] ^= mask;
    if (offset < inode->sure_bytes.size)
        inode->sure_bytes.data[offset] ^= mask;
}

void fl__disk_overwrite(struct fl__disk *disk, const char *path, uint64_t offset, const void *data,
                        size_t size)
{
    char name[NAME_SIZE];
    struct fl__inode *parent = find_parent(disk, path, name), *inode = find_file(disk, path);
    fl_assert(parent);
    if (!inode) {
        inode = fl__inode_create(disk, false);
        fl__names_put(&parent->names, name, inode);
        fl__names_put(&parent->sure_names, name, inode);
    }
    if (offset + size > inode->bytes.size)
        resize_file(inode, offset + size);
    put_bytes(&inode->bytes, offset, data, size);
    put_bytes(&inode->sure_bytes, offset, data, size);
}

void fl__disk_cut(struct fl__disk *disk, const char *path, uint64_t size)
{
    struct fl__inode *inode = find_file(disk, path);
    fl_assert(inode && size <= inode->bytes.size);
    resize_file(inode, size);
    if (size < inode->sure_bytes.size)
        resize(&inode->sure_bytes, (size_t)size);
}

void fl__disk_lose(struct fl__disk *disk, const char *path)
{
    char directory[NAME_SIZE] = "";
    const char *slash = strrchr(path, '/');
    fl_assert(!slash || slash - path < NAME_SIZE);
    if (slash)
        memcpy(directory, path, (size_t)(slash - path));
    int64_t result = fl__disk_unlink(disk, path);
    if (result == 0)
        result = fl__disk_sync_directory(disk, directory);
    fl_assert(result == 0);
}

void fl__disk_set_unreadable(struct fl__disk *disk, const char *path, uint64_t offset, uint64_t size)
{
    struct fl__inode *inode = find_file(disk, path);
    fl_assert(inode && size > 0);
    inode->unreadable = realloc(inode->unreadable, (inode->unreadable_count + 1) * sizeof *inode->unreadable);
    if (!inode->unreadable)
        fl_panic(__FILE__, __LINE__, "out of memory");
    inode->unreadable[inode->unreadable_count++] = (struct fl__range){.begin = offset, .end = offset + size};
}

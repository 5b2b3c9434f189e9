/* files.c - the files of the web page, which the program carries within itself.
 *
 * The build gathers them (CMakeLists.txt): what is in web/, the lessons of docs/learn as web/learn/, and the
 * core for WebAssembly as web/core.wasm, if this machine could build it; each as it is, and through gzip. */
#include "web.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

const struct fl__file *fl__file_find(const char *path)
{
    for (const struct fl__file *file = fl__files; file->path != NULL; file++)
        if (strcmp(file->path, path) == 0)
            return file;
    return NULL;
}

const char *fl_web_file(const char *path, size_t *size)
{
    const struct fl__file *file = fl__file_find(path);
    *size = file != NULL ? (size_t)(file->end - file->data) : 0;
    return file != NULL ? file->data : NULL;
}

const char *fl__file_type(const struct fl__file *file)
{
    static const struct {
        const char *ending, *type;
    } types[] = {
        {".html", "text/html; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".json", "application/json"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".ico", "image/x-icon"},
        {".wasm", "application/wasm"},
        {".md", "text/markdown; charset=utf-8"},
    };
    const char *ending = strrchr(file->path, '.');
    for (size_t k = 0; ending != NULL && k < sizeof types / sizeof types[0]; k++)
        if (strcmp(ending, types[k].ending) == 0)
            return types[k].type;
    return "text/plain; charset=utf-8";
}

uint64_t fl__file_hash(const struct fl__file *file)
{
    return XXH3_64bits(file->data, (size_t)(file->end - file->data));
}

/* SPDX-License-Identifier: MIT
 * pack.c - a folder through the file system, anything else through libarchive. */
#include "io/pack.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>

#include "io/growing.h"
#include "io/path.h"

enum { PIECE = 1 << 16 };

/* What is passed over is unpacked too: an archive is read so far, ten times the official ones. */
static const int64_t unpacked_most = (int64_t)2 << 30;

static um_status archive_fail(um_ctx *ctx, const char *path, struct archive *a)
{
    const char *why = archive_error_string(a);
    return um_fail(ctx, UM_BAD_FILE, "%s: %s", path, why ? why : "damaged archive");
}

/* A reader of tar archives, plain or packed by gzip, once: each packing around another would
 * multiply what a byte may become by a thousand. NULL with a failure in *status. */
static struct archive *archive_open(um_ctx *ctx, const char *path, um_status *status)
{
    *status = UM_OK;
    if (!um_path_is_file(path)) {
        *status = um_fail(ctx, UM_BAD_FILE, "%s: is no file", path);
        return NULL;
    }
    struct archive *a = archive_read_new();
    if (!a) {
        *status = um_fail(ctx, UM_NO_MEMORY, "%s: no memory to unpack it", path);
        return NULL;
    }
    archive_read_support_filter_gzip(a);
    archive_read_support_format_tar(a);
    if (archive_read_open_filename(a, path, PIECE) != ARCHIVE_OK)
        *status = archive_fail(ctx, path, a);
    else if (archive_filter_count(a) > 2) /* gzip, and the file itself */
        *status = um_fail(ctx, UM_BAD_FILE, "%s: is packed more than once", path);
    else
        return a;
    archive_read_free(a);
    return NULL;
}

/* The next entry in *entry, NULL behind the last. */
static um_status next_entry(um_ctx *ctx, const char *path, struct archive *a,
                            struct archive_entry **entry)
{
    const int code = archive_read_next_header(a, entry);
    if (code == ARCHIVE_EOF) {
        *entry = NULL;
        return UM_OK;
    }
    if (code < ARCHIVE_WARN) return archive_fail(ctx, path, a);
    const int64_t read = archive_filter_bytes(a, 0), size = archive_entry_size(*entry);
    if (read > unpacked_most - size)
        return um_fail(ctx, UM_BAD_FILE, "%s: unpacks to more than %lld bytes", path,
                       (long long)unpacked_most);
    return UM_OK;
}

/* Which of the names is the last part of the entry's path? -1: none, or no regular file that is
 * whole in the archive (the holes of a sparse one would come from nothing). */
static int matched(struct archive_entry *entry, const char *const *names, int count)
{
    const char *path = archive_entry_pathname(entry);
    if (!path || archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) ||
        archive_entry_sparse_count(entry) > 0)
        return -1;
    const char *slash = strrchr(path, '/'), *last = slash ? slash + 1 : path;
    for (int i = 0; i < count; i++)
        if (strcmp(last, names[i]) == 0) return i;
    return -1;
}

/* The bytes of the current entry, trusting no size that the archive states. */
static um_status read_entry(um_ctx *ctx, const char *path, struct archive *a, size_t most,
                            um_bytes *out)
{
    size_t room = 0;
    for (;;) {
        UM_TRY(um_growing_reserve(ctx, path, out, &room, PIECE, most));
        const la_ssize_t n = archive_read_data(a, out->data + out->size, PIECE);
        if (n < 0) return archive_fail(ctx, path, a);
        if (n == 0) return UM_OK;
        out->size += (size_t)n;
    }
}

static um_status read_archive(um_ctx *ctx, const char *path, const char *const *names, int count,
                              size_t most, um_bytes *out)
{
    um_status status;
    struct archive *a = archive_open(ctx, path, &status);
    struct archive_entry *entry;
    int left = count;
    while (status == UM_OK && left > 0) {
        status = next_entry(ctx, path, a, &entry);
        if (status != UM_OK || !entry) break;
        const int i = matched(entry, names, count);
        if (i < 0 || out[i].data) continue;
        status = read_entry(ctx, path, a, most, &out[i]);
        most -= UM_MIN(most, out[i].size);
        left--;
    }
    archive_read_free(a);
    return status;
}

static um_status read_folder(um_ctx *ctx, const char *path, const char *const *names, int count,
                             size_t most, um_bytes *out)
{
    um_status status = UM_OK;
    for (int i = 0; i < count && status == UM_OK; i++) {
        char *file = NULL;
        status = um_path_join(ctx, &file, path, names[i]);
        if (status == UM_OK && um_path_exists(file))
            status = um_file_read(ctx, file, most, &out[i]);
        most -= UM_MIN(most, out[i].size);
        um_free(ctx, file);
    }
    return status;
}

um_status um_pack_read(um_ctx *ctx, const char *path, const char *const *names, int count,
                       size_t most, um_bytes *out)
{
    for (int i = 0; i < count; i++) out[i] = (um_bytes){ 0 };
    const um_status status = um_path_is_folder(path)
                                 ? read_folder(ctx, path, names, count, most, out)
                                 : read_archive(ctx, path, names, count, most, out);
    for (int i = 0; i < count && status != UM_OK; i++) {
        um_free(ctx, out[i].data);
        out[i] = (um_bytes){ 0 };
    }
    return status;
}

um_status um_pack_has(um_ctx *ctx, const char *path, const char *const *names, int count, bool *has)
{
    *has = false;
    if (um_path_is_folder(path)) {
        for (int i = 0; i < count && !*has; i++) {
            char *file;
            UM_TRY(um_path_join(ctx, &file, path, names[i]));
            *has = um_path_is_file(file);
            um_free(ctx, file);
        }
        return UM_OK;
    }
    um_status status;
    struct archive *a = archive_open(ctx, path, &status);
    struct archive_entry *entry;
    while (status == UM_OK && !*has) {
        status = next_entry(ctx, path, a, &entry);
        if (status != UM_OK || !entry) break;
        *has = matched(entry, names, count) >= 0;
    }
    archive_read_free(a);
    return status == UM_NO_MEMORY ? status : UM_OK;
}

/* SPDX-License-Identifier: MIT
 * file.c - reading whole files; writing beside, flushing, renaming. */
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/beside.h"

enum { BUFFER = 1 << 16 };

um_status um_file_read_at(um_ctx *ctx, const char *path, int fd, void *out, size_t size,
                          uint64_t offset)
{
    for (size_t done = 0; done < size;) {
        const ssize_t n = pread(fd, (char *)out + done, size - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return um_fail(ctx, UM_BAD_FILE, "%s: %s", path, strerror(errno));
        if (n == 0) return um_fail(ctx, UM_BAD_FILE, "%s: ends too early", path);
        done += (size_t)n;
    }
    return UM_OK;
}

um_status um_file_read(um_ctx *ctx, const char *path, size_t most, um_bytes *out)
{
    *out = (um_bytes){ 0 };
    struct stat info;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not hang us */
    if (fd < 0) return um_fail(ctx, UM_BAD_FILE, "%s: %s", path, strerror(errno));
    um_status status = UM_OK;
    if (fstat(fd, &info) != 0)
        status = um_fail(ctx, UM_BAD_FILE, "%s: %s", path, strerror(errno));
    else if (!S_ISREG(info.st_mode))
        status = um_fail(ctx, UM_BAD_FILE, "%s: is no regular file", path);
    else if ((uintmax_t)info.st_size > most)
        status = um_fail(ctx, UM_BAD_FILE, "%s: %jd bytes (at most %zu are read)", path,
                         (intmax_t)info.st_size, most);
    um_bytes all = { 0 };
    if (status == UM_OK) {
        all.size = (size_t)info.st_size;
        status = um_alloc(ctx, &all.data, all.size + 1, 1, path);
    }
    if (status == UM_OK) status = um_file_read_at(ctx, path, fd, all.data, all.size, 0);
    close(fd);
    if (status == UM_OK)
        *out = all;
    else
        um_free(ctx, all.data);
    return status;
}

static void writer_fail(um_writer *w, int reason)
{
    w->status = um_fail(w->ctx, UM_IO, "%s: %s", w->path, strerror(reason));
}

void um_writer_open(um_writer *w, um_ctx *ctx, const char *path)
{
    *w = (um_writer){ .ctx = ctx, .fd = -1 };
    w->status = um_strdup(ctx, &w->path, path);
    if (w->status == UM_OK) w->status = um_alloc(ctx, &w->buffer, BUFFER, 1, "a file buffer");
    if (w->status != UM_OK) return;
    struct stat info;
    if (path[0] == '\0' || path[strlen(path) - 1] == '/') {
        writer_fail(w, path[0] ? EISDIR : ENOENT);
        return;
    }
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
        writer_fail(w, EISDIR);
        return;
    }
    do { /* only a name that a killed process left behind is taken */
        um_free(ctx, w->temp);
        w->temp = NULL;
        w->status = um_beside_name(ctx, &w->temp, path);
        if (w->status != UM_OK) return;
        w->fd = open(w->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    } while (w->fd < 0 && errno == EEXIST);
    if (w->fd < 0) writer_fail(w, errno);
}

static void write_all(um_writer *w, const uint8_t *data, size_t size)
{
    while (size > 0) {
        const ssize_t n = write(w->fd, data, size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            writer_fail(w, errno);
            return;
        }
        data += n;
        size -= (size_t)n;
    }
}

static void drain(um_writer *w)
{
    write_all(w, w->buffer, w->used);
    w->used = 0;
}

void um_writer_put(um_writer *w, const void *data, size_t size)
{
    if (w->status != UM_OK || size == 0) return;
    if (size > BUFFER - w->used) drain(w);
    if (w->status == UM_OK && size > BUFFER) {
        write_all(w, data, size);
    } else if (w->status == UM_OK) {
        memcpy(w->buffer + w->used, data, size);
        w->used += size;
    }
}

/* The kept mode of a file that is replaced; a new one has what the umask gave it. */
static void keep_mode(const um_writer *w)
{
    struct stat info;
    if (stat(w->path, &info) == 0 && fchmod(w->fd, info.st_mode & 07777) != 0)
        um_log(w->ctx, UM_LOG_WARNING, "%s: mode not kept: %s", w->path, strerror(errno));
}

um_status um_writer_commit(um_writer *w)
{
    if (w->status == UM_OK) drain(w);
    if (w->status == UM_OK) keep_mode(w);
    if (w->status == UM_OK && fsync(w->fd) != 0) writer_fail(w, errno);
    if (w->status == UM_OK) {
        const int fd = w->fd;
        w->fd = -1;
        if (close(fd) != 0) writer_fail(w, errno);
    }
    if (w->status == UM_OK && rename(w->temp, w->path) != 0) writer_fail(w, errno);
    if (w->status == UM_OK) {
        um_free(w->ctx, w->temp); /* it has its own name now: nothing to remove */
        w->temp = NULL;
        w->status = um_beside_flush_parent(w->ctx, w->path);
    }
    const um_status status = w->status;
    um_writer_abandon(w);
    return status;
}

void um_writer_abandon(um_writer *w)
{
    if (!w->ctx) return;
    if (w->fd >= 0) {
        close(w->fd);
        unlink(w->temp);
    } else if (w->temp && w->status != UM_OK) {
        unlink(w->temp);
    }
    um_free(w->ctx, w->temp);
    um_free(w->ctx, w->path);
    um_free(w->ctx, w->buffer);
    *w = (um_writer){ 0 };
}

um_status um_file_write(um_ctx *ctx, const char *path, const void *data, size_t size)
{
    um_writer w;
    um_writer_open(&w, ctx, path);
    um_writer_put(&w, data, size);
    return um_writer_commit(&w);
}

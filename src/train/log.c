/* SPDX-License-Identifier: MIT
 * log.c - comma-separated values, as spreadsheets and pandas read them. */
#include "train/log.h"

#include "io/file.h"
#include "io/path.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOG_MAX = 1 << 30 };

#define COLUMNS "step,images,loss,grad_norm,lr,images_per_second,seconds,"                    \
                "validation,validation_q1,validation_q2,validation_q3,validation_q4"

static const char plain_header[] = COLUMNS "\n",
                  with_accuracies[] = COLUMNS ",accuracy,accuracy_at_0\n";

/* Where the row that begins at `line` ends, NULL where it is no whole one; its step. */
static const char *row_end(const char *line, int64_t *step)
{
    char *comma;
    const char *end = strchr(line, '\n');
    *step = strtoll(line, &comma, 10);
    return end && *comma == ',' ? end + 1 : NULL;
}

/* Bytes of `text` up to and with the last whole row whose step is at most `step`; *last: its own
 * step, if there is such a row. */
static size_t kept_bytes(const char *text, size_t header, int64_t step, int64_t *last)
{
    const char *line = text + header;
    int64_t number;
    for (const char *end; (end = row_end(line, &number)) && number <= step; line = end)
        *last = number;
    return (size_t)(line - text);
}

/* The file with the header and the rows to be kept. */
static um_status write_kept(um_log_file *log, int64_t step, const char *header)
{
    um_ctx *ctx = log->ctx;
    const char *path = log->path;
    const size_t bytes = strlen(header);
    log->bytes = (int64_t)bytes;
    if (!um_path_is_file(path)) return um_file_write(ctx, path, header, bytes);
    um_bytes old;
    UM_TRY(um_file_read(ctx, path, LOG_MAX, &old));
    um_status status;
    if (old.size < bytes || memcmp(old.data, header, bytes) != 0) {
        status = um_fail(ctx, UM_BAD_FILE,
                         "%s: not a log of this program (its first line should be \"%.30s...\")",
                         path, header);
    } else {
        const size_t kept = kept_bytes((const char *)old.data, bytes, step, &log->begun);
        status = um_file_write(ctx, path, old.data, kept);
        log->bytes = (int64_t)kept;
    }
    um_free(ctx, old.data);
    return status;
}

um_status um_log_begin(um_log_file *log, um_ctx *ctx, const char *path, int64_t step,
                       bool accuracies)
{
    *log = (um_log_file){ .ctx = ctx, .waiting.ctx = ctx };
    UM_TRY(um_strdup(ctx, &log->path, path));
    return write_kept(log, step, accuracies ? with_accuracies : plain_header);
}

um_status um_log_restore(um_log_file *log, const char *rows)
{
    int64_t step;
    for (const char *end; (end = row_end(rows, &step)); rows = end)
        if (step > log->begun) um_text_add(&log->waiting, "%.*s", (int)(end - rows), rows);
    return log->waiting.status;
}

void um_log_free(um_log_file *log)
{
    if (!log->ctx) return;
    um_free(log->ctx, log->path);
    um_text_free(&log->waiting);
    *log = (um_log_file){ 0 };
}

/* The row as text, with decimal points whatever the caller's locale. */
static void print_row(char *text, size_t size, const um_log_row *row)
{
    const locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    const locale_t before = uselocale(c);
    int n = snprintf(text, size, "%lld,%lld,%.9g,%.9g,%.9g,%.6g,%.3f", (long long)row->step,
                     (long long)row->images, row->loss, row->grad_norm, row->lr,
                     row->images_per_second, row->seconds);
    const um_validation *v = &row->validation;
    if (v->done)
        n += snprintf(text + n, size - (size_t)n, ",%.9g,%.9g,%.9g,%.9g,%.9g", v->loss,
                      v->quarter[0], v->quarter[1], v->quarter[2], v->quarter[3]);
    else
        n += snprintf(text + n, size - (size_t)n, ",,,,,");
    if (row->accuracies && v->done)
        n += snprintf(text + n, size - (size_t)n, ",%.9g,%.9g", v->accuracy, v->accuracy_at_0);
    else if (row->accuracies)
        n += snprintf(text + n, size - (size_t)n, ",,");
    snprintf(text + n, size - (size_t)n, "\n");
    uselocale(before);
    freelocale(c);
}

static um_status io_fail(const um_log_file *log, int reason)
{
    return um_fail(log->ctx, UM_IO, "%s: %s", log->path, strerror(reason));
}

/* What waits goes to where the whole rows end: over what an earlier try left of it. */
static um_status write_waiting(um_log_file *log, int fd)
{
    um_text *rows = &log->waiting;
    const off_t end = lseek(fd, 0, SEEK_END);
    if (end < 0) return io_fail(log, errno);
    log->bytes = UM_MIN(log->bytes, end); /* someone has emptied the file: no hole in it */
    for (size_t done = 0; done < rows->n;) {
        const ssize_t n = pwrite(fd, rows->data + done, rows->n - done, log->bytes + (off_t)done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return io_fail(log, n ? errno : ENOSPC);
        done += (size_t)n;
    }
    log->bytes += (int64_t)rows->n;
    rows->n = 0;
    return UM_OK;
}

static um_status write_out(um_log_file *log, bool to_disk)
{
    UM_TRY(log->waiting.status);
    const int fd = open(log->path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return io_fail(log, errno);
    um_status status = write_waiting(log, fd);
    if (status == UM_OK && to_disk && fsync(fd) != 0) status = io_fail(log, errno);
    close(fd);
    return status;
}

um_status um_log_append(um_log_file *log, const um_log_row *row)
{
    char text[512];
    print_row(text, sizeof text, row);
    um_text_add(&log->waiting, "%s", text);
    return write_out(log, false);
}

um_status um_log_cut(um_log_file *log, int64_t step)
{
    um_text *rows = &log->waiting;
    int64_t last;
    um_bytes file;
    UM_TRY(um_file_read(log->ctx, log->path, LOG_MAX, &file));
    const char *text = (const char *)file.data, *end = strchr(text, '\n');
    const size_t header = end ? (size_t)(end + 1 - text) : file.size;
    log->bytes = UM_MIN(log->bytes, (int64_t)kept_bytes(text, header, step, &last));
    um_free(log->ctx, file.data);
    if (rows->n) {
        rows->n = kept_bytes(rows->data, 0, step, &last);
        rows->data[rows->n] = 0;
    }
    return truncate(log->path, (off_t)log->bytes) == 0 ? UM_OK : io_fail(log, errno);
}

um_status um_log_flush(um_log_file *log) { return write_out(log, true); }

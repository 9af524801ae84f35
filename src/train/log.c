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

/* Bytes of `text` up to and with the last whole row whose step is at most `step`. */
static size_t kept_bytes(const char *text, size_t header, int64_t step)
{
    const char *line = text + header;
    for (const char *end; (end = strchr(line, '\n')); line = end + 1) {
        char *comma;
        const long long number = strtoll(line, &comma, 10);
        if (*comma != ',' || number > step) break;
    }
    return (size_t)(line - text);
}

um_status um_log_begin(um_ctx *ctx, const char *path, int64_t step, bool accuracies)
{
    const char *header = accuracies ? with_accuracies : plain_header;
    const size_t bytes = strlen(header);
    if (!um_path_is_file(path)) return um_file_write(ctx, path, header, bytes);
    um_bytes old;
    UM_TRY(um_file_read(ctx, path, LOG_MAX, &old));
    um_status status;
    if (old.size < bytes || memcmp(old.data, header, bytes) != 0)
        status = um_fail(ctx, UM_BAD_FILE,
                         "%s: not a log of this program (its first line should be \"%.30s...\")",
                         path, header);
    else
        status = um_file_write(ctx, path, old.data,
                               kept_bytes((const char *)old.data, bytes, step));
    um_free(ctx, old.data);
    return status;
}

/* The row as text, with decimal points whatever the caller's locale; gives its length. */
static int print_row(char *text, size_t size, const um_log_row *row)
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
    n += snprintf(text + n, size - (size_t)n, "\n");
    uselocale(before);
    freelocale(c);
    return n;
}

um_status um_log_append(um_ctx *ctx, const char *path, const um_log_row *row)
{
    char text[512];
    const int n = print_row(text, sizeof text, row);
    const int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0) return um_fail(ctx, UM_IO, "%s: %s", path, strerror(errno));
    errno = ENOSPC; /* where write says no more than that it was cut short */
    const bool written = write(fd, text, (size_t)n) == n;
    const int error = errno;
    close(fd);
    return written ? UM_OK : um_fail(ctx, UM_IO, "%s: %s", path, strerror(error));
}

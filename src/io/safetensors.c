/* SPDX-License-Identifier: MIT
 * safetensors.c - the header: reading it, distrusting it, finding tensors in it. */
#include "io/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/file.h"
#include "io/json.h"
#include "io/pickle.h"

enum { HEADER_MOST = 100000000 /* the reference's */, NAME_MOST = 4096 };

static const struct {
    const char *name;
    size_t bytes;
} types[] = {
#define X(name, bytes) { #name, bytes },
    UM_STORED_MAP(X)
#undef X
};

const char *um_stored_type_name(um_stored_type type)
{
    return (unsigned)type < UM_STORED_TYPES ? types[type].name : "?";
}

/* Fail with "PATH: what is wrong". */
static um_status UM_PRINTF(2, 3) bad(const um_safetensors *st, const char *format, ...)
{
    char what[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return um_fail(st->ctx, UM_BAD_FILE, "%s: %s", st->path, what);
}

static um_status read_type(const um_safetensors *st, um_stored *t, const json_t *entry)
{
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    if (!dtype) return bad(st, "tensor '%s' has no dtype", t->name);
    for (int i = 0; i < UM_STORED_TYPES; i++)
        if (strcmp(dtype, types[i].name) == 0) {
            t->type = (um_stored_type)i;
            return UM_OK;
        }
    return bad(st, "tensor '%s' has dtype %.32s (F32, F16, BF16, F64, I64 and other plain types "
               "are read)", t->name, dtype);
}

/* rank, shape, count and bytes, with no product that overflows. */
static um_status read_shape(const um_safetensors *st, um_stored *t, const json_t *entry)
{
    const json_t *shape = json_object_get(entry, "shape");
    if (!json_is_array(shape)) return bad(st, "tensor '%s' has no shape", t->name);
    const size_t rank = json_array_size(shape);
    if (rank > UM_STORED_RANK)
        return bad(st, "tensor '%s' has %zu dimensions (at most %d)", t->name, rank,
                   (int)UM_STORED_RANK);
    uint64_t product = 1;
    t->rank = (int)rank;
    for (size_t i = 0; i < rank; i++) {
        const json_t *side = json_array_get(shape, i);
        if (!json_is_integer(side) || json_integer_value(side) < 0)
            return bad(st, "tensor '%s': a shape is made of whole numbers from 0 on", t->name);
        t->shape[i] = json_integer_value(side);
        if (__builtin_mul_overflow(product, (uint64_t)t->shape[i], &product))
            return bad(st, "tensor '%s': its shape is too large", t->name);
    }
    uint64_t bytes;
    if (__builtin_mul_overflow(product, types[t->type].bytes, &bytes) || bytes > SIZE_MAX / 2)
        return bad(st, "tensor '%s': its shape is too large", t->name);
    t->count = (size_t)product;
    t->bytes = (size_t)bytes;
    return UM_OK;
}

/* data_offsets, which must span exactly the bytes of the shape. */
static um_status read_offsets(const um_safetensors *st, um_stored *t, const json_t *entry,
                              uint64_t body)
{
    const json_t *pair = json_object_get(entry, "data_offsets");
    const json_t *first = json_array_get(pair, 0), *last = json_array_get(pair, 1);
    if (json_array_size(pair) != 2 || !json_is_integer(first) || !json_is_integer(last))
        return bad(st, "tensor '%s': data_offsets should be two whole numbers", t->name);
    const json_int_t from = json_integer_value(first), to = json_integer_value(last);
    if (from < 0 || to < from || (uint64_t)to > body)
        return bad(st,
                   "tensor '%s': bytes %lld to %lld lie outside of the file (its data has %llu)",
                   t->name, (long long)from, (long long)to, (unsigned long long)body);
    if ((uint64_t)(to - from) != t->bytes)
        return bad(st, "tensor '%s': %lld bytes, but its shape in %s needs %zu", t->name,
                   (long long)(to - from), types[t->type].name, t->bytes);
    t->begin = (uint64_t)from;
    return UM_OK;
}

static um_status read_tensor(um_safetensors *st, um_stored *t, const char *name,
                             const json_t *entry, uint64_t body)
{
    if (strlen(name) > NAME_MOST)
        return bad(st, "a tensor's name is longer than %d", (int)NAME_MOST);
    if (!json_is_object(entry)) return bad(st, "tensor '%s' should be an object", name);
    t->name = name;
    t->path = st->path;
    t->fd = st->fd;
    UM_TRY(read_type(st, t, entry));
    UM_TRY(read_shape(st, t, entry));
    return read_offsets(st, t, entry, body);
}

static um_status check_metadata(const um_safetensors *st, json_t *metadata)
{
    const char *key;
    json_t *value;
    if (!json_is_object(metadata)) return bad(st, "__metadata__ should be an object of texts");
    json_object_foreach(metadata, key, value)
        if (!json_is_string(value)) return bad(st, "__metadata__ '%.64s' should be a text", key);
    return UM_OK;
}

static int by_place(const void *a, const void *b)
{
    const um_stored *s = a, *t = b;
    if (s->begin != t->begin) return s->begin < t->begin ? -1 : 1;
    return s->bytes < t->bytes ? -1 : s->bytes > t->bytes;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const um_stored *)a)->name, ((const um_stored *)b)->name);
}

/* One after the other from the first byte to the last: no hole, no overlap, nothing behind. */
static um_status check_places(um_safetensors *st, uint64_t body)
{
    uint64_t end = 0;
    if (st->count > 1) qsort(st->tensors, (size_t)st->count, sizeof *st->tensors, by_place);
    for (int i = 0; i < st->count; i++) {
        const um_stored *t = &st->tensors[i];
        if (t->begin != end)
            return bad(st, "tensor '%s' %s the tensor before it", t->name,
                       t->begin < end ? "overlaps" : "leaves a hole behind");
        end += t->bytes;
    }
    if (end != body)
        return bad(st, "%llu bytes of data, but its tensors have %llu", (unsigned long long)body,
                   (unsigned long long)end);
    return UM_OK;
}

static um_status read_entries(um_safetensors *st, uint64_t start, uint64_t body)
{
    const size_t entries = json_object_size(st->header);
    st->tensors = um_arena_take(&st->arena, entries * sizeof *st->tensors);
    if (!st->tensors) return st->arena.status;
    const char *name;
    json_t *entry;
    json_object_foreach(st->header, name, entry) {
        if (strcmp(name, "__metadata__") == 0)
            UM_TRY(check_metadata(st, entry));
        else
            UM_TRY(read_tensor(st, &st->tensors[st->count++], name, entry, body));
    }
    UM_TRY(check_places(st, body));
    for (int i = 0; i < st->count; i++) st->tensors[i].begin += start;
    if (st->count > 1) qsort(st->tensors, (size_t)st->count, sizeof *st->tensors, by_name);
    return UM_OK;
}

static um_status read_header(um_safetensors *st, uint64_t size)
{
    uint8_t head[8];
    uint64_t length = 0;
    json_error_t error;
    if (size < 8) return bad(st, "%llu bytes are no safetensors file", (unsigned long long)size);
    UM_TRY(um_file_read_at(st->ctx, st->path, st->fd, head, 8, 0));
    for (int i = 0; i < 8; i++) length |= (uint64_t)head[i] << 8 * i;
    const bool fits = length <= HEADER_MOST && length <= size - 8;
    if (!fits && um_pickle_begins(head, sizeof head)) return um_pickle_refuse(st->ctx, st->path);
    if (!fits)
        return bad(st, "its header of %llu bytes does not fit (no safetensors file, or cut)",
                   (unsigned long long)length);
    char *text;
    UM_TRY(um_alloc(st->ctx, &text, length + 1, 1, "a safetensors header"));
    um_status status = um_file_read_at(st->ctx, st->path, st->fd, text, length, 8);
    if (status == UM_OK && text[0] != '{') status = bad(st, "its header does not begin with '{'");
    if (status == UM_OK) {
        st->header = um_json_values(st->ctx, text, length, &error);
        if (!st->header && !error.text[0])
            status = um_fail(st->ctx, UM_NO_MEMORY, "%s: no memory for its header", st->path);
        else if (!st->header) status = bad(st, "header: %s", error.text);
    }
    um_free(st->ctx, text);
    return status == UM_OK ? read_entries(st, 8 + length, size - 8 - length) : status;
}

um_status um_safetensors_open(um_safetensors *st, um_ctx *ctx, const char *path)
{
    struct stat info;
    *st = (um_safetensors){ .ctx = ctx, .arena.ctx = ctx };
    st->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not hang us */
    if (st->fd < 0) {
        *st = (um_safetensors){ 0 };
        return um_fail(ctx, UM_BAD_FILE, "%s: %s", path, strerror(errno));
    }
    um_status status = UM_OK;
    char *copy = um_arena_take(&st->arena, strlen(path) + 1);
    if (!copy)
        status = st->arena.status;
    else if (st->path = strcpy(copy, path), fstat(st->fd, &info) != 0)
        status = bad(st, "%s", strerror(errno));
    else if (!S_ISREG(info.st_mode))
        status = bad(st, "is no regular file");
    else
        status = read_header(st, (uint64_t)info.st_size);
    if (status != UM_OK) um_safetensors_close(st);
    return status;
}

void um_safetensors_close(um_safetensors *st)
{
    if (!st->ctx) return;
    json_decref(st->header);
    close(st->fd);
    um_arena_free(&st->arena);
    *st = (um_safetensors){ 0 };
}

const um_stored *um_safetensors_find(const um_safetensors *st, const char *name)
{
    const um_stored key = { .name = name };
    return st->count ? bsearch(&key, st->tensors, (size_t)st->count, sizeof key, by_name) : NULL;
}

um_status um_safetensors_get(const um_safetensors *st, const char *name, const um_stored **out)
{
    *out = um_safetensors_find(st, name);
    return *out ? UM_OK : bad(st, "tensor '%s' is missing", name);
}

const char *um_safetensors_metadata(const um_safetensors *st, const char *key)
{
    return json_string_value(json_object_get(json_object_get(st->header, "__metadata__"), key));
}

bool um_stored_has_shape(const um_stored *s, int rank, const int64_t *shape)
{
    if (s->rank != rank) return false;
    for (int i = 0; i < rank; i++)
        if (s->shape[i] != shape[i]) return false;
    return true;
}

/* SPDX-License-Identifier: MIT
 * safetensors_write.c - header and bytes in the reference's order: wide types first, then by
 * name. */
#include "io/safetensors_write.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/file.h"
#include "io/half.h"

/* One tensor to be written; the values stay the caller's until then. */
struct um_tensor_out {
    struct um_tensor_out *next;
    const char *name;
    um_stored_type type; /* in the file */
    int rank;
    int64_t shape[UM_STORED_RANK];
    size_t count, size; /* values, and bytes of one in the file */
    const void *values;
};

void um_tensors_begin(um_tensors_out *w, um_ctx *ctx)
{
    *w = (um_tensors_out){ .ctx = ctx, .arena.ctx = ctx };
    w->metadata = json_object();
    if (!w->metadata) w->status = um_fail(ctx, UM_NO_MEMORY, "no memory for metadata");
}

void um_tensors_text(um_tensors_out *w, const char *key, const char *value)
{
    if (w->status != UM_OK) return;
    if (!um_text_is_utf8(key) || !um_text_is_utf8(value))
        w->status = um_fail(w->ctx, UM_BAD_ARG, "metadata '%s' should be UTF-8 text", key);
    else if (json_object_set_new(w->metadata, key, json_string(value)) != 0)
        w->status = um_fail(w->ctx, UM_NO_MEMORY, "no memory for metadata '%s'", key);
}

static void add(um_tensors_out *w, const char *name, um_stored_type type, size_t size, int rank,
                const int64_t *shape, const void *values)
{
    if (w->status != UM_OK) return;
    if (rank < 0 || rank > UM_STORED_RANK) {
        w->status = um_fail(w->ctx, UM_BAD_ARG, "tensor '%s': %d dimensions (at most %d)", name,
                            rank, (int)UM_STORED_RANK);
        return;
    }
    struct um_tensor_out *t = um_arena_take(&w->arena, sizeof *t);
    char *copy = um_arena_take(&w->arena, strlen(name) + 1);
    w->status = w->arena.status;
    if (!t || !copy) return;
    *t = (struct um_tensor_out){ .next = w->tensors, .name = strcpy(copy, name), .type = type,
                                 .rank = rank, .count = 1, .size = size, .values = values };
    for (int i = 0; i < rank; i++) {
        t->shape[i] = shape[i];
        if (shape[i] < 0 || __builtin_mul_overflow(t->count, (size_t)shape[i], &t->count) ||
            t->count > SIZE_MAX / 16)
            w->status = um_fail(w->ctx, UM_BAD_ARG, "tensor '%s': its shape is no shape", name);
        if (w->status != UM_OK) return;
    }
    w->tensors = t;
    w->count++;
}

void um_tensors_floats(um_tensors_out *w, const char *name, um_stored_type type, int rank,
                       const int64_t *shape, const float *values)
{
    const bool half = type == UM_STORED_F16 || type == UM_STORED_BF16;
    if (w->status == UM_OK && type != UM_STORED_F32 && !half)
        w->status =
            um_fail(w->ctx, UM_BAD_ARG, "tensor '%s': %s cannot be written (F32, F16 or BF16)",
                    name, um_stored_type_name(type));
    add(w, name, type, half ? 2 : 4, rank, shape, values);
}

void um_tensors_doubles(um_tensors_out *w, const char *name, int rank, const int64_t *shape,
                        const double *values)
{
    add(w, name, UM_STORED_F64, 8, rank, shape, values);
}

void um_tensors_ints(um_tensors_out *w, const char *name, int rank, const int64_t *shape,
                     const int64_t *values)
{
    add(w, name, UM_STORED_I64, 8, rank, shape, values);
}

static int by_order(const void *a, const void *b)
{
    const struct um_tensor_out *s = *(struct um_tensor_out *const *)a;
    const struct um_tensor_out *t = *(struct um_tensor_out *const *)b;
    return s->type != t->type ? (s->type > t->type ? -1 : 1) : strcmp(s->name, t->name);
}

/* {"dtype":..., "shape":[...], "data_offsets":[from, to]} */
static json_t *entry_of(const struct um_tensor_out *t, uint64_t from)
{
    json_t *shape = json_array();
    int failed = !shape;
    for (int i = 0; i < t->rank && !failed; i++)
        failed = json_array_append_new(shape, json_integer(t->shape[i])) != 0;
    if (failed) {
        json_decref(shape);
        return NULL;
    }
    const uint64_t to = from + t->count * t->size;
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", um_stored_type_name(t->type), "shape", shape,
                     "data_offsets", (json_int_t)from, (json_int_t)to);
}

/* The header's text (um_free it), or NULL and w's failure. */
static char *header_text(um_tensors_out *w, struct um_tensor_out *const *order)
{
    json_t *header = json_object();
    int failed = !header;
    uint64_t at = 0;
    if (!failed && json_object_size(w->metadata) > 0)
        failed = json_object_set(header, "__metadata__", w->metadata) != 0;
    for (int i = 0; i < w->count && !failed; i++) {
        const struct um_tensor_out *t = order[i];
        if (json_object_get(header, t->name)) {
            w->status = um_fail(w->ctx, UM_BAD_ARG, "tensor '%s' is given twice", t->name);
            break;
        }
        failed = json_object_set_new(header, t->name, entry_of(t, at)) != 0;
        at += t->count * t->size;
    }
    char *text = NULL;
    const size_t length = failed ? 0 : json_dumpb(header, NULL, 0, JSON_COMPACT);
    if (length > 0 && w->status == UM_OK)
        w->status = um_alloc(w->ctx, &text, length + 1, 1, "a safetensors header");
    if (w->status == UM_OK && /* to dump takes memory, each time */
        (length == 0 || json_dumpb(header, text, length, JSON_COMPACT) != length)) {
        w->status = um_fail(w->ctx, UM_NO_MEMORY, "no memory for a safetensors header");
        um_free(w->ctx, text);
        text = NULL;
    }
    json_decref(header);
    return text;
}

/* Values as the file holds them. */
static void put_values(um_writer *out, const struct um_tensor_out *t)
{
    enum { PIECE = 4096 };
    uint16_t half[PIECE];
    const float *x = t->values;
    if (t->size != 2) {
        um_writer_put(out, t->values, t->count * t->size);
        return;
    }
    for (size_t first = 0; first < t->count; first += PIECE) {
        const size_t n = UM_MIN((size_t)PIECE, t->count - first);
        for (size_t i = 0; i < n; i++)
            half[i] = t->type == UM_STORED_F16 ? um_f16_from_float(x[first + i])
                                               : um_bf16_from_float(x[first + i]);
        um_writer_put(out, half, 2 * n);
    }
}

static void write_file(um_tensors_out *w, const char *path, struct um_tensor_out *const *order,
                       const char *text)
{
    um_writer out;
    const size_t length = strlen(text), padded = (length + 7) / 8 * 8; /* data begins at 8 k */
    uint8_t head[8];
    for (int i = 0; i < 8; i++) head[i] = (uint8_t)((uint64_t)padded >> 8 * i);
    um_writer_open(&out, w->ctx, path);
    um_writer_put(&out, head, 8);
    um_writer_put(&out, text, length);
    um_writer_put(&out, "       ", padded - length);
    for (int i = 0; i < w->count; i++) put_values(&out, order[i]);
    w->status = um_writer_commit(&out);
}

um_status um_tensors_commit(um_tensors_out *w, const char *path)
{
    struct um_tensor_out **order = NULL;
    if (w->status == UM_OK)
        w->status = um_alloc(w->ctx, &order, (size_t)w->count, sizeof *order, "a list of tensors");
    if (w->status == UM_OK) {
        int n = 0;
        for (struct um_tensor_out *t = w->tensors; t; t = t->next) order[n++] = t;
        if (n > 1) qsort(order, (size_t)n, sizeof *order, by_order);
        char *text = header_text(w, order);
        if (text) write_file(w, path, order, text);
        um_free(w->ctx, text);
        um_free(w->ctx, order);
    }
    const um_status status = w->status;
    um_tensors_abandon(w);
    return status;
}

void um_tensors_abandon(um_tensors_out *w)
{
    if (!w->ctx) return;
    json_decref(w->metadata);
    um_arena_free(&w->arena);
    *w = (um_tensors_out){ 0 };
}

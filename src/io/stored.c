/* SPDX-License-Identifier: MIT
 * stored.c - a stored tensor's values, read piece by piece and converted. */
#include <math.h>
#include <string.h>

#include "io/file.h"
#include "io/half.h"
#include "io/safetensors.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "files hold little-endian numbers");

enum { PIECE = 1 << 13 }; /* bytes read at a time, a multiple of every type's size */

/* Value i of bytes in one type: exact as a double for all but wide whole numbers. */
static double double_at(um_stored_type type, const uint8_t *bytes, size_t i)
{
#define AT(c_type)                                        \
    c_type v;                                             \
    memcpy(&v, bytes + i * sizeof v, sizeof v)
    switch (type) {
    case UM_STORED_BOOL: return bytes[i] != 0;
    case UM_STORED_U8: return bytes[i];
    case UM_STORED_I8: return (int8_t)bytes[i];
    case UM_STORED_I16: { AT(int16_t); return v; }
    case UM_STORED_U16: { AT(uint16_t); return v; }
    case UM_STORED_F16: { AT(uint16_t); return (double)um_f16_to_float(v); }
    case UM_STORED_BF16: { AT(uint16_t); return (double)um_bf16_to_float(v); }
    case UM_STORED_I32: { AT(int32_t); return v; }
    case UM_STORED_U32: { AT(uint32_t); return v; }
    case UM_STORED_F32: { AT(float); return (double)v; }
    case UM_STORED_F64: { AT(double); return v; }
    case UM_STORED_I64: { AT(int64_t); return (double)v; }
    case UM_STORED_U64: { AT(uint64_t); return (double)v; }
    case UM_STORED_TYPES: break;
    }
#undef AT
    return 0.0;
}

/* Where a piece of values goes: values first .. first + n - 1 of the tensor. */
typedef um_status take_fn(um_ctx *ctx, const um_stored *s, const uint8_t *bytes, size_t first,
                          size_t n, void *out);

static um_status check_count(um_ctx *ctx, const um_stored *s, size_t count)
{
    if (count == s->count) return UM_OK;
    return um_fail(ctx, UM_BAD_FILE, "%s: tensor '%s' holds %zu values (%zu are expected)", s->path,
                   s->name, s->count, count);
}

static um_status each_piece(um_ctx *ctx, const um_stored *s, take_fn *take, void *out)
{
    uint8_t bytes[PIECE];
    const size_t size = s->count ? s->bytes / s->count : 1, most = PIECE / size;
    for (size_t first = 0; first < s->count; first += most) {
        const size_t n = UM_MIN(most, s->count - first);
        UM_TRY(um_file_read_at(ctx, s->path, s->fd, bytes, n * size, s->begin + first * size));
        UM_TRY(take(ctx, s, bytes, first, n, out));
    }
    return UM_OK;
}

static um_status take_floats(um_ctx *ctx, const um_stored *s, const uint8_t *bytes, size_t first,
                             size_t n, void *out)
{
    (void)ctx;
    for (size_t i = 0; i < n; i++) ((float *)out)[first + i] = (float)double_at(s->type, bytes, i);
    return UM_OK;
}

static um_status take_doubles(um_ctx *ctx, const um_stored *s, const uint8_t *bytes, size_t first,
                              size_t n, void *out)
{
    (void)ctx;
    for (size_t i = 0; i < n; i++) ((double *)out)[first + i] = double_at(s->type, bytes, i);
    return UM_OK;
}

static um_status take_ints(um_ctx *ctx, const um_stored *s, const uint8_t *bytes, size_t first,
                           size_t n, void *out)
{
    const bool wide = s->type == UM_STORED_I64 || s->type == UM_STORED_U64;
    const bool real = s->type == UM_STORED_F16 || s->type == UM_STORED_BF16 ||
                      s->type == UM_STORED_F32 || s->type == UM_STORED_F64;
    for (size_t i = 0; i < n; i++) {
        int64_t v;
        if (wide) {
            memcpy(&v, bytes + i * sizeof v, sizeof v);
            if (s->type == UM_STORED_U64 && v < 0)
                return um_fail(ctx, UM_BAD_FILE, "%s: tensor '%s': value %zu is too large", s->path,
                               s->name, first + i);
        } else {
            const double d = double_at(s->type, bytes, i);
            if (real && (!(fabs(d) <= 9007199254740992.0) || d != floor(d)))
                return um_fail(ctx, UM_BAD_FILE, "%s: tensor '%s': value %zu is %g (whole numbers "
                               "are expected)", s->path, s->name, first + i, d);
            v = (int64_t)d;
        }
        ((int64_t *)out)[first + i] = v;
    }
    return UM_OK;
}

um_status um_stored_floats(um_ctx *ctx, const um_stored *s, float *out, size_t count)
{
    um_status status = check_count(ctx, s, count);
    if (status == UM_OK && s->type == UM_STORED_F32) /* as it is */
        status = um_file_read_at(ctx, s->path, s->fd, out, s->bytes, s->begin);
    else if (status == UM_OK)
        status = each_piece(ctx, s, take_floats, out);
    if (status != UM_OK) memset(out, 0, count * sizeof *out);
    return status;
}

um_status um_stored_weights(um_ctx *ctx, const um_stored *s, float *out, size_t count)
{
    size_t sound = 0;
    UM_TRY(um_stored_floats(ctx, s, out, count));
    while (sound < count && isfinite(out[sound])) sound++;
    if (sound == count) return UM_OK;
    const double bad = (double)out[sound];
    memset(out, 0, count * sizeof *out);
    return um_fail(ctx, UM_BAD_FILE,
                   "%s: tensor '%s': value %zu is %s (weights are finite; those of a training that "
                   "went bad are of no use, an earlier checkpoint may be)", s->path, s->name, sound,
                   isnan(bad) ? "not a number" : "infinite");
}

um_status um_stored_doubles(um_ctx *ctx, const um_stored *s, double *out, size_t count)
{
    um_status status = check_count(ctx, s, count);
    if (status == UM_OK) status = each_piece(ctx, s, take_doubles, out);
    if (status != UM_OK) memset(out, 0, count * sizeof *out);
    return status;
}

um_status um_stored_ints(um_ctx *ctx, const um_stored *s, int64_t *out, size_t count)
{
    um_status status = check_count(ctx, s, count);
    if (status == UM_OK) status = each_piece(ctx, s, take_ints, out);
    if (status != UM_OK) memset(out, 0, count * sizeof *out);
    return status;
}

/* SPDX-License-Identifier: MIT
 * emulated.h - instruction sets that this machine may lack, so that their sources are tested
 * everywhere. Put in front of a fast source by the compiler's -include; vectors of 64 bytes are
 * split by the compiler, and the few intrinsics that the sources use become the functions here,
 * which do what Intel's manual (SDM, volume 2) says of the instructions.
 *
 *     EMULATE_DOT     AVX512_BF16 as well as AVX-512
 *     EMULATE_TILES   AMX-TILE and AMX-BF16 besides */
#ifndef UM_EMULATED_H
#define UM_EMULATED_H

#if defined __x86_64__
#pragma GCC diagnostic ignored "-Wpsabi"
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define UM_VW 16

typedef float emulated_f __attribute__((vector_size(64)));
typedef uint32_t emulated_u __attribute__((vector_size(64)));

static inline __m512 emulated_fmadd(__m512 a, __m512 b, __m512 c)
{
    for (int i = 0; i < 16; i++) c[i] = __builtin_fmaf(a[i], b[i], c[i]);
    return c;
}
static inline __m512 emulated_sqrt(__m512 x)
{
    for (int i = 0; i < 16; i++) x[i] = __builtin_sqrtf(x[i]);
    return x;
}
#undef _mm512_fmadd_ps
#undef _mm512_sqrt_ps
#define _mm512_fmadd_ps emulated_fmadd
#define _mm512_sqrt_ps emulated_sqrt

/* Denormals count as zeros of their sign. */
static inline emulated_f emulated_flushed(emulated_f x)
{
    const emulated_u bits = (emulated_u)x, small = (emulated_u)((bits & 0x7fffffff) < 0x00800000);
    return (emulated_f)(bits & ~(small & 0x7fffffff));
}

/* sum + a b for numbers that are bf16: their product is exact, so one rounding, as of an FMA */
static inline emulated_f emulated_multiply_add(emulated_f a, emulated_f b, emulated_f sum)
{
    return emulated_flushed(emulated_flushed(a) * emulated_flushed(b) + emulated_flushed(sum));
}

#if defined EMULATE_DOT
#define __AVX512BF16__ 1

static inline emulated_f emulated_odd_of(emulated_u pairs)
{
    return (emulated_f)(pairs & 0xffff0000);
}
static inline emulated_f emulated_even_of(emulated_u pairs)
{
    return (emulated_f)(pairs << 16);
}

/* VDPBF16PS */
static inline __m512 emulated_dpbf16(__m512 sum, __m512bh a, __m512bh b)
{
    const emulated_u x = (emulated_u)a, y = (emulated_u)b;
    const emulated_f odd = emulated_multiply_add(emulated_odd_of(x), emulated_odd_of(y), (emulated_f)sum);
    return (__m512)emulated_multiply_add(emulated_even_of(x), emulated_even_of(y), odd);
}

/* VCVTNEPS2BF16 */
static inline __m256bh emulated_cvtneps(__m512 x)
{
    const emulated_u bits = (emulated_u)emulated_flushed((emulated_f)x), even = bits >> 16 & 1;
    const emulated_u nan = (emulated_u)(x != x);
    const emulated_u rounded = (nan & (bits | 0x400000)) | (~nan & (bits + even + 0x7fff));
    uint16_t out[16];
    __m256bh result;
    for (int i = 0; i < 16; i++) out[i] = (uint16_t)(rounded[i] >> 16);
    memcpy(&result, out, sizeof result);
    return result;
}
#undef _mm512_dpbf16_ps
#undef _mm512_cvtneps_pbh
#define _mm512_dpbf16_ps emulated_dpbf16
#define _mm512_cvtneps_pbh emulated_cvtneps
#endif

#if defined EMULATE_TILES
#define UM_TILES

/* The state of a thread: the bytes and rows of each tile; what the instructions refuse, traps. */
typedef struct emulated_tile {
    int rows, bytes;
    emulated_u row[16];
} emulated_tile;

static _Thread_local emulated_tile emulated_tiles[8];

static inline emulated_tile *emulated_use(int t)
{
    if (emulated_tiles[t].rows == 0) __builtin_trap();
    return &emulated_tiles[t];
}

static inline void emulated_release(void)
{
    memset(emulated_tiles, 0, sizeof emulated_tiles);
}

/* LDTILECFG */
static inline void emulated_loadconfig(const void *config)
{
    const uint8_t *c = config;
    emulated_release();
    if (c[0] != 1 || c[1] != 0) __builtin_trap();
    for (int t = 0; t < 8; t++) {
        emulated_tiles[t].bytes = c[16 + 2 * t] | c[17 + 2 * t] << 8;
        emulated_tiles[t].rows = c[48 + t];
        if (emulated_tiles[t].bytes > 64 || emulated_tiles[t].rows > 16 || !emulated_tiles[t].bytes != !emulated_tiles[t].rows)
            __builtin_trap();
    }
}

static inline void emulated_zero(int t)
{
    memset(emulated_use(t)->row, 0, sizeof emulated_tiles[t].row);
}

/* TILELOADD */
static inline void emulated_loadd(int t, const void *base, ptrdiff_t stride)
{
    emulated_tile *to = emulated_use(t);
    memset(to->row, 0, sizeof to->row);
    for (int i = 0; i < to->rows; i++)
        memcpy(&to->row[i], (const char *)base + i * stride, (size_t)to->bytes);
}

/* TILESTORED */
static inline void emulated_stored(int t, void *base, ptrdiff_t stride)
{
    const emulated_tile *from = emulated_use(t);
    for (int i = 0; i < from->rows; i++)
        memcpy((char *)base + i * stride, &from->row[i], (size_t)from->bytes);
}

/* TDPBF16PS: even and odd numbers are summed apart, then both added to C. */
static inline void emulated_tdpbf16ps(int to, int left, int right)
{
    emulated_tile *c = emulated_use(to), *a = emulated_use(left), *b = emulated_use(right);
    if (a->rows != c->rows || b->bytes != c->bytes || a->bytes != 4 * b->rows) __builtin_trap();
    for (int m = 0; m < c->rows; m++) {
        emulated_f even = { 0 }, odd = { 0 };
        for (int k = 0; k < b->rows; k++) {
            const emulated_u x = a->row[m][k] - (emulated_u){ 0 };
            even = emulated_multiply_add(emulated_even_of(x), emulated_even_of(b->row[k]), even);
            odd = emulated_multiply_add(emulated_odd_of(x), emulated_odd_of(b->row[k]), odd);
        }
        c->row[m] = (emulated_u)emulated_flushed((emulated_f)c->row[m] + emulated_flushed(even + odd));
    }
}
#undef _tile_loadconfig
#undef _tile_zero
#undef _tile_loadd
#undef _tile_stored
#undef _tile_dpbf16ps
#undef _tile_release
#define _tile_loadconfig emulated_loadconfig
#define _tile_zero emulated_zero
#define _tile_loadd emulated_loadd
#define _tile_stored emulated_stored
#define _tile_dpbf16ps emulated_tdpbf16ps
#define _tile_release emulated_release
#endif

#endif
#endif

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

typedef float em_f __attribute__((vector_size(64)));
typedef uint32_t em_u __attribute__((vector_size(64)));

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
static inline __m512 emulated_max(__m512 a, __m512 b)
{
    for (int i = 0; i < 16; i++) a[i] = a[i] > b[i] ? a[i] : b[i];
    return a;
}
static inline __m512 emulated_min(__m512 a, __m512 b)
{
    for (int i = 0; i < 16; i++) a[i] = a[i] < b[i] ? a[i] : b[i];
    return a;
}
#undef _mm512_fmadd_ps
#undef _mm512_sqrt_ps
#undef _mm512_max_ps
#undef _mm512_min_ps
#define _mm512_fmadd_ps emulated_fmadd
#define _mm512_sqrt_ps emulated_sqrt
#define _mm512_max_ps emulated_max
#define _mm512_min_ps emulated_min

/* Denormals count as zeros of their sign. */
static inline em_f em_flushed(em_f x)
{
    const em_u bits = (em_u)x, small = (em_u)((bits & 0x7fffffff) < 0x00800000);
    return (em_f)(bits & ~(small & 0x7fffffff));
}

/* sum + a b for numbers that are bf16: their product is exact, so one rounding, as of an FMA */
static inline em_f em_multiply_add(em_f a, em_f b, em_f sum)
{
    return em_flushed(em_flushed(a) * em_flushed(b) + em_flushed(sum));
}

#if defined EMULATE_DOT
#define __AVX512BF16__ 1

static inline em_f em_odd(em_u pairs)
{
    return (em_f)(pairs & 0xffff0000);
}
static inline em_f em_even(em_u pairs)
{
    return (em_f)(pairs << 16);
}

/* VDPBF16PS */
static inline __m512 emulated_dpbf16(__m512 sum, __m512bh a, __m512bh b)
{
    const em_u x = (em_u)a, y = (em_u)b;
    const em_f odd = em_multiply_add(em_odd(x), em_odd(y), (em_f)sum);
    return (__m512)em_multiply_add(em_even(x), em_even(y), odd);
}

/* VCVTNEPS2BF16 */
static inline __m256bh emulated_cvtneps(__m512 x)
{
    const em_u bits = (em_u)em_flushed((em_f)x), even = bits >> 16 & 1;
    const em_u nan = (em_u)(x != x);
    const em_u rounded = (nan & (bits | 0x400000)) | (~nan & (bits + even + 0x7fff));
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
    em_u row[16];
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
        const int rows = emulated_tiles[t].rows, bytes = emulated_tiles[t].bytes;
        if (bytes > 64 || rows > 16 || !bytes != !rows) __builtin_trap();
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
        em_f even = { 0 }, odd = { 0 };
        for (int k = 0; k < b->rows; k++) {
            const em_u x = a->row[m][k] - (em_u){ 0 };
            even = em_multiply_add(em_even(x), em_even(b->row[k]), even);
            odd = em_multiply_add(em_odd(x), em_odd(b->row[k]), odd);
        }
        c->row[m] = (em_u)em_flushed((em_f)c->row[m] + em_flushed(even + odd));
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

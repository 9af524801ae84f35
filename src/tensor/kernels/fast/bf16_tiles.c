/* SPDX-License-Identifier: MIT
 * bf16_tiles.c - the block of bf16_block.c with the tile registers of AMX: a tile of A has 16 rows
 * of 16 pairs, one of B 16 pairs of 16 columns as a panel has them, one of C 16 x 16 floats. Two of
 * A by two of B make four of C. Rows that C lacks are left out by the shape of the tiles, which is
 * set anew for the last few. */
#include "tensor/kernels/fast/bf16.h"

enum { SIDE = 16, TALL = 2 * SIDE };

_Static_assert(NR == 2 * SIDE && KSTEP == 2 * SIDE, "two tiles to a panel, one to a step");

/* What ldtilecfg reads. Tiles 0, 1: upper half of C; 2, 3: lower half; 4, 5: A; 6, 7: B. */
typedef struct shapes {
    uint8_t palette, start_row, reserved[14];
    uint16_t bytes[16];
    uint8_t rows[16];
} shapes;

/* upper, lower: rows of both halves; 0 leaves the lower tiles out */
static void configure(int upper, int lower)
{
    const uint8_t a = (uint8_t)upper, b = (uint8_t)lower;
    shapes s = { .palette = 1, .rows = { a, a, b, b, a, b, SIDE, SIDE } };
    for (int i = 0; i < 8; i++) s.bytes[i] = s.rows[i] ? 4 * SIDE : 0;
    _tile_loadconfig(&s);
}

/* sums[up to TALL][NR] <- rows of A times a panel */
static void both_halves(int pairs, const pair *a, ptrdiff_t a_row, const pair *panel, float *sums)
{
    const ptrdiff_t a_bytes = 4 * a_row;
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int l = 0; l < pairs; l += SIDE, panel += SIDE * NR) {
        _tile_loadd(6, panel, 4 * NR);
        _tile_loadd(7, panel + SIDE, 4 * NR);
        _tile_loadd(4, a + l, a_bytes);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_loadd(5, a + SIDE * a_row + l, a_bytes);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, sums, 4 * NR);
    _tile_stored(1, sums + SIDE, 4 * NR);
    _tile_stored(2, sums + SIDE * NR, 4 * NR);
    _tile_stored(3, sums + SIDE * NR + SIDE, 4 * NR);
}

static void upper_half(int pairs, const pair *a, ptrdiff_t a_row, const pair *panel, float *sums)
{
    _tile_zero(0);
    _tile_zero(1);
    for (int l = 0; l < pairs; l += SIDE, panel += SIDE * NR) {
        _tile_loadd(6, panel, 4 * NR);
        _tile_loadd(7, panel + SIDE, 4 * NR);
        _tile_loadd(4, a + l, 4 * a_row);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
    }
    _tile_stored(0, sums, 4 * NR);
    _tile_stored(1, sums + SIDE, 4 * NR);
}

static void put(int m, int n, const float *sums, const float *bias, float *c, ptrdiff_t c_row,
                bool add)
{
    for (int i = 0; i < m; i++, c += c_row, sums += NR)
        for (int j = 0; j < n; j += VW) {
            vf v = ld(sums + j);
            if (bias) v += ldn(bias + j, n - j);
            stn(c + j, add ? ldn(c + j, n - j) + v : v, n - j);
        }
}

void bf16_block(int m, int n, int pairs, const pair *a, ptrdiff_t a_row, ptrdiff_t a_col,
                const pair *panel, const float *bias, float *c, ptrdiff_t c_row, bool add)
{
    (void)a_col; /* 1 */
    float sums[TALL * NR] __attribute__((aligned(64)));
    int set = 0; /* rows that the tiles are shaped for */
    for (int i = 0; i < m; i += TALL) {
        const int rows = UM_MIN(TALL, m - i);
        if (rows != set) configure(UM_MIN(rows, SIDE), UM_MAX(rows - SIDE, 0));
        set = rows;
        if (rows > SIDE)
            both_halves(pairs, a + i * a_row, a_row, panel, sums);
        else
            upper_half(pairs, a + i * a_row, a_row, panel, sums);
        put(rows, n, sums, bias, c + i * c_row, c_row, add);
    }
    _tile_release();
}

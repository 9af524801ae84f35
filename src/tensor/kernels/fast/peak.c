/* SPDX-License-Identifier: MIT
 * peak.c - twelve chains: two multiply-adds a cycle with a latency of four or five need ten, and
 * sixteen registers hold no more. */
#include "tensor/kernels/fast/tier.h"
#include "tensor/kernels/fast/vec.h"

enum { CHAINS = 12 };

static void run_chains(size_t rounds, vf a, vf b, float *x)
{
    vf v[CHAINS];
    UNROLL
    for (int i = 0; i < CHAINS; i++) v[i] = ld(x + i * VW);
    for (size_t r = 0; r < rounds; r++) {
        UNROLL
        for (int i = 0; i < CHAINS; i++) v[i] = a * v[i] + b;
    }
    UNROLL
    for (int i = 0; i < CHAINS; i++) st(x + i * VW, v[i]);
}

void TIER(peak)(size_t rounds, float a, float b, float *x)
{
    for (int i = 0; i < UM_PEAK_NUMBERS; i += CHAINS * VW)
        run_chains(rounds, vset(a), vset(b), x + i);
}

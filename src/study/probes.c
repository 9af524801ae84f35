/* SPDX-License-Identifier: MIT
 * probes.c - signs, normal numbers, unit vectors. */
#include "study/probes.h"

#include <string.h>

#include "base/random.h"

enum { PROBE_BITS = 24 }; /* room for the vectors of an image in its item number */

const um_choice um_divergences[] = {
    { "rademacher", UM_DIVERGENCE_RADEMACHER },
    { "gaussian", UM_DIVERGENCE_GAUSSIAN },
    { "exact", UM_DIVERGENCE_EXACT },
    { NULL, 0 },
};

size_t um_probes_total(const um_probes *p)
{
    return p->kind == UM_DIVERGENCE_EXACT ? p->size : (size_t)p->count;
}

static void fill_signs(const um_random *r, size_t size, um_real *e)
{
    enum { BITS = 128 };
    uint32_t word[BITS / 32];
    for (size_t i = 0; i < size; i++) {
        const size_t bit = i % BITS;
        if (bit == 0) um_random_bits(r, (uint32_t)(i / BITS), word);
        e[i] = word[bit / 32] >> bit % 32 & 1 ? 1 : -1;
    }
}

void um_probe_fill(const um_probes *p, uint64_t image, size_t k, um_real *e)
{
    const um_random r = { p->seed, UM_STREAM_PROBE, image << PROBE_BITS | k };
    switch (p->kind) {
    case UM_DIVERGENCE_RADEMACHER: fill_signs(&r, p->size, e); break;
    case UM_DIVERGENCE_GAUSSIAN: um_random_normal(&r, e, p->size); break;
    case UM_DIVERGENCE_EXACT:
        memset(e, 0, p->size * sizeof *e);
        e[k] = 1;
        break;
    }
}

double um_probes_trace(const um_probes *p, double sum)
{
    return p->kind == UM_DIVERGENCE_EXACT ? sum : sum / p->count;
}

/* SPDX-License-Identifier: MIT
 * param_init.c - values before training. */
#include "nn/param.h"

/* Four numbers from each index: the 32 bits of a word as the middle of its cell in (-scale,
 * scale). */
static void fill_uniform(const um_random *r, um_real *out, size_t n, double scale)
{
    for (size_t i = 0; i < n; i += 4) {
        uint32_t w[4];
        um_random_bits(r, (uint32_t)(i / 4), w);
        for (size_t j = 0; j < 4 && i + j < n; j++)
            out[i + j] = (um_real)(scale * (((double)w[j] + 0.5) * 0x1p-31 - 1.0));
    }
}

static void fill(um_real *out, size_t n, um_real value)
{
    for (size_t i = 0; i < n; i++) out[i] = value;
}

void um_params_initialise(um_params *params, uint64_t seed)
{
    for (int k = 0; k < params->count; k++) {
        const um_param *p = params->list[k];
        const um_random r = { .seed = seed, .stream = UM_STREAM_INIT, .item = (uint64_t)k };
        const size_t n = um_shape_count(p->shape);
        switch (p->init) {
        case UM_INIT_ZERO:
            fill(p->value, n, 0);
            break;
        case UM_INIT_ONE:
            fill(p->value, n, 1);
            break;
        case UM_INIT_UNIFORM:
            fill_uniform(&r, p->value, n, p->scale);
            break;
        case UM_INIT_NORMAL:
            um_random_normal(&r, p->value, n);
            for (size_t i = 0; i < n; i++) p->value[i] *= (um_real)p->scale;
            break;
        }
    }
}

/* SPDX-License-Identifier: MIT
 * torch_random.h - the numbers of PyTorch's CPU generator: a 32-bit Mersenne Twister (Matsumoto and
 * Nishimura 1998) and what torch.rand and torch.randn make of its words. The uniform numbers agree
 * to the bit, the normal ones within 4 units in the last place (torch's own float32 logarithm and
 * sine differ between its builds). */
#ifndef UM_TORCH_RANDOM_H
#define UM_TORCH_RANDOM_H

#include "base/base.h"

enum { UM_TORCH_WORDS = 624 };

/* One torch.Generator. Plain data: a copy continues on its own. */
typedef struct um_torch_random {
    uint32_t word[UM_TORCH_WORDS];
    int next;          /* the word to be given next; UM_TORCH_WORDS: twist first */
    bool has_normal;   /* the second number of a pair waits in `normal`          */
    double normal;
} um_torch_random;

/* torch.Generator().manual_seed(seed); only the low 32 bits count, as in torch. */
void um_torch_random_init(um_torch_random *g, uint64_t seed);

/* torch.rand(n, generator=g): float32 in [0, 1). */
void um_torch_rand(um_torch_random *g, float *out, size_t n);

/* torch.randn(n, generator=g) of float32. As in torch, a call for 16 numbers or more takes another
 * way than a shorter one, so two calls do not give what one call gives. */
void um_torch_randn(um_torch_random *g, float *out, size_t n);

#endif

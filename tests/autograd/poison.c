/* SPDX-License-Identifier: MIT
 * poison.c - NaN wherever the plan says that nothing is needed. */
#include "autograd/poison.h"

#include "autograd/record.h"
#include "support/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Whether a step finds something in a block: it lives, and has been written. */
static bool holds_something(const um_tape *t, int block, int step)
{
    const um_block *b = &t->blocks[block];
    if (step < b->first || step > b->last) return false;
    if (step != b->first) return true;
    if (step == t->n_forward && block == t->vars[t->loss.id].gradient) return true;
    for (int i = 1; i < t->n_vars; i++)
        if (t->vars[i].kind == UM_VAR_INPUT && t->vars[i].value[0] == block) return true;
    return false;
}

/* Before each step: NaN in all bytes but those of blocks that hold a number which the plan needs.
 */
void poison_memory(void *user, um_tape *t, const um_node *node, um_phase phase)
{
    (void)user, (void)node, (void)phase;
    const size_t count = t->bytes / sizeof(um_real);
    um_real *all = (um_real *)t->memory;
    char *keep = calloc(count, 1);
    assert_non_null(keep);
    for (int i = 0; i < t->n_blocks; i++)
        if (holds_something(t, i, t->running))
            memset(keep + t->blocks[i].offset / sizeof(um_real), 1,
                   t->blocks[i].bytes / sizeof(um_real));
    for (size_t i = 0; i < count; i++)
        if (!keep[i]) all[i] = NAN;
    free(keep);
}

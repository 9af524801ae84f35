/* SPDX-License-Identifier: MIT
 * poison.h - memory where nothing survives by luck. */
#ifndef UM_POISON_H
#define UM_POISON_H

#include "autograd/tape.h"

/* For um_observer.before: NaN in all of the tape's memory but in what the plan keeps for this step
 * or a later one. Whatever reads a tensor that it did not say it reads, or that nobody has written,
 * gives NaN. */
void poison_memory(void *user, um_tape *t, const um_node *node, um_phase phase);

#endif

/* SPDX-License-Identifier: MIT
 * op_clock.c - the clock is read before and after each operation. */
#include "study/op_clock.h"

#include <stdlib.h>
#include <string.h>

/* The row of an operation, made at its first appearance; NULL where there is no room. */
static um_op_time *row_of(um_op_clock *c, const char *operation)
{
    for (int i = 0; i < c->count; i++)
        if (strcmp(c->op[i].operation, operation) == 0) return &c->op[i];
    if (c->count == UM_OP_CLOCK_MAX) return NULL;
    c->op[c->count] = (um_op_time){ .operation = operation };
    return &c->op[c->count++];
}

static void before(void *user, um_tape *t, const um_node *node, um_phase phase)
{
    um_op_clock *c = user;
    (void)t, (void)node, (void)phase;
    c->began = um_seconds();
}

static um_status after(void *user, um_tape *t, const um_node *node, um_phase phase)
{
    um_op_clock *c = user;
    um_op_time *row = row_of(c, um_node_op(node));
    (void)t;
    c->ended = um_seconds();
    if (row) row->seconds[phase] += c->ended - c->began;
    return UM_OK;
}

um_observer um_op_clock_observer(um_op_clock *clock)
{
    return (um_observer){ before, after, clock };
}

double um_op_time_total(const um_op_time *op)
{
    double total = 0;
    for (int i = 0; i < UM_PHASES; i++) total += op->seconds[i];
    return total;
}

double um_op_clock_total(const um_op_clock *clock)
{
    double total = 0;
    for (int i = 0; i < clock->count; i++) total += um_op_time_total(&clock->op[i]);
    return total;
}

static int longest_first(const void *a, const void *b)
{
    const double x = um_op_time_total(a), y = um_op_time_total(b);
    return (x < y) - (x > y);
}

void um_op_clock_sort(um_op_clock *clock)
{
    qsort(clock->op, (size_t)clock->count, sizeof *clock->op, longest_first);
}

/* SPDX-License-Identifier: MIT
 * check_nan.c - an observer that stops at the first number that went bad. */
#include "autograd/record.h"

static const char *tensor_name(const um_tape *t, um_var v, const char *otherwise)
{
    return t->vars[v.id].name ? t->vars[v.id].name : otherwise;
}

static um_status went_bad(um_tape *t, const um_node *node, const char *what, const char *tensor)
{
    return um_fail(t->ctx, UM_NOT_FINITE, "%s%s%s: %s of %s is not finite (%s)", node->scope,
                   *node->scope ? ": " : "", node->op->name, what, tensor,
                   "lower train.lr, or look at the data");
}

static bool sound(const um_tape *t, size_t count, const um_real *x)
{
    return um_kernels_of(t)->all_finite(count, x);
}

static um_status after(void *user, um_tape *t, const um_node *node, um_phase phase)
{
    (void)user;
    if (phase != UM_VJP) {
        const um_record *out = &t->vars[node->out.id];
        /* a bad parameter or input is the cause, not the operation */
        for (int i = 0; i < node->op->arity; i++) {
            const um_record *in = &t->vars[node->in[i].id];
            if (in->name && in->data && !sound(t, in->count, in->data))
                return went_bad(t, node, "the value", in->name);
        }
        return sound(t, out->count, out->data) ? UM_OK
                                               : went_bad(t, node, "the value", "the output");
    }
    for (int i = 0; i < node->op->arity; i++) {
        const um_record *in = &t->vars[node->in[i].id];
        if (in->written && in->grad && !sound(t, in->count, in->grad))
            return went_bad(t, node, "the gradient", tensor_name(t, node->in[i], "an input"));
    }
    return UM_OK;
}

um_observer um_observer_check_nan(void) { return (um_observer){ .after = after }; }

/* SPDX-License-Identifier: MIT
 * param.h - parameters and the one visitor that lists them.
 *
 * A layer has a `visit` function that names its parameters in a fixed order. One visit at opening
 * gives each a place in a flat list (um_params); initialising, counting, saving, EMA and the
 * optimiser all go through that list. */
#ifndef UM_PARAM_H
#define UM_PARAM_H

#include "autograd/tape.h"
#include "base/arena.h"
#include "base/random.h"

/* How files keep a parameter; ours is [kh, kw, ci, co], [1, 1, in, out], [1, 1, rows, c] or [1, 1,
 * 1, c]. */
typedef enum um_layout {
    UM_LAYOUT_VECTOR, /* [c] */
    UM_LAYOUT_LINEAR, /* [out, in], transposed at the door */
    UM_LAYOUT_CONV,   /* [co, ci, kh, kw], permuted at the door */
    UM_LAYOUT_TABLE,  /* [rows, c], as it is */
} um_layout;

/* Its value before training. */
typedef enum um_init {
    UM_INIT_ZERO,
    UM_INIT_ONE,
    UM_INIT_UNIFORM, /* within +-scale: 1 / sqrt(inputs), PyTorch's default for linear and
                        convolution */
    UM_INIT_NORMAL,  /* normal with deviation scale: embeddings */
} um_init;

typedef struct um_param {
    const char *name; /* as diffusers writes it */
    um_shape shape;
    um_layout layout;
    um_init init;
    double scale;
    bool frozen; /* saved and loaded, never trained: has no gradient */
    um_real *value, *grad;
} um_param;

typedef struct um_visitor um_visitor;

/* The parts of a name: what is visited between enter and leave stands below "part.". */
void um_visit_enter(um_visitor *v, const char *format, ...) UM_PRINTF(2, 3);
void um_visit_leave(um_visitor *v);

/* List *p, whose shape, layout and init the layer has set; p must stay where it is. */
void um_visit_param(um_visitor *v, um_param *p, const char *name);

/* What most layers hold: "layer.weight" and "layer.bias". */
void um_visit_weight_and_bias(um_visitor *v, const char *layer, um_param *weight, um_param *bias);

/* The parameter on a tape, which computes its gradient where it has room for one. Once a tape: a
 * second record would store its own part of the gradient over the first's. */
um_var um_param_record(um_tape *t, const um_param *p);

/* All parameters of a model. values is one block, in list order, each parameter aligned to 64 bytes
 * (the gaps are zeros); gradients and whatever an optimiser keeps have the same layout, so one pass
 * serves all. */
typedef struct um_params {
    um_ctx *ctx;
    um_arena names;
    um_param **list;
    int count;
    size_t numbers; /* parameters proper, without gaps */
    size_t padded;  /* reals in values */
    um_real *values, *grads;
} um_params;

/* Visit a model and carve its values from one block of zeros. `visit` is the model's visit
 * function, called twice. On failure *params is empty. Free with um_params_free. */
um_status um_params_init(um_params *params, um_ctx *ctx, void (*visit)(void *model, um_visitor *v),
                         void *model);
void um_params_free(um_params *params);

/* Add a block of gradients, all zero, so that tapes recorded from now on compute them. No effect
 * where there is one. */
um_status um_params_want_grads(um_params *params);

/* Initial values from seed alone: parameter k is item k of UM_STREAM_INIT. */
void um_params_initialise(um_params *params, uint64_t seed);

/* The parameter of that name, or NULL. */
um_param *um_params_find(const um_params *params, const char *name);

/* Offset of a parameter in values, grads and like blocks. */
size_t um_params_offset(const um_params *params, const um_param *p);

/* The first parameter of which `block`, laid out as values, holds a number that is not finite, or
 * NULL. Needs the context's kernels. */
const um_param *um_params_not_finite(const um_params *params, const um_real *block);

/* The shape in which files keep p: gives its rank, 1 to 4. */
int um_param_file_shape(const um_param *p, int64_t shape[4]);

/* Between our layout and the files' layout, in files' order; `file` has p's count of numbers. */
void um_param_to_file(const um_param *p, const um_real *ours, float *file);
void um_param_from_file(const um_param *p, const float *file, um_real *ours);

#endif

/* SPDX-License-Identifier: MIT
 * unet.c - the U-Net from its blocks. */
#include "nn/unet.h"

#include "nn/classifier.h"
#include "nn/time_embed.h"
#include "nn/unet_block.h"

#include <math.h>

/* conv_in, and what each layer and each change of size of the down blocks gives. */
enum { MAX_SKIPS = 1 + UM_UNET_MAX_LEVELS * (UM_UNET_MAX_LAYERS + 1) };

struct um_unet {
    um_ctx *ctx;
    um_arena arena;
    um_unet_config config;
    um_params params;
    um_time_proj time_proj;
    um_time_mlp time_embedding, class_mlp; /* the second where class_embed_type is timestep */
    um_param class_table;                  /* where labels are looked up */
    um_conv conv_in, conv_out;
    um_norm conv_norm_out;
    um_unet_block down[UM_UNET_MAX_LEVELS], middle, up[UM_UNET_MAX_LEVELS];
    um_classifier_head head; /* where config.logits says so, instead of all behind the middle */
    um_param center_weight, center_bias; /* 2x - 1 as a fixed layer; no parameters of the model */
};

static void visit(void *model, um_visitor *v)
{
    um_unet *u = model;
    um_conv_visit(&u->conv_in, v);
    um_time_proj_visit(&u->time_proj, v);
    um_time_mlp_visit(&u->time_embedding, v);
    if (u->config.class_embed_type == UM_CLASS_TIMESTEP) um_time_mlp_visit(&u->class_mlp, v);
    if (u->config.class_embed_type == UM_CLASS_TABLE)
        um_visit_param(v, &u->class_table, "class_embedding.weight");
    for (int i = 0; i < u->config.levels; i++) um_unet_block_visit(&u->down[i], v);
    if (u->config.mid_block) um_unet_block_visit(&u->middle, v);
    if (u->config.logits) {
        um_classifier_head_visit(&u->head, v);
        return;
    }
    for (int i = 0; i < u->config.levels; i++) um_unet_block_visit(&u->up[i], v);
    um_norm_visit(&u->conv_norm_out, v);
    um_conv_visit(&u->conv_out, v);
}

static void init_embeddings(um_unet *u)
{
    const um_unet_config *c = &u->config;
    const int width = um_unet_embedding_width(c);
    um_time_proj_init(&u->time_proj, c);
    um_time_mlp_init(&u->time_embedding, "time_embedding", u->time_proj.width, width);
    um_time_mlp_init(&u->class_mlp, "class_embedding", u->time_proj.width, width);
    u->class_table = (um_param){ .shape = { 1, 1, c->num_class_embeds, width },
                                 .layout = UM_LAYOUT_TABLE,
                                 .init = UM_INIT_NORMAL,
                                 .scale = 1.0 };
}

static void init_center(um_unet *u)
{
    const int c = u->config.in_channels;
    u->center_weight = (um_param){ .name = "center", .shape = { 1, 1, c, c } };
    u->center_bias = (um_param){ .name = "center", .shape = { 1, 1, 1, c } };
    u->center_weight.value = um_arena_take(&u->arena, (size_t)c * c * sizeof(um_real));
    u->center_bias.value = um_arena_take(&u->arena, (size_t)c * sizeof(um_real));
    if (u->arena.status != UM_OK) return;
    for (int i = 0; i < c; i++) {
        u->center_weight.value[i * (c + 1)] = 2;
        u->center_bias.value[i] = -1;
    }
}

static void init_layers(um_unet *u)
{
    const um_unet_config *c = &u->config;
    um_conv_init(&u->conv_in, "conv_in", c->in_channels, c->channels[0], 3);
    init_embeddings(u);
    for (int i = 0; i < c->levels; i++) um_unet_block_init_down(&u->down[i], &u->arena, c, i);
    if (c->mid_block) um_unet_block_init_middle(&u->middle, &u->arena, c);
    if (c->center_input_sample) init_center(u);
    if (c->logits) {
        um_classifier_head_init(&u->head, c);
        return;
    }
    for (int i = 0; i < c->levels; i++) um_unet_block_init_up(&u->up[i], &u->arena, c, i);
    um_norm_init(&u->conv_norm_out, "conv_norm_out", c->channels[0], c->norm_num_groups,
                 c->norm_eps);
    um_conv_init(&u->conv_out, "conv_out", c->channels[0], c->out_channels, 3);
    um_conv_start_at_zero(&u->conv_out);
}

um_status um_unet_open(um_unet **unet, um_ctx *ctx, const um_unet_config *config)
{
    *unet = NULL;
    UM_TRY(um_unet_config_check(ctx, config));
    um_unet *u;
    UM_TRY(um_alloc(ctx, &u, 1, sizeof *u, "a network"));
    u->ctx = ctx;
    u->arena.ctx = ctx;
    u->config = *config;
    init_layers(u);
    um_status status = u->arena.status;
    if (status == UM_OK) status = um_params_init(&u->params, ctx, visit, u);
    if (status != UM_OK) um_unet_close(&u);
    *unet = u;
    return status;
}

void um_unet_close(um_unet **unet)
{
    um_unet *u = *unet;
    if (!u) return;
    um_params_free(&u->params);
    um_arena_free(&u->arena);
    um_free(u->ctx, u);
    *unet = NULL;
}

const um_unet_config *um_unet_configuration(const um_unet *unet)
{
    return &unet->config;
}

void um_unet_set_image_size(um_unet *unet, int h, int w)
{
    unet->config.sample_h = h;
    unet->config.sample_w = w;
}

um_params *um_unet_params(um_unet *unet)
{
    return &unet->params;
}

/* What the class adds to the embedding, [n, 1, 1, width] or none. */
static um_var embed_class(um_tape *t, const um_unet *u, um_var time_weight, um_var labels)
{
    um_var y = labels;
    um_tape_enter(t, "class_embedding");
    if (u->config.class_embed_type == UM_CLASS_TABLE) {
        const um_var table = um_param_record(t, &u->class_table);
        y = um_embedding(t, table, labels);
    }
    um_tape_leave(t);
    if (u->config.class_embed_type == UM_CLASS_TIMESTEP) {
        y = um_time_proj_apply(t, &u->time_proj, time_weight, labels);
        y = um_time_mlp_apply(t, &u->class_mlp, y);
    }
    return y;
}

/* The embedding after the activation with which every residual block begins. */
static um_var embed(um_tape *t, const um_unet *u, um_var timesteps, um_var labels)
{
    const um_var weight = um_time_proj_record(t, &u->time_proj);
    um_var emb = um_time_proj_apply(t, &u->time_proj, weight, timesteps);
    emb = um_time_mlp_apply(t, &u->time_embedding, emb);
    if (labels.id) {
        const um_var of_class = embed_class(t, u, weight, labels);
        emb = um_add(t, emb, of_class);
    }
    return um_activate(t, emb, u->config.act_fn);
}

static void check_inputs(um_tape *t, const um_unet *u, um_var x, um_var timesteps, um_var labels)
{
    const um_shape s = um_shape_of(t, x), time = um_shape_of(t, timesteps);
    const um_shape label = um_shape_of(t, labels);
    const int width = um_unet_label_width(&u->config);
    if (s.n == 0) return; /* the tape has failed */
    if (s.c != u->config.in_channels)
        um_tape_fail(t, UM_BAD_SHAPE, "images of %d channels (in_channels is %d)", s.c,
                     u->config.in_channels);
    else if (um_unet_size_check(u->ctx, &u->config, s.h, s.w) != UM_OK)
        um_tape_fail(t, UM_BAD_SHAPE, "%s", u->ctx->message);
    else if (!um_shape_same(time, (um_shape){ s.n, 1, 1, 1 }))
        um_tape_fail(t, UM_BAD_SHAPE, "%d timesteps of width %d for %d images (one each)", time.n,
                     time.c, s.n);
    else if (width == 0 && labels.id)
        um_tape_fail(t, UM_BAD_ARG, "class labels for a model without classes (none)");
    else if (width && !labels.id)
        um_tape_fail(t, UM_BAD_ARG, "no class labels (the model is class-conditional)");
    else if (width && !um_shape_same(label, (um_shape){ s.n, 1, 1, width }))
        um_tape_fail(t, UM_BAD_SHAPE,
                     "%d class labels of width %d for %d images (one of width %d each)", label.n,
                     label.c, s.n, width);
}

static um_var head(um_tape *t, const um_unet *u, um_var x, bool recompute)
{
    if (recompute) um_tape_segment_begin(t);
    x = um_norm_activate(t, &u->conv_norm_out, x, UM_SILU);
    x = um_conv_apply(t, &u->conv_out, x);
    if (recompute) um_tape_segment_end(t);
    return x;
}

um_var um_unet_apply(um_tape *t, um_unet *unet, um_var x, um_var timesteps, um_var labels,
                     bool recompute)
{
    const um_unet *u = unet;
    um_var skips[MAX_SKIPS];
    um_unet_flow flow = { .skips = skips, .recompute = recompute };
    check_inputs(t, u, x, timesteps, labels);
    if (u->config.center_input_sample) {
        const um_var two = um_param_record(t, &u->center_weight);
        const um_var minus_one = um_param_record(t, &u->center_bias);
        x = um_linear(t, x, two, minus_one);
    }
    flow.emb = embed(t, u, timesteps, labels);
    x = um_conv_apply(t, &u->conv_in, x);
    skips[flow.n_skips++] = x;
    for (int i = 0; i < u->config.levels; i++) x = um_unet_block_down(t, &u->down[i], x, &flow);
    if (u->config.mid_block) x = um_unet_block_middle(t, &u->middle, x, &flow);
    if (u->config.logits) return um_classifier_head_apply(t, &u->head, x);
    for (int i = 0; i < u->config.levels; i++) x = um_unet_block_up(t, &u->up[i], x, &flow);
    x = head(t, u, x, recompute);
    if (u->config.time_embedding_type == UM_TIME_FOURIER) x = um_divide(t, x, timesteps);
    return x;
}

um_status um_unet_record(um_tape *t, um_unet *unet, int n, int h, int w)
{
    const um_unet_config *c = &unet->config;
    const um_var x = um_tape_input(t, "x", (um_shape){ n, h, w, c->in_channels });
    const um_var when = um_tape_input(t, "timestep", (um_shape){ n, 1, 1, 1 });
    um_var labels = { 0 };
    if (c->class_embed_type != UM_CLASS_NONE)
        labels = um_tape_input(t, "labels", (um_shape){ n, 1, 1, um_unet_label_width(c) });
    um_unet_apply(t, unet, x, when, labels, false);
    return um_tape_status(t);
}

um_status um_unet_part(um_unet *unet, int h, int w, int *images)
{
    const double room = fmax(64 << 20, 8.0 * (double)unet->params.padded * sizeof(um_real));
    um_tape *t;
    UM_TRY(um_tape_open(&t, unet->ctx));
    const um_status status = um_unet_record(t, unet, 1, h, w);
    if (status == UM_OK) *images = (int)fmax(1, room / (double)um_tape_activations(t));
    um_tape_close(&t);
    return status;
}

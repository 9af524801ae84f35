/* SPDX-License-Identifier: MIT */
#include "sample/fit.h"

#include <stdlib.h>
#include <string.h>

#include "drawing.h"
#include "tensor/kernels/kernels.h"

enum { SIDE = 32, IMAGE = SIDE * SIDE, COUNT = 13 };

/* An allocator that keeps the size of each piece before it, and the most that was alive. */
struct ledger {
    size_t alive, most;
};

static void *counted_alloc(void *user, size_t bytes)
{
    struct ledger *l = user;
    char *p = aligned_alloc(UM_ALIGN, (bytes + 2 * UM_ALIGN - 1) / UM_ALIGN * UM_ALIGN);
    assert_non_null(p);
    memset(p, 0, bytes + UM_ALIGN);
    memcpy(p, &bytes, sizeof bytes);
    l->alive += bytes;
    l->most = UM_MAX(l->most, l->alive);
    return p + UM_ALIGN;
}

static void counted_free(void *user, void *p)
{
    size_t bytes;
    if (!p) return;
    memcpy(&bytes, (char *)p - UM_ALIGN, sizeof bytes);
    ((struct ledger *)user)->alive -= bytes;
    free((char *)p - UM_ALIGN);
}

typedef struct subject {
    struct ledger ledger;
    um_ctx ctx;
    um_unet *unet;
    um_unet_denoiser network;
} subject;

/* Activations are large beside weights, so that a batch of COUNT is drawn in parts. */
static void open_subject(subject *s)
{
    um_unet_config c;
    memset(s, 0, sizeof *s);
    um_ctx_init(&s->ctx);
    s->ctx.threads = 2;
    s->ctx.allocator = (um_allocator){ counted_alloc, counted_free, &s->ledger };
    CHECK_OK(&s->ctx, um_kernels_choose(&s->ctx, "auto"));
    um_unet_config_default(&c);
    c.in_channels = c.out_channels = 1;
    c.levels = 1;
    c.channels[0] = 64;
    c.down_attention[0] = c.up_attention[0] = c.add_attention = false;
    c.norm_num_groups = 4;
    c.layers_per_block = 1;
    c.class_embed_type = UM_CLASS_TABLE;
    c.num_class_embeds = 3;
    c.null_class = true;
    CHECK_OK(&s->ctx, um_unet_open(&s->unet, &s->ctx, &c));
    um_params_initialise(um_unet_params(s->unet), 3);
    um_unet_denoiser_init(&s->network, &s->ctx, s->unet, SIDE, SIDE);
}

static void close_subject(subject *s)
{
    um_unet_denoiser_free(&s->network);
    um_unet_close(&s->unet);
    assert_int_equal(s->ledger.alive, 0);
}

static const um_guidance_settings kinds[] = {
    { .scale = 1, .end = 1 },
    { .scale = 3, .end = 1 },
    { .scale = 3, .end = 1, .passes = true },
};

/* The settings of one step of a sampler, guided. */
static um_sample_settings guided(const char *sampler, const um_guidance_settings *g)
{
    um_sample_settings settings = drawing_settings(sampler);
    settings.steps = 1;
    settings.guidance = *g;
    return settings;
}

static double bytes_for(subject *s, const um_sample_settings *settings, int n)
{
    double bytes;
    CHECK_OK(&s->ctx, um_fit_bytes(&s->network, settings, n, &bytes));
    return bytes;
}

static void the_largest_batch_that_fits_is_chosen(void **state)
{
    (void)state;
    subject s;
    open_subject(&s);
    for (size_t i = 0; i < UM_COUNT(kinds); i++) {
        const um_sample_settings settings = guided("ddim", &kinds[i]);
        for (int n = 1; n <= COUNT; n += 5)
            for (int beside = -1; beside <= 1; beside++) {
                int batch;
                double bytes;
                const double room = bytes_for(&s, &settings, n) + beside;
                CHECK_OK(&s.ctx, um_fit_batch(&s.network, &settings, room, COUNT, &batch, &bytes));
                assert_int_equal(batch, beside < 0 ? n - 1 : n);
                assert_true(bytes == bytes_for(&s, &settings, UM_MAX(batch, 1)));
            }
    }
    close_subject(&s);
}

static void two_passes_fit_more_images_than_a_doubled_batch(void **state)
{
    (void)state;
    subject s;
    open_subject(&s);
    int batch[UM_COUNT(kinds)]; /* plain, doubled, passes */
    double bytes;
    const um_sample_settings doubled = guided("ddim", &kinds[1]);
    const double room = bytes_for(&s, &doubled, 2);
    for (size_t i = 0; i < UM_COUNT(kinds); i++) {
        const um_sample_settings settings = guided("ddim", &kinds[i]);
        CHECK_OK(&s.ctx, um_fit_batch(&s.network, &settings, room, COUNT, &batch[i], &bytes));
    }
    assert_true(batch[1] == 2 && batch[2] > batch[1] && batch[0] >= batch[2]);
    close_subject(&s);
}

/* What the drawing of COUNT images allocates at once, in the given batch. */
static size_t drawn_in(subject *s, const um_sample_settings *settings, int batch)
{
    static float out[COUNT * IMAGE];
    int labels[COUNT] = { 0 };
    const um_guidance_settings *g = &settings->guidance;
    drawing d;
    drawing_open(&d, settings, 100);
    const um_denoiser network = um_denoiser_from_unet(&s->network);
    um_guidance guidance;
    um_guidance_init(&guidance, &s->ctx, &network, g, 2, 100, IMAGE);
    const um_denoiser model =
        um_guidance_is_on(g) ? um_denoiser_from_guidance(&guidance) : network;
    const um_sample_request request = { .h = SIDE, .w = SIDE, .c = 1, .count = COUNT,
                                        .batch = batch, .labels = labels };
    const size_t before = s->ledger.alive;
    s->ledger.most = before;
    CHECK_OK(&s->ctx, um_sample_run(&s->ctx, &d.plan, &model, &request, out));
    um_guidance_free(&guidance);
    um_unet_denoiser_free(&s->network);
    drawing_close(&d);
    return s->ledger.most - before;
}

/* Beside the numbers themselves a tape keeps its list of operations, whatever the batch. */
static void drawing_takes_no_more_than_was_said(void **state)
{
    (void)state;
    enum { LISTS = 256 << 10 };
    subject s;
    open_subject(&s);
    int part;
    CHECK_OK(&s.ctx, um_unet_part(s.unet, SIDE, SIDE, &part));
    assert_true(part > 2 && part < COUNT);
    const int batches[] = { 1, 2, part, part + 1, COUNT };
    static const char *const samplers[] = { "ddim", "pndm" }; /* without and with a history */
    for (size_t i = 0; i < UM_COUNT(kinds) * UM_COUNT(samplers); i++) {
        const um_sample_settings settings =
            guided(samplers[i / UM_COUNT(kinds)], &kinds[i % UM_COUNT(kinds)]);
        for (size_t k = 0; k < UM_COUNT(batches); k++) {
            const double said = bytes_for(&s, &settings, batches[k]);
            const double taken = (double)drawn_in(&s, &settings, batches[k]);
            if (taken > said + LISTS)
                fail_msg("%d at once take %.0f, %.0f said", batches[k], taken, said);
            if (batches[k] <= part / 2) CHECK_NEAR(taken, said, said / 10);
        }
    }
    close_subject(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_largest_batch_that_fits_is_chosen),
        cmocka_unit_test(two_passes_fit_more_images_than_a_doubled_batch),
        cmocka_unit_test(drawing_takes_no_more_than_was_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

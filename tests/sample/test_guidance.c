/* SPDX-License-Identifier: MIT */
#include "sample/guidance.h"

#include <math.h>
#include <string.h>

#include "base/random.h"
#include "drawing.h"
#include "sample/unet_denoiser.h"
#include "support/failing.h"
#include "tensor/kernels/kernels.h"

enum { N = 5, SIZE = 4 * 4 * 3, T = 1000, NULL_CLASS = 3, MOST_CALLS = 64 };

/* A model of three classes and none that says its smooth noise as the prediction wants it, and
 * keeps an account of how it was asked. */
struct model {
    const um_schedule *schedule;
    um_prediction prediction;
    int calls, n[MOST_CALLS], labels[MOST_CALLS][2 * N];
};

static double noise_of(double x, double t, int label)
{
    return tanh((0.4 + 0.3 * label) * x - 0.5 * label + 0.5 * sin(t / 150));
}

/* What the model says where the noise is eps: the inverse of the rule. */
static double said(const struct model *m, double t, double x, double eps)
{
    const double bar = um_schedule_alpha_bar_at(m->schedule, t);
    const um_prediction_rule rule = um_prediction_rule_at(m->prediction, bar);
    return (eps - rule.eps_x * x) / rule.eps_out;
}

static um_status answer(void *user, int n, const float *x, const double *t, const int *labels,
                        float *out)
{
    struct model *m = user;
    m->n[m->calls % MOST_CALLS] = n;
    memcpy(m->labels[m->calls++ % MOST_CALLS], labels, (size_t)n * sizeof *labels);
    for (int i = 0; i < n; i++)
        for (int k = i * SIZE; k < (i + 1) * SIZE; k++) {
            const double v = (double)x[k];
            out[k] = (float)said(m, t[i], v, noise_of(v, t[i], labels[i]));
        }
    return UM_OK;
}

typedef struct subject {
    um_ctx ctx;
    um_schedule schedule;
    struct model model;
    um_guidance guidance;
    um_denoiser guided;
    bool learned; /* whether ask_in asks a model that learns its variance */
    float x[N * SIZE], out[2 * N * SIZE];
} subject;

static const int labels[N] = { 0, 1, 2, 1, 0 };
static const double times[N] = { 999, 700, 500, 31.5, 0 };

static subject *open_subject(um_guidance_settings settings)
{
    subject *s = test_calloc(1, sizeof *s);
    um_ctx_init(&s->ctx);
    const um_schedule_settings linear = um_schedule_defaults();
    CHECK_OK(&s->ctx, um_schedule_init(&s->ctx, &s->schedule, &linear));
    s->model = (struct model){ .schedule = &s->schedule };
    const um_denoiser plain = { answer, &s->model };
    um_guidance_init(&s->guidance, &s->ctx, &plain, &settings, NULL_CLASS, T, SIZE);
    s->guided = um_denoiser_from_guidance(&s->guidance);
    um_random_normal(&(um_random){ 1, UM_STREAM_TEST, 0 }, s->x, N * SIZE);
    return s;
}

static void close_subject(subject *s)
{
    um_guidance_free(&s->guidance);
    um_schedule_free(&s->ctx, &s->schedule);
    test_free(s);
}

static void ask(subject *s)
{
    CHECK_OK(&s->ctx, s->guided.predict(s->guided.user, N, s->x, times, labels, s->out));
}

/* The model's own number for element k, in float as it says it. */
static double own(const subject *s, int k, int label)
{
    const double x = (double)s->x[k], t = times[k / SIZE];
    return (double)(float)said(&s->model, t, x, noise_of(x, t, label));
}

static void the_answer_without_a_class_is_left_w_times_as_far(void **state)
{
    (void)state;
    static const double scales[] = { 0.5, 1.5, 3, 7.5 };
    for (size_t i = 0; i < UM_COUNT(scales); i++)
        for (int passes = 0; passes < 2; passes++) {
            subject *s = open_subject(
                (um_guidance_settings){ .scale = scales[i], .end = 1, .passes = passes });
            ask(s);
            for (int k = 0; k < N * SIZE; k++) {
                const double c = own(s, k, labels[k / SIZE]), u = own(s, k, NULL_CLASS);
                CHECK_NEAR(s->out[k], u + scales[i] * (c - u), 1e-6);
            }
            assert_int_equal(s->model.calls, passes ? 2 : 1);
            assert_int_equal(s->model.n[0], passes ? N : 2 * N);
            close_subject(s);
        }
}

static void weights_of_0_and_1_ask_once_for_each_image(void **state)
{
    (void)state;
    for (int w = 0; w < 2; w++) {
        subject *s = open_subject((um_guidance_settings){ .scale = w, .end = 1 });
        ask(s);
        assert_int_equal(s->model.calls, 1);
        assert_int_equal(s->model.n[0], N);
        for (int k = 0; k < N * SIZE; k++)
            assert_true((double)s->out[k] == own(s, k, w ? labels[k / SIZE] : NULL_CLASS));
        assert_int_equal(um_guidance_is_on(&s->guidance.settings), w == 0);
        close_subject(s);
    }
}

static void outside_the_interval_the_class_alone_counts(void **state)
{
    (void)state;
    /* t = 999, 700, 500, 31.5, 0 are 0, 0.299, 0.499, 0.968 and 1 of the way. */
    static const struct { double start, end; bool in[N]; const char *why; } cases[] = {
        { 0, 1, { true, true, true, true, true }, "all of it" },
        { 0.2, 0.6, { false, true, true, false, false }, "the middle" },
        { 0, 0.1, { true, false, false, false, false }, "the start" },
        { 0.99, 1, { false, false, false, false, true }, "the end" },
        { 0.6, 0.9, { false, false, false, false, false }, "no image: nothing is asked twice" },
    };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        const um_guidance_settings g = { .scale = 2, .start = cases[i].start,
                                         .end = cases[i].end };
        subject *s = open_subject(g);
        ask(s);
        bool any = false;
        for (int n = 0; n < N; n++) {
            any |= cases[i].in[n];
            assert_int_equal(um_guidance_calls(&g, T, times[n]), cases[i].in[n] ? 2 : 1);
        }
        for (int k = 0; k < N * SIZE; k++) {
            const double c = own(s, k, labels[k / SIZE]), u = own(s, k, NULL_CLASS);
            if (cases[i].in[k / SIZE]) CHECK_NEAR(s->out[k], 2 * c - u, 1e-6);
            else assert_true((double)s->out[k] == c);
        }
        assert_int_equal(s->model.n[0], any ? 2 * N : N);
        close_subject(s);
    }
}

/* .. whose variance has the label's number and the element's. */
static um_status answer_both(void *user, int n, const float *x, const double *t,
                             const int *classes, float *out)
{
    for (int k = 0; k < n * SIZE; k++)
        out[n * SIZE + k] = (float)(classes[k / SIZE] + 10 * (k % SIZE));
    return answer(user, n, x, t, classes, out);
}

static void the_variance_is_that_for_the_class(void **state)
{
    (void)state;
    for (int passes = 0; passes < 2; passes++)
        for (int w = 0; w <= 3; w += 3) {
            const um_guidance_settings g = { .scale = w, .end = 0.9, .passes = passes };
            subject *s = open_subject(g);
            float both[2 * N * SIZE];
            ask(s);
            s->guidance.model = (um_denoiser){ answer_both, &s->model, true };
            um_guidance_free(&s->guidance);
            const um_denoiser guided = um_denoiser_from_guidance(&s->guidance);
            assert_true(guided.learns_variance && !s->guided.learns_variance);
            CHECK_OK(&s->ctx, guided.predict(guided.user, N, s->x, times, labels, both));
            assert_memory_equal(both, s->out, N * SIZE * sizeof *both);
            for (int k = 0; k < N * SIZE; k++) {
                const bool none = w == 0 && times[k / SIZE] > 99.9;
                const int label = none ? NULL_CLASS : labels[k / SIZE];
                assert_true(both[N * SIZE + k] == (float)(label + 10 * (k % SIZE)));
            }
            close_subject(s);
        }
}

static double deviation_of(const double *v)
{
    double mean = 0, square = 0;
    for (int k = 0; k < SIZE; k++) mean += v[k] / SIZE, square += v[k] * v[k] / SIZE;
    return sqrt(square - mean * mean);
}

static void rescaling_gives_each_image_its_own_deviation_back(void **state)
{
    (void)state;
    static const double parts[] = { 0.7, 1 };
    for (size_t i = 0; i < UM_COUNT(parts); i++) {
        subject *s = open_subject(
            (um_guidance_settings){ .scale = 6, .end = 1, .rescale = parts[i] });
        ask(s);
        for (int n = 0; n < N; n++) {
            double c[SIZE], guided[SIZE], out[SIZE];
            for (int k = 0; k < SIZE; k++) {
                const double u = own(s, n * SIZE + k, NULL_CLASS);
                c[k] = own(s, n * SIZE + k, labels[n]);
                guided[k] = u + 6 * (c[k] - u);
                out[k] = (double)s->out[n * SIZE + k];
            }
            const double again = deviation_of(c) / deviation_of(guided);
            assert_true(again < 0.9);
            for (int k = 0; k < SIZE; k++)
                CHECK_NEAR(out[k], (parts[i] * again + 1 - parts[i]) * guided[k], 1e-5);
            if (parts[i] == 1) CHECK_NEAR(deviation_of(out), deviation_of(c), 1e-5);
        }
        close_subject(s);
    }
}

static void draw(subject *s, const um_sample_settings *settings, const um_denoiser *model,
                 float *out)
{
    um_plan plan;
    CHECK_OK(&s->ctx, um_plan_init(&s->ctx, &plan, settings, &s->schedule));
    const um_sample_request request = { .h = 4, .w = 4, .c = 3, .count = N, .batch = 2,
                                        .labels = labels };
    CHECK_OK(&s->ctx, um_sample_run(&s->ctx, &plan, model, &request, out));
    um_plan_free(&s->ctx, &plan);
}

static void guided_noise_velocity_and_image_give_the_same_pictures(void **state)
{
    (void)state;
    for (int i = 0; um_samplers[i]; i++) {
        float pictures[3][N * SIZE];
        double largest = 0;
        for (int p = 0; p < 3; p++) {
            subject *s = open_subject((um_guidance_settings){ .scale = 3, .end = 0.8 });
            um_sample_settings settings = um_sampler_defaults(um_samplers[i]);
            settings.steps = 15;
            settings.clip_sample = false;
            settings.prediction = s->model.prediction = (um_prediction)p;
            draw(s, &settings, &s->guided, pictures[p]);
            close_subject(s);
        }
        for (int k = 0; k < N * SIZE; k++) largest = fmax(largest, fabs((double)pictures[0][k]));
        /* x_0 is known to 1 / sqrt(alpha_bar) = 157 roundings of an eps in float at the start */
        for (int p = 1; p < 3; p++)
            for (int k = 0; k < N * SIZE; k++)
                CHECK_NEAR(pictures[p][k], pictures[0][k], 1e-4 * largest);
    }
}

/* A model that guides itself, so that nothing but the numbers can differ. */
static um_status answer_guided(void *user, int n, const float *x, const double *t,
                               const int *classes, float *out)
{
    (void)user;
    for (int k = 0; k < n * SIZE; k++) {
        const double v = (double)x[k], time = t[k / SIZE];
        const double c = (double)(float)noise_of(v, time, classes[k / SIZE]);
        const double u = (double)(float)noise_of(v, time, NULL_CLASS);
        out[k] = (float)(u + 3 * (c - u));
    }
    return UM_OK;
}

/* diffusers draws [n, c, h, w] numbers for n images, guided or not. */
static void noise_is_drawn_as_for_a_model_without_guidance(void **state)
{
    (void)state;
    for (int i = 0; um_samplers[i]; i++)
        for (int rng = UM_RNG_PHILOX; rng <= UM_RNG_TORCH; rng++) {
            /* diffusers has none of these, and sde_adaptive refuses its numbers */
            if (rng == UM_RNG_TORCH && um_samplers[i]->integrate) continue;
            subject *s = open_subject((um_guidance_settings){ .scale = 3, .end = 1 });
            um_sample_settings settings = um_sampler_defaults(um_samplers[i]);
            settings.steps = 10;
            settings.eta = 1;
            settings.rng = (um_rng)rng;
            settings.seed = 5;
            float want[N * SIZE];
            const um_denoiser by_hand = { answer_guided, NULL };
            draw(s, &settings, &s->guided, s->out);
            draw(s, &settings, &by_hand, want);
            for (int k = 0; k < N * SIZE; k++) CHECK_NEAR(s->out[k], want[k], 1e-5);
            close_subject(s);
        }
}

/* One level of 16 channels, four classes and none. */
static um_unet *open_network(um_ctx *ctx)
{
    um_unet_config c;
    um_unet *unet;
    um_unet_config_default(&c);
    c.in_channels = c.out_channels = 1;
    c.levels = 1;
    c.channels[0] = 16;
    c.down_attention[0] = c.up_attention[0] = c.add_attention = false;
    c.norm_num_groups = 4;
    c.class_embed_type = UM_CLASS_TABLE;
    c.num_class_embeds = 5;
    c.null_class = true;
    CHECK_OK(ctx, um_unet_open(&unet, ctx, &c));
    um_params_initialise(um_unet_params(unet), 3);
    um_real *last = um_params_find(um_unet_params(unet), "conv_out.weight")->value;
    for (int i = 0; i < 9 * 16; i++) last[i] = (um_real)(0.01 * (i % 7 - 3)); /* zeros yet */
    return unet;
}

static void one_doubled_batch_and_two_passes_give_the_same_bits(void **state)
{
    (void)state;
    enum { SIDE = 64, IMAGE = SIDE * SIDE };
    um_ctx ctx;
    um_ctx_init(&ctx);
    ctx.threads = 2;
    CHECK_OK(&ctx, um_kernels_choose(&ctx, "auto"));
    um_unet *unet = open_network(&ctx);
    float *x = test_calloc(N * IMAGE, sizeof *x), *out[2];
    um_random_normal(&(um_random){ 2, UM_STREAM_TEST, 0 }, x, N * IMAGE);
    for (int passes = 0; passes < 2; passes++) {
        um_unet_denoiser d;
        um_guidance g;
        um_unet_denoiser_init(&d, &ctx, unet, SIDE, SIDE);
        const um_denoiser network = um_denoiser_from_unet(&d);
        um_guidance_init(&g, &ctx, &network,
                         &(um_guidance_settings){ .scale = 3, .end = 1, .passes = passes }, 4, T,
                         IMAGE);
        out[passes] = test_calloc(N * IMAGE, sizeof *x);
        const um_denoiser guided = um_denoiser_from_guidance(&g);
        CHECK_OK(&ctx, guided.predict(guided.user, N, x, times, labels, out[passes]));
        um_guidance_free(&g);
        um_unet_denoiser_free(&d);
    }
    assert_memory_equal(out[0], out[1], N * IMAGE * sizeof *x);
    for (int passes = 0; passes < 2; passes++) test_free(out[passes]);
    test_free(x);
    um_unet_close(&unet);
}

static um_status ask_in(um_ctx *ctx, void *arg)
{
    subject *s = arg;
    um_guidance g;
    const um_denoiser asked = { .predict = s->learned ? answer_both : answer, .user = &s->model,
                                .learns_variance = s->learned };
    um_guidance_init(&g, ctx, &asked, &s->guidance.settings, NULL_CLASS, T, SIZE);
    const um_denoiser guided = um_denoiser_from_guidance(&g);
    const um_status status = guided.predict(guided.user, N, s->x, times, labels, s->out);
    um_guidance_free(&g);
    return status;
}

static void memory_that_is_not_there_is_told(void **state)
{
    (void)state;
    subject *s = open_subject((um_guidance_settings){ .scale = 2, .end = 1 });
    check_every_allocation(ask_in, s);
    assert_int_equal(s->guided.predict(s->guided.user, N, s->x, times, NULL, s->out), UM_BAD_ARG);
    close_subject(s);
}

/* An allocator that counts, rounding to whole lines as the library does. */
static size_t taken;

static void *count(void *user, size_t bytes)
{
    taken += bytes;
    return failing_alloc(user, bytes);
}

static void its_memory_is_known_before(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        const bool passes = kind % 2, learned = kind / 2;
        subject *s =
            open_subject((um_guidance_settings){ .scale = 2, .end = 1, .passes = passes });
        s->learned = learned;
        failing f = { 0 };
        um_ctx ctx;
        um_ctx_init(&ctx);
        ctx.allocator = (um_allocator){ count, failing_free, &f };
        taken = 0;
        CHECK_OK(&ctx, ask_in(&ctx, s));
        CHECK_NEAR(um_guidance_bytes(&s->guidance.settings, SIZE, N, learned), taken, 4 * UM_ALIGN);
        close_subject(s);
    }
    assert_int_equal(um_guidance_bytes(&(um_guidance_settings){ .scale = 1 }, SIZE, N, true), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_answer_without_a_class_is_left_w_times_as_far),
        cmocka_unit_test(weights_of_0_and_1_ask_once_for_each_image),
        cmocka_unit_test(outside_the_interval_the_class_alone_counts),
        cmocka_unit_test(the_variance_is_that_for_the_class),
        cmocka_unit_test(rescaling_gives_each_image_its_own_deviation_back),
        cmocka_unit_test(guided_noise_velocity_and_image_give_the_same_pictures),
        cmocka_unit_test(noise_is_drawn_as_for_a_model_without_guidance),
        cmocka_unit_test(one_doubled_batch_and_two_passes_give_the_same_bits),
        cmocka_unit_test(memory_that_is_not_there_is_told),
        cmocka_unit_test(its_memory_is_known_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

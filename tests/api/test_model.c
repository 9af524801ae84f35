/* SPDX-License-Identifier: MIT
 * test_model.c - the public door to a network: opened, asked on arrays, drawn from. */
#include "unmist.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/safetensors.h"
#include "support/check.h"
#include "tensor/layout.h"

enum { PATH = 1024 };

/* A model of 11 classes with inputs and PyTorch's output. */
static const char *golden(char out[PATH], const char *name)
{
    snprintf(out, PATH, "%s/tests/golden/unet/class_cond/%s", getenv("UM_SOURCE_ROOT"), name);
    return out;
}

typedef struct subject {
    um_ctx *ctx;
    um_settings *settings;
    um_model *model;
    int n, h, w, c;
    float *x, *wanted, *out;
    double *t;
    int *labels;
} subject;

static void open_model(subject *s)
{
    char path[PATH];
    assert_int_equal(um_open(&s->ctx, NULL), UM_OK);
    CHECK_OK(s->ctx, um_settings_open(&s->settings, s->ctx));
    CHECK_OK(s->ctx, um_settings_set(s->settings, "run.threads=1"));
    CHECK_OK(s->ctx, um_model_open(&s->model, s->ctx, golden(path, ""), s->settings));
}

static void close_model(subject *s)
{
    um_model_close(&s->model);
    um_settings_close(&s->settings);
    um_close(&s->ctx);
    assert_null(s->ctx);
}

/* A tensor of images of the file, as [n, h, w, c]. */
static float *images_of(subject *s, const um_safetensors *io, const char *name)
{
    const um_stored *stored;
    CHECK_OK(s->ctx, um_safetensors_get(io, name, &stored));
    float *planes = test_calloc(stored->count, sizeof *planes);
    float *pixels = test_calloc(stored->count, sizeof *pixels);
    CHECK_OK(s->ctx, um_stored_floats(s->ctx, stored, planes, stored->count));
    s->n = (int)stored->shape[0], s->c = (int)stored->shape[1];
    s->h = (int)stored->shape[2], s->w = (int)stored->shape[3];
    um_nchw_to_nhwc(s->n, s->h, s->w, s->c, planes, pixels);
    test_free(planes);
    return pixels;
}

static void numbers_of(subject *s, const um_safetensors *io, const char *name, double *out)
{
    const um_stored *stored;
    CHECK_OK(s->ctx, um_safetensors_get(io, name, &stored));
    CHECK_OK(s->ctx, um_stored_doubles(s->ctx, stored, out, (size_t)s->n));
}

static subject *open_subject(void)
{
    subject *s = test_calloc(1, sizeof *s);
    um_safetensors io;
    char path[PATH];
    double labels[64];
    open_model(s);
    CHECK_OK(s->ctx, um_safetensors_open(&io, s->ctx, golden(path, "io.safetensors")));
    s->x = images_of(s, &io, "sample");
    s->wanted = images_of(s, &io, "output");
    assert_true(s->n <= 64);
    s->out = test_calloc((size_t)s->n * (size_t)(s->h * s->w * s->c), sizeof *s->out);
    s->t = test_calloc((size_t)s->n, sizeof *s->t);
    s->labels = test_calloc((size_t)s->n, sizeof *s->labels);
    numbers_of(s, &io, "timestep", s->t);
    numbers_of(s, &io, "class_labels", labels);
    for (int i = 0; i < s->n; i++) s->labels[i] = (int)labels[i];
    um_safetensors_close(&io);
    return s;
}

static void close_subject(subject *s)
{
    test_free(s->x);
    test_free(s->wanted);
    test_free(s->out);
    test_free(s->t);
    test_free(s->labels);
    close_model(s);
    test_free(s);
}

static void arrays_in_memory_give_pytorchs_output(void **state)
{
    (void)state;
    subject *s = open_subject();
    const int count = s->n * s->h * s->w * s->c;
    double largest = 0, off = 0;
    CHECK_OK(s->ctx, um_model_forward(s->model, s->n, s->h, s->w, s->x, s->t, s->labels, s->out));
    for (int i = 0; i < count; i++) {
        assert_true(isfinite(s->out[i]));
        largest = fmax(largest, fabs((double)s->wanted[i]));
        off = fmax(off, fabs((double)s->out[i] - (double)s->wanted[i]));
    }
    assert_true(largest > 0 && off <= 1e-4 * largest);
    close_subject(s);
}

static void what_the_network_cannot_take_is_refused_and_out_stays(void **state)
{
    (void)state;
    subject *s = open_subject();
    const int above[] = { 0, 11 }, below[] = { -1, 0 };
    const struct {
        int n, h, w;
        const int *labels;
        um_status status;
        const char *told;
    } cases[] = {
        { 2, 16, 16, NULL, UM_BAD_ARG, "class" },
        { 2, 16, 16, above, UM_BAD_ARG, "class 11: the model has classes 0 to 10" },
        { 2, 16, 16, below, UM_BAD_ARG, "class -1" },
        { 2, 15, 16, s->labels, UM_BAD_SHAPE, "15 x 16" },
        { 2, 0, 16, s->labels, UM_BAD_SHAPE, "0 x 16" },
        { 0, 16, 16, s->labels, UM_BAD_SHAPE, "shape [0, 16, 16, 3]" },
        { -1, 16, 16, s->labels, UM_BAD_SHAPE, "shape [-1, 16, 16, 3]" },
    };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        s->out[0] = 7;
        assert_int_equal(um_model_forward(s->model, cases[i].n, cases[i].h, cases[i].w, s->x, s->t,
                                          cases[i].labels, s->out),
                         cases[i].status);
        if (!strstr(um_message(s->ctx), cases[i].told))
            fail_msg("\"%s\" should tell of \"%s\"", um_message(s->ctx), cases[i].told);
        assert_true(s->out[0] == 7);
    }
    close_subject(s);
}

/* By the tier that a newcomer takes: no file, no hooks, images that outlive the model. */
static void images_are_drawn_into_memory(void **state)
{
    (void)state;
    subject s = { 0 };
    um_images *images;
    int n, h, w, c;
    open_model(&s);
    CHECK_OK(s.ctx, um_settings_set(s.settings, "sample.steps=2"));
    CHECK_OK(s.ctx, um_settings_set(s.settings, "sample.count=3"));
    CHECK_OK(s.ctx, um_sample(s.model, s.settings, NULL, &images));
    um_model_close(&s.model);
    const float *x = um_images_data(images, &n, &h, &w, &c);
    assert_true(n == 3 && h == 16 && w == 16 && c == 3);
    for (int i = 0; i < n * h * w * c; i++) assert_true(isfinite(x[i]));
    um_images_close(&images);
    assert_null(images);
    close_model(&s);
}

static void a_model_describes_itself(void **state)
{
    (void)state;
    subject s = { 0 };
    um_model_facts f;
    const char *name;
    int64_t shape[4], numbers = 0;
    int rank, i = 0;
    open_model(&s);
    um_model_describe(s.model, &f);
    assert_true(f.channels == 3 && f.out_channels == 3 && f.h == 16 && f.w == 16);
    assert_true(f.classes == 11 && f.timesteps == 1000 && f.multiply_adds > 0);
    for (; um_model_parameter(s.model, i, &name, &rank, shape); i++) {
        int64_t count = 1;
        for (int k = 0; k < rank; k++) count *= shape[k];
        numbers += count;
    }
    assert_int_equal(i, f.tensors);
    assert_int_equal(numbers, f.numbers);
    assert_false(um_model_parameter(s.model, -1, &name, &rank, shape));
    close_model(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_in_memory_give_pytorchs_output),
        cmocka_unit_test(what_the_network_cannot_take_is_refused_and_out_stays),
        cmocka_unit_test(images_are_drawn_into_memory),
        cmocka_unit_test(a_model_describes_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

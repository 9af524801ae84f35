/* SPDX-License-Identifier: MIT
 * test_train_classes.c - trainings that have to do with classes: shown, hidden, and told apart. */
#include "api/tiny_run.h"

/* Six images of the classes asked for, in turn. */
static void draw_classes(subject *x, const char *classes, float *out)
{
    enum { DRAWN = 6, IMAGE = 64 };
    um_model *m;
    um_images *images;
    int n, h, w, channels;
    set(x, "sample.classes=%s", classes);
    CHECK_OK(x->ctx, um_settings_set(x->settings, "sample.count=6"));
    CHECK_OK(x->ctx, um_model_open(&m, x->ctx, x->out, x->settings));
    CHECK_OK(x->ctx, um_sample(m, x->settings, NULL, &images));
    memcpy(out, um_images_data(images, &n, &h, &w, &channels), DRAWN * IMAGE * sizeof *out);
    um_images_close(&images);
    um_model_close(&m);
}

/* Images have three classes, the network a fourth for none, which samples have only on demand. */
static void label_dropout_teaches_the_null_class(void **state)
{
    subject *x = open_subject(*state);
    um_model *m;
    um_model_facts facts;
    float turns[384], three[384], none[384];
    set(x, "model.class_conditional=%s", "true");
    set(x, "train.label_dropout=%s", "0.5");
    set(x, "train.sample_every=%s", "2");
    CHECK_OK(x->ctx, go(x, false));
    CHECK_OK(x->ctx, um_model_open(&m, x->ctx, x->out, x->settings));
    um_model_describe(m, &facts);
    assert_true(facts.classes == 3 && facts.null_class);
    um_model_close(&m);
    draw_classes(x, "none", turns);
    draw_classes(x, "0,1,2", three);
    draw_classes(x, "3", none);
    assert_memory_equal(turns, three, sizeof turns);
    assert_memory_not_equal(turns, none, sizeof none);
    set(x, "sample.classes=%s", "4");
    CHECK_OK(x->ctx, um_model_open(&m, x->ctx, x->out, x->settings));
    um_images *images;
    assert_int_equal(um_sample(m, x->settings, NULL, &images), UM_BAD_ARG);
    CHECK_TOLD(x->ctx, "the model has classes 0 to 3, the last for none");
    um_model_close(&m);
    close_subject(x);
}

static void a_classifier_is_trained_and_resumed(void **state)
{
    scratch *s = *state;
    static char whole[1 << 16], again_[1 << 16];
    static const char weights[] = "model/unet/diffusion_pytorch_model.safetensors";
    subject *x = open_subject(s);
    um_model *m;
    um_images *images;
    char first[SCRATCH_PATH];
    for (int k = 0; k < 2; k++) {
        snprintf(x->out, sizeof x->out, "%s", scratch_path(s, k ? "stopped" : "whole"));
        again(x);
        set(x, "train.task=%s", "classifier");
        set(x, "train.sample_every=%s", "1");
        if (k) begin_and_stop(x);
        CHECK_OK(x->ctx, go(x, k));
        the_text_of(x, x->out, weights, k ? again_ : whole, sizeof whole);
    }
    assert_memory_equal(whole, again_, sizeof whole);
    assert_false(holds(x, "samples"));
    assert_false(holds(x, "model/model_index.json"));
    assert_true(x->result.validation > 0 && x->result.accuracy <= 1);
    the_text_of(x, x->out, "log.csv", whole, sizeof whole);
    assert_non_null(strstr(whole, "validation_q4,accuracy,accuracy_at_0\n"));
    CHECK_OK(x->ctx, um_model_open(&m, x->ctx, x->out, x->settings));
    assert_int_equal(um_sample(m, x->settings, NULL, &images), UM_BAD_ARG);
    CHECK_TOLD(x->ctx, "the model is a classifier");
    um_model_close(&m);
    memcpy(first, x->out, sizeof first);
    snprintf(x->out, sizeof x->out, "%s", scratch_path(s, "other"));
    again(x);
    set(x, "train.init=%s", first);
    assert_int_equal(go(x, false), UM_BAD_ARG);
    CHECK_TOLD(x->ctx, "train.task = denoiser, but the model is a classifier");
    close_subject(x);
}

static void a_model_without_a_null_class_cannot_drop_labels(void **state)
{
    scratch *s = *state;
    char start[SCRATCH_PATH];
    subject *x = open_subject(s);
    set(x, "model.class_conditional=%s", "true");
    set(x, "train.steps=%s", "0");
    CHECK_OK(x->ctx, go(x, false));
    memcpy(start, x->out, sizeof start);
    snprintf(x->out, sizeof x->out, "%s", scratch_path(s, "fine"));
    again(x);
    set(x, "train.init=%s", start);
    set(x, "train.label_dropout=%s", "0.1");
    assert_int_equal(go(x, false), UM_BAD_ARG);
    CHECK_TOLD(x->ctx, "train.label_dropout = 0.1, but the model has no null class");
    close_subject(x);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(label_dropout_teaches_the_null_class),
        TEST(a_classifier_is_trained_and_resumed),
        TEST(a_model_without_a_null_class_cannot_drop_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include "train/checkpoint.h"

#include "io/safetensors.h"
#include "io/unet_file.h"
#include "support/scratch.h"
#include "train/tiny.h"

#include <math.h>

typedef struct subject {
    um_ctx *ctx;
    tiny t;
    um_trainer *trainer;
    um_params *params;
} subject;

static subject *open_wide(um_ctx *ctx, int channels, double ema_decay)
{
    subject *s = test_calloc(1, sizeof *s);
    s->ctx = ctx;
    ctx->threads = 1;
    CHECK_OK(ctx, tiny_begin(&s->t, ctx));
    s->t.settings.ema_decay = ema_decay;
    CHECK_OK(ctx, tiny_network(&s->t, channels));
    s->params = um_unet_params(s->t.unet);
    CHECK_OK(ctx, um_trainer_open(&s->trainer, ctx, s->t.unet, &s->t.schedule, &s->t.settings,
                                  TINY_SIDE, TINY_SIDE));
    return s;
}

static subject *open_subject(um_ctx *ctx) { return open_wide(ctx, 4, 0.99); }

static void close_subject(subject *s)
{
    um_trainer_close(&s->trainer);
    tiny_end(&s->t);
    test_free(s);
}

/* Step 7, gone back behind a batch twice. */
static const um_progress somewhere = {
    .step = 7, .images = 36, .seconds = 1.0 / 3, .loss_sum = 0.1 + 0.2, .loss_count = 3,
    .guard = { .skipped = 3, .skipped_in_row = 1, .rollbacks = 2, .returns = 2, .target = 4,
               .losses = 123, .loss_mean = 1.0 / 7, .loss_variance = 1e-300 / 3 },
};

/* Numbers of our own in every block: no two alike. */
static void fill(subject *s)
{
    um_optimizer_state *o = um_trainer_optimizer(s->trainer);
    um_real *const blocks[] = { s->params->values, o->m, o->v, o->ema };
    for (int k = 0; k < 4; k++)
        for (int i = 0; i < s->params->count && blocks[k]; i++) {
            const um_param *p = s->params->list[i];
            const um_random r = { 3, UM_STREAM_TEST, (uint64_t)(1000 * k + i) };
            um_random_normal(&r, blocks[k] + um_params_offset(s->params, p),
                             um_shape_count(p->shape));
        }
    o->step = somewhere.step;
    o->updates = 4;
}

/* A path that stays good, in one of two places. */
static const char *place(scratch *f, const char *name, int which)
{
    static char text[2][SCRATCH_PATH];
    return strcpy(text[which], scratch_path(f, name));
}

static void save(subject *s, const char *folder)
{
    fill(s);
    CHECK_OK(s->ctx,
             um_checkpoint_save(s->ctx, folder, s->trainer, &s->t.scheduler, &somewhere));
}

static void what_is_saved_is_loaded_bit_for_bit(void **state)
{
    scratch *f = *state;
    for (int average = 0; average < 2; average++) {
        subject *a = open_wide(&f->ctx, 4, average ? 0.99 : 0);
        subject *b = open_wide(&f->ctx, 4, average ? 0.99 : 0);
        const char *folder = scratch_path(f, average ? "with" : "without");
        um_progress p;
        save(a, folder);
        CHECK_OK(b->ctx, um_checkpoint_load(b->ctx, folder, b->trainer, &p));
        const um_optimizer_state *x = um_trainer_optimizer(a->trainer);
        const um_optimizer_state *y = um_trainer_optimizer(b->trainer);
        const size_t bytes = a->params->padded * sizeof(um_real);
        assert_memory_equal(a->params->values, b->params->values, bytes);
        assert_memory_equal(x->m, y->m, bytes);
        assert_memory_equal(x->v, y->v, bytes);
        if (average) assert_memory_equal(x->ema, y->ema, bytes);
        assert_int_equal(y->step, 7);
        assert_int_equal(y->updates, 4);
        assert_true(p.step == 7 && p.images == 36 && p.loss_count == 3);
        assert_memory_equal(&p.guard, &somewhere.guard, sizeof p.guard);
        assert_true(p.seconds == somewhere.seconds && p.loss_sum == somewhere.loss_sum);
        close_subject(a);
        close_subject(b);
    }
}

/* A log that cannot be written must not cost its rows when the run stops meanwhile. */
static void rows_that_wait_are_kept(void **state)
{
    scratch *f = *state;
    const char *folder = scratch_path(f, "step");
    subject *s = open_subject(&f->ctx);
    um_progress p = somewhere;
    char *rows;
    save(s, folder);
    CHECK_OK(s->ctx, um_checkpoint_rows(s->ctx, folder, &rows));
    assert_null(rows);
    p.rows = "6,24,0.5\n7,28,0.25\n";
    CHECK_OK(s->ctx, um_checkpoint_save(s->ctx, folder, s->trainer, &s->t.scheduler, &p));
    CHECK_OK(s->ctx, um_checkpoint_rows(s->ctx, folder, &rows));
    assert_string_equal(rows, p.rows);
    um_free(s->ctx, rows);
    assert_int_equal(um_checkpoint_rows(s->ctx, scratch_path(f, "none"), &rows), UM_BAD_FILE);
    assert_null(rows);
    close_subject(s);
}

/* Some losses of each timestep. */
static void learn(subject *s, int n)
{
    for (int i = 0; i < n; i++)
        for (int t = 0; t < 100; t++)
            um_timestep_sampler_learn(um_trainer_timesteps(s->trainer), 1, &t,
                                      &(double){ t + 0.1 * i });
}

static subject *open_learning(um_ctx *ctx)
{
    subject *s = open_subject(ctx);
    um_trainer_close(&s->trainer);
    s->t.settings.timestep_sampling = UM_TIMESTEPS_LOSS_SECOND_MOMENT;
    CHECK_OK(ctx, um_trainer_open(&s->trainer, ctx, s->t.unet, &s->t.schedule, &s->t.settings,
                                  TINY_SIDE, TINY_SIDE));
    return s;
}

static void losses_of_timesteps_are_kept(void **state)
{
    scratch *f = *state;
    const char *folder = place(f, "saved", 0);
    for (int n = 7; n <= 13; n += 6) {
        subject *a = open_learning(&f->ctx), *b = open_learning(&f->ctx);
        um_progress p;
        learn(a, n);
        save(a, folder);
        CHECK_OK(&f->ctx, um_checkpoint_load(&f->ctx, folder, b->trainer, &p));
        const um_timestep_sampler *x = um_trainer_timesteps(a->trainer);
        const um_timestep_sampler *y = um_trainer_timesteps(b->trainer);
        assert_memory_equal(x->history, y->history, 100 * UM_LOSS_HISTORY * sizeof *x->history);
        assert_memory_equal(x->count, y->count, 100 * sizeof *x->count);
        assert_memory_equal(x->cumulative, y->cumulative, 100 * sizeof *x->cumulative);
        assert_true(x->warm == (n == 13) && y->warm == x->warm);
        close_subject(a);
        close_subject(b);
    }
}

static void losses_that_cannot_be_are_refused(void **state)
{
    scratch *f = *state;
    const char *folder = place(f, "saved", 0);
    static const float losses[] = { -1, INFINITY, NAN, 1 }, counts[] = { 1, 1, 1, 2.5f };
    static const char *const told[] = { "a loss of -1 at timestep 3", "a loss of inf",
                                        "a loss of", "2.5 losses of timestep 3 (0 to 10)" };
    subject *s = open_learning(&f->ctx);
    um_progress p;
    for (size_t i = 0; i < UM_COUNT(losses); i++) {
        um_trainer_timesteps(s->trainer)->history[3 * UM_LOSS_HISTORY] = losses[i];
        um_trainer_timesteps(s->trainer)->count[3] = counts[i];
        save(s, folder);
        assert_int_equal(um_checkpoint_load(&f->ctx, folder, s->trainer, &p), UM_BAD_FILE);
        CHECK_TOLD(&f->ctx, told[i]);
        CHECK_TOLD(&f->ctx, "training_state.safetensors");
    }
    close_subject(s);
    s = open_subject(&f->ctx); /* a run that drew uniformly has none */
    save(s, folder);
    close_subject(s);
    s = open_learning(&f->ctx);
    assert_int_equal(um_checkpoint_load(&f->ctx, folder, s->trainer, &p), UM_BAD_FILE);
    CHECK_TOLD(&f->ctx, "timesteps.history");
    close_subject(s);
}

/* The averaged weights are the model; the raw ones stand beside. */
static void the_model_is_the_average(void **state)
{
    scratch *f = *state;
    subject *s = open_subject(&f->ctx);
    const char *folder = place(f, "saved", 0), *model = place(f, "model", 1);
    const size_t bytes = s->params->padded * sizeof(um_real);
    save(s, folder);
    CHECK_OK(&f->ctx, um_checkpoint_save_model(&f->ctx, model, s->trainer, &s->t.scheduler));
    const char *const folders[] = { folder, model };
    for (int k = 0; k < 2; k++) {
        um_model_folder found;
        um_unet *unet;
        CHECK_OK(&f->ctx, um_model_folder_find(&f->ctx, &found, folders[k], false));
        assert_non_null(found.scheduler);
        assert_int_equal(found.state != NULL, k == 0);
        CHECK_OK(&f->ctx, um_unet_file_load(&unet, &f->ctx, found.unet));
        assert_memory_equal(um_unet_params(unet)->values, um_trainer_optimizer(s->trainer)->ema,
                            bytes);
        if (k == 0) {
            CHECK_OK(&f->ctx, um_checkpoint_load_raw(&f->ctx, folder, unet));
            assert_memory_equal(um_unet_params(unet)->values, s->params->values, bytes);
        }
        um_unet_close(&unet);
        um_model_folder_free(&f->ctx, &found);
    }
    assert_int_equal(scratch_entries(f, f->folder), 2);
    close_subject(s);
}

static void every_missing_part_is_named(void **state)
{
    scratch *f = *state;
    static const char *const parts[] = { "training_state.json", "training_state.safetensors",
                                         "unet/diffusion_pytorch_model.safetensors" };
    subject *s = open_subject(&f->ctx);
    um_progress p;
    const char *folder = place(f, "saved", 0);
    for (size_t i = 0; i < UM_COUNT(parts); i++) {
        char part[SCRATCH_PATH * 2];
        save(s, folder);
        snprintf(part, sizeof part, "%s/%s", folder, parts[i]);
        assert_int_equal(unlink(part), 0);
        assert_int_equal(um_checkpoint_load(&f->ctx, folder, s->trainer, &p), UM_BAD_FILE);
        CHECK_TOLD(&f->ctx, strrchr(part, '/') + 1);
    }
    assert_int_equal(
        um_checkpoint_load(&f->ctx, scratch_path(f, "nowhere"), s->trainer, &p), UM_BAD_FILE);
    assert_int_equal(um_checkpoint_load_raw(&f->ctx, scratch_path(f, "nowhere"), s->t.unet),
                     UM_BAD_FILE);
    close_subject(s);
}

static void another_shape_is_refused_by_name(void **state)
{
    scratch *f = *state;
    subject *a = open_wide(&f->ctx, 4, 0), *b = open_wide(&f->ctx, 8, 0);
    const char *folder = place(f, "saved", 0);
    um_progress p;
    save(a, folder);
    assert_int_equal(um_checkpoint_load(&f->ctx, folder, b->trainer, &p), UM_BAD_FILE);
    CHECK_TOLD(&f->ctx, "raw.conv_in.weight");
    CHECK_TOLD(&f->ctx, "training_state.safetensors");
    assert_int_equal(um_checkpoint_load_raw(&f->ctx, folder, b->t.unet), UM_BAD_FILE);
    close_subject(a);
    close_subject(b);
}

static const struct counter_case {
    const char *text, *told, *why;
} counter_cases[] = {
    { "{", "training_state.json", "no JSON" },
    { "{}", "version", "nothing in it" },
    { "{\"version\": 2, \"step\": 7, \"images\": 28, \"seconds\": 1, \"loss_sum\": 1, "
      "\"loss_count\": 3}", "version", "from the future" },
    { "{\"version\": 1, \"step\": -1, \"images\": -4, \"seconds\": 1, \"loss_sum\": 1, "
      "\"loss_count\": 0}", "step", "before the start" },
    { "{\"version\": 1, \"step\": 13, \"images\": 52, \"seconds\": 1, \"loss_sum\": 1, "
      "\"loss_count\": 0}", "step", "behind the end" },
    { "{\"version\": 1, \"step\": 7, \"images\": 29, \"seconds\": 1, \"loss_sum\": 1, "
      "\"loss_count\": 3}", "images", "images that no batches make" },
    { "{\"version\": 1, \"step\": 7, \"images\": 9223372036854775807, \"seconds\": 1, "
      "\"loss_sum\": 1, \"loss_count\": 3}", "images", "more than can be counted on" },
    { "{\"version\": 1, \"step\": 7, \"images\": 28, \"seconds\": 1, \"loss_sum\": 1, "
      "\"loss_count\": 8}", "loss_count", "more losses than steps" },
    { "{\"version\": 1, \"step\": 7, \"images\": 28, \"seconds\": 1, \"loss_count\": 3}",
      "loss_sum", "a counter is missing" },
    { "{\"version\": 1, \"step\": \"7\", \"images\": 28, \"seconds\": 1, \"loss_sum\": 1, "
      "\"loss_count\": 3}", "step", "a text for a number" },
    { "{\"version\": 1, \"step\": 7, \"images\": 32, \"seconds\": 1, \"loss_sum\": 1, "
      "\"loss_count\": 3}", "images", "images gone back behind without a return" },
    { "{\"version\": 1, \"step\": 7, \"images\": 33, \"seconds\": 1, \"loss_sum\": 1, "
      "\"loss_count\": 3, \"rollbacks\": 1}", "images", "half a batch gone back behind" },
    { "{\"version\": 1, \"step\": 7, \"images\": 28, \"seconds\": 1, \"loss_sum\": 1, "
      "\"loss_count\": 3, \"updates\": 8}", "updates", "more updates than steps" },
    { "{\"version\": 1, \"step\": 7, \"images\": 28, \"seconds\": 1, \"loss_sum\": 1, "
      "\"loss_count\": 3, \"loss_variance\": -1}", "loss_variance", "no square" },
};

/* What a program without the guard has written. */
static void older_counters_say_that_nothing_has_gone_bad(void **state)
{
    scratch *f = *state;
    static const char text[] = "{\"version\": 1, \"step\": 7, \"images\": 28, \"seconds\": 1, "
                               "\"loss_sum\": 1, \"loss_count\": 3}";
    subject *s = open_subject(&f->ctx);
    const char *folder = place(f, "saved", 0);
    um_progress p = somewhere;
    save(s, folder);
    scratch_write(f, "saved/training_state.json", text, strlen(text));
    CHECK_OK(&f->ctx, um_checkpoint_load(&f->ctx, folder, s->trainer, &p));
    assert_memory_equal(&p.guard, &(um_guard){ .skipped = 0 }, sizeof p.guard);
    assert_int_equal(um_trainer_optimizer(s->trainer)->updates, 7);
    close_subject(s);
}

static void counters_that_cannot_be_are_refused(void **state)
{
    scratch *f = *state;
    subject *s = open_subject(&f->ctx);
    const char *folder = place(f, "saved", 0);
    um_progress p;
    save(s, folder);
    for (size_t i = 0; i < UM_COUNT(counter_cases); i++) {
        const struct counter_case *k = &counter_cases[i];
        print_message("%s\n", k->why);
        scratch_write(f, "saved/training_state.json", k->text, strlen(k->text));
        assert_int_equal(um_checkpoint_load(&f->ctx, folder, s->trainer, &p), UM_BAD_FILE);
        CHECK_TOLD(&f->ctx, k->told);
        CHECK_TOLD(&f->ctx, "training_state.json");
    }
    close_subject(s);
}

static void a_cut_file_is_refused(void **state)
{
    scratch *f = *state;
    subject *s = open_subject(&f->ctx);
    const char *folder = place(f, "saved", 0);
    const char *numbers = place(f, "saved/training_state.safetensors", 1);
    um_progress p;
    static const long left[] = { 0, 7, 100, 5000 };
    for (size_t i = 0; i < UM_COUNT(left); i++) {
        save(s, folder);
        assert_int_equal(truncate(numbers, left[i]), 0);
        assert_int_equal(um_checkpoint_load(&f->ctx, folder, s->trainer, &p), UM_BAD_FILE);
        CHECK_TOLD(&f->ctx, numbers);
    }
    close_subject(s);
}

/* Nothing is left where it would have stood, and what stands there is as it was. */
static void what_is_not_finite_is_not_written(void **state)
{
    scratch *f = *state;
    subject *s = open_subject(&f->ctx);
    const char *folder = place(f, "saved", 0), *model = place(f, "model", 1);
    const um_optimizer_state *o = um_trainer_optimizer(s->trainer);
    const size_t at = um_params_offset(s->params, um_params_find(s->params, "conv_out.bias"));
    const struct {
        um_real *number;
        const char *told;
    } cases[] = { { &s->params->values[at], "raw.conv_out.bias" },
                  { &o->m[at], "m.conv_out.bias" },
                  { &o->v[at], "v.conv_out.bias" },
                  { &o->ema[at], "average.conv_out.bias" } };
    um_progress p;
    for (int written = 0; written < 2; written++) {
        for (size_t i = 0; i < UM_COUNT(cases); i++) {
            fill(s);
            *cases[i].number = i % 2 ? NAN : INFINITY;
            assert_int_equal(um_checkpoint_save(&f->ctx, folder, s->trainer, &s->t.scheduler,
                                                &somewhere), UM_NOT_FINITE);
            CHECK_TOLD(&f->ctx, cases[i].told);
            CHECK_TOLD(&f->ctx, "saved: not written");
            assert_int_equal(scratch_entries(f, f->folder), written);
        }
        if (!written) save(s, folder);
    }
    CHECK_OK(&f->ctx, um_checkpoint_load(&f->ctx, folder, s->trainer, &p));
    o->ema[at] = NAN;
    assert_int_equal(um_checkpoint_save_model(&f->ctx, model, s->trainer, &s->t.scheduler),
                     UM_NOT_FINITE);
    CHECK_TOLD(&f->ctx, "conv_out.bias");
    assert_int_equal(scratch_entries(f, f->folder), 1);
    close_subject(s);
}

/* Each as an earlier version might have written it. */
static void what_is_not_finite_is_not_loaded(void **state)
{
    scratch *f = *state;
    subject *s = open_subject(&f->ctx);
    const char *folder = place(f, "saved", 0);
    const char *numbers = place(f, "saved/training_state.safetensors", 1);
    static const char *const names[] = { "raw.conv_in.weight", "m.conv_out.bias",
                                         "v.conv_in.weight" };
    um_progress p;
    for (size_t i = 0; i < UM_COUNT(names); i++) {
        um_safetensors st;
        const float bad = NAN;
        save(s, folder);
        CHECK_OK(&f->ctx, um_safetensors_open(&st, &f->ctx, numbers));
        const um_stored *stored = um_safetensors_find(&st, names[i]);
        FILE *file = fopen(numbers, "r+b");
        assert_non_null(file);
        assert_int_equal(fseek(file, (long)stored->begin, SEEK_SET), 0);
        assert_int_equal(fwrite(&bad, sizeof bad, 1, file), 1);
        fclose(file);
        um_safetensors_close(&st);
        assert_int_equal(um_checkpoint_load(&f->ctx, folder, s->trainer, &p), UM_BAD_FILE);
        CHECK_TOLD(&f->ctx, names[i]);
        CHECK_TOLD(&f->ctx, "value 0 is not a number");
    }
    close_subject(s);
}

/* A file where the folder should stand: said, and left. */
static void what_stands_in_the_way_stays(void **state)
{
    scratch *f = *state;
    subject *s = open_subject(&f->ctx);
    scratch_write(f, "taken", "mine", 4);
    const char *const places[] = { scratch_path(f, "taken"), scratch_path(f, "taken/below") };
    fill(s);
    for (size_t i = 0; i < UM_COUNT(places); i++) {
        assert_int_equal(um_checkpoint_save(&f->ctx, places[i], s->trainer, &s->t.scheduler,
                                            &somewhere), UM_IO);
        assert_int_equal(um_checkpoint_save_model(&f->ctx, places[i], s->trainer,
                                                  &s->t.scheduler), UM_IO);
        CHECK_TOLD(&f->ctx, "taken");
    }
    assert_int_equal(scratch_entries(f, f->folder), 1);
    assert_true(um_path_is_file(places[0]));
    close_subject(s);
}

int main(void)
{
    if (um_path_is_folder("/dev/shm")) /* hundreds of flushes, which cost nothing there */
        setenv("TMPDIR", "/dev/shm", 0);
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_is_saved_is_loaded_bit_for_bit),
        TEST(rows_that_wait_are_kept),
        TEST(losses_of_timesteps_are_kept),
        TEST(losses_that_cannot_be_are_refused),
        TEST(the_model_is_the_average),
        TEST(every_missing_part_is_named),
        TEST(another_shape_is_refused_by_name),
        TEST(older_counters_say_that_nothing_has_gone_bad),
        TEST(counters_that_cannot_be_are_refused),
        TEST(a_cut_file_is_refused),
        TEST(what_is_not_finite_is_not_written),
        TEST(what_is_not_finite_is_not_loaded),
        TEST(what_stands_in_the_way_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

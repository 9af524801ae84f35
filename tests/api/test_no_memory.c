/* SPDX-License-Identifier: MIT
 * test_no_memory.c - every public call with its n-th allocation failing, n = 1, 2, ... until it
 * succeeds: UM_NO_MEMORY and a message each time, no file in its place, nothing left allocated.
 *
 * What jansson takes counts with what the library takes; the other libraries' own memory fails in
 * tests/faults/test_no_memory.py. Where a call allocates very often, n grows by steps behind the
 * first few; with UM_EVERY=1 every n is tried. tests/hygiene (no_memory) holds the rows to the
 * headers. */
#include <jansson.h>

#include "api/small_world.h"
#include "support/failing.h"

enum { TEXT = SCRATCH_PATH + 64, TEXTS = 6 };

static failing allocator;

static void *counted(size_t bytes)
{
    return failing_alloc(&allocator, bytes);
}

static void uncounted(void *p) { failing_free(&allocator, p); }

/* A row's call at work. */
typedef struct trial {
    um_ctx *ctx;
    um_settings *s;
    um_model *m;
    um_dataset *d;
    um_images *given, *images;
    um_likelihood *l;
    um_agreement *a;
    um_edit edit;
    char *text;
} trial;

typedef um_status act(trial *t);

typedef struct row {
    const char *function;
    act *before; /* with memory enough */
    act *call;
    const char *settings[TEXTS];
    bool silent; /* the function has no status to tell */
} row;

static const char *in_out(const char *name)
{
    static char path[TEXT];
    snprintf(path, sizeof path, "%s/%s", out, name);
    return path;
}

/* ---- what calls need to be there ---- */

static um_status no_handle(trial *t)
{
    (void)t;
    return UM_OK;
}

/* Without a [model], which a bench of a folder does not take. */
static um_status with_plain_settings(trial *t)
{
    um_settings_close(&t->s);
    UM_TRY(um_settings_open(&t->s, t->ctx));
    UM_TRY(um_settings_set(t->s, "run.threads=1"));
    return um_settings_set(t->s, "sample.batch=2");
}

static um_status with_model(trial *t) { return um_model_open(&t->m, t->ctx, model, t->s); }
static um_status with_data(trial *t) { return um_data_open(&t->d, t->s, NULL); }

static um_status with_images(trial *t)
{
    UM_TRY(with_model(t));
    return um_sample(t->m, t->s, NULL, &t->images);
}

static um_status with_pictures(trial *t)
{
    const char *const paths[] = { picture, picture };
    UM_TRY(with_model(t));
    UM_TRY(um_edit_read(&t->given, t->m, t->s, paths, 2));
    t->edit = (um_edit){ .images = t->given, .mask = mask };
    return UM_OK;
}

static um_status with_likelihood(trial *t)
{
    UM_TRY(with_model(t));
    return um_evaluate_likelihood(t->m, t->s, NULL, &t->l);
}

/* ---- the calls; each is a line of prose ---- */

static um_status open_context(trial *t)
{
    um_ctx *ctx;
    const um_options options = { .allocator = { failing_alloc, failing_free, &allocator } };
    const um_status status = um_open(&ctx, &options);
    (void)t;
    assert_true((status == UM_OK) == (ctx != NULL));
    um_close(&ctx);
    return status;
}

static um_status open_settings(trial *t)
{
    um_settings_close(&t->s);
    const um_status status = um_settings_open(&t->s, t->ctx);
    assert_true((status == UM_OK) == (t->s != NULL));
    return status;
}

static um_status read_settings(trial *t) { return um_settings_read(t->s, settings_file); }
static um_status set_setting(trial *t) { return um_settings_set(t->s, "sample.classes=0,2,1"); }
static um_status set_path(trial *t) { return um_settings_set(t->s, "data.path=/somewhere/else"); }
static um_status check_settings(trial *t) { return um_settings_check(t->s); }
static um_status get_setting(trial *t) { return um_settings_get(t->s, "data.path", &t->text); }
static um_status settings_text(trial *t) { return um_settings_text(t->s, &t->text); }
static um_status help(trial *t) { return um_settings_help(t->ctx, "train", &t->text); }
static um_status markdown(trial *t) { return um_settings_markdown(t->ctx, &t->text); }
static um_status open_data(trial *t) { return um_data_open(&t->d, t->s, NULL); }

static um_status describe_data(trial *t)
{
    um_data_facts facts;
    return um_data_describe(t->d, &facts);
}

static um_status sheet(trial *t) { return um_data_sheet(t->d, 6, 3, in_out("a/sheet.png")); }
static um_status open_model(trial *t) { return with_model(t); }

static um_status describe_model(trial *t)
{
    um_model_facts facts;
    um_model_describe(t->m, &facts);
    assert_int_equal(facts.channels, 1);
    return UM_OK;
}

static um_status forward(trial *t)
{
    static const float x[IMAGE];
    static float y[IMAGE];
    const double at = 3;
    const int label = 1;
    return um_model_forward(t->m, 1, 8, 8, x, &at, &label, y);
}

static um_status forward_file(trial *t)
{
    return um_model_forward_file(t->m, input, in_out("y.safetensors"), true);
}

static um_status export_model(trial *t) { return um_model_export(t->m, in_out("a/b"), "bf16"); }
static um_status draw(trial *t) { return um_sample(t->m, t->s, NULL, &t->images); }
static um_status explain(trial *t) { return um_sample_explain(t->m, t->s, &t->text); }
static um_status note(trial *t) { return um_images_note(t->images, "a key", "a value"); }

static um_status check_images(trial *t)
{
    return um_images_check(t->m, t->s, in_out("a/x.png"));
}

static um_status write_png(trial *t)
{
    return um_images_write(t->images, in_out("x.png"), NULL, NULL);
}

static um_status write_numbers(trial *t)
{
    return um_images_write(t->images, in_out("x.safetensors"), NULL, NULL);
}

static um_status read_pictures(trial *t)
{
    const char *const paths[] = { picture, data };
    return um_edit_read(&t->given, t->m, t->s, paths, 2);
}

static um_status check_edit(trial *t)
{
    return um_edit_check(t->m, t->s, &t->edit, in_out("x.png"));
}

static um_status run_edit(trial *t, um_edit_mode mode)
{
    t->edit.mode = mode;
    return um_edit_run(t->m, t->s, &t->edit, NULL, NULL, &t->images);
}

static um_status inpaint(trial *t) { return run_edit(t, UM_EDIT_INPAINT); }
static um_status from_image(trial *t) { return run_edit(t, UM_EDIT_FROM_IMAGE); }
static um_status interpolate(trial *t) { return run_edit(t, UM_EDIT_INTERPOLATE); }
static um_status invert(trial *t) { return run_edit(t, UM_EDIT_INVERT); }

static um_status likelihood(trial *t)
{
    return um_evaluate_likelihood(t->m, t->s, NULL, &t->l);
}

static um_status check_terms(trial *t) { return um_likelihood_check(t->s, in_out("a/t.csv")); }
static um_status write_terms(trial *t) { return um_likelihood_write(t->l, in_out("a/t.csv")); }
static um_status agreement(trial *t) { return um_evaluate_classes(t->m, t->s, NULL, &t->a); }

static um_status bench_of(trial *t, um_bench_kind kind, const char *of)
{
    static um_bench_result result;
    return um_bench_model(t->s, kind, of, &(um_bench_options){ .reps = 1 }, &result);
}

static um_status bench_train(trial *t) { return bench_of(t, UM_BENCH_TRAIN, NULL); }
static um_status bench_sample(trial *t) { return bench_of(t, UM_BENCH_SAMPLE, model); }

static void no_row(void *user, const um_bench_kernel *timed)
{
    (void)user, (void)timed;
}

static um_status bench_kernels(trial *t)
{
    return um_bench_kernels(t->s, "sum_squares", 1, &(um_bench_kernel_hooks){ .row = no_row });
}

/* A run folder may hold what was whole before. */
static um_status train(trial *t)
{
    um_training_result result;
    um_ctx plain;
    um_ctx_init(&plain);
    const um_status status = um_train_run(t->s, place("trained"), true, NULL, &result);
    CHECK_OK(&plain, um_folder_remove(&plain, place("trained")));
    return status;
}

#define JUDGED "sample.classifier=JUDGE"
static const row rows[] = {
    { "um_open", no_handle, open_context, { 0 }, true },
    { "um_settings_open", no_handle, open_settings },
    { "um_settings_read", no_handle, read_settings },
    { "um_settings_set", no_handle, set_setting },
    { "um_settings_set", no_handle, set_path },
    { "um_settings_check", no_handle, check_settings },
    { "um_settings_get", no_handle, get_setting },
    { "um_settings_text", no_handle, settings_text },
    { "um_settings_help", no_handle, help },
    { "um_settings_markdown", no_handle, markdown },
    { "um_data_open", no_handle, open_data, { "data.limit=5", "data.image_size=6", "data.pad=1" } },
    { "um_data_describe", with_data, describe_data },
    { "um_data_sheet", with_data, sheet },
    { "um_model_open", no_handle, open_model },
    { "um_model_describe", with_model, describe_model, { 0 }, true },
    { "um_model_forward", with_model, forward },
    { "um_model_forward_file", with_model, forward_file },
    { "um_model_export", with_model, export_model },
    { "um_sample", with_model, draw },
    { "um_sample", with_model, draw, { "sample.guidance=3", "sample.sampler=pndm" } },
    { "um_sample", with_model, draw, { "sample.sampler=sde_adaptive", "sample.rtol=1" } },
    { "um_sample", with_model, draw, { JUDGED } },
    { "um_sample_explain", with_model, explain },
    { "um_images_note", with_images, note },
    { "um_images_check", with_model, check_images, { JUDGED } },
    { "um_images_write", with_images, write_png, { "sample.trajectory=1" } },
    { "um_images_write", with_images, write_png, { "sample.format=single", "sample.count=2" } },
    { "um_images_write", with_images, write_numbers, { "sample.trajectory=1" } },
    { "um_edit_read", with_model, read_pictures },
    { "um_edit_check", with_pictures, check_edit },
    { "um_edit_run", with_pictures, inpaint },
    { "um_edit_run", with_pictures, from_image },
    { "um_edit_run", with_pictures, interpolate, { "edit.frames=3" } },
    { "um_edit_run", with_pictures, invert },
    { "um_evaluate_likelihood", with_model, likelihood },
    { "um_likelihood_check", no_handle, check_terms, { "evaluate.likelihood=both" } },
    { "um_likelihood_write", with_likelihood, write_terms },
    { "um_evaluate_classes", with_model, agreement, { "evaluate.classifier=JUDGE" } },
    { "um_bench_model", no_handle, bench_train, { "train.batch=2", "data.image_size=8" } },
    { "um_bench_model", with_plain_settings, bench_sample },
    { "um_bench_kernels", no_handle, bench_kernels, { "train.batch=1", "run.isa=scalar" } },
    { "um_train_run", no_handle, train, { "train.steps=1", "train.sample_every=1",
                                        "model.class_conditional=true" } },
    { "um_train_run", no_handle, train, { "train.steps=1", "train.task=classifier" } },
};

/* Public functions that allocate nothing, and why that can be known. */
static const struct {
    const char *function, *why;
} allocates_nothing[] = {
    { "um_close", "gives back" },
    { "um_message", "a pointer into the context" },
    { "um_version", "a constant" },
    { "um_machine_describe", "has no context" },
    { "um_status_text", "a constant" },
    { "um_status_exit", "a number" },
    { "um_settings_close", "gives back" },
    { "um_word_nearest", "has no context" },
    { "um_printable", "has no context" },
    { "um_text_release", "gives back" },
    { "um_data_close", "gives back" },
    { "um_data_class", "pointers into the data" },
    { "um_model_close", "gives back" },
    { "um_model_parameter", "pointers into the model" },
    { "um_sampler_describe", "has no context" },
    { "um_images_close", "gives back" },
    { "um_images_data", "a pointer into the images" },
    { "um_images_steps", "numbers" },
    { "um_likelihood_close", "gives back" },
    { "um_likelihood_describe", "a copy of numbers and pointers" },
    { "um_likelihood_at", "a copy of numbers" },
    { "um_agreement_close", "gives back" },
    { "um_agreement_describe", "a copy of numbers" },
    { "um_agreement_count", "a number" },
};

/* ---- trials ---- */

static um_status open_trial(trial *t, const row *r)
{
    const um_options options = { .allocator = { failing_alloc, failing_free, &allocator } };
    UM_TRY(um_open(&t->ctx, &options));
    UM_TRY(open_tiny(&t->s, t->ctx, data));
    for (size_t i = 0; i < UM_COUNT(common); i++) UM_TRY(um_settings_set(t->s, common[i]));
    for (int i = 0; i < TEXTS && r->settings[i]; i++) {
        char text[2 * SCRATCH_PATH];
        const char *at = strstr(r->settings[i], "JUDGE");
        snprintf(text, sizeof text, "%.*s%s", at ? (int)(at - r->settings[i]) : 400,
                 r->settings[i], at ? judge : "");
        UM_TRY(um_settings_set(t->s, text));
    }
    return r->before(t);
}

static void close_trial(trial *t)
{
    um_text_release(t->ctx, &t->text);
    um_likelihood_close(&t->l);
    um_agreement_close(&t->a);
    um_images_close(&t->images);
    um_images_close(&t->given);
    um_data_close(&t->d);
    um_model_close(&t->m);
    um_settings_close(&t->s);
    um_close(&t->ctx);
}

/* The call with its n-th allocation failing; false once none does. */
static bool fails_at(const row *r, long n)
{
    trial t = { 0 };
    um_ctx plain;
    um_ctx_init(&plain);
    CHECK_OK(&plain, um_folder_make(&plain, out));
    allocator = (failing){ 0 };
    const um_status ready = open_trial(&t, r);
    if (ready != UM_OK) fail_msg("%s: %s", r->function, t.ctx ? um_message(t.ctx) : "");
    allocator.fail_at = allocator.asked + n;
    const um_status status = r->call(&t);
    allocator.fail_at = 0;
    const bool failed = allocator.failed;
    if (failed && !r->silent) {
        if (status != UM_NO_MEMORY)
            fail_msg("%s, allocation %ld: %s: %s", r->function, n, um_status_text(status),
                     um_message(t.ctx));
        if (!strstr(um_message(t.ctx), "no memory"))
            fail_msg("%s, allocation %ld: \"%s\"", r->function, n, um_message(t.ctx));
        if (t.images && r->before != with_images) fail_msg("%s: images", r->function);
        if (t.text || t.a) fail_msg("%s: an output was touched", r->function);
        if (r->call != write_png && scratch_entries(world, out) != um_path_holds(out, "a"))
            fail_msg("%s, allocation %ld: a file is left", r->function, n);
    } else if (status != UM_OK && !r->silent) {
        fail_msg("%s: %s", r->function, um_message(t.ctx));
    }
    close_trial(&t);
    if (allocator.alive)
        fail_msg("%s, allocation %ld: %ld left", r->function, n, allocator.alive);
    CHECK_OK(&plain, um_folder_remove(&plain, out));
    return failed;
}

/* Every n of the few first, then ever larger steps. */
static long next(long n)
{
    return n + (n < 40 || getenv("UM_EVERY") ? 1 : n / 12);
}

static void every_call_survives_the_nth_allocation_failing(void **state)
{
    (void)state;
    const char *only = getenv("UM_ONLY");
    for (size_t i = 0; i < UM_COUNT(rows); i++) {
        long n = 1, tried = 1;
        const double begun = um_seconds();
        if (only && strcmp(only, rows[i].function) != 0) continue;
        while (fails_at(&rows[i], n)) n = next(n), tried++;
        print_message("%-24s %4ld of %4ld, %.2f s\n", rows[i].function, tried - 1,
                      allocator.asked, um_seconds() - begun);
    }
}

static void what_allocates_nothing_is_no_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < UM_COUNT(allocates_nothing); i++) {
        assert_true(strlen(allocates_nothing[i].why) > 0);
        for (size_t k = 0; k < UM_COUNT(rows); k++)
            assert_string_not_equal(allocates_nothing[i].function, rows[k].function);
    }
}

static int setup(void **state)
{
    if (world_setup(state) != 0) return -1;
    json_set_alloc_funcs(counted, uncounted);
    return 0;
}

int main(void)
{
    if (um_path_is_folder("/dev/shm")) /* thousands of flushes, which cost nothing there */
        setenv("TMPDIR", "/dev/shm", 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_survives_the_nth_allocation_failing),
        cmocka_unit_test(what_allocates_nothing_is_no_row),
    };
    return cmocka_run_group_tests(tests, setup, scratch_teardown);
}

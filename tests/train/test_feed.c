/* SPDX-License-Identifier: MIT */
#include "train/feed.h"

#include "train/tiny.h"

#include <math.h>

/* A feed over the tiny images, and a batch. */
typedef struct fed {
    um_ctx ctx;
    tiny t;
    um_timestep_sampler timesteps;
    um_feed feed;
    um_batch batch;
} fed;

static fed *open_fed(int n)
{
    fed *f = test_calloc(1, sizeof *f);
    um_ctx_init(&f->ctx);
    CHECK_OK(&f->ctx, tiny_begin(&f->t, &f->ctx));
    CHECK_OK(&f->ctx,
             um_timestep_sampler_init(&f->ctx, &f->timesteps, UM_TIMESTEPS_UNIFORM, 100));
    CHECK_OK(&f->ctx, um_feed_init(&f->feed, &f->ctx, &f->t.data, &f->t.schedule, &f->timesteps,
                                   &f->t.settings));
    CHECK_OK(&f->ctx, um_batch_init(&f->ctx, &f->batch, n, TINY_IMAGE));
    return f;
}

static void close_fed(fed *f)
{
    um_feed_free(&f->feed);
    um_batch_free(&f->ctx, &f->batch);
    tiny_end(&f->t);
    test_free(f);
}

/* Which of the images is the i-th of the batch, and is it mirrored? (tiny_images) */
static int image_of(const um_batch *batch, int i, bool *mirrored)
{
    const float *x = batch->x0 + i * TINY_IMAGE;
    *mirrored = x[0] != 1.0f;
    assert_true(x[*mirrored ? TINY_SIDE - 1 : 0] == 1.0f);
    return (int)lround((x[1] + 1) * 127.5 / 10);
}

static void each_epoch_shows_every_image_once(void **state)
{
    (void)state;
    fed *f = open_fed(TINY_COUNT);
    int order[6][TINY_COUNT], moved = 0;
    for (int epoch = 0; epoch < 6; epoch++) {
        int seen[TINY_COUNT] = { 0 };
        CHECK_OK(&f->ctx, um_feed_training(&f->feed, epoch * TINY_COUNT, &f->batch));
        for (int i = 0; i < TINY_COUNT; i++) {
            bool mirrored;
            order[epoch][i] = image_of(&f->batch, i, &mirrored);
            assert_in_range(order[epoch][i], 0, TINY_COUNT - 1);
            seen[order[epoch][i]]++;
        }
        for (int i = 0; i < TINY_COUNT; i++) assert_int_equal(seen[i], 1);
        for (int i = 0; epoch && i < TINY_COUNT; i++) moved += order[epoch][i] != order[0][i];
    }
    assert_true(moved > 5 * TINY_COUNT / 2); /* in another order each time */
    close_fed(f);
}

/* Batches of 4 over epochs of 10, in any order and from a fresh feed, are pieces of one row. */
static void the_position_alone_decides(void **state)
{
    (void)state;
    enum { ALL = 24, PART = 4 };
    fed *whole = open_fed(ALL);
    CHECK_OK(&whole->ctx, um_feed_training(&whole->feed, 0, &whole->batch));
    for (int from = ALL - PART; from >= 0; from -= PART) {
        fed *part = open_fed(PART);
        CHECK_OK(&part->ctx, um_feed_training(&part->feed, from, &part->batch));
        const um_batch *a = &part->batch, *b = &whole->batch;
        assert_memory_equal(a->x0, b->x0 + from * TINY_IMAGE, PART * TINY_IMAGE * sizeof *a->x0);
        assert_memory_equal(a->noise, b->noise + from * TINY_IMAGE,
                            PART * TINY_IMAGE * sizeof *a->noise);
        assert_memory_equal(a->t, b->t + from, PART * sizeof *a->t);
        close_fed(part);
    }
    close_fed(whole);
}

static void another_seed_shows_something_else(void **state)
{
    (void)state;
    fed *a = open_fed(TINY_COUNT), *b = open_fed(TINY_COUNT);
    b->feed.seed++;
    CHECK_OK(&a->ctx, um_feed_training(&a->feed, 0, &a->batch));
    CHECK_OK(&b->ctx, um_feed_training(&b->feed, 0, &b->batch));
    assert_memory_not_equal(a->batch.x0, b->batch.x0, TINY_COUNT * TINY_IMAGE * sizeof(float));
    assert_memory_not_equal(a->batch.noise, b->batch.noise, TINY_IMAGE * sizeof(float));
    assert_memory_not_equal(a->batch.t, b->batch.t, TINY_COUNT * sizeof(int));
    close_fed(a);
    close_fed(b);
}

/* 4000 draws: chances beyond these bounds are below 1e-6, and the seed is fixed. */
static void half_are_mirrored_and_timesteps_are_uniform(void **state)
{
    (void)state;
    enum { DRAWS = 4000, BINS = 10 };
    fed *f = open_fed(DRAWS);
    int mirrored = 0, by_image[TINY_COUNT] = { 0 }, bin[BINS] = { 0 };
    double sum = 0, squares = 0;
    CHECK_OK(&f->ctx, um_feed_training(&f->feed, 0, &f->batch));
    for (int i = 0; i < DRAWS; i++) {
        bool m;
        const int image = image_of(&f->batch, i, &m);
        mirrored += m;
        by_image[image] += m;
        assert_in_range(f->batch.t[i], 0, 99);
        bin[f->batch.t[i] / (100 / BINS)]++;
        assert_int_equal(f->batch.labels[i], 0);
    }
    for (int i = 0; i < DRAWS * TINY_IMAGE; i++) {
        sum += (double)f->batch.noise[i];
        squares += (double)f->batch.noise[i] * (double)f->batch.noise[i];
    }
    assert_in_range(mirrored, DRAWS / 2 - 160, DRAWS / 2 + 160);
    for (int i = 0; i < TINY_COUNT; i++) assert_in_range(by_image[i], 200 - 50, 200 + 50);
    for (int i = 0; i < BINS; i++) assert_in_range(bin[i], 400 - 95, 400 + 95);
    CHECK_NEAR(sum / (DRAWS * TINY_IMAGE), 0, 0.02);
    CHECK_NEAR(squares / (DRAWS * TINY_IMAGE), 1, 0.03);
    f->feed.flip = false;
    CHECK_OK(&f->ctx, um_feed_training(&f->feed, 0, &f->batch));
    for (int i = 0; i < DRAWS; i++) {
        bool m;
        image_of(&f->batch, i, &m);
        assert_false(m);
    }
    close_fed(f);
}

static void labels_go_with_their_images(void **state)
{
    (void)state;
    int labels[TINY_COUNT + TINY_HELD];
    fed *f = open_fed(TINY_COUNT);
    for (int i = 0; i < TINY_COUNT + TINY_HELD; i++) labels[i] = 100 + i;
    f->t.data.labels = labels;
    CHECK_OK(&f->ctx, um_feed_training(&f->feed, 3, &f->batch));
    for (int i = 0; i < TINY_COUNT; i++) {
        bool m;
        assert_int_equal(f->batch.labels[i], 100 + image_of(&f->batch, i, &m));
    }
    close_fed(f);
}

/* A sampler that has seen larger losses at later timesteps: those come more often and count less.
 */
static void timesteps_come_from_their_sampler(void **state)
{
    (void)state;
    enum { T = 100, DRAWS = 2000 };
    fed *f = open_fed(DRAWS);
    CHECK_OK(&f->ctx, um_timestep_sampler_init(&f->ctx, &f->timesteps,
                                               UM_TIMESTEPS_LOSS_SECOND_MOMENT, T));
    for (int i = 0; i < UM_LOSS_HISTORY; i++)
        for (int t = 0; t < T; t++)
            um_timestep_sampler_learn(&f->timesteps, 1, &t, &(double){ t < T / 2 ? 1 : 3 });
    CHECK_OK(&f->ctx, um_feed_training(&f->feed, 0, &f->batch));
    int late = 0;
    for (int i = 0; i < DRAWS; i++) {
        const bool is_late = f->batch.t[i] >= T / 2;
        const double p = (0.999 * (is_late ? 3 : 1) / 200 + 0.001 / T);
        CHECK_NEAR(f->batch.weights[i], 1 / (T * p), 1e-9);
        late += is_late;
    }
    assert_in_range(late, DRAWS * 3 / 4 - 90, DRAWS * 3 / 4 + 90); /* 4.6 standard deviations */
    CHECK_OK(&f->ctx, um_feed_validation(&f->feed, 0, &(um_batch){
        TINY_HELD, f->batch.x0, f->batch.noise, f->batch.t, f->batch.labels, f->batch.weights }));
    for (int i = 0; i < TINY_HELD; i++) assert_true(f->batch.weights[i] == 1);
    um_timestep_sampler_free(&f->ctx, &f->timesteps);
    close_fed(f);
}

/* Each image anew in each epoch, by its position alone; held-out images keep theirs. */
static void a_part_of_the_labels_is_not_shown(void **state)
{
    (void)state;
    enum { DRAWS = 4000, FROM = 1237, PART = 50 };
    static const double parts[] = { 0, 0.1, 1 };
    for (size_t k = 0; k < UM_COUNT(parts); k++) {
        fed *f = open_fed(DRAWS), *piece = open_fed(PART), *plain = open_fed(DRAWS);
        int dropped = 0;
        f->feed.label_dropout = piece->feed.label_dropout = parts[k];
        CHECK_OK(&f->ctx, um_feed_training(&f->feed, 0, &f->batch));
        CHECK_OK(&f->ctx, um_feed_training(&piece->feed, FROM, &piece->batch));
        CHECK_OK(&f->ctx, um_feed_training(&plain->feed, 0, &plain->batch));
        for (int i = 0; i < DRAWS; i++) dropped += f->batch.labels[i] == -1;
        /* 4.7 standard deviations, 19: chances beyond are below 1e-5, and the seed is fixed */
        assert_true(fabs(dropped - parts[k] * DRAWS) <= (parts[k] == 0.1 ? 90 : 0));
        assert_memory_equal(piece->batch.labels, f->batch.labels + FROM, PART * sizeof(int));
        assert_memory_equal(plain->batch.t, f->batch.t, DRAWS * sizeof(int));
        assert_memory_equal(plain->batch.x0, f->batch.x0, DRAWS * TINY_IMAGE * sizeof(float));
        close_fed(f);
        close_fed(piece);
        close_fed(plain);
    }
}

static void held_out_images_keep_their_labels(void **state)
{
    (void)state;
    fed *f = open_fed(TINY_HELD);
    f->feed.label_dropout = 1;
    CHECK_OK(&f->ctx, um_feed_validation(&f->feed, 0, &f->batch));
    for (int i = 0; i < TINY_HELD; i++) assert_int_equal(f->batch.labels[i], 0);
    close_fed(f);
}

/* The held-out images as they are, each with its own timestep and noise, in any batch. */
static void validation_never_changes(void **state)
{
    (void)state;
    fed *all = open_fed(TINY_HELD), *one = open_fed(1);
    CHECK_OK(&all->ctx, um_feed_validation(&all->feed, 0, &all->batch));
    CHECK_OK(&one->ctx, um_feed_training(&one->feed, 17, &one->batch)); /* leaves no trace */
    for (int i = 0; i < TINY_HELD; i++) {
        bool mirrored;
        const float *noise = all->batch.noise + i * TINY_IMAGE;
        assert_int_equal(image_of(&all->batch, i, &mirrored), TINY_COUNT + i);
        assert_false(mirrored);
        CHECK_OK(&one->ctx, um_feed_validation(&one->feed, i, &one->batch));
        assert_int_equal(one->batch.t[0], all->batch.t[i]);
        assert_memory_equal(one->batch.noise, noise, TINY_IMAGE * sizeof *noise);
        assert_memory_equal(one->batch.x0, all->batch.x0 + i * TINY_IMAGE,
                            TINY_IMAGE * sizeof *noise);
        for (int k = 0; k < i; k++)
            assert_memory_not_equal(all->batch.noise + k * TINY_IMAGE, noise,
                                    TINY_IMAGE * sizeof *noise);
    }
    close_fed(all);
    close_fed(one);
}

static void validation_s_timesteps_take_the_quarters_in_turn(void **state)
{
    (void)state;
    static const int counts[] = { 100, 1000, 4, 1 };
    fed *f = open_fed(TINY_HELD);
    for (size_t k = 0; k < UM_COUNT(counts); k++) {
        const um_schedule s = { .timesteps = counts[k] };
        f->feed.schedule = &s;
        CHECK_OK(&f->ctx, um_feed_validation(&f->feed, 0, &f->batch));
        for (int i = 0; i < TINY_HELD; i++) {
            assert_in_range(f->batch.t[i], 0, counts[k] - 1);
            if (counts[k] >= 4) assert_int_equal(4 * f->batch.t[i] / counts[k], i % 4);
        }
    }
    close_fed(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_epoch_shows_every_image_once),
        cmocka_unit_test(the_position_alone_decides),
        cmocka_unit_test(another_seed_shows_something_else),
        cmocka_unit_test(half_are_mirrored_and_timesteps_are_uniform),
        cmocka_unit_test(labels_go_with_their_images),
        cmocka_unit_test(timesteps_come_from_their_sampler),
        cmocka_unit_test(a_part_of_the_labels_is_not_shown),
        cmocka_unit_test(held_out_images_keep_their_labels),
        cmocka_unit_test(validation_never_changes),
        cmocka_unit_test(validation_s_timesteps_take_the_quarters_in_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

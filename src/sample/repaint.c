/* SPDX-License-Identifier: MIT
 * repaint.c - descents and jumps, laid behind each other as one plan. */
#include "sample/repaint.h"

#include <math.h>
#include <string.h>

enum { ROWS_MAX = 1 << 24 }; /* that have noise of their own (noise.c) */

/* The plan that grows, and where it stands. */
struct path {
    um_ctx *ctx;
    const um_schedule *schedule;
    um_plan whole; /* the way down without jumps: its levels, and the state's scale */
    um_row *row;
    int rows, room, step;
};

static um_status make_room(struct path *p, int more)
{
    if (p->rows + more <= p->room) return UM_OK;
    if (p->rows + more > ROWS_MAX)
        return um_fail(p->ctx, UM_BAD_ARG, "more than %d rows (fewer sample.steps or "
                       "edit.resamples, or a larger edit.jump_length)", (int)ROWS_MAX);
    const int room = UM_MAX(2 * p->room, p->rows + more);
    um_row *rows;
    UM_TRY(um_alloc(p->ctx, &rows, (size_t)room, sizeof *rows, "the plan"));
    if (p->rows) memcpy(rows, p->row, (size_t)p->rows * sizeof *rows);
    um_free(p->ctx, p->row);
    p->row = rows;
    p->room = room;
    return UM_OK;
}

/* The last row of a step: known pixels at the level that it leads to. */
static void put_known(const um_plan *whole, um_row *row, double alpha_bar)
{
    const double scale = um_plan_scale_at(whole, alpha_bar);
    row->known_x0 = sqrt(alpha_bar) / scale;
    row->known_noise = sqrt(1.0 - alpha_bar) / scale;
}

/* A row that goes on to the data from the level before is a step of its own, whatever it counts as
 * (um_denoise_row). */
static bool ends_step(const um_plan *p, int i)
{
    const um_row *row = &p->row[i], *next = row + 1;
    return i + 1 == p->rows || next->step != row->step ||
           (next->t_prev < 0.0 && row->t_prev >= 0.0);
}

/* Do the rows go through the levels, a step from each to the next? */
static bool follows_levels(const um_plan *p)
{
    int steps = 0;
    if (p->settings.sampler->integrate) return false;
    for (int i = 0; i < p->rows; i++) steps += ends_step(p, i);
    return steps == p->steps;
}

static um_status descend(struct path *p, int from, int to)
{
    um_plan part;
    UM_TRY(um_plan_init_levels(p->ctx, &part, &p->whole.settings, p->schedule,
                               p->whole.level + from, to - from));
    um_status status = make_room(p, part.rows);
    for (int i = 0, level = 0; i < part.rows && status == UM_OK; i++) {
        um_row *row = &p->row[p->rows++];
        *row = part.row[i];
        row->step += p->step;
        if (ends_step(&part, i))
            put_known(&p->whole, row, part.level[++level].alpha_bar);
    }
    p->step += to - from;
    um_plan_free(p->ctx, &part);
    return status;
}

static um_status jump(struct path *p, int from, int to)
{
    UM_TRY(make_room(p, 1));
    p->row[p->rows++] = um_plan_noising_row(&p->whole, p->step - 1, &p->whole.level[from],
                                            &p->whole.level[to]);
    return UM_OK;
}

/* Jumps leave from the levels 1, 1 + j, 1 + 2 j .. steps before the end, where j more fit above. */
static um_status walk(struct path *p, int j, int resamples)
{
    const int steps = p->whole.steps;
    int at = 0;
    for (int before_end = steps; before_end >= 1; before_end--) {
        if ((before_end - 1) % j != 0 || before_end + j > steps || resamples == 1) continue;
        const int level = steps - before_end;
        UM_TRY(descend(p, at, level));
        for (int r = 1; r < resamples; r++) {
            UM_TRY(jump(p, level, level - j));
            UM_TRY(descend(p, level - j, level));
        }
        at = level;
    }
    return descend(p, at, steps);
}

um_status um_repaint_plan(um_ctx *ctx, um_plan *plan, const um_sample_settings *settings,
                          const um_schedule *schedule, int jump_length, int resamples)
{
    struct path p = { .ctx = ctx, .schedule = schedule };
    memset(plan, 0, sizeof *plan);
    if (jump_length < 1 || resamples < 1)
        return um_fail(ctx, UM_BAD_ARG, "edit.jump_length = %d, edit.resamples = %d (at least 1)",
                       jump_length, resamples);
    UM_TRY(um_plan_init(ctx, &p.whole, settings, schedule));
    um_status status = UM_OK;
    if (!follows_levels(&p.whole))
        status = um_fail(ctx, UM_BAD_ARG, "sample.sampler = %s: its steps do not lead from noise "
                         "level to noise level, where known pixels could be put in (ddim)",
                         settings->sampler->name);
    if (status == UM_OK) status = walk(&p, jump_length, resamples);
    if (status == UM_OK) {
        p.row[p.rows - 1].known_x0 = 1.0 / um_plan_scale_at(&p.whole, 1.0);
        p.row[p.rows - 1].known_noise = 0.0;
        um_free(ctx, p.whole.row);
        p.whole.row = p.row, p.whole.rows = p.rows;
        *plan = p.whole;
        return UM_OK;
    }
    um_free(ctx, p.row);
    um_plan_free(ctx, &p.whole);
    return status;
}

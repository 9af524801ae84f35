/* SPDX-License-Identifier: MIT
 * sampler.c - the registry, and the step that linear methods share. */
#include "sample/sampler.h"

#include <stdio.h>
#include <string.h>

extern const um_sampler um_sampler_ddpm, um_sampler_strided, um_sampler_ddim;
extern const um_sampler um_sampler_euler, um_sampler_euler_ancestral;
extern const um_sampler um_sampler_heun, um_sampler_kdpm2, um_sampler_lms, um_sampler_pndm;
extern const um_sampler um_sampler_dpmpp, um_sampler_dpmpp_single;
extern const um_sampler um_sampler_unipc, um_sampler_deis;
extern const um_sampler um_sampler_sde_em, um_sampler_sde_heun, um_sampler_pc;
extern const um_sampler um_sampler_ode_euler, um_sampler_ode_heun, um_sampler_ode_rk4;
extern const um_sampler um_sampler_ode_adaptive, um_sampler_sde_adaptive;

const um_sampler *const um_samplers[] = {
    &um_sampler_ddpm,
    &um_sampler_strided,
    &um_sampler_ddim,
    &um_sampler_euler,
    &um_sampler_euler_ancestral,
    &um_sampler_heun,
    &um_sampler_kdpm2,
    &um_sampler_lms,
    &um_sampler_pndm,
    &um_sampler_dpmpp,
    &um_sampler_dpmpp_single,
    &um_sampler_unipc,
    &um_sampler_deis,
    &um_sampler_sde_em,
    &um_sampler_sde_heun,
    &um_sampler_ode_euler,
    &um_sampler_ode_heun,
    &um_sampler_ode_rk4,
    &um_sampler_pc,
    &um_sampler_ode_adaptive,
    &um_sampler_sde_adaptive,
    NULL,
};

um_status um_sampler_find(um_ctx *ctx, const char *name, const um_sampler **out)
{
    char names[512] = "";
    size_t used = 0;
    for (const um_sampler *const *s = um_samplers; *s; s++) {
        if (strcmp((*s)->name, name) == 0) {
            *out = *s;
            return UM_OK;
        }
        const int n = snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "",
                               (*s)->name);
        used = UM_MIN(used + (size_t)UM_MAX(n, 0), sizeof names - 1);
    }
    *out = NULL;
    return um_fail(ctx, UM_BAD_ARG, "sample.sampler = %.100s is not known (%s)", name, names);
}

um_sample_settings um_sampler_defaults(const um_sampler *sampler)
{
    um_sample_settings s = sampler->defaults;
    s.sampler = sampler;
    return s;
}

um_row um_row_between(int step, um_level from, um_level to)
{
    return (um_row){
        .step = step,
        .t = from.t,
        .t_prev = to.t,
        .alpha_bar = from.alpha_bar,
        .alpha_bar_prev = to.alpha_bar,
        .scale = 1.0,
        .asks = true,
    };
}

bool um_row_is_noisy(const um_row *row)
{
    return row->next.noise != 0.0 || um_variance_is_learned(row->variance) ||
           (row->keeps && row->keep.noise != 0.0);
}

um_status um_plan_room(um_ctx *ctx, um_plan *plan, int rows)
{
    um_row *more;
    UM_TRY(um_alloc(ctx, &more, (size_t)rows, sizeof *more, "the plan"));
    plan->row = more;
    return UM_OK;
}

void um_denoise_row(um_row *row)
{
    if (row->step > 0) row->step--;
    row->next = (um_mix){ .x0 = 1.0 };
}

/* The element k of a mix. What a row does not have is NULL and has coefficient 0. */
static double mixed(const um_step *s, const um_mix *m, size_t k)
{
    double v = m->x * s->x[k];
    if (s->x0) v += m->x0 * s->x0[k] + m->eps * s->eps[k];
    if (s->noise) v += m->noise * s->noise[k];
    for (int h = 0; h < UM_HISTORY_MAX && s->past[h]; h++) v += m->past[h] * s->past[h][k];
    return v;
}

void um_step_linear(const um_step *s)
{
    for (size_t k = 0; k < s->n; k++) {
        const double next = mixed(s, &s->row->next, k);
        if (s->keep) s->keep[k] = mixed(s, &s->row->keep, k);
        s->out[k] = next;
    }
}

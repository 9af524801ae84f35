/* SPDX-License-Identifier: MIT
 * evaluate.c - unmist evaluate */
#include "cli/cli.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>

enum { GROUPS = 10, WORD = 64 };

static void progress(void *user, const char *what, double part)
{
    cli_bar(user, what, 100 * part, 100, "%");
}

/* ---- the bound's terms, for a person: ranges of timesteps ---- */

static void print_terms(const cli *c, const um_likelihood *l, const um_likelihood_facts *f)
{
    um_likelihood_term term;
    cli_say(c, "\n%-16s %8s %14s %12s\n", "timesteps", "draws", "bits/dim, sum", "noise error");
    for (int k = 0, from = 1; k < GROUPS; k++) {
        const int to = 1 + (int)((int64_t)(k + 1) * (f->timesteps - 1) / GROUPS);
        double bits = 0, error = 0;
        int draws = 0;
        for (int t = from; t < to && um_likelihood_at(l, t, &term); t++) {
            bits += term.bits * term.images;
            error += term.noise_error * term.images;
            draws += term.images;
        }
        char range[32];
        snprintf(range, sizeof range, "%d .. %d", from, to - 1);
        if (draws)
            cli_say(c, "%-16s %8d %14.5f %12.5f\n", range, draws, bits * (to - from) / draws,
                    error / draws);
        from = to;
    }
}

/* A single image tells nothing of the error. */
static void print_estimate(const cli *c, const char *what, um_estimate e, int images)
{
    cli_say(c, "%-18s %9.4f", what, e.mean);
    if (images > 1) cli_say(c, " +- %.4f", e.error);
    cli_say(c, "\n");
}

static void print_text(const cli *c, const um_likelihood *l, const um_likelihood_facts *f)
{
    cli_say(c, "%s (%s weights)\n", f->model, f->weights);
    cli_say(c, "%d of %d held-out images of %s, %d x %d x %d, seed %llu; bits/dim%s\n\n",
            f->images, f->held, f->data, f->h, f->w, f->c, (unsigned long long)f->seed,
            f->images > 1 ? " +- standard error" : "");
    if (f->has_flow) {
        print_estimate(c, "probability flow", f->flow, f->images);
        cli_say(c, "  %s, ", f->integrator);
        if (f->integrator[0] == 'a') cli_say(c, "rtol %g, atol %g", f->rtol, f->atol);
        else cli_say(c, "%d steps", f->steps);
        cli_say(c, ", %.1f model calls an image; divergence %s", f->calls, f->divergence);
        if (f->divergence[0] != 'e')
            cli_say(c, ", %d probe%s", f->probes, f->probes > 1 ? "s" : "");
        cli_say(c, "\n");
    }
    if (!f->has_bound) return;
    char between[32];
    snprintf(between, sizeof between, "  L_1 .. L_%d", f->timesteps - 1);
    print_estimate(c, "variational bound", f->bound, f->images);
    print_estimate(c, "  L_T", f->prior, f->images);
    print_estimate(c, between, f->between, f->images);
    print_estimate(c, "  L_0", f->decoder, f->images);
    cli_say(c, "  variance %s; %d of %d timesteps an image\n", f->variance, f->per_image,
            f->timesteps);
    print_terms(c, l, f);
}

/* ---- JSON ---- */

static json_t *error_of(um_estimate e, int images)
{
    return images > 1 ? json_real(e.error) : json_null();
}

static json_t *estimate(um_estimate e, int images)
{
    return json_pack("{s:f, s:o}", "bits_per_dim", e.mean, "standard_error",
                     error_of(e, images));
}

static json_t *bound_json(const um_likelihood *l, const um_likelihood_facts *f)
{
    um_likelihood_term term;
    json_t *terms = json_array();
    for (int t = 0; um_likelihood_at(l, t, &term); t++)
        if (term.images)
            cli_json_append(&terms, json_pack("{s:i, s:i, s:f, s:f}", "t", t, "images",
                                                   term.images, "bits_per_dim", term.bits,
                                                   "noise_error", term.noise_error));
    return json_pack("{s:o, s:o, s:o, s:o, s:s, s:i, s:i, s:o}", "total",
                     estimate(f->bound, f->images), "L_T", estimate(f->prior, f->images),
                     "between", estimate(f->between, f->images), "L_0",
                     estimate(f->decoder, f->images), "variance", f->variance, "timesteps",
                     f->timesteps, "timesteps_per_image", f->per_image, "terms", terms);
}

static json_t *flow_json(const um_likelihood_facts *f)
{
    return json_pack("{s:f, s:o, s:s, s:i, s:f, s:f, s:s, s:i, s:f}", "bits_per_dim",
                     f->flow.mean, "standard_error", error_of(f->flow, f->images),
                     "integrator", f->integrator, "steps", f->steps, "rtol", f->rtol, "atol",
                     f->atol, "divergence", f->divergence, "probes", f->probes, "model_calls",
                     f->calls);
}

static um_status print_json(const um_likelihood *l, const um_likelihood_facts *f)
{
    json_t *root = json_pack("{s:o, s:s, s:o, s:i, s:i, s:[i, i, i], s:I}", "model",
                             cli_json_text(f->model), "weights", f->weights, "data",
                             cli_json_text(f->data), "images", f->images, "held_out", f->held,
                             "shape", f->h, f->w, f->c, "seed", (json_int_t)f->seed);
    if (f->has_flow) cli_json_set(&root, "flow", flow_json(f));
    if (f->has_bound) cli_json_set(&root, "bound", bound_json(l, f));
    return cli_print_json(root);
}

/* ---- what a classifier sees in drawn images ---- */

static void print_classes(const cli *c, const um_agreement *a, const um_agreement_facts *f)
{
    const double part = (double)f->right / f->images;
    cli_say(c, "%d of %d images show the class that was asked for: %.2f %% +- %.2f; mean "
            "probability %.4f\n\n", f->right, f->images, 100 * part,
            100 * sqrt(part * (1 - part) / f->images), f->confidence);
    cli_say(c, "asked for | taken for\n%9s |", "");
    for (int k = 0; k < f->classes; k++) cli_say(c, "%6d", k);
    cli_say(c, "\n");
    for (int asked = 0; asked < f->classes; asked++) {
        cli_say(c, "%9d |", asked);
        for (int k = 0; k < f->classes; k++) cli_say(c, "%6d", um_agreement_count(a, asked, k));
        cli_say(c, "\n");
    }
}

static um_status classes_json(const um_agreement *a, const um_agreement_facts *f)
{
    json_t *rows = json_array();
    for (int asked = 0; asked < f->classes; asked++) {
        json_t *row = json_array();
        for (int k = 0; k < f->classes; k++)
            cli_json_append(&row, json_integer(um_agreement_count(a, asked, k)));
        cli_json_append(&rows, row);
    }
    return cli_print_json(json_pack("{s:i, s:i, s:f, s:o}", "images", f->images, "right", f->right,
                                    "mean_probability", f->confidence, "asked_taken", rows));
}

static um_status evaluate_classes(cli *c, um_model *m, um_settings *s)
{
    um_agreement *a;
    um_agreement_facts facts;
    cli_drawing d;
    const um_sample_hooks hooks = cli_drawing_begin(&d, c);
    um_status status = um_evaluate_classes(m, s, &hooks, &a);
    cli_bar_end(c);
    if (status != UM_OK) return status;
    um_agreement_describe(a, &facts);
    if (c->json) status = classes_json(a, &facts);
    else print_classes(c, a, &facts);
    um_agreement_close(&a);
    return status;
}

static um_status evaluate_likelihood(cli *c, um_model *m, um_settings *s, const char *out)
{
    um_likelihood *l;
    um_likelihood_facts facts;
    um_status status = um_evaluate_likelihood(m, s, &(um_evaluate_hooks){ progress, c }, &l);
    cli_bar_end(c);
    if (status != UM_OK) return status;
    um_likelihood_describe(l, &facts);
    if (out) status = um_likelihood_write(l, out);
    if (status == UM_OK && c->json) status = print_json(l, &facts);
    else if (status == UM_OK) print_text(c, l, &facts);
    if (status == UM_OK && out && !c->json) cli_say(c, "%s\n", out);
    um_likelihood_close(&l);
    return status;
}

int cli_evaluate(cli *c, int argc, char **argv)
{
    bool likelihood = false, classes = false;
    const char *out = NULL, *probes = NULL;
    char setting[WORD];
    const cli_flag flags[] = {
        { "--likelihood", NULL, NULL, "bits per dimension, by flow and by bound", &likelihood,
          NULL },
        { "--classes", NULL, NULL,
          "draw images by class; which does evaluate.classifier=PATH see in them?", &classes,
          NULL },
        { "--probes", NULL, "N", "evaluate.probes=N", NULL, &probes },
        { "--out", "-o", "TERMS.csv", "write the terms of the bound, one line a timestep", NULL,
          &out },
        { "--json", NULL, NULL, "print JSON alone", &c->json, NULL },
        { 0 },
    };
    int exit_status;
    um_settings *s = NULL;
    um_model *m = NULL;
    if (!cli_parse(c, argc, argv, flags, 1, 2, &exit_status)) return exit_status;
    if (likelihood == classes)
        return cli_usage(c, "what is to be measured? (one of --likelihood, --classes)");
    if (classes && (out || probes))
        return cli_usage(c, "%s says nothing beside --classes", out ? "-o" : "--probes");
    if (probes && c->n_settings < CLI_MAX_SETTINGS) {
        snprintf(setting, sizeof setting, "evaluate.probes=%.32s", probes);
        c->settings[c->n_settings++] = setting;
    }
    um_status status = cli_open_model(c, c->places[1], &s, &m);
    if (status == UM_OK && out) status = um_likelihood_check(s, out);
    if (status == UM_OK)
        status = classes ? evaluate_classes(c, m, s) : evaluate_likelihood(c, m, s, out);
    um_model_close(&m);
    um_settings_close(&s);
    return status == UM_OK ? 0 : cli_fail(c, status);
}

/* SPDX-License-Identifier: MIT
 * info.c - unmist info */
#include "cli/cli.h"

#include <jansson.h>
#include <stdio.h>

static json_t *shape_of(int rank, const int64_t *shape)
{
    json_t *list = json_array();
    for (int i = 0; i < rank; i++) cli_json_append(&list, json_integer((json_int_t)shape[i]));
    return list;
}

static json_t *machine_json(void)
{
    um_machine m;
    um_machine_describe(&m);
    return json_pack("{s:s, s:s, s:i, s:s, s:b}", "version", um_version(), "cpu", m.cpu, "cores",
                     m.cores, "kernels", m.tiers, "jpeg", m.jpeg);
}

static json_t *model_json(const um_model *m)
{
    um_model_facts f;
    const char *name;
    int64_t shape[4];
    int rank;
    json_t *parameters = json_array();
    um_model_describe(m, &f);
    for (int i = 0; um_model_parameter(m, i, &name, &rank, shape); i++)
        cli_json_append(
            &parameters, json_pack("{s:s, s:o}", "name", name, "shape", shape_of(rank, shape)));
    return json_pack("{s:o, s:[i, i, i], s:i, s:i, s:I, s:I, s:i, s:s, s:s, s:o}", "folder",
                     cli_json_text(f.folder), "image", f.h, f.w, f.channels, "classes", f.classes,
                     "tensors", f.tensors, "parameters", (json_int_t)f.numbers, "multiply_adds",
                     (json_int_t)f.multiply_adds, "timesteps", f.timesteps, "schedule", f.schedule,
                     "prediction", f.prediction, "layers", parameters);
}

static void print_machine(const cli *c)
{
    um_machine m;
    um_machine_describe(&m);
    cli_say(c,
            "unmist   %s\nCPU      %s, %d cores\nkernels  %s (auto takes the last)\nJPEG     %s\n",
            um_version(), m.cpu, m.cores, m.tiers, m.jpeg ? "yes" : "no");
}

static void print_model(const cli *c, const um_model *m)
{
    um_model_facts f;
    const char *name;
    int64_t shape[4];
    int rank;
    um_model_describe(m, &f);
    for (int i = 0; um_model_parameter(m, i, &name, &rank, shape); i++) {
        cli_say(c, "%-56s [", name);
        for (int k = 0; k < rank; k++) cli_say(c, "%s%lld", k ? ", " : "", (long long)shape[k]);
        cli_say(c, "]\n");
    }
    cli_say(c, "\n%s\n%d tensors, %lld parameters (%.1f MiB)\n", f.folder, f.tensors,
            (long long)f.numbers, (double)f.numbers * 4 / 1048576);
    if (f.h)
        cli_say(c, "images %d x %d, %d channel%s; %.3f G multiply-adds each\n", f.h, f.w,
                f.channels, f.channels == 1 ? "" : "s", (double)f.multiply_adds / 1e9);
    if (f.classes) cli_say(c, "%d classes%s\n", f.classes, f.null_class ? " and none" : "");
    cli_say(c, "%d timesteps, %s schedule, predicts %s\n", f.timesteps, cli_shown(f.schedule).text,
            cli_shown(f.prediction).text);
}

int cli_info(cli *c, int argc, char **argv)
{
    const cli_flag flags[] = {
        { "--json", NULL, NULL, "print JSON alone", &c->json, NULL },
        { 0 },
    };
    int exit_status;
    um_settings *s = NULL;
    um_model *m = NULL;
    if (!cli_parse(c, argc, argv, flags, 0, 1, &exit_status)) return exit_status;
    um_status status = c->n_places ? cli_open_model(c, NULL, &s, &m) : cli_settings(c, NULL, &s);
    if (status == UM_OK && c->json) status = cli_print_json(m ? model_json(m) : machine_json());
    else if (status == UM_OK && m) print_model(c, m);
    else if (status == UM_OK) print_machine(c);
    um_model_close(&m);
    um_settings_close(&s);
    return status == UM_OK ? 0 : cli_fail(c, status);
}

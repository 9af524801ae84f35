/* SPDX-License-Identifier: MIT
 * train.c - unmist train */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void begun(void *user, const char *run, const char *description)
{
    cli_say(user, "%s\n%s\n", run, description);
}

static void progress(void *user, const um_training_progress *p)
{
    char left[24], behind[128], validation[32] = "";
    cli_duration(p->seconds_left, left);
    if (p->validation > 0)
        snprintf(validation, sizeof validation, "  validation %.4f", p->validation);
    snprintf(behind, sizeof behind, "loss %.4f%s  %.0f images/s  %s left", p->loss, validation,
             p->images_per_second, left);
    cli_bar(user, "training", (double)p->step, (double)p->steps, behind);
}

static void say_result(const cli *c, const um_training_result *r)
{
    char took[24];
    cli_duration(r->seconds, took);
    if (r->step > r->started_at)
        cli_say(c,
                "%lld step%s, %lld image%s in %s, %.1f images/s; %.0f MiB of activations and "
                "gradients\n",
                (long long)r->step, r->step == 1 ? "" : "s", (long long)r->images,
                r->images == 1 ? "" : "s", took, r->images_per_second, r->tape_mib);
    if (r->skipped > 0 || r->rollbacks > 0)
        cli_say(c, "numbers went bad: %lld update%s skipped, %lld return%s to a checkpoint\n",
                (long long)r->skipped, r->skipped == 1 ? "" : "s", (long long)r->rollbacks,
                r->rollbacks == 1 ? "" : "s");
    if (r->validation > 0)
        cli_say(c, "validation loss %.5f; by quarters of the timesteps %.5f %.5f %.5f %.5f\n",
                r->validation, r->quarter[0], r->quarter[1], r->quarter[2], r->quarter[3]);
    if (r->accuracy > 0)
        cli_say(c, "accuracy on held-out images %.4f; at timestep 0 %.4f\n", r->accuracy,
                r->accuracy_at_0);
    char *run = r->finished ? cli_quoted(r->run) : NULL;
    if (run) cli_say(c, "model: %s/model\n", r->run);
    if (run && !(r->accuracy > 0)) cli_say(c, "sample: unmist sample %s -o samples.png\n", run);
    free(run);
}

/* How to go on, for a run that stopped early. */
static void say_resume(const cli *c, FILE *to)
{
    char *line = cli_command_line(c);
    if (!line) return;
    fprintf(to, "go on with: %s%s\n", line, strstr(line, " --resume") ? "" : " --resume");
    free(line);
}

int cli_train(cli *c, int argc, char **argv)
{
    bool resume = false;
    const char *out = NULL;
    const cli_flag flags[] = {
        { "--resume", NULL, NULL, "go on from the newest checkpoint", &resume, NULL },
        { "--out", NULL, "DIR", "the run folder itself (else run.out/run.name)", NULL, &out },
        { 0 },
    };
    int exit_status;
    um_settings *s = NULL;
    um_training_result r;
    if (!cli_parse(c, argc, argv, flags, 1, 1, &exit_status)) return exit_status;
    um_status status = cli_settings(c, c->places[0], &s);
    if (status != UM_OK) return cli_fail(c, status);
    const um_training_hooks hooks = { begun, progress, c };
    status = um_train_run(s, out, resume, &hooks, &r);
    um_settings_close(&s);
    cli_bar_end(c);
    if (status == UM_OK || status == UM_CANCELLED) say_result(c, &r);
    if (status != UM_OK) {
        exit_status = cli_fail(c, status);
        if (status == UM_CANCELLED || (status == UM_IO && r.step > 0 && !r.finished))
            say_resume(c, stderr);
        return exit_status;
    }
    if (!r.finished && !c->quiet) say_resume(c, stdout);
    return 0;
}

/* SPDX-License-Identifier: MIT
 * trajectory.h - a trajectory of diffusers, and ours from the same start with the same noise. */
#ifndef UM_TEST_TRAJECTORY_H
#define UM_TEST_TRAJECTORY_H

#include "sample/driver.h"
#include "support/golden.h"

/* Where the file's class takes the previous timestep from: the list (DDPMScheduler), or t - T/steps
 * (DDIMScheduler), which is wrong for linspace and for trailing where steps do not divide T. */
typedef enum trajectory_stride { STRIDE_LIST, STRIDE_FIXED } trajectory_stride;

/* Run tests/golden/samplers/NAME and fail where x leaves the file's by more than `tolerance` times
 * its largest value, where the timesteps differ, or where noise is drawn at other rows. Returns
 * whether list and fixed stride agree in this file. */
bool trajectory_check(const char *name, trajectory_stride stride, double tolerance);

/* The same with alpha_bar as diffusers has it, multiplied up in float32: what explains a miss. Also
 * timesteps that are not whole must then agree, to 5e-4. */
void trajectory_check_float32(const char *name, double tolerance);

/* The same where a rule of diffusers is wrong: `alter` puts it into the plan. */
void trajectory_check_altered(const char *name, void (*alter)(um_plan *plan), double tolerance);

/* The schedule and settings of a golden file: `config` and `step` are diffusers' arguments. */
um_schedule_settings trajectory_schedule(um_ctx *ctx, json_t *config);
um_sample_settings trajectory_settings(um_ctx *ctx, const char *class, json_t *config, json_t *step,
                                       int steps);

/* The model of make_golden.py: tanh(0.8 x + 0.5 sin(t / 150)), elementwise; images of 4 x 4 x 3. */
um_denoiser trajectory_model(void);

#endif

/* SPDX-License-Identifier: MIT
 * unmist.h - training and sampling of diffusion models. Three tiers:
 *
 *   simple     um_open, um_settings_open, um_model_open, um_sample, um_images_write
 *   explicit   um_train_run, um_sample_explain, um_edit_*, um_data_*, um_bench_*, um_settings_*,
 *              um_evaluate_likelihood
 *   advanced   um_model_forward on arrays of the caller's
 *
 * Every call that can fail gives a um_status; um_message tells what went wrong. Nothing is printed,
 * nothing ends the program. */
#ifndef UNMIST_H
#define UNMIST_H

#include "unmist/bench.h"
#include "unmist/context.h"
#include "unmist/data.h"
#include "unmist/edit.h"
#include "unmist/evaluate.h"
#include "unmist/model.h"
#include "unmist/sample.h"
#include "unmist/settings.h"
#include "unmist/status.h"
#include "unmist/train.h"

#endif

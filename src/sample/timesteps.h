/* SPDX-License-Identifier: MIT
 * timesteps.h - which timesteps are visited. */
#ifndef UM_TIMESTEPS_H
#define UM_TIMESTEPS_H

#include "sample/levels.h"

/* The list for `steps` of T timesteps (0: all) with spacing and steps_offset of the settings, open
 * or fractional as the rule says, strictly decreasing within 0 .. T-1; quadratic may give fewer
 * than asked. UM_BAD_ARG with what would be right where there is no such list. *list is the
 * caller's (um_free), NULL on failure. */
um_status um_timesteps_list(um_ctx *ctx, const um_sample_settings *settings,
                            const um_level_rule *rule, int timesteps, double **list, int *count);

/* UM_OK for a list that is not empty and strictly decreasing within 0 .. T-1. */
um_status um_timesteps_check(um_ctx *ctx, const double *list, int count, int timesteps);

#endif

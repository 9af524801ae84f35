/* SPDX-License-Identifier: MIT
 * settings.c - the words of the sampling settings. */
#include "sample/settings.h"

const um_choice um_spacings[] = {
    { "leading", UM_SPACING_LEADING },
    { "trailing", UM_SPACING_TRAILING },
    { "linspace", UM_SPACING_LINSPACE },
    { "quadratic", UM_SPACING_QUADRATIC },
    { NULL, 0 },
};

/* diffusers' _log kinds are the same variances, written as logarithms. */
const um_choice um_variances[] = {
    { "fixed_small", UM_VARIANCE_FIXED_SMALL },
    { "fixed_large", UM_VARIANCE_FIXED_LARGE },
    { "fixed_small_log", UM_VARIANCE_FIXED_SMALL },
    { "fixed_large_log", UM_VARIANCE_FIXED_LARGE },
    { "learned_range", UM_VARIANCE_LEARNED_RANGE },
    { "learned", UM_VARIANCE_LEARNED },
    { NULL, 0 },
};

bool um_variance_is_learned(um_variance variance) { return variance >= UM_VARIANCE_LEARNED_RANGE; }

const um_choice um_strided_rules[] = {
    { "posterior", UM_STRIDED_POSTERIOR },
    { "renoise", UM_STRIDED_RENOISE },
    { NULL, 0 },
};

const um_choice um_finals[] = {
    { "zero", UM_FINAL_ZERO },
    { "sigma_min", UM_FINAL_SIGMA_MIN },
    { NULL, 0 },
};

const um_choice um_algorithms[] = {
    { "dpmsolver++", UM_ALGORITHM_DPMSOLVERPP },
    { "dpmsolver", UM_ALGORITHM_DPMSOLVER },
    { "sde-dpmsolver++", UM_ALGORITHM_SDE_DPMSOLVERPP },
    { "deis", UM_ALGORITHM_DEIS },
    { NULL, 0 },
};

const um_choice um_solvers[] = {
    { "midpoint", UM_SOLVER_MIDPOINT },
    { "heun", UM_SOLVER_HEUN },
    { "bh1", UM_SOLVER_BH1 },
    { "bh2", UM_SOLVER_BH2 },
    { "logrho", UM_SOLVER_LOGRHO },
    { NULL, 0 },
};

const um_choice um_sde_kinds[] = {
    { "discrete", UM_SDE_DISCRETE },
    { "vp", UM_SDE_VP },
    { NULL, 0 },
};

const um_choice um_time_grids[] = {
    { "uniform", UM_TIME_GRID_UNIFORM },
    { "quadratic", UM_TIME_GRID_QUADRATIC },
    { "cosine", UM_TIME_GRID_COSINE },
    { NULL, 0 },
};

const um_choice um_rngs[] = {
    { "philox", UM_RNG_PHILOX },
    { "torch", UM_RNG_TORCH },
    { NULL, 0 },
};

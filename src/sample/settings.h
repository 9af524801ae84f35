/* SPDX-License-Identifier: MIT
 * settings.h - everything that a person can choose about drawing samples. Names, meanings and
 * defaults are those of diffusers' schedulers. */
#ifndef UM_SAMPLE_SETTINGS_H
#define UM_SAMPLE_SETTINGS_H

#include "base/choice.h"
#include "diffusion/prediction.h"
#include "tensor/precision.h"

typedef enum um_spacing {
    UM_SPACING_LEADING,   /* i (T / S) + steps_offset, T / S in whole numbers           */
    UM_SPACING_TRAILING,  /* round(T - i T / S) - 1: starts at T-1                      */
    UM_SPACING_LINSPACE,  /* round(linspace(0, T-1, S)): both ends                      */
    UM_SPACING_QUADRATIC, /* floor(linspace(0, sqrt(0.8 T), S)^2), repeats removed      */
} um_spacing;

typedef enum um_variance {
    UM_VARIANCE_FIXED_SMALL, /* the posterior's: beta_tilde; also fixed_small_log */
    UM_VARIANCE_FIXED_LARGE, /* beta; also fixed_large_log                        */
} um_variance;

typedef enum um_strided_rule {
    UM_STRIDED_POSTERIOR, /* the posterior q(x_prev | x_t, x_0)             */
    UM_STRIDED_RENOISE,   /* predict x_0, noise it anew to the level before */
} um_strided_rule;

typedef enum um_rng {
    UM_RNG_PHILOX, /* a function of (seed, image, step): nothing else matters   */
    UM_RNG_TORCH,  /* PyTorch's CPU generator, drawn as a diffusers pipeline does */
} um_rng;

/* leading, trailing, linspace, quadratic. */
extern const um_choice um_spacings[];
/* fixed_small, fixed_small_log; fixed_large, fixed_large_log. */
extern const um_choice um_variances[];
/* posterior; renoise. */
extern const um_choice um_strided_rules[];
/* philox; torch. */
extern const um_choice um_rngs[];

struct um_sampler;

/* Fill with um_sampler_defaults (sampler.h), then change what is to be changed. A value of its own:
 * owns nothing. Options that the chosen sampler has no use for are ignored. */
typedef struct um_sample_settings {
    const struct um_sampler *sampler;
    um_prediction prediction; /* what the model was trained to say */

    int steps; /* 0: every timestep of the model */
    um_spacing spacing;
    int steps_offset; /* added to leading and quadratic lists */

    bool clip_sample; /* keep the predicted x_0 within +-clip_sample_range */
    double clip_sample_range;
    bool thresholding; /* dynamic thresholding (Saharia et al. 2022) instead of clipping */
    double dynamic_thresholding_ratio, sample_max_value;
    bool use_clipped_model_output; /* noise recomputed from the clipped x_0 */

    double eta;               /* ddim: 0 deterministic .. 1 as noisy as ddpm                     */
    bool set_alpha_to_one;    /* ddim: the last step leads to the data, else to alpha_bar_0      */
    um_variance variance;     /* ddpm, strided */
    um_strided_rule strided_rule;

    um_rng rng;
    uint64_t seed;

    um_precision precision; /* of the products in the model */
} um_sample_settings;

/* The defaults that diffusers' schedulers share, for the initialiser of a sampler's own. */
#define UM_SAMPLE_COMMON                                                                    \
    .prediction = UM_PREDICTION_EPSILON, .spacing = UM_SPACING_LEADING, .clip_sample = true, \
    .clip_sample_range = 1.0, .dynamic_thresholding_ratio = 0.995, .sample_max_value = 1.0,  \
    .set_alpha_to_one = true

#endif

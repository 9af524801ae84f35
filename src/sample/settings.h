/* SPDX-License-Identifier: MIT
 * settings.h - everything that a person can choose about drawing samples. Names, meanings and
 * defaults are those of diffusers' schedulers. */
#ifndef UM_SAMPLE_SETTINGS_H
#define UM_SAMPLE_SETTINGS_H

#include <math.h>

#include "base/choice.h"
#include "base/setting.h"
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
    /* What the model says of each element is .. */
    UM_VARIANCE_LEARNED_RANGE, /* .. where its logarithm lies between these two, from -1 to 1 */
    UM_VARIANCE_LEARNED,       /* .. the variance itself                                      */
} um_variance;

bool um_variance_is_learned(um_variance variance);

typedef enum um_strided_rule {
    UM_STRIDED_POSTERIOR, /* the posterior q(x_prev | x_t, x_0)             */
    UM_STRIDED_RENOISE,   /* predict x_0, noise it anew to the level before */
} um_strided_rule;

typedef enum um_sigmas {
    UM_SIGMAS_TRAINING,    /* those of the spacing's timesteps                       */
    UM_SIGMAS_KARRAS,      /* rho = 7: Karras et al. 2022, eq. 5                     */
    UM_SIGMAS_EXPONENTIAL, /* equal ratios                                           */
    UM_SIGMAS_LU_LAMBDAS,  /* uniform in lambda = -log sigma: Lu et al. 2022         */
} um_sigmas;

typedef enum um_final {
    UM_FINAL_ZERO,      /* the last step leads to the data                  */
    UM_FINAL_SIGMA_MIN, /* .. to the noise of timestep 0                    */
} um_final;

typedef enum um_algorithm { /* what is integrated: */
    UM_ALGORITHM_DPMSOLVERPP,     /* the predicted x_0: Lu et al. 2022 (2211.01095)   */
    UM_ALGORITHM_DPMSOLVER,       /* the predicted noise: Lu et al. 2022 (2206.00927) */
    UM_ALGORITHM_SDE_DPMSOLVERPP, /* x_0, along the stochastic equation               */
    UM_ALGORITHM_DEIS,            /* deis: Zhang and Chen 2022 (2204.13902)           */
} um_algorithm;

typedef enum um_solver {
    UM_SOLVER_MIDPOINT, /* dpmpp: second differences at the middle .. */
    UM_SOLVER_HEUN,     /* .. or at both ends                         */
    UM_SOLVER_BH1,      /* unipc: B(h) = h                            */
    UM_SOLVER_BH2,      /* .. or e^h - 1 (Zhao et al. 2302.04867)     */
    UM_SOLVER_LOGRHO,   /* deis: polynomials in log rho               */
} um_solver;

typedef enum um_sde_kind {
    UM_SDE_DISCRETE, /* the model's own schedule, read as continuous */
    UM_SDE_VP,       /* beta(t) = beta_min + t (beta_max - beta_min) */
} um_sde_kind;

typedef enum um_time_grid { /* for u = 0 .. 1:                     */
    UM_TIME_GRID_UNIFORM,   /* 1 - u                               */
    UM_TIME_GRID_QUADRATIC, /* 1 - u^2                             */
    UM_TIME_GRID_COSINE,    /* cos^2(pi/2 (u + s) / (1 + s))       */
} um_time_grid;

typedef enum um_rng {
    UM_RNG_PHILOX, /* a function of (seed, image, step): nothing else matters   */
    UM_RNG_TORCH,  /* PyTorch's CPU generator, drawn as a diffusers pipeline does */
} um_rng;

/* leading, trailing, linspace, quadratic. */
extern const um_choice um_spacings[];
/* fixed_small, fixed_small_log; fixed_large, fixed_large_log; learned_range; learned. */
extern const um_choice um_variances[];
/* posterior; renoise. */
extern const um_choice um_strided_rules[];
/* zero; sigma_min. */
extern const um_choice um_finals[];
/* dpmsolver++; dpmsolver; sde-dpmsolver++; deis. */
extern const um_choice um_algorithms[];
/* midpoint; heun; bh1; bh2; logrho. */
extern const um_choice um_solvers[];
enum { UM_CORRECTOR_STEPS_MAX = 7 };

/* discrete; vp. */
extern const um_choice um_sde_kinds[];
/* uniform; quadratic; cosine. */
extern const um_choice um_time_grids[];
/* philox; torch. */
extern const um_choice um_rngs[];

struct um_sampler;

/* Classifier-free guidance (guidance.h). */
typedef struct um_guidance_settings {
    double scale;      /* w: 1 none, 0 unconditional                                       */
    double start, end; /* guided between these parts of the way from noise, 0, to image, 1 */
    double rescale;    /* phi of Lin et al. (2305.08891)                                   */
    bool passes;       /* two calls for n images, not one for 2 n: less memory             */
} um_guidance_settings;

/* Fill with um_sampler_defaults (sampler.h), then change what is to be changed. A value of its own:
 * owns nothing. Options that the chosen sampler has no use for are ignored. */
typedef struct um_sample_settings {
    const struct um_sampler *sampler;
    um_prediction prediction; /* what the model was trained to say */

    int steps; /* 0: every timestep of the model */
    um_spacing spacing;
    int steps_offset; /* added to leading and quadratic lists */

    um_sigmas sigmas;          /* which noise levels, instead of the list's      */
    um_final final_sigmas;     /* where the last step leads                      */
    double lambda_min_clipped; /* no timestep with log(1 / sigma) below it        */

    bool clip_sample; /* keep the predicted x_0 within +-clip_sample_range */
    double clip_sample_range;
    bool thresholding; /* dynamic thresholding (Saharia et al. 2022) instead of clipping */
    double dynamic_thresholding_ratio, sample_max_value;
    bool use_clipped_model_output; /* noise recomputed from the clipped x_0 */

    double eta;               /* ddim: 0 deterministic .. 1 as noisy as ddpm                     */
    bool set_alpha_to_one;    /* ddim: the last step leads to the data, else to alpha_bar_0      */
    um_variance variance;     /* ddpm, strided */
    um_strided_rule strided_rule;

    int solver_order; /* of multistep methods */
    um_solver solver;
    um_algorithm algorithm;   /* dpmpp, dpmpp_single                                */
    bool lower_order_final;   /* multistep: the last steps are of lower order       */
    bool euler_at_final;      /* dpmpp, deis: the last step is of order 1           */
    bool predict_x0;          /* unipc: the integral over x_0, else over the noise  */
    um_ints disable_corrector; /* unipc: steps that are not corrected                */
    bool skip_prk_steps;      /* pndm: no Runge-Kutta steps at the start            */
    double s_churn, s_tmin, s_tmax, s_noise; /* euler: noise added on the way       */

    um_guidance_settings guidance;

    um_sde_kind sde; /* samplers in continuous time: the process they turn back */
    double beta_min, beta_max; /* of the VP SDE                                 */
    um_time_grid time_grid;
    double time_grid_s;   /* of the cosine grid                                        */
    double time_end;      /* where they stop; 0: at timestep 0, the VP SDE at 0.001    */
    bool denoise;         /* the last x becomes the image predicted from it            */
    double snr;           /* pc: signal to noise ratio of the corrector                */
    int corrector_steps;  /* pc: corrector steps after each predictor step             */
    double rtol, atol;    /* adaptive: error of a step, relative to x and absolute     */
    int max_calls;        /* adaptive: the most model calls for an image               */
    int corrections;      /* ddim_inverse: further model calls a step (inverse.h)      */

    um_rng rng;
    uint64_t seed;

    um_precision precision; /* of the products in the model */
} um_sample_settings;

/* The defaults that diffusers' schedulers share, for the initialiser of a sampler's own; COMMON for
 * those that clip, space by leading and lead to the data, as DDPM and DDIM do. */
#define UM_SAMPLE_BASE                                                                       \
    .prediction = UM_PREDICTION_EPSILON, .clip_sample_range = 1.0,                           \
    .dynamic_thresholding_ratio = 0.995, .sample_max_value = 1.0,                            \
    .lambda_min_clipped = -HUGE_VAL, .predict_x0 = true, .s_tmax = HUGE_VAL, .s_noise = 1.0, \
    .guidance = { .scale = 1.0, .end = 1.0 }
#define UM_SAMPLE_COMMON \
    UM_SAMPLE_BASE, .spacing = UM_SPACING_LEADING, .clip_sample = true, .set_alpha_to_one = true

/* .. and for samplers in continuous time those of Song et al. 2021. */
#define UM_SAMPLE_CONTINUOUS                                                                 \
    UM_SAMPLE_BASE, .beta_min = 0.1, .beta_max = 20.0, .time_grid_s = 0.008, .denoise = true, \
    .snr = 0.16, .corrector_steps = 1, .max_calls = 10000

#endif

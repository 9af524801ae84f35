/* SPDX-License-Identifier: MIT
 * unmist/sample.h - images from a model. */
#ifndef UNMIST_SAMPLE_H
#define UNMIST_SAMPLE_H

#include "unmist/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Both may be NULL. progress is told after each row of the sampler's plan: rows done of this batch,
 * batches done before it; chosen, before the first: what sample.budget has led to, and why. */
typedef struct um_sample_hooks {
    void (*progress)(void *user, int row, int rows, int batch, int batches);
    void (*chosen)(void *user, const char *sampler, int steps, const char *why);
    void *user;
} um_sample_hooks;

/* A way to draw images, sample.sampler. The texts are static. */
typedef struct um_sampler_facts {
    const char *name, *help;
    const char *class_name; /* diffusers' scheduler that draws the same; NULL: it has none */
    int steps;              /* by default; 0: every timestep of the model                  */
    int model_calls;        /* at most, in a step                                          */
} um_sampler_facts;

/* The i-th sampler, from 0 up; false behind the last. */
UM_API bool um_sampler_describe(int i, um_sampler_facts *out);

typedef struct um_images um_images;

/* Draw sample.count images as the [sample] settings say; what the model's scheduler_config.json
 * says counts where neither a file nor an assignment said otherwise (how it was trained always
 * counts: a setting that says otherwise is warned of). hooks may be NULL. The caller closes the
 * images; they do not need the model any more. UM_BAD_ARG for settings that do not fit the model,
 * UM_CANCELLED, UM_NOT_FINITE. On failure *out is NULL. */
UM_API um_status um_sample(um_model *m, um_settings *s, const um_sample_hooks *hooks,
                           um_images **out);
UM_API void um_images_close(um_images **images);

/* x [n, h, w, c] as computed, unclamped, of images that mean [-1, 1]; owned by `images`. */
UM_API const float *um_images_data(const um_images *images, int *n, int *h, int *w, int *c);

/* Sampler steps that an image took on average, and how many *rejected ones a sampler that chooses
 * its steps tried beside them; 0 of images that were not drawn. */
UM_API double um_images_steps(const um_images *images, double *rejected);

/* A note for the files that are written: PNG texts and safetensors metadata. Both texts are
 * copied; a byte of the value that is no UTF-8 becomes a question mark. */
UM_API um_status um_images_note(um_images *images, const char *key, const char *value);

/* Could the images be drawn and written there as the settings say? Asked before hours of drawing;
 * nothing is left on the disk. UM_BAD_ARG for settings that um_sample would refuse, a kind of file
 * that is not written or a picture that would be too large, UM_IO where no file can be. */
UM_API um_status um_images_check(um_model *m, um_settings *s, const char *path);

/* Write them, making the folders above: NAME.safetensors holds `images` [N, C, H, W]; NAME.png is a
 * grid, and a filmstrip stands in NAME-trajectory.png where one was kept; any other name is a
 * folder of single PNGs. sample.format overrules the name. Every file appears whole or not at all.
 * `told`, where not NULL, is given each path that was written. */
UM_API um_status um_images_write(um_images *images, const char *path,
                                 void (*told)(void *user, const char *path), void *user);

/* How many steps the settings give for this model, and the table of timesteps and coefficients. The
 * caller frees *out with um_text_release. */
UM_API um_status um_sample_explain(um_model *m, um_settings *s, char **out);

#ifdef __cplusplus
}
#endif
#endif

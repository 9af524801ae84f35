/* SPDX-License-Identifier: MIT
 * config.h - every setting of the program, from the one table, and where each value came from. */
#ifndef UM_CONFIG_H
#define UM_CONFIG_H

#include "base/arena.h"
#include "base/setting.h"
#include "base/text.h"
#include "config/config.def"

#define KEY(sec, key, type, initial, min, max, choices, resume, help) UM_KEY_##sec##_##key,
enum { UM_CONFIG(KEY) UM_CONFIG_COUNT };
#undef KEY

/* Who gave a value. A later one wins over an earlier one, whatever the order of the calls. */
typedef enum um_source {
    UM_FROM_DEFAULT,
    UM_FROM_MODEL,   /* sampler options of a model's scheduler_config.json                  */
    UM_FROM_FILE,    /* an INI file                                                         */
    UM_FROM_COMMAND, /* section.key=value                                                   */
    UM_FROM_TRAINING /* facts of a model's training (timesteps, betas ...): they always count */
} um_source;

typedef struct um_origin {
    um_source source;
    const char *file; /* "" where there is none; owned by the config that holds it */
    int line;
} um_origin;

/* Values: cfg.train_lr is the value of train.lr, in the type that base/setting.h gives it. Texts
 * are owned by the config and live until um_config_free. Zeroed is not ready: um_config_init. */
typedef struct um_config {
#define KEY(sec, key, type, initial, min, max, choices, resume, help) um_field_##type sec##_##key;
    UM_CONFIG(KEY)
#undef KEY
    um_arena texts;
    um_origin origin[UM_CONFIG_COUNT];
    const double *trained_betas; /* a model's own, diffusion.timesteps of them, in texts; NULL: by
                                    diffusion.schedule. No setting can give them. */
} um_config;

/* Fill with the defaults. On failure (UM_NO_MEMORY) *cfg is zeroed. */
um_status um_config_init(um_ctx *ctx, um_config *cfg);

/* Give the texts back; a zeroed config is accepted. */
void um_config_free(um_config *cfg);

/* Read an INI file over the settings (what it does not name stays). `include = other.ini` before
 * the first section reads that file first; relative paths are relative to the file that names them.
 * A run without a name gets the file's, without folder and ending. Errors begin with FILE:LINE;
 * UM_BAD_FILE: missing, unreadable or malformed; UM_BAD_ARG: an unknown setting or a wrong value.
 * On failure some values may have been set: free the config. */
um_status um_config_read(um_ctx *ctx, um_config *cfg, const char *path);

/* One setting as on the command line: "train.lr=3e-4". UM_BAD_ARG names what is wrong with it. */
um_status um_config_set(um_ctx *ctx, um_config *cfg, const char *assignment);

/* One setting from any source: taken only if no stronger source has given it a value already.
 * `file` is copied. Synonyms are understood; an unknown setting is UM_BAD_ARG and names the nearest
 * one. A wrong value is an error also where it would not be taken. */
um_status um_config_offer(um_ctx *ctx, um_config *cfg, const char *section, const char *key,
                          const char *value, const um_origin *origin);

/* Where the value of "train.lr" came from; NULL for a setting that does not exist. */
const um_origin *um_config_origin(const um_config *cfg, const char *name);

/* Add the text of one value to `out`, as config.ini would hold it but without quotes; "train.lr".
 * UM_BAD_ARG: no such setting. */
um_status um_config_get(um_ctx *ctx, const um_config *cfg, const char *name, um_text *out);

/* Put FILE:LINE before the recorded message, where a file gave the setting (UM_KEY_train_lr), as a
 * failure passes that has to do with it. Gives `status`. */
um_status um_config_fail_at(um_ctx *ctx, const um_config *cfg, um_status status, int setting);

/* Every rule that binds several settings together. UM_BAD_ARG names them and says what is right,
 * with FILE:LINE before it where the one to blame stands in a file; UM_BAD_FILE names a model's
 * scheduler_config.json where all of them are its own. */
um_status um_config_check(um_ctx *ctx, const um_config *cfg);

/* The effective settings, every key, as an INI text that reads back to the same values from any
 * folder (paths are written in full). */
um_status um_config_write(um_ctx *ctx, const um_config *cfg, um_text *out);

/* The first setting after `after` (NULL: from the start) in which the two differ; NULL: none. */
const um_setting *um_config_difference(const um_config *a, const um_config *b,
                                       const um_setting *after);

/* UM_OK if a run with the settings `before` may resume with `now`, else UM_BAD_ARG, which names the
 * first setting that must stay as it was, with both values. */
um_status um_config_check_resume(um_ctx *ctx, const um_config *before, const um_config *now);

/* docs/config.md. */
um_status um_config_markdown(um_ctx *ctx, um_text *out);

/* Every setting of what `what` names with default, range and meaning, for a terminal: "" (all),
 * "train" or "train.lr". UM_BAD_ARG names the nearest where there is no such thing. */
um_status um_config_help(um_ctx *ctx, const char *what, um_text *out);

/* The table itself: UM_CONFIG_COUNT rows, index UM_KEY_train_lr. */
extern const um_setting um_config_settings[];

#endif

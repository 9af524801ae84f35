/* SPDX-License-Identifier: MIT
 * unmist/settings.h - every setting of the program by its name, "train.lr"; docs/config.md lists
 * them. */
#ifndef UNMIST_SETTINGS_H
#define UNMIST_SETTINGS_H

#include "unmist/context.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct um_settings um_settings;

/* All settings at their defaults. The caller closes them before the context. On failure *s is
 * NULL. */
UM_API um_status um_settings_open(um_settings **s, um_ctx *ctx);
UM_API void um_settings_close(um_settings **s);

/* Read an INI file over them. UM_BAD_FILE: missing or malformed; UM_BAD_ARG: an unknown setting or
 * a wrong value; the message begins with FILE:LINE. */
UM_API um_status um_settings_read(um_settings *s, const char *path);

/* One assignment as on the command line, "sample.steps=50". It wins over every file. */
UM_API um_status um_settings_set(um_settings *s, const char *assignment);

/* The rules that bind several settings together. */
UM_API um_status um_settings_check(um_settings *s);

/* The text of one value, in *out; the caller frees it with um_text_release. UM_BAD_ARG: no such
 * setting. */
UM_API um_status um_settings_get(um_settings *s, const char *name, char **out);

/* The effective settings as an INI text; what settings exist, for a terminal ("" all, "train",
 * "train.lr") or as docs/config.md. The caller frees *out with um_text_release. */
UM_API um_status um_settings_text(um_settings *s, char **out);
UM_API um_status um_settings_help(um_ctx *ctx, const char *what, char **out);
UM_API um_status um_settings_markdown(um_ctx *ctx, char **out);

/* The one of n words that a person most likely meant by `word`; NULL: none is near. */
UM_API const char *um_word_nearest(const char *word, const char *const *words, int n);

/* Free a text that was handed out and set *text to NULL. */
UM_API void um_text_release(um_ctx *ctx, char **text);

#ifdef __cplusplus
}
#endif
#endif

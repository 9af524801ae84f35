/* SPDX-License-Identifier: MIT
 * settings.c - the settings table behind a handle. */
#include "api/handles.h"

#include "config/nearest.h"

#include <limits.h>
#include <string.h>

um_status um_settings_open(um_settings **s, um_ctx *ctx)
{
    UM_TRY(um_alloc(ctx, s, 1, sizeof **s, "settings"));
    (*s)->ctx = ctx;
    const um_status status = um_config_init(ctx, &(*s)->config);
    if (status != UM_OK) {
        um_free(ctx, *s);
        *s = NULL;
    }
    return status;
}

void um_settings_close(um_settings **s)
{
    if (!*s) return;
    um_config_free(&(*s)->config);
    um_free((*s)->ctx, *s);
    *s = NULL;
}

um_status um_settings_read(um_settings *s, const char *path)
{
    return um_config_read(s->ctx, &s->config, path);
}

um_status um_settings_set(um_settings *s, const char *assignment)
{
    return um_config_set(s->ctx, &s->config, assignment);
}

um_status um_settings_check(um_settings *s) { return um_config_check(s->ctx, &s->config); }

/* A finished text passes to the caller. */
static um_status hand_over(um_status status, um_text *text, char **out)
{
    if (status == UM_OK) status = text->status;
    *out = NULL;
    if (status == UM_OK) *out = text->data;
    else um_text_free(text);
    return status;
}

um_status um_settings_get(um_settings *s, const char *name, char **out)
{
    for (int i = 0; i < UM_CONFIG_COUNT; i++) {
        const um_setting *k = &um_config_settings[i];
        const size_t section = strlen(k->section);
        if (strncmp(name, k->section, section) != 0 || name[section] != '.' ||
            strcmp(name + section + 1, k->key) != 0)
            continue;
        char value[UM_PATH_BYTES + 1];
        um_setting_print(k, (const char *)&s->config + k->offset, value, sizeof value);
        return um_strdup(s->ctx, out, value);
    }
    *out = NULL;
    return um_fail(s->ctx, UM_BAD_ARG, "%s: no such setting (docs/config.md lists them)", name);
}

um_status um_settings_text(um_settings *s, char **out)
{
    um_text text = { .ctx = s->ctx };
    return hand_over(um_config_write(s->ctx, &s->config, &text), &text, out);
}

um_status um_settings_help(um_ctx *ctx, const char *what, char **out)
{
    um_text text = { .ctx = ctx };
    return hand_over(um_config_help(ctx, what, &text), &text, out);
}

um_status um_settings_markdown(um_ctx *ctx, char **out)
{
    um_text text = { .ctx = ctx };
    return hand_over(um_config_markdown(ctx, &text), &text, out);
}

const char *um_word_nearest(const char *word, const char *const *words, int n)
{
    const char *nearest = NULL;
    int best = INT_MAX;
    for (int i = 0; i < n; i++) {
        const int d = um_name_distance(word, words[i]);
        if (d < best) best = d, nearest = words[i];
    }
    return nearest && um_name_is_near(best, nearest) ? nearest : NULL;
}

void um_text_release(um_ctx *ctx, char **text)
{
    um_free(ctx, *text);
    *text = NULL;
}

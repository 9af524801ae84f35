/* SPDX-License-Identifier: MIT
 * config.c - the table in memory, the defaults, and one value at a time from any source. */
#include "config/config.h"

#include "config/find.h"

#include <stdio.h>
#include <string.h>

enum { FREE = 0, FIXED = 1 }; /* the words of the column "at resume" */

const um_setting um_config_settings[] = {
#define KEY(sec, key, type, initial, min, max, choices, resume, help)                        \
    { #sec, #key, UM_SETTING_##type, offsetof(um_config, sec##_##key), initial, min, max,    \
      choices, resume, help },
    UM_CONFIG(KEY)
#undef KEY
};

um_status um_config_init(um_ctx *ctx, um_config *cfg)
{
    *cfg = (um_config){ .texts.ctx = ctx };
    for (int i = 0; i < UM_CONFIG_COUNT; i++) {
        const um_setting *s = &um_config_settings[i];
        cfg->origin[i].file = "";
        const um_status status =
            um_setting_read(ctx, s, s->initial, &cfg->texts, (char *)cfg + s->offset);
        if (status != UM_OK) {
            um_config_free(cfg);
            return status;
        }
    }
    return UM_OK;
}

void um_config_free(um_config *cfg)
{
    if (cfg->texts.ctx) um_arena_free(&cfg->texts);
    *cfg = (um_config){ 0 };
}

um_status um_config_offer(um_ctx *ctx, um_config *cfg, const char *section, const char *key,
                          const char *value, const um_origin *origin)
{
    const um_setting *s;
    UM_TRY(um_config_find(ctx, section, key, &s));
    um_origin *old = &cfg->origin[s - um_config_settings];
    um_config discard; /* a weaker source's value is read all the same: a wrong one is an error */
    void *field = (char *)(origin->source < old->source ? &discard : cfg) + s->offset;
    UM_TRY(um_setting_read(ctx, s, value, &cfg->texts, field));
    if (origin->source < old->source) return UM_OK;
    const char *file = origin->file ? origin->file : "";
    char *copy = um_arena_take(&cfg->texts, strlen(file) + 1);
    if (!copy) return cfg->texts.status;
    *old = (um_origin){ origin->source, strcpy(copy, file), origin->line };
    return UM_OK;
}

um_status um_config_set(um_ctx *ctx, um_config *cfg, const char *assignment)
{
    char name[128];
    const size_t n = strcspn(assignment, "=");
    if (!assignment[n])
        return um_fail(ctx, UM_BAD_ARG, "%.80s: no value (SECTION.KEY=VALUE)", assignment);
    if (n >= sizeof name)
        return um_fail(ctx, UM_BAD_ARG, "no setting %.80s... (SECTION.KEY=VALUE)", assignment);
    memcpy(name, assignment, n);
    name[n] = '\0';
    char *dot = strchr(name, '.');
    if (!dot) return um_fail(ctx, UM_BAD_ARG, "%.80s: no section (SECTION.KEY=VALUE)", assignment);
    *dot = '\0';
    const um_origin origin = { UM_FROM_COMMAND, "", 0 };
    return um_config_offer(ctx, cfg, name, dot + 1, assignment + n + 1, &origin);
}

um_status um_config_fail_at(um_ctx *ctx, const um_config *cfg, um_status status, int setting)
{
    const um_origin *o = &cfg->origin[setting];
    return o->source == UM_FROM_FILE ? um_fail_at(ctx, status, "%s:%d", o->file, o->line) : status;
}

const um_origin *um_config_origin(const um_config *cfg, const char *name)
{
    for (int i = 0; i < UM_CONFIG_COUNT; i++) {
        const um_setting *s = &um_config_settings[i];
        const size_t n = strlen(s->section);
        if (strncmp(name, s->section, n) != 0 || name[n] != '.') continue;
        if (strcmp(name + n + 1, s->key) == 0) return &cfg->origin[i];
    }
    return NULL;
}

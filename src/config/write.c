/* SPDX-License-Identifier: MIT
 * write.c - the effective settings as an INI text, and the comparison that a resume needs. */
#include "config/config.h"

#include "config/find.h"
#include "config/line.h"
#include "config/place.h"

#include <stdio.h>
#include <string.h>

/* The value as config.ini holds it: paths in full. */
static void print(const um_setting *s, const um_config *cfg, char out[UM_PLACE_BYTES])
{
    char text[UM_PLACE_BYTES];
    um_setting_print(s, (const char *)cfg + s->offset, text, sizeof text);
    if (s->type != UM_SETTING_PATH || !um_place_full(text, out)) strcpy(out, text);
}

um_status um_config_write(um_ctx *ctx, const um_config *cfg, um_text *out)
{
    const char *section = "";
    um_text_add(out, "; The effective settings: every key. docs/config.md explains them.\n");
    for (int i = 0; i < UM_CONFIG_COUNT; i++) {
        const um_setting *s = &um_config_settings[i];
        char value[UM_PLACE_BYTES];
        if (strcmp(section, s->section) != 0) um_text_add(out, "\n[%s]\n", s->section);
        section = s->section;
        print(s, cfg, value);
        um_text_add(out, "%s = ", s->key);
        um_line_add_value(out, value);
        um_text_add_byte(out, '\n');
    }
    return out->status == UM_OK ? UM_OK : um_fail(ctx, out->status, "no memory for config.ini");
}

um_status um_config_get(um_ctx *ctx, const um_config *cfg, const char *name, um_text *out)
{
    char section[64], value[UM_PLACE_BYTES];
    const char *dot = strchr(name, '.');
    const um_setting *s;
    const int n = dot ? (int)(dot - name) : (int)strlen(name);
    snprintf(section, sizeof section, "%.*s", n, name);
    UM_TRY(um_config_find(ctx, section, dot ? dot + 1 : "", &s));
    print(s, cfg, value);
    um_text_add(out, "%s", value);
    return out->status;
}

const um_setting *um_config_difference(const um_config *a, const um_config *b,
                                       const um_setting *after)
{
    const um_setting *s = after ? after + 1 : um_config_settings;
    for (; s < um_config_settings + UM_CONFIG_COUNT; s++) {
        char one[UM_PLACE_BYTES], other[UM_PLACE_BYTES];
        print(s, a, one);
        print(s, b, other);
        if (strcmp(one, other) != 0) return s;
    }
    return NULL;
}

um_status um_config_check_resume(um_ctx *ctx, const um_config *before, const um_config *now)
{
    const um_setting *s = NULL;
    while ((s = um_config_difference(before, now, s)) != NULL) {
        char was[UM_PLACE_BYTES], is[UM_PLACE_BYTES];
        if (!s->fixed) continue;
        print(s, before, was);
        print(s, now, is);
        return um_fail(ctx, UM_BAD_ARG,
                       "%s.%s = %.200s, but the run to resume has %.200s "
                       "(the same, or another run.name)", s->section, s->key, is, was);
    }
    return UM_OK;
}

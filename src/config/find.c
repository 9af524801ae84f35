/* SPDX-License-Identifier: MIT
 * find.c - names to rows, with a suggestion for a name that is not there. */
#include "config/find.h"

#include "config/config.h"
#include "config/nearest.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

const um_config_section um_config_sections[] = {
#define X(name, help) { #name, help },
    UM_CONFIG_SECTIONS(X)
#undef X
};
const int um_config_section_count = (int)UM_COUNT(um_config_sections);

static const struct {
    const char *section, *key;
    int index;
} synonyms[] = {
#define X(section, other, key) { #section, #other, UM_KEY_##section##_##key },
    UM_CONFIG_SYNONYMS(X)
#undef X
};

um_status um_config_find_section(um_ctx *ctx, const char *section)
{
    const char *nearest = "";
    int best = INT_MAX;
    for (int i = 0; i < um_config_section_count; i++) {
        const int d = um_name_distance(section, um_config_sections[i].name);
        if (strcmp(section, um_config_sections[i].name) == 0) return UM_OK;
        if (d < best) best = d, nearest = um_config_sections[i].name;
    }
    if (um_name_is_near(best, nearest))
        return um_fail(ctx, UM_BAD_ARG, "no section [%.60s] (did you mean [%s]?)", section,
                       nearest);
    char all[200] = "";
    for (int i = 0; i < um_config_section_count; i++)
        snprintf(all + strlen(all), sizeof all - strlen(all), " [%s]", um_config_sections[i].name);
    return um_fail(ctx, UM_BAD_ARG, "no section [%.60s] (there are%s)", section, all);
}

/* How far a wrong key is from one that there is; more where it would be in another section, and
 * little where one is the beginning of the other (batch_size). INT_MAX: not near. */
static int how_far(const char *section, const char *key, const char *meant_section,
                   const char *meant)
{
    const size_t n = UM_MIN(strlen(key), strlen(meant));
    int d = um_name_distance(key, meant);
    if (n >= 4 && strncmp(key, meant, n) == 0) d = UM_MIN(d, 2);
    else if (!um_name_is_near(d, meant)) return INT_MAX;
    return 2 * d + (strcmp(section, meant_section) != 0);
}

/* The row that was meant by a key that its section does not have; NULL: none is near. */
static const um_setting *suggest(const char *section, const char *key)
{
    const um_setting *nearest = NULL;
    int best = INT_MAX;
    for (int i = 0; i < UM_CONFIG_COUNT; i++) {
        const um_setting *s = &um_config_settings[i];
        const int d = how_far(section, key, s->section, s->key);
        if (d < best) best = d, nearest = s;
    }
    for (size_t i = 0; i < UM_COUNT(synonyms); i++) {
        const int d = how_far(section, key, synonyms[i].section, synonyms[i].key);
        if (d < best) best = d, nearest = &um_config_settings[synonyms[i].index];
    }
    return nearest;
}

um_status um_config_find(um_ctx *ctx, const char *section, const char *key, const um_setting **out)
{
    UM_TRY(um_config_find_section(ctx, section));
    for (int i = 0; i < UM_CONFIG_COUNT; i++) {
        const um_setting *s = &um_config_settings[i];
        if (strcmp(s->section, section) == 0 && strcmp(s->key, key) == 0) {
            *out = s;
            return UM_OK;
        }
    }
    for (size_t i = 0; i < UM_COUNT(synonyms); i++)
        if (strcmp(synonyms[i].section, section) == 0 && strcmp(synonyms[i].key, key) == 0) {
            *out = &um_config_settings[synonyms[i].index];
            return UM_OK;
        }
    const um_setting *meant = suggest(section, key);
    if (meant)
        return um_fail(ctx, UM_BAD_ARG, "no setting %s.%.60s (did you mean %s.%s?)", section, key,
                       meant->section, meant->key);
    return um_fail(ctx, UM_BAD_ARG, "no setting %s.%.60s (unmist config %s lists them)", section,
                   key, section);
}

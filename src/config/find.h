/* SPDX-License-Identifier: MIT
 * find.h - from a name that a person wrote to a row of the table. */
#ifndef UM_CONFIG_FIND_H
#define UM_CONFIG_FIND_H

#include "base/setting.h"

typedef struct um_config_section {
    const char *name, *help;
} um_config_section;

extern const um_config_section um_config_sections[];
extern const int um_config_section_count;

/* Is there such a section? UM_BAD_ARG names the nearest. */
um_status um_config_find_section(um_ctx *ctx, const char *section);

/* The row of a setting, by its name or a synonym, in *out. UM_BAD_ARG names the nearest. */
um_status um_config_find(um_ctx *ctx, const char *section, const char *key, const um_setting **out);

#endif

/* SPDX-License-Identifier: MIT
 * place.h - what a relative path in the settings is relative to. */
#ifndef UM_CONFIG_PLACE_H
#define UM_CONFIG_PLACE_H

#include "base/base.h"

enum { UM_PLACE_BYTES = 4096 };

/* `name` as seen from the absolute `folder`, leading ./ and ../ worked out, in `out` of
 * UM_PLACE_BYTES; an absolute name stays as it is. False: too long. */
bool um_place_join(const char *folder, const char *name, char *out);

/* The absolute folder, links followed, that the existing file stands in. False: there is none. */
bool um_place_folder(const char *file, char *out);

/* A path of the command line in full, as seen from the current folder; an empty one stays empty. */
bool um_place_full(const char *name, char *out);

#endif

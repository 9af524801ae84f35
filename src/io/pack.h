/* SPDX-License-Identifier: MIT
 * pack.h - several named files that belong together, in a folder or in an archive (.tar, .tar.gz),
 * which is read as it stands: nothing is extracted, the paths inside are only matched. */
#ifndef UM_PACK_H
#define UM_PACK_H

#include "io/file.h"

/* Read the files of these names. In an archive a name fits the last part of an entry's path; only
 * regular entries count, the first one of a name. What is not there stays {NULL, 0}. All together
 * may unpack to `most` bytes. The caller frees every out[i].data; on failure all are zeroed. */
um_status um_pack_read(um_ctx *ctx, const char *path, const char *const *names, int count,
                       size_t most, um_bytes *out);

/* Is there a file of at least one of the names? No in *has for what cannot be read; fails only for
 * want of memory. */
um_status um_pack_has(um_ctx *ctx, const char *path, const char *const *names, int count,
                      bool *has);

#endif

/* SPDX-License-Identifier: MIT
 * pickle.h - PyTorch's own files (.bin, .ckpt, .pt, .pth), which are pickles: a program that runs
 * when it is read. They are told apart and refused, never read. */
#ifndef UM_PICKLE_H
#define UM_PICKLE_H

#include "base/base.h"

/* UM_BAD_FILE, with the reason and the way to convert it. */
um_status um_pickle_refuse(um_ctx *ctx, const char *path);

/* The same for a file whose name ends as theirs or whose first bytes are those of a zip archive or
 * a pickle; UM_OK for any other, also for one that cannot be read. */
um_status um_pickle_check(um_ctx *ctx, const char *path);

/* Do these first n bytes look so? */
bool um_pickle_begins(const uint8_t *bytes, size_t n);

#endif

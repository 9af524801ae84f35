/* SPDX-License-Identifier: MIT
 * precision.c - what a person calls them. */
#include "tensor/precision.h"

const um_choice um_precisions[] = {
    { "f32", UM_F32 },
    { "bf16", UM_BF16 },
    { NULL, 0 },
};

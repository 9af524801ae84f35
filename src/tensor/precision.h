/* SPDX-License-Identifier: MIT
 * precision.h - the words for precisions. */
#ifndef UM_PRECISION_H
#define UM_PRECISION_H

#include "base/choice.h"
#include "tensor/kernels/precision.h"

extern const um_choice um_precisions[]; /* f32, bf16 */

#endif

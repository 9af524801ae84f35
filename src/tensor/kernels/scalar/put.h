/* SPDX-License-Identifier: MIT
 * put.h - how every definition writes a gradient: stored, or added to what is there. */
#ifndef UM_SCALAR_PUT_H
#define UM_SCALAR_PUT_H

#include "base/base.h"

static inline void put(um_real *to, double value, bool add)
{
    *to = (um_real)(add ? (double)*to + value : value);
}

#endif

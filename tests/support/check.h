/* SPDX-License-Identifier: MIT
 * check.h - cmocka with what it needs, and a context that tests share. */
#ifndef UM_CHECK_H
#define UM_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base.h"

/* Fail with the library's own message. */
#define CHECK_OK(ctx, call)                                                                        \
    do {                                                                                           \
        const um_status check_ = (call);                                                           \
        if (check_ != UM_OK)                                                                       \
            fail_msg("%s: %s: %s", #call, um_status_text(check_), (ctx)->message);                 \
    } while (0)

/* |a - b| <= tolerance, told with both values when not. */
#define CHECK_NEAR(a, b, tolerance)                                                           \
    do {                                                                                      \
        const double a_ = (a), b_ = (b), d_ = a_ > b_ ? a_ - b_ : b_ - a_;                    \
        if (!(d_ <= (tolerance)))                                                             \
            fail_msg("%s = %.9g, %s = %.9g, differ by %.3g > %.3g", #a, a_, #b, b_, d_,       \
                     (double)(tolerance));                                                    \
    } while (0)

#endif

/* SPDX-License-Identifier: MIT
 * limits.h - the disk full at will: no file may grow beyond a size. */
#ifndef UM_LIMITS_H
#define UM_LIMITS_H

#include <signal.h>
#include <sys/resource.h>

#include "support/check.h"

/* Bytes that a file may have at most from now on; RLIM_INFINITY: as many as it likes. */
static inline void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN); /* a write beyond it fails with EFBIG */
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

#endif

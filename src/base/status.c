/* SPDX-License-Identifier: MIT
 * status.c - texts and exit codes, from the one list. */
#include "base/base.h"

static const struct {
    const char *text;
    int exit_status;
} table[] = {
#define X(name, text, exit_status) { text, exit_status },
    UM_STATUS_MAP(X)
#undef X
};

const char *um_status_text(um_status status)
{
    return (unsigned)status < UM_STATUS_COUNT ? table[status].text : "unknown status";
}

int um_status_exit(um_status status)
{
    return (unsigned)status < UM_STATUS_COUNT ? table[status].exit_status : 1;
}

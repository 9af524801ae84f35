/* SPDX-License-Identifier: MIT
 * nearest.c - optimal string alignment (Damerau 1964, each place touched once). */
#include "config/nearest.h"

#include "base/base.h"

#include <limits.h>
#include <string.h>

enum { LONGEST = 63 };

static bool same(char a, char b)
{
    return a == b || (a >= 'A' && a <= 'Z' && a - 'A' + 'a' == b) ||
           (b >= 'A' && b <= 'Z' && b - 'A' + 'a' == a);
}

int um_name_distance(const char *a, const char *b)
{
    const size_t n = strlen(a), m = strlen(b);
    if (n > LONGEST || m > LONGEST) return INT_MAX;
    int d[LONGEST + 1][LONGEST + 1]; /* d[i][j]: between the first i of a and the first j of b */
    for (size_t i = 0; i <= n; i++) d[i][0] = (int)i;
    for (size_t j = 0; j <= m; j++) d[0][j] = (int)j;
    for (size_t i = 1; i <= n; i++)
        for (size_t j = 1; j <= m; j++) {
            const int replaced = d[i - 1][j - 1] + !same(a[i - 1], b[j - 1]);
            const int moved = UM_MIN(d[i - 1][j], d[i][j - 1]) + 1;
            d[i][j] = UM_MIN(replaced, moved);
            if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
                d[i][j] = UM_MIN(d[i][j], d[i - 2][j - 2] + 1);
        }
    return d[n][m];
}

int um_name_is_near(int distance, const char *meant)
{
    return distance <= UM_MAX(1, (int)strlen(meant) / 3);
}

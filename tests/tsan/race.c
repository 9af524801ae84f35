/* SPDX-License-Identifier: MIT
 * race.c - a sum that threads race for, or with an argument one that OpenMP orders. */
#include <stdio.h>

int main(int argc, char **argv)
{
    enum { N = 100 };
    double sum = 0, part[N];
    (void)argv;
#pragma omp parallel for num_threads(4)
    for (int i = 0; i < N; i++) part[i] = i;
    if (argc > 1) {
#pragma omp parallel for num_threads(4) reduction(+ : sum)
        for (int i = 0; i < N; i++) sum += part[i];
    } else {
#pragma omp parallel for num_threads(4)
        for (int i = 0; i < N; i++) sum += part[i];
    }
    printf("%g\n", sum);
    return 0;
}

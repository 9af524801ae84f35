/* SPDX-License-Identifier: MIT
 * nearest.h - which name was meant. */
#ifndef UM_NEAREST_H
#define UM_NEAREST_H

/* How many letters must be inserted, removed, replaced or swapped with their neighbour to make one
 * name of the other, where capitals are as good as small letters. Names of more than 63 bytes are
 * infinitely far (INT_MAX). */
int um_name_distance(const char *a, const char *b);

/* Is it near enough for `meant` to be suggested: a third of its letters wrong, at least one? */
int um_name_is_near(int distance, const char *meant);

#endif

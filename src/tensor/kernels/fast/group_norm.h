/* SPDX-License-Identifier: MIT
 * group_norm.h - how the two passes of GroupNorm cut their work: an item is a few whole groups of
 * one image. A channel keeps to its lane of a vector and to its order over pixels wherever the
 * cuts are, so that they may depend on the threads and the bits do not. */
#ifndef UM_FAST_GROUP_NORM_H
#define UM_FAST_GROUP_NORM_H

#include "tensor/kernels/fast/each.h"
#include "tensor/kernels/fast/tier.h"

#include <omp.h>

/* Pixels whose sum is taken in float; channels whose values stand ready; the fewest in an item. */
enum { SPAN = 32, TILE = 256, NARROW = 32, PADDED = TILE + VW };

/* How many groups make an item: those of an image, if the images go round the threads. */
INLINE int item_groups(const um_group_norm_shape *s)
{
    const int width = s->c / s->groups, threads = omp_get_max_threads();
    const int share = s->n % threads == 0 ? s->groups : (s->groups + threads - 1) / threads;
    const int wanted = UM_MAX(share, (NARROW + width - 1) / width);
    return UM_MAX(1, UM_MIN(UM_MIN(wanted, TILE / width), s->groups));
}

/* Groups first .. last - 1 of an image; `width` channels each; pixels `stride` apart. */
struct item {
    size_t image;
    int first, last, width, hw;
    ptrdiff_t stride;
};

INLINE struct item item_at(const um_group_norm_shape *s, int groups, int k)
{
    const int items = (s->groups + groups - 1) / groups, first = k % items * groups;
    return (struct item){
        .image = (size_t)(k / items),
        .first = first,
        .last = UM_MIN(first + groups, s->groups),
        .width = s->c / s->groups,
        .hw = s->hw,
        .stride = s->c,
    };
}

INLINE bool worth_sharing(const um_group_norm_shape *s)
{
    return (size_t)s->n * (size_t)s->hw * (size_t)s->c > WORTH / 4;
}

INLINE int item_count(const um_group_norm_shape *s, int groups)
{
    return s->n * ((s->groups + groups - 1) / groups);
}

/* where channel c of the item's image starts */
INLINE size_t item_start(const struct item *t, int c)
{
    return t->image * (size_t)t->hw * (size_t)t->stride + (size_t)c;
}

/* where channel c of the item's image stands in a matrix (n, c) */
INLINE size_t item_channel(const struct item *t, int c)
{
    return t->image * (size_t)t->stride + (size_t)c;
}

/* what is added to channel c */
INLINE double item_offset(const struct item *t, const float *offset, int c)
{
    return offset ? (double)offset[item_channel(t, c)] : 0;
}

INLINE int tile_count(const struct item *t, int c)
{
    return UM_MIN(TILE, t->last * t->width - c);
}

/* Run the statement for the item's channels c, TILE at a time: `count` from c on. Only a group
 * wider than TILE has more than one turn. */
#define EACH_TILE(c, count, t, ...)                                 \
    for (int c = (t)->first * (t)->width, count; (count = tile_count(t, c)) > 0; c += TILE) { \
        __VA_ARGS__;                                                \
    }

#endif

/* SPDX-License-Identifier: MIT
 * memory.h - how much memory there is. Systems promise more than they have, and end the program
 * that believes them. */
#ifndef UM_MEMORY_H
#define UM_MEMORY_H

#include "base/base.h"

/* Bytes that this process can use beside what it has, by the machine and by its control group;
 * SIZE_MAX where the system does not say. */
size_t um_memory_available(void);

/* The most bytes that this process had resident so far; 0 where the system does not say. */
size_t um_memory_peak(void);

#endif

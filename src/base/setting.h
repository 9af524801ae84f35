/* SPDX-License-Identifier: MIT
 * setting.h - one typed setting: reading its value from text, printing it, its bounds. Which
 * settings exist is known above (config/config.def). */
#ifndef UM_SETTING_H
#define UM_SETTING_H

#include "base/arena.h"
#include "base/base.h"

/*    type      field */
#define UM_SETTING_MAP(X)       \
    X(INT,      int)            \
    X(REAL,     double)         \
    X(BOOL,     bool)           \
    X(TEXT,     const char *)   \
    X(PATH,     const char *)   \
    X(CHOICE,   um_word)        \
    X(SEED,     uint64_t)       \
    X(INTS,     um_ints)        \
    X(SIZE,     um_size)        \
    X(DURATION, double)         \
    X(BYTES,    uint64_t)

enum { UM_WORD_MAX = 24, UM_INTS_MAX = 16, UM_TEXT_BYTES = 1000, UM_PATH_BYTES = 4000 };

/* One of a list of names, as the list spells it first (also where a synonym was given). */
typedef char um_word[UM_WORD_MAX];

/* A short list, written 64,128,128; an empty one is written none. */
typedef struct um_ints {
    int n, v[UM_INTS_MAX];
} um_ints;

/* Rows and columns, written 24x40, or 32 for both; 0 x 0, written 0, says "not given". */
typedef struct um_size {
    int h, w;
} um_size;

/* um_field_INT ... um_field_BYTES: the C type that holds a value. Durations are seconds; bytes are
 * written 2GiB, a part of one left away. */
#define X(name, field) typedef field um_field_##name;
UM_SETTING_MAP(X)
#undef X

#define X(name, field) UM_SETTING_##name,
typedef enum um_setting_type { UM_SETTING_MAP(X) UM_SETTING_TYPES } um_setting_type;
#undef X

/* One row of a table of settings. Bounds are inclusive, hold for each number of a list or size, and
 * for durations count seconds, for memory bytes; texts, paths, choices and seeds have none. Choices
 * are written "linear|cosine=squaredcos_cap_v2": names after = are synonyms of the one before. */
typedef struct um_setting {
    const char *section, *key;
    um_setting_type type;
    size_t offset;       /* of the field in the struct that the table describes */
    const char *initial; /* the default, as text */
    double min, max;
    const char *choices;
    bool fixed; /* a run that resumes must have the same value */
    const char *help;
} um_setting;

/* Read `value` into `field`, which has the setting's type. Strict: nothing may follow the value,
 * and what overflows, is not finite or leaves the bounds is UM_BAD_ARG with a message that names
 * section.key, the value and what would be right; `field` is then untouched. Independent of the
 * locale. Texts and paths are copied into `texts`. */
um_status um_setting_read(um_ctx *ctx, const um_setting *setting, const char *value,
                          um_arena *texts, void *field);

/* Write the value so that um_setting_read gives the same one back; numbers in their shortest form.
 * `size` bytes at most: UM_PATH_BYTES + 1 always suffice. */
void um_setting_print(const um_setting *setting, const void *field, char *out, size_t size);

/* Say what would be right, as "a whole number from 1 to 65536". 600 bytes always suffice. */
void um_setting_expects(const um_setting *setting, char *out, size_t size);

#endif

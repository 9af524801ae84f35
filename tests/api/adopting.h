/* SPDX-License-Identifier: MIT
 * adopting.h - a config and a scheduler_config.json, for the tests of adopt.c. */
#ifndef UM_TEST_ADOPTING_H
#define UM_TEST_ADOPTING_H

#include "api/handles.h"

#include "support/scratch.h"

/* A config and a scheduler that are made up key by key. */
typedef struct subject {
    um_ctx ctx;
    um_config c;
    um_scheduler_json j;
} subject;

static inline subject *open_subject(const char *class_name)
{
    subject *s = test_calloc(1, sizeof *s);
    um_ctx_init(&s->ctx);
    CHECK_OK(&s->ctx, um_config_init(&s->ctx, &s->c));
    if (class_name) CHECK_OK(&s->ctx, um_scheduler_json_begin(&s->ctx, &s->j, class_name));
    return s;
}

static inline void close_subject(subject *s)
{
    um_scheduler_json_free(&s->j);
    um_config_free(&s->c);
    test_free(s);
}

static inline void says(subject *s, const char *key, const char *text)
{
    CHECK_OK(&s->ctx, um_scheduler_json_set(&s->ctx, &s->j, key, text));
}

static inline void adopt(subject *s) { CHECK_OK(&s->ctx, um_config_adopt(&s->ctx, &s->c, &s->j)); }

static inline void by_command(subject *s, const char *assignment)
{
    CHECK_OK(&s->ctx, um_config_set(&s->ctx, &s->c, assignment));
}

static inline void by_file(subject *s, const char *section, const char *key, const char *value)
{
    const um_origin origin = { UM_FROM_FILE, "a.ini", 1 };
    CHECK_OK(&s->ctx, um_config_offer(&s->ctx, &s->c, section, key, value, &origin));
}

#endif

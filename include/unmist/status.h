/* SPDX-License-Identifier: MIT
 * unmist/status.h - every way a call can fail, in one list; shared by the library and its users. */
#ifndef UNMIST_STATUS_H
#define UNMIST_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined __GNUC__ && !defined UM_API
#define UM_API __attribute__((visibility("default")))
#elif !defined UM_API
#define UM_API
#endif

/*    name           text                                exit status of the command line */
#define UM_STATUS_MAP(X)                                    \
    X(OK,            "ok",                               0) \
    X(NO_MEMORY,     "out of memory",                    1) \
    X(IO,            "could not write",                  1) \
    X(NOT_FINITE,    "a number went bad",                1) \
    X(BAD_ARG,       "invalid argument or setting",      2) \
    X(BAD_SHAPE,     "tensor shapes do not agree",       2) \
    X(BAD_FILE,      "missing, unreadable or malformed", 3) \
    X(CANCELLED,     "cancelled",                      130)

#define X(name, text, exit_status) UM_##name,
typedef enum um_status { UM_STATUS_MAP(X) UM_STATUS_COUNT } um_status;
#undef X

#ifdef __GNUC__
#define UM_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define UM_PRINTF(text, first)
#endif

typedef struct um_ctx um_ctx; /* allocator, logger, threads, kernels, last message */

/* The text of a status, never NULL; owned by the library. */
UM_API const char *um_status_text(um_status status);

/* The exit status that the command line gives for it (0, 1, 2, 3 or 130). */
UM_API int um_status_exit(um_status status);

#ifdef __cplusplus
}
#endif
#endif

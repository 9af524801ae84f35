/* SPDX-License-Identifier: MIT
 * phase.h - what a training is at, told from its calls on files: a letter in a shared byte. */
#ifndef UM_FAULTS_PHASE_H
#define UM_FAULTS_PHASE_H

#include <stdbool.h>

/* The letters; kill_resume.py has their names. */
enum {
    PHASE_START = 'S',      /* before the first step                                  */
    PHASE_STEP = 'T',       /* a step, a validation, drawing a picture                */
    PHASE_LOG = 'L',        /* a row of log.csv                                       */
    PHASE_PICTURE = 'P',    /* writing a picture                                      */
    PHASE_CHECKPOINT = 'C', /* from the folder under its temporary name on            */
    PHASE_RENAME = 'R',     /* to its own name, and flushing the folder above         */
    PHASE_REMOVAL = 'D',    /* of an older one                                        */
    PHASE_RETURN = 'B',     /* cutting rows off, as the last of going back            */
    PHASE_MODEL = 'M',      /* the final model, under both names                      */
};

/* Keep the byte in this file; NULL: in no file. */
void phase_open(const char *file);

/* A call begins, and has ended. */
void phase_enter(const char *call, const char *path, const char *to);
void phase_leave(bool succeeded);

#endif

/* SPDX-License-Identifier: MIT
 * terminal.c - a progress bar, and stopping on request. */
#include "cli/cli.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t stop_signal; /* a handler can reach nothing but a global */

/* A terminal that is closed may hang up twice, and who ends a service may hang up right after
 * SIGTERM: this never counts as the second wish that leaves at once. */
static void on_signal(int number)
{
    if (stop_signal && number != SIGHUP) _exit(128 + number);
    if (!stop_signal) stop_signal = number;
}

void cli_catch_signals(void)
{
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    struct sigaction hangup;
    if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN) /* else: nohup */
        sigaction(SIGHUP, &action, NULL);
    signal(SIGPIPE, SIG_IGN); /* a failing write is an error that is told */
    signal(SIGXFSZ, SIG_IGN);
}

bool cli_stop_asked(void *unused)
{
    (void)unused;
    return stop_signal != 0;
}

int cli_signal_status(void) { return stop_signal ? 128 + (int)stop_signal : 0; }

void cli_duration(double seconds, char out[24])
{
    const long s = seconds > 0 && seconds < 1e9 ? (long)(seconds + 0.5) : 0;
    if (s >= 3600) snprintf(out, 24, "%ldh%02ldm", s / 3600, s / 60 % 60);
    else if (s >= 60) snprintf(out, 24, "%ldm%02lds", s / 60, s % 60);
    else snprintf(out, 24, "%lds", s);
}

static bool has_bar(const cli *c) { return !c->quiet && isatty(STDERR_FILENO); }

void cli_bar(const cli *c, const char *what, double done, double total, const char *behind)
{
    enum { WIDTH = 28 };
    static struct timespec last; /* of the one terminal */
    struct timespec now;
    if (!has_bar(c)) return;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const double since =
        (double)(now.tv_sec - last.tv_sec) + 1e-9 * (double)(now.tv_nsec - last.tv_nsec);
    if (since < 0.1 && done < total) return;
    last = now;
    char bar[WIDTH + 1];
    const int full = total > 0 ? (int)(WIDTH * (done / total)) : 0;
    memset(bar, '.', WIDTH);
    memset(bar, '#', (size_t)(full < WIDTH ? full : WIDTH));
    bar[WIDTH] = 0;
    fprintf(stderr, "\r%s [%s] %.0f/%.0f  %s\x1b[K", what, bar, done, total, behind);
    fflush(stderr);
}

void cli_bar_end(const cli *c)
{
    if (has_bar(c)) fprintf(stderr, "\r\x1b[K");
}

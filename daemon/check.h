/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/check.h - what cpmd does with the settings besides running by them: check and print
 */
#ifndef DAEMON_CHECK_H
#define DAEMON_CHECK_H

#include "base/conf.h"

enum { CHECK_TEXT_BYTES = 1024 };

/* "FILE:LINE:COLUMN: MESSAGE; REMEDY", with "warning: " before the message of a warning and without
 * ":LINE:COLUMN" where the file as a whole is meant. */
void check_fault_text(const struct conf_fault *fault, char text_out[CHECK_TEXT_BYTES]);

/* The same and a line break to the FILE * ARG. */
void check_fault_print(void *arg, const struct conf_fault *fault);

/* The same as a log line of category conf, error or warn; ARG is not used. */
void check_fault_log(void *arg, const struct conf_fault *fault);

/* cpmd --check: tell every fault and warning of FILE (NULL: the defaults) on stderr, and the
 * outcome on stdout. Returns the exit status: 0 when the server would take the file, else 1. */
int check_main(const char *file);

/* cpmd --print-sample and --print-man: the commented sample file, and the settings as a part of a
 * man page, on stdout. Return the exit status. */
int check_sample_main(void);
int check_man_main(void);

#endif

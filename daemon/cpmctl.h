/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/cpmctl.h - what the files of cpmctl share
 *
 * cpmctl is the operator's command: a client of the admin socket, and the place where a store that
 * is not running is restored and verified. Results go to standard output, everything else to
 * standard error; with --json both are one line of JSON on standard output.
 */
#ifndef DAEMON_CPMCTL_H
#define DAEMON_CPMCTL_H

#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "base/json.h"

/* Exit statuses; they are an interface. */
enum {
	CTL_OK = 0,
	CTL_FAILED = 1,	     /* the server refused, or the work failed */
	CTL_USAGE = 2,	     /* wrong arguments: nothing was done */
	CTL_UNREACHABLE = 3, /* no cpmd answers at the socket */
	CTL_FAULTS = 4,	     /* verify: the store has faults */
	CTL_CANCELLED = 130, /* ended by Ctrl-C or SIGTERM */
};

/* Options that belong to the verb "user". */
enum {
	CTL_OPERATOR = 1,
	CTL_ALIAS = 2,
	CTL_PASSWORD_FILE = 4,
	CTL_GENERATE = 8,
	CTL_NO_PASSWORD = 16,
	CTL_DISABLE = 32,
	CTL_ENABLE = 64,
};
enum { CTL_ALIASES_MAX = 64 };

/* Options that belong to the verb "policy". */
enum {
	CTL_MESSAGE = 1,
	CTL_SESSION = 2,
	CTL_FILE = 4,
	CTL_ORIGINATING = 8,
	CTL_ANONYMOUS = 16,
	CTL_SIZE = 32,
	CTL_GROUP = 64,
	CTL_TIME = 128,
	CTL_SINCE = 256,
	CTL_USER = 512,
};

struct ctl_policy {
	unsigned given; /* of these */
	const char *file, *size, *group, *time, *since, *user;
};

struct ctl {
	const char *socket;
	int json, yes;
	unsigned given; /* of the options above */
	const char *aliases[CTL_ALIASES_MAX];
	unsigned n_aliases;
	const char *password_file;
	int dry_run;	    /* of "cab" and "import" */
	const char *format; /* of "cab" */
	struct ctl_policy policy;
	char **args; /* of the verb */
	int n_args;
};

/* A verb. Returns the exit status. */
typedef int ctl_verb_fn(struct ctl *ctl);
ctl_verb_fn ctl_status, ctl_stats, ctl_reload, ctl_log, ctl_owners, ctl_jobs; /* cpmctl_verbs.c */
ctl_verb_fn ctl_backup, ctl_verify, ctl_export, ctl_erase;		      /* cpmctl_work.c */
ctl_verb_fn ctl_restore;						      /* cpmctl_offline.c */
ctl_verb_fn ctl_user;							      /* cpmctl_user.c */
ctl_verb_fn ctl_doc;							      /* cpmctl_doc.c */
ctl_verb_fn ctl_cab;							      /* cpmctl_cab.c */
ctl_verb_fn ctl_import;							      /* cpmctl_import.c */
ctl_verb_fn ctl_group;							      /* cpmctl_group.c */
ctl_verb_fn ctl_sip;							      /* cpmctl_sip.c */
ctl_verb_fn ctl_policy;							      /* cpmctl_policy.c */
ctl_verb_fn ctl_deferred;						      /* cpmctl_deferred.c */
int ctl_verify_dir(struct ctl *ctl, const char *dir);			      /* cpmctl_offline.c */

/* 1 after SIGINT or SIGTERM. A second one ends the process. */
int ctl_interrupted(void);
void ctl_catch_interrupts(void);

/* ---- passwords (cpmctl_password.c) ---- */

enum { CTL_PASSWORD_BYTES = 1026 };

/* A new one or somebody's, as CTL's options say: made, the first line of a file, asked twice on a
 * terminal, or one line of standard input. CTL_OK; else what is wrong has been said. */
int ctl_password(const struct ctl *ctl, char password[CTL_PASSWORD_BYTES]);

/* ---- requests (cpmctl_http.c) ---- */

/* One request over the socket; BODY is given up, NULL: none. CTL_OK with the answer in ANSWER_OUT
 * (2xx), to be dropped by the caller; else what went wrong has been said. */
int ctl_call(struct ctl *ctl, const char *method, const char *path, json_t *body,
	     json_t **answer_out);
/* The same with BODY as it is. */
int ctl_send(struct ctl *ctl, const char *method, const char *path, struct strv body,
	     json_t **answer_out);
/* GET PATH into OUT. */
int ctl_fetch(struct ctl *ctl, const char *path, FILE *out);
/* The same into the new file NAME, which is removed when it fails. (cpmctl_work.c) */
int ctl_fetch_to_file(struct ctl *ctl, const char *path, const char *name);
/* All of FILE, at most MAX octets, or of standard input when that is NULL or "-"; on the heap, to
 * be freed in any case. CTL_OK; else what is wrong has been said. (cpmctl_doc.c) */
int ctl_read_file(const struct ctl *ctl, const char *file, size_t max, char **text_out,
		  size_t *bytes_out);
/* PREFIX, NAME percent-encoded, SUFFIX: for the caller to free. */
char *ctl_path(const char *prefix, const char *name, const char *suffix);

/* ---- saying (cpmctl_print.c) ---- */

/* Say an error: "cpmctl: MESSAGE; REMEDY" on standard error, or its JSON. REMEDY may be NULL. */
void ctl_say_error(const struct ctl *ctl, const char *code, const char *message,
		   const char *remedy);
/* Faults of the configuration to standard error, one a line, as "cpmd --check" prints them; KIND
 * stands before each text. */
void ctl_say_faults(const json_t *faults, const char *kind);
/* What is in force, of GET /v1/policy, as rows of "status". (cpmctl_verbs.c) */
void ctl_show_policy(const json_t *policy);
/* Print JSON as one line. */
void ctl_print_json(const json_t *json);
/* S with whatever could move a terminal's cursor or mislead the eye as \xHH. */
void ctl_print_safe(FILE *out, const char *s);
/* The text of member NAME, or of NAME64 in words; "" when there is neither. */
const char *ctl_text(const json_t *json, const char *name);
uint64_t ctl_number(const json_t *json, const char *name);

/* "12.3 MB"; "3 d 4 h"; into BUF. */
const char *ctl_bytes_text(char buf[32], uint64_t bytes);
const char *ctl_span_text(char buf[32], uint64_t ms);

/* ---- progress (cpmctl_progress.c) ---- */

enum ctl_unit { CTL_BYTES, CTL_RECORDS };

struct ctl_progress {
	const char *what;
	enum ctl_unit unit;
	int tty, quiet;
	uint64_t started_ms, shown_ms;
	unsigned shown_percent;
	int on_line; /* a bar stands on the terminal's line */
};

void ctl_progress_begin(struct ctl_progress *p, const struct ctl *ctl, const char *what,
			enum ctl_unit unit);
void ctl_progress_show(struct ctl_progress *p, uint64_t done, uint64_t total);
void ctl_progress_end(struct ctl_progress *p);

/* The bar at ELAPSED_MS into BUF, at most WIDTH columns. */
void ctl_progress_line(char *buf, size_t bytes, unsigned width, const char *what,
		       enum ctl_unit unit, uint64_t done, uint64_t total, uint64_t elapsed_ms);

#endif

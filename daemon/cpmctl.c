/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/cpmctl.c - the command line: one table of verbs, options, help
 *
 * See cpmctl.h. What a verb does stands in cpmctl_verbs.c, cpmctl_work.c and cpmctl_offline.c.
 */
#include "config.h"

#include "daemon/cpmctl.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

static const char default_socket[] = CPM_RUN_DIR "/admin.sock";

static const struct verb {
	const char *name, *args;
	int min_args, max_args;
	ctl_verb_fn *run;
	const char *summary, *help;
} verbs[] = {
	{ "status", "", 0, 0, ctl_status, "what the server is doing",
	  "Version, process, workers with the age of their last turn, store and connections." },
	{ "stats", "[PATTERN]", 0, 1, ctl_stats, "counters and gauges",
	  "All metrics but the buckets of histograms. With a PATTERN only those whose name has it\n"
	  "in it, or fits it when it holds *, ? or [; then buckets too." },
	{ "reload", "", 0, 0, ctl_reload, "read the configuration and certificates again",
	  "Says which settings changed and which wait for a restart, or which faults were found;\n"
	  "then the old configuration stays in force." },
	{ "log", "level [CATEGORY] [LEVEL]", 1, 3, ctl_log, "show or set log levels",
	  "Without LEVEL the levels in force. LEVEL alone sets all categories. Levels are error,\n"
	  "warn, info and debug. A reload or a restart brings the configured ones back." },
	{ "owners", "", 0, 0, ctl_owners, "users and groups that have records", "One a line." },
	{ "backup", "[DIR]", 0, 1, ctl_backup, "make a verified backup while serving",
	  "DIR is a new folder on the server's host. A plain name stands below the configured\n"
	  "folder for backups; without DIR the name is made from the time." },
	{ "restore", "BACKUP DIR", 2, 2, ctl_restore, "make a store of a backup (server stopped)",
	  "Verifies the folder BACKUP and makes a store of it in DIR, which must not hold one.\n"
	  "Works on the folders themselves: stop cpmd and move its old store away first." },
	{ "verify", "[DIR]", 0, 1, ctl_verify, "read everything and check it",
	  "The store of the running server; or, with DIR, a backup or a store that is not open.\n"
	  "Exit status 4 when faults were found." },
	{ "export", "OWNER [FILE]", 1, 2, ctl_export, "one owner's records as lines of JSON",
	  "To FILE, which must not exist, or to standard output. The format is in cpmctl(1)." },
	{ "erase", "OWNER", 1, 1, ctl_erase, "remove every record of an owner",
	  "Asks first; --yes answers. It cannot be undone; backups still hold the records." },
	{ "jobs", "[ID | cancel ID]", 0, 2, ctl_jobs, "backups, verifications, exports, erasures",
	  "All that the server remembers, or one. Cancel ends one that waits or runs." },
};
enum { N_VERBS = sizeof(verbs) / sizeof(verbs[0]) };

static volatile sig_atomic_t interrupts;

static void on_signal(int sig)
{
	if (interrupts++)
		_exit(128 + sig);
}

int ctl_interrupted(void)
{
	return interrupts != 0;
}

void ctl_catch_interrupts(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static void print_help(void)
{
	printf("usage: cpmctl [--socket PATH] [--json] [--yes] VERB [ARGUMENT]...\n\n"
	       "Talks to a running cpmd over its admin socket.\n\n");
	for (unsigned i = 0; i < N_VERBS; i++) {
		char left[64];

		snprintf(left, sizeof(left), "%s %s", verbs[i].name, verbs[i].args);
		printf("  %-30s %s\n", left, verbs[i].summary);
	}
	printf("\n"
	       "  --socket PATH   the admin socket ($OPENCPM_ADMIN_SOCKET, %s)\n"
	       "  --json          one line of JSON on standard output\n"
	       "  --yes           do not ask\n"
	       "  --help          this, or what VERB does\n"
	       "  --version\n\n"
	       "Exit status: 0 done, 1 failed, 2 wrong usage, 3 no cpmd reached, 4 faults found "
	       "by\n"
	       "verify, 130 cancelled.\n",
	       default_socket);
}

static void print_verb_help(const struct verb *verb)
{
	printf("usage: cpmctl [--socket PATH] [--json]%s %s %s\n\n%s\n",
	       verb->run == ctl_erase ? " [--yes]" : "", verb->name, verb->args, verb->help);
}

static const struct verb *find_verb(const char *name)
{
	for (unsigned i = 0; i < N_VERBS; i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

static int usage(const struct ctl *ctl, const char *message, const char *remedy)
{
	ctl_say_error(ctl, "usage", message, remedy);
	return CTL_USAGE;
}

static int run(struct ctl *ctl, const char *name, int want_help)
{
	const struct verb *verb = find_verb(name);
	char text[256];

	if (!verb) {
		snprintf(text, sizeof(text), "no verb \"%.100s\"", name);
		return usage(ctl, text, "\"cpmctl --help\" lists them");
	}
	if (want_help) {
		print_verb_help(verb);
		return CTL_OK;
	}
	if (ctl->n_args < verb->min_args || ctl->n_args > verb->max_args) {
		snprintf(text, sizeof(text), "\"%s\" is used as: cpmctl %s %s", verb->name,
			 verb->name, verb->args);
		return usage(ctl, text, NULL);
	}
	return verb->run(ctl);
}

static const struct option options[] = {
	{ "socket", required_argument, NULL, 's' }, { "json", no_argument, NULL, 'j' },
	{ "yes", no_argument, NULL, 'y' },	    { "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },	    { NULL, 0, NULL, 0 },
};

/* 0 go on, else what the table above names, or '?' for a usage error. */
static int read_options(struct ctl *ctl, int argc, char **argv)
{
	int c, found = 0;

	while ((c = getopt_long(argc, argv, "s:jyhV", options, NULL)) != -1) {
		if (c == 's')
			ctl->socket = optarg;
		else if (c == 'j')
			ctl->json = 1;
		else if (c == 'y')
			ctl->yes = 1;
		else
			found = found == '?' ? found : c;
	}
	return found;
}

/* What was printed may only now meet a full disk. */
static int flush_output(const struct ctl *ctl, int ret)
{
	char text[256];

	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return ret;
	snprintf(text, sizeof(text), "cannot write standard output: %s",
		 strerror(errno ? errno : EIO));
	ctl_say_error(ctl, "io", text, "free space there, or send it elsewhere");
	return ret == CTL_OK ? CTL_FAILED : ret;
}

int main(int argc, char **argv)
{
	const char *from_env = getenv("OPENCPM_ADMIN_SOCKET");
	struct ctl ctl = { .socket = from_env && *from_env ? from_env : default_socket };
	int found = read_options(&ctl, argc, argv);

	log_set_levels(LOG_ERROR);
	if (found == 'V') {
		printf("cpmctl %s\n", PACKAGE_VERSION);
		return CTL_OK;
	}
	if (found == '?')
		return CTL_USAGE; /* getopt has said what */
	if (optind == argc) {
		if (found != 'h')
			return usage(&ctl, "a verb is missing", "\"cpmctl --help\" lists them");
		print_help();
		return CTL_OK;
	}
	ctl.args = argv + optind + 1;
	ctl.n_args = argc - optind - 1;
	return flush_output(&ctl, run(&ctl, argv[optind], found == 'h'));
}

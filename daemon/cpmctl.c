/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/cpmctl.c - the command line: one table of verbs, options, help
 *
 * See cpmctl.h. What a verb does stands in cpmctl_verbs.c, cpmctl_user.c, cpmctl_doc.c,
 * cpmctl_cab.c, cpmctl_group.c, cpmctl_sip.c, cpmctl_policy.c, cpmctl_work.c and
 * cpmctl_offline.c.
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
	{ "import", "DIR|FILE", 1, 1, ctl_import, "many users with their documents and contacts",
	  "  DIR/users.csv                a row a user: id, password, aliases (with blanks between),\n"
	  "                               operator, disabled; or FILE, such a table alone\n"
	  "  DIR/AUID/users/XUI/DOCUMENT  a document, named as below the XCAP root\n"
	  "  DIR/AUID/global/DOCUMENT\n"
	  "  DIR/contacts/XUI.vcf, .csv   into the address book of XUI\n\n"
	  "An import that was broken off goes on where it was when it is called again. What was\n"
	  "left out is said, and is exit status 1.\n\n"
	  "  --dry-run            judge everything, store nothing" },
	{ "erase", "OWNER", 1, 1, ctl_erase, "remove every record of an owner",
	  "Asks first; --yes answers. It cannot be undone; backups still hold the records." },
	{ "user", "WHAT [NAME]", 1, 2, ctl_user, "add, del, list, show or passwd a user",
	  "  add NAME [--operator] [--alias ID]...\n"
	  "           make a user; NAME is alice, alice@example.com, sip:..., tel:... or +4930123\n"
	  "  del NAME             remove the user, but no documents (those: cpmctl erase)\n"
	  "  list                 state, role, user and aliases, one a line\n"
	  "  show NAME            all that is known of one\n"
	  "  passwd NAME [--disable | --enable]\n"
	  "                       set the password, or say whether the user may log in\n\n"
	  "The password is asked for on a terminal, else it is one line of standard input.\n\n"
	  "  --password-file FILE  take it from the first line of FILE, which is yours alone\n"
	  "  --generate            make one and print it\n"
	  "  --no-password         add only: nobody can log in by one\n"
	  "  --operator            add only: may write the global tree and others' documents\n"
	  "  --alias ID            add only: another identity of the user's" },
	{ "doc", "WHAT DOC|USER [DOC|FILE|NUMBER]", 1, 3, ctl_doc,
	  "get, put, del, list, access, log or undo documents",
	  "  get DOC              to standard output, as it is\n"
	  "  put DOC [FILE]       from FILE or standard input; judged as if a client had put it\n"
	  "  del DOC\n"
	  "  list USER            version, size and name of each, and what of the quota is used;\n"
	  "                       \"list global\": of the global tree\n"
	  "  access USER DOC      what USER may do with it, and why\n"
	  "  log DOC              who changed what, and when; the newest first\n"
	  "  undo DOC [NUMBER]    take back the newest change, or the one of that number when no\n"
	  "                       later one touched the same place; a new version\n\n"
	  "DOC is named as below the XCAP root: resource-lists/users/sip:ana@example.com/index.\n"
	  "get, put and del take a node of it too: .../index/~~/resource-lists/list[1]." },
	{ "cab", "WHAT USER [FILE | KEEP DROP]", 2, 4, ctl_cab,
	  "fill, give out or tidy an address book",
	  "  import USER FILE     vCards 2.1, 3.0 and 4.0, or a table (.csv), into USER's book; a\n"
	  "                       contact of the same id takes the place of what was there\n"
	  "  export USER [FILE]   to standard output, or FILE, which must not exist\n"
	  "  duplicates USER      contacts that share a number, an address or the name\n"
	  "  merge USER KEEP DROP put contact DROP into contact KEEP\n"
	  "  undo USER            take back the newest change of the book\n\n"
	  "  --dry-run            import only: say what would come of it\n"
	  "  --format FORMAT      import: vcard or csv; export: vcard3, vcard4 or csv" },
	{ "group", "show URI", 1, 2, ctl_group, "what is in force of a group",
	  "Its members, with those of the lists it refers to, as messages to it reach them; its\n"
	  "rules; and what keeps it from working." },
	{ "sip", "WHAT [USER [on|off]]", 1, 3, ctl_sip,
	  "registrations, drop, peers, transactions or trace",
	  "  registrations        transport, source, time left, user and contact, one a line\n"
	  "  registrations USER   all that is known of one user's\n"
	  "  drop USER            end them; the devices may register again\n"
	  "  peers                who is known, and what came from them\n"
	  "  transactions         what each worker holds now\n"
	  "  trace [USER on|off]  messages whose start line, From or To holds USER become lines "
	  "of\n"
	  "                       the log; without USER, who is traced" },
	{ "policy", "WHAT [FILE | USER [PEER]]", 1, 3, ctl_policy,
	  "show, explain, what-if, push, log or decisions",
	  "  show                 what is in force, and documents that cannot be\n"
	  "  explain USER PEER    why PEER's message to USER is delivered or not: facts, rules,\n"
	  "                       layers, verdict\n"
	  "      --message | --session | --file BYTES   what is asked for; --message\n"
	  "      --originating    USER's to PEER instead\n"
	  "      --anonymous      the sender withholds the identity\n"
	  "      --size BYTES     of the message\n"
	  "      --group URI      to that group\n"
	  "      --time T         then: 2026-05-01T12:00:00Z; now\n"
	  "  what-if FILE         which of the latest decisions the operator policy in FILE would\n"
	  "                       change\n"
	  "      --user USER      FILE is access-rules or user-prefs of USER instead\n"
	  "      --since 1h       of the last hour only (45s, 30min, 2d)\n"
	  "  push FILE            the same, then asks, and puts it in force; --yes answers\n"
	  "  log                  who changed the operator policy, and when\n"
	  "  decisions [USER]     the latest, of USER: time, status, answer, sender, recipient,\n"
	  "                       rules; --since as above\n\n"
	  "FILE \"-\" is standard input." },
	{ "deferred", "WHAT USER [NAME]", 2, 3, ctl_deferred,
	  "list or delete messages that wait for a user",
	  "  list USER            name, arrival, time left, octets and sender, one a line, the\n"
	  "                       oldest first; never what is in them\n"
	  "  delete USER [NAME]   that one; without NAME all, and asks first (--yes answers).\n"
	  "                       Nobody is told." },
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
	       verb->run == ctl_erase || verb->run == ctl_policy ? " [--yes]" : "", verb->name,
	       verb->args, verb->help);
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
	if (ctl->given && verb->run != ctl_user)
		return usage(ctl, "an option of \"user\" makes no sense here",
			     "\"cpmctl user --help\" says what they are for");
	if (((ctl->dry_run && verb->run != ctl_import) || ctl->format) && verb->run != ctl_cab)
		return usage(ctl, "--dry-run and --format make no sense here",
			     "\"cpmctl cab --help\" says what they are for");
	if (ctl->policy.given && verb->run != ctl_policy)
		return usage(ctl, "an option of \"policy\" makes no sense here",
			     "\"cpmctl policy --help\" says what they are for");
	if (ctl->n_args < verb->min_args || ctl->n_args > verb->max_args) {
		snprintf(text, sizeof(text), "\"%s\" is used as: cpmctl %s %s", verb->name,
			 verb->name, verb->args);
		return usage(ctl, text, NULL);
	}
	return verb->run(ctl);
}

/* Those of "user" and "policy" have their bits, above all characters, for what getopt gives. */
enum { OF_USER = 0x10000, OF_POLICY = 0x20000 };

static const struct option options[] = {
	{ "socket", required_argument, NULL, 's' },
	{ "json", no_argument, NULL, 'j' },
	{ "operator", no_argument, NULL, OF_USER + CTL_OPERATOR },
	{ "alias", required_argument, NULL, OF_USER + CTL_ALIAS },
	{ "password-file", required_argument, NULL, OF_USER + CTL_PASSWORD_FILE },
	{ "generate", no_argument, NULL, OF_USER + CTL_GENERATE },
	{ "no-password", no_argument, NULL, OF_USER + CTL_NO_PASSWORD },
	{ "disable", no_argument, NULL, OF_USER + CTL_DISABLE },
	{ "enable", no_argument, NULL, OF_USER + CTL_ENABLE },
	{ "dry-run", no_argument, NULL, 'd' },
	{ "format", required_argument, NULL, 'f' },
	{ "message", no_argument, NULL, OF_POLICY + CTL_MESSAGE },
	{ "session", no_argument, NULL, OF_POLICY + CTL_SESSION },
	{ "file", required_argument, NULL, OF_POLICY + CTL_FILE },
	{ "originating", no_argument, NULL, OF_POLICY + CTL_ORIGINATING },
	{ "anonymous", no_argument, NULL, OF_POLICY + CTL_ANONYMOUS },
	{ "size", required_argument, NULL, OF_POLICY + CTL_SIZE },
	{ "group", required_argument, NULL, OF_POLICY + CTL_GROUP },
	{ "time", required_argument, NULL, OF_POLICY + CTL_TIME },
	{ "since", required_argument, NULL, OF_POLICY + CTL_SINCE },
	{ "user", required_argument, NULL, OF_POLICY + CTL_USER },
	{ "yes", no_argument, NULL, 'y' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

/* -1: too many aliases. */
static int take_user_option(struct ctl *ctl, unsigned option)
{
	ctl->given |= option;
	if (option == CTL_PASSWORD_FILE)
		ctl->password_file = optarg;
	if (option != CTL_ALIAS)
		return 0;
	if (ctl->n_aliases == CTL_ALIASES_MAX)
		return -1;
	ctl->aliases[ctl->n_aliases++] = optarg;
	return 0;
}

static void take_policy_option(struct ctl_policy *policy, unsigned option)
{
	policy->given |= option;
	if (option == CTL_FILE)
		policy->file = optarg;
	else if (option == CTL_SIZE)
		policy->size = optarg;
	else if (option == CTL_GROUP)
		policy->group = optarg;
	else if (option == CTL_TIME)
		policy->time = optarg;
	else if (option == CTL_SINCE)
		policy->since = optarg;
	else if (option == CTL_USER)
		policy->user = optarg;
}

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
		else if (c == 'd')
			ctl->dry_run = 1;
		else if (c == 'f')
			ctl->format = optarg;
		else if (c >= OF_POLICY)
			take_policy_option(&ctl->policy, (unsigned)c - OF_POLICY);
		else if (c >= OF_USER && take_user_option(ctl, (unsigned)c - OF_USER) < 0)
			found = usage(ctl, "too many aliases", "a user has at most 7") ? '?' : 0;
		else if (c < OF_USER)
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

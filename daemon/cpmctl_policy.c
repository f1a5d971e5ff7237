/* SPDX-License-Identifier: Apache-2.0 */
/* daemon/cpmctl_policy.c - the verb "policy": why, what if, push, log, decisions; see cpmctl.h */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/cpmctl.h"

#define POLICY_DOC "org.opencpm.operator-policy/global/index"

enum { DOC_MAX = 16 << 20, SHOWN_MAX = 20 };

static int no_memory(const struct ctl *ctl)
{
	ctl_say_error(ctl, "nomem", "no memory for a request", NULL);
	return CTL_FAILED;
}

static int misused(const struct ctl *ctl, const char *usage)
{
	char text[256];

	snprintf(text, sizeof(text), "\"policy\" is used as: cpmctl policy %s", usage);
	ctl_say_error(ctl, "usage", text, "\"cpmctl policy --help\" says more");
	return CTL_USAGE;
}

/* ---- paths with parameters ---- */

/* PATH (given up) with NAME=VALUE behind it; NULL when memory is short. VALUE NULL or empty: as it
 * is. */
static char *with(char *path, const char *name, const char *value)
{
	char *longer, *start;

	if (!path || !value || !*value)
		return path;
	start = malloc(strlen(path) + strlen(name) + 3);
	if (start)
		sprintf(start, "%s%c%s=", path, strchr(path, '?') ? '&' : '?', name);
	longer = start ? ctl_path(start, value, "") : NULL;
	free(start);
	free(path);
	return longer;
}

/* ---- values of options ---- */

static int bad_value(const struct ctl *ctl, const char *option, const char *value,
		     const char *remedy)
{
	char text[256];

	snprintf(text, sizeof(text), "--%s cannot be \"%.100s\"", option, value);
	ctl_say_error(ctl, "usage", text, remedy);
	return CTL_USAGE;
}

/* "1h", "30min", "2d", "45s" or "45" as seconds. */
static int read_span(const struct ctl *ctl, char seconds_out[32])
{
	static const struct {
		const char *unit;
		uint64_t seconds;
	} units[] = { { "", 1 }, { "s", 1 }, { "min", 60 }, { "h", 3600 }, { "d", 86400 } };
	const char *text = ctl->policy.since;
	size_t n = text ? strspn(text, "0123456789") : 0;
	uint64_t number;

	seconds_out[0] = '\0';
	if (!text)
		return CTL_OK;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(text + n, units[i].unit) == 0 &&
		    strv_u64(strv_mem(text, n), 1000000000, &number) == 0) {
			snprintf(seconds_out, 32, "%llu",
				 (unsigned long long)(number * units[i].seconds));
			return CTL_OK;
		}
	return bad_value(ctl, "since", text, "say how long ago: 45s, 30min, 1h or 2d");
}

/* Unix seconds, or a time of day of UTC: "2026-05-01T12:00:00Z". */
static int read_time(const struct ctl *ctl, char seconds_out[32])
{
	const char *text = ctl->policy.time;
	struct tm tm = { .tm_sec = 0 };
	uint64_t number;
	const char *end;

	seconds_out[0] = '\0';
	if (!text)
		return CTL_OK;
	if (strv_u64(strv_of(text), INT64_MAX / 1000000, &number) == 0) {
		snprintf(seconds_out, 32, "%llu", (unsigned long long)number);
		return CTL_OK;
	}
	end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!end || strcmp(end, "Z") != 0)
		return bad_value(ctl, "time", text, "write it as 2026-05-01T12:00:00Z");
	snprintf(seconds_out, 32, "%lld", (long long)timegm(&tm));
	return CTL_OK;
}

/* ---- explain ---- */

static int policy_explain(struct ctl *ctl)
{
	const struct ctl_policy *policy = &ctl->policy;
	char seconds[32], *path;
	json_t *answer;
	int ret = read_time(ctl, seconds);

	if (ret != CTL_OK)
		return ret;
	path = with(strdup("/v1/policy/explain"), "user", ctl->args[1]);
	path = with(path, "peer", ctl->args[2]);
	path = with(path, "service",
		    policy->file		  ? "file"
		    : policy->given & CTL_SESSION ? "session"
						  : "message");
	path = with(path, "size", policy->file ? policy->file : policy->size);
	path = with(path, "group", policy->group);
	path = with(path, "time", seconds);
	path = with(path, "originating", policy->given & CTL_ORIGINATING ? "1" : NULL);
	path = with(path, "anonymous", policy->given & CTL_ANONYMOUS ? "1" : NULL);
	ret = path ? ctl_call(ctl, "GET", path, NULL, &answer) : no_memory(ctl);
	free(path);
	if (ret != CTL_OK)
		return ret;
	if (ctl->json)
		ctl_print_json(answer);
	else
		fputs(ctl_text(answer, "text"), stdout);
	json_decref(answer);
	return CTL_OK;
}

/* ---- what if ---- */

static int read_draft(const struct ctl *ctl, const char *file, char **text_out, size_t *bytes_out)
{
	FILE *in = strcmp(file, "-") == 0 ? stdin : fopen(file, "rb");
	char *text = in ? malloc(DOC_MAX + 1) : NULL, why[512];
	int bad;

	*bytes_out = text ? fread(text, 1, DOC_MAX + 1, in) : 0;
	bad = !text || ferror(in) || *bytes_out > DOC_MAX;
	if (bad) {
		snprintf(why, sizeof(why), "cannot read %.300s: %s", file,
			 *bytes_out > DOC_MAX ? "no document is so large" : strerror(errno));
		ctl_say_error(ctl, "io", why, "name a file that holds the draft");
		free(text);
		text = NULL;
	}
	if (in && in != stdin)
		fclose(in);
	*text_out = text;
	return bad ? CTL_FAILED : CTL_OK;
}

static void print_time(const json_t *one)
{
	time_t at = (time_t)(ctl_number(one, "time_ms") / 1000);
	char text[32] = "";
	struct tm tm;

	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", localtime_r(&at, &tm));
	printf("%s  ", text);
}

/* "layer rule, layer rule" */
static void print_by(const json_t *one)
{
	json_t *why;
	size_t i;

	json_array_foreach(json_object_get(one, "by"), i, why)
	{
		printf("%s%s ", i ? ", " : "  by ", ctl_text(why, "layer"));
		ctl_print_safe(stdout, ctl_text(why, "rule"));
	}
}

static void print_change(const json_t *one)
{
	json_t *value;
	size_t i;

	print_time(one);
	printf("%-6s -> %-6s  ", ctl_text(one, "before"), ctl_text(one, "after"));
	ctl_print_safe(stdout, ctl_text(one, "sender"));
	fputs(" to ", stdout);
	ctl_print_safe(stdout, ctl_text(one, "recipient"));
	print_by(one);
	putchar('\n');
	if (strcmp(ctl_text(one, "before"), ctl_text(one, "after")) != 0)
		return;
	json_array_foreach(json_object_get(one, "values"), i, value)
		printf("    %s: %s -> %s\n", ctl_text(value, "name"), ctl_text(value, "before"),
		       ctl_text(value, "after"));
}

static void print_what_if(const json_t *answer)
{
	const json_t *changes = json_object_get(answer, "changes");
	size_t i, n = json_array_size(changes);
	json_t *one;

	json_array_foreach(json_object_get(answer, "notes"), i, one)
	{
		fputs("note: ", stdout);
		ctl_print_safe(stdout, json_string_value(one));
		putchar('\n');
	}
	json_array_foreach(changes, i, one)
	{
		if (i < SHOWN_MAX)
			print_change(one);
	}
	if (n > SHOWN_MAX)
		printf("... and %llu more\n",
		       (unsigned long long)(ctl_number(answer, "changed") - SHOWN_MAX));
	printf("%llu decisions asked again: %llu would change, %llu of them in what happens to "
	       "the message\n",
	       (unsigned long long)ctl_number(answer, "asked"),
	       (unsigned long long)ctl_number(answer, "changed"),
	       (unsigned long long)ctl_number(answer, "answers"));
}

static int ask_what_if(struct ctl *ctl, struct strv draft, json_t **answer_out)
{
	char seconds[32], *path;
	int ret = read_span(ctl, seconds);

	if (ret != CTL_OK)
		return ret;
	path = with(strdup("/v1/policy/what-if"), "since", seconds);
	path = with(path, "user", ctl->policy.user);
	ret = path ? ctl_send(ctl, "POST", path, draft, answer_out) : no_memory(ctl);
	free(path);
	return ret;
}

static int policy_what_if(struct ctl *ctl)
{
	json_t *answer;
	size_t bytes;
	char *text;
	int ret = read_draft(ctl, ctl->args[1], &text, &bytes);

	if (ret == CTL_OK)
		ret = ask_what_if(ctl, strv_mem(text, bytes), &answer);
	free(text);
	if (ret != CTL_OK)
		return ret;
	if (ctl->json)
		ctl_print_json(answer);
	else
		print_what_if(answer);
	json_decref(answer);
	return CTL_OK;
}

/* ---- push ---- */

/* 1 yes. */
static int is_wanted(const struct ctl *ctl)
{
	char line[16] = "";

	if (ctl->yes)
		return 1;
	if (!isatty(STDIN_FILENO)) {
		ctl_say_error(ctl, "unconfirmed", "nothing was pushed: nobody was asked",
			      "give --yes, or run it on a terminal");
		return 0;
	}
	fputs("put it in force? [y/N] ", stderr);
	if (!fgets(line, sizeof(line), stdin) || (line[0] != 'y' && line[0] != 'Y')) {
		ctl_say_error(ctl, "unconfirmed", "nothing was pushed", NULL);
		return 0;
	}
	return 1;
}

static int policy_push(struct ctl *ctl)
{
	char *path = ctl_path("/v1/docs/", POLICY_DOC, ""), *text = NULL;
	json_t *what_if = NULL, *answer = NULL;
	size_t bytes = 0;
	int ret = path ? read_draft(ctl, ctl->args[1], &text, &bytes) : no_memory(ctl);

	if (ret == CTL_OK)
		ret = ask_what_if(ctl, strv_mem(text, bytes), &what_if);
	if (ret == CTL_OK && !ctl->json)
		print_what_if(what_if);
	if (ret == CTL_OK && fflush(stdout) == 0 && !is_wanted(ctl))
		ret = CTL_FAILED;
	if (ret == CTL_OK)
		ret = ctl_send(ctl, "PUT", path, strv_mem(text, bytes), &answer);
	if (ret == CTL_OK && ctl->json) {
		json_object_set(answer, "what_if", what_if);
		ctl_print_json(answer);
	} else if (ret == CTL_OK) {
		printf("in force: " POLICY_DOC " %s\n", ctl_text(answer, "etag"));
	}
	json_decref(what_if);
	json_decref(answer);
	free(path);
	free(text);
	return ret;
}

/* ---- log, decisions, what is in force ---- */

static int policy_log(struct ctl *ctl)
{
	char what[] = "log", doc[] = POLICY_DOC, *args[] = { what, doc };
	struct ctl own = *ctl;

	own.args = args;
	own.n_args = 2;
	return ctl_doc(&own);
}

static void print_decision(const json_t *one)
{
	print_time(one);
	printf("%3llu  %-6s  ", (unsigned long long)ctl_number(one, "status"),
	       *ctl_text(one, "answer") ? ctl_text(one, "answer") : "-");
	ctl_print_safe(stdout, ctl_text(one, "sender"));
	fputs(" to ", stdout);
	ctl_print_safe(stdout, ctl_text(one, "recipient"));
	print_by(one);
	putchar('\n');
}

static int policy_decisions(struct ctl *ctl)
{
	char seconds[32], *path;
	json_t *answer, *one;
	size_t i;
	int ret = read_span(ctl, seconds);

	if (ret != CTL_OK)
		return ret;
	path = with(strdup("/v1/policy/decisions"), "user", ctl->n_args > 1 ? ctl->args[1] : NULL);
	path = with(path, "since", seconds);
	ret = path ? ctl_call(ctl, "GET", path, NULL, &answer) : no_memory(ctl);
	free(path);
	if (ret != CTL_OK)
		return ret;
	if (ctl->json)
		ctl_print_json(answer);
	else
		json_array_foreach(json_object_get(answer, "decisions"), i, one)
			print_decision(one);
	json_decref(answer);
	return CTL_OK;
}

static int policy_show(struct ctl *ctl)
{
	json_t *answer;
	int ret = ctl_call(ctl, "GET", "/v1/policy", NULL, &answer);

	if (ret != CTL_OK)
		return ret;
	if (ctl->json)
		ctl_print_json(answer);
	else
		ctl_show_policy(answer);
	json_decref(answer);
	return CTL_OK;
}

/* ---- which of them ---- */

enum {
	OF_EXPLAIN = CTL_MESSAGE | CTL_SESSION | CTL_FILE | CTL_ORIGINATING | CTL_ANONYMOUS |
		     CTL_SIZE | CTL_GROUP | CTL_TIME
};

static const struct what {
	const char *name;
	int min_args, max_args; /* behind it */
	unsigned options;
	int (*run)(struct ctl *ctl);
	const char *usage;
} whats[] = {
	{ "show", 0, 0, 0, policy_show, "show" },
	{ "explain", 2, 2, OF_EXPLAIN, policy_explain,
	  "explain USER PEER [--message|--session|--file BYTES] [--originating] [--anonymous] "
	  "[--size BYTES] [--group URI] [--time T]" },
	{ "what-if", 1, 1, CTL_SINCE | CTL_USER, policy_what_if,
	  "what-if FILE [--since 1h] [--user USER]" },
	{ "push", 1, 1, CTL_SINCE, policy_push, "push FILE [--yes] [--since 1h]" },
	{ "log", 0, 0, 0, policy_log, "log" },
	{ "decisions", 0, 1, CTL_SINCE, policy_decisions, "decisions [USER] [--since 1h]" },
};
enum { N_WHATS = sizeof(whats) / sizeof(whats[0]) };

int ctl_policy(struct ctl *ctl)
{
	const struct what *what = whats;

	while (what < whats + N_WHATS && strcmp(what->name, ctl->args[0]) != 0)
		what++;
	if (what == whats + N_WHATS)
		return misused(ctl, "show | explain | what-if | push | log | decisions");
	if (ctl->n_args - 1 < what->min_args || ctl->n_args - 1 > what->max_args ||
	    (ctl->n_args > 1 && !ctl->args[1][0]) || (ctl->policy.given & ~what->options))
		return misused(ctl, what->usage);
	return what->run(ctl);
}

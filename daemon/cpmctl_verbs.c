/* SPDX-License-Identifier: Apache-2.0 */
/* daemon/cpmctl_verbs.c - the verbs that ask and show: see cpmctl.h */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "daemon/cpmctl.h"

/* A row of the two-column tables. */
static void row(const char *name, const char *value)
{
	printf("%-16s", name);
	ctl_print_safe(stdout, value);
	putchar('\n');
}

static void row_number(const char *name, uint64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	row(name, text);
}

/* Call, and print the answer as JSON when that is wanted. Returns CTL_OK with the answer still to
 * be shown in ANSWER_OUT, or NULL there. */
static int ask(struct ctl *ctl, const char *method, const char *path, json_t *body,
	       json_t **answer_out)
{
	int ret = ctl_call(ctl, method, path, body, answer_out);

	if (ret == CTL_OK && ctl->json) {
		ctl_print_json(*answer_out);
		json_decref(*answer_out);
		*answer_out = NULL;
	} else if (ret != CTL_OK) {
		*answer_out = NULL;
	}
	return ret;
}

/* ---- status ---- */

static void show_workers(const json_t *workers)
{
	char text[128], age[32];
	uint64_t oldest = 0;
	size_t i;
	json_t *one;

	json_array_foreach(workers, i, one)
	{
		uint64_t ms = ctl_number(one, "heartbeat_age_ms");

		oldest = ms > oldest ? ms : oldest;
	}
	snprintf(text, sizeof(text), "%zu, all turned within %s", json_array_size(workers),
		 ctl_span_text(age, oldest));
	row("workers", text);
}

static void show_store(const json_t *store)
{
	char text[128], used[32], left[32];

	snprintf(text, sizeof(text), "%.20s, format %llu", ctl_text(store, "engine"),
		 (unsigned long long)ctl_number(store, "format"));
	row("store", text);
	snprintf(text, sizeof(text), "%llu (journal from %llu), epoch %llu",
		 (unsigned long long)ctl_number(store, "seq"),
		 (unsigned long long)ctl_number(store, "journal_first"),
		 (unsigned long long)ctl_number(store, "epoch"));
	row("commits", text);
	snprintf(text, sizeof(text), "%s used, %s free%s",
		 ctl_bytes_text(used, ctl_number(store, "disk_bytes")),
		 ctl_bytes_text(left, ctl_number(store, "free_bytes")),
		 json_is_true(json_object_get(store, "low_space")) ? ", LOW: puts are refused"
								   : "");
	row("space", text);
	row_number("waiting", ctl_number(store, "queued"));
}

void ctl_show_policy(const json_t *policy)
{
	const json_t *of_operator = json_object_get(policy, "operator");
	const char *in_force = ctl_text(of_operator, "in_force");
	char text[128], bytes[32];
	json_t *one;
	size_t i;

	if (strcmp(in_force, "yes") == 0)
		snprintf(text, sizeof(text), "in force, %llu rules",
			 (unsigned long long)ctl_number(of_operator, "rules"));
	else
		snprintf(text, sizeof(text), "%s",
			 strcmp(in_force, "lost") == 0 ? "BAD: nothing is permitted" : "none");
	row("policy", text);
	snprintf(text, sizeof(text), "of %llu users, %llu groups, %s",
		 (unsigned long long)ctl_number(policy, "users"),
		 (unsigned long long)ctl_number(policy, "groups"),
		 ctl_bytes_text(bytes, ctl_number(policy, "bytes")));
	row("rules", text);
	json_array_foreach(json_object_get(policy, "bad"), i, one)
	{
		printf("%-16s", "BAD RULES");
		ctl_print_safe(stdout, ctl_text(one, "name"));
		fputs(" of ", stdout);
		ctl_print_safe(stdout, ctl_text(one, "owner"));
		fputs(": ", stdout);
		ctl_print_safe(stdout, ctl_text(one, "why"));
		printf("; in force: %s\n", ctl_text(one, "in_force"));
	}
}

static void show_deferred(const json_t *deferred)
{
	char text[128];

	if (!deferred)
		return;
	snprintf(text, sizeof(text), "%llu messages wait; since the start %llu stored, %llu taken",
		 (unsigned long long)ctl_number(deferred, "waiting"),
		 (unsigned long long)ctl_number(deferred, "stored"),
		 (unsigned long long)ctl_number(deferred, "pushed"));
	row("deferred", text);
}

int ctl_status(struct ctl *ctl)
{
	json_t *json;
	char span[32];
	int ret = ask(ctl, "GET", "/v1/status", NULL, &json);

	if (!json)
		return ret;
	row("version", ctl_text(json, "version"));
	row_number("process", ctl_number(json, "pid"));
	row("up", ctl_span_text(span, ctl_number(json, "uptime_ms")));
	row("state", json_is_true(json_object_get(json, "draining")) ? "going down" : "serving");
	row_number("connections", ctl_number(json, "connections"));
	show_workers(json_object_get(json, "workers"));
	show_store(json_object_get(json, "store"));
	if (json_object_get(json, "policy"))
		ctl_show_policy(json_object_get(json, "policy"));
	show_deferred(json_object_get(json, "deferred"));
	json_decref(json);
	return CTL_OK;
}

/* ---- stats ---- */

static int is_wanted(const char *name, const char *pattern)
{
	size_t n = strlen(name);

	if (!pattern)
		return n < 7 || strcmp(name + n - 7, "_bucket") != 0;
	if (strpbrk(pattern, "*?["))
		return fnmatch(pattern, name, 0) == 0;
	return strstr(name, pattern) != NULL;
}

/* The metrics of JSON that are wanted, as a new array; WIDTH_OUT: the longest name with labels. */
static json_t *wanted(const json_t *json, const char *pattern, int *width_out)
{
	json_t *list = json_array(), *one;
	size_t i;

	*width_out = 0;
	json_array_foreach(json_object_get(json, "metrics"), i, one)
	{
		int width = (int)(strlen(ctl_text(one, "name")) + strlen(ctl_text(one, "labels")));

		if (!is_wanted(ctl_text(one, "name"), pattern))
			continue;
		width += ctl_text(one, "labels")[0] ? 2 : 0;
		*width_out = width > *width_out ? width : *width_out;
		json_array_append(list, one);
	}
	return list;
}

static void show_metric(const json_t *one, int width)
{
	const json_t *value = json_object_get(one, "value");
	const char *labels = ctl_text(one, "labels");
	char name[512];

	snprintf(name, sizeof(name), labels[0] ? "%s{%s}" : "%s%s", ctl_text(one, "name"), labels);
	if (json_is_integer(value))
		printf("%-*s  %lld\n", width, name, (long long)json_integer_value(value));
	else
		printf("%-*s  %g\n", width, name, json_number_value(value));
}

int ctl_stats(struct ctl *ctl)
{
	const char *pattern = ctl->n_args ? ctl->args[0] : NULL;
	json_t *json, *list, *one;
	size_t i;
	int width, ret = ctl_call(ctl, "GET", "/v1/stats", NULL, &json);

	if (ret != CTL_OK)
		return ret;
	list = wanted(json, pattern, &width);
	if (ctl->json) {
		if (pattern)
			json_object_set(json, "metrics", list);
		ctl_print_json(json);
	} else if (!json_array_size(list)) {
		ctl_say_error(ctl, "absent", "no metric fits", "\"cpmctl stats\" lists all");
		ret = CTL_FAILED;
	} else {
		json_array_foreach(list, i, one) show_metric(one, width);
	}
	json_decref(list);
	json_decref(json);
	return ret;
}

/* ---- reload ---- */

static void show_changes(const json_t *list, const char *heading)
{
	json_t *one;
	size_t i;

	if (json_array_size(list))
		puts(heading);
	json_array_foreach(list, i, one)
	{
		fputs("  ", stdout);
		ctl_print_safe(stdout, ctl_text(one, "name"));
		fputs(": ", stdout);
		ctl_print_safe(stdout, ctl_text(one, "old"));
		fputs(" -> ", stdout);
		ctl_print_safe(stdout, ctl_text(one, "new"));
		putchar('\n');
	}
}

int ctl_reload(struct ctl *ctl)
{
	json_t *json;
	int ret = ask(ctl, "POST", "/v1/reload", NULL, &json);

	if (!json)
		return ret;
	ctl_say_faults(json_object_get(json, "warnings"), "warning: ");
	show_changes(json_object_get(json, "changed"), "changed:");
	show_changes(json_object_get(json, "restart"), "waits for a restart:");
	if (!json_array_size(json_object_get(json, "changed")) &&
	    !json_array_size(json_object_get(json, "restart")))
		puts("reloaded, nothing has changed");
	json_decref(json);
	return CTL_OK;
}

/* ---- log level ---- */

static void show_levels(const json_t *json, const char *only)
{
	const char *category;
	json_t *level;

	json_object_foreach(json_object_get(json, "levels"), category,
			    level) if (!only || strcmp(only, category) == 0)
		printf("%-10s %s\n", category,
		       json_is_string(level) ? json_string_value(level) : "?");
}

/* Which of the arguments behind "level" are there; -1 when they make no sense. */
static int read_log_args(struct ctl *ctl, const char **category_out, const char **level_out)
{
	enum log_level level;
	enum log_cat cat;
	int n = ctl->n_args - 1;

	*category_out = *level_out = NULL;
	if (strcmp(ctl->args[0], "level") != 0)
		return -1;
	if (n == 1 && log_level_find(strv_of(ctl->args[1]), &level) == 0) {
		*level_out = ctl->args[1];
		return 0;
	}
	if (n >= 1)
		*category_out = ctl->args[1];
	if (n == 2)
		*level_out = ctl->args[2];
	return (n >= 1 && log_cat_find(strv_of(ctl->args[1]), &cat) < 0) ||
			       (n == 2 && log_level_find(strv_of(ctl->args[2]), &level) < 0)
		       ? -1
		       : 0;
}

int ctl_log(struct ctl *ctl)
{
	const char *category, *level;
	json_t *json, *body = NULL;
	int ret;

	if (read_log_args(ctl, &category, &level) < 0) {
		char text[256] = "log is used as: cpmctl log level [CATEGORY] [LEVEL]; categories:";
		size_t at = strlen(text);

		for (unsigned cat = 0; cat < LOG_CATS; cat++)
			at += (size_t)snprintf(text + at, sizeof(text) - at, " %s",
					       log_cat_name((enum log_cat)cat));
		ctl_say_error(ctl, "usage", text, "levels: error warn info debug");
		return CTL_USAGE;
	}
	if (level)
		body = category ? json_pack("{s:s, s:s}", "level", level, "category", category)
				: json_pack("{s:s}", "level", level);
	ret = ask(ctl, level ? "PUT" : "GET", "/v1/log", body, &json);
	if (json)
		show_levels(json, category);
	json_decref(json);
	return ret;
}

/* ---- owners ---- */

/* Move the owners of PAGE to ALL, or print them. */
static void take_page(const struct ctl *ctl, const json_t *page, json_t *all)
{
	json_t *one;
	size_t i;

	json_array_foreach(json_object_get(page, "owners"), i, one)
	{
		if (ctl->json) {
			json_array_append(all, one);
			continue;
		}
		if (json_object_get(one, "owner64"))
			fputs("base64:", stdout);
		ctl_print_safe(stdout, ctl_text(one, "owner"));
		putchar('\n');
	}
}

int ctl_owners(struct ctl *ctl)
{
	json_t *page, *all = json_array();
	char path[1024] = "/v1/owners";
	int ret, more = 1;

	while (more) {
		ret = ctl_call(ctl, "GET", path, NULL, &page);
		if (ret != CTL_OK) {
			json_decref(all);
			return ret;
		}
		take_page(ctl, page, all);
		more = json_object_get(page, "next") != NULL && !ctl_interrupted();
		snprintf(path, sizeof(path), "/v1/owners?after=%s", ctl_text(page, "next"));
		json_decref(page);
	}
	page = json_pack("{s:o}", "owners", all);
	if (ctl->json)
		ctl_print_json(page);
	json_decref(page);
	return CTL_OK;
}

/* ---- jobs ---- */

static void show_job(const json_t *job)
{
	uint64_t total = ctl_number(job, "total"), done = ctl_number(job, "done");
	char when[32] = "", part[16] = "";
	time_t queued = (time_t)(ctl_number(job, "queued_ms") / 1000);
	struct tm tm;

	strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", localtime_r(&queued, &tm));
	if (total)
		snprintf(part, sizeof(part), "%.0f %%", (double)done / (double)total * 100);
	printf("%5llu  %-19s  %-8s %-10s %6s  ", (unsigned long long)ctl_number(job, "id"), when,
	       ctl_text(job, "verb"), ctl_text(job, "state"), part);
	ctl_print_safe(stdout, ctl_text(job, "object"));
	if (json_object_get(job, "failure")) {
		fputs(": ", stdout);
		ctl_print_safe(stdout, ctl_text(json_object_get(job, "failure"), "message"));
	}
	putchar('\n');
}

static int show_jobs(struct ctl *ctl)
{
	json_t *json, *list, *one;
	size_t i;
	int ret = ask(ctl, "GET", "/v1/jobs", NULL, &json);

	if (!json)
		return ret;
	list = json_object_get(json, "jobs");
	if (json_array_size(list))
		printf("%5s  %-19s  %-8s %-10s %6s  %s\n", "job", "since", "verb", "state", "done",
		       "what");
	else
		puts("no jobs");
	json_array_foreach(list, i, one) show_job(one);
	json_decref(json);
	return CTL_OK;
}

int ctl_jobs(struct ctl *ctl)
{
	int cancel = ctl->n_args == 2;
	json_t *json;
	uint64_t id;
	char path[64];
	int ret;

	if (!ctl->n_args)
		return show_jobs(ctl);
	if ((cancel && strcmp(ctl->args[0], "cancel") != 0) ||
	    strv_u64(strv_of(ctl->args[ctl->n_args - 1]), INT64_MAX, &id) < 0) {
		ctl_say_error(ctl, "usage", "\"jobs\" is used as: cpmctl jobs [ID | cancel ID]",
			      "\"cpmctl jobs\" lists the numbers");
		return CTL_USAGE;
	}
	snprintf(path, sizeof(path), "/v1/jobs/%llu", (unsigned long long)id);
	ret = ask(ctl, cancel ? "DELETE" : "GET", path, NULL, &json);
	if (!json)
		return ret;
	if (!cancel)
		show_job(json);
	else if (json_is_true(json_object_get(json, "forgotten")))
		printf("job %llu had ended (%s) and is forgotten\n", (unsigned long long)id,
		       ctl_text(json, "state"));
	else
		printf("job %llu is asked to end\n", (unsigned long long)id);
	json_decref(json);
	return CTL_OK;
}

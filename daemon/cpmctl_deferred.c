/* SPDX-License-Identifier: Apache-2.0 */
/* daemon/cpmctl_deferred.c - the verb "deferred": messages that wait for a user; see cpmctl.h */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/cpmctl.h"

static int no_memory(const struct ctl *ctl)
{
	ctl_say_error(ctl, "nomem", "no memory for a request", NULL);
	return CTL_FAILED;
}

static int misused(const struct ctl *ctl)
{
	ctl_say_error(ctl, "usage",
		      "\"deferred\" is used as: cpmctl deferred list USER | delete USER [NAME]",
		      "\"cpmctl deferred --help\" says more");
	return CTL_USAGE;
}

/* "NAME  ARRIVAL  LEFT  OCTETS  FROM": what is of any length stands last. */
static void print_line(const json_t *one, uint64_t now_ms)
{
	time_t at = (time_t)(ctl_number(one, "arrival_ms") / 1000);
	uint64_t expires_ms = ctl_number(one, "expires_ms");
	char when[32] = "", left[32];
	struct tm tm;

	strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", localtime_r(&at, &tm));
	printf("%-28s  %-19s  %-13s  %8llu  ", ctl_text(one, "name"), when,
	       ctl_span_text(left, expires_ms > now_ms ? expires_ms - now_ms : 0),
	       (unsigned long long)ctl_number(one, "bytes"));
	ctl_print_safe(stdout, ctl_text(one, "from"));
	if (json_is_true(json_object_get(one, "report")))
		fputs(" (report)", stdout);
	putchar('\n');
}

static void take_page(const struct ctl *ctl, const json_t *page, json_t *all)
{
	uint64_t now_ms = (uint64_t)time(NULL) * 1000;
	json_t *one;
	size_t i;

	json_array_foreach(json_object_get(page, "messages"), i, one)
	{
		json_array_append(all, one);
		if (!ctl->json)
			print_line(one, now_ms);
	}
}

static int list(struct ctl *ctl)
{
	char *path = ctl_path("/v1/deferred/", ctl->args[1], ""), *next;
	json_t *page = NULL, *all = json_array();
	int ret = CTL_OK, more = 1;

	while (path && more) {
		json_decref(page);
		page = NULL;
		ret = ctl_call(ctl, "GET", path, NULL, &page);
		free(path);
		path = NULL;
		if (ret != CTL_OK)
			break;
		take_page(ctl, page, all);
		more = json_object_get(page, "next") != NULL && !ctl_interrupted();
		if (!more)
			break;
		next = malloc(strlen(ctl_text(page, "next")) + sizeof("?after="));
		if (next)
			sprintf(next, "?after=%s", ctl_text(page, "next"));
		path = next ? ctl_path("/v1/deferred/", ctl->args[1], next) : NULL;
		free(next);
		if (!path)
			ret = no_memory(ctl);
	}
	if (ret == CTL_OK && ctl->json) {
		json_object_set(page, "messages", all);
		json_object_del(page, "next");
		ctl_print_json(page);
	} else if (ret == CTL_OK && !json_array_size(all)) {
		puts("nothing waits");
	}
	json_decref(page);
	json_decref(all);
	return ret;
}

static int may_delete(struct ctl *ctl)
{
	char line[16] = "";

	if (ctl->yes)
		return CTL_OK;
	if (!isatty(STDIN_FILENO)) {
		ctl_say_error(ctl, "usage",
			      "deferred delete asks before it deletes all, and nobody is there to "
			      "answer",
			      "add --yes");
		return CTL_USAGE;
	}
	fputs("Delete all messages that wait for ", stderr);
	ctl_print_safe(stderr, ctl->args[1]);
	fputs("? Nobody will be told. [y/N] ", stderr);
	if (fgets(line, sizeof(line), stdin) && (line[0] == 'y' || line[0] == 'Y'))
		return CTL_OK;
	ctl_say_error(ctl, "cancelled", "nothing was deleted", NULL);
	return CTL_CANCELLED;
}

static int delete_some(struct ctl *ctl)
{
	char query[128] = "";
	char *path;
	json_t *json;
	int ret;

	if (ctl->n_args > 2) {
		if (strspn(ctl->args[2], "dm/0123456789abcdef-") != strlen(ctl->args[2]) ||
		    strlen(ctl->args[2]) > 64)
			return misused(ctl);
		snprintf(query, sizeof(query), "?name=%s", ctl->args[2]);
	} else {
		ret = may_delete(ctl);
		if (ret != CTL_OK)
			return ret;
	}
	path = ctl_path("/v1/deferred/", ctl->args[1], query);
	ret = path ? ctl_call(ctl, "DELETE", path, NULL, &json) : no_memory(ctl);
	free(path);
	if (ret != CTL_OK)
		return ret;
	if (ctl->json)
		ctl_print_json(json);
	else
		puts("deleted");
	json_decref(json);
	return CTL_OK;
}

int ctl_deferred(struct ctl *ctl)
{
	const char *what = ctl->args[0];

	if (strcmp(what, "list") == 0 && ctl->n_args == 2 && ctl->args[1][0])
		return list(ctl);
	if (strcmp(what, "delete") == 0 && ctl->n_args >= 2 && ctl->args[1][0])
		return delete_some(ctl);
	return misused(ctl);
}

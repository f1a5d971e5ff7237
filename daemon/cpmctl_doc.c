/* SPDX-License-Identifier: Apache-2.0 */
/* daemon/cpmctl_doc.c - the verb "doc": documents, their logs, and taking changes back */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "daemon/cpmctl.h"

enum { DOC_MAX = 16 << 20 };

static int no_memory(const struct ctl *ctl)
{
	ctl_say_error(ctl, "nomem", "no memory for a request", NULL);
	return CTL_FAILED;
}

/* METHOD on document DOC, with SUFFIX behind it. */
static int call_doc(struct ctl *ctl, const char *method, const char *doc, const char *suffix,
		    json_t *body, json_t **answer_out)
{
	char *path = ctl_path("/v1/docs/", doc, suffix);
	int ret = path ? ctl_call(ctl, method, path, body, answer_out) : no_memory(ctl);

	free(path);
	return ret;
}

/* "DONE doc etag", or the JSON. */
static void say_done(const struct ctl *ctl, const char *done, json_t *answer)
{
	if (ctl->json) {
		ctl_print_json(answer);
	} else {
		printf("%s ", done);
		ctl_print_safe(stdout, ctl_text(answer, "doc"));
		printf("%s%s\n", *ctl_text(answer, "etag") ? " " : "", ctl_text(answer, "etag"));
	}
	json_decref(answer);
}

/* ---- get ---- */

static int doc_get(struct ctl *ctl)
{
	char *path = ctl_path("/v1/docs/", ctl->args[1], ""), *text = NULL;
	size_t bytes = 0;
	FILE *out = ctl->json ? open_memstream(&text, &bytes) : stdout;
	int ret = path && out ? ctl_fetch(ctl, path, out) : no_memory(ctl);
	json_t *json;

	free(path);
	if (!ctl->json || !out)
		return ret;
	if (fclose(out) != 0 && ret == CTL_OK)
		ret = no_memory(ctl);
	if (ret == CTL_OK) {
		json = json_object();
		json_set_octets(json, "doc", strv_of(ctl->args[1]));
		json_set_octets(json, "content", strv_mem(text, bytes));
		ctl_print_json(json);
		json_decref(json);
	}
	free(text);
	return ret;
}

/* ---- put, del ---- */

/* How much IN can hold, at most MAX: memory for it is touched as a whole by some kernels. */
static size_t room_for(FILE *in, size_t max)
{
	struct stat st;

	return fstat(fileno(in), &st) == 0 && S_ISREG(st.st_mode) && (size_t)st.st_size < max
		       ? (size_t)st.st_size
		       : max;
}

int ctl_read_file(const struct ctl *ctl, const char *file, size_t max, char **text_out,
		  size_t *bytes_out)
{
	int is_stdin = !file || strcmp(file, "-") == 0;
	FILE *in = is_stdin ? stdin : fopen(file, "rb");
	size_t room = in ? room_for(in, max) : 0;
	char *text = in ? malloc(room + 1) : NULL, why[512];

	*bytes_out = text ? fread(text, 1, room + 1, in) : 0;
	*text_out = text;
	if (text && !ferror(in) && *bytes_out <= max) {
		if (!is_stdin)
			fclose(in);
		return CTL_OK;
	}
	snprintf(why, sizeof(why), "cannot read %.300s: %s", is_stdin ? "standard input" : file,
		 *bytes_out > max ? "it is too large" : strerror(errno));
	ctl_say_error(ctl, "io", why, "name a file that can be read");
	if (in && !is_stdin)
		fclose(in);
	free(text);
	*text_out = NULL;
	return CTL_FAILED;
}

static int doc_put(struct ctl *ctl)
{
	char *path = ctl_path("/v1/docs/", ctl->args[1], ""), *text = NULL;
	json_t *answer;
	size_t bytes;
	int ret = path ? ctl_read_file(ctl, ctl->n_args > 2 ? ctl->args[2] : NULL, DOC_MAX, &text,
				       &bytes)
		       : no_memory(ctl);

	if (ret == CTL_OK)
		ret = ctl_send(ctl, "PUT", path, strv_mem(text, bytes), &answer);
	if (ret == CTL_OK)
		say_done(ctl, "put", answer);
	free(path);
	free(text);
	return ret;
}

static int doc_del(struct ctl *ctl)
{
	json_t *answer;
	int ret = call_doc(ctl, "DELETE", ctl->args[1], "", NULL, &answer);

	if (ret == CTL_OK)
		say_done(ctl, "deleted", answer);
	return ret;
}

/* ---- list ---- */

static void take_page(const struct ctl *ctl, const json_t *page, json_t *all)
{
	json_t *one;
	size_t i;

	json_array_foreach(json_object_get(page, "docs"), i, one)
	{
		if (ctl->json) {
			json_array_append(all, one);
			continue;
		}
		printf("%-24s  %9llu  ", ctl_text(one, "etag"),
		       (unsigned long long)ctl_number(one, "size"));
		ctl_print_safe(stdout, ctl_text(one, "doc"));
		putchar('\n');
	}
}

/* The path of a page: of USER or, NULL, the global tree. */
static char *page_path(const char *user, const char *after)
{
	char *start = user ? ctl_path("/v1/docs?of=", user, *after ? "&after=" : "")
			   : strdup(*after ? "/v1/docs?after=" : "/v1/docs");
	char *path = start;

	if (start && *after) {
		path = ctl_path(start, after, "");
		free(start);
	}
	return path;
}

/* " of MAX", where there is a limit. */
static void print_of(const json_t *used, const char *limit)
{
	if (json_object_get(used, limit))
		printf(" of %llu", (unsigned long long)ctl_number(used, limit));
}

/* "N of MAX documents, N of MAX octets", behind a list that has something. */
static void print_used(const json_t *used)
{
	if (!used || !ctl_number(used, "documents"))
		return;
	printf("%llu", (unsigned long long)ctl_number(used, "documents"));
	print_of(used, "max_documents");
	printf(" documents, %llu", (unsigned long long)ctl_number(used, "size"));
	print_of(used, "max_size");
	puts(" octets");
}

static int doc_list(struct ctl *ctl)
{
	const char *user = strcmp(ctl->args[1], "global") == 0 ? NULL : ctl->args[1];
	json_t *page, *all = json_array(), *used = NULL;
	char *after = strdup(""), *path;
	int ret = CTL_OK;

	while (after && ret == CTL_OK) {
		path = page_path(user, after);
		ret = path ? ctl_call(ctl, "GET", path, NULL, &page) : no_memory(ctl);
		free(path);
		free(after);
		after = NULL;
		if (ret != CTL_OK)
			break;
		take_page(ctl, page, all);
		json_decref(used);
		used = json_incref(json_object_get(page, "used"));
		if (json_object_get(page, "next"))
			after = strdup(ctl_text(page, "next"));
		json_decref(page);
	}
	free(after);
	page = json_pack("{s:o}", "docs", all);
	if (used)
		json_object_set(page, "used", used);
	if (ret == CTL_OK && ctl->json)
		ctl_print_json(page);
	else if (ret == CTL_OK)
		print_used(used);
	json_decref(used);
	json_decref(page);
	return ret;
}

/* ---- access ---- */

/* "OP  yes|no  ROLE  WHY  RULE" */
static void print_access(const json_t *one)
{
	printf("%-9s %-3s  %-8s %-8s", ctl_text(one, "op"),
	       json_is_true(json_object_get(one, "allowed")) ? "yes" : "no", ctl_text(one, "role"),
	       ctl_text(one, "why"));
	if (json_object_get(one, "rule")) {
		putchar(' ');
		ctl_print_safe(stdout, ctl_text(one, "rule"));
	}
	putchar('\n');
}

static int doc_access(struct ctl *ctl)
{
	char *start = ctl_path("/v1/docs/", ctl->args[2], "/access?of=");
	char *path = start ? ctl_path(start, ctl->args[1], "") : NULL;
	int ret = path ? CTL_OK : no_memory(ctl);
	json_t *answer, *one;
	size_t i;

	if (ret == CTL_OK)
		ret = ctl_call(ctl, "GET", path, NULL, &answer);
	free(path);
	free(start);
	if (ret != CTL_OK)
		return ret;
	if (ctl->json)
		ctl_print_json(answer);
	else
		json_array_foreach(json_object_get(answer, "access"), i, one) print_access(one);
	json_decref(answer);
	return CTL_OK;
}

/* ---- log, undo ---- */

/* "NUMBER  TIME  WHAT  WHO  NODE": what is of any length stands last. */
static void print_entry(const json_t *entry)
{
	time_t at = (time_t)(ctl_number(entry, "time_ms") / 1000);
	char text[32] = "", what[32];
	struct tm tm;

	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", localtime_r(&at, &tm));
	if (json_object_get(entry, "undoes"))
		snprintf(what, sizeof(what), "undo %llu",
			 (unsigned long long)ctl_number(entry, "undoes"));
	else
		snprintf(what, sizeof(what), "%s", ctl_text(entry, "what"));
	printf("%6llu  %s  %-11s  ", (unsigned long long)ctl_number(entry, "number"), text, what);
	ctl_print_safe(stdout, ctl_text(entry, "who"));
	if (json_object_get(entry, "node")) {
		fputs("  ", stdout);
		ctl_print_safe(stdout, ctl_text(entry, "node"));
	}
	putchar('\n');
}

static int doc_log(struct ctl *ctl)
{
	json_t *answer, *one;
	size_t i;
	int ret = call_doc(ctl, "GET", ctl->args[1], "/log", NULL, &answer);

	if (ret != CTL_OK)
		return ret;
	if (ctl->json)
		ctl_print_json(answer);
	else
		json_array_foreach(json_object_get(answer, "log"), i, one) print_entry(one);
	json_decref(answer);
	return CTL_OK;
}

static int doc_undo(struct ctl *ctl)
{
	json_t *answer, *body = NULL;
	uint64_t number;
	char done[64];
	int ret;

	if (ctl->n_args > 2) {
		if (strv_u64(strv_of(ctl->args[2]), INT64_MAX, &number) < 0 || !number) {
			ctl_say_error(ctl, "usage", "a change is named by its number",
				      "\"cpmctl doc log DOC\" lists them");
			return CTL_USAGE;
		}
		body = json_pack("{s:I}", "number", (json_int_t)number);
	}
	ret = call_doc(ctl, "POST", ctl->args[1], "/undo", body, &answer);
	if (ret != CTL_OK)
		return ret;
	snprintf(done, sizeof(done), "undid %llu of",
		 (unsigned long long)ctl_number(answer, "undone"));
	say_done(ctl, done, answer);
	return CTL_OK;
}

/* ---- which of them ---- */

static const struct what {
	const char *name;
	int min_args, max_args; /* behind it */
	int (*run)(struct ctl *ctl);
	const char *usage;
} whats[] = {
	{ "get", 1, 1, doc_get, "get DOC" },
	{ "put", 1, 2, doc_put, "put DOC [FILE]" },
	{ "del", 1, 1, doc_del, "del DOC" },
	{ "list", 1, 1, doc_list, "list USER | list global" },
	{ "access", 2, 2, doc_access, "access USER DOC" },
	{ "log", 1, 1, doc_log, "log DOC" },
	{ "undo", 1, 2, doc_undo, "undo DOC [NUMBER]" },
};
enum { N_WHATS = sizeof(whats) / sizeof(whats[0]) };

static int misused(const struct ctl *ctl, const char *usage)
{
	char text[256];

	snprintf(text, sizeof(text), "\"doc\" is used as: cpmctl doc %s", usage);
	ctl_say_error(ctl, "usage", text, "\"cpmctl doc --help\" says more");
	return CTL_USAGE;
}

int ctl_doc(struct ctl *ctl)
{
	const struct what *what = whats;

	while (what < whats + N_WHATS && strcmp(what->name, ctl->args[0]) != 0)
		what++;
	if (what == whats + N_WHATS)
		return misused(ctl, "get | put | del | list | access | log | undo");
	if (ctl->n_args - 1 < what->min_args || ctl->n_args - 1 > what->max_args ||
	    !ctl->args[1][0])
		return misused(ctl, what->usage);
	return what->run(ctl);
}

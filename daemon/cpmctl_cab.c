/* SPDX-License-Identifier: Apache-2.0 */
/* daemon/cpmctl_cab.c - the verb "cab": address books filled, given out and tidied */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/cpmctl.h"

enum { FILE_MAX = 64 << 20 };

static int no_memory(const struct ctl *ctl)
{
	ctl_say_error(ctl, "nomem", "no memory for a request", NULL);
	return CTL_FAILED;
}

static int ends_in(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n > m && strcasecmp(name + n - m, end) == 0;
}

/* ---- import ---- */

static void print_report(const json_t *report)
{
	static const struct {
		const char *name, *text;
	} counts[] = {
		{ "added", "added" },
		{ "updated", "changed" },
		{ "same", "unchanged" },
		{ "groups", "new groups" },
		{ "twice", "left out: a later one has the same id" },
		{ "left_out", "left out: see below" },
		{ "faulty", "with faults that were passed over" },
		{ "without_picture", "without a picture that was too large" },
		{ "without_property", "without a property that was too large" },
	};
	const json_t *one;
	size_t i;

	printf("%llu contacts", (unsigned long long)ctl_number(report, "cards"));
	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		if (i < 3 || ctl_number(report, counts[i].name))
			printf(", %llu %s", (unsigned long long)ctl_number(report, counts[i].name),
			       counts[i].text);
	putchar('\n');
	json_array_foreach(json_object_get(report, "remarks"), i, one)
	{
		if (ctl_number(one, "line"))
			printf("  line %llu: ", (unsigned long long)ctl_number(one, "line"));
		else
			fputs("  ", stdout);
		ctl_print_safe(stdout, ctl_text(one, "why"));
		putchar('\n');
	}
}

static int cab_import(struct ctl *ctl)
{
	const char *file = ctl->args[2];
	int is_csv = ctl->format ? strcmp(ctl->format, "csv") == 0 : ends_in(file, ".csv");
	char suffix[64], *path, *text = NULL;
	json_t *answer;
	size_t bytes;
	int ret;

	snprintf(suffix, sizeof(suffix), "/import?format=%s%s", is_csv ? "csv" : "vcard",
		 ctl->dry_run ? "&dry=1" : "");
	path = ctl_path("/v1/cab/", ctl->args[1], suffix);
	ret = path ? ctl_read_file(ctl, file, FILE_MAX, &text, &bytes) : no_memory(ctl);
	if (ret == CTL_OK)
		ret = ctl_send(ctl, "POST", path, strv_mem(text, bytes), &answer);
	if (ret == CTL_OK) {
		if (ctl->json)
			ctl_print_json(answer);
		else
			print_report(answer);
		if (!ctl->json && ctl->dry_run)
			puts("nothing was stored: this was a dry run");
		json_decref(answer);
	}
	free(path);
	free(text);
	return ret;
}

/* ---- export ---- */

static int cab_export(struct ctl *ctl)
{
	const char *name = ctl->n_args > 2 ? ctl->args[2] : NULL;
	const char *format = ctl->format		     ? ctl->format
			     : name && ends_in(name, ".csv") ? "csv"
							     : "vcard4";
	char suffix[64], *path;
	int ret;

	snprintf(suffix, sizeof(suffix), "/export?format=%.20s", format);
	path = ctl_path("/v1/cab/", ctl->args[1], suffix);
	if (!path)
		return no_memory(ctl);
	ret = name && strcmp(name, "-") != 0 ? ctl_fetch_to_file(ctl, path, name)
					     : ctl_fetch(ctl, path, stdout);
	free(path);
	return ret;
}

/* ---- duplicates, merge, undo ---- */

static int cab_duplicates(struct ctl *ctl)
{
	char *path = ctl_path("/v1/cab/", ctl->args[1], "/duplicates");
	const json_t *set, *one;
	json_t *answer;
	size_t i, k;
	int ret = path ? ctl_call(ctl, "GET", path, NULL, &answer) : no_memory(ctl);

	free(path);
	if (ret != CTL_OK)
		return ret;
	if (ctl->json)
		ctl_print_json(answer);
	else
		json_array_foreach(json_object_get(answer, "duplicates"), i, set)
		{
			printf("%s%s:\n", i ? "\n" : "", ctl_text(set, "same"));
			json_array_foreach(json_object_get(set, "contacts"), k, one)
			{
				fputs("  ", stdout);
				ctl_print_safe(stdout, ctl_text(one, "id"));
				fputs("  ", stdout);
				ctl_print_safe(stdout, ctl_text(one, "name"));
				putchar('\n');
			}
		}
	json_decref(answer);
	return CTL_OK;
}

static int say_done(struct ctl *ctl, int ret, const char *done, json_t *answer)
{
	if (ret != CTL_OK)
		return ret;
	if (ctl->json)
		ctl_print_json(answer);
	else
		printf("%s %s\n", done, ctl_text(answer, "etag"));
	json_decref(answer);
	return CTL_OK;
}

static int cab_merge(struct ctl *ctl)
{
	char *path = ctl_path("/v1/cab/", ctl->args[1], "/merge");
	json_t *answer, *body;
	int ret;

	if (ctl->n_args < 4) {
		free(path);
		ctl_say_error(ctl, "usage", "merge needs two contacts: which stays, and which goes",
			      "\"cpmctl cab duplicates USER\" lists their ids");
		return CTL_USAGE;
	}
	body = json_pack("{s:s, s:s}", "keep", ctl->args[2], "drop", ctl->args[3]);
	ret = path ? ctl_call(ctl, "POST", path, body, &answer) : no_memory(ctl);
	free(path);
	return say_done(ctl, ret, "merged", answer);
}

static int cab_undo(struct ctl *ctl)
{
	char *doc = ctl_path("org.openmobilealliance.cab-address-book/users/", ctl->args[1],
			     "/address-book");
	char *path = doc ? ctl_path("/v1/docs/", doc, "/undo") : NULL;
	json_t *answer;
	int ret = path ? ctl_call(ctl, "POST", path, NULL, &answer) : no_memory(ctl);

	free(doc);
	free(path);
	return say_done(ctl, ret, "undone", answer);
}

/* ---- which of them ---- */

static const struct what {
	const char *name;
	int min_args, max_args; /* behind it */
	int (*run)(struct ctl *ctl);
	const char *usage;
} whats[] = {
	{ "import", 2, 2, cab_import, "import USER FILE" },
	{ "export", 1, 2, cab_export, "export USER [FILE]" },
	{ "duplicates", 1, 1, cab_duplicates, "duplicates USER" },
	{ "merge", 3, 3, cab_merge, "merge USER KEEP DROP" },
	{ "undo", 1, 1, cab_undo, "undo USER" },
};
enum { N_WHATS = sizeof(whats) / sizeof(whats[0]) };

int ctl_cab(struct ctl *ctl)
{
	const char *usage = "import | export | duplicates | merge | undo";
	char text[256];

	for (unsigned i = 0; i < N_WHATS; i++) {
		if (strcmp(whats[i].name, ctl->args[0]) != 0)
			continue;
		if (ctl->n_args - 1 >= whats[i].min_args && ctl->n_args - 1 <= whats[i].max_args &&
		    ctl->args[1][0])
			return whats[i].run(ctl);
		usage = whats[i].usage;
	}
	snprintf(text, sizeof(text), "\"cab\" is used as: cpmctl cab %s", usage);
	ctl_say_error(ctl, "usage", text, "\"cpmctl cab --help\" says more");
	return CTL_USAGE;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* daemon/cpmctl_group.c - the verb "group": what is in force of a group; see cpmctl.h */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cpmctl.h"

static void row(const char *name, const char *value)
{
	if (!*value)
		return;
	printf("%-14s", name);
	ctl_print_safe(stdout, value);
	putchar('\n');
}

static void rows(const char *name, const json_t *list)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one) row(i ? "" : name, json_string_value(one));
}

static void print_group(const json_t *group)
{
	const json_t *members = json_object_get(group, "members");
	char text[64];

	row("group", ctl_text(group, "uri"));
	row("name", ctl_text(group, "name"));
	row("owner", ctl_text(group, "owner"));
	snprintf(text, sizeof(text), "%zu", json_array_size(members));
	if (json_object_get(group, "max_participants"))
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " of at most %llu",
			 (unsigned long long)ctl_number(group, "max_participants"));
	row("members", text);
	rows("", members);
	rows("rules", json_object_get(group, "rules"));
	rows("lists", json_object_get(group, "lists"));
	if (json_is_true(json_object_get(group, "lost")))
		row("LOST", "its document cannot be compiled; messages to it are answered 503");
	else if (!json_is_true(json_object_get(group, "complete")))
		row("INCOMPLETE", "a list that it refers to cannot be had; messages to it are "
				  "answered 503");
	else if (!json_array_size(json_object_get(group, "rules")))
		row("CLOSED", "it has no rules, so nobody may send to it");
}

int ctl_group(struct ctl *ctl)
{
	json_t *group;
	char *path;
	int ret;

	if (strcmp(ctl->args[0], "show") != 0 || ctl->n_args != 2 || !ctl->args[1][0]) {
		ctl_say_error(ctl, "usage", "\"group\" is used as: cpmctl group show URI",
			      "\"cpmctl group --help\" says more");
		return CTL_USAGE;
	}
	path = ctl_path("/v1/groups/", ctl->args[1], "");
	if (!path) {
		ctl_say_error(ctl, "nomem", "no memory for a request", NULL);
		return CTL_FAILED;
	}
	ret = ctl_call(ctl, "GET", path, NULL, &group);
	free(path);
	if (ret != CTL_OK)
		return ret;
	if (ctl->json)
		ctl_print_json(group);
	else
		print_group(group);
	json_decref(group);
	return CTL_OK;
}

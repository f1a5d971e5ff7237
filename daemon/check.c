/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/check.c - see check.h
 */
#include "daemon/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "daemon/settings.h"

void check_fault_text(const struct conf_fault *fault, char text_out[CHECK_TEXT_BYTES])
{
	const char *kind = fault->is_warning ? "warning: " : "";

	if (fault->line)
		snprintf(text_out, CHECK_TEXT_BYTES, "%s:%u:%u: %s%s", fault->file, fault->line,
			 fault->column, kind, fault->text);
	else
		snprintf(text_out, CHECK_TEXT_BYTES, "%s: %s%s", fault->file, kind, fault->text);
}

void check_fault_print(void *arg, const struct conf_fault *fault)
{
	char text[CHECK_TEXT_BYTES];

	check_fault_text(fault, text);
	fprintf(arg, "%s\n", text);
}

void check_fault_log(void *arg, const struct conf_fault *fault)
{
	(void)arg;
	log_at(fault->is_warning ? LOG_WARN : LOG_ERROR, LOG_CONF,
	       fault->is_warning ? "warning" : "fault", L_STR("file", fault->file),
	       L_INT("line", fault->line), L_INT("column", fault->column),
	       L_STR("text", fault->text));
}

struct count {
	unsigned faults, warnings;
};

static void print_and_count(void *arg, const struct conf_fault *fault)
{
	struct count *count = arg;

	if (fault->is_warning)
		count->warnings++;
	else
		count->faults++;
	check_fault_print(stderr, fault);
}

int check_main(const char *file)
{
	const char *name = file ? file : "(defaults)";
	struct count count = { 0, 0 };
	struct conf *conf;
	int ret = settings_load(file, print_and_count, &count, &conf);

	conf_free(&conf);
	if (ret < 0)
		printf("%s: %u fault%s\n", name, count.faults, count.faults == 1 ? "" : "s");
	else if (count.warnings)
		printf("%s: no faults, %u warning%s\n", name, count.warnings,
		       count.warnings == 1 ? "" : "s");
	else
		printf("%s: no faults\n", name);
	return fflush(stdout) == 0 && ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Print HEAD and TEXT, and free TEXT. */
static int print_and_free(const char *head, char *text)
{
	int ret = text && printf("%s%s", head, text) >= 0 && fflush(stdout) == 0;

	free(text);
	if (!ret)
		perror("cannot print");
	return ret ? EXIT_SUCCESS : EXIT_FAILURE;
}

int check_sample_main(void)
{
	static const char head[] =
		"# Settings of cpmd, the server of opencpm.\n"
		"#\n"
		"# Each setting stands here with its default, commented out: remove the \"#\" and\n"
		"# change the value. Indent with spaces. Sizes have a unit of B, kB, MB, GB or "
		"TB,\n"
		"# times one of ms, s, min, h or d. Paths are absolute, or relative to the folder\n"
		"# of this file.\n"
		"#\n"
		"# \"cpmd --check FILE\" tells every fault with its line and what to write "
		"instead.\n"
		"# Files that end in .yaml in the folder FILE.d are read too, in order of name; "
		"what\n"
		"# a later one says counts. See cpmd.yaml(5).\n";

	return print_and_free(head, conf_print_sample(settings_table));
}

int check_man_main(void)
{
	return print_and_free("", conf_print_man(settings_table));
}

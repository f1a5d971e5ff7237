/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/daemon/test_broken.c - broken configurations and everything that is said about them
 *
 *     test_broken         each broken/NAME.yaml is refused with the text of broken/NAME.expect
 *     test_broken print   print what is said, to make an .expect from after reading it
 */
#include "daemon/check.h"
#include "daemon/settings.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* What is said about FILE, for the caller to free. */
static char *said_about(const char *file)
{
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);
	struct conf *conf;

	assert_non_null(out);
	if (settings_load(file, check_fault_print, out, &conf) == 0) {
		fprintf(out, "%s: no faults\n", file);
		conf_free(&conf);
	}
	assert_int_equal(fclose(out), 0);
	return text;
}

static char *expected(const char *file)
{
	char name[256];
	char *text = calloc(1, 8192);
	FILE *in;

	assert_non_null(text);
	snprintf(name, sizeof(name), "%.*s.expect", (int)(strlen(file) - strlen(".yaml")), file);
	in = fopen(name, "r");
	if (!in)
		fail_msg("%s is missing", name);
	assert_true(fread(text, 1, 8191, in) > 0);
	fclose(in);
	return text;
}

static int is_yaml(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot && strcmp(dot, ".yaml") == 0;
}

static void every_broken_file_is_refused_as_expected(void **state)
{
	struct dirent **files;
	int n = scandir(".", &files, is_yaml, alphasort), wrong = 0;

	(void)state;
	assert_true(n >= 12);
	for (int i = 0; i < n; i++) {
		char *said = said_about(files[i]->d_name), *want = expected(files[i]->d_name);

		if (strcmp(said, want) != 0) {
			print_error("said:\n%sexpected:\n%s\n", said, want);
			wrong++;
		}
		free(said);
		free(want);
		free(files[i]);
	}
	free(files);
	assert_int_equal(wrong, 0);
}

static int print_all(void)
{
	struct dirent **files;
	int n = scandir(".", &files, is_yaml, alphasort);

	for (int i = 0; i < n; i++) {
		char *said = said_about(files[i]->d_name);

		fputs(said, stdout);
		free(said);
		free(files[i]);
	}
	free(files);
	return n > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_broken_file_is_refused_as_expected),
	};
	const char *srcdir = getenv("srcdir");
	char folder[4096];

	snprintf(folder, sizeof(folder), "%s/tests/daemon/broken", srcdir ? srcdir : ".");
	if (chdir(folder) < 0) {
		perror(folder);
		return EXIT_FAILURE;
	}
	if (argc > 1 && strcmp(argv[1], "print") == 0)
		return print_all();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

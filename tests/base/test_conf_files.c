/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/base/test_conf_files.c - files, drop-in folders, secrets, differences, generated texts
 */
#include "base/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct door {
	const char *address, *token;
};

struct values {
	int64_t count;
	int on, colour;
	uint64_t size, time;
	const char *name, *path, *secret;
	struct conf_list doors;
};

static const char *const colours[] = { "red", "green", NULL };

static const struct conf_item doors_table[] = {
	{ "address", CONF_ADDR, offsetof(struct door, address), NULL, 0, 0, NULL, 0, "Where.", NULL,
	  0 },
	{ "token", CONF_SECRET, offsetof(struct door, token), "", 0, 0, NULL, 0, "Token.", NULL,
	  0 },
	{ 0 },
};

#define AT(member) offsetof(struct values, member)
static const struct conf_item table[] = {
	{ "a", CONF_SECTION, 0, NULL, 0, 0, NULL, 0, "All - or \\nearly so.", NULL, 0 },
	{ "a.count", CONF_INT, AT(count), "7", -5, 100, NULL, 1, "A number.", NULL, 0 },
	{ "a.on", CONF_BOOL, AT(on), "yes", 0, 0, NULL, 1, "A switch.", NULL, 0 },
	{ "a.colour", CONF_ENUM, AT(colour), "green", 0, 0, colours, 0, "A colour.", NULL, 0 },
	{ "a.size", CONF_BYTES, AT(size), "64 MB", 0, 0, NULL, 1, "A size.", NULL, 0 },
	{ "a.time", CONF_TIME, AT(time), "90 s", 1000, 3600000, NULL, 0, "A time.", NULL, 0 },
	{ "a.name", CONF_STR, AT(name), "x", 0, 0, NULL, 0, ".Name, a 'word'.", NULL, 0 },
	{ "a.path", CONF_PATH, AT(path), "", 0, 0, NULL, 0, "A file.", NULL, 0 },
	{ "a.secret", CONF_SECRET, AT(secret), "", 0, 0, NULL, 1, "Hush.", NULL, 0 },
	{ "a.doors", CONF_LIST, AT(doors), "[{address: 10.0.0.1}]", 0, 0, NULL, 0, "Doors.",
	  doors_table, sizeof(struct door) },
	{ 0 },
};

static const struct conf_schema schema = { table, sizeof(struct values), NULL };

/* ---- a folder, files in it, and what a run over them says ---- */

static char folder[32];
static char told[65536];
static unsigned n_told;

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/cpm-conf-XXXXXX");
	told[0] = '\0';
	n_told = 0;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static int remove_folder(void **state)
{
	(void)state;
	return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* NAME in the folder; valid until the fourth call from now. */
static const char *path_of(const char *name)
{
	static char paths[4][128];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static void put(const char *name, const char *text)
{
	FILE *out = fopen(path_of(name), "w");

	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
}

/* The folder's own name is left out, so that rows can say the whole text. */
static void tell(void *arg, const struct conf_fault *fault)
{
	size_t at = strlen(told), skip = strlen(folder) + 1;
	const char *file = fault->file, *in_text = strstr(fault->text, folder);
	char text[sizeof(fault->text)];

	(void)arg;
	if (strncmp(file, folder, skip - 1) == 0)
		file += skip;
	strcpy(text, fault->text);
	if (in_text)
		strcpy(text + (in_text - fault->text), in_text + skip);
	snprintf(told + at, sizeof(told) - at, "%s:%u:%u: %s%s\n", file, fault->line, fault->column,
		 fault->is_warning ? "warning: " : "", text);
	n_told++;
}

static struct conf *load(const char *name)
{
	struct conf *conf;
	int ret;

	told[0] = '\0';
	n_told = 0;
	ret = conf_load(path_of(name), &schema, tell, NULL, &conf);
	assert_int_equal(ret, conf ? 0 : -1);
	return conf;
}

static struct conf *load_ok(const char *name)
{
	struct conf *conf = load(name);

	if (!conf)
		fail_msg("%s", told);
	assert_string_equal(told, "");
	return conf;
}

static void load_bad(const char *name, const char *want)
{
	struct conf *conf = load(name);

	assert_null(conf);
	assert_string_equal(told, want);
}

/* ---- drop-ins ---- */

static void later_files_win_by_setting(void **state)
{
	struct conf *conf;
	const struct values *v;
	const struct door *doors;
	struct conf_fault place;

	(void)state;
	put("c.yaml", "a:\n  count: 1\n  name: main\n  colour: red\n");
	assert_int_equal(mkdir(path_of("c.yaml.d"), 0700), 0);
	put("c.yaml.d/20-b.yaml", "a:\n  count: 3\n  doors: [{address: 10.0.0.3}]\n");
	put("c.yaml.d/10-a.yaml", "a:\n  count: 2\n  name: ten\n"
				  "  doors: [{address: 10.0.0.2}, {address: 10.0.0.4}]\n");
	put("c.yaml.d/30-c.yaml~", "a: {count: 9}\n");
	put("c.yaml.d/.40.yaml", "a: {count: 9}\n");
	put("c.yaml.d/README", "not YAML: [\n");
	conf = load_ok("c.yaml");
	v = conf_values(conf);
	assert_int_equal(v->count, 3);
	assert_string_equal(v->name, "ten");
	assert_int_equal(v->colour, 0);
	/* A list is replaced whole. */
	assert_int_equal(v->doors.n, 1);
	doors = v->doors.items;
	assert_string_equal(doors[0].address, "10.0.0.3");

	assert_int_equal(conf_where(conf, "a.count", -1, &place), 1);
	assert_string_equal(place.file, path_of("c.yaml.d/20-b.yaml"));
	assert_int_equal(place.line, 2);
	assert_int_equal(place.column, 10);
	assert_int_equal(conf_where(conf, "a.doors", 0, &place), 1);
	assert_int_equal(place.line, 3);
	assert_int_equal(place.column, 11);
	assert_int_equal(conf_where(conf, "a.colour", -1, &place), 1);
	assert_int_equal(place.line, 4);
	assert_int_equal(conf_where(conf, "a.on", -1, &place), 0);
	assert_string_equal(place.file, path_of("c.yaml"));
	assert_int_equal(place.line, 0);
	conf_free(&conf);
}

static void faults_of_all_files_come_in_order(void **state)
{
	(void)state;
	put("c.yaml", "a:\n  on: maybe\n  count: x\n");
	assert_int_equal(mkdir(path_of("c.yaml.d"), 0700), 0);
	put("c.yaml.d/b.yaml", "a:\n  on: [\n");
	put("c.yaml.d/a.yaml", "a:\n  count: y\n  colour: pink\n  count: 1\n");
	put("c.yaml.d/c.yaml", "b: 1\n");
	load_bad(
		"c.yaml",
		"c.yaml:2:7: a.on is \"maybe\", but is a switch; write yes or no\n"
		"c.yaml:3:10: a.count is \"x\", which is no number; write a whole number\n"
		"c.yaml.d/a.yaml:2:10: a.count is \"y\", which is no number; write a whole number\n"
		"c.yaml.d/a.yaml:3:11: a.colour is \"pink\"; write red or green\n"
		"c.yaml.d/a.yaml:4:3: a.count stands here and in line 2; keep one of them\n"
		"c.yaml.d/b.yaml:2:7: a.on is a list, but must be yes or no; write \"on: VALUE\" "
		"in "
		"one line\n"
		"c.yaml.d/b.yaml:3:1: a value is missing or begins with a sign; put the value in "
		"quotes\n"
		"c.yaml.d/c.yaml:1:1: unknown setting \"b\"; here may stand: a\n");
}

static void a_drop_in_that_would_be_missed_is_told(void **state)
{
	struct conf *conf;

	(void)state;
	put("c.yaml", "");
	assert_int_equal(mkdir(path_of("c.yaml.d"), 0700), 0);
	put("c.yaml.d/a.yml", "a: {count: 9}\n");
	conf = load("c.yaml");
	assert_non_null(conf);
	assert_string_equal(told, "c.yaml.d/a.yml:0:0: warning: not read; rename it to end in "
				  ".yaml\n");
	assert_int_equal(((const struct values *)conf_values(conf))->count, 7);
	conf_free(&conf);
}

static void a_drop_in_folder_that_is_none_is_a_fault(void **state)
{
	(void)state;
	put("c.yaml", "");
	put("c.yaml.d", "");
	load_bad("c.yaml",
		 "c.yaml.d:0:0: cannot read the drop-in folder: Not a directory; make it a "
		 "folder, or remove it\n");
}

static void too_many_drop_ins_are_a_fault(void **state)
{
	char name[32];

	(void)state;
	put("c.yaml", "");
	assert_int_equal(mkdir(path_of("c.yaml.d"), 0700), 0);
	for (int i = 0; i <= CONF_FILES_MAX; i++) {
		snprintf(name, sizeof(name), "c.yaml.d/%d.yaml", i);
		put(name, "");
	}
	load_bad("c.yaml", "c.yaml.d:0:0: 257 files, more than 256; put some together\n");
}

/* ---- files that are none ---- */

static void a_missing_file_is_a_fault(void **state)
{
	(void)state;
	load_bad("c.yaml", "c.yaml:0:0: cannot read c.yaml: No such file or directory; check the "
			   "path, or create the file\n");
}

static void a_folder_is_no_file(void **state)
{
	(void)state;
	assert_int_equal(mkdir(path_of("c.yaml"), 0700), 0);
	load_bad("c.yaml", "c.yaml:0:0: c.yaml is a folder; name a regular file\n");
}

static void a_fifo_does_not_stop_the_run(void **state)
{
	(void)state;
	assert_int_equal(mkfifo(path_of("c.yaml"), 0600), 0);
	load_bad("c.yaml", "c.yaml:0:0: c.yaml is a device or socket; name a regular file\n");
}

static void a_large_file_is_not_read(void **state)
{
	(void)state;
	put("c.yaml", "#");
	assert_int_equal(truncate(path_of("c.yaml"), CONF_FILE_MAX + 1), 0);
	load_bad("c.yaml",
		 "c.yaml:0:0: c.yaml has 1048577 octets, more than 1048576; shorten it\n");
}

static void a_drop_in_that_leads_nowhere_is_a_fault(void **state)
{
	(void)state;
	put("c.yaml", "");
	assert_int_equal(mkdir(path_of("c.yaml.d"), 0700), 0);
	assert_int_equal(symlink("nowhere", path_of("c.yaml.d/a.yaml")), 0);
	assert_int_equal(mkdir(path_of("c.yaml.d/b.yaml"), 0700), 0);
	load_bad("c.yaml",
		 "c.yaml.d/a.yaml:0:0: cannot read c.yaml.d/a.yaml: No such file or "
		 "directory; check the path, or create the file\n"
		 "c.yaml.d/b.yaml:0:0: c.yaml.d/b.yaml is a folder; name a regular file\n");
}

/* Root may read everything, so the run is somebody else's. */
static void what_may_not_be_read_is_a_fault(void **state)
{
	uid_t uid = geteuid();

	(void)state;
	put("c.yaml", "");
	assert_int_equal(mkdir(path_of("c.yaml.d"), 0), 0);
	assert_int_equal(chmod(path_of("c.yaml"), 0), 0);
	assert_int_equal(chmod(folder, 0755), 0);
	if (uid == 0)
		assert_int_equal(seteuid(65534), 0);
	load_bad("c.yaml",
		 "c.yaml:0:0: cannot read c.yaml: Permission denied; let the user that "
		 "runs this read it\n"
		 "c.yaml.d:0:0: cannot read the drop-in folder: Permission denied; let the "
		 "user that runs this read it\n");
	assert_int_equal(seteuid(uid), 0);
	assert_int_equal(chmod(path_of("c.yaml.d"), 0700), 0);
}

static void missing_settings_are_told_unless_a_file_was_cut(void **state)
{
	static const struct conf_item wants[] = {
		{ "b.must", CONF_STR, 0, NULL, 0, 0, NULL, 0, "Must.", NULL, 0 },
		{ "b.other", CONF_TIME, 8, NULL, 0, 0, NULL, 0, "Other.", NULL, 0 },
		{ 0 },
	};
	static const struct conf_schema wants_schema = { wants, 16, NULL };
	struct conf *conf;

	(void)state;
	put("c.yaml", "b:\n  other: 1 s\n");
	assert_int_equal(conf_load(path_of("c.yaml"), &wants_schema, tell, NULL, &conf), -1);
	assert_string_equal(told, "c.yaml:0:0: b.must must be given; add it (text)\n");
	told[0] = '\0';
	put("c.yaml", "b:\n\tmust: 1\n");
	assert_int_equal(conf_load(path_of("c.yaml"), &wants_schema, tell, NULL, &conf), -1);
	assert_string_equal(told, "c.yaml:2:1: a tab in the indentation; indent with spaces\n");
	put("c.yaml", "b:\n  other: 1 s\n  must: x\n");
	assert_int_equal(conf_load(path_of("c.yaml"), &wants_schema, tell, NULL, &conf), 0);
	assert_string_equal(*(const char *const *)conf_values(conf), "x");
	conf_free(&conf);
}

static void there_is_an_end_to_faults(void **state)
{
	FILE *out = fopen(path_of("c.yaml"), "w");

	(void)state;
	assert_non_null(out);
	for (int i = 0; i < 10000; i++)
		fprintf(out, "a%d: 1\n", i);
	assert_int_equal(fclose(out), 0);
	assert_null(load("c.yaml"));
	assert_int_equal(n_told, CONF_FAULTS_MAX + 1);
	assert_non_null(strstr(told, ":201:1: there are further faults; mend these 200 first\n"));
}

/* ---- paths and secrets ---- */

static void relative_paths_begin_at_the_main_file(void **state)
{
	struct conf *conf;
	char *real = realpath(folder, NULL);
	char want[128];

	(void)state;
	assert_non_null(real);
	put("c.yaml", "a: {path: sub/file}\n");
	conf = load_ok("c.yaml");
	snprintf(want, sizeof(want), "%s/sub/file", real);
	assert_string_equal(((const struct values *)conf_values(conf))->path, want);
	conf_free(&conf);
	put("c.yaml", "a: {path: /sub/file}\n");
	conf = load_ok("c.yaml");
	assert_string_equal(((const struct values *)conf_values(conf))->path, "/sub/file");
	conf_free(&conf);
	free(real);
}

static void a_secret_comes_from_its_file(void **state)
{
	struct conf *conf;

	(void)state;
	put("c.yaml", "a:\n  secret:\n    file: key\n");
	put("key", "s3cret\r\n");
	assert_int_equal(chmod(path_of("key"), 0600), 0);
	conf = load_ok("c.yaml");
	assert_string_equal(((const struct values *)conf_values(conf))->secret, "s3cret");
	conf_free(&conf);
	put("key", "s3cret");
	assert_int_equal(chmod(path_of("key"), 0400), 0);
	conf = load_ok("c.yaml");
	assert_string_equal(((const struct values *)conf_values(conf))->secret, "s3cret");
	conf_free(&conf);
}

static void a_secret_that_others_may_read_is_refused(void **state)
{
	(void)state;
	put("c.yaml", "a:\n  secret:\n    file: key\n");
	put("key", "s3cret\n");
	assert_int_equal(chmod(path_of("key"), 0640), 0);
	load_bad("c.yaml", "c.yaml:3:11: the file of a.secret may be read by others (mode 0640); "
			   "chmod 600 key\n");
	put("c.yaml", "a:\n  secret: s3cret\n");
	assert_int_equal(chmod(path_of("c.yaml"), 0644), 0);
	load_bad("c.yaml", "c.yaml:2:11: a.secret stands in a file that others may read (mode "
			   "0644); chmod 600 "
			   "the file, or name one with \"file: PATH\"\n");
	assert_int_equal(chmod(path_of("c.yaml"), 0600), 0);
	conf_free(&(struct conf *){ load_ok("c.yaml") });
}

static void a_secret_that_is_none_is_refused_without_being_shown(void **state)
{
	(void)state;
	put("c.yaml", "a:\n  secret: {file: key}\n");
	put("key", "s3c\001ret\n");
	assert_int_equal(chmod(path_of("key"), 0600), 0);
	load_bad("c.yaml",
		 "c.yaml:2:18: a.secret holds the control character U+0001; write it in one "
		 "line without escapes\n");
	assert_int_equal(truncate(path_of("key"), CONF_SECRET_MAX + 1), 0);
	load_bad("c.yaml", "c.yaml:2:18: key has 4097 octets, more than 4096; shorten it\n");
}

/* ---- differences ---- */

static void note(void *arg, const char *name, const char *before, const char *after, int reloadable)
{
	size_t at = strlen(told);

	(void)arg;
	snprintf(told + at, sizeof(told) - at, "%s: %s -> %s%s\n", name, before, after,
		 reloadable ? "" : " (restart)");
}

static void differences_are_listed_and_secrets_are_not(void **state)
{
	struct conf *a, *b;

	(void)state;
	put("a.yaml", "a:\n  secret: one\n  doors: [{address: 10.0.0.1, token: one}]\n");
	put("b.yaml", "a:\n  count: -5\n  on: no\n  colour: red\n  size: 1536 B\n  time: 1 min\n"
		      "  name: 'a \"b\" \\'\n  path: /x\n  secret: two\n"
		      "  doors: [{address: 10.0.0.1, token: two}, {address: '::1'}]\n");
	assert_int_equal(chmod(path_of("a.yaml"), 0600), 0);
	assert_int_equal(chmod(path_of("b.yaml"), 0600), 0);
	a = load_ok("a.yaml");
	b = load_ok("b.yaml");
	assert_int_equal(conf_diff(a, a, note, NULL), 0);
	assert_string_equal(told, "");
	assert_int_equal(conf_diff(a, b, note, NULL), 9);
	assert_string_equal(told, "a.count: 7 -> -5\n"
				  "a.on: yes -> no\n"
				  "a.colour: green -> red (restart)\n"
				  "a.size: 64 MB -> 1536 B\n"
				  "a.time: 90 s -> 1 min (restart)\n"
				  "a.name: x -> \"a \\\"b\\\" \\\\\" (restart)\n"
				  "a.path: \"\" -> /x (restart)\n"
				  "a.secret: *** -> ***\n"
				  "a.doors: [{address: 10.0.0.1, token: ***}] -> [{address: "
				  "10.0.0.1, token: ***}, {address: \"::1\", token: ***}] "
				  "(restart)\n");
	conf_free(&a);
	conf_free(&b);
}

/* ---- generated texts ---- */

static void the_sample_is_as_it_should_be(void **state)
{
	char *text = conf_print_sample(table);

	(void)state;
	assert_non_null(text);
	assert_string_equal(text, "\n"
				  "# All - or \\nearly so.\n"
				  "a:\n"
				  "\n"
				  "  # A number.\n"
				  "  # A whole number from -5 to 100. A reload changes it.\n"
				  "  #count: 7\n"
				  "\n"
				  "  # A switch.\n"
				  "  # Yes or no. A reload changes it.\n"
				  "  #on: yes\n"
				  "\n"
				  "  # A colour.\n"
				  "  # One of: red or green. Takes a restart to change.\n"
				  "  #colour: green\n"
				  "\n"
				  "  # A size.\n"
				  "  # A size. A reload changes it.\n"
				  "  #size: 64 MB\n"
				  "\n"
				  "  # A time.\n"
				  "  # A time from 1 s to 1 h. Takes a restart to change.\n"
				  "  #time: 90 s\n"
				  "\n"
				  "  # .Name, a 'word'.\n"
				  "  # Text. Takes a restart to change.\n"
				  "  #name: x\n"
				  "\n"
				  "  # A file.\n"
				  "  # A path. Takes a restart to change.\n"
				  "  #path: \"\"\n"
				  "\n"
				  "  # Hush.\n"
				  "  # A secret, or \"file: PATH\" in a line of its own below. A "
				  "reload changes it.\n"
				  "  #secret: \"\"\n"
				  "\n"
				  "  # Doors.\n"
				  "  # A list of maps. Takes a restart to change.\n"
				  "  #   address:\n"
				  "  #     Where.\n"
				  "  #     A numeric IPv4 or IPv6 address; must be given.\n"
				  "  #   token:\n"
				  "  #     Token.\n"
				  "  #     A secret, or \"file: PATH\" in a line of its own below. "
				  "Default: empty.\n"
				  "  #doors:\n"
				  "    #- {address: 10.0.0.1}\n");
	free(text);
}

static void the_man_page_hides_what_troff_would_take(void **state)
{
	char *text = conf_print_man(table);

	(void)state;
	assert_non_null(text);
	assert_non_null(strstr(text, ".SS a\nAll \\- or \\enearly so.\n"));
	assert_non_null(strstr(text, ".B a.name\n\\&.Name, a 'word'.\n.br\nText. Default: x. Takes "
				     "a restart to change.\n"));
	assert_non_null(strstr(text, ".RS\n.TP\n.B address\nWhere.\n.br\nA numeric IPv4 or IPv6 "
				     "address; must be given.\n"));
	free(text);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, make_folder, remove_folder)
	const struct CMUnitTest tests[] = {
		TEST(later_files_win_by_setting),
		TEST(faults_of_all_files_come_in_order),
		TEST(a_drop_in_that_would_be_missed_is_told),
		TEST(a_drop_in_folder_that_is_none_is_a_fault),
		TEST(too_many_drop_ins_are_a_fault),
		TEST(a_missing_file_is_a_fault),
		TEST(a_folder_is_no_file),
		TEST(a_fifo_does_not_stop_the_run),
		TEST(a_large_file_is_not_read),
		TEST(a_drop_in_that_leads_nowhere_is_a_fault),
		TEST(what_may_not_be_read_is_a_fault),
		TEST(missing_settings_are_told_unless_a_file_was_cut),
		TEST(there_is_an_end_to_faults),
		TEST(relative_paths_begin_at_the_main_file),
		TEST(a_secret_comes_from_its_file),
		TEST(a_secret_that_others_may_read_is_refused),
		TEST(a_secret_that_is_none_is_refused_without_being_shown),
		TEST(differences_are_listed_and_secrets_are_not),
		TEST(the_sample_is_as_it_should_be),
		TEST(the_man_page_hides_what_troff_would_take),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

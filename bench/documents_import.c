/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/documents_import.c - see documents_import.h
 *
 * What an operator types is timed as a whole, by the clock: the file is read, sent, judged, and on
 * disk when cpmctl ends. The bars are those that the project has set itself.
 */
#include "bench/documents_import.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "bench/figures.h"

enum {
	CARDS = 50000,
	CARDS_QUICK = 5000,
	CARDS_BAR = 20000,
	USERS = 20000,
	USERS_QUICK = 2000,
	USERS_BAR = 5000,
	RUNS_MAX = 3,
};

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* cpmctl ARGS, which must succeed: how many seconds it took. */
static double run_cpmctl(const struct server *cpmd, const char *build_dir, const char *args)
{
	char command[4 * BENCH_PATH];
	double start = now_s();

	snprintf(command, sizeof(command), "'%s/cpmctl' --socket '%s/admin.sock' %s >>'%s/log'",
		 build_dir, cpmd->dir, args, cpmd->dir);
	if (system(command) != 0)
		bench_die("failed: %s", command);
	return now_s() - start;
}

static FILE *create(const char *path)
{
	FILE *to = fopen(path, "w");

	if (!to)
		bench_die("cannot write %s", path);
	return to;
}

/* ---- cards ---- */

static void print_card(FILE *to, unsigned i)
{
	fprintf(to,
		"BEGIN:VCARD\r\nVERSION:3.0\r\nUID:card-%u\r\nN:Name%u;Given%u;;;\r\n"
		"FN:Given%u Name%u\r\nTEL;TYPE=CELL:+49170%07u\r\nTEL;TYPE=HOME:+49731%07u\r\n"
		"EMAIL;TYPE=INTERNET:user%u@example.com\r\n"
		"ADR;TYPE=HOME:;;Street %u;Ulm;;89073;Germany\r\nORG:Company %u\r\n"
		"CATEGORIES:Group %u\r\nREV:2026-01-01T10:00:00Z\r\nEND:VCARD\r\n",
		i, i, i % 997, i % 997, i, i, i, i, i % 100, i % 50, i % 20);
}

void documents_cards(const struct server *cpmd, const char *build_dir, int quick)
{
	unsigned n = quick ? CARDS_QUICK : CARDS, runs = quick ? 1 : RUNS_MAX;
	double in[RUNS_MAX], out[RUNS_MAX];
	char file[2 * BENCH_PATH], args[3 * BENCH_PATH], user[16];
	FILE *to;

	snprintf(file, sizeof(file), "%s/cards.vcf", cpmd->dir);
	to = create(file);
	for (unsigned i = 0; i < n; i++)
		print_card(to, i);
	if (fclose(to) != 0)
		bench_die("cannot write %s", file);
	for (unsigned run = 0; run < runs; run++) {
		snprintf(user, sizeof(user), "cards%u", run);
		server_add_user(cpmd, build_dir, user, NULL);
		snprintf(args, sizeof(args), "cab import %s '%s'", user, file);
		in[run] = n / run_cpmctl(cpmd, build_dir, args);
		snprintf(args, sizeof(args), "cab export %s '%s/out%u.vcf'", user, cpmd->dir, run);
		out[run] = n / run_cpmctl(cpmd, build_dir, args);
	}
	figures_report("vcard.import.rate", figures_median(in, runs), "bar", CARDS_BAR, "cards/s",
		       runs);
	figures_report("vcard.export.rate", figures_median(out, runs), "bar", CARDS_BAR, "cards/s",
		       runs);
}

/* ---- users ---- */

static void make_folder(const char *path)
{
	if (mkdir(path, 0700) != 0)
		bench_die("cannot make %s", path);
}

static void print_file(const char *dir, unsigned user, const char *text)
{
	char path[3 * BENCH_PATH];
	FILE *to;

	snprintf(path, sizeof(path), "%s/i%06u@example.com", dir, user);
	make_folder(path);
	snprintf(path, sizeof(path), "%s/i%06u@example.com/index", dir, user);
	to = create(path);
	fputs(text, to);
	if (fclose(to) != 0)
		bench_die("cannot write %s", path);
}

/* DIR with N users, a row and two documents each. */
static void print_tree(const char *dir, unsigned n)
{
	static const char list[] =
		"<resource-lists xmlns=\"urn:ietf:params:xml:ns:resource-lists\"><list "
		"name=\"friends\">"
		"<entry uri=\"sip:ana@example.com\"><display-name>Ana</display-name></entry>"
		"<entry uri=\"sip:bo@example.com\"><display-name>Bo</display-name></entry>"
		"</list></resource-lists>";
	static const char prefs[] = "<cpm-user-prefs xmlns=\"urn:opencpm:xml:user-prefs\"/>";
	static const char *const folders[] = { "", "/resource-lists", "/resource-lists/users",
					       "/org.opencpm.user-prefs",
					       "/org.opencpm.user-prefs/users" };
	char path[3 * BENCH_PATH];
	FILE *rows;

	for (unsigned i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", dir, folders[i]);
		make_folder(path);
	}
	snprintf(path, sizeof(path), "%s/users.csv", dir);
	rows = create(path);
	fputs("id,password\n", rows);
	for (unsigned i = 0; i < n; i++) {
		fprintf(rows, "i%06u@example.com,secret word %06u battery\n", i, i);
		snprintf(path, sizeof(path), "%s/resource-lists/users", dir);
		print_file(path, i, list);
		snprintf(path, sizeof(path), "%s/org.opencpm.user-prefs/users", dir);
		print_file(path, i, prefs);
	}
	if (fclose(rows) != 0)
		bench_die("cannot write the rows");
}

void documents_users(const struct server *cpmd, const char *build_dir, int quick)
{
	unsigned n = quick ? USERS_QUICK : USERS;
	char dir[2 * BENCH_PATH], args[3 * BENCH_PATH];

	snprintf(dir, sizeof(dir), "%s/users", cpmd->dir);
	print_tree(dir, n);
	snprintf(args, sizeof(args), "import '%s'", dir);
	figures_report("import.users.rate", n / run_cpmctl(cpmd, build_dir, args), "bar", USERS_BAR,
		       "users/s", 1);
}

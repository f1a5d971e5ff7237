/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/documents_bench.c - what the documents of CPM cost
 *
 *     documents_bench --build DIR --root DIR [--dir DIR] [--quick] [FIGURE]
 *
 * Prints one JSON object a line. CPU is the user and system time of all threads of cpmd, for one
 * request; this program, which makes the load, does not count. Two sides take turns within one run
 * and each gives the median. cpmd is the real one with its defaults but for the limits per source.
 *
 *     directory.cpu          xcap-directory of a user with 20 documents / a document of 2 KB, both
 *                            by GET; nothing changes meanwhile
 *     directory.made.cpu     the same where no cache holds anything: each directory is made anew
 *                            from the heads of 20 documents, each document is read
 *     vcard.rate             gives vcard.import.rate and vcard.export.rate: 50,000 cards of one
 *                            file into one address book and out of it, by cpmctl, durable
 *     import.users.rate      users with two documents each, of a folder, by cpmctl, durable
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/documents_import.h"
#include "bench/figures.h"
#include "bench/http_load.h"
#include "bench/servers.h"

enum {
	USERS = 32,
	USERS_UNCACHED = 128, /* their directories exceed the cache of the second server */
	DOCUMENTS = 20,
	DOCUMENT_BYTES = 2048,
	RUNS = 9,
	RUNS_QUICK = 3,
	ANSWER_BYTES = 4096,
};

static const char *build_dir, *root_dir;
static char run_dir[BENCH_PATH];
static int quick;

/* ---- documents ---- */

static size_t print_document(char out[DOCUMENT_BYTES + 1])
{
	size_t n = (size_t)sprintf(out,
				   "<resource-lists xmlns=\"urn:ietf:params:xml:ns:resource-lists\""
				   "><list name=\"friends\">");

	for (unsigned i = 0; n + 80 < DOCUMENT_BYTES; i++)
		n += (size_t)sprintf(out + n, "<entry uri=\"sip:user%05u@example.org\"/>", i);
	n += (size_t)sprintf(out + n, "</list></resource-lists>");
	return n;
}

static void store(const struct server *server, unsigned user, unsigned number)
{
	char answer[ANSWER_BYTES], text[DOCUMENT_BYTES + 1024], body[DOCUMENT_BYTES + 1];
	size_t body_n = print_document(body);
	int n = snprintf(
		text, sizeof(text),
		"PUT /xcap-root/resource-lists/users/sip:u%u@example.com/doc%u HTTP/1.1\r\n"
		"Host: 127.0.0.1\r\nX-3GPP-Asserted-Identity: \"sip:u%u@example.com\"\r\n"
		"Content-Type: application/resource-lists+xml\r\n"
		"Content-Length: %zu\r\n\r\n%s",
		user, number, user, body_n, body);
	unsigned status = load_once(server->port, text, (size_t)n, answer, sizeof(answer));

	if (status != 200 && status != 201)
		bench_die("%s does not store a document: %s", server->name, answer);
}

static void fill(const struct server *server, unsigned users)
{
	char name[16];

	for (unsigned user = 0; user < users; user++) {
		snprintf(name, sizeof(name), "u%u", user);
		server_add_user(server, build_dir, name, NULL);
		for (unsigned i = 0; i < DOCUMENTS; i++)
			store(server, user, i);
	}
}

/* ---- requests ---- */

struct asking {
	unsigned users;
	const char *path; /* "AUID/users/sip:u%u@example.com/NAME" in two parts */
	const char *name;
};

/* Users take turns, so that a cache that is too small never has what is asked for. */
static size_t print_request(void *arg, unsigned conn, uint64_t n, char out[LOAD_REQUEST_BYTES])
{
	const struct asking *asking = arg;
	unsigned user = (unsigned)(n % asking->users);

	(void)conn;
	return (size_t)snprintf(out, LOAD_REQUEST_BYTES,
				"GET /xcap-root/%s/users/sip:u%u@example.com/%s HTTP/1.1\r\n"
				"Host: 127.0.0.1\r\n"
				"X-3GPP-Asserted-Identity: \"sip:u%u@example.com\"\r\n\r\n",
				asking->path, user, asking->name, user);
}

static double sample(const struct server *server, struct asking *asking, uint64_t n)
{
	struct load load = { .conns = USERS, .print = print_request, .arg = asking };
	struct load_result result;
	double before = server_cpu_us(server);

	load_run(&load, server->port, n, &result);
	if (!result.done || result.refused)
		bench_die("%s refused %llu requests of %llu", server->name,
			  (unsigned long long)result.refused, (unsigned long long)n);
	return (server_cpu_us(server) - before) / (double)result.done;
}

static void compare(const char *figure, const struct server *server, unsigned users, uint64_t n)
{
	struct asking ours = { users, "org.openmobilealliance.xcap-directory", "directory.xml" };
	struct asking theirs = { users, "resource-lists", "doc7" };
	unsigned runs = quick ? RUNS_QUICK : RUNS;
	double a[RUNS], b[RUNS];

	sample(server, &ours, n / 4);
	sample(server, &theirs, n / 4);
	for (unsigned i = 0; i < runs; i++) {
		/* Who goes first takes turns too. */
		if (i % 2)
			b[i] = sample(server, &theirs, n);
		a[i] = sample(server, &ours, n);
		if (!(i % 2))
			b[i] = sample(server, &theirs, n);
	}
	figures_report(figure, figures_median(a, runs), "GET of a document",
		       figures_median(b, runs), "us CPU a request", runs);
}

/* ---- what is measured ---- */

static void run_directory(const char *figure)
{
	struct server cpmd;

	server_start_cpmd(&cpmd, "cpmd", build_dir, root_dir, run_dir, 0, "");
	fill(&cpmd, USERS);
	compare(figure, &cpmd, USERS, quick ? 10000 : 40000);
	server_stop(&cpmd);
}

static void run_directory_made(const char *figure)
{
	struct server cpmd;

	server_start_cpmd(&cpmd, "cpmd with a small cache", build_dir, root_dir, run_dir, 0,
			  "xcap:\n  cache: 1 MB\n");
	fill(&cpmd, USERS_UNCACHED);
	compare(figure, &cpmd, USERS_UNCACHED, quick ? 3000 : 10000);
	server_stop(&cpmd);
}

/* Both figures of cards are made by one run. */
static void run_cards(const char *figure)
{
	struct server cpmd;

	(void)figure;
	server_start_cpmd(&cpmd, "cpmd", build_dir, root_dir, run_dir, 0, "");
	documents_cards(&cpmd, build_dir, quick);
	server_stop(&cpmd);
}

static void run_users(const char *figure)
{
	struct server cpmd;

	(void)figure;
	server_start_cpmd(&cpmd, "cpmd", build_dir, root_dir, run_dir, 0, "");
	documents_users(&cpmd, build_dir, quick);
	server_stop(&cpmd);
}

static const struct {
	const char *name;
	void (*run)(const char *name);
} figures[] = {
	{ "directory.cpu", run_directory },
	{ "directory.made.cpu", run_directory_made },
	{ "vcard.rate", run_cards },
	{ "import.users.rate", run_users },
};
enum { FIGURES = sizeof(figures) / sizeof(figures[0]) };

int main(int argc, char **argv)
{
	const char *dir = ".", *only = NULL;
	int known = 0;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--quick") == 0)
			quick = 1;
		else if (strcmp(argv[i], "--build") == 0 && i + 1 < argc)
			build_dir = argv[++i];
		else if (strcmp(argv[i], "--root") == 0 && i + 1 < argc)
			root_dir = argv[++i];
		else if (strcmp(argv[i], "--dir") == 0 && i + 1 < argc)
			dir = argv[++i];
		else
			only = argv[i];
	}
	for (unsigned i = 0; i < FIGURES; i++)
		known |= !only || strcmp(only, figures[i].name) == 0;
	if (!known || !build_dir || !root_dir)
		bench_die("wants --build, --root and a figure that there is");
	run_dir_make(dir, "documents-bench", run_dir);
	for (unsigned i = 0; i < FIGURES; i++)
		if (!only || strcmp(only, figures[i].name) == 0)
			figures[i].run(figures[i].name);
	server_stop_all();
	run_dir_remove(run_dir);
	return 0;
}

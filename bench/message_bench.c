/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/message_bench.c - what it costs to decide about a message and deliver it
 *
 *     message_bench --build DIR --root DIR [--dir DIR] [--quick] [FIGURE]
 *
 * Prints one JSON object a line. CPU is the user and system time of all processes of a server, for
 * one message; the sides take turns within one run and each gives the median. Messages of some
 * 1.1 KB message/cpim go from a user of ours to users of ours, one device each. Each user has 20
 * rules, preferences and a list of 100 blocked people, the operator a policy of 50 rules.
 *
 *     message.online.cpu	cpmd deciding and delivering / cpmd relaying (cpm.enabled: no)
 *     message.online.cpu-over-kamailio  / Kamailio relaying, one block entry looked up in SQLite
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/figures.h"
#include "bench/sip_load.h"

enum {
	RUNS = 7,
	RUNS_QUICK = 3,
	USER_RULES = 20,
	POLICY_RULES = 50,
	BLOCKED = 100,
	KAMAILIO_BLOCKED = 10000,
};

static const char *build_dir, *root_dir;
static char run_dir[BENCH_PATH];
static int quick;

struct side {
	struct sip_side sip;
	double cpu[RUNS];
};

/* ---- documents ---- */

#define NAMESPACES                                        \
	"xmlns=\"urn:ietf:params:xml:ns:common-policy\" " \
	"xmlns:oxe=\"urn:oma:xml:xdm:extensions\" "       \
	"xmlns:op=\"urn:opencpm:xml:operator-policy\" "   \
	"xmlns:up=\"urn:opencpm:xml:user-prefs\""

static FILE *doc_begin(const struct server *server, char path[2 * BENCH_PATH])
{
	FILE *f;

	snprintf(path, 2 * BENCH_PATH, "%s/doc.xml", server->dir);
	f = fopen(path, "w");
	if (!f)
		bench_die("cannot write %s", path);
	return f;
}

static void doc_put(const struct server *server, FILE *f, const char *path, const char *doc)
{
	char command[6 * BENCH_PATH];

	if (fclose(f) != 0)
		bench_die("cannot write %s", path);
	snprintf(command, sizeof(command),
		 "'%s/cpmctl' --socket '%s/admin.sock' doc put '%s' '%s' >>'%s/log'", build_dir,
		 server->dir, doc, path, server->dir);
	if (system(command) != 0)
		bench_die("cannot put %s", doc);
}

/* Rules that look at the sender, and do not meet them. */
static void put_rules(const struct server *server, const char *user)
{
	char path[2 * BENCH_PATH], doc[256];
	FILE *f = doc_begin(server, path);

	fprintf(f, "<ruleset " NAMESPACES ">");
	for (unsigned i = 0; i < USER_RULES; i++)
		fprintf(f,
			"<rule id=\"r%u\"><conditions><identity><one "
			"id=\"sip:spam%u@example.com\"/>"
			"<many domain=\"spam%u.example\"/></identity></conditions><actions>"
			"<oxe:allow-reject-invite>true</oxe:allow-reject-invite></actions></rule>",
			i, i, i);
	fprintf(f, "</ruleset>");
	snprintf(doc, sizeof(doc),
		 "org.openmobilealliance.access-rules/users/sip:%s@example.com/access-rules", user);
	doc_put(server, f, path, doc);
}

static void put_preferences(const struct server *server, const char *user)
{
	char path[2 * BENCH_PATH], doc[256];
	FILE *f = doc_begin(server, path);

	fprintf(f,
		"<cpm-user-prefs xmlns=\"urn:opencpm:xml:user-prefs\"><delivery deferred=\"push\">"
		"<device id=\"urn:uuid:1\" enabled=\"true\" priority=\"10\"/></delivery>"
		"<reports><displayed>true</displayed></reports><blocking answer=\"open\"/>"
		"</cpm-user-prefs>");
	snprintf(doc, sizeof(doc), "org.opencpm.user-prefs/users/sip:%s@example.com/index", user);
	doc_put(server, f, path, doc);
}

static void put_lists(const struct server *server, const char *user)
{
	char path[2 * BENCH_PATH], doc[256];
	FILE *f = doc_begin(server, path);

	fprintf(f, "<resource-lists xmlns=\"urn:ietf:params:xml:ns:resource-lists\">"
		   "<list name=\"oma_blockedcontacts\">");
	for (unsigned i = 0; i < BLOCKED; i++)
		fprintf(f, "<entry uri=\"sip:blocked%u@example.com\"/>", i);
	fprintf(f, "</list></resource-lists>");
	snprintf(doc, sizeof(doc), "resource-lists/users/sip:%s@example.com/index", user);
	doc_put(server, f, path, doc);
}

static void put_policy(const struct server *server)
{
	char path[2 * BENCH_PATH];
	FILE *f = doc_begin(server, path);

	fprintf(f, "<ruleset " NAMESPACES ">");
	for (unsigned i = 0; i < POLICY_RULES; i++)
		fprintf(f,
			"<rule id=\"p%u\"><conditions><op:peer-domain name=\"bad%u.example\"/>"
			"</conditions><actions><op:layer>cap</op:layer><up:deliver>reject"
			"</up:deliver></actions></rule>",
			i, i);
	fprintf(f, "</ruleset>");
	doc_put(server, f, path, "org.opencpm.operator-policy/global/index");
}

/* ---- sides ---- */

static void start_cpmd(struct side *side, const char *name, const char *more, int with_rules)
{
	struct server *server = &side->sip.server;
	char user[16];

	server_start_cpmd(server, name, build_dir, root_dir, run_dir, 2, more);
	server_add_user(server, build_dir, "alice", NULL);
	for (unsigned i = 0; i < SIP_LOAD_SLOTS; i++) {
		snprintf(user, sizeof(user), "bob%u", i);
		server_add_user(server, build_dir, user, sip_load_password);
		if (!with_rules)
			continue;
		put_rules(server, user);
		put_preferences(server, user);
		put_lists(server, user);
	}
	if (with_rules) {
		put_preferences(server, "alice");
		put_policy(server);
	}
	sip_side_open(&side->sip);
}

/* The table has to be there before it is asked; nothing in it is about those who send. */
static void fill_kamailio(const struct server *server)
{
	char path[2 * BENCH_PATH], command[6 * BENCH_PATH];
	FILE *f;

	snprintf(path, sizeof(path), "%s/blocked.sql", server->dir);
	f = fopen(path, "w");
	if (!f)
		bench_die("cannot write %s", path);
	fprintf(f, "create table blocklist(id integer primary key, username text, prefix text, "
		   "value text);\ncreate index bi on blocklist(username, prefix);\nbegin;\n");
	for (unsigned i = 0; i < KAMAILIO_BLOCKED; i++)
		fprintf(f,
			"insert into blocklist(username,prefix,value) "
			"values('bob%u','spam%u','1');\n",
			i % SIP_LOAD_SLOTS, i / SIP_LOAD_SLOTS);
	fprintf(f, "commit;\n");
	if (fclose(f) != 0)
		bench_die("cannot write %s", path);
	snprintf(command, sizeof(command), "sqlite3 '%s/db' <'%s'", server->dir, path);
	if (system(command) != 0)
		bench_die("cannot fill Kamailio's table");
}

static void run_once(struct side *side, const struct sip_load *load, unsigned i)
{
	struct sip_load_result result;

	sip_load_run(&side->sip, load, &result);
	side->cpu[i] = result.cpu_us;
}

static void compare(const char *figure, struct side *ours, struct side *theirs,
		    const struct sip_load *load)
{
	unsigned runs = quick ? RUNS_QUICK : RUNS;
	struct sip_load warm_up = *load;

	warm_up.n /= 4;
	run_once(ours, &warm_up, 0);
	run_once(theirs, &warm_up, 0);
	for (unsigned i = 0; i < runs; i++) {
		if (i % 2)
			run_once(theirs, load, i);
		run_once(ours, load, i);
		if (!(i % 2))
			run_once(theirs, load, i);
	}
	figures_report(figure, figures_median(ours->cpu, runs), theirs->sip.server.name,
		       figures_median(theirs->cpu, runs), "us CPU a message", runs);
}

/* ---- main ---- */

static struct side cpmd, relay, kamailio;

int main(int argc, char **argv)
{
	struct sip_load messages = { .sender = "sip:alice@example.com" };
	const char *dir = ".", *only = NULL;
	int with_relay, with_kamailio;

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
	messages.n = quick ? 20000 : 60000;
	with_relay = !only || strcmp(only, "message.online.cpu") == 0;
	with_kamailio = !only || strcmp(only, "message.online.cpu-over-kamailio") == 0;
	if ((!with_relay && !with_kamailio) || !build_dir || !root_dir)
		bench_die("wants --build, --root and a figure that there is");
	run_dir_make(dir, "message-bench", run_dir);
	start_cpmd(&cpmd, "cpmd", "", 1);
	if (with_relay) {
		start_cpmd(&relay, "relay of cpmd", "cpm:\n  enabled: no\n", 0);
		compare("message.online.cpu", &cpmd, &relay, &messages);
	}
	if (with_kamailio) {
		server_start_kamailio_sip(&kamailio.sip.server, root_dir, run_dir, "Kamailio",
					  "kamailio-message.cfg", 2, "delete");
		fill_kamailio(&kamailio.sip.server);
		sip_side_open(&kamailio.sip);
		compare("message.online.cpu-over-kamailio", &cpmd, &kamailio, &messages);
	}
	server_stop_all();
	run_dir_remove(run_dir);
	return 0;
}

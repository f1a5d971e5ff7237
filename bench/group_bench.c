/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/group_bench.c - what a message to a group costs beside our own relay
 *
 *     group_bench --build DIR --root DIR [--dir DIR] [--quick] [FIGURE]
 *
 * Prints one JSON object a line. CPU is the user and system time of cpmd, two workers, store on
 * disk; this program, which makes the load and is all the devices, does not count. The sides take
 * turns within one run and each gives the median. See sip_load.h for the load.
 *
 *     group.1000.cpu   a copy of a message to a group of 1,000 members who are all registered, with
 *                      everything that is done for it (rules of the group and of each member, the
 *                      disk) / a message that cpmd with cpm.enabled: no relays
 *     group.1000.rate  copies a second in the same runs / messages a second
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/figures.h"
#include "bench/sip_load.h"

enum { RUNS = 7, RUNS_QUICK = 3, MEMBERS = 1000, MESSAGES = 40, MESSAGES_QUICK = 15 };

#define GROUP "sip:everybody@example.com"

static const char *build_dir, *root_dir;
static char run_dir[BENCH_PATH];

struct side {
	struct sip_side sip;
	double cpu[RUNS], rate[RUNS];
};

static void start(struct side *side, const char *name, unsigned users, const char *more)
{
	char user[16];

	server_start_cpmd(&side->sip.server, name, build_dir, root_dir, run_dir, 2, more);
	for (unsigned i = 0; i < users; i++) {
		snprintf(user, sizeof(user), "bob%u", i);
		server_add_user(&side->sip.server, build_dir, user, sip_load_password);
	}
	sip_side_open(&side->sip);
}

/* The group's document, as an operator puts it for bob0. */
static void put_group(const struct server *server)
{
	char path[BENCH_PATH + 16], command[4 * BENCH_PATH];
	FILE *f;

	snprintf(path, sizeof(path), "%s/group.xml", server->dir);
	f = fopen(path, "w");
	if (!f)
		bench_die("cannot write %s: %s", path, strerror(errno));
	fputs("<group xmlns='urn:oma:xml:poc:list-service' "
	      "xmlns:cp='urn:ietf:params:xml:ns:common-policy'><list-service uri='" GROUP
	      "'><list>",
	      f);
	for (unsigned i = 0; i < MEMBERS; i++)
		fprintf(f, "<entry uri='sip:bob%u@example.com'/>", i);
	fputs("</list><cp:ruleset><cp:rule id='all'><cp:conditions/><cp:actions><join-handling>true"
	      "</join-handling></cp:actions></cp:rule></cp:ruleset></list-service></group>",
	      f);
	if (fclose(f) != 0)
		bench_die("cannot write %s: %s", path, strerror(errno));
	snprintf(command, sizeof(command),
		 "'%s/cpmctl' --socket '%s/admin.sock' doc put "
		 "org.openmobilealliance.groups/users/sip:bob0@example.com/everybody '%s' "
		 ">>'%s/log'",
		 build_dir, server->dir, path, server->dir);
	if (system(command) != 0)
		bench_die("cannot put the group");
}

static void run_once(struct side *side, const struct sip_load *load, unsigned i)
{
	struct sip_load_result result;

	sip_load_run(&side->sip, load, &result);
	side->cpu[i] = result.cpu_us;
	side->rate[i] = result.rate;
}

int main(int argc, char **argv)
{
	static struct side group, relay;
	struct sip_load copies = { .group = GROUP, .members = MEMBERS };
	struct sip_load messages = { 0 },
			registrations = { .is_register = 1, .n = MEMBERS, .users = MEMBERS };
	const char *dir = ".", *only = NULL;
	struct sip_load_result result;
	unsigned runs = RUNS;

	copies.n = MESSAGES;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--quick") == 0) {
			runs = RUNS_QUICK;
			copies.n = MESSAGES_QUICK;
		} else if (strcmp(argv[i], "--build") == 0 && i + 1 < argc) {
			build_dir = argv[++i];
		} else if (strcmp(argv[i], "--root") == 0 && i + 1 < argc) {
			root_dir = argv[++i];
		} else if (strcmp(argv[i], "--dir") == 0 && i + 1 < argc) {
			dir = argv[++i];
		} else {
			only = argv[i];
		}
	}
	if (!build_dir || !root_dir || (only && strncmp(only, "group.1000.", 11) != 0))
		bench_die("wants --build, --root and a figure that there is");
	messages.n = copies.n * MEMBERS;
	run_dir_make(dir, "group-bench", run_dir);
	start(&relay, "relay", SIP_LOAD_SLOTS, "cpm:\n  enabled: no\n");
	start(&group, "group", MEMBERS, "");
	sip_load_run(&group.sip, &registrations, &result);
	put_group(&group.sip.server);
	run_once(&group, &copies, 0); /* rules and locations are at hand then */
	run_once(&relay, &messages, 0);
	for (unsigned i = 0; i < runs; i++) {
		if (i % 2)
			run_once(&relay, &messages, i);
		run_once(&group, &copies, i);
		if (!(i % 2))
			run_once(&relay, &messages, i);
	}
	figures_report("group.1000.cpu", figures_median(group.cpu, runs),
		       "cpmd with cpm.enabled: no", figures_median(relay.cpu, runs),
		       "us CPU a copy", runs);
	figures_report("group.1000.rate", figures_median(group.rate, runs),
		       "cpmd with cpm.enabled: no", figures_median(relay.rate, runs),
		       "copies a second", runs);
	server_stop_all();
	run_dir_remove(run_dir);
	return 0;
}

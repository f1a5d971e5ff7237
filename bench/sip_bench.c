/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/sip_bench.c - what relaying and registering over UDP costs beside Kamailio
 *
 *     sip_bench --build DIR --root DIR [--dir DIR] [--quick] [FIGURE]
 *
 * Prints one JSON object a line. CPU is the user and system time of all processes of a server, for
 * one operation; this program, which makes the load, does not count. The sides take turns within
 * one run and each gives the median. cpmd is the real one with its defaults, two workers, store on
 * disk; Kamailio keeps all in memory, two workers. See sip_load.h for the load.
 *
 *     sip.relay.cpu      a MESSAGE relayed / Kamailio
 *     sip.relay.rate     messages a second in the same runs / Kamailio
 *     sip.relay.p99      time to the answer at half the rate that both sustain / Kamailio
 *     sip.relay.loaded.cpu  a MESSAGE relayed beside 1,000,000 devices and 100,000 messages that
 *                        nobody answers (--quick: a tenth) / beside nothing
 *     sip.mem.device     octets a registered device, with the features of a client / 1.5 kB
 *     sip.mem.tcp, .tls, .ws  octets an idle connection / 6, 20, 8 kB
 *     sip.relay.scale    a MESSAGE relayed by cpmd with two workers / with one
 *     sip.register.cpu   REGISTER with Digest (MD5), 401 and 200 / Kamailio
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/figures.h"
#include "bench/sip_load.h"
#include "bench/sip_memory.h"

enum {
	RUNS = 7,
	RUNS_QUICK = 3,
	DEVICES = 1000000,
	FIRST_DEVICES = 150000,
	SILENT = 100000,
	IDLE = 4000
};

static const char *build_dir, *root_dir;
static char run_dir[BENCH_PATH];
static int quick;

/* ---- figures ---- */

struct side {
	struct sip_side sip;
	double cpu[RUNS], rate[RUNS], p99[RUNS];
};

static void run_once(struct side *side, const struct sip_load *load, unsigned i)
{
	struct sip_load_result result;

	sip_load_run(&side->sip, load, &result);
	side->cpu[i] = result.cpu_us;
	side->rate[i] = result.rate;
	if (load->latency_s) {
		qsort(load->latency_s, load->n, sizeof(double), figures_by_value);
		side->p99[i] = 1e3 * load->latency_s[load->n * 99 / 100];
	}
}

/* Both sides in turns; how often. */
static unsigned take_turns(struct side *ours, struct side *theirs, const struct sip_load *load)
{
	unsigned runs = quick ? RUNS_QUICK : RUNS;
	struct sip_load warm_up = *load;

	warm_up.n /= 4;
	run_once(ours, &warm_up, 0);
	run_once(theirs, &warm_up, 0);
	for (unsigned i = 0; i < runs; i++) {
		/* Who goes first takes turns too. */
		if (i % 2)
			run_once(theirs, load, i);
		run_once(ours, load, i);
		if (!(i % 2))
			run_once(theirs, load, i);
	}
	return runs;
}

/* CPU of OURS and of THEIRS; RATE names a second figure from the same runs, or is NULL. */
static void compare(const char *figure, const char *rate, struct side *ours, struct side *theirs,
		    const struct sip_load *load)
{
	unsigned runs = take_turns(ours, theirs, load);
	const char *peer = theirs->sip.server.name;

	figures_report(figure, figures_median(ours->cpu, runs), peer,
		       figures_median(theirs->cpu, runs),
		       load->is_register ? "us CPU a registration" : "us CPU a message", runs);
	if (rate)
		figures_report(rate, figures_median(ours->rate, runs), peer,
			       figures_median(theirs->rate, runs), "messages a second", runs);
}

/* Latency at half of what the slower one sustains. */
static void compare_p99(struct side *ours, struct side *theirs, uint64_t n)
{
	struct sip_load load = { .n = n };
	unsigned runs = take_turns(ours, theirs, &load);
	double rate = figures_median(ours->rate, runs), other = figures_median(theirs->rate, runs);

	load.a_second = (rate < other ? rate : other) / 2;
	load.latency_s = calloc(n, sizeof(double));
	if (!load.latency_s)
		bench_die("no memory");
	runs = take_turns(ours, theirs, &load);
	free(load.latency_s);
	figures_report("sip.relay.p99", figures_median(ours->p99, runs), theirs->sip.server.name,
		       figures_median(theirs->p99, runs), "ms", runs);
}

/* ---- main ---- */

static struct side cpmd, cpmd_one, kamailio;

static void start_cpmd(struct side *side, const char *name, unsigned workers)
{
	char user[16];

	/* The relay alone: what rules cost stands in message_bench.c. */
	server_start_cpmd(&side->sip.server, name, build_dir, root_dir, run_dir, workers,
			  "cpm:\n  enabled: no\n");
	for (unsigned i = 0; i < SIP_LOAD_SLOTS; i++) {
		snprintf(user, sizeof(user), "bob%u", i);
		server_add_user(&side->sip.server, build_dir, user, sip_load_password);
	}
	sip_side_open(&side->sip);
}

static void measure_devices(void)
{
	static struct side side;
	unsigned n = quick ? DEVICES / 10 : DEVICES;
	double before;

	start_cpmd(&side, "cpmd with devices", 2);
	/* The first ones fill the store's cache, which has its own bound. */
	sip_devices_add(&side.sip.server, DEVICES, FIRST_DEVICES);
	before = server_memory_bytes(&side.sip.server);
	sip_devices_add(&side.sip.server, 0, n);
	figures_report("sip.mem.device",
		       (server_memory_bytes(&side.sip.server) - before) / (double)n, "limit", 1536,
		       "octets a device", 1);
	server_stop(&side.sip.server);
}

static void measure_idle(void)
{
	static const struct {
		const char *figure;
		enum sip_idle kind;
		double limit;
	} rows[] = { { "sip.mem.tcp", SIP_IDLE_TCP, 6144 },
		     { "sip.mem.tls", SIP_IDLE_TLS, 20480 },
		     { "sip.mem.ws", SIP_IDLE_WS, 8192 } };
	static struct side side[3];

	for (unsigned i = 0; i < 3; i++) {
		const struct server *server = &side[i].sip.server;
		struct sip_idle_conns *conns;
		double before;

		start_cpmd(&side[i], rows[i].figure, 2);
		before = server_memory_bytes(server);
		conns = sip_idle_open(server, rows[i].kind, IDLE);
		figures_report(rows[i].figure, (server_memory_bytes(server) - before) / IDLE,
			       "limit", rows[i].limit, "octets a connection", 1);
		sip_idle_close(&conns);
		server_stop(&side[i].sip.server);
	}
}

/* What waits for an answer does so for 32 s: as long as one run, and less. */
static void compare_loaded(const struct sip_load *load)
{
	static struct side loaded, empty;
	unsigned runs = quick ? RUNS_QUICK : RUNS, part = quick ? 10 : 1;
	char user[16];

	start_cpmd(&empty, "cpmd with nothing else", 2);
	start_cpmd(&loaded, "cpmd with much else", 2);
	sip_devices_add(&loaded.sip.server, 0, DEVICES / part);
	for (unsigned i = 0; i < runs; i++) {
		snprintf(user, sizeof(user), "silent%u", i);
		server_add_user(&loaded.sip.server, build_dir, user, NULL);
		run_once(&empty, load, i);
		sip_silent_messages(&loaded.sip.server, user, SILENT / part);
		run_once(&loaded, load, i);
	}
	figures_report("sip.relay.loaded.cpu", figures_median(loaded.cpu, runs),
		       empty.sip.server.name, figures_median(empty.cpu, runs), "us CPU a message",
		       runs);
	server_stop(&loaded.sip.server);
	server_stop(&empty.sip.server);
}

static int is_wanted(const char *figure, const char *only)
{
	return !only || strcmp(figure, only) == 0;
}

int main(int argc, char **argv)
{
	struct sip_load messages = { 0 }, registrations = { .is_register = 1 };
	const char *dir = ".", *only = NULL;
	int relay, p99, scale, registers, loaded, devices, idle;

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
	registrations.n = quick ? 5000 : 20000;
	relay = is_wanted("sip.relay.cpu", only) || is_wanted("sip.relay.rate", only);
	p99 = is_wanted("sip.relay.p99", only);
	scale = is_wanted("sip.relay.scale", only);
	registers = is_wanted("sip.register.cpu", only);
	loaded = is_wanted("sip.relay.loaded.cpu", only);
	devices = is_wanted("sip.mem.device", only);
	idle = !only || strncmp(only, "sip.mem.t", 9) == 0 || strcmp(only, "sip.mem.ws") == 0;
	if ((!relay && !p99 && !scale && !registers && !loaded && !devices && !idle) ||
	    !build_dir || !root_dir)
		bench_die("wants --build, --root and a figure that there is");
	run_dir_make(dir, "sip-bench", run_dir);
	if (devices)
		measure_devices();
	if (idle)
		measure_idle();
	if (loaded)
		compare_loaded(&messages);
	if (relay || p99 || registers || scale)
		start_cpmd(&cpmd, "cpmd", 2);
	if (relay || p99 || registers) {
		server_start_kamailio_sip(&kamailio.sip.server, root_dir, run_dir, "Kamailio",
					  "kamailio-sip.cfg", 2, NULL);
		sip_side_open(&kamailio.sip);
	}
	if (relay)
		compare("sip.relay.cpu", "sip.relay.rate", &cpmd, &kamailio, &messages);
	if (p99)
		compare_p99(&cpmd, &kamailio, messages.n);
	if (registers)
		compare("sip.register.cpu", NULL, &cpmd, &kamailio, &registrations);
	if (scale) {
		start_cpmd(&cpmd_one, "cpmd with one worker", 1);
		compare("sip.relay.scale", NULL, &cpmd, &cpmd_one, &messages);
	}
	server_stop_all();
	run_dir_remove(run_dir);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/kv_bench.c - the store's figures, beside Berkeley DB's own and the disk's in the same run
 *
 * Prints one JSON object a line. Batches are what the server commits: a record of 300 octets that
 * differ each time, a precondition, the owner's version, the journal. Submitters are requests on
 * two workers, each waiting for its commit before the next. Both sides of a comparison alternate;
 * what is reported is the median. Usage: kv_bench [--quick] [--dir DIR].
 */
#include <db.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/trace.h"
#include "base/worker.h"
#include "kv/kv.h"

enum { VALUE_BYTES = 300, OWNERS = 20000, SUBMITTERS_MAX = 4096, RUNS_MAX = 9 };

static const char *root = ".";
static int quick;

static void die(const char *what)
{
	fprintf(stderr, "kv_bench: %s\n", what);
	exit(1);
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static double cpu_s(void)
{
	struct rusage use;

	getrusage(RUSAGE_SELF, &use);
	return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
	       (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) * 1e-6;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, unsigned n)
{
	qsort(values, n, sizeof(*values), by_value);
	return n ? values[n / 2] : 0;
}

/* One line. A peer's value below 0: there is none, and no ratio. */
static void report(const char *figure, double ours, const char *peer, double theirs,
		   const char *unit, unsigned runs)
{
	printf("{\"figure\":\"%s\",\"ours\":%.6g,\"peer\":\"%s\",", figure, ours, peer);
	if (theirs >= 0)
		printf("\"theirs\":%.6g,\"unit\":\"%s\",\"ratio\":%.4g,\"runs\":%u}\n", theirs,
		       unit, theirs > 0 ? ours / theirs : 0, runs);
	else
		printf("\"theirs\":null,\"unit\":\"%s\",\"ratio\":null,\"runs\":%u}\n", unit, runs);
	fflush(stdout);
}

static void fill_value(char value[VALUE_BYTES])
{
	for (unsigned i = 0; i < VALUE_BYTES; i += 4) {
		uint32_t word = (uint32_t)trace_random();

		memcpy(value + i, &word, sizeof(word));
	}
}

static void remove_dir(const char *path)
{
	char command[512];

	snprintf(command, sizeof(command), "rm -rf '%s'", path);
	if (system(command) != 0)
		die("cannot remove a folder");
}

static const char *path_of(const char *name)
{
	static char path[4][512];
	static unsigned turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", root, name);
	return path[turn];
}

/* ---- our submitters ---- */

struct load {
	struct kv *kv;
	struct workers *workers;
	unsigned submitters;
	double until;
	unsigned owners; /* drawn at random, or one after the other when SEQUENTIAL */
	int sequential;
	uint64_t next_owner; /* of sequential */
	uint64_t upto;	     /* stop after so many; 0: by time */
	_Atomic uint64_t asked;
	_Atomic uint64_t done;
	_Atomic unsigned live;
	double *latency_s; /* by number of completion, up to cap */
	uint64_t cap;
};

/* A request of the server's: it lives on one worker and commits again and again. */
struct submitter {
	struct post post;
	struct load *load;
	double began;
};

static void submit(struct submitter *submitter);

static void on_done(void *arg, const struct kv_commit_result *result)
{
	struct submitter *submitter = arg;
	struct load *load = submitter->load;
	uint64_t n = load->done++;
	double now = now_s();

	if (result->status != KV_DONE)
		die(kv_status_name(result->status));
	if (n < load->cap)
		load->latency_s[n] = now - submitter->began;
	if ((load->upto && load->asked >= load->upto) || (!load->upto && now >= load->until)) {
		load->live--;
		return;
	}
	submit(submitter);
}

static void submit(struct submitter *submitter)
{
	struct load *load = submitter->load;
	char owner[32], value[VALUE_BYTES], name[32];
	uint64_t n = load->asked++;
	struct kv_batch *batch;

	snprintf(owner, sizeof(owner), "sip:user%07llu@example.com",
		 (unsigned long long)(load->sequential ? n : trace_random() % load->owners));
	snprintf(name, sizeof(name), "m/%016llx", (unsigned long long)trace_random());
	fill_value(value);
	batch = kv_batch_new(strv_of(owner));
	kv_batch_require_absent(batch, strv_of(name));
	kv_batch_put(batch, strv_of(name), strv_mem(value, sizeof(value)));
	submitter->began = now_s();
	kv_commit(load->kv, batch, on_done, submitter);
}

static void on_start(struct post *post)
{
	submit((struct submitter *)post);
}

static void pause_ms(unsigned ms)
{
	struct timespec pause = { ms / 1000, (long)(ms % 1000) * 1000000 };

	nanosleep(&pause, NULL);
}

static void run_load(struct load *load)
{
	static struct submitter submitters[SUBMITTERS_MAX];

	load->asked = load->done = 0;
	load->live = load->submitters;
	for (unsigned i = 0; i < load->submitters; i++) {
		submitters[i] = (struct submitter){ .post = { NULL, on_start }, .load = load };
		worker_post(workers_at(load->workers, i % workers_count(load->workers)),
			    &submitters[i].post);
	}
	while (load->live)
		pause_ms(2);
}

static struct kv *open_store(const char *dir, uint64_t checkpoint_bytes)
{
	struct err err = { ERR_NONE, "" };
	struct kv_options options;
	struct kv *kv;

	kv_options_init(&options, dir);
	options.checkpoint_bytes = checkpoint_bytes;
	if (kv_open(&options, NULL, &kv, &err) < 0)
		die(err.text);
	return kv;
}

/* Rate, quantile of latency and CPU of one run. */
struct outcome {
	double rate, p50_ms, p99_ms, p999_ms, cpu_us;
};

static struct outcome measure(struct load *load, double seconds)
{
	struct outcome outcome;
	double began = now_s(), cpu = cpu_s(), took;
	uint64_t n;

	load->until = began + seconds;
	run_load(load);
	took = now_s() - began;
	n = load->done < load->cap ? load->done : load->cap;
	qsort(load->latency_s, n, sizeof(*load->latency_s), by_value);
	outcome.rate = (double)load->done / took;
	outcome.cpu_us = (cpu_s() - cpu) / (double)load->done * 1e6;
	outcome.p50_ms = load->latency_s[n / 2] * 1e3;
	outcome.p99_ms = load->latency_s[n * 99 / 100] * 1e3;
	outcome.p999_ms = load->latency_s[n * 999 / 1000] * 1e3;
	return outcome;
}

/* ---- the peer: Berkeley DB with a synced transaction a thread ---- */

struct peer {
	DB_ENV *env;
	DB *db;
	double until;
	_Atomic uint64_t done;
};

static void *peer_main(void *arg)
{
	struct peer *peer = arg;
	char key[64], value[VALUE_BYTES];
	DBT key_dbt, value_dbt;
	DB_TXN *txn;
	int ret;

	memset(&key_dbt, 0, sizeof(key_dbt));
	memset(&value_dbt, 0, sizeof(value_dbt));
	value_dbt.data = value;
	value_dbt.size = sizeof(value);
	while (now_s() < peer->until) {
		fill_value(value);
		snprintf(key, sizeof(key), "sip:user%07llu@example.com m/%016llx",
			 (unsigned long long)(trace_random() % OWNERS),
			 (unsigned long long)trace_random());
		key_dbt.data = key;
		key_dbt.size = (u_int32_t)strlen(key);
		do {
			if (peer->env->txn_begin(peer->env, NULL, &txn, 0) != 0)
				die("peer: begin");
			ret = peer->db->put(peer->db, txn, &key_dbt, &value_dbt, 0);
			if (ret != 0)
				txn->abort(txn);
			else
				ret = txn->commit(txn, DB_TXN_SYNC);
		} while (ret == DB_LOCK_DEADLOCK);
		if (ret != 0)
			die("peer: commit");
		peer->done++;
	}
	return NULL;
}

/* The cheapest that the peer can do for the same promise: one record, no precondition, no journal.
 */
static double peer_rate(double seconds, double *cpu_us_out)
{
	const char *dir = path_of("peer");
	struct peer peer = { .until = 0 };
	pthread_t threads[64];
	double began, cpu;

	remove_dir(dir);
	mkdir(dir, 0700);
	if (db_env_create(&peer.env, 0) != 0 || peer.env->set_cachesize(peer.env, 0, 64 << 20, 1) ||
	    peer.env->set_lk_detect(peer.env, DB_LOCK_MINWRITE) ||
	    peer.env->set_lg_bsize(peer.env, 2 << 20) ||
	    peer.env->open(peer.env, dir,
			   DB_CREATE | DB_PRIVATE | DB_THREAD | DB_INIT_LOG | DB_INIT_LOCK |
				   DB_INIT_MPOOL | DB_INIT_TXN,
			   0600) ||
	    db_create(&peer.db, peer.env, 0) || peer.db->set_flags(peer.db, DB_CHKSUM) ||
	    peer.db->open(peer.db, NULL, "records.db", NULL, DB_BTREE,
			  DB_CREATE | DB_AUTO_COMMIT | DB_THREAD, 0600))
		die("peer: open");
	cpu = cpu_s();
	began = now_s();
	peer.until = began + seconds;
	for (int i = 0; i < 64; i++)
		pthread_create(&threads[i], NULL, peer_main, &peer);
	for (int i = 0; i < 64; i++)
		pthread_join(threads[i], NULL);
	began = now_s() - began;
	*cpu_us_out = (cpu_s() - cpu) / (double)peer.done * 1e6;
	peer.db->close(peer.db, 0);
	peer.env->close(peer.env, 0);
	remove_dir(dir);
	return (double)peer.done / began;
}

/* One append of 4 kB and its sync, in seconds: the median of some hundred. */
static double disk_sync_s(void)
{
	double took[300];
	char block[4096];
	int fd = open(path_of("disk"), O_RDWR | O_CREAT | O_TRUNC, 0600);

	memset(block, 'd', sizeof(block));
	for (unsigned i = 0; i < 300; i++) {
		double began = now_s();

		if (write(fd, block, sizeof(block)) != sizeof(block) || fdatasync(fd) < 0)
			die("disk");
		took[i] = now_s() - began;
	}
	close(fd);
	unlink(path_of("disk"));
	return median(took, 300);
}

/* ---- figures ---- */

static void commits(struct load *load)
{
	unsigned runs = quick ? 3 : 5;
	double seconds = quick ? 2 : 5;
	double rate[RUNS_MAX], theirs[RUNS_MAX], p99[RUNS_MAX], cpu[RUNS_MAX];
	double group[RUNS_MAX], their_cpu[RUNS_MAX], one[RUNS_MAX], one_cpu[RUNS_MAX],
		disk[RUNS_MAX];

	load->kv = open_store(path_of("commit"), 32 << 20);
	load->owners = OWNERS;
	for (unsigned i = 0; i < runs; i++) {
		struct kv_stats before, after;
		struct outcome outcome;

		load->submitters = 64;
		kv_stats(load->kv, &before);
		outcome = measure(load, seconds);
		kv_stats(load->kv, &after);
		group[i] = (double)(after.commits - before.commits) /
			   (double)(after.groups - before.groups);
		rate[i] = outcome.rate;
		p99[i] = outcome.p99_ms;
		cpu[i] = outcome.cpu_us;
		theirs[i] = peer_rate(seconds, &their_cpu[i]);
		load->submitters = 1;
		outcome = measure(load, seconds / 2);
		one[i] = outcome.p50_ms;
		one_cpu[i] = outcome.cpu_us;
		disk[i] = disk_sync_s() * 1e3;
	}
	report("kv.commit.64.rate", median(rate, runs), "berkeley db, 64 synced threads",
	       median(theirs, runs), "1/s", runs);
	report("kv.commit.64.group", median(group, runs), "", -1, "batches a sync", runs);
	report("kv.commit.64.p99-ms", median(p99, runs), "", -1, "ms", runs);
	report("kv.commit.64.cpu-us", median(cpu, runs), "berkeley db, 64 synced threads",
	       median(their_cpu, runs), "us", runs);
	report("kv.commit.1.p50-ms", median(one, runs), "one append and fdatasync",
	       median(disk, runs), "ms", runs);
	report("kv.commit.1.cpu-us", median(one_cpu, runs), "", -1, "us", runs);
	kv_close(&load->kv);
	remove_dir(path_of("commit"));
}

/* A checkpoint every 8 MB of log: several a second. */
static void checkpoints(struct load *load)
{
	unsigned runs = 3;
	double p999[3];
	struct kv_stats stats;

	load->kv = open_store(path_of("checkpoint"), 8 << 20);
	load->owners = OWNERS;
	load->submitters = 64;
	for (unsigned i = 0; i < runs; i++)
		p999[i] = measure(load, quick ? 2 : 6).p999_ms;
	kv_stats(load->kv, &stats);
	if (!stats.checkpoints)
		die("no checkpoint ran");
	report("kv.commit.checkpoint.p999-ms", median(p999, runs), "", -1, "ms", runs);
	kv_close(&load->kv);
	remove_dir(path_of("checkpoint"));
}

/* ---- starting with many users ---- */

static double resident_mb(void)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[256];
	double kb = 0;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "VmRSS: %lf", &kb) == 1)
			break;
	if (file)
		fclose(file);
	return kb / 1024;
}

/* In a process of its own: open, read through the users, say how long and how large. */
static void start_once(const char *dir, double *seconds_out, double *mb_out, double *cpu_out)
{
	int pipes[2], status;
	double told[3] = { 0, 0, 0 };
	pid_t child;

	if (pipe(pipes) < 0 || (child = fork()) < 0)
		die("fork");
	if (child == 0) {
		double began = now_s();
		struct kv *kv = open_store(dir, 32 << 20);
		struct arena *arena = arena_new(0);
		struct strv *owners;
		struct err err;
		unsigned n;

		told[0] = now_s() - began;
		told[2] = cpu_s();
		if (kv_owners_sync(kv, strv_of(""), 50000, arena, &owners, &n, &err) < 0 || !n)
			die("no owners");
		arena_free(&arena);
		told[1] = resident_mb();
		kv_close(&kv);
		_exit(write(pipes[1], told, sizeof(told)) != sizeof(told));
	}
	close(pipes[1]);
	if (read(pipes[0], told, sizeof(told)) != sizeof(told))
		die("the child said nothing");
	close(pipes[0]);
	waitpid(child, &status, 0);
	*seconds_out = told[0];
	*mb_out = told[1];
	*cpu_out = told[2];
}

/* A process that fills the store, or dirties it, and is killed in the middle when KILL is set. */
static void work_in_child(const char *dir, unsigned owners, uint64_t batches, int sequential,
			  int to_kill)
{
	pid_t child = fork();
	int status;

	if (child < 0)
		die("fork");
	if (child == 0) {
		struct load load = { .submitters = 2048,
				     .owners = owners,
				     .upto = batches,
				     .sequential = sequential };
		struct err err;

		if (workers_new(2, &load.workers, &err) < 0 ||
		    workers_start(load.workers, &err) < 0)
			die(err.text);
		/* Recovery has most to do just before a checkpoint. */
		load.kv = open_store(dir, to_kill ? 1 << 30 : 32 << 20);
		run_load(&load);
		if (to_kill)
			kill(getpid(), SIGKILL);
		kv_close(&load.kv);
		_exit(0);
	}
	waitpid(child, &status, 0);
	if (to_kill ? !WIFSIGNALED(status) : status != 0)
		die("the child ended otherwise than it should");
}

static void starts(void)
{
	unsigned users = quick ? 50000 : 1000000, runs = 3;
	const char *name = quick ? "50k" : "1m";
	double clean[3], clean_cpu[3], killed[3], killed_cpu[3], mb[3], mb_killed;
	char figure[64];
	const char *dir = path_of("start");

	work_in_child(dir, users, users, 1, 0);
	for (unsigned i = 0; i < runs; i++)
		start_once(dir, &clean[i], &mb[i], &clean_cpu[i]);
	for (unsigned i = 0; i < runs; i++) {
		/* About 2.2 kB of log a batch: what a checkpoint at 32 MB leaves at most. */
		work_in_child(dir, users, 14000, 0, 1);
		start_once(dir, &killed[i], &mb_killed, &killed_cpu[i]);
	}
	snprintf(figure, sizeof(figure), "start.%s.clean.s", name);
	report(figure, median(clean, runs), "", -1, "s", runs);
	snprintf(figure, sizeof(figure), "start.%s.killed.s", name);
	report(figure, median(killed, runs), "", -1, "s", runs);
	snprintf(figure, sizeof(figure), "start.%s.clean.cpu-s", name);
	report(figure, median(clean_cpu, runs), "", -1, "s", runs);
	snprintf(figure, sizeof(figure), "start.%s.killed.cpu-s", name);
	report(figure, median(killed_cpu, runs), "", -1, "s", runs);
	snprintf(figure, sizeof(figure), "start.%s.mb", name);
	report(figure, median(mb, runs), "", -1, "MB", runs);
	remove_dir(dir);
}

int main(int argc, char **argv)
{
	static char place[256];
	struct load load = { .cap = 2000000 };
	struct err err;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--quick") == 0)
			quick = 1;
		else if (strcmp(argv[i], "--dir") == 0 && i + 1 < argc)
			root = argv[++i];
		else
			die("usage: kv_bench [--quick] [--dir DIR]");
	}
	log_set_levels(LOG_ERROR);
	snprintf(place, sizeof(place), "%s/kvbench-XXXXXX", root);
	if (!mkdtemp(place))
		die("no folder to work in");
	root = place;
	/* Before any thread: it forks. */
	starts();
	load.latency_s = calloc(load.cap, sizeof(*load.latency_s));
	if (!load.latency_s || workers_new(2, &load.workers, &err) < 0 ||
	    workers_start(load.workers, &err) < 0)
		die("no workers");
	commits(&load);
	checkpoints(&load);
	workers_stop(load.workers);
	workers_free(&load.workers);
	free(load.latency_s);
	rmdir(place);
	return 0;
}

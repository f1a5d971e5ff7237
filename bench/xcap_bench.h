/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/xcap_bench.h - what the files of xcap_bench and sip_bench share: servers to measure, load
 * to put on them
 *
 * Whatever goes wrong ends the program with a sentence (bench_die): a figure of a server that does
 * not do its work is worth nothing.
 */
#ifndef BENCH_XCAP_BENCH_H
#define BENCH_XCAP_BENCH_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { BENCH_PATH = 512, SERVER_PROCESSES_MAX = 32, LOAD_REQUEST_BYTES = 2048 };

_Noreturn __attribute__((format(printf, 1, 2))) void bench_die(const char *fmt, ...);

/* ---- servers (xcap_servers.c) ---- */

struct server {
	const char *name;
	uint16_t port;	   /* TCP; 0: it serves UDP alone */
	uint16_t sip_port; /* UDP */
	pid_t main;
	pid_t process[SERVER_PROCESSES_MAX]; /* all of them, MAIN too */
	unsigned n_processes;
	char dir[BENCH_PATH]; /* a folder of its own, below the run's */
};

/* Each starts its server on a free port of loopback and returns when it accepts connections; all
 * end with this process at the latest. RUN_DIR is the run's folder, ROOT the source tree. */

/* cpmd of BUILD_DIR with a configuration as an operator has it, limits per source switched off.
 * WORKERS as in server.workers. */
void server_start_cpmd(struct server *server, const char *name, const char *build_dir,
		       const char *root, const char *run_dir, unsigned workers);
/* A user NAME of that cpmd; PASSWORD may be NULL. */
void server_add_user(const struct server *cpmd, const char *build_dir, const char *name,
		     const char *password);
/* Kamailio with READERS processes that serve TCP, and a fresh database in SQLite whose journal is
 * JOURNAL: "delete", as it comes, or "wal", which wants fewer syncs and locks. Both are synced. */
void server_start_kamailio(struct server *server, const char *root, const char *run_dir,
			   const char *name, unsigned readers, const char *journal);
/* Kamailio as SIP registrar and relay with WORKERS processes; its users' password is
 * "correct-horse-battery". */
void server_start_kamailio_sip(struct server *server, const char *root, const char *run_dir,
			       unsigned workers);
/* libmicrohttpd with its own thread, which answers everything with BYTES octets. */
void server_start_bare(struct server *server, size_t bytes);

/* User and system time of all its processes so far, in microseconds. */
double server_cpu_us(const struct server *server);
void server_stop(struct server *server);
void server_stop_all(void);

/* ---- load (xcap_load.c) ---- */

/* Keep-alive connections, each with one request under way. */
struct load {
	unsigned conns;
	/* Print request N of the run, of connection CONN, into OUT; its length. */
	size_t (*print)(void *arg, unsigned conn, uint64_t n, char out[LOAD_REQUEST_BYTES]);
	void *arg;
	size_t answer_bytes; /* of each answer's body; 0: any */
};

struct load_result {
	double seconds;
	uint64_t done;	  /* answered with 200 or 201 */
	uint64_t refused; /* answered otherwise */
};

/* N requests; connections are open before the time begins. */
void load_run(const struct load *load, uint16_t port, uint64_t n, struct load_result *result_out);

/* One request on a connection of its own, TEXT with its BODY. Returns the status; the answer's
 * header and body are in ANSWER, terminated, as far as there is room. */
unsigned load_once(uint16_t port, const char *text, size_t n, char *answer, size_t room);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/servers.h - the servers that benches measure, and the folder that they run in
 *
 * Whatever goes wrong ends the program with a sentence (bench_die): a figure of a server that does
 * not do its work is worth nothing.
 */
#ifndef BENCH_SERVERS_H
#define BENCH_SERVERS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { BENCH_PATH = 512, SERVER_PROCESSES_MAX = 32 };

_Noreturn __attribute__((format(printf, 1, 2))) void bench_die(const char *fmt, ...);

struct server {
	const char *name;
	uint16_t port;		    /* TCP; 0: it serves UDP alone */
	uint16_t sip_port;	    /* UDP, of cpmd TCP too */
	uint16_t tls_port, ws_port; /* of cpmd: SIP over TLS and WebSocket */
	pid_t main;
	pid_t process[SERVER_PROCESSES_MAX]; /* all of them, MAIN too */
	unsigned n_processes;
	char dir[BENCH_PATH]; /* a folder of its own, below the run's */
};

/* Each starts its server on a free port of loopback and returns when it accepts connections; all
 * end with this process at the latest. RUN_DIR is the run's folder, ROOT the source tree. */

/* cpmd of BUILD_DIR with a configuration as an operator has it, limits per source switched off,
 * 127.0.0.2 a trusted neighbour and 127.0.0.3 an S-CSCF. WORKERS as in server.workers; MORE are
 * further top-level settings in YAML, or "". */
void server_start_cpmd(struct server *server, const char *name, const char *build_dir,
		       const char *root, const char *run_dir, unsigned workers, const char *more);
/* A user NAME of that cpmd; PASSWORD may be NULL. */
void server_add_user(const struct server *cpmd, const char *build_dir, const char *name,
		     const char *password);
/* Kamailio with READERS processes that serve TCP, and a fresh database in SQLite whose journal is
 * JOURNAL: "delete", as it comes, or "wal", which wants fewer syncs and locks. Both are synced. */
void server_start_kamailio(struct server *server, const char *root, const char *run_dir,
			   const char *name, unsigned readers, const char *journal);
/* Kamailio over UDP by the configuration bench/peers/CONFIG with WORKERS processes; its users'
 * password is "correct-horse-battery". The configuration is given LISTEN, WORKERS and, when JOURNAL
 * is not NULL, DATABASE, a fresh one as above, and CONNECTION, the same for sqlops as "ca". */
void server_start_kamailio_sip(struct server *server, const char *root, const char *run_dir,
			       const char *name, const char *config, unsigned workers,
			       const char *journal);
/* libmicrohttpd with its own thread, which answers everything with BYTES octets. */
void server_start_bare(struct server *server, size_t bytes);

/* A folder for a run in DIR, gone again with run_dir_remove. */
void run_dir_make(const char *dir, const char *name, char run_dir_out[BENCH_PATH]);
void run_dir_remove(const char *run_dir);

/* User and system time of all its processes so far, in microseconds. */
double server_cpu_us(const struct server *server);
/* Memory that its main process alone has and has written to. */
double server_memory_bytes(const struct server *server);
void server_stop(struct server *server);
void server_stop_all(void);

#endif

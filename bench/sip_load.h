/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/sip_load.h - MESSAGE and REGISTER over UDP, many at a time, and the devices that answer
 *
 * A MESSAGE of some 1.1 KB message/cpim comes from a trusted neighbour (127.0.0.2) for one of
 * SIP_LOAD_SLOTS registered devices, which answers 200. As many are under way at a time, through 16
 * sockets; what is not answered is sent again.
 */
#ifndef BENCH_SIP_LOAD_H
#define BENCH_SIP_LOAD_H

#include <stdint.h>

#include "bench/servers.h"

enum {
	SIP_LOAD_SLOTS = 48,   /* under way at a time, each for a user of its own */
	SIP_LOAD_SOCKETS = 16, /* the kernel spreads what comes from them over workers */
};

/* Of the users "bob0" and so on. */
extern const char sip_load_password[];

struct sip_load_sockets {
	int fd[SIP_LOAD_SOCKETS];
	uint16_t port[SIP_LOAD_SOCKETS];
};

/* One server, with sockets for its devices. */
struct sip_side {
	struct server server;
	struct sip_load_sockets senders, users, devices;
};

struct sip_load {
	int is_register;
	uint64_t n;	    /* operations */
	double a_second;    /* begun evenly, whatever the server does; 0: as fast as answers come */
	const char *sender; /* URI, asserted; NULL: somebody of another domain */
	double *latency_s;  /* of each in the order of answers, N of them; NULL: not wanted */
	/* Registrations: of so many users in turns, as CPM clients; 0: each slot its own. */
	unsigned users;
	/* Messages go to this URI, each with an imdn.Message-ID of its own, until the devices have
	 * taken MEMBERS copies of each; then an operation is a copy. NULL: to the slots' users. */
	const char *group;
	unsigned members;
};

struct sip_load_result {
	double cpu_us; /* of all processes of the server, an operation */
	double rate;   /* operations a second */
};

/* Open its sockets and register its devices: the server runs, and has the users. */
void sip_side_open(struct sip_side *side);
void sip_load_run(struct sip_side *side, const struct sip_load *load,
		  struct sip_load_result *result_out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/sip_memory.h - what lies in a server without moving: registered devices, idle connections,
 * transactions that nobody answers
 */
#ifndef BENCH_SIP_MEMORY_H
#define BENCH_SIP_MEMORY_H

#include "bench/servers.h"

enum sip_idle { SIP_IDLE_TCP, SIP_IDLE_TLS, SIP_IDLE_WS };

/* N devices of as many users, named from FIRST on, registered as an S-CSCF tells it (third-party
 * REGISTER with the device's own inside): each with an instance and the feature tags of a client.
 */
void sip_devices_add(const struct server *server, unsigned first, unsigned n);

/* N connections, each after one OPTIONS and its answer, which stay open until this process ends or
 * they are closed by sip_idle_close. */
struct sip_idle_conns;
struct sip_idle_conns *sip_idle_open(const struct server *server, enum sip_idle kind, unsigned n);
void sip_idle_close(struct sip_idle_conns **conns);

/* A device of USER, who has a record, behind a connection that reads and never answers, and N
 * messages to it from a neighbour: they wait for 32 s. */
void sip_silent_messages(const struct server *server, const char *user, unsigned n);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/wire.h - the rooms put together: who is opened when, and who calls whom
 */
#ifndef DAEMON_WIRE_H
#define DAEMON_WIRE_H

#include "admin/admin.h"
#include "base/err.h"
#include "daemon/privs.h"
#include "daemon/settings.h"

struct house;

/* Open everything in two steps, since only root may do the first: sockets and keys, then
 * (privileges given up) store and threads. OPS is how the admin room reaches the daemon; borrowed
 * until house_close. */
int house_open(const struct settings *settings, const struct privs *privs,
	       const struct admin_ops *ops, struct house **house_out, struct err *err);
int house_start(struct house *house, const struct settings *settings, struct err *err);

/* Take over the settings that may change while running, and the certificates as they are on disk
 * now. -1 when a certificate cannot be read: nothing has changed. */
int house_reload(struct house *house, const struct settings *settings, struct err *err);

/* Milliseconds since the worker that has not finished a turn for the longest last did. */
uint64_t house_stalled_ms(const struct house *house);

/* Accept nothing new, answer what was asked; DRAINED is called from a worker, at the latest after
 * TIMEOUT_MS. */
void house_drain(struct house *house, unsigned timeout_ms, void (*drained)(void *arg), void *arg);

/* Close everything, in whatever state it is. Takes the address, accepts NULL. */
void house_close(struct house **house);

#endif

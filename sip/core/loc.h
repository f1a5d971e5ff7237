/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/core/loc.h - who is registered where: the location service (RFC 3261 s10)
 *
 * One table for the process, read by every worker. A user's bindings are one immutable value behind
 * a counted reference; a change publishes another, and only when nobody has changed it since it was
 * looked at. Values are written behind into the store in batches, one record a user ("sip/loc" of
 * the owner that is the address of record), and are there again after a restart: until the table
 * has been read back as a whole, a find reads what it misses. A binding ends by its own time of
 * day, which a restart does not move.
 */
#ifndef SIP_CORE_LOC_H
#define SIP_CORE_LOC_H

#include <stdint.h>

#include "base/err.h"
#include "base/jobs.h"
#include "base/strv.h"
#include "base/worker.h"
#include "kv/kv.h"
#include "sip/sip_addr.h"

enum {
	LOC_BINDINGS_MAX = 64,	/* of one user; the registrar's own limit is lower */
	LOC_IDENTITIES_MAX = 8, /* of one implicit registration set */
	LOC_TEXT_MAX = 8192,	/* of any one text of a binding */
	LOC_SHARDS = 256,
	LOC_WATCHERS_MAX = 4,
};

/* One contact of one device (RFC 3261 s10.3, RFC 5626 s4.2). Texts are views into the value. */
struct loc_binding {
	struct strv uri;    /* Contact URI as registered, without <> */
	struct strv params; /* its header parameters but expires and q: feature tags, +sip.instance,
			     * reg-id, ...; begins with ";" or is empty */
	struct strv instance; /* URN of +sip.instance without <>; empty: none */
	struct strv call_id;
	struct strv path; /* Path values joined by ", "; empty: none */
	struct strv user_agent;
	struct strv gruu;     /* the value of gr= of its public GRUU; empty: none */
	int64_t expires_us;   /* Unix time */
	int64_t since_us;     /* registered first */
	int64_t refreshed_us; /* by the last REGISTER */
	/* Counters that its temporary GRUUs are made of: first <= n < next are valid (RFC 5627
	 * s5.4.2). */
	uint64_t temp_first, temp_next;
	uint32_t cseq;
	uint32_t reg_id; /* RFC 5626; 0: none, or outbound is not used */
	uint16_t q;	 /* thousandths; 1000 when there is none */
	/* Where the REGISTER came from. */
	uint8_t proto;	   /* enum sip_proto */
	uint8_t flow_lost; /* its connection was of before a restart */
	uint8_t nat;	   /* SOURCE is not what the contact says: reach it by SOURCE */
	struct sip_addr source;
	uint64_t flow; /* 0 over UDP */
};

/* Everything about one address of record. Immutable. */
struct loc_user {
	uint64_t version; /* counts the changes of this user; reginfo's version begins with it */
	struct strv aor;  /* canonical identity */
	const struct strv *identities; /* the implicit registration set, canonical; aor first */
	const struct loc_binding *bindings;
	unsigned n_identities, n_bindings;
};

struct loc;

struct loc_options {
	struct workers *workers;
	unsigned write_ms;	 /* what waits longer is written */
	int64_t expires_max_s;	 /* what is read back with a longer time to live is cut to it */
	int64_t (*now_us)(void); /* Unix time; NULL: loc_clock_us */
};

/* Told of each change on the thread that made it, under a lock of the table's: it must not call
 * loc_ functions but hold and drop. OLD or NEW may be NULL: none. */
typedef void loc_changed_fn(void *arg, const struct loc_user *old_user,
			    const struct loc_user *new_user);

/* 0 or -1. */
int loc_new(const struct loc_options *options, struct loc **loc_out, struct err *err);
/* Read the table back in the background, write changes behind: before workers_start. KV and JOBS
 * are borrowed until loc_free; KV is subscribed to (a range delete, that is an erased user, ends
 * the user's bindings). KV NULL: nothing is kept. */
int loc_start(struct loc *loc, struct kv *kv, struct jobs *jobs, struct err *err);
/* CHANGED is told of changes from now on, in the order of these calls: before loc_start, at most
 * LOC_WATCHERS_MAX. */
void loc_watch(struct loc *loc, loc_changed_fn *changed, void *arg);
/* Write what is not written yet and wait for it; from now on nothing is read back. Not on a worker;
 * before kv_close, while workers run. What cannot be written is logged. */
void loc_flush_sync(struct loc *loc);
/* After kv_close, when no worker runs. Takes the address, accepts NULL. */
void loc_free(struct loc **loc);

/* Unix time in microseconds that goes on evenly when the system's clock is set: what it was at the
 * first call and the monotonic time since then. */
int64_t loc_clock_us(void);
int64_t loc_now_us(const struct loc *loc);

/* ---- values ---- */

/* A value with copies of everything in DRAFT; one reference, the caller's. Order and number are
 * kept. NULL: no memory, or a text beyond LOC_TEXT_MAX. */
struct loc_user *loc_user_new(const struct loc_user *draft);
const struct loc_user *loc_user_hold(const struct loc_user *user); /* any thread; returns USER */
/* Takes the address, accepts NULL. */
void loc_user_drop(const struct loc_user **user);
size_t loc_user_bytes(const struct loc_user *user); /* memory that it takes */

/* 1 when BINDING has not ended at NOW_US. */
static inline int loc_binding_lives(const struct loc_binding *binding, int64_t now_us)
{
	return binding->expires_us > now_us;
}

/* ---- look-up and change ---- */

enum loc_found {
	LOC_FOUND,  /* USER is held for the callee; bindings that have ended may still be in it */
	LOC_ABSENT, /* no bindings; USER is NULL */
	LOC_BUSY,   /* cannot tell now; USER is NULL */
};
typedef void loc_found_fn(void *arg, enum loc_found found, const struct loc_user *user);

/* DONE is called once, on the calling worker, maybe before this returns. AOR is canonical and need
 * not outlive the call. */
void loc_find(struct loc *loc, struct strv aor, loc_found_fn *done, void *arg);
/* The same at once: LOC_BUSY when the store would have to be asked. USER_OUT is held for the
 * caller. */
enum loc_found loc_peek(struct loc *loc, struct strv aor, const struct loc_user **user_out);

enum loc_put { LOC_PUT_DONE, LOC_PUT_CONFLICT, LOC_PUT_NOMEM };

/* NEW (taken over in every case; NULL: no bindings) is what AOR has instead of OLD, which a find
 * gave (NULL: LOC_ABSENT). CONFLICT: somebody was faster; find and decide again. Seen by every find
 * that begins afterwards. */
enum loc_put loc_put(struct loc *loc, struct strv aor, const struct loc_user *old_user,
		     const struct loc_user *new_user);

/* ---- sight ---- */

/* The users of one SHARD (0 .. LOC_SHARDS - 1), each held, in an array for the caller to free; 0,
 * or -1: no memory. */
int loc_shard_users(struct loc *loc, unsigned shard, const struct loc_user ***users_out,
		    unsigned *n_out);

struct loc_stats {
	uint64_t users, bindings;
	uint64_t bytes;	    /* of values and the table */
	uint64_t unwritten; /* users whose change is not in the store yet */
	int loaded;	    /* the table has been read back */
};
void loc_stats(struct loc *loc, struct loc_stats *stats_out);

#endif

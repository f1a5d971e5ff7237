/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sip/rig.h - one worker's SIP layers without sockets or a clock
 *
 * What is sent is kept in a list in order; time moves when a test says so. Messages are fed as text
 * and go through the fence and the parser like real ones.
 */
#ifndef TESTS_SIP_RIG_H
#define TESTS_SIP_RIG_H

#include <stddef.h>
#include <stdint.h>

#include "base/wheel.h"
#include "sip/sip_txn.h"

struct rig_sent {
	struct rig_sent *next;
	struct sip_dest dest;
	uint64_t cookie, at_ms;
	size_t n;
	char text[]; /* terminated */
};

struct rig {
	struct sip_below below;
	struct wheel wheel;
	uint64_t start_ms;
	int64_t unix_us; /* at the start */
	struct sip_timers timers;
	struct sip_count *count;
	struct sip_txns *txns;
	struct rig_sent *first, **end; /* not taken yet */
	unsigned n_sent;	       /* ever */
	int discard;		       /* forget what is sent at once, but for its number */
	enum sip_proto proto;	       /* how what is fed comes in */
	uint64_t flow;
	struct sip_addr source;
};

void rig_init(struct rig *rig, const struct sip_tu *tu);
void rig_fini(struct rig *rig);
uint64_t rig_now_ms(const struct rig *rig);
void rig_advance(struct rig *rig, uint64_t ms);

/* TEXT, printf-like, with LF for each CRLF of the head (and no CR in it). 0; -1: the fence or the
 * parser refused it. */
int rig_feed(struct rig *rig, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int rig_feed_bytes(struct rig *rig, struct strv bytes);
struct sip_msg *rig_parse(struct rig *rig, struct strv bytes);

/* The next message that was sent, the caller's to free; NULL: none. */
struct rig_sent *rig_take(struct rig *rig);
/* Its status, 0 for a request. */
unsigned rig_status(const struct rig_sent *sent);
/* The value of its first header field NAME into OUT; OUT. */
const char *rig_value(const struct rig_sent *sent, const char *name, char *out, size_t max);
/* A response of STATUS to the request SENT, with this To tag (NULL: as it was) and further LINES
 * (each ended by LF, may be ""), fed. */
int rig_answer(struct rig *rig, const struct rig_sent *sent, unsigned status, const char *to_tag,
	       const char *lines);
/* Throw away what was sent. */
void rig_flush(struct rig *rig);
/* 1 when nothing lives and nothing waits. */
int rig_is_empty(const struct rig *rig);

#endif

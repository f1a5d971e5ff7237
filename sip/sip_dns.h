/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_dns.h - the four questions that SIP asks of DNS, with c-ares
 *
 * Answers are immutable and shared by all workers for as long as they may live; there being no such
 * name is an answer, too. Who asks for what is already being asked waits for that answer. The order
 * that RFC 2782 and RFC 3263 give to answers is their user's work.
 */
#ifndef SIP_SIP_DNS_H
#define SIP_SIP_DNS_H

#include <stdint.h>

#include "base/cache.h"
#include "base/err.h"
#include "base/worker.h"
#include "sip/sip_addr.h"

enum sip_dns_type { SIP_DNS_ADDRESS, SIP_DNS_SRV, SIP_DNS_NAPTR, SIP_DNS_TYPES };
enum sip_dns_status {
	SIP_DNS_FOUND,
	SIP_DNS_NONE,	/* the name, or such a record of it, does not exist */
	SIP_DNS_FAILED, /* nobody answered, or not what was asked; remembered for a second */
};

enum { SIP_DNS_RECORDS_MAX = 32, SIP_DNS_TEXT_MAX = 255 };

struct sip_dns_record {
	struct sip_addr addr;		       /* ADDRESS; port 0 */
	unsigned short priority, weight, port; /* SRV; NAPTR: order, preference */
	const char *name;		       /* SRV: target; NAPTR: replacement ("" for ".") */
	const char *flags, *service, *regexp;  /* NAPTR */
};

/* Valid during the call it is given in. */
struct sip_dns_answer {
	struct cache_value head;
	uint64_t until_ms; /* monotonic */
	enum sip_dns_status status;
	unsigned n;
	struct sip_dns_record record[]; /* as they came; at most SIP_DNS_RECORDS_MAX */
};

struct sip_dns_options {
	const char *servers; /* "192.0.2.1,[2001:db8::1]:5353"; NULL: as /etc/resolv.conf says */
	unsigned timeout_ms; /* of one try */
	unsigned tries;
	unsigned ttl_min_s, ttl_max_s; /* bounds on what an answer says of its life */
	unsigned ttl_none_s;	       /* life of "there is none" */
	size_t cache_bytes;
	unsigned max_waiting; /* questions of one worker that wait for answers; more: FAILED */
};
void sip_dns_options_init(struct sip_dns_options *options);

struct sip_dns;	       /* of the process: options and cache */
struct sip_dns_worker; /* of one worker */

int sip_dns_new(const struct sip_dns_options *options, struct sip_dns **dns_out, struct err *err);
void sip_dns_free(struct sip_dns **dns);

/* Before the worker runs, or on it. */
int sip_dns_worker_new(struct sip_dns *dns, struct worker *worker,
		       struct sip_dns_worker **dns_worker_out, struct err *err);
/* After the workers have stopped. Who still waits is not called. */
void sip_dns_worker_free(struct sip_dns_worker **dns_worker);

/* Part of the asker's struct; from sip_dns_ask until ANSWERED is called or sip_dns_forget it
 * belongs to the worker's list. ANSWER is NULL when memory is short. */
struct sip_dns_ask {
	struct sip_dns_ask *next, **link;
	void (*answered)(struct sip_dns_ask *ask, const struct sip_dns_answer *answer);
};

/* NAME of at most 253 octets, without the dot at its end. ANSWERED may be called before this
 * returns. */
void sip_dns_ask(struct sip_dns_worker *worker, enum sip_dns_type type, struct strv name,
		 struct sip_dns_ask *ask);
void sip_dns_forget(struct sip_dns_ask *ask); /* harmless when it was answered */

#endif

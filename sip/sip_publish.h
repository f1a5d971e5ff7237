/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_publish.h - published state: the event state compositor's side of PUBLISH (RFC 3903)
 *
 * A publication is a piece of a resource's state under an entity tag; it lives as long as it is
 * refreshed, in memory: after a restart a refresh gets 412 and its client publishes anew (s6 step
 * 3). One table for the process; any worker.
 */
#ifndef SIP_SIP_PUBLISH_H
#define SIP_SIP_PUBLISH_H

#include "sip/sip_event.h"

struct sip_pubs;

struct sip_publish_ops {
	const char *event, *type;	  /* package, its one body type */
	unsigned default_s, min_s, max_s; /* at most SIP_PUB_MAX_S */
	size_t body_max;
	/* BODY as it is to be kept, on the heap; TOKEN is the publication's for its whole life.
	 * 200; else what PUBLISH is answered (400, 500). */
	unsigned (*take)(struct strv resource, const char *token, struct strv body, char **kept_out,
			 size_t *n_out);
};

enum { SIP_PUB_MAX_S = 7200 };

struct sip_pubs_options {
	const struct sip_publish_ops *const *ops; /* borrowed */
	unsigned n_ops;
	unsigned max_pubs;	  /* of the process; more: 503 */
	unsigned max_of_resource; /* more: 503 */
};
void sip_pubs_options_init(struct sip_pubs_options *options);

int sip_pubs_new(const struct sip_pubs_options *options, struct sip_pubs **pubs_out,
		 struct err *err);
void sip_pubs_free(struct sip_pubs **pubs);
/* Who is told of changes, and the workers that let publications end: before the workers run. */
int sip_pubs_start(struct sip_pubs *pubs, struct sip_events *events, struct workers *workers,
		   struct err *err);
/* On the way down, on no worker: after workers_stop. */
void sip_pubs_stop(struct sip_pubs *pubs);

/* PUBLISH, answered here in every case. RESOURCE is canonical, and the caller has settled that the
 * sender may publish for it. */
void sip_pubs_publish(struct sip_pubs *pubs, struct sip_stx *stx, struct strv resource);

/* What is published for RESOURCE, each piece in turn, oldest first, under a lock: FN copies.
 * Returns how many. */
unsigned sip_pubs_each(struct sip_pubs *pubs, const char *event, struct strv resource,
		       void (*fn)(void *arg, struct strv kept), void *arg);

/* Let end what has: NOW_S on any clock that only goes forward, the one of sip_pubs_publish. For
 * tests; sip_pubs_start does it otherwise. */
void sip_pubs_sweep(struct sip_pubs *pubs, unsigned shard, uint64_t now_s);
uint64_t sip_pubs_count(struct sip_pubs *pubs);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_mwi.h - the package "message-summary" (RFC 3842), for whoever keeps messages
 */
#ifndef SIP_SIP_MWI_H
#define SIP_SIP_MWI_H

#include "sip/sip_sub.h"

/* RFC 3842 s5.2: a class of messages and how many there are. */
struct sip_mwi_count {
	const char *context; /* "voice-message", "text-message", ...: a literal */
	unsigned fresh, old, fresh_urgent, old_urgent;
};

enum { SIP_MWI_COUNTS_MAX = 8 };

struct sip_mwi_state {
	struct strv account; /* URI of the mailbox, in the arena or longer-lived; empty: none */
	struct sip_mwi_count count[SIP_MWI_COUNTS_MAX];
	unsigned n_counts;
};

/* The arg of the package's row. */
struct sip_mwi {
	/* What waits for RESOURCE: 0; -1 cannot be told now. On the subscription's worker. NULL:
	 * nobody keeps messages, so none wait. */
	int (*waiting)(void *arg, struct strv resource, struct arena *arena,
		       struct sip_mwi_state *state_out);
	void *arg;
};

extern const struct sip_event_ops sip_mwi_event;

struct sip_events;
/* What waits for RESOURCE has changed: whoever keeps messages says so after it is on disk. Any
 * thread; returns at once. */
void sip_mwi_changed(struct sip_events *events, struct strv resource);

/* The body alone, in ARENA; p NULL: no memory. */
struct strv sip_mwi_print(const struct sip_mwi_state *state, struct arena *arena);

#endif

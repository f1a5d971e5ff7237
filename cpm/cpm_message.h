/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/cpm_message.h - a standalone message as the CPM functions see it, whatever brought it
 *
 * Immutable and counted: one value serves every device, the recipient's queue, the members of a
 * group and the record on disk. It is made by an adapter (pf_sip.c of a MESSAGE), by the
 * controlling function (a copy for a member), or by us (a report), and it does not know SIP: what
 * SIP says of it and has to stay is a block of header lines.
 */
#ifndef CPM_CPM_MESSAGE_H
#define CPM_CPM_MESSAGE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/strv.h"
#include "base/trace.h"

enum cpm_service {
	CPM_PAGER,	 /* msg: a message, or (is_report) an IMDN */
	CPM_PAGER_GROUP, /* msg.group */
	CPM_DEFERRED,	 /* deferred */
	CPM_SYSTEM,	 /* systemmsg: from us to a client */
	CPM_PLAIN,	 /* no service named: a plain SIP client's MESSAGE */
};
/* The ICSI ("urn:urn-7:3gpp-service.ims.icsi.oma.cpm.msg"); "" for CPM_PLAIN. */
const char *cpm_service_icsi(enum cpm_service service);

enum { CPM_MESSAGE_IDS_MAX = 4 };

/* All texts are views into the value. Empty: there is none. */
struct cpm_message_draft {
	enum cpm_service service;
	/* Who sent it: the asserted identities, canonical; the first is under which they are known.
	 * Of an anonymous one, too: ANONYMOUS says that nobody behind us is told. */
	struct strv sender[CPM_MESSAGE_IDS_MAX];
	unsigned n_sender;
	int anonymous;
	int is_claimed; /* a peer's word that need not be believed: rules go by it, but nothing is
			 * asserted of it */
	struct strv sender_instance; /* +sip.instance of the device that sent it, when known */
	struct strv recipient;	     /* canonical */
	/* As they are to stand in the requests that carry it. */
	struct strv from, to; /* values of header fields; FROM with its tag */
	struct strv call_id;
	uint32_t cseq;
	struct strv lines; /* further end-to-end header lines, each with CRLF: Conversation-ID and
			    * its like, Accept-Contact, P-Asserted-Service, what we do not know */
	struct strv conversation_id, contribution_id, in_reply_to;
	struct strv content_type, body;
	/* Of the CPIM message (RFC 5438), when it is one. */
	struct strv message_id, datetime;
	unsigned asked;	    /* enum imdn_ask */
	int is_report;	    /* an IMDN; never asked to be reported on */
	int is_displayed;   /* an IMDN that says displayed; MESSAGE_ID is then its own, */
	struct strv about;  /* and this the message-id that it reports on */
	int is_composing;   /* never stored */
	struct strv group;  /* the focus that sent it, canonical */
	int64_t arrival_us; /* Unix time */
	int64_t expires_s;  /* as asked for; 0: not to be stored; below 0: not said */
	/* Of the request that brought it, and kept while it is on its way, not in the store: how
	 * many hops it may still make (0: not said) and what its loops are known by (RFC 5393; 0:
	 * nothing). */
	unsigned hops;
	uint64_t loop;
	struct trace_id trace; /* hex empty: none */
};

struct cpm_message; /* struct cpm_message_draft, held: see cpm_message_of */

/* The service whose ICSI (any case, percent-encoded or not) TEXT is;
 * CPM_PLAIN when it is none for standalone messages. */
enum cpm_service cpm_service_find(struct strv text);

/* A value with copies of everything in DRAFT, in one allocation; one reference, the caller's. NULL:
 * no memory. Header lines, addresses and types hold what may stand in a SIP message: the caller has
 * seen to that. */
struct cpm_message *cpm_message_new(const struct cpm_message_draft *draft);
const struct cpm_message_draft *cpm_message_of(const struct cpm_message *message);
struct cpm_message *cpm_message_hold(struct cpm_message *message); /* any thread */
void cpm_message_drop(struct cpm_message **message);	     /* takes the address, accepts NULL */
size_t cpm_message_bytes(const struct cpm_message *message); /* of memory */

/* As octets for the store, in ARENA, without hops and loop; p NULL: no memory. */
struct strv cpm_message_encode(const struct cpm_message *message, struct arena *arena);
/* 0 and a value, one reference, the caller's; -1 with ERR_CORRUPT (RECORD is not what encode makes)
 * or ERR_NOMEM. */
int cpm_message_decode(struct strv record, struct cpm_message **message_out, struct err *err);

#endif

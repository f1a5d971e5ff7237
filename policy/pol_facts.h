/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/pol_facts.h - what is known about a request when it is decided
 *
 * Filled in by the caller, all of it before the decision: policy reads no clock, no list and no
 * presence. What is not known has its own value, said below, and does not allow. pol_facts_encode
 * keeps facts for later, so that a draft of a policy can be asked what it would have said
 * (policy/pol_compare.h).
 */
#ifndef POLICY_POL_FACTS_H
#define POLICY_POL_FACTS_H

#include <stdint.h>

#include "base/err.h"
#include "base/strv.h"

enum { POL_FACTS_IDS = 4 };

enum pol_direction { POL_DIRECTION_UNKNOWN = 0, POL_ORIGINATING, POL_TERMINATING };

/* Bits of pol_facts.media. */
enum pol_media {
	POL_MEDIA_AUDIO = 1,
	POL_MEDIA_VIDEO = 2,
	POL_MEDIA_MESSAGE_SESSION = 4,
	POL_MEDIA_FILE_TRANSFER = 8,
	POL_MEDIA_PAGER_MESSAGE = 16,
	POL_MEDIA_POC_SPEECH = 32,
	POL_MEDIA_GROUP_ADVERTISEMENT = 64,
	POL_MEDIA_OTHER = 128, /* offered, and none of the above */
	POL_MEDIA_ALL = 255
};

struct pol_facts {
	/* Who asks: the authenticated identities, canonical (auth/auth_identity.h), each once; a
	 * request may assert a SIP and a telephone number. None: not authenticated. */
	struct strv id[POL_FACTS_IDS];
	unsigned n_ids;
	int anonymous; /* the requester withholds the identity (RFC 3323) */

	int64_t now_s;	    /* Unix time */
	struct strv sphere; /* of whom the rules belong to; empty: undefined, matches nothing */

	struct strv service; /* ours: pager, large, session, file, geoloc, event, ... */
	struct strv enabler; /* as in service lists: the IMS service identifier */
	unsigned media;	     /* of enum pol_media: what is offered; 0: nothing is */
	int64_t size_bytes;  /* of the message or file; below 0: not known */
	enum pol_direction direction;
	/* Class of the served user. NULL: not known; empty: in none. */
	struct strv subscriber_class;
	struct strv peer_domain; /* of the network at the other end, lower case; empty: ours */
	struct strv group;	 /* canonical URI of the addressed group; empty: none */
	int roaming;		 /* 1 yes, 0 no, below 0 not known */
};

enum { POL_FACTS_TEXT = 1024, POL_FACTS_RECORD = 8192 };

/* FACTS as octets in BUF of SIZE, in the one form that decodes to them; POL_FACTS_RECORD is enough
 * when no text is longer than POL_FACTS_TEXT. Returns how many; 0 when they do not fit or a text is
 * longer than that. */
size_t pol_facts_encode(const struct pol_facts *facts, unsigned char *buf, size_t size);

/* The facts in RECORD; their texts point into it. 0; -1 with ERR_CORRUPT when it is no such record.
 */
int pol_facts_decode(struct strv record, struct pol_facts *facts_out, struct err *err);

#endif

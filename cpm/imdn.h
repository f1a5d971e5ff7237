/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/imdn.h - disposition notifications and requests for them (RFC 5438, CPM's extension)
 *
 * The body message/imdn+xml, read as senders write it and written as the schema wants it, and the
 * value of Disposition-Notification. Who may send what is not decided here. Pure: no I/O, no clock.
 */
#ifndef CPM_IMDN_H
#define CPM_IMDN_H

#include "base/arena.h"
#include "base/err.h"
#include "base/strv.h"

#define IMDN_NS_XML	     "urn:ietf:params:xml:ns:imdn"
#define IMDN_NS_INTERWORKING "urn:oma:xml:cpm:imdn-extensions:1.0"

enum imdn_kind {
	IMDN_NONE = 0, /* no notification that we know; RFC 5438's schema allows it */
	IMDN_DELIVERY,
	IMDN_DISPLAY,
	IMDN_PROCESSING,
	IMDN_INTERWORKING, /* CPM's: the message left for SMS or MMS */
	IMDN_KINDS
};

enum imdn_status {
	IMDN_UNKNOWN = 0, /* none that we know; an extension's */
	IMDN_DELIVERED,
	IMDN_FAILED,
	IMDN_DISPLAYED,
	IMDN_PROCESSED,
	IMDN_STORED,
	IMDN_LEGACY_SMS,
	IMDN_LEGACY_MMS,
	IMDN_FORBIDDEN,
	IMDN_ERROR,
	IMDN_STATUSES
};

/* Empty: absent. All but MESSAGE_ID and DATETIME may be. No value holds a control octet. */
struct imdn {
	struct strv message_id; /* of the message reported on */
	struct strv datetime;	/* its DateTime as it was spelled */
	struct strv recipient_uri;
	struct strv original_recipient_uri;
	struct strv subject;
	enum imdn_kind kind;
	enum imdn_status status;
};

/* Read BYTES: any order of the children, any of the optional ones, elements of foreign namespaces
 * passed over, interworking in either namespace. Returns 0 and IMDN_OUT, its text in ARENA; -1 with
 * ERR_SYNTAX (no XML that base/xml.h takes, another root or namespace, no message-id or datetime,
 * one of them twice, two notifications or statuses, a status of another kind), ERR_LIMIT (more than
 * 32 KiB, 256 nodes or 16 levels) or ERR_NOMEM. */
int imdn_parse(struct strv bytes, struct arena *arena, struct imdn *imdn_out, struct err *err);

/* IMDN as XML in ARENA. With one of the two URIs both are written, equal; a subject only behind
 * them (RFC 5438 s11.1.9). Returns 0; -1 with ERR_RANGE (no message-id or datetime, a value that
 * XML cannot hold, a status that is not one of its kind) or ERR_NOMEM. */
int imdn_print(const struct imdn *imdn, struct arena *arena, struct strv *bytes_out,
	       struct err *err);

/* What a Disposition-Notification header asks for, as bits. */
enum imdn_ask {
	IMDN_ASK_POSITIVE_DELIVERY = 1,
	IMDN_ASK_NEGATIVE_DELIVERY = 2,
	IMDN_ASK_PROCESSING = 4,
	IMDN_ASK_DISPLAY = 8,
	IMDN_ASK_INTERWORKING = 16,
};

/* The bits of VALUE, a header's. Parameters and unknown requests are passed over (RFC 5438 s10). */
unsigned imdn_asked(struct strv value);

/* Their names as XML and logs have them; never NULL. "" for IMDN_NONE and IMDN_UNKNOWN. */
const char *imdn_kind_name(enum imdn_kind kind);
const char *imdn_status_name(enum imdn_status status);

#endif

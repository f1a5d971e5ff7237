/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_dialog.h - our own dialogs, in either role (RFC 3261 s12)
 *
 * A dialog belongs to one worker, whose number its local tag and its Contact carry, and to whoever
 * made it (a subscription, later a session): the table finds it by Call-ID and tags. It can be
 * written down and read back, so that a subscription survives a restart.
 *
 * Where its requests go: by the route set when there is one; else the peer is our neighbour, and
 * they go where its last request came from (its connection as long as that lives, RFC 5626 s5.3,
 * RFC 7118 s5), or to the remote target.
 */
#ifndef SIP_SIP_DIALOG_H
#define SIP_SIP_DIALOG_H

#include "base/arena.h"
#include "sip/sip_msg.h"
#include "sip/sip_table.h"
#include "sip/sip_txn.h"

struct sip_dialogs; /* of one worker */

int sip_dialogs_new(struct sip_txns *txns, struct sip_dialogs **dialogs_out, struct err *err);
/* Dialogs that are left are their owners', who have freed them before. */
void sip_dialogs_free(struct sip_dialogs **dialogs);
struct sip_txns *sip_dialogs_txns(const struct sip_dialogs *dialogs);

struct sip_dialog {
	struct sip_node node;
	struct sip_dialogs *dialogs;
	const void *kind; /* of whom USER is: an address of the owner's */
	void *user;
	struct strv call_id, local_tag, remote_tag;
	struct strv local, remote; /* From and To of our requests, tags included */
	struct strv routes;	   /* value of Route before strict routing; empty: none */
	struct strv contact;	   /* value of our Contact */
	struct strv target;	   /* remote target URI; an allocation of its own */
	uint32_t local_seq, remote_seq;
	int has_remote_seq;
	/* Where its last request came from. */
	int has_near;
	enum sip_proto near_proto;
	struct sip_addr near;
	uint64_t near_flow;
	unsigned short near_home; /* as sip_dest; not kept */
	char text[];
};

/* By a request of ours to be answered (s12.1.1). TAG is from sip_tag_make and goes into the answer,
 * as does CONTACT ("<sip:...>"). NULL: no memory, or REQUEST has no Contact that is a URI (then it
 * gets 400). */
struct sip_dialog *sip_dialog_new_uas(struct sip_dialogs *dialogs, struct sip_msg *request,
				      struct strv tag, struct strv contact, const void *kind,
				      void *user);
/* By a response with a To tag to a request of ours (s12.1.2) whose CSeq was SEQ. NULL as above. */
struct sip_dialog *sip_dialog_new_uac(struct sip_dialogs *dialogs, struct sip_msg *response,
				      struct strv contact, const void *kind, void *user);
void sip_dialog_free(struct sip_dialog **dialog);

/* The dialog a received message is in; NULL: none of ours. */
struct sip_dialog *sip_dialog_find(struct sip_dialogs *dialogs, const struct sip_msg *msg);

/* A request in the dialog (s12.2.2): 0, its CSeq and its Contact are taken over; else the status it
 * gets: 500 when its CSeq is too low, 400. Not for ACK and CANCEL. */
unsigned sip_dialog_accept(struct sip_dialog *dialog, struct sip_msg *request);
/* A 2xx to a request of ours that refreshes the target (s12.2.1.2). */
void sip_dialog_refresh(struct sip_dialog *dialog, struct sip_msg *response);

struct sip_dialog_request {
	enum sip_method method;
	const struct strv *lines; /* "Name: value"; From, To, Call-ID, CSeq, Contact, Route are the
				   * dialog's */
	unsigned n_lines;
	struct strv content_type, body;
	const struct trace_id *trace;
	sip_answered_fn *answered;
	void *arg;
};
enum { SIP_DIALOG_LINES_MAX = 16 };
/* Send a request in the dialog (s12.2.1.1), as sip_out_send. Not ACK. */
int sip_dialog_send(struct sip_dialog *dialog, const struct sip_dialog_request *request,
		    uint64_t *id_out);

/* The dialog as text in ARENA; p NULL: no memory. */
struct strv sip_dialog_print(const struct sip_dialog *dialog, struct arena *arena);
/* What was printed, in this worker's table again. NULL: not of the form, or no memory. Its requests
 * go on with a CSeq higher by SEQ_GAP, for those that were sent after it was written down. */
struct sip_dialog *sip_dialog_parse(struct sip_dialogs *dialogs, struct strv text, uint32_t seq_gap,
				    const void *kind, void *user);

#endif

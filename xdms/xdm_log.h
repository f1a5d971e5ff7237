/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xdm_log.h - the log of a document's changes: who, when, what, and how to take it back
 *
 * Every change of a document writes one entry in the same commit as the document: the patch that
 * leads from the version before to the one after, for watchers (RFC 5874, RFC 5261), and the octets
 * that went, for an undo. The record's version is that of the document which the change made.
 *
 * Keys, below the document's owner: the log's head is "p/" AUID "/" path, its entries have that
 * name, NUL, and the entry's number in eight octets, the highest first. The head says which numbers
 * there are and how large the entries are, so that what retention no longer keeps is deleted
 * without being read. It stays when the document goes, and goes with the owner.
 *
 *     head:   0x02  next number  how many  then for each, the oldest first: its units of 64
 *             octets, and its time in seconds after the one before (0x01: without times)
 *     entry:  0x01  kind  flags  epoch  version before  time in us  the number it undoes
 *             at  octets inserted  lead  trail  who  selector
 *             octets removed, if kept; operations and bindings, if kept
 *
 * Numbers are in base 128, the lowest seven bits first; texts have their length before them.
 */
#ifndef XDMS_XDM_LOG_H
#define XDMS_XDM_LOG_H

#include "xdms/xcap_delta.h"

enum {
	XDM_LOG_KEEP_MAX = 4096,
	XDM_LOG_PATCH_MAX = 64 * 1024, /* octets of a patch; larger ones are not kept */
};

/* What was done. They are stored: only ever add at the end. */
enum xdm_log_kind {
	XDM_PUT_DOCUMENT,
	XDM_DELETE_DOCUMENT,
	XDM_PUT_NODE,
	XDM_DELETE_NODE,
	XDM_UNDO,
	XDM_LOG_KINDS
};
/* "put", "delete", "put-node", "delete-node", "undo". */
const char *xdm_log_kind_name(enum xdm_log_kind kind);

struct xdm_log_entry {
	uint64_t number, version; /* of its record; not part of what is encoded */

	enum xdm_log_kind kind;
	uint64_t epoch;	      /* of the store that wrote it: with a version it makes the ETag */
	uint64_t old_version; /* 0: the document was created */
	int gone;	      /* the document was deleted: there is no new version */
	int64_t time_us;      /* Unix time */
	uint64_t undoes;      /* XDM_UNDO: the entry that was taken back */
	struct strv who;      /* canonical identity, or the operator's name */
	struct strv selector; /* of a node, with its query; decoded; empty: the document */

	struct xcap_delta delta;
	int has_removed; /* else delta.removed tells the length only, and there is no undo */
	/* The operations, when there are any and they are not too large; else PATCH.n is 0, and the
	 * new version has to be fetched. */
	struct xcap_patch patch;
};

/* The entry as octets in ARENA, at most MAX_BYTES where leaving out what is removed brings it
 * there. Empty when memory is short. */
struct strv xdm_log_encode(const struct xdm_log_entry *entry, size_t max_bytes,
			   struct arena *arena);
/* Back; views into VALUE and ARENA. 0; -1 with ERR_CORRUPT or ERR_NOMEM. */
int xdm_log_decode(struct strv value, struct arena *arena, struct xdm_log_entry *entry_out,
		   struct err *err);

/* ---- the head ---- */

struct xdm_log_keep {
	unsigned entries; /* at most, of one document; at least 1: the newest is always kept */
	uint64_t bytes;	  /* at most, all together */
	int64_t age_s;	  /* older ones go with the next change; 0: whatever their age */
};

/* What a new entry does to a log. */
struct xdm_log_step {
	uint64_t number;       /* of the new entry, from 1 */
	uint64_t gone, n_gone; /* numbers that go: the first, and how many */
	struct strv head;      /* the new head, in the arena */
};

/* Add an entry of ENTRY_BYTES, made at TIME_S (Unix time), to the log with HEAD (empty: there is
 * none yet). 0; -1 with ERR_CORRUPT or ERR_NOMEM. */
int xdm_log_step(struct strv head, size_t entry_bytes, int64_t time_s,
		 const struct xdm_log_keep *keep, struct arena *arena,
		 struct xdm_log_step *step_out, struct err *err);

/* When the newest entry of the log with HEAD was made; 0: it does not say. */
int64_t xdm_log_time(struct strv head);

/* The numbers that the log with HEAD has: FIRST_OUT to before NEXT_OUT. 0; -1 with ERR_CORRUPT. */
int xdm_log_range(struct strv head, uint64_t *first_out, uint64_t *next_out, struct err *err);

/* ---- names of records ---- */

/* The head's name for the document whose record is NAME; its entry NUMBER; in ARENA. Empty when
 * memory is short. */
struct strv xdm_log_name(struct strv name, struct arena *arena);
struct strv xdm_log_entry_name(struct strv name, uint64_t number, struct arena *arena);
/* The number at the end of the entry's name NAME, 0 when it is no entry's. */
uint64_t xdm_log_number(struct strv name);

#endif

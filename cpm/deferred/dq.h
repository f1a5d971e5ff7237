/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/deferred/dq.h - one user's queue as a value: what waits, who has had what, what is to be kept
 *
 * No I/O, no clock, no thread: whoever drives it (deferred.c) hands in time and records, and writes
 * the batches that dq_fill makes. Entries stand in the order of their arrival, which is unique in a
 * queue. Bodies may be in memory or only in the store.
 *
 * A device has had an entry when its cursor stands at or behind it, or when the entry names it
 * (delivered before it was stored). An entry leaves the queue when every known device has had it.
 */
#ifndef CPM_DEFERRED_DQ_H
#define CPM_DEFERRED_DQ_H

#include "cpm/cpm_message.h"
#include "kv/kv.h"

enum {
	DQ_DEVICES_MAX = 64,	/* of one user; the one not seen for the longest makes room */
	DQ_DEVICE_ID_MAX = 768, /* octets; a longer one is not served */
	DQ_TAKEN_MAX = 64,	/* devices that an entry names */
	DQ_NAME_BYTES = 28,	/* "dm/", 16 digits, "-", 8 digits */
	DQ_DEVICE_RECORD_BYTES = 17,
	DQ_GONE_A_BATCH = 512, /* entries that one batch deletes singly */
};
#define DQ_MESSAGES STRV("dm/")
#define DQ_DEVICES  STRV("dc/")

/* 128 bits of a text under a seed of the process: equal ones are taken for the same text. */
struct dq_key {
	uint64_t a, b;
};
struct dq_key dq_key_of(uint64_t seed, const struct strv *part, unsigned n_parts);

struct dq_entry {
	int64_t expires_us;
	uint32_t salt; /* the end of its name */
	uint32_t bytes;
	struct cpm_message *message; /* NULL: in the store alone */
	uint8_t was_taken;	     /* by one device at least: its end is no failure */
	uint8_t n_taken;
	struct dq_key taken[];
};

struct dq_slot {
	uint64_t at_us;	   /* unique, rising */
	struct dq_key key; /* sender and message-id */
	struct dq_key id;  /* message-id */
	struct dq_entry *entry;
};

enum dq_run {
	DQ_IDLE,    /* not known to be there, or it has everything */
	DQ_ASKS,    /* whether the user's messages are pushed */
	DQ_READY,   /* in the list of its worker */
	DQ_FETCHES, /* waits for a body */
	DQ_PUSHES,
	DQ_LATER, /* until the queue's timer */
};

struct dq_device {
	struct dq_device *next;			   /* of the queue */
	struct dq_device *next_ready, *prev_ready; /* deferred's */
	void *owner;				   /* deferred's */
	struct dq_key key;
	uint64_t cursor_us; /* arrival of the last entry that it has had; 0: none */
	int64_t seen_us;
	uint64_t pushing_us;	  /* the entry under way */
	uint8_t run;		  /* enum dq_run; deferred's */
	uint8_t failures;	  /* one after another */
	uint8_t again;		  /* deferred's: a sign of life came while it pushed */
	unsigned is_dirty : 1;	  /* differs from its record */
	unsigned is_writing : 1;  /* a batch under way has it */
	unsigned has_record : 1;  /* in the store, or on its way */
	unsigned is_lasting : 1;  /* by its instance: will be the same when it comes back */
	unsigned is_notified : 1; /* deferred's: told of what waits */
	uint16_t id_n;
	char id[];
};

struct dq_name {
	uint64_t at_us;
	uint32_t salt;
};

struct dq {
	uint64_t seed;
	struct dq_slot *slot; /* [first, end) */
	unsigned first, end, cap;
	uint64_t bytes;	     /* of records of entries */
	uint64_t last_us;    /* no entry or cursor is later */
	uint64_t held_bytes; /* of memory for bodies */
	struct dq_device *devices;
	unsigned n_devices;
	/* Entries that have left and are still in the store; room for all is made when they come.
	 */
	struct dq_name *gone;
	unsigned n_gone, gone_cap;
	unsigned gone_writing; /* so many of the first are in a batch under way */
	struct strv *lost;     /* names of device records to be deleted; heap */
	unsigned n_lost, lost_writing;
};

void dq_init(struct dq *q, uint64_t seed);
void dq_fini(struct dq *q);

static inline unsigned dq_count(const struct dq *q)
{
	return q->end - q->first;
}

/* ---- entries ---- */

/* An arrival for a new entry at NOW_US, later than all before. */
uint64_t dq_arrival(struct dq *q, int64_t now_us);
void dq_name_print(struct dq_name name, char text[DQ_NAME_BYTES + 1]);
/* 0; -1: not the name of an entry. */
int dq_name_parse(struct strv text, struct dq_name *name_out);

/* An entry of RECORD_BYTES for MESSAGE (not held), which TAKEN have. NULL: no memory. */
struct dq_entry *dq_entry_new(const struct dq *q, const struct strv *taken, unsigned n_taken,
			      int64_t expires_us, uint32_t salt, size_t record_bytes);
void dq_entry_free(struct dq_entry **entry);

/* Take SLOT in, with its entry; usually at the end. 0; -1: no memory, the caller keeps it. */
int dq_add(struct dq *q, const struct dq_slot *slot);
/* Room for N more entries, so that dq_add cannot fail. 0 or -1. */
int dq_reserve(struct dq *q, unsigned n);

/* Index of an entry, or -1. The first of them all is q->first. */
int dq_find_at(const struct dq *q, uint64_t at_us);
int dq_find_key(const struct dq *q, struct dq_key key);
int dq_find_id(const struct dq *q, struct dq_key id);
/* The first that has expired at NOW_US, or -1; NEXT_OUT: when the next one will (INT64_MAX). */
int dq_find_expired(const struct dq *q, int64_t now_us, int64_t *next_out);

/* Entry I leaves. */
void dq_remove(struct dq *q, int i);
/* Entry I leaves memory, and stays in the store: its record cannot be read. */
void dq_forget(struct dq *q, int i);

/* Bodies. */
void dq_attach(struct dq *q, int i, struct cpm_message *message); /* holds it */
void dq_detach(struct dq *q, int i);

/* ---- devices ---- */

struct dq_device *dq_device_find(const struct dq *q, struct strv id);
/* DEVICE is there at NOW_US: known from now on. LASTING: it keeps its id when it comes back. NULL:
 * no memory, or ID is too long. */
struct dq_device *dq_device_seen(struct dq *q, struct strv id, int lasting, int64_t now_us);
/* Devices that are idle and were not seen for KEEP_US (lasting ones) or BRIEF_US are forgotten, and
 * what only they lacked leaves. */
void dq_prune(struct dq *q, int64_t now_us, int64_t keep_us, int64_t brief_us);

/* Index of the first entry that DEVICE lacks and that has not expired, or -1. */
int dq_next(const struct dq *q, const struct dq_device *device, int64_t now_us);
/* DEVICE has had entry I by another way: its cursor stays. The entry may leave by that. Known until
 * the queue is read anew; then DEVICE gets it once more if others still lack it. */
void dq_had(struct dq *q, const struct dq_device *device, int i);
/* DEVICE has had entry I (TAKEN), or is spared it: passed over for good. 1 when the entry has left
 * by that with no device having taken it (it is the caller's to report before the next dq_fill; its
 * body is in *MESSAGE_OUT, held for the caller), else 0. */
int dq_passed(struct dq *q, struct dq_device *device, int i, int taken,
	      struct cpm_message **message_out);

/* ---- records ---- */

/* The record of MESSAGE, in ARENA; p NULL: no memory. */
struct strv dq_record_encode(const struct cpm_message *message, int64_t expires_us,
			     const struct strv *taken, unsigned n_taken, struct arena *arena);
/* What dq_record_encode made: MESSAGE_OUT is the caller's; TAKEN_OUT has room for DQ_TAKEN_MAX
 * views into RECORD. 0; -1 with ERR_CORRUPT or ERR_NOMEM. */
int dq_record_decode(struct strv record, struct cpm_message **message_out, int64_t *expires_out,
		     struct strv *taken_out, unsigned *n_taken_out, struct err *err);

/* Take in a record as read: of an entry (MESSAGE_OUT may be NULL; else held for the caller), of a
 * device. 0; -1: as above. */
int dq_load_entry(struct dq *q, struct strv name, struct strv record,
		  struct cpm_message **message_out, struct err *err);
int dq_load_device(struct dq *q, struct strv name, struct strv record, struct err *err);

void dq_device_record(const struct dq_device *device, char record[DQ_DEVICE_RECORD_BYTES]);

/* Is there something to write? */
int dq_is_dirty(const struct dq *q);
/* There is a device, which will come back, that the store does not know yet. */
int dq_has_new_device(const struct dq *q);
/* Put it into BATCH, at most one batch under way; DELETES_ONLY when the disk is full. 0; -1: no
 * memory, the batch is useless. */
int dq_fill(struct dq *q, struct kv_batch *batch, int deletes_only);
/* What became of that batch. */
void dq_filled(struct dq *q, int is_done);

/* The keys that a message is known by. */
void dq_message_keys(const struct dq *q, const struct cpm_message_draft *message,
		     struct dq_key *key_out, struct dq_key *id_out);

#endif

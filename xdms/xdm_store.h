/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xdm_store.h - documents in the store, and the shared cache of those in use
 *
 * A stored version of a document is an immutable value behind a counted reference. Its version is
 * the commit that wrote it; with the store's epoch it makes the ETag, which is therefore never
 * issued twice (RFC 4825 s7.11). That a document does not exist is a value too.
 *
 * Each change leaves an entry in the document's log (xdm_log.h), in the same commit.
 *
 * Keys: the owner is the canonical identity of the home directory, or XDM_GLOBAL_OWNER for the
 * global tree. The head of a document is named "x/" AUID "/" path; each of its chunks
 * (xcap_record.h) has that name, NUL, and the chunk's number in four octets, the highest first.
 * Every change of a document writes or deletes its head, whose version is the document's.
 */
#ifndef XDMS_XDM_STORE_H
#define XDMS_XDM_STORE_H

#include "base/cache.h"
#include "base/jobs.h"
#include "kv/kv.h"
#include "xdms/xcap_doc.h"
#include "xdms/xdm_log.h"

#define XDM_GLOBAL_OWNER "org.opencpm.global"

/* What follows it in the name of a chunk or of a log entry has room. */
enum { XDM_NAME_MAX = KV_NAME_MAX - 16 };

struct xdm_doc {
	/* value.version: the commit that wrote the document; of an absent one, the commit that last
	 * touched its owner before it was looked up. */
	struct cache_value value;
	struct xcap_doc *doc; /* NULL: there is no such document */
	/* The head of its log (p NULL: none yet) and the commit that wrote it. */
	struct strv log;
	uint64_t log_version;
};

struct xdm_store;

/* KV and JOBS are borrowed. Subscribes to KV: before the first commit. LOG_KEEP says what the log
 * of each document keeps. */
int xdm_store_new(struct kv *kv, struct jobs *jobs, size_t cache_bytes,
		  const struct xdm_log_keep *log_keep, struct xdm_store **store_out,
		  struct err *err);
/* After kv_close. Takes the address, accepts NULL. */
void xdm_store_free(struct xdm_store **store);

/* What keeps values made of documents (compiled rules) and must never use one that a PUT has made
 * stale once its answer has left. Either function may be NULL. */
struct xdm_hook {
	/* The document (NAME empty: each of OWNER's) has another version since commit SEQ: forget
	 * what was made of it. On the committer's thread, when it is durable, before its committer
	 * or anybody else hears of it. Must not block. */
	void (*changed)(void *arg, struct strv owner, struct strv name, uint64_t seq);
	/* DOC is the document now, if no hook has heard of a later version: make the new value of
	 * it. On the thread that goes on to answer the request, before the answer leaves. Those of
	 * two commits may come at once and in either order. Not called for what others have
	 * written than by xdm_batch, an erasure for one. */
	void (*published)(void *arg, struct strv owner, struct strv name,
			  const struct xdm_doc *doc);
	void *arg;
};
/* HOOK is copied. Before the first commit; at most 8. 0 or -1. */
int xdm_store_hook(struct xdm_store *store, const struct xdm_hook *hook, struct err *err);

/* A document that nobody stores: made when it is looked up, kept until what it is made of changes.
 */
struct xdm_maker {
	struct strv owner; /* empty: each user has one */
	struct strv name;  /* of the record that it seems to be */
	/* It is made of the documents whose record's name begins with this: the same user's, or
	 * with an OWNER everybody's. */
	struct strv needs;
	/* The text in ARENA, and a version that only moves forward and is another one whenever the
	 * text is. Blocks; on a job thread. */
	enum kv_status (*make)(void *arg, struct xdm_store *store, struct strv owner,
			       struct arena *arena, struct strv *text_out, uint64_t *version_out);
	void *arg;
};
/* MAKER is copied, its texts are borrowed. Before the first commit; at most 4. 0 or -1. */
int xdm_store_maker(struct xdm_store *store, const struct xdm_maker *maker, struct err *err);

struct jobs *xdm_store_jobs(const struct xdm_store *store);
struct kv *xdm_store_kv(const struct xdm_store *store);
uint64_t xdm_store_epoch(const struct xdm_store *store);

/* The record's name for AUID and the document's PATH, in ARENA; empty when it is too long or
 * memory is short. */
struct strv xdm_name(struct strv auid, const struct strv *segment, unsigned n, struct arena *arena);

/* A look-up in progress: the caller's memory, valid until DONE. */
struct xdm_find {
	struct job job;
	struct xdm_store *store;
	struct strv owner, name; /* set by the caller, who keeps what they point to until DONE */
	/* DOC is held for the callee; NULL: cannot be read now (STATUS KV_BUSY) or is damaged
	 * (KV_FAILED). On the calling worker, maybe before xdm_find returns. */
	void (*done)(struct xdm_find *find, struct xdm_doc *doc, enum kv_status status);
	uint64_t ticket;
	struct xdm_doc *found;
	enum kv_status status;
};
void xdm_find(struct xdm_store *store, struct xdm_find *find);
/* The same for threads that may block; DONE is not called. KV_DONE with the document in DOC_OUT,
 * the caller's to drop; else see DONE. */
enum kv_status xdm_find_sync(struct xdm_store *store, struct strv owner, struct strv name,
			     struct xdm_doc **doc_out);

/* One change of a document, to be stored. */
struct xdm_write {
	struct strv owner, name;
	const struct xdm_doc *old; /* what was decided upon */
	struct xcap_doc *doc;	   /* what follows it; NULL: nothing, a deletion */
	/* The edit that made DOC of OLD's document, so that only what it changed is written; NULL:
	 * DOC stands for itself. */
	const struct xcap_edit *edit;
	/* For the log: see struct xdm_log_entry. */
	enum xdm_log_kind kind;
	int64_t time_us;
	struct strv who, selector;
	uint64_t undoes;
};

/* A batch that carries WRITE out with its log entry, and fails with KV_CONFLICT when OLD is no
 * longer the current version. WRITE's document is taken over, into NEXT_OUT: what to publish when
 * the batch is committed, or to drop (xdm_doc_drop). NULL when memory is short or the stored log is
 * damaged (which is logged); then there is no NEXT_OUT. */
struct kv_batch *xdm_batch(struct xdm_store *store, const struct xdm_write *write,
			   struct xdm_doc **next_out);
/* The same as part of BATCH, which is of WRITE's owner and may carry other changes of theirs (none
 * of this document). 0; -1: as NULL above, and BATCH must not be committed. */
int xdm_batch_add(struct xdm_store *store, struct kv_batch *batch, const struct xdm_write *write,
		  struct xdm_doc **next_out);
void xdm_commit(struct xdm_store *store, struct kv_batch *batch, kv_commit_fn *done, void *arg);
struct kv_commit_result xdm_commit_sync(struct xdm_store *store, struct kv_batch *batch);

/* DOC (taken over) is what commit SEQ wrote: show it to all workers. Before the answer leaves, so
 * that the next request on any worker sees it. */
void xdm_publish(struct xdm_store *store, struct strv owner, struct strv name, struct xdm_doc **doc,
		 uint64_t seq);

/* ---- for threads that may block ---- */

/* The log's entries of the document from number FROM on, as records, into ITEM_OUT, in ARENA. */
enum kv_status xdm_log_read_sync(struct xdm_store *store, struct strv owner, struct strv name,
				 uint64_t from, struct arena *arena, struct kv_item *item_out);

/* The name of OWNER's first document behind AFTER (empty: of all), and its version, in ARENA; empty
 * when there is none. */
enum kv_status xdm_next_sync(struct xdm_store *store, struct strv owner, struct strv after,
			     struct arena *arena, struct strv *name_out, uint64_t *version_out);

/* What is known of a document without reading it. */
struct xdm_head {
	struct strv name;
	uint64_t version;
	size_t octets;
	int64_t time_s; /* of the last change; 0: not known */
};
/* The head of OWNER's first document behind AFTER (empty: of all), in ARENA; its name empty: there
 * is none. OWNER_VERSION_OUT is the commit that last touched OWNER before this. KV_CONFLICT: OWNER
 * changed meanwhile. */
enum kv_status xdm_head_sync(struct xdm_store *store, struct strv owner, struct strv after,
			     struct arena *arena, struct xdm_head *head_out,
			     uint64_t *owner_version_out);

/* The same without the time, in one read, and not as of one moment. */
enum kv_status xdm_size_sync(struct xdm_store *store, struct strv owner, struct strv after,
			     struct arena *arena, struct xdm_head *head_out);

/* Takes the address, accepts NULL. */
void xdm_doc_drop(struct xdm_doc **doc);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xcap_req.h - one XCAP request: taken apart, allowed or not, and decided (RFC 4825 s8)
 *
 * Pure: no I/O, no edge. An adapter fills in what came over the wire, says who asks, gathers the
 * document, and carries out what was decided.
 *
 *	parse	xcap_req_parse		target, AUID, method
 *	gather	xcap_req_allow,		may they? which record?
 *		xcap_req_select		the node selector
 *	decide	xcap_req_decide		the answer, and the document to store
 */
#ifndef XDMS_XCAP_REQ_H
#define XDMS_XCAP_REQ_H

#include "xdms/auid.h"
#include "xdms/xcap_edit.h"
#include "xdms/xcap_uri.h"
#include "xdms/xcap_valid.h"
#include "xdms/xdm_store.h"

/* The operator's limits for users; 0: none. */
struct xcap_quota {
	uint64_t document_bytes;	     /* of a document, below what its usage allows */
	uint64_t bytes;			     /* of all documents of a user */
	uint64_t documents, usage_documents; /* of a user: all, and of one usage */
};

/* What is the same for all requests. */
struct xcap_rules {
	const struct auid_table *table;
	struct strv root;     /* path of the XCAP root */
	struct strv root_uri; /* as documents spell it */
	int bare_attributes;  /* GET of an attribute gives the value without quotes */
	/* Reduce an XUI to its canonical form in ARENA. 0; -1: it is no identity. */
	int (*canonical)(void *arg, struct strv xui, struct arena *arena, struct strv *out);
	void *arg;
	const struct pol_spell *spell; /* as in struct auid_context */
	/* Is IDENTITY (canonical) a user's? 1, 0, -1 cannot tell now. Blocks. NULL: not asked. */
	int (*is_user)(void *arg, struct strv identity);
	void *is_user_arg;
	struct xcap_quota quota;
};

enum xcap_method { XCAP_GET, XCAP_HEAD, XCAP_PUT, XCAP_DELETE };

/* Who asks. All empty: nobody was asked. */
struct xcap_who {
	struct strv home, acting; /* canonical */
	int is_operator;
};

struct xcap_req {
	/* From the wire; p NULL: not there. */
	struct strv method_text, target, content_type, if_match, if_none_match, body;
	struct arena *arena;

	enum xcap_method method;
	struct xcap_uri uri;
	const struct auid_ops *usage;
	struct strv document; /* the path below the home or global directory */
	/* Set by who will ask what the owner permits (xdm_access.h) before anything is decided:
	 * then xcap_req_allow lets others pass, and says so in IS_FOREIGN. */
	int asks_owner;
	int is_foreign;
	struct strv owner, name; /* of the record */
	struct xcap_sel sel;	 /* with uri.has_node */
};

/* What to answer, and what to do before. */
struct xcap_answer {
	unsigned status;
	const char *cause; /* a word for the log; NULL: none */
	const char *allow; /* 405 */
	const char *content_type;
	struct strv body;      /* in the arena, or a literal */
	struct xcap_spot spot; /* instead of BODY when has_spot: of a document that is held below */
	int has_spot;
	uint64_t version; /* of the ETag; 0: none */
	int is_error;	  /* BODY is a sentence for people */
	struct strv why;  /* of a fault: the sentence in it; may be empty */

	int changes; /* commit first: NEW_DOC (the caller's to drop) or, NULL, a deletion */
	struct xcap_doc *new_doc;
	const struct xcap_edit *edit; /* that made NEW_DOC; NULL: it is new as a whole */
};

/* All five: 0 go on; 1 the answer is in ANSWER_OUT. */
int xcap_req_parse(const struct xcap_rules *rules, struct xcap_req *req,
		   struct xcap_answer *answer_out);

/* 1 when everyone may make REQ, so that nobody needs to be authenticated. */
int xcap_req_is_open(const struct xcap_req *req);

/* May WHO? Default authorisation of the usage (RFC 4825 s5.7); an operator may all. Sets owner and
 * name. */
int xcap_req_allow(const struct xcap_rules *rules, struct xcap_req *req, const struct xcap_who *who,
		   struct xcap_answer *answer_out);

/* OWNER is the home identity behind the one in REQ's path: WHO may own it by another name. Asks
 * again what depends on that. OWNER has to last as long as REQ. */
int xcap_req_settle(struct xcap_req *req, const struct xcap_who *who, struct strv owner,
		    struct xcap_answer *answer_out);

int xcap_req_select(struct xcap_req *req, struct xcap_answer *answer_out);

/* Decide for the document DOC. LONG_OK 0: returns -1, having done nothing that lasts, when it would
 * take longer than a worker may be held up; call again on a job thread. Returns 0 otherwise. */
int xcap_req_decide(const struct xcap_rules *rules, const struct xcap_req *req,
		    const struct xdm_doc *doc, uint64_t epoch, int long_ok,
		    struct xcap_answer *answer_out);

/* The media type of what REQ is about. */
const char *xcap_req_type(const struct xcap_req *req);

/* By which rules what REQ stores is judged. */
struct xcap_judge xcap_req_judge(const struct xcap_rules *rules, const struct xcap_req *req);

/* What the document's log says of REQ, a PUT or DELETE. The selector is that of the node with its
 * query, in the arena; empty for a document, and when memory is short. */
enum xdm_log_kind xcap_req_log_kind(const struct xcap_req *req);
struct strv xcap_req_log_selector(const struct xcap_req *req);

/* The answer that FAULT is; ARENA for its text. */
void xcap_answer_fault(struct xcap_answer *answer_out, const struct xcap_fault *fault,
		       struct arena *arena);

/* An answer of one sentence. Returns 1. */
int xcap_answer_text(struct xcap_answer *answer_out, unsigned status, const char *cause,
		     const char *text);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/controlling/cf_priv.h - inside the controlling function: the steps of a message to a group
 */
#ifndef CPM_CONTROLLING_CF_PRIV_H
#define CPM_CONTROLLING_CF_PRIV_H

#include "base/arena.h"
#include "cpm/controlling/cf.h"
#include "cpm/cpim.h"
#include "cpm/imdn.h"
#include "cpm/multipart.h"
#include "cpm/urilist.h"

/* ---- parse (cf_request.c) ---- */

/* What came, read; in the arena of the request. */
struct cf_request {
	const struct cpm_message_draft *m;
	int has_list;
	struct urilist list;   /* the recipients of its list, */
	const struct strv *to; /* canonical, one each; */
	unsigned n_to;
	const struct multipart_part **rest; /* and the parts beside it; no list: none */
	unsigned n_rest;
	/* The CPIM message that we may change: the body, or the one part beside the list. NULL:
	 * there is none, it is signed or encoded. */
	struct cpim *cpim;
	struct strv cpim_from; /* URI; empty: no CPIM, or none in it */
	int cpim_is_fixed;     /* it has been read, and must not be changed: it is signed */
};

/* 0 and a request that answers nothing yet; else the status to refuse it with, the reason (a
 * literal) in WHY_OUT and, of a 420, what is not supported in UNSUPPORTED_OUT. MAX_LIST as in
 * cf_options. The draft must live as long as the result. */
unsigned cf_request_read(const struct cpm_message_draft *m, unsigned max_list,
			 const struct auth_domains *domains, struct arena *arena,
			 struct cf_request *request_out, const char **why_out,
			 struct strv *unsupported_out);

/* The next header line of LINES, which becomes what follows; 0 at the end. LINE_OUT is the whole
 * line with its end, folded ones included. */
int cf_line_next(struct strv *lines, struct strv *name_out, struct strv *value_out,
		 struct strv *line_out);

/* ---- decide (cf_decide.c): pure ---- */

struct cf_facts {
	const struct cf_request *request;
	struct strv focus;		     /* the group or the factory */
	const struct cpm_group_rules *group; /* NULL: the factory */
	/* Of the sender as we know them; of an anonymous one also as the group sees them. */
	const struct pol_verdict *known, *hidden;
	unsigned max_list, max_members;
};

struct cf_plan {
	unsigned status; /* 202: to be sent; else a refusal */
	const char *why; /* a literal; may be NULL */
	int drop;	 /* 202, and nobody gets it: the operator says so */
	int anonymous;
	int hide;		   /* reports do not say whose they are */
	const struct strv *member; /* canonical, each once */
	unsigned n;
};
/* PLAN_OUT->member is in ARENA. -1: no memory. */
int cf_decide(const struct cf_facts *facts, const struct auth_domains *domains, struct arena *arena,
	      struct cf_plan *plan_out);

/* Does URI say that its owner hides? Also when it is empty. */
int cf_is_anonymous(struct strv uri);

/* ---- copies (cf_copy.c) ---- */

/* 48 random octets: boundary, tag, ids. */
enum { CF_RANDOM_BYTES = 48 };
struct cf_head;

/* The message that every member gets, but for recipient, To and Call-ID, which name FOCUS: a value,
 * one reference, the caller's. HEAD_OUT is filled in for what is planned, views into the request,
 * the plan and ARENA; its times are left to the caller. 0; -1: no memory. */
int cf_copy_make(const struct cf_request *request, const struct cf_plan *plan, struct strv focus,
		 size_t max_body, const unsigned char random[CF_RANDOM_BYTES], struct arena *arena,
		 struct cpm_message **copy_out, struct cf_head *head_out);

/* The header lines that name a service of ours in a request that we send, in ARENA. */
struct strv cf_service_lines(enum cpm_service service, struct arena *arena);

/* COPY for MEMBER, one reference, the caller's. NULL: no memory. */
struct cpm_message *cf_copy_for(const struct cpm_message *copy, struct strv member);

/* ---- records (cf_record.c) ---- */

/* Where a member's copy stands. */
enum cf_outcome { CF_WAITS = 0, CF_HANDED, CF_FAILED, CF_OUTCOMES };

/* What is known of one member. Kinds are those of enum imdn_kind less one. */
enum { CF_KINDS = IMDN_KINDS - 1 };
struct cf_member_state {
	uint8_t outcome;
	uint8_t told;		  /* bits: the sender has the report of this kind */
	uint8_t status[CF_KINDS]; /* enum imdn_status; 0: none yet */
};

/* A message in work but for its body. Texts are views. */
struct cf_head {
	struct strv focus;
	struct strv sender;	 /* canonical: reports go there, */
	struct strv reply_to;	 /* with this CPIM To, a header's value */
	struct strv id;		 /* imdn.Message-ID, else Contribution-ID: what it is known by */
	struct strv datetime;	 /* of the message, as it was spelled */
	struct strv original_to; /* URI of its CPIM To; empty: none */
	struct strv routes;	 /* values of its IMDN-Record-Routes, each followed by LF */
	struct strv conversation_id, contribution_id;
	int64_t arrival_us, expires_us;
	unsigned wants; /* bits of enum imdn_ask */
	int hide;
	int is_cpm; /* it named a service of CPM's */
	const struct strv *member;
	unsigned n;
};

/* As octets in ARENA; p NULL: no memory. */
struct strv cf_head_encode(const struct cf_head *head, struct arena *arena);
/* Texts point into RECORD, the members into ARENA. 0, or -1 with ERR_CORRUPT or ERR_NOMEM. */
int cf_head_decode(struct strv record, struct arena *arena, struct cf_head *head_out,
		   struct err *err);
struct strv cf_states_encode(const struct cf_member_state *states, unsigned n, struct arena *arena);
/* Into N STATES. 0, or -1 with ERR_CORRUPT. */
int cf_states_decode(struct strv record, struct cf_member_state *states, unsigned n,
		     struct err *err);

/* ---- reports (cf_report_print.c) ---- */

struct cf_report {
	struct strv member;
	enum imdn_kind kind;
	enum imdn_status status;
};

/* As many of REPORTS as fit MAX_BYTES, at least one, as one message to the sender of HEAD: one
 * report as it is, several as multipart/mixed (RFC 5438 s8.3). How many in N_TAKEN_OUT. NULL: no
 * memory, or HEAD cannot be reported on. */
struct cpm_message *cf_report_make(const struct cf_head *head, const struct cf_report *reports,
				   unsigned n, size_t max_bytes,
				   const unsigned char random[CF_RANDOM_BYTES], int64_t now_us,
				   unsigned *n_taken_out);

/* What the IMDNs in MESSAGE say, at most MAX, into IMDNS; their texts in ARENA. How many; -1: it is
 * none. */
int cf_report_read(const struct cpm_message_draft *message, struct arena *arena, struct imdn *imdns,
		   unsigned max);

/* ---- messages in work ---- */

/* The five steps for one message (cf_gather.c); what pf_focus.message is. */
void cf_message(void *arg, struct cpm_message *message, pf_done_fn *done, void *done_arg);

#endif

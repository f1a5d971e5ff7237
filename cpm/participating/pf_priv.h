/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/participating/pf_priv.h - the participating function, for its own files
 *
 * A request of SIP is read (pf_request.c) and decided for its sender while it is a request; then it
 * is a value (cpm_message), and everything about its recipient is decided and done of that, the
 * same for copies and reports that came by no request.
 */
#ifndef CPM_PARTICIPATING_PF_PRIV_H
#define CPM_PARTICIPATING_PF_PRIV_H

#include <stdatomic.h>

#include "auth/auth_check.h"
#include "base/metrics.h"
#include "base/wheel.h"
#include "base/worker.h"
#include "cpm/cpim.h"
#include "cpm/participating/pf.h"
#include "policy/pol_eval.h"

enum {
	PF_DEVICES_MAX = 64,
	PF_WORKERS_MAX = 64,
	PF_PLAIN_MAX = 256, /* devices of which a worker remembers that they want plain text */
	PF_UNPACKED_MAX = 65536,
};

/* ---- net: devices and other domains, as pf_sip.c has them ---- */

/* A device of a user, or one flow of it. Texts are valid as long as struct pf_devices. */
struct pf_device {
	struct strv id;	    /* instance, else its contact */
	struct strv params; /* header parameters of its contact: features */
	unsigned q;	    /* thousandths */
	int64_t refreshed_us;
	const void *binding;
};

struct pf_devices {
	unsigned n;
	const struct pf_device *device;
	int is_busy; /* cannot tell now */
};

typedef void pf_status_fn(void *arg, unsigned status);

struct pf_net {
	/* User records; as core_users.find. */
	void (*find_user)(void *arg, struct strv identity, auth_found_fn *done, void *context);
	/* The devices of HOME that can be reached, held until release: DONE on the calling worker,
	 * maybe before this returns; NULL: no memory. */
	void (*devices)(void *arg, struct strv home,
			void (*done)(void *done_arg, struct pf_devices *devices), void *done_arg);
	void (*release)(void *arg, struct pf_devices **devices); /* accepts NULL */
	/* MESSAGE as it goes out, made once; BODY.p: with this content instead. NULL: no memory or
	 * too large. */
	void *(*make)(void *arg, const struct cpm_message_draft *message, struct strv type,
		      struct strv body);
	void (*drop)(void *arg, void **made); /* accepts NULL */
	/* Send MADE to the device of BINDING. DONE once with the final status, maybe before this
	 * returns: 408, 430 and 503 when there was no answer. -1: no memory, DONE is not called. */
	int (*send)(void *arg, const void *binding, void *made, struct strv lines,
		    const struct trace_id *trace, pf_status_fn *done, void *done_arg);
	/* The same to URI, which is no user of ours. */
	int (*send_away)(void *arg, struct strv uri, void *made, const struct trace_id *trace,
			 pf_status_fn *done, void *done_arg);
	/* Timers of the worker that runs. */
	void (*timer_set)(void *arg, struct wheel_timer *timer, unsigned delay_ms,
			  void (*fn)(struct wheel_timer *timer));
	void (*timer_clear)(void *arg, struct wheel_timer *timer);
	int64_t (*now_us)(void *arg); /* Unix time */
	/* As deferred_store and deferred_displayed, but for tests; set by pf_set_deferred. NULL:
	 * nothing is stored. */
	void (*store)(void *store_arg, struct strv user, struct cpm_message *message,
		      const struct strv *taken, unsigned n_taken, deferred_stored_fn *done,
		      void *done_arg);
	void (*displayed)(void *store_arg, struct strv user, struct strv message_id);
	/* As deferred_waits, deferred_available, deferred_had; NULL with STORE. */
	int (*waits)(void *store_arg, struct strv user);
	void (*available)(void *store_arg, struct strv user, struct strv device);
	void (*had)(void *store_arg, struct strv user, struct strv device,
		    struct cpm_message *message);
	void *store_arg;
	void *arg;
};

/* ---- the function ---- */

/* What one worker remembers. */
struct pf_own {
	uint64_t plain[PF_PLAIN_MAX]; /* hashes of devices that took nothing but plain text */
};

struct pf {
	struct pf_options options;
	struct pf_net net;
	struct pf_focus focus;
	int has_focus;
	int is_stopping; /* workers have stopped: nothing is answered, kept or reported any more */
	struct pf_own *own; /* of PF_WORKERS_MAX */
	struct metric *delivered, *stored, *refused, *copied, *reported;
};

/* Of the worker that runs. */
struct pf_own *pf_own(struct pf *pf);
void pf_record(struct pf *pf, const struct cpm_message_draft *message,
	       const struct pol_facts *facts, const struct pol_layers *layers,
	       const struct pol_verdict *verdict, unsigned status);

/* ---- pf_request.c: parse ---- */

/* What is looked at of a request: values of header fields, lists joined; empty: not there. */
struct pf_said {
	struct strv service; /* P-Asserted-Service, of clients P-Preferred-Service */
	struct strv accept_contact;
	struct strv conversation_id, contribution_id, in_reply_to;
	struct strv content_type, encoding, body;
	int is_of_us; /* from a client of ours: what only servers send is refused */
};

struct pf_request {
	struct cpm_message_draft draft; /* what SAID tells of it; the rest is the adapter's */
	const struct cpim *cpim;	/* NULL: the body is none */
	int is_unpacked;		/* BODY was packed; here it no longer is */
	int is_changed;			/* the body is no longer the one that came */
	struct strv added;		/* header lines put in, each with CRLF: in LINES too */
};

/* Read a request; texts in ARENA or where SAID's are. 0; else the status to refuse it with and why.
 */
unsigned pf_request_read(const struct pf_said *said, struct arena *arena,
			 struct pf_request *request_out, const char **why_out);

/* What is made here; handed in, so that the parse is a function of its arguments. */
struct pf_making {
	unsigned char random[3][16];
	int64_t now_s;
};
/* The originating side: add the ids and the date that are missing, take the name out of CPIM's From
 * when it is ANONYMOUS (cpm.md 2.1 step 3, 2.12). 0; -1: no memory. */
int pf_request_complete(struct pf_request *request, const struct pf_making *making,
			struct arena *arena);

/* The text within a CPIM message, for a device that takes nothing else: 1 and views into BODY; 0:
 * it is no CPIM with text. */
int pf_request_text(struct strv content_type, struct strv body, struct arena *arena,
		    struct strv *type_out, struct strv *text_out);

/* ---- pf_decide.c: pure ---- */

/* What is decided for one of the two sides. */
struct pf_verdict {
	unsigned
		status; /* 0: go on; 2xx: it goes nowhere, and the sender sees this; else refused */
	const char *why; /* literal; NULL: not told */
	int is_silent;	 /* delivered without alerting */
	int may_store;	 /* for devices that are away */
};

/* The facts of MESSAGE for the side of its sender or its recipient. Texts are the message's. */
void pf_facts(const struct cpm_message_draft *message, enum pol_direction direction,
	      const struct auth_domains *domains, int64_t now_s, struct pol_facts *facts_out);

/* The sender's side: LAYERS are the operator's alone. */
void pf_decide_sender(const struct pol_layers *layers, const struct pol_facts *facts,
		      struct pol_verdict *verdict, struct pf_verdict *decided_out);
/* A report or a sign of typing: what the sender, whose rules LAYERS are, lets its peer know. 1: it
 * goes; 0: it goes nowhere. */
int pf_decide_report(const struct pol_layers *layers, const struct cpm_message_draft *message,
		     const struct pol_facts *facts, struct pol_verdict *verdict);
/* The recipient's side. N_DEVICES: that could take it now. */
void pf_decide_recipient(const struct pol_layers *layers, const struct pol_facts *facts,
			 const struct cpm_message_draft *message, unsigned n_devices,
			 int has_storage, struct pol_verdict *verdict,
			 struct pf_verdict *decided_out);

/* One flow of a device that is to be tried. */
struct pf_choice {
	unsigned device; /* index */
	int next_flow; /* of the same device, when this one is not reached: index of a choice; -1 */
	int is_first;  /* of its device's flows: it begins */
};
/* The devices that MESSAGE goes to, in their order (cpm.md 2.1 step 7, 2.9.2). Returns how many. */
unsigned pf_choose(const struct cpm_message_draft *message, const struct pol_doc *prefs,
		   enum pf_mode mode, const struct pf_device *device, unsigned n,
		   struct pf_choice choice_out[PF_DEVICES_MAX]);
/* 1 when the contact with PARAMS takes standalone messages of CPM (cpm.md 1.1, 1.2); else 0. */
int pf_is_capable(struct strv params);

enum pf_outcome {
	PF_TAKEN,
	PF_AWAY,     /* not reached: later */
	PF_UNFIT,    /* not this content (415, 488): perhaps as plain text */
	PF_REFUSED,  /* for good */
	PF_DECLINED, /* by the user: no other device is asked (403, 603; cpm.md 2.1 step 12) */
};
enum pf_outcome pf_outcome(unsigned status);
/* Of two statuses of devices the one that the sender sees (RFC 3261 s16.7 step 6); 0: none. */
unsigned pf_better(unsigned a, unsigned b);
/* And as the sender sees it: never what is between us and the device. */
unsigned pf_told(unsigned status);

/* ---- the recipient's side, from gathering to the last device's answer ---- */

struct pf_term;

/* One flow of a device. */
struct pf_try {
	struct pf_term *term;
	struct pf_choice choice;
	unsigned status; /* 0: none yet */
	unsigned char is_begun, is_busy, as_text, as_cpim, is_taken;
};

struct pf_term {
	struct pf *pf;
	struct cpm_message *message; /* held */
	pf_done_fn *done;	     /* NULL: it has been called */
	/* Not NULL: the decision is all that is wanted. */
	void (*judged)(void *arg, const struct pf_verdict *decided);
	void *arg;
	const struct cpm_user_rules *rules; /* held; NULL: none could be had */
	struct pf_devices *devices;	    /* held */
	struct pf_verdict decided;
	/* As it goes out; TEXT: its plain text alone; CPIM: a bare receipt, wrapped. NULL: not made
	 * yet. */
	void *made, *made_text, *made_cpim;
	struct pf_try *tries;
	unsigned n_tries, begun, busy, n_taken, n_away, depth;
	unsigned best;	 /* status of the devices that did not take it; 0: none */
	int is_declined; /* by the user */
	int is_storing, was_stored;
	int is_queued; /* it goes behind what waits for the recipient, not past it */
	int has_timer;
	struct wheel_timer timer;
	size_t home_n;
	char home[AUTH_IDENTITY_BYTES]; /* the user's home identity */
};

/* ---- pf_gather.c ---- */

/* As pf_terminate, for the user whose home identity is known to be HOME. */
void pf_terminate_at(struct pf *pf, struct cpm_message *message, struct strv home, pf_done_fn *done,
		     void *arg);
/* The decision alone, for a message that goes another way. 0; -1: no memory, JUDGED is not called.
 */
int pf_judge_recipient(struct pf *pf, struct cpm_message *message, struct strv home,
		       void (*judged)(void *arg, const struct pf_verdict *decided), void *arg);
/* Keep MESSAGE for all devices of HOME and answer for it: 202, 480, 503. */
void pf_store(struct pf *pf, struct cpm_message *message, struct strv home, pf_done_fn *done,
	      void *arg);
/* The rules of HOME, held, NULL when they cannot be had now; maybe before this returns. */
void pf_rules(struct pf *pf, struct strv home, cpm_user_rules_fn *done, void *arg);
/* Evaluated for the sender's side with the operator's rules; recorded. */
void pf_judge_sender(struct pf *pf, const struct cpm_message_draft *message,
		     struct pf_verdict *decided_out);
/* 1 when MESSAGE, a report or a sign of typing, may leave its sender, whose rules RULES are. */
int pf_judge_report(struct pf *pf, const struct cpm_message_draft *message,
		    const struct cpm_user_rules *rules);

/* ---- pf_act.c ---- */

void pf_term_free(struct pf_term *term);
/* All is gathered and decided. TERM is the callee's. */
void pf_act(struct pf_term *term);
/* Copies for the devices of HOME but the one that sent it; nobody waits for them. */
void pf_copy(struct pf *pf, struct cpm_message *message, struct strv home);
/* Does the device ID want plain text only? And now it is known to. */
int pf_wants_text(struct pf *pf, struct strv id);
void pf_note_text(struct pf *pf, struct strv id);
/* MESSAGE, a receipt of a client that knows nothing of CPIM, for one that takes nothing else (RFC
 * 5438 s7.2.1); NULL: no memory. And is it one? */
void *pf_make_receipt(struct pf *pf, const struct cpm_message_draft *message);
int pf_is_bare_receipt(const struct cpm_message_draft *message);
/* The plain text of MESSAGE as it goes out; NULL: it has none. */
void *pf_make_text(struct pf *pf, const struct cpm_message_draft *message);

/* ---- pf_report.c ---- */

enum pf_report { PF_REPORT_FAILED, PF_REPORT_STORED };
/* Tell the sender of MESSAGE, if they asked for that (RFC 5438 s7.2.1). */
void pf_report(struct pf *pf, const struct cpm_message *message, enum pf_report what);

#endif

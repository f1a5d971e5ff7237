/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xdms_http.c - XCAP requests from HTTP, in five steps
 *
 * parse, gather, decide, commit, act stand below in this order. What is decided, and why, is in
 * xcap_req.c and xcap_decide.c; who asks is found out by the edge (http_auth). A commit that finds
 * another version than the one decided upon goes back to gather.
 */
#include "xdms/xdms_http.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/metrics.h"
#include "http/http.h"
#include "http/http_auth.h"
#include "xdms/xcap_cond.h"
#include "xdms/xcap_req.h"
#include "xdms/xdm_access.h"
#include "xdms/xdm_claims.h"
#include "xdms/xdm_directory.h"
#include "xdms/xdm_docs.h"
#include "xdms/xdm_quota.h"
#include "xdms/xdm_watch.h"

enum {
	TRIES_MAX = 1000,  /* conflicts of one request; each means that another one won */
	COPY_BYTES = 4096, /* a smaller body is copied, a larger one is sent as pieces */
	PIECES_FIRST = 16,
	/* Of a request, whatever its document may be: a larger one grows by its nodes, or is
	 * imported. */
	BODY_MAX = 4 << 20,
};

struct xdms {
	char *root, *root_uri;
	size_t max_body;
	size_t cache_bytes;
	struct xdm_log_keep log_keep;
	const struct auth_domains *domains;
	struct auid_table *table;
	struct xdm_doc *caps;
	struct xcap_rules rules;
	struct xdm_store *store;
	struct xdm_watches *watches;
	struct xdm_docs docs;
	struct xdm_directory directory;
	struct http_auth *auth;
	struct http_auth_ops users;
	struct metric *conflicts;
};

/* One request on its way through the steps, in its arena. */
struct run {
	struct xdm_find find;
	struct job job; /* a decision that takes long */
	struct xdms *xdms;
	struct http_req *http;
	struct xcap_req req;
	struct xcap_answer answer;
	struct xcap_who asking;	  /* in the arena */
	struct strv who;	  /* acts, for the log */
	struct xdm_access access; /* of somebody else's document */
	struct xdm_claims claims; /* of URIs, with what is being committed */
	struct xdm_doc *doc;	  /* gathered; held */
	struct xdm_doc *next;	  /* being committed; owned */
	unsigned tries;
};

static void act(struct run *run);
static void gather(struct run *run);

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- parse ---- */

static struct run *run_of(struct job *job)
{
	return (struct run *)(void *)((char *)job - offsetof(struct run, job));
}

/* What is asked of the document's owner. EXISTS: the document is there. */
static struct xdm_access_ask access_ask(const struct run *run, int exists)
{
	const struct xcap_req *req = &run->req;
	struct xdm_access_ask ask = { .usage = req->usage,
				      .owner = req->owner,
				      .document = req->document,
				      .sel = req->uri.has_node ? &req->sel : NULL,
				      .op = XDM_OP_RETRIEVE,
				      .id = { run->asking.home, run->asking.acting },
				      .is_operator = run->asking.is_operator,
				      .now_s = now_us() / 1000000,
				      .arena = req->arena };

	if (req->method == XCAP_PUT)
		ask.op = exists || req->uri.has_node ? XDM_OP_MODIFY : XDM_OP_CREATE;
	else if (req->method == XCAP_DELETE)
		ask.op = req->uri.has_node ? XDM_OP_MODIFY : XDM_OP_DELETE;
	return ask;
}

/* 1 when the document is there; 0 also when that cannot be told. */
static int document_exists(struct run *run)
{
	struct xdm_doc *doc;
	int exists;

	if (xdm_find_sync(run->xdms->store, run->req.owner, run->req.name, &doc) != KV_DONE)
		return 0;
	exists = doc->doc != NULL;
	xdm_doc_drop(&doc);
	return exists;
}

static void access_job(struct job *job)
{
	struct run *run = run_of(job);
	int exists = run->req.method == XCAP_PUT && !run->req.uri.has_node && document_exists(run);
	struct xdm_access_ask ask = access_ask(run, exists);
	struct err err;

	if (xdm_access_sync(&run->xdms->rules, run->xdms->store, &ask, &run->access, &err) < 0)
		xcap_answer_text(&run->answer, 503, "busy",
				 "permissions cannot be looked up now: try again\n");
	else if (!run->access.allowed)
		xcap_answer_text(&run->answer, 403, "access", "this is not for you\n");
}

static void access_job_done(struct job *job)
{
	struct run *run = run_of(job);

	if (run->answer.status)
		act(run);
	else
		gather(run);
}

/* Somebody else's document: its owner says who may. */
static void ask_owner(struct run *run)
{
	run->job.run = access_job;
	run->job.done = access_job_done;
	run->answer = (struct xcap_answer){ .status = 0 };
	if (jobs_submit(xdm_store_jobs(run->xdms->store), &run->job) < 0) {
		xcap_answer_text(&run->answer, 503, "busy", "too much waits: try again\n");
		act(run);
	}
}

/* The request may be made, of RUN's owner, or its owner has to be asked. */
static void allowed(struct run *run)
{
	struct xdm_access_ask ask;

	if (xcap_req_select(&run->req, &run->answer)) {
		act(run);
	} else if (run->req.is_foreign) {
		ask_owner(run);
	} else {
		if (log_on(LOG_HTTP, LOG_DEBUG) && run->req.uri.tree == XCAP_USERS) {
			ask = access_ask(run, 1);
			xdm_access_quick(&ask, &run->access);
		}
		gather(run);
	}
}

/* The user behind the path is OWNER. */
static void settle(struct run *run, struct strv owner)
{
	struct strv home = strv_mem(arena_strdup(run->req.arena, owner), owner.n);

	if (!home.p) {
		xcap_answer_text(&run->answer, 500, "memory", "no memory for this request\n");
		act(run);
	} else if (xcap_req_settle(&run->req, &run->asking, home, &run->answer)) {
		act(run);
	} else {
		allowed(run);
	}
}

/* Somebody else's: of whom, by whatever name? What is left of a user who is gone can be read and
 * deleted by operators, nothing is put there. */
static void on_owner(void *context, enum auth_found found, const struct auth_user *user)
{
	struct run *run = context;

	if (found == AUTH_FOUND) {
		settle(run, user->identity[0]);
		return;
	}
	if (found == AUTH_ABSENT && run->asking.is_operator && run->req.method != XCAP_PUT) {
		allowed(run);
		return;
	}
	if (found == AUTH_BUSY)
		xcap_answer_text(&run->answer, 503, "busy",
				 "users cannot be looked up now: try again\n");
	else if (!run->asking.is_operator) /* others are not told who exists */
		xcap_answer_text(&run->answer, 403, "access", "this is not for you\n");
	else
		xcap_answer_text(&run->answer, 404, "xui", "there is no such user\n");
	act(run);
}

static int keep_who(struct run *run, const struct auth_verdict *verdict)
{
	struct arena *arena = http_req_arena(run->http);
	struct strv home = auth_identity_text(&verdict->home);
	struct strv acting = auth_identity_text(&verdict->acting);

	run->asking = (struct xcap_who){ strv_of(arena_strdup(arena, home)),
					 strv_of(arena_strdup(arena, acting)),
					 (verdict->roles & AUTH_ROLE_OPERATOR) != 0 };
	run->who = run->asking.acting;
	return run->asking.home.p && run->asking.acting.p ? 0 : -1;
}

static void on_who(struct http_req *http, const struct auth_verdict *verdict, void *arg)
{
	struct run *run = arg;

	run->req.asks_owner = 1;
	if (keep_who(run, verdict) < 0)
		http_answer_text(http, 500, "no memory for this request");
	else if (xcap_req_allow(&run->xdms->rules, &run->req, &run->asking, &run->answer))
		act(run);
	else if (run->req.uri.tree == XCAP_USERS && !strv_eq(run->req.owner, run->asking.home) &&
		 run->xdms->users.find)
		run->xdms->users.find(run->xdms->users.arg, run->req.owner, on_owner, run);
	else
		allowed(run);
}

static void allow_everyone(struct run *run)
{
	const struct xcap_who nobody = { .is_operator = 0 };

	if (xcap_req_allow(&run->xdms->rules, &run->req, &nobody, &run->answer))
		act(run);
	else
		allowed(run);
}

static void on_request(struct http_req *http, void *arg)
{
	struct run *run = arena_zalloc(http_req_arena(http), 1, sizeof(*run));

	if (!run) {
		http_answer_text(http, 500, "no memory for this request");
		return;
	}
	run->xdms = arg;
	run->http = http;
	run->req = (struct xcap_req){ .method_text = http_req_method(http),
				      .target = http_req_target(http),
				      .content_type = http_req_header(http, "Content-Type"),
				      .if_match = http_req_header(http, "If-Match"),
				      .if_none_match = http_req_header(http, "If-None-Match"),
				      .body = http_req_body(http),
				      .arena = http_req_arena(http) };
	if (xcap_req_parse(&run->xdms->rules, &run->req, &run->answer)) {
		act(run);
		return;
	}
	http_req_note(http, "auid", run->req.uri.auid);
	if (xcap_req_is_open(&run->req))
		allow_everyone(run);
	else
		http_authenticate(run->xdms->auth, http, on_who, run);
}

/* ---- gather ---- */

static void decide(struct run *run);

static void on_found(struct xdm_find *find, struct xdm_doc *doc, enum kv_status status)
{
	struct run *run = (struct run *)(void *)find;

	run->doc = doc;
	if (doc) {
		decide(run);
		return;
	}
	if (status == KV_BUSY)
		xcap_answer_text(&run->answer, 503, "busy",
				 "documents cannot be read now: try again\n");
	else
		xcap_answer_text(&run->answer, 500, "store", "the stored document is damaged\n");
	act(run);
}

static void gather(struct run *run)
{
	if (run->req.usage == &auid_xcap_caps) {
		run->doc = (struct xdm_doc *)(void *)cache_value_hold(&run->xdms->caps->value);
		decide(run);
		return;
	}
	run->find.owner = run->req.owner;
	run->find.name = run->req.name;
	run->find.done = on_found;
	xdm_find(run->xdms->store, &run->find);
}

/* ---- decide ---- */

static void commit(struct run *run);

static int decide_now(struct run *run, int long_ok)
{
	return xcap_req_decide(&run->xdms->rules, &run->req, run->doc,
			       xdm_store_epoch(run->xdms->store), long_ok, &run->answer);
}

static void decide_job(struct job *job)
{
	decide_now(run_of(job), 1);
}

static void decide_job_done(struct job *job)
{
	commit(run_of(job));
}

static void decide(struct run *run)
{
	if (decide_now(run, 0) == 0) {
		commit(run);
		return;
	}
	run->job.run = decide_job;
	run->job.done = decide_job_done;
	if (jobs_submit(xdm_store_jobs(run->xdms->store), &run->job) < 0) {
		xcap_answer_text(&run->answer, 503, "busy", "too much waits: try again\n");
		act(run);
	}
}

/* ---- commit ---- */

static void after_commit(struct run *run, const struct kv_commit_result *result)
{
	switch (result->status) {
	case KV_DONE:
		/* A deleted document has no entity tag any more (RFC 4825 s8.5). */
		run->answer.version = run->next->doc ? result->seq : 0;
		xdm_publish(run->xdms->store, run->req.owner, run->req.name, &run->next,
			    result->seq);
		break;
	case KV_NO_SPACE:
		xcap_answer_text(&run->answer, 507, "no-space",
				 "there is no space left to store it\n");
		break;
	case KV_CONFLICT: /* others won each time: nothing is wrong with the store */
	case KV_BUSY:
		xcap_answer_text(&run->answer, 503, "busy", "too much waits: try again\n");
		break;
	default:
		xcap_answer_text(&run->answer, 500, "store", "the store has failed\n");
		break;
	}
}

/* URIs that are unique on the server are claimed before the commit and given up after it. */

static void drop_claims_job(struct job *job)
{
	struct run *run = run_of(job);

	xdm_claims_drop_sync(run->xdms->store, &run->claims, run->req.arena);
}

static void drop_claims_done(struct job *job)
{
	act(run_of(job));
}

static void drop_claims(struct run *run)
{
	run->job.run = drop_claims_job;
	run->job.done = drop_claims_done;
	if (jobs_submit(xdm_store_jobs(run->xdms->store), &run->job) < 0)
		act(run); /* void by itself in a minute */
}

static void on_commit(void *arg, const struct kv_commit_result *result)
{
	struct run *run = arg;

	if (result->status == KV_CONFLICT && ++run->tries < TRIES_MAX) {
		metric_add(run->xdms->conflicts, 1);
		xdm_doc_drop(&run->next);
		xdm_doc_drop(&run->doc);
		gather(run);
		return;
	}
	after_commit(run, result);
	xdm_doc_drop(&run->next);
	if (result->status == KV_DONE && run->claims.n_removed)
		drop_claims(run);
	else
		act(run);
}

static void store(struct run *run)
{
	struct xdm_write write = { .owner = run->req.owner,
				   .name = run->req.name,
				   .old = run->doc,
				   .doc = run->answer.new_doc,
				   .edit = run->answer.edit,
				   .kind = xcap_req_log_kind(&run->req),
				   .time_us = now_us(),
				   .who = run->who };
	struct kv_batch *batch;

	write.selector = xcap_req_log_selector(&run->req);
	batch = xdm_batch(run->xdms->store, &write, &run->next);
	run->answer.new_doc = NULL; /* taken over */
	if (!batch) {
		xcap_answer_text(&run->answer, 500, "memory", "no memory for this request\n");
		act(run);
		return;
	}
	xdm_commit(run->xdms->store, batch, on_commit, run);
}

/* What has to be asked of the store before the commit: the user's quota, and whether URIs are
 * free. */

static void refuse_store(struct run *run, int ret, const struct xcap_fault *fault)
{
	xcap_doc_drop(&run->answer.new_doc);
	if (ret > 0)
		xcap_answer_fault(&run->answer, fault, run->req.arena);
	else
		xcap_answer_text(&run->answer, 503, "busy",
				 "documents cannot be looked up now: try again\n");
}

static int wants_quota(const struct run *run)
{
	return xdm_quota_concerns(&run->xdms->rules, &run->req, run->doc->doc, run->answer.new_doc,
				  run->answer.edit);
}

static int wants_claims(const struct run *run)
{
	return xdm_claims_concern(run->req.usage, run->answer.edit);
}

static void prepare_job(struct job *job)
{
	struct run *run = run_of(job);
	const struct xcap_rules *rules = &run->xdms->rules;
	struct xdm_store *store = run->xdms->store;
	struct xcap_fault fault;
	struct err err;
	int ret = 0;

	if (wants_quota(run))
		ret = xdm_quota_check_sync(rules, store, &run->req, run->doc->doc,
					   run->answer.new_doc, &fault, &err);
	if (ret == 0 && wants_claims(run)) {
		ret = xdm_claims_find(rules, &run->req, run->doc->doc, run->answer.new_doc,
				      &run->claims, &fault, &err);
		if (ret == 0)
			ret = xdm_claims_take_sync(rules, store, &run->claims, now_us() / 1000000,
						   run->req.arena, &fault, &err);
	}
	if (ret)
		refuse_store(run, ret, &fault);
}

static void prepare_done(struct job *job)
{
	struct run *run = run_of(job);

	if (run->answer.changes)
		store(run);
	else
		act(run);
}

static void prepare(struct run *run)
{
	run->job.run = prepare_job;
	run->job.done = prepare_done;
	if (jobs_submit(xdm_store_jobs(run->xdms->store), &run->job) < 0) {
		refuse_store(run, -1, NULL);
		act(run);
	}
}

static void commit(struct run *run)
{
	if (!run->answer.changes)
		act(run);
	else if (wants_quota(run) || wants_claims(run))
		prepare(run);
	else
		store(run);
}

/* ---- act ---- */

struct pieces {
	struct http_piece *piece;
	unsigned n, max;
	struct arena *arena;
};

static int add_piece(void *arg, struct strv bytes)
{
	struct pieces *pieces = arg;

	if (pieces->n == pieces->max) {
		unsigned max = pieces->max ? pieces->max * 2 : PIECES_FIRST;
		struct http_piece *more = arena_zalloc(pieces->arena, max, sizeof(*more));

		if (!more)
			return -1;
		if (pieces->n)
			memcpy(more, pieces->piece, pieces->n * sizeof(*more));
		pieces->piece = more;
		pieces->max = max;
	}
	pieces->piece[pieces->n++].bytes = bytes;
	return 0;
}

static void release_doc(void *arg)
{
	struct cache_value *value = arg;

	cache_value_drop(&value);
}

/* The text of a node: copied when it is short, else in pieces of the document, which stays held
 * until they have been sent. Returns 0, or -1 without memory. */
static int fill_spot(struct run *run, struct http_answer *answer)
{
	struct pieces pieces = { .arena = run->req.arena };

	if (xcap_spot_octets(&run->answer.spot) <= COPY_BYTES) {
		answer->body = xcap_spot_slice(&run->answer.spot, run->req.arena);
		return answer->body.n ? 0 : -1;
	}
	if (xcap_spot_text(&run->answer.spot, add_piece, &pieces) != 0)
		return -1;
	answer->pieces = pieces.piece;
	answer->n_pieces = pieces.n;
	answer->release = release_doc;
	answer->release_arg = cache_value_hold(&run->doc->value);
	return 0;
}

static void act(struct run *run)
{
	const struct xcap_answer *decided = &run->answer;
	struct http_header headers[5];
	struct http_answer answer = { .status = decided->status,
				      .headers = headers,
				      .body = decided->body };
	char etag[XCAP_ETAG_BYTES];

	if (decided->cause)
		http_req_note(run->http, "cause", strv_of(decided->cause));
	if (decided->content_type)
		headers[answer.n_headers++] =
			(struct http_header){ "Content-Type", strv_of(decided->content_type) };
	if (decided->version) {
		xcap_etag_print(xdm_store_epoch(run->xdms->store), decided->version, etag);
		headers[answer.n_headers++] = (struct http_header){ "ETag", strv_of(etag) };
	}
	if (decided->allow)
		headers[answer.n_headers++] =
			(struct http_header){ "Allow", strv_of(decided->allow) };
	if (decided->status == 503)
		headers[answer.n_headers++] = (struct http_header){ "Retry-After", STRV("1") };
	/* No cache between knows which resources a change touches (RFC 4825 s9). */
	headers[answer.n_headers++] = (struct http_header){ "Cache-Control", STRV("no-cache") };
	if (decided->has_spot && fill_spot(run, &answer) < 0)
		http_answer_text(run->http, 500, "no memory for this answer");
	else
		http_answer(run->http, &answer);
	xdm_doc_drop(&run->doc);
}

/* ---- the room ---- */

static int canonical(void *arg, struct strv xui, struct arena *arena, struct strv *out)
{
	const struct xdms *xdms = arg;
	struct auth_identity identity;
	char *text;

	if (auth_identity_parse(xui, xdms->domains, &identity, NULL) < 0)
		return -1;
	text = arena_strdup(arena, auth_identity_text(&identity));
	*out = strv_of(text);
	return text ? 0 : -1;
}

static void caps_destroy(struct cache_value *value)
{
	struct xdm_doc *caps = (struct xdm_doc *)(void *)value;

	xcap_doc_drop(&caps->doc);
	free(caps);
}

/* xcap-caps/global/index. Its version is made from its text: it changes with the program only. */
static struct xdm_doc *make_caps(const struct auid_table *table, struct err *err)
{
	struct xdm_doc *caps = calloc(1, sizeof(*caps));
	struct arena *arena = arena_new(0);
	struct strv text = { NULL, 0 };

	if (caps && arena)
		text = auid_caps_print(table, arena);
	if (!text.n || xcap_doc_parse(text, NULL, &caps->doc, err) < 0) {
		free(caps);
		caps = NULL;
	} else {
		cache_value_init(&caps->value, xcap_hash(XCAP_HASH_START, text) | 1, text.n,
				 caps_destroy);
	}
	if (arena)
		arena_free(&arena);
	return caps;
}

static size_t largest_body(const struct auid_table *table)
{
	const struct auid_ops *usage;
	size_t max = 0;

	for (size_t i = 0; (usage = auid_at(table, i)); i++)
		if (usage->max_bytes > max)
			max = usage->max_bytes;
	return max < BODY_MAX ? max : BODY_MAX;
}

int xdms_new(const struct xdms_options *options, struct xdms **xdms_out, struct err *err)
{
	struct xdms *xdms = calloc(1, sizeof(*xdms));

	if (!xdms)
		return err_set(err, ERR_NOMEM, "no memory for the XDM server");
	*xdms_out = xdms;
	xdms->root = strdup(options->root);
	xdms->root_uri = strdup(options->root_uri ? options->root_uri : "");
	xdms->cache_bytes = options->cache_bytes;
	xdms->log_keep = (struct xdm_log_keep){ options->log_entries, options->log_bytes,
						options->log_age_s };
	xdms->domains = options->domains;
	if (options->users)
		xdms->users = *options->users;
	xdms->conflicts = metric_counter("opencpm_xcap_conflicts_total",
					 "Edits that were made again because another one won.", "");
	if (!xdms->root || !xdms->root_uri) {
		xdms_free(xdms_out);
		return err_set(err, ERR_NOMEM, "no memory for the XDM server");
	}
	if (auid_table_open(options->test_app, &xdms->table, err) < 0 ||
	    !(xdms->caps = make_caps(xdms->table, err))) {
		xdms_free(xdms_out);
		return -1;
	}
	xdms->max_body = largest_body(xdms->table);
	xdms->rules = (struct xcap_rules){ .table = xdms->table,
					   .root = strv_of(xdms->root),
					   .root_uri = strv_of(xdms->root_uri),
					   .bare_attributes = options->bare_attributes,
					   .canonical = canonical,
					   .spell = options->spell,
					   .arg = xdms,
					   .is_user = options->is_user,
					   .is_user_arg = options->is_user_arg,
					   .quota = options->quota };
	return 0;
}

int xdms_start(struct xdms *xdms, struct kv *kv, struct jobs *jobs, struct http_auth *auth,
	       struct err *err)
{
	xdms->auth = auth;
	if (xdm_store_new(kv, jobs, xdms->cache_bytes, &xdms->log_keep, &xdms->store, err) < 0)
		return -1;
	xdms->docs = (struct xdm_docs){ &xdms->rules, xdms->store, xdms->caps };
	xdms->directory.table = xdms->table;
	xdms->directory.root = strv_of(*xdms->root_uri ? xdms->root_uri : xdms->root);
	while (xdms->directory.root.n && xdms->directory.root.p[xdms->directory.root.n - 1] == '/')
		xdms->directory.root.n--;
	if (xdm_directory_serve(&xdms->directory, xdms->store, err) < 0 ||
	    xdm_rls_index_serve(xdms->store, err) < 0)
		return -1;
	return xdm_watches_new(kv, xdms->store, &xdms->watches, err);
}

const struct xdm_docs *xdms_docs(const struct xdms *xdms)
{
	return &xdms->docs;
}

struct xdm_store *xdms_store(const struct xdms *xdms)
{
	return xdms->store;
}

struct xdm_watches *xdms_watches(const struct xdms *xdms)
{
	return xdms->watches;
}

void xdms_stop(struct xdms *xdms)
{
	xdm_watches_stop(xdms->watches);
}

void xdms_route(struct xdms *xdms, struct http_route *route_out)
{
	*route_out = (struct http_route){
		.prefix = xdms->root, .max_body = xdms->max_body, .handle = on_request, .arg = xdms
	};
}

void xdms_free(struct xdms **xdms_at)
{
	struct xdms *xdms = *xdms_at;
	struct cache_value *caps;

	*xdms_at = NULL;
	if (!xdms)
		return;
	xdm_watches_free(&xdms->watches);
	xdm_store_free(&xdms->store);
	caps = xdms->caps ? &xdms->caps->value : NULL;
	cache_value_drop(&caps);
	auid_table_close(&xdms->table);
	free(xdms->root);
	free(xdms->root_uri);
	free(xdms);
}

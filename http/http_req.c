/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http/http_req.c - a request: its head behind the fence, its body, its route, its log line
 *
 * A request has copies of everything in its own arena, because its handler may keep it longer than
 * the connection lives. Requests are reused: in the usual case one costs no allocation.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "http/http_priv.h"

enum { SPARE_MAX = 64, SMALL_BODY = 16 * 1024, FIRST_ROOM = 64 * 1024, EXCESS_MAX = 1 << 20 };

uint64_t http_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* ---- getting and giving back ---- */

static void join(struct http_req **list, struct http_req *req)
{
	req->next = *list;
	req->link = list;
	if (req->next)
		req->next->link = &req->next;
	*list = req;
}

static void leave_list(struct http_req *req)
{
	*req->link = req->next;
	if (req->next)
		req->next->link = req->link;
}

static void req_free(struct http_req *req)
{
	arena_free(&req->arena);
	free(req);
}

static struct http_req *obtain(struct http_edge *edge)
{
	struct http_req *req = edge->spare;
	struct arena *arena;

	if (req) {
		leave_list(req);
		edge->n_spare--;
		arena = req->arena;
	} else {
		req = malloc(sizeof(*req));
		arena = req ? arena_new(0) : NULL;
		if (!arena) {
			free(req);
			return NULL;
		}
	}
	/* The notes' text need not be cleared. */
	memset(req, 0, offsetof(struct http_req, notes));
	req->arena = arena;
	join(&edge->live, req);
	return req;
}

struct http_req *http_req_new(struct http_conn *conn, const char *target)
{
	struct http_edge *edge = conn->engine->edge;
	struct http_req *req = obtain(edge);
	char *copy;

	if (!req)
		return NULL;
	req->edge = edge;
	req->conn = conn;
	req->listener = conn->listener;
	req->peer = conn->peer;
	req->begun_ns = http_now_ns();
	req->target_from = target;
	copy = arena_strdup(req->arena, strv_of(target));
	if (!copy) {
		http_req_give_back(req);
		return NULL;
	}
	req->target = strv_of(copy);
	return req;
}

void http_req_give_back(struct http_req *req)
{
	struct http_edge *edge = req->edge;

	leave_list(req);
	if (req->body_on_heap)
		free(req->body);
	if (edge->n_spare >= SPARE_MAX) {
		req_free(req);
		return;
	}
	arena_reset(req->arena);
	join(&edge->spare, req);
	edge->n_spare++;
}

void http_req_leave(struct http_req *req)
{
	req->conn = NULL;
	if (req->answered || !req->handed_over)
		http_req_give_back(req);
}

void http_req_free_all(struct http_edge *edge)
{
	while (edge->live)
		http_req_give_back(edge->live);
	while (edge->spare) {
		struct http_req *req = edge->spare;

		leave_list(req);
		req_free(req);
	}
	edge->n_spare = 0;
}

/* ---- the head ---- */

struct copying {
	struct http_req *req;
	uintptr_t from;
	const char *copy;
	size_t bytes;
	struct http_field *fields;
	unsigned n, max;
};

/* The N octets that the library has at P, in our copy; p NULL when they were not in the head. */
static struct strv moved(const struct copying *copying, const char *p, size_t n)
{
	uintptr_t at = (uintptr_t)p - copying->from;

	if ((uintptr_t)p < copying->from || at > copying->bytes || n > copying->bytes - at)
		return (struct strv){ NULL, 0 };
	return (struct strv){ copying->copy + at, n };
}

static enum MHD_Result copy_field(void *cls, enum MHD_ValueKind kind, const char *key,
				  size_t key_bytes, const char *value, size_t value_bytes)
{
	struct copying *copying = cls;

	(void)kind;
	if (copying->n >= copying->max)
		return MHD_NO;
	copying->fields[copying->n].name = moved(copying, key, key_bytes);
	copying->fields[copying->n++].value = moved(copying, value, value_bytes);
	return MHD_YES;
}

static int copy_head(struct http_req *req, struct MHD_Connection *mhd, const char *method,
		     const char *version, struct http_head *head_out)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	int n = MHD_get_connection_values(mhd, MHD_HEADER_KIND, NULL, NULL);
	struct copying copying = { .req = req, .from = (uintptr_t)method };
	struct strv target;
	char *copy;

	if (!info || n < 0)
		return -1;
	copying.bytes = info->header_size;
	copying.max = (unsigned)n;
	copy = arena_alloc(req->arena, copying.bytes + 1);
	copying.fields = arena_alloc(req->arena, (copying.max + 1) * sizeof(*copying.fields));
	if (!copy || !copying.fields)
		return -1;
	memcpy(copy, method, copying.bytes);
	copying.copy = copy;
	MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, copy_field, &copying);
	/* The library has decoded the target in place since; put it back. */
	target = moved(&copying, req->target_from, req->target.n);
	if (target.p)
		memcpy(copy + (target.p - copying.copy), req->target.p, target.n);
	*head_out = (struct http_head){ .p = copy,
					.bytes = copying.bytes,
					.method = { copy, strlen(method) },
					.target = target,
					.version = moved(&copying, version, strlen(version)),
					.fields = copying.fields,
					.n_fields = copying.n };
	req->fields = copying.fields;
	req->n_fields = copying.n;
	req->method = head_out->method;
	return 0;
}

static const struct http_route *find_route(const struct http *http, struct strv path, int local)
{
	const struct http_route *best = NULL;
	size_t best_n = 0;

	for (unsigned i = 0; i < http->n_routes; i++) {
		const struct http_route *route = &http->routes[i];
		struct strv prefix = strv_of(route->prefix);
		size_t n = prefix.n;

		/* "/" and "/x/" are prefixes as they stand, "/x" only up to a "/". */
		if (!strv_starts(path, prefix) ||
		    (path.n > n && prefix.n && prefix.p[n - 1] != '/' && path.p[n] != '/'))
			continue;
		if ((route->flags & HTTP_LOCAL) && !local)
			continue;
		if (!best || n > best_n) {
			best = route;
			best_n = n;
		}
	}
	return best;
}

static int refuse(struct http_req *req, unsigned status, const char *text)
{
	http_answer_refuse(req->conn, status, text);
	return -1;
}

/* What is wrong with a request whose end is known. Without a body the connection goes on: the
 * answer waits for the second call of the library's handler, since one at the first ends it. */
static int refuse_late(struct http_req *req, int has_body, unsigned status, const char *text)
{
	if (has_body)
		return refuse(req, status, text);
	req->late_status = status;
	req->late_text = text;
	return 0;
}

static int judge(struct http_req *req, const struct http_head *head,
		 struct http_fence_verdict *verdict_out)
{
	const struct http *http = req->edge->http;
	const struct http_fence_limits limits = {
		.header_bytes = atomic_load_explicit(&http->header_bytes, memory_order_relaxed),
		.header_fields = atomic_load_explicit(&http->header_fields, memory_order_relaxed),
		.target_bytes = atomic_load_explicit(&http->target_bytes, memory_order_relaxed),
	};

	if (http_fence_check(head, &limits, verdict_out) == 0)
		return 0;
	trace_new(&req->trace);
	req->cause = verdict_out->cause;
	metric_add(http->by_fence[verdict_out->cause], 1);
	return refuse(req, verdict_out->status, verdict_out->text);
}

static void set_trace(struct http_req *req)
{
	struct strv parent = http_req_header(req, "traceparent");

	if (!parent.p || trace_parse(parent, &req->trace) < 0)
		trace_new(&req->trace);
}

int http_req_head(struct http_req *req, const char *method, const char *version)
{
	struct http *http = req->edge->http;
	struct http_fence_verdict verdict;
	struct http_head head;
	int has_body;

	if (copy_head(req, req->conn->mhd, method, version, &head) < 0)
		return -1;
	if (judge(req, &head, &verdict) < 0)
		return -1;
	set_trace(req);
	req->path = http_target_path(req->target, &req->query);
	req->chunked = verdict.chunked;
	req->length = verdict.length;
	has_body = verdict.chunked || verdict.length;
	if (!limit_request(http->limits, http_req_peer(req), worker_now_ms(req->edge->worker))) {
		metric_add(http->refused_rate, 1);
		return refuse_late(req, has_body, 429, "Too many requests from this address.");
	}
	if (strv_eq(req->target, STRV("*")))
		return refuse_late(req, has_body, 204, "");
	req->route = find_route(http, req->path, http_req_is_local(req));
	if (!req->route)
		return refuse_late(req, has_body, 404, "There is nothing here.");
	if (verdict.length > req->route->max_body) {
		metric_add(http->refused_body, 1);
		return refuse(req, 413, "The body is too large.");
	}
	return 0;
}

/* ---- the body ---- */

static int grow(struct http_req *req, size_t need)
{
	size_t room = req->body_on_heap ? req->body_room * 2 : FIRST_ROOM;
	char *body;

	while (room < need)
		room *= 2;
	if (req->length && room > req->length)
		room = req->length;
	body = realloc(req->body_on_heap ? req->body : NULL, room);
	if (!body)
		return -1;
	if (!req->body_on_heap && req->body_bytes)
		memcpy(body, req->body, req->body_bytes);
	req->body = body;
	req->body_on_heap = 1;
	req->body_room = room;
	return 0;
}

/* Room for NEED octets: a small body of known length in the arena, others on the heap, growing
 * with what has really come. */
static int make_room(struct http_req *req, size_t need)
{
	if (need <= req->body_room)
		return 0;
	if (!req->body && req->length && req->length <= SMALL_BODY) {
		req->body = arena_alloc(req->arena, req->length);
		req->body_room = req->body ? req->length : 0;
	}
	return need <= req->body_room ? 0 : grow(req, need);
}

int http_req_body_add(struct http_req *req, const char *p, size_t n)
{
	/* Only a chunked body can turn out too large here. The library takes no answer before its
	 * end, so some excess is read for the sake of a 413. */
	if (req->too_large || n > req->route->max_body - req->body_bytes) {
		req->too_large = 1;
		req->excess += n;
		return req->excess > EXCESS_MAX ? -1 : 0;
	}
	if (make_room(req, req->body_bytes + n) < 0)
		return -1;
	memcpy(req->body + req->body_bytes, p, n);
	req->body_bytes += n;
	return 0;
}

void http_req_handle(struct http_req *req)
{
	if (req->too_large) {
		metric_add(req->edge->http->refused_body, 1);
		http_answer_refuse(req->conn, 413, "The body is too large.");
	} else if (req->late_status) {
		http_answer_late(req);
	} else {
		req->handed_over = 1;
		req->route->handle(req, req->route->arg);
	}
}

/* ---- its outcome ---- */

static void print_peer(const struct sockaddr_storage *peer, char *text, size_t bytes)
{
	const struct sockaddr_in *in = (const void *)peer;
	const struct sockaddr_in6 *in6 = (const void *)peer;
	char address[INET6_ADDRSTRLEN];

	if (peer->ss_family == AF_INET)
		snprintf(text, bytes, "%s:%u",
			 inet_ntop(AF_INET, &in->sin_addr, address, sizeof(address)),
			 ntohs(in->sin_port));
	else if (peer->ss_family == AF_INET6)
		snprintf(text, bytes, "[%s]:%u",
			 inet_ntop(AF_INET6, &in6->sin6_addr, address, sizeof(address)),
			 ntohs(in6->sin6_port));
	else
		snprintf(text, bytes, "unix");
}

/* The peer's text: its connection's, made once, while there is a connection. */
static const char *peer_text(const struct http_req *req, char text[PEER_TEXT])
{
	if (!req->conn) {
		print_peer(&req->peer, text, PEER_TEXT);
		return text;
	}
	if (!req->conn->peer_text[0])
		print_peer(&req->peer, req->conn->peer_text, PEER_TEXT);
	return req->conn->peer_text;
}

static void log_outcome(const struct http_req *req, enum log_level level, int sent, uint64_t us)
{
	struct log_field fields[12 + NOTES_MAX], *f = fields;
	char peer[PEER_TEXT];

	if (req->method.n)
		*f++ = L_SV("method", req->method);
	*f++ = L_SV("target", req->target);
	*f++ = L_INT("status", req->status);
	if (req->cause)
		*f++ = L_STR("cause", http_fence_cause_name(req->cause));
	for (unsigned i = 0; i < req->n_notes; i++)
		*f++ = L_SV(req->notes[i].key, strv_mem(req->notes[i].value, req->notes[i].n));
	*f++ = L_INT("us", (int64_t)us);
	*f++ = L_INT("bytes", strv_eq(req->method, STRV("HEAD")) ? 0 : (int64_t)req->sent_bytes);
	*f++ = L_STR("peer", peer_text(req, peer));
	*f++ = L_INT("tls", req->listener->tls != NULL);
	if (!sent)
		*f++ = L_STR("outcome", "gone");
	if (req->trace.hex[0])
		*f++ = L_ID(&req->trace);
	*f = (struct log_field){ .kind = LOG_F_END };
	log_write(level, LOG_HTTP, "request", fields);
}

static void count_status(struct http_listener *listener, unsigned status)
{
	unsigned i = status < STATUS_MAX ? status : 0;
	struct metric *m = atomic_load_explicit(&listener->by_status[i], memory_order_acquire);
	char labels[128];

	if (!m) {
		snprintf(labels, sizeof(labels), "code=\"%u\",listener=\"%s\"", i, listener->label);
		m = metric_counter(
			"opencpm_http_requests_total",
			"HTTP requests by the status of their answer (0: none was given)", labels);
		atomic_store_explicit(&listener->by_status[i], m, memory_order_release);
	}
	metric_add(m, 1);
}

void http_req_done(struct http_req *req, int sent)
{
	uint64_t us = (http_now_ns() - req->begun_ns) / 1000;
	enum log_level level =
		req->route && (req->route->flags & HTTP_QUIET) ? LOG_DEBUG : LOG_INFO;

	count_status(req->listener, req->status);
	metric_observe(req->edge->http->latency, us);
	if (log_on(LOG_HTTP, level))
		log_outcome(req, level, sent, us);
}

/* ---- what a handler sees ---- */

struct strv http_req_method(const struct http_req *req)
{
	return req->method;
}

struct strv http_req_target(const struct http_req *req)
{
	return req->target;
}

struct strv http_req_path(const struct http_req *req)
{
	return req->path;
}

struct strv http_req_query(const struct http_req *req)
{
	return req->query;
}

int http_req_header_next(const struct http_req *req, const char *name, unsigned *iter,
			 struct strv *value_out)
{
	struct strv wanted = strv_of(name);

	while (*iter < req->n_fields) {
		const struct http_field *field = &req->fields[(*iter)++];

		if (field->name.n == wanted.n && strv_caseeq(field->name, wanted)) {
			*value_out = strv_trim(field->value);
			return 1;
		}
	}
	return 0;
}

struct strv http_req_header(const struct http_req *req, const char *name)
{
	struct strv value = { NULL, 0 };
	unsigned iter = 0;

	http_req_header_next(req, name, &iter, &value);
	return value;
}

struct strv http_req_body(const struct http_req *req)
{
	return strv_mem(req->body, req->body_bytes);
}

const struct sockaddr *http_req_peer(const struct http_req *req)
{
	return (const struct sockaddr *)&req->peer;
}

int http_req_is_tls(const struct http_req *req)
{
	return req->listener->tls != NULL;
}

int http_req_is_local(const struct http_req *req)
{
	return req->listener->path != NULL;
}

int http_req_peer_uid(const struct http_req *req, unsigned *uid_out)
{
	struct ucred peer;
	socklen_t bytes = sizeof(peer);

	if (!http_req_is_local(req) || !req->conn ||
	    getsockopt(req->conn->fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) < 0)
		return -1;
	*uid_out = peer.uid;
	return 0;
}

const struct trace_id *http_req_trace(const struct http_req *req)
{
	return &req->trace;
}

struct arena *http_req_arena(struct http_req *req)
{
	return req->arena;
}

struct worker *http_req_worker(const struct http_req *req)
{
	return req->edge->worker;
}

void http_req_note(struct http_req *req, const char *key, struct strv value)
{
	struct http_note *note;

	if (req->n_notes >= NOTES_MAX)
		return;
	note = &req->notes[req->n_notes++];
	note->key = key;
	note->n = (unsigned char)(value.n < NOTE_BYTES ? value.n : NOTE_BYTES);
	if (note->n)
		memcpy(note->value, value.p, note->n);
}

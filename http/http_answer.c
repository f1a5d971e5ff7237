/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http/http_answer.c - from a handler's answer to a response of libmicrohttpd
 *
 * Every answer carries the request's trace id as X-Request-Id, so that a client's report and our
 * log meet. The library adds Content-Length and Date, and leaves the body out for HEAD. Texts
 * for people hold nothing of the peer's octets.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "http/http_priv.h"

enum { TEXT_BYTES = 512 };

static void add(struct MHD_Response *response, const char *name, const char *value)
{
	/* Refused when it holds a line end, which would make two fields of one. */
	if (MHD_add_response_header(response, name, value) != MHD_YES)
		log_error(LOG_HTTP, "answer-field-dropped", L_STR("name", name));
}

/* What the library decides itself, and what describes the connection rather than the answer. */
static int is_ours(const char *name)
{
	static const char *const ours[] = { "Content-Length", "Transfer-Encoding", "Connection",
					    "Date" };

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (strcasecmp(name, ours[i]) == 0)
			return 1;
	return 0;
}

static void add_headers(struct http_req *req, struct MHD_Response *response,
			const struct http_answer *answer)
{
	for (unsigned i = 0; i < answer->n_headers; i++) {
		const struct http_header *header = &answer->headers[i];
		const char *value =
			header->value.n && memchr(header->value.p, '\0', header->value.n)
				? NULL
				: arena_strdup(req->arena, header->value);

		if (value && !is_ours(header->name))
			add(response, header->name, value);
		else
			log_error(LOG_HTTP, "answer-field-dropped", L_STR("name", header->name));
	}
}

/* A chunked body's line ends are the library's to judge, and it takes LF for CRLF. So that nobody
 * can hide a request behind such a body, its connection carries no other (RFC 9112 s9.6). */
static int must_close(const struct http_req *req)
{
	return req->chunked ||
	       atomic_load_explicit(&req->edge->http->draining, memory_order_relaxed);
}

static void finish(struct http_req *req, struct MHD_Response *response, int close)
{
	if (req->trace.hex[0])
		add(response, "X-Request-Id", req->trace.hex);
	if (close || must_close(req))
		add(response, "Connection", "close");
}

static struct MHD_Response *from_pieces(struct http_req *req, const struct http_answer *answer)
{
	struct MHD_IoVec *vec = arena_zalloc(req->arena, answer->n_pieces, sizeof(*vec));

	if (!vec)
		return NULL;
	for (unsigned i = 0; i < answer->n_pieces; i++) {
		vec[i].iov_base = answer->pieces[i].bytes.p;
		vec[i].iov_len = answer->pieces[i].bytes.n;
		req->sent_bytes += answer->pieces[i].bytes.n;
	}
	return MHD_create_response_from_iovec(vec, answer->n_pieces, answer->release,
					      answer->release_arg);
}

/* The arena lives until the library has done with the answer: one copy is enough, and none when
 * the handler made the body there. */
static struct MHD_Response *from_body(struct http_req *req, struct strv body)
{
	const char *kept =
		body.n && arena_owns(req->arena, body.p) ? body.p : arena_strdup(req->arena, body);

	if (!kept)
		return NULL;
	req->sent_bytes = body.n;
	return MHD_create_response_from_buffer(body.n, (void *)(uintptr_t)kept,
					       MHD_RESPMEM_PERSISTENT);
}

/* The answer is there: out with it now, or at the end of the turn. */
static void deliver(struct http_req *req, unsigned status, struct MHD_Response *response)
{
	struct http_conn *conn = req->conn;

	req->status = status;
	conn->status = status;
	conn->response = response;
	if (!response)
		conn->cut = 1;
	if (!conn->in_handler)
		http_engine_resume(conn);
}

static void answer_pieces(struct http_req *req, const struct http_answer *answer)
{
	struct MHD_Response *response = from_pieces(req, answer);

	if (!response) {
		if (answer->release)
			answer->release(answer->release_arg);
		deliver(req, 500, NULL);
		return;
	}
	add_headers(req, response, answer);
	finish(req, response, answer->close);
	deliver(req, answer->status, response);
}

void http_answer(struct http_req *req, const struct http_answer *answer)
{
	struct MHD_Response *response;

	assert(!req->answered && answer->status >= 200 && answer->status < STATUS_MAX);
	req->answered = 1;
	if (!req->conn) {
		if (answer->pieces && answer->release)
			answer->release(answer->release_arg);
		http_req_give_back(req);
		return;
	}
	if (answer->pieces) {
		answer_pieces(req, answer);
		return;
	}
	response = from_body(req, answer->body);
	if (response) {
		add_headers(req, response, answer);
		finish(req, response, answer->close);
	}
	deliver(req, response ? answer->status : 500, response);
}

void http_answer_body(struct http_req *req, unsigned status, const char *content_type,
		      struct strv body)
{
	const struct http_header type = { "Content-Type", strv_of(content_type) };

	http_answer(req,
		    &(struct http_answer){
			    .status = status, .headers = &type, .n_headers = 1, .body = body });
}

void http_answer_text(struct http_req *req, unsigned status, const char *fmt, ...)
{
	char text[TEXT_BYTES];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text) - 1, fmt, ap);
	va_end(ap);
	if (n < 0)
		n = 0;
	if (n > TEXT_BYTES - 2)
		n = TEXT_BYTES - 2;
	text[n++] = '\n';
	http_answer_body(req, status, "text/plain; charset=utf-8", strv_mem(text, (size_t)n));
}

static unsigned status_of(enum err_code code)
{
	switch (code) {
	case ERR_SYNTAX:
	case ERR_RANGE:
		return 400;
	case ERR_DENIED:
		return 403;
	case ERR_ABSENT:
		return 404;
	case ERR_EXISTS:
	case ERR_CONFLICT:
		return 409;
	case ERR_LIMIT:
		return 429;
	case ERR_SPACE:
		return 507;
	case ERR_BUSY:
	case ERR_STOPPING:
	case ERR_NOMEM:
		return 503;
	default:
		return 500;
	}
}

void http_answer_err(struct http_req *req, const struct err *err)
{
	unsigned status = status_of(err->code);

	http_req_note(req, "cause", strv_of(err_code_name(err->code)));
	/* What failed within the server is for its operator, not for the peer. */
	if (status == 500)
		http_answer_text(req, status, "The server failed; see its log.");
	else
		http_answer_text(req, status, "%s.", err->text);
}

/* ---- the edge's own answers ---- */

static struct MHD_Response *plain(const char *text, unsigned status)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text,
						MHD_RESPMEM_PERSISTENT);

	if (!response)
		return NULL;
	add(response, "Content-Type", "text/plain; charset=utf-8");
	if (status == 405)
		add(response, "Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
	if (status == 429 || status == 503)
		add(response, "Retry-After", "1");
	return response;
}

void http_answer_refuse(struct http_conn *conn, unsigned status, const char *text)
{
	struct http_req *req = conn->req;

	conn->status = status;
	conn->refused = 1;
	conn->response = plain(text, status);
	if (!conn->response) {
		conn->cut = 1;
		return;
	}
	if (req) {
		req->status = status;
		req->sent_bytes = strlen(text);
		finish(req, conn->response, 1);
	} else {
		add(conn->response, "Connection", "close");
	}
}

void http_answer_late(struct http_req *req)
{
	struct MHD_Response *response = plain(req->late_text, req->late_status);

	if (response)
		finish(req, response, 0);
	req->answered = 1;
	req->sent_bytes = strlen(req->late_text);
	deliver(req, req->late_status, response);
}

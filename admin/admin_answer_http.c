/* SPDX-License-Identifier: Apache-2.0 */
/* admin/admin_answer_http.c - how operators are answered: JSON, errors, files; see admin_call.h */
#include "admin/admin_call.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "admin/admin_err.h"
#include "http/http.h"

static const struct http_header json_headers[] = {
	{ "Content-Type", { "application/json", 16 } },
	{ "Cache-Control", { "no-store", 8 } },
};

void admin_answer_json(struct http_req *req, unsigned status, json_t *json)
{
	struct http_answer answer = { .status = status, .headers = json_headers, .n_headers = 2 };
	size_t bytes = 0;
	char *text = json_print(json, &bytes);

	json_decref(json);
	if (!text) {
		http_answer_text(req, 503, "no memory for the answer");
		return;
	}
	answer.body = strv_mem(text, bytes);
	http_answer(req, &answer);
	free(text);
}

void admin_answer_err(struct http_req *req, const struct err *err)
{
	http_req_note(req, "error", strv_of(err_code_name(err->code)));
	admin_answer_json(req, admin_err_status(err->code), admin_err_json(err));
}

static void on_unmapped(void *arg)
{
	struct strv *map = arg;

	munmap((void *)(uintptr_t)map->p, map->n);
	free(map);
}

void admin_answer_file(struct http_req *req, int fd, uint64_t bytes)
{
	static const struct http_header type = { "Content-Type", { "application/x-ndjson", 20 } };
	struct strv *map = malloc(sizeof(*map));
	struct http_piece piece;
	struct http_answer answer = { .status = 200,
				      .headers = &type,
				      .n_headers = 1,
				      .pieces = &piece,
				      .n_pieces = 1,
				      .release = on_unmapped,
				      .release_arg = map };
	void *p = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, fd, 0);

	close(fd);
	if (!map || p == MAP_FAILED) {
		if (p != MAP_FAILED)
			munmap(p, bytes);
		free(map);
		http_answer_text(req, 503, "no memory for the file");
		return;
	}
	*map = strv_mem(p, bytes);
	piece.bytes = *map;
	http_answer(req, &answer);
}

void admin_answer_no_verb(struct http_req *req, const char *allow)
{
	struct http_header headers[3] = { json_headers[0],
					  json_headers[1],
					  { "Allow", strv_of(allow) } };
	struct http_answer answer = { .status = allow[0] ? 405 : 404,
				      .headers = headers,
				      .n_headers = allow[0] ? 3 : 2 };
	struct err err;
	size_t bytes = 0;
	json_t *json;
	char *text;

	err_set(&err, ERR_ABSENT, allow[0] ? "this path has no such method" : "no such path");
	json = admin_err_json(&err);
	if (allow[0])
		json_object_set_new(json, "error", json_string("method"));
	json_object_set_new(json, "remedy", json_string("cpmctl(1) lists the verbs"));
	text = json_print(json, &bytes);
	json_decref(json);
	answer.body = strv_mem(text, bytes);
	http_answer(req, &answer);
	free(text);
}

/* ---- on the pool ---- */

void admin_call_answer(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;

	if (call->err.code)
		admin_answer_err(call->req, &call->err);
	else
		admin_answer_json(call->req, 200, call->json);
}

static void run_call(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;

	call->run(job);
	admin_calls_leave(&call->admin->calls);
}

void admin_call_on_pool(struct admin_call *call, void (*run)(struct job *job),
			void (*done)(struct job *job))
{
	struct admin_calls *calls = &call->admin->calls;

	call->run = run;
	call->job.run = run_call;
	call->job.done = done;
	if (!admin_calls_enter(calls)) {
		err_set(&call->err, ERR_STOPPING, "the server is going down");
		admin_answer_err(call->req, &call->err);
	} else if (jobs_submit(call->admin->pool, &call->job) < 0) {
		admin_calls_leave(calls);
		err_set(&call->err, ERR_BUSY, "the job pool is full");
		admin_answer_err(call->req, &call->err);
	}
}

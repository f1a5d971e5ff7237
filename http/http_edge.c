/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http/http_edge.c - the edge as a whole: opening, reloading, draining, freeing
 *
 * Everything is opened before the workers run and closed on each worker by the drain, so that no
 * handle of ours is left in a loop when the workers end.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http/http_priv.h"

void http_options_init(struct http_options *options)
{
	*options = (struct http_options){
		.max_conns = 10000,
		.header_bytes = 16 * 1024,
		.header_fields = 100,
		.target_bytes = 8 * 1024,
		.idle_s = 60,
		.deadline_ms = 30000,
	};
}

void http_reload(struct http *http, const struct http_options *options)
{
	unsigned idle_s = options->idle_s ? options->idle_s : 1;

	atomic_store(&http->max_conns, options->max_conns);
	atomic_store(&http->header_bytes, options->header_bytes);
	atomic_store(&http->header_fields, options->header_fields);
	atomic_store(&http->target_bytes, options->target_bytes);
	atomic_store(&http->idle_ms, idle_s < UINT32_MAX / 1000 ? idle_s * 1000 : UINT32_MAX);
	atomic_store(&http->deadline_ms, options->deadline_ms ? options->deadline_ms : 1);
}

int http_reload_tls(struct http *http, struct err *err)
{
	struct tls_creds *fresh[LISTENS_MAX] = { NULL };
	int failed = 0;

	for (unsigned i = 0; i < http->n_listeners && !failed; i++)
		if (http->listeners[i].tls)
			failed = tls_cert_load(http->listeners[i].tls, &fresh[i], err) < 0;
	for (unsigned i = 0; i < http->n_listeners; i++) {
		if (failed)
			tls_creds_drop(&fresh[i]);
		else if (fresh[i])
			tls_cert_swap(http->listeners[i].tls, fresh[i]);
	}
	return failed ? -1 : 0;
}

uint16_t http_port(const struct http *http, unsigned i)
{
	return i < http->n_listeners ? http->listeners[i].port : 0;
}

/* ---- opening ---- */

static struct metric *refusals(const char *cause)
{
	char labels[64];

	snprintf(labels, sizeof(labels), "cause=\"%s\"", cause);
	return metric_counter("opencpm_http_refused_total",
			      "Connections and requests that were refused or ended, by cause",
			      labels);
}

static void make_metrics(struct http *http)
{
	http->conns_gauge = metric_gauge("opencpm_http_connections", "Open HTTP connections", "");
	http->latency = metric_histogram("opencpm_http_request_seconds",
					 "From a request's line to the end of its answer", "");
	for (unsigned i = HTTP_FENCE_PASS + 1; i < HTTP_FENCE_CAUSES; i++)
		http->by_fence[i] = refusals(http_fence_cause_name(i));
	http->refused_conns = refusals("connections");
	http->refused_source = refusals("source-connections");
	http->refused_rate = refusals("source-requests");
	http->refused_body = refusals("body-large");
	http->refused_idle = refusals("slow");
	http->refused_deadline = refusals("deadline");
	http->refused_fds = refusals("descriptors");
}

static int listener_init(struct http_listener *listener, const struct http_listen *spec,
			 struct err *err)
{
	if (spec->path)
		listener->path = strdup(spec->path);
	if (spec->path && !listener->path)
		return err_set(err, ERR_NOMEM, "no memory for a listener");
	if (!spec->cert_file)
		return 0;
	if (!spec->key_file)
		return err_set(err, ERR_RANGE, "certificate %s has no key file", spec->cert_file);
	return tls_cert_new(&(struct tls_files){ .cert = spec->cert_file,
						 .key = spec->key_file,
						 .log = LOG_HTTP },
			    &listener->tls, err);
}

static int open_listeners(struct http *http, const struct http_options *options, struct err *err)
{
	for (unsigned i = 0; i < options->n_listens; i++) {
		struct http_listener *listener = &http->listeners[http->n_listeners++];

		if (listener_init(listener, &options->listens[i], err) < 0 ||
		    http_listener_open(listener, &options->listens[i], http->edges, http->n_edges,
				       err) < 0)
			return -1;
	}
	return 0;
}

static int watch_door(struct http_door *door, struct err *err)
{
	if (uv_poll_init(worker_loop(door->edge->worker), &door->poll, door->fd) < 0)
		return err_set(err, ERR_IO, "a listening socket cannot be watched");
	door->edge->open_handles++;
	door->has_poll = 1;
	door->poll.data = door;
	return 0;
}

static int open_edge(struct http_edge *edge, struct err *err)
{
	int need_plain = 0, need_tls = 0;

	for (unsigned i = 0; i < edge->http->n_listeners; i++)
		*(edge->http->listeners[i].tls ? &need_tls : &need_plain) = 1;
	if (uv_idle_init(worker_loop(edge->worker), &edge->idle) < 0)
		return err_set(err, ERR_IO, "no idle handle");
	edge->idle.data = edge;
	edge->has_idle = 1;
	edge->open_handles++;
	if (need_plain && http_engine_open(&edge->plain, edge, 0, err) < 0)
		return -1;
	if (need_tls && http_engine_open(&edge->tls, edge, 1, err) < 0)
		return -1;
	for (unsigned i = 0; i < edge->n_doors; i++)
		if (watch_door(&edge->doors[i], err) < 0)
			return -1;
	http_doors_open(edge);
	return 0;
}

static int allocate(struct http *http, const struct http_options *options)
{
	unsigned n = workers_count(http->workers);

	http->listeners = calloc(options->n_listens + 1, sizeof(*http->listeners));
	http->edges = calloc(n, sizeof(*http->edges));
	if (!http->listeners || !http->edges)
		return -1;
	http->n_edges = n;
	for (unsigned i = 0; i < n; i++) {
		struct http_edge *edge = &http->edges[i];

		edge->http = http;
		edge->worker = workers_at(http->workers, i);
		edge->plain.edge = edge->tls.edge = edge;
		edge->doors = calloc(options->n_listens + 1, sizeof(*edge->doors));
		if (!edge->doors)
			return -1;
	}
	return 0;
}

int http_new(const struct http_options *options, struct workers *workers, struct http **http_out,
	     struct err *err)
{
	struct http *http;

	if (!options->n_listens || options->n_listens > LISTENS_MAX)
		return err_set(err, ERR_RANGE, "%u HTTP listeners: from 1 to %d can be had",
			       options->n_listens, LISTENS_MAX);
	http = calloc(1, sizeof(*http));
	if (!http)
		return err_set(err, ERR_NOMEM, "no memory for the HTTP edge");
	http->workers = workers;
	http->limits = options->limits;
	http->routes = options->routes;
	http->n_routes = options->n_routes;
	/* The library keeps a request's head, its index of fields and the answer's head in it. */
	http->pool_bytes = 2 * (size_t)options->header_bytes;
	http_reload(http, options);
	make_metrics(http);
	if (allocate(http, options) < 0) {
		http_free(&http);
		return err_set(err, ERR_NOMEM, "no memory for the HTTP edge");
	}
	if (open_listeners(http, options, err) < 0)
		goto failed;
	for (unsigned i = 0; i < http->n_edges; i++)
		if (open_edge(&http->edges[i], err) < 0)
			goto failed;
	*http_out = http;
	return 0;
failed:
	http_free(&http);
	return -1;
}

/* ---- draining ---- */

static void edge_ended(struct http_edge *edge)
{
	struct http *http = edge->http;

	if (atomic_fetch_sub(&http->edges_left, 1) == 1 && http->drained)
		http->drained(http->drained_arg);
}

void http_edge_handle_gone(struct http_edge *edge)
{
	if (--edge->open_handles == 0 && edge->closed)
		edge_ended(edge);
}

static void on_handle_closed(uv_handle_t *handle)
{
	http_edge_handle_gone(handle->data);
}

void http_edge_close_handle(struct http_edge *edge, uv_handle_t *handle)
{
	handle->data = edge;
	uv_close(handle, on_handle_closed);
}

/* No connection is left: give the loop back what is ours in it. */
static void close_edge(struct http_edge *edge)
{
	edge->closed = 1;
	http_linger_end_all(edge);
	worker_timer_clear(edge->worker, &edge->drain_timer);
	http_engine_close(&edge->plain);
	http_engine_close(&edge->tls);
	if (edge->has_idle) {
		uv_idle_stop(&edge->idle);
		http_edge_close_handle(edge, (uv_handle_t *)&edge->idle);
	}
}

void http_edge_check_drained(struct http_edge *edge)
{
	if (edge->draining && !edge->closed && !edge->n_conns)
		close_edge(edge);
}

static void cut_all(struct http_edge *edge)
{
	for (struct http_conn *conn = edge->conns; conn; conn = conn->next)
		http_conn_cut(conn);
}

static void on_drain_over(struct wheel_timer *timer)
{
	struct http_edge *edge =
		(struct http_edge *)((char *)timer - offsetof(struct http_edge, drain_timer));

	log_warn(LOG_HTTP, "drain-cut", L_INT("connections", edge->n_conns));
	cut_all(edge);
}

static void on_drain(struct post *post)
{
	struct http_edge *edge =
		(struct http_edge *)((char *)post - offsetof(struct http_edge, drain_post));
	struct http_conn *conn, *next;

	http_doors_close(edge);
	edge->draining = 1;
	for (conn = edge->conns; conn; conn = next) {
		next = conn->next;
		http_conn_close_when_idle(conn);
	}
	worker_timer_set(edge->worker, &edge->drain_timer, edge->http->drain_ms, on_drain_over);
	http_edge_check_drained(edge);
}

void http_drain(struct http *http, unsigned timeout_ms, void (*drained)(void *arg), void *arg)
{
	if (atomic_exchange(&http->draining, 1))
		return;
	http->drain_ms = timeout_ms;
	http->drained = drained;
	http->drained_arg = arg;
	atomic_store(&http->edges_left, http->n_edges);
	for (unsigned i = 0; i < http->n_edges; i++) {
		http->edges[i].drain_post.run = on_drain;
		worker_post(http->edges[i].worker, &http->edges[i].drain_post);
	}
}

/* ---- freeing ---- */

/* An edge that was never drained; its worker does not run. */
static void close_undrained(struct http_edge *edge)
{
	edge->draining = 1;
	http_doors_close(edge);
	cut_all(edge);
	while (edge->n_conns) {
		unsigned before = edge->n_conns;

		http_engine_on_idle(&edge->idle);
		http_engine_run(&edge->plain);
		http_engine_run(&edge->tls);
		if (edge->n_conns == before)
			break;
	}
	if (!edge->closed)
		close_edge(edge);
	while (edge->open_handles)
		uv_run(worker_loop(edge->worker), UV_RUN_NOWAIT);
}

static void free_listener(struct http_listener *listener)
{
	tls_cert_free(&listener->tls);
	free(listener->path);
}

void http_free(struct http **http_at)
{
	struct http *http = *http_at;

	*http_at = NULL;
	if (!http)
		return;
	http->drained = NULL;
	for (unsigned i = 0; i < http->n_edges; i++) {
		struct http_edge *edge = &http->edges[i];

		if (!edge->closed)
			close_undrained(edge);
		http_req_free_all(edge);
		free(edge->doors);
	}
	for (unsigned i = 0; i < http->n_listeners; i++)
		free_listener(&http->listeners[i]);
	free(http->listeners);
	free(http->edges);
	free(http);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_tp.c - the transport as a whole: opening, sending, draining, freeing
 *
 * Sockets are bound before the workers run and closed on each worker by the drain. A message for a
 * flow of another worker goes there by post; what could not be sent comes back the same way, so
 * the one that asked is never called while it asks.
 */
#include "sip/sip_tp.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/trace.h"
#include "sip/sip_tp_priv.h"

enum { LOCAL_MS = 30000, FLUSH_ROUNDS = 8 };

void sip_tp_options_init(struct sip_tp_options *options)
{
	*options = (struct sip_tp_options){
		.max_conns = 10000,
		.idle_ms = 180000,
		.message_ms = 10000,
		.connect_ms = 5000,
		.write_max = 1 << 20,
	};
}

static struct sip_tp_edge *self_edge(struct sip_tp *tp)
{
	struct worker *worker = worker_self();

	assert(worker);
	return &tp->edges[worker_index(worker)];
}

/* ---- what is to be sent ---- */

struct sip_tp_out *sip_tp_out_new(struct sip_tp_edge *from, struct sip_buf *buf, uint64_t cookie)
{
	struct sip_tp_out *out = calloc(1, sizeof(*out));

	if (!out)
		return NULL;
	out->tp = from->tp;
	out->from = (unsigned char)worker_index(from->worker);
	out->buf = buf ? sip_buf_hold(buf) : NULL;
	out->cookie = cookie;
	return out;
}

void sip_tp_out_free(struct sip_tp_out *out)
{
	sip_buf_drop(&out->buf);
	free(out);
}

void sip_tp_out_post(struct sip_tp_out *out, unsigned worker, void (*run)(struct post *post))
{
	atomic_fetch_add(&out->tp->refs, 1);
	out->post.run = run;
	worker_post(workers_at(out->tp->workers, worker), &out->post);
}

static void on_failed(struct post *post)
{
	struct sip_tp_out *out = (struct sip_tp_out *)post;
	struct sip_tp *tp = out->tp;

	if (!atomic_load(&tp->over) && tp->ops.failed)
		tp->ops.failed(tp->ops.arg, out->cookie);
	sip_tp_out_free(out);
	sip_tp_drop(tp);
}

void sip_tp_out_fail(struct sip_tp_out *out)
{
	if (!out->cookie || atomic_load(&out->tp->over)) {
		sip_tp_out_free(out);
		return;
	}
	sip_buf_drop(&out->buf);
	sip_tp_out_post(out, out->from, on_failed);
}

/* On the worker of its flow. */
static void on_hop(struct post *post)
{
	struct sip_tp_out *out = (struct sip_tp_out *)post;
	struct sip_tp *tp = out->tp;
	struct sip_conn *conn = NULL;

	if (!atomic_load(&tp->over))
		conn = sip_flow_find(&tp->edges[sip_flow_worker(out->flow)], out->flow);
	if (conn)
		sip_conn_send(conn, out);
	else
		sip_tp_out_fail(out);
	sip_tp_drop(tp);
}

void sip_tp_send(struct sip_tp *tp, const struct sip_dest *dest, struct sip_buf *buf,
		 uint64_t cookie)
{
	struct sip_tp_edge *edge = self_edge(tp);
	struct sip_conn *conn = NULL;
	struct sip_tp_out *out;
	unsigned worker = sip_flow_worker(dest->flow);

	if (dest->proto == SIP_UDP) {
		sip_udp_send(edge, dest, buf, cookie);
		return;
	}
	out = sip_tp_out_new(edge, buf, cookie);
	if (!out)
		return; /* as if lost on the way: the transaction's timer tells */
	out->flow = dest->flow;
	if (dest->flow && worker == worker_index(edge->worker)) {
		conn = sip_flow_find(edge, dest->flow);
	} else if (sip_tp_flow_alive(tp, dest->flow)) {
		sip_tp_out_post(out, worker, on_hop);
		return;
	}
	if (!conn && !dest->flow_only)
		conn = sip_flow_by_dest(edge, dest);
	if (!conn && !dest->flow_only)
		conn = sip_conn_connect(edge, dest);
	if (conn)
		sip_conn_send(conn, out);
	else
		sip_tp_out_fail(out);
}

/* ---- flows from any worker ---- */

struct flow_post {
	struct post post; /* first */
	struct sip_tp *tp;
	uint64_t flow;
	unsigned keep_ms;
	int close;
};

static void change_flow(struct sip_tp_edge *edge, uint64_t flow, int close, unsigned keep_ms)
{
	struct sip_conn *conn = sip_flow_find(edge, flow);

	if (!conn)
		return;
	if (close) {
		sip_conn_close_soon(conn, SIP_END_NORMAL);
		return;
	}
	conn->keep_ms = keep_ms;
	sip_conn_arm(conn);
}

static void on_flow_post(struct post *post)
{
	struct flow_post *fp = (struct flow_post *)post;

	if (!atomic_load(&fp->tp->over))
		change_flow(&fp->tp->edges[sip_flow_worker(fp->flow)], fp->flow, fp->close,
			    fp->keep_ms);
	sip_tp_drop(fp->tp);
	free(fp);
}

static void ask_flow(struct sip_tp *tp, uint64_t flow, int close, unsigned keep_ms)
{
	struct sip_tp_edge *edge = self_edge(tp);
	struct flow_post *fp;

	if (!sip_tp_flow_alive(tp, flow))
		return;
	if (sip_flow_worker(flow) == worker_index(edge->worker)) {
		change_flow(edge, flow, close, keep_ms);
		return;
	}
	fp = calloc(1, sizeof(*fp));
	if (!fp)
		return;
	*fp = (struct flow_post){
		.post.run = on_flow_post, .tp = tp, .flow = flow, .keep_ms = keep_ms, .close = close
	};
	atomic_fetch_add(&tp->refs, 1);
	worker_post(workers_at(tp->workers, sip_flow_worker(flow)), &fp->post);
}

void sip_tp_keep(struct sip_tp *tp, uint64_t flow, unsigned idle_ms)
{
	ask_flow(tp, flow, 0, idle_ms);
}

void sip_tp_close(struct sip_tp *tp, uint64_t flow)
{
	ask_flow(tp, flow, 1, 0);
}

int sip_tp_alias(struct sip_tp *tp, uint64_t flow, unsigned port)
{
	struct sip_tp_edge *edge = self_edge(tp);
	struct sip_conn *conn = NULL;

	if (sip_flow_worker(flow) == worker_index(edge->worker))
		conn = sip_flow_find(edge, flow);
	if (!conn || !conn->listener || !conn->tls || !conn->name || !port || port > UINT16_MAX)
		return -1;
	if (conn->hashed && sip_addr_port(&conn->reach) == port)
		return 0;
	sip_flow_unhash(conn);
	conn->reach = conn->remote;
	sip_addr_set_port(&conn->reach, port);
	sip_flow_hash(conn);
	return 0;
}

/* ---- our own addresses ---- */

static int is_loopback(const struct sip_addr *addr)
{
	if (addr->any.sa_family == AF_INET)
		return (ntohl(addr->v4.sin_addr.s_addr) >> 24) == 127;
	return IN6_IS_ADDR_LOOPBACK(&addr->v6.sin6_addr);
}

struct sip_listener *sip_tp_pick(struct sip_tp *tp, enum sip_proto proto,
				 const struct sip_addr *addr)
{
	struct sip_listener *second = NULL;

	for (unsigned i = 0; i < tp->n_listeners; i++) {
		struct sip_listener *listener = &tp->listeners[i];

		if (listener->proto != proto || listener->addr.any.sa_family != addr->any.sa_family)
			continue;
		/* From a loopback address nothing else can be reached, and the other way round it
		 * would look odd. */
		if (listener->is_any || is_loopback(&listener->addr) == is_loopback(addr))
			return listener;
		if (!second)
			second = listener;
	}
	return second;
}

unsigned sip_tp_port(const struct sip_tp *tp, unsigned listen)
{
	return listen < tp->n_listeners ? sip_addr_port(&tp->listeners[listen].addr) : 0;
}

/* The address that the machine uses towards TO, from the routing table; remembered for a while. */
static int route_to(struct sip_tp_edge *edge, const struct sip_addr *to, struct sip_addr *out)
{
	uint64_t now = worker_now_ms(edge->worker);
	struct sip_addr key = *to, local;
	struct sip_local *known;
	socklen_t bytes = sizeof(local);
	int fd = edge->route_fd[to->any.sa_family == AF_INET6];

	sip_addr_set_port(&key, 9); /* discard; nothing is sent */
	known = &edge->locals[sip_addr_hash(&key, edge->tp->seed) % SIP_LOCALS];
	if (known->until_ms > now && sip_addr_eq(&known->to, &key)) {
		*out = known->local;
		return 0;
	}
	memset(&local, 0, sizeof(local));
	if (fd < 0 || connect(fd, &key.any, sip_addr_len(&key)) < 0 ||
	    getsockname(fd, &local.any, &bytes) < 0)
		return -1;
	known->to = key;
	known->local = *out = local;
	known->until_ms = now + LOCAL_MS;
	return 0;
}

int sip_tp_local(struct sip_tp *tp, const struct sip_dest *dest, struct sip_addr *local_out)
{
	struct sip_listener *listener = sip_tp_pick(tp, dest->proto, &dest->addr);

	if (!listener)
		return -1;
	*local_out = listener->addr;
	if (listener->advertised.any.sa_family != AF_UNSPEC && !is_loopback(&dest->addr))
		*local_out = listener->advertised;
	else if (listener->is_any && route_to(self_edge(tp), &dest->addr, local_out) < 0)
		return -1;
	sip_addr_set_port(local_out, sip_addr_port(&listener->addr));
	return 0;
}

/* Is ADDR one of the machine's? One can bind to what is. */
static int is_ours(const struct sip_addr *addr)
{
	struct sip_addr any_port = *addr;
	int fd, yes;

	if (is_loopback(addr))
		return 1;
	fd = socket(addr->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	sip_addr_set_port(&any_port, 0);
	yes = bind(fd, &any_port.any, sip_addr_len(&any_port)) == 0;
	close(fd);
	return yes;
}

int sip_tp_is_local(struct sip_tp *tp, enum sip_proto proto, const struct sip_addr *addr)
{
	for (unsigned i = 0; i < tp->n_listeners; i++) {
		const struct sip_listener *listener = &tp->listeners[i];

		if (listener->proto != proto)
			continue;
		if (sip_addr_eq(&listener->addr, addr) ||
		    (listener->advertised.any.sa_family != AF_UNSPEC &&
		     sip_addr_eq(&listener->advertised, addr)))
			return 1;
		if (listener->is_any && listener->addr.any.sa_family == addr->any.sa_family &&
		    sip_addr_port(&listener->addr) == sip_addr_port(addr) && is_ours(addr))
			return 1;
	}
	return 0;
}

/* ---- opening ---- */

static void make_metrics(struct sip_tp *tp)
{
	char labels[64];

	for (unsigned i = 0; i < SIP_PROTOS; i++) {
		snprintf(labels, sizeof(labels), "transport=\"%s\"",
			 sip_proto_name((enum sip_proto)i));
		if (i != SIP_UDP)
			tp->conns[i] = metric_gauge("opencpm_sip_connections",
						    "Open SIP connections", labels);
		tp->received[i] = metric_counter("opencpm_sip_received_total",
						 "SIP messages and datagrams received", labels);
		tp->sent[i] = metric_counter("opencpm_sip_sent_total",
					     "SIP messages and datagrams sent", labels);
		tp->received_bytes[i] = metric_counter("opencpm_sip_received_bytes",
						       "Octets received by SIP", labels);
		tp->sent_bytes[i] =
			metric_counter("opencpm_sip_sent_bytes", "Octets sent by SIP", labels);
	}
	for (unsigned i = SIP_END_NORMAL + 1; i < SIP_ENDS; i++) {
		snprintf(labels, sizeof(labels), "cause=\"%s\"",
			 sip_end_name((enum sip_tp_cause)i));
		tp->ended[i] =
			metric_counter("opencpm_sip_refused_total",
				       "SIP connections that were refused or ended by us, by cause",
				       labels);
	}
	tp->udp_lost = metric_counter("opencpm_sip_udp_lost_total",
				      "Datagrams that the kernel did not take", "");
	tp->udp_reads =
		metric_counter("opencpm_sip_udp_reads_total", "Batches of datagrams read", "");
}

/* What the turn made to be sent leaves. Failures found here are posts, which leave by the worker's
 * own handle: it was started before this one, and libuv runs the latest first. */
static void on_turn_end(uv_prepare_t *prepare)
{
	struct sip_tp_edge *edge = prepare->data;

	sip_udp_flush(edge);
	sip_conns_flush(edge);
}

static int open_edge(struct sip_tp *tp, unsigned i, unsigned n_listens, struct err *err)
{
	struct sip_tp_edge *edge = &tp->edges[i];

	edge->tp = tp;
	edge->worker = workers_at(tp->workers, i);
	edge->route_fd[0] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	edge->route_fd[1] = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	edge->doors = calloc(n_listens + 1, sizeof(*edge->doors));
	edge->read = malloc(SIP_READ_BYTES);
	if (!edge->doors || !edge->read)
		return err_set(err, ERR_NOMEM, "no memory for the SIP transport");
	if (sip_udp_open(edge, err) < 0)
		return -1;
	return sip_flows_open(edge, err);
}

static int open_all(struct sip_tp *tp, const struct sip_tp_options *options, struct err *err)
{
	struct tls_files ours = { .ca = options->ca_file, .system_ca = 1, .log = LOG_SIP };
	unsigned n = workers_count(tp->workers);

	tp->listeners = calloc(options->n_listens + 1, sizeof(*tp->listeners));
	tp->edges = calloc(n, sizeof(*tp->edges));
	if (!tp->listeners || !tp->edges)
		return err_set(err, ERR_NOMEM, "no memory for the SIP transport");
	for (; tp->n_edges < n; tp->n_edges++) {
		tp->edges[tp->n_edges].route_fd[0] = tp->edges[tp->n_edges].route_fd[1] = -1;
		if (open_edge(tp, tp->n_edges, options->n_listens, err) < 0) {
			tp->n_edges++;
			return -1;
		}
	}
	/* Towards peers we are who we are to clients. */
	for (unsigned i = options->n_listens; i-- > 0;)
		if (options->listens[i].proto == SIP_TLS) {
			ours.cert = options->listens[i].cert_file;
			ours.key = options->listens[i].key_file;
		}
	if (tls_cert_new(&ours, &tp->client_cert, err) < 0)
		return -1;
	for (unsigned i = 0; i < options->n_listens; i++) {
		tp->listeners[i].index = tp->n_listeners++;
		if (sip_listener_open(tp, &tp->listeners[i], &options->listens[i], err) < 0)
			return -1;
	}
	return 0;
}

int sip_tp_new(const struct sip_tp_options *options, struct workers *workers,
	       struct sip_tp **tp_out, struct err *err)
{
	struct sip_tp *tp;

	if (!options->n_listens || options->n_listens > SIP_LISTENS_MAX)
		return err_set(err, ERR_RANGE, "%u SIP listeners: from 1 to %d can be had",
			       options->n_listens, SIP_LISTENS_MAX);
	if (!options->max_conns || options->max_conns > SIP_CONNS_MAX)
		return err_set(err, ERR_RANGE, "%u SIP connections: from 1 to %d can be had",
			       options->max_conns, SIP_CONNS_MAX);
	tp = calloc(1, sizeof(*tp));
	if (!tp)
		return err_set(err, ERR_NOMEM, "no memory for the SIP transport");
	tp->workers = workers;
	tp->limits = options->limits;
	tp->ops = options->ops;
	tp->max_conns = options->max_conns;
	tp->idle_ms = options->idle_ms;
	tp->message_ms = options->message_ms;
	tp->connect_ms = options->connect_ms;
	tp->write_max = options->write_max;
	tp->seed = trace_random();
	atomic_init(&tp->refs, 1);
	pthread_mutex_init(&tp->homes_lock, NULL);
	make_metrics(tp);
	if (open_all(tp, options, err) < 0) {
		sip_tp_free(&tp);
		return -1;
	}
	*tp_out = tp;
	return 0;
}

int sip_tp_start(struct sip_tp *tp, struct err *err)
{
	for (unsigned i = 0; i < tp->n_edges; i++) {
		struct sip_tp_edge *edge = &tp->edges[i];

		if (uv_prepare_init(worker_loop(edge->worker), &edge->turn_end) < 0)
			return err_set(err, ERR_IO, "no handle for the end of a turn");
		edge->has_turn_end = 1;
		edge->open_handles++;
		edge->turn_end.data = edge;
		uv_prepare_start(&edge->turn_end, on_turn_end);
		for (unsigned d = 0; d < edge->n_doors; d++)
			if (sip_door_watch(&edge->doors[d], err) < 0)
				return -1;
		sip_doors_open(edge);
	}
	return 0;
}

int sip_tp_reload_tls(struct sip_tp *tp, struct err *err)
{
	struct tls_creds *fresh[SIP_LISTENS_MAX + 1] = { NULL };
	unsigned n = tp->n_listeners;
	int failed = tls_cert_load(tp->client_cert, &fresh[n], err) < 0;

	for (unsigned i = 0; i < n && !failed; i++)
		if (tp->listeners[i].cert)
			failed = tls_cert_load(tp->listeners[i].cert, &fresh[i], err) < 0;
	for (unsigned i = 0; i <= n; i++) {
		if (failed)
			tls_creds_drop(&fresh[i]);
		else if (fresh[i])
			tls_cert_swap(i == n ? tp->client_cert : tp->listeners[i].cert, fresh[i]);
	}
	return failed ? -1 : 0;
}

/* ---- draining ---- */

void sip_tp_handle_gone(struct sip_tp_edge *edge)
{
	struct sip_tp *tp = edge->tp;

	if (--edge->open_handles == 0 && edge->closed &&
	    atomic_fetch_sub(&tp->edges_left, 1) == 1 && tp->drained)
		tp->drained(tp->drained_arg);
}

static void on_handle_closed(uv_handle_t *handle)
{
	sip_tp_handle_gone(handle->data);
}

void sip_tp_close_handle(struct sip_tp_edge *edge, uv_handle_t *handle)
{
	handle->data = edge;
	uv_close(handle, on_handle_closed);
}

/* No connection is left: the last datagrams leave, and the loop gets back what is ours in it. */
static void close_edge(struct sip_tp_edge *edge)
{
	edge->closed = 1;
	worker_timer_clear(edge->worker, &edge->drain_timer);
	sip_udp_flush(edge);
	sip_conns_flush(edge);
	sip_doors_close(edge, 0);
	if (edge->has_turn_end)
		sip_tp_close_handle(edge, (uv_handle_t *)&edge->turn_end);
	edge->has_turn_end = 0;
}

void sip_tp_check_drained(struct sip_tp_edge *edge)
{
	if (edge->draining && !edge->closed && !edge->n_conns)
		close_edge(edge);
}

static void cut_all(struct sip_tp_edge *edge)
{
	while (edge->conns)
		sip_conn_close(edge->conns, SIP_END_NORMAL);
}

static void on_drain_over(struct wheel_timer *timer)
{
	struct sip_tp_edge *edge =
		(struct sip_tp_edge *)((char *)timer - offsetof(struct sip_tp_edge, drain_timer));

	log_warn(LOG_SIP, "drain-cut", L_INT("connections", edge->n_conns));
	cut_all(edge);
}

static void on_drain(struct post *post)
{
	struct sip_tp_edge *edge =
		(struct sip_tp_edge *)((char *)post - offsetof(struct sip_tp_edge, drain_post));

	edge->draining = 1;
	sip_doors_close(edge, 1);
	for (struct sip_conn *conn = edge->conns; conn; conn = conn->next)
		sip_conn_close_soon(conn, SIP_END_NORMAL);
	worker_timer_set(edge->worker, &edge->drain_timer, edge->tp->drain_ms, on_drain_over);
	sip_tp_check_drained(edge);
}

void sip_tp_drain(struct sip_tp *tp, unsigned timeout_ms, void (*drained)(void *arg), void *arg)
{
	if (atomic_exchange(&tp->draining, 1))
		return;
	tp->drain_ms = timeout_ms;
	tp->drained = drained;
	tp->drained_arg = arg;
	atomic_store(&tp->edges_left, tp->n_edges);
	for (unsigned i = 0; i < tp->n_edges; i++) {
		tp->edges[i].drain_post.run = on_drain;
		worker_post(tp->edges[i].worker, &tp->edges[i].drain_post);
	}
}

/* ---- freeing ---- */

/* An edge that was never drained; its worker does not run. */
static void close_undrained(struct sip_tp_edge *edge)
{
	edge->draining = 1;
	cut_all(edge);
	if (!edge->closed)
		close_edge(edge);
	while (edge->open_handles)
		uv_run(worker_loop(edge->worker), UV_RUN_NOWAIT);
}

static void free_edge(struct sip_tp_edge *edge)
{
	if (edge->worker && !edge->closed)
		close_undrained(edge);
	sip_udp_close(edge);
	sip_flows_close(edge);
	for (int i = 0; i < 2; i++)
		if (edge->route_fd[i] >= 0)
			close(edge->route_fd[i]);
	free(edge->doors);
	free(edge->read);
}

void sip_tp_drop(struct sip_tp *tp)
{
	if (atomic_fetch_sub(&tp->refs, 1) != 1)
		return;
	pthread_mutex_destroy(&tp->homes_lock);
	free(tp);
}

void sip_tp_free(struct sip_tp **tp_at)
{
	struct sip_tp *tp = *tp_at;

	*tp_at = NULL;
	if (!tp)
		return;
	atomic_store(&tp->over, 1);
	tp->drained = NULL;
	for (unsigned i = 0; i < tp->n_edges; i++)
		free_edge(&tp->edges[i]);
	for (unsigned i = 0; i < tp->n_listeners; i++)
		tls_cert_free(&tp->listeners[i].cert);
	tls_cert_free(&tp->client_cert);
	free(tp->listeners);
	free(tp->edges);
	tp->edges = NULL;
	sip_tp_drop(tp);
}

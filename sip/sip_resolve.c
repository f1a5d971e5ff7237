/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_resolve.c - from a URI to where it is served (RFC 3263)
 *
 * One task a resolution. It walks through what may be known in the order of the RFC: services that
 * NAPTR names, or else those of the transports that we speak (s4.1); the hosts that SRV names for
 * them (s4.2); the addresses of the hosts. Each stage appends to a list that the next one walks, so
 * that fail-over (s4.3) is the order of the result. Numeric hosts and explicit ports enter at a
 * later stage.
 */
#include "sip/sip_resolve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/trace.h"

enum {
	SERVICES_MAX = 8,
	HOSTS_MAX = 16,
	TASK_BUCKETS = 256,
	DEAD_MAX = 256, /* a power of two */
};

/* A name to ask SRV for. */
struct service {
	enum sip_proto proto;
	char name[SIP_NAME_MAX + 1];
};

struct host {
	enum sip_proto proto;
	unsigned port;
	unsigned priority, weight;
	char name[SIP_NAME_MAX + 1];
};

struct task {
	struct task *next; /* of its bucket */
	struct sip_resolver *resolver;
	uint64_t id;
	struct sip_dns_ask ask;
	sip_resolved_fn *done;
	void *arg;

	int secure;	 /* sips: TLS only */
	int fixed_proto; /* the transport is given */
	enum sip_proto proto;
	char domain[SIP_NAME_MAX + 1]; /* the name in a certificate, too (RFC 5922 s4) */

	struct service service[SERVICES_MAX];
	unsigned n_services, at_service;
	struct host host[HOSTS_MAX];
	unsigned n_hosts, at_host;
	int fell_back; /* the domain itself is the host: there was no SRV */
	int dns_failed;
	struct sip_targets found;
};

struct dead {
	enum sip_proto proto;
	struct sip_addr addr;
	uint64_t until_ms;
};

struct sip_resolver {
	struct sip_resolver_options options;
	struct sip_dns_worker *dns;
	struct worker *worker;
	uint64_t last_id;
	unsigned live;
	struct task *bucket[TASK_BUCKETS];
	struct dead dead[DEAD_MAX];
};

void sip_resolver_options_init(struct sip_resolver_options *options)
{
	*options = (struct sip_resolver_options){
		.protos = 1U << SIP_UDP | 1U << SIP_TCP | 1U << SIP_TLS,
		.ipv4 = 1,
		.dead_ms = 30000,
		.max_live = 10000,
	};
}

int sip_resolver_new(const struct sip_resolver_options *options, struct sip_dns_worker *dns_worker,
		     struct worker *worker, struct sip_resolver **resolver_out, struct err *err)
{
	struct sip_resolver *resolver = calloc(1, sizeof(*resolver));

	*resolver_out = resolver;
	if (!resolver)
		return err_set(err, ERR_NOMEM, "no memory for the resolver");
	resolver->options = *options;
	resolver->dns = dns_worker;
	resolver->worker = worker;
	return 0;
}

/* ---- dead targets ---- */

static struct dead *dead_at(struct sip_resolver *resolver, const struct sip_dest *dest)
{
	return &resolver->dead[sip_addr_hash(&dest->addr, dest->proto) & (DEAD_MAX - 1)];
}

static int is_dead(struct sip_resolver *resolver, const struct sip_dest *dest)
{
	const struct dead *dead = dead_at(resolver, dest);

	return dead->until_ms > worker_now_ms(resolver->worker) && dead->proto == dest->proto &&
	       sip_addr_eq(&dead->addr, &dest->addr);
}

void sip_resolve_mark_dead(struct sip_resolver *resolver, const struct sip_dest *dest)
{
	/* One place an address: a newer one of the same hash takes it, and the older is tried in
	 * its turn again. */
	*dead_at(resolver, dest) = (struct dead){ .proto = dest->proto,
						  .addr = dest->addr,
						  .until_ms = worker_now_ms(resolver->worker) +
							      resolver->options.dead_ms };
}

/* The living ones first, each kind in its order. */
static void dead_last(struct sip_resolver *resolver, struct sip_targets *targets)
{
	struct sip_targets sorted = { .n = 0 };

	for (int dead = 0; dead <= 1; dead++)
		for (unsigned i = 0; i < targets->n; i++)
			if (is_dead(resolver, &targets->dest[i]) == dead)
				sorted.dest[sorted.n++] = targets->dest[i];
	*targets = sorted;
}

/* ---- tasks ---- */

static struct task **task_at(struct sip_resolver *resolver, uint64_t id)
{
	struct task **at = &resolver->bucket[id % TASK_BUCKETS];

	while (*at && (*at)->id != id)
		at = &(*at)->next;
	return at;
}

static void free_task(struct task *task)
{
	struct sip_resolver *resolver = task->resolver;
	struct task **at = task_at(resolver, task->id);

	sip_dns_forget(&task->ask);
	*at = task->next;
	resolver->live--;
	free(task);
}

void sip_resolve_cancel(struct sip_resolver *resolver, uint64_t id)
{
	struct task *task = id ? *task_at(resolver, id) : NULL;

	if (task)
		free_task(task);
}

void sip_resolver_free(struct sip_resolver **resolver_at)
{
	struct sip_resolver *resolver = *resolver_at;

	*resolver_at = NULL;
	if (!resolver)
		return;
	for (unsigned i = 0; i < TASK_BUCKETS; i++)
		while (resolver->bucket[i])
			free_task(resolver->bucket[i]);
	free(resolver);
}

static void finish(struct task *task)
{
	sip_resolved_fn *done = task->done;
	void *arg = task->arg;
	struct sip_targets found = task->found;
	unsigned status = found.n ? 0 : task->dns_failed ? 503 : 404;

	dead_last(task->resolver, &found);
	free_task(task);
	done(arg, status, &found);
}

static int can_send(const struct task *task, enum sip_proto proto)
{
	return (task->resolver->options.protos >> proto & 1U) != 0 &&
	       (!task->secure || sip_proto_is_secure(proto));
}

static int copy_name(char to[SIP_NAME_MAX + 1], struct strv name)
{
	if (name.n && name.p[name.n - 1] == '.')
		name.n--;
	if (name.n == 0 || name.n > SIP_NAME_MAX || memchr(name.p, '\0', name.n))
		return -1;
	memcpy(to, name.p, name.n);
	to[name.n] = '\0';
	return 0;
}

static void add_target(struct task *task, enum sip_proto proto, const struct sip_addr *addr,
		       unsigned port)
{
	struct sip_dest *dest = &task->found.dest[task->found.n];
	int six = addr->any.sa_family == AF_INET6;

	if (task->found.n == SIP_TARGETS_MAX ||
	    !(six ? task->resolver->options.ipv6 : task->resolver->options.ipv4))
		return;
	*dest = (struct sip_dest){ .proto = proto, .addr = *addr };
	sip_addr_set_port(&dest->addr, port);
	memcpy(dest->name, task->domain, sizeof(dest->name));
	task->found.n++;
}

static void add_host(struct task *task, enum sip_proto proto, struct strv name, unsigned port,
		     unsigned priority, unsigned weight)
{
	struct host *host = &task->host[task->n_hosts];

	if (task->n_hosts == HOSTS_MAX || copy_name(host->name, name) < 0)
		return;
	host->proto = proto;
	host->port = port ? port : sip_proto_port(proto);
	host->priority = priority;
	host->weight = weight;
	task->n_hosts++;
}

static void add_service(struct task *task, enum sip_proto proto, struct strv name)
{
	struct service *service = &task->service[task->n_services];

	if (task->n_services == SERVICES_MAX || !can_send(task, proto) ||
	    copy_name(service->name, name) < 0)
		return;
	service->proto = proto;
	task->n_services++;
}

/* RFC 3263 s4.2 and the registrations of RFC 7118 s6: what SRV is asked for by transport. */
static void add_own_service(struct task *task, enum sip_proto proto)
{
	static const char *const prefix[SIP_PROTOS] = { "_sip._udp", "_sip._tcp", "_sips._tcp",
							"_sip._ws", "_sips._ws" };
	char name[SIP_NAME_MAX + 16];
	int n = snprintf(name, sizeof(name), "%s.%s", prefix[proto], task->domain);

	if (n > 0 && n <= SIP_NAME_MAX)
		add_service(task, proto, strv_mem(name, (size_t)n));
}

/* TASK may be gone when this returns. */
static void ask_dns(struct task *task, enum sip_dns_type type, const char *name,
		    void (*answered)(struct sip_dns_ask *ask, const struct sip_dns_answer *answer))
{
	task->ask.answered = answered;
	sip_dns_ask(task->resolver->dns, type, strv_of(name), &task->ask);
}

/* ---- addresses ---- */

static void next_step(struct task *task);

static void on_addresses(struct sip_dns_ask *ask, const struct sip_dns_answer *answer)
{
	struct task *task = (struct task *)((char *)ask - offsetof(struct task, ask));
	const struct host *host = &task->host[task->at_host++];

	if (!answer || answer->status == SIP_DNS_FAILED)
		task->dns_failed = 1;
	/* IPv6 first, as RFC 6724 would have it where both are at hand. */
	for (int six = 1; answer && six >= 0; six--)
		for (unsigned i = 0; i < answer->n; i++)
			if ((answer->record[i].addr.any.sa_family == AF_INET6) == six)
				add_target(task, host->proto, &answer->record[i].addr, host->port);
	next_step(task);
}

static void ask_addresses(struct task *task)
{
	const struct host *host = &task->host[task->at_host];
	struct sip_addr addr;

	if (sip_addr_parse(strv_of(host->name), host->port, &addr) == 0) {
		task->at_host++;
		add_target(task, host->proto, &addr, host->port);
		next_step(task);
		return;
	}
	ask_dns(task, SIP_DNS_ADDRESS, host->name, on_addresses);
}

/* ---- SRV ---- */

static void swap_hosts(struct host *a, struct host *b)
{
	struct host kept = *a;

	*a = *b;
	*b = kept;
}

/* RFC 2782: the lowest priority first; within one, each is drawn with a chance by its weight, those
 * of weight 0 with next to none. */
static void order_hosts(struct host *host, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint64_t sum = 0, mark;
		unsigned best = i;

		for (unsigned k = i; k < n; k++)
			if (host[k].priority < host[best].priority)
				best = k;
		for (unsigned k = i; k < n; k++)
			if (host[k].priority == host[best].priority)
				sum += (uint64_t)host[k].weight * 1000 + 1;
		mark = trace_random() % sum;
		for (unsigned k = i; k < n; k++) {
			uint64_t share = (uint64_t)host[k].weight * 1000 + 1;

			if (host[k].priority != host[best].priority)
				continue;
			if (mark < share) {
				best = k;
				break;
			}
			mark -= share;
		}
		swap_hosts(&host[i], &host[best]);
	}
}

static void on_srv(struct sip_dns_ask *ask, const struct sip_dns_answer *answer)
{
	struct task *task = (struct task *)((char *)ask - offsetof(struct task, ask));
	const struct service *service = &task->service[task->at_service++];
	unsigned before = task->n_hosts;

	if (!answer || answer->status == SIP_DNS_FAILED)
		task->dns_failed = 1;
	for (unsigned i = 0; answer && i < answer->n; i++) {
		const struct sip_dns_record *srv = &answer->record[i];

		if (*srv->name && strcmp(srv->name, ".") != 0) /* ".": decidedly not there */
			add_host(task, service->proto, strv_of(srv->name), srv->port, srv->priority,
				 srv->weight);
		else
			task->fell_back = 1;
	}
	order_hosts(&task->host[before], task->n_hosts - before);
	next_step(task);
}

/* What is known is walked from its end: addresses of hosts, hosts of services, and at last the
 * domain as a host of its own (s4.2: no SRV records). */
static void next_step(struct task *task)
{
	if (task->found.n == SIP_TARGETS_MAX) {
		finish(task);
	} else if (task->at_host < task->n_hosts) {
		ask_addresses(task);
	} else if (task->at_service < task->n_services && task->n_hosts < HOSTS_MAX) {
		ask_dns(task, SIP_DNS_SRV, task->service[task->at_service].name, on_srv);
	} else if (task->n_hosts == 0 && !task->fell_back && !task->dns_failed) {
		task->fell_back = 1;
		add_host(task, task->proto, strv_of(task->domain), 0, 0, 0);
		next_step(task);
	} else {
		finish(task);
	}
}

/* ---- NAPTR ---- */

/* The transport of a service field (s4.1, RFC 7118 s6); -1: none of ours. */
static int naptr_proto(const char *service)
{
	static const char *const names[SIP_PROTOS] = { "SIP+D2U", "SIP+D2T", "SIPS+D2T", "SIP+D2W",
						       "SIPS+D2W" };

	for (int i = 0; i < SIP_PROTOS; i++)
		if (strv_caseeq(strv_of(service), strv_of(names[i])))
			return i;
	return -1;
}

static int naptr_before(const struct sip_dns_record *a, const struct sip_dns_record *b)
{
	return a->priority != b->priority ? a->priority < b->priority : a->weight < b->weight;
}

static void take_naptr(struct task *task, const struct sip_dns_record *naptr)
{
	int proto = naptr_proto(naptr->service);

	if (proto < 0 || !can_send(task, (enum sip_proto)proto))
		return;
	if (strv_caseeq(strv_of(naptr->flags), STRV("s")))
		add_service(task, (enum sip_proto)proto, strv_of(naptr->name));
	else if (strv_caseeq(strv_of(naptr->flags), STRV("a")))
		add_host(task, (enum sip_proto)proto, strv_of(naptr->name), 0, 0, 0);
}

static void on_naptr(struct sip_dns_ask *ask, const struct sip_dns_answer *answer)
{
	struct task *task = (struct task *)((char *)ask - offsetof(struct task, ask));
	unsigned char taken[SIP_DNS_RECORDS_MAX] = { 0 };

	/* DNS that fails here may still know SRV: go on. */
	for (unsigned round = 0; answer && round < answer->n; round++) {
		unsigned best = SIP_DNS_RECORDS_MAX;

		for (unsigned i = 0; i < answer->n; i++)
			if (!taken[i] && (best == SIP_DNS_RECORDS_MAX ||
					  naptr_before(&answer->record[i], &answer->record[best])))
				best = i;
		taken[best] = 1;
		take_naptr(task, &answer->record[best]);
	}
	if (task->n_services == 0 && task->n_hosts == 0)
		for (int proto = SIP_UDP; proto <= SIP_TLS; proto++)
			add_own_service(task, (enum sip_proto)proto);
	next_step(task);
}

/* ---- entry ---- */

static struct task *new_task(struct sip_resolver *resolver, sip_resolved_fn *done, void *arg)
{
	struct task *task =
		resolver->live < resolver->options.max_live ? calloc(1, sizeof(*task)) : NULL;

	if (!task)
		return NULL;
	task->resolver = resolver;
	task->id = ++resolver->last_id;
	task->done = done;
	task->arg = arg;
	task->next = resolver->bucket[task->id % TASK_BUCKETS];
	resolver->bucket[task->id % TASK_BUCKETS] = task;
	resolver->live++;
	return task;
}

static uint64_t refuse(unsigned status, sip_resolved_fn *done, void *arg)
{
	static const struct sip_targets none;

	done(arg, status, &none);
	return 0;
}

/* 0, and the task, set up to the point where it asks; else the status that refuses. */
static unsigned read_uri(struct task *task, const struct sip_uri *uri)
{
	struct strv value, host = uri->host;

	if (!sip_uri_is_sip(uri))
		return 416;
	task->secure = strv_caseeq(uri->scheme, STRV("sips"));
	task->proto = task->secure ? SIP_TLS : SIP_UDP;
	if (sip_param(uri->params, "transport", &value) == 1 && value.p) {
		if (sip_proto_find(value, &task->proto) < 0)
			return 416;
		task->fixed_proto = 1;
		if (task->secure && task->proto == SIP_TCP)
			task->proto = SIP_TLS; /* RFC 3261 s19.1.2: sips over tcp is TLS */
		if (task->secure && task->proto == SIP_WS)
			task->proto = SIP_WSS; /* RFC 7118 s5.2.2 */
	}
	if (sip_param(uri->params, "maddr", &value) == 1 && value.n)
		host = value;
	if (!can_send(task, task->proto) && task->fixed_proto)
		return 503;
	return copy_name(task->domain, host) < 0 ? 400 : 0;
}

/* RFC 3263 s4.1 and s4.2: where to enter. */
static void begin(struct task *task, unsigned port)
{
	struct sip_addr addr;

	if (port || sip_addr_parse(strv_of(task->domain), 0, &addr) == 0) {
		add_host(task, task->proto, strv_of(task->domain), port, 0, 0);
		next_step(task);
	} else if (task->fixed_proto) {
		add_own_service(task, task->proto);
		next_step(task);
	} else {
		ask_dns(task, SIP_DNS_NAPTR, task->domain, on_naptr);
	}
}

static uint64_t start(struct task *task, unsigned port)
{
	struct sip_resolver *resolver = task->resolver;
	uint64_t id = task->id;

	begin(task, port);
	return *task_at(resolver, id) ? id : 0;
}

/* The static table: every way to DOMAIN becomes a host of the task. 1 when there are any. */
static int read_table(struct task *task)
{
	const struct sip_resolver_options *options = &task->resolver->options;
	int any = 0;

	for (unsigned i = 0; i < options->n_targets; i++) {
		struct sip_uri uri;
		struct strv name;
		enum sip_proto proto = SIP_UDP;

		if (!strv_caseeq(strv_of(options->targets[i].domain), strv_of(task->domain)) ||
		    sip_uri_parse(strv_of(options->targets[i].uri), &uri) < 0)
			continue;
		any = 1;
		if (strv_caseeq(uri.scheme, STRV("sips")))
			proto = SIP_TLS;
		if (sip_param(uri.params, "transport", &name) == 1)
			sip_proto_find(name, &proto);
		if (can_send(task, proto))
			add_host(task, proto, uri.host, uri.port, 0, 0);
	}
	return any;
}

uint64_t sip_resolve(struct sip_resolver *resolver, const struct sip_uri *uri,
		     sip_resolved_fn *done, void *arg)
{
	struct task *task = new_task(resolver, done, arg);
	unsigned status;

	if (!task)
		return refuse(503, done, arg);
	status = read_uri(task, uri);
	if (status) {
		free_task(task);
		return refuse(status, done, arg);
	}
	if (uri->port == 0 && read_table(task)) {
		uint64_t id = task->id;

		task->fell_back = 1;
		next_step(task);
		return *task_at(resolver, id) ? id : 0;
	}
	return start(task, uri->port);
}

uint64_t sip_resolve_via(struct sip_resolver *resolver, const struct sip_via *via,
			 sip_resolved_fn *done, void *arg)
{
	struct task *task = via->known ? new_task(resolver, done, arg) : NULL;

	if (!task)
		return refuse(via->known ? 503 : 400, done, arg);
	task->proto = via->proto;
	task->fixed_proto = 1;
	if (!can_send(task, task->proto) || copy_name(task->domain, via->host) < 0) {
		free_task(task);
		return refuse(400, done, arg);
	}
	return start(task, via->port);
}

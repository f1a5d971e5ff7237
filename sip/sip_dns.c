/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_dns.c - the four questions that SIP asks of DNS, with c-ares
 *
 * See sip_dns.h. c-ares owns its sockets and tells which of them to watch; the worker's loop
 * watches them and its wheel gives c-ares its time. What a channel asks is one struct question,
 * which all who ask the same on this worker wait for.
 */
#include "sip/sip_dns.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <ctype.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uv.h>

#include "base/log.h"
#include "base/metrics.h"

enum { BUCKETS = 256, FAILED_TTL_MS = 1000, KEY_MAX = SIP_NAME_MAX + 2 };

struct sip_dns {
	struct sip_dns_options options;
	char *servers;
	struct cache *cache;
	struct metric *asked[SIP_DNS_TYPES], *failed;
};

/* One socket of c-ares under watch. */
struct watch {
	uv_poll_t poll;
	struct watch *next;
	struct sip_dns_worker *worker;
	ares_socket_t fd;
};

struct question {
	struct question *next;
	struct sip_dns_worker *worker;
	struct sip_dns_ask *waiting;
	uint64_t ticket;
	enum sip_dns_type type;
	size_t key_n;
	char key[KEY_MAX + 1]; /* type and lower-case name, terminated */
};

struct sip_dns_worker {
	struct sip_dns *dns;
	struct worker *worker;
	ares_channel channel;
	struct wheel_timer timer;
	struct watch *watches;
	struct question *bucket[BUCKETS];
	unsigned waiting;
	int closing;
};

void sip_dns_options_init(struct sip_dns_options *options)
{
	*options = (struct sip_dns_options){
		.timeout_ms = 2000,
		.tries = 2,
		.ttl_min_s = 5,
		.ttl_max_s = 86400,
		.ttl_none_s = 60,
		.cache_bytes = 8 << 20,
		.max_waiting = 1000,
	};
}

/* ---- the process's part ---- */

static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static int library_status;

static void library_init(void)
{
	library_status = ares_library_init(ARES_LIB_INIT_ALL);
}

int sip_dns_new(const struct sip_dns_options *options, struct sip_dns **dns_out, struct err *err)
{
	static const char *const labels[SIP_DNS_TYPES] = { "type=\"address\"", "type=\"srv\"",
							   "type=\"naptr\"" };
	struct sip_dns *dns = calloc(1, sizeof(*dns));

	*dns_out = NULL;
	pthread_once(&library_once, library_init);
	if (dns) {
		dns->options = *options;
		dns->cache = cache_new(options->cache_bytes);
		dns->servers = options->servers ? strdup(options->servers) : NULL;
	}
	if (!dns || !dns->cache || (options->servers && !dns->servers) || library_status) {
		sip_dns_free(&dns);
		return err_set(err, ERR_NOMEM, "no memory for DNS");
	}
	for (int i = 0; i < SIP_DNS_TYPES; i++)
		dns->asked[i] = metric_counter("opencpm_sip_dns_questions_total",
					       "Questions sent to DNS, by type", labels[i]);
	dns->failed = metric_counter("opencpm_sip_dns_failures_total",
				     "Questions that DNS gave no usable answer to", "");
	*dns_out = dns;
	return 0;
}

void sip_dns_free(struct sip_dns **dns_at)
{
	struct sip_dns *dns = *dns_at;

	*dns_at = NULL;
	if (!dns)
		return;
	cache_free(&dns->cache);
	free(dns->servers);
	free(dns);
}

/* ---- answers ---- */

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void destroy_answer(struct cache_value *value)
{
	free(value);
}

/* An answer with room for N records and TEXT octets behind them. */
static struct sip_dns_answer *new_answer(unsigned n, size_t text, enum sip_dns_status status,
					 char **text_out)
{
	size_t bytes = sizeof(struct sip_dns_answer) + n * sizeof(struct sip_dns_record) + text;
	struct sip_dns_answer *answer = calloc(1, bytes);

	if (!answer)
		return NULL;
	cache_value_init(&answer->head, now_ms(), bytes, destroy_answer);
	answer->status = status;
	*text_out = (char *)&answer->record[n];
	return answer;
}

static const char *put_text(char **at, const char *text)
{
	char *start = *at;
	size_t n = text ? strnlen(text, SIP_DNS_TEXT_MAX) : 0;

	if (n)
		memcpy(start, text, n);
	start[n] = '\0';
	*at = start + n + 1;
	return start;
}

static void live(const struct sip_dns *dns, struct sip_dns_answer *answer, unsigned ttl_s)
{
	if (ttl_s < dns->options.ttl_min_s)
		ttl_s = dns->options.ttl_min_s;
	if (ttl_s > dns->options.ttl_max_s)
		ttl_s = dns->options.ttl_max_s;
	answer->until_ms = now_ms() + (uint64_t)ttl_s * 1000;
}

static struct sip_dns_answer *no_answer(const struct sip_dns *dns, int status)
{
	int none = status == ARES_ENOTFOUND || status == ARES_ENODATA || status == ARES_ENONAME ||
		   status == ARES_EBADNAME;
	char *text;
	struct sip_dns_answer *answer =
		new_answer(0, 0, none ? SIP_DNS_NONE : SIP_DNS_FAILED, &text);

	if (answer)
		answer->until_ms = now_ms() + (none ? (uint64_t)dns->options.ttl_none_s * 1000
						    : FAILED_TTL_MS);
	return answer;
}

/* The shortest life that the answer section gives: c-ares does not tell for SRV and NAPTR. 0 when
 * it cannot be read. */
static unsigned shortest_ttl(const unsigned char *reply, int n)
{
	const unsigned char *at = reply + NS_HFIXEDSZ;
	unsigned questions, answers, shortest = UINT32_MAX;

	if (n < NS_HFIXEDSZ)
		return 0;
	questions = (unsigned)reply[4] << 8 | reply[5];
	answers = (unsigned)reply[6] << 8 | reply[7];
	for (unsigned i = 0; i < questions + answers; i++) {
		long name_n;
		char *name;
		unsigned ttl;

		if (ares_expand_name(at, reply, n, &name, &name_n) != ARES_SUCCESS)
			return 0;
		ares_free_string(name);
		at += name_n;
		if (i < questions) {
			at += NS_QFIXEDSZ;
			continue;
		}
		if (reply + n - at < NS_RRFIXEDSZ)
			return 0;
		ttl = (unsigned)at[4] << 24 | (unsigned)at[5] << 16 | (unsigned)at[6] << 8 | at[7];
		shortest = ttl < shortest ? ttl : shortest;
		at += NS_RRFIXEDSZ + ((unsigned)at[8] << 8 | at[9]);
		if (at > reply + n)
			return 0;
	}
	return shortest == UINT32_MAX ? 0 : shortest;
}

static struct sip_dns_answer *srv_answer(const struct sip_dns *dns, const unsigned char *reply,
					 int reply_n)
{
	struct ares_srv_reply *all = NULL, *srv;
	struct sip_dns_answer *answer;
	int status = ares_parse_srv_reply(reply, reply_n, &all);
	unsigned n = 0;
	size_t bytes = 0;
	char *text;

	if (status != ARES_SUCCESS)
		return no_answer(dns, status);
	for (srv = all; srv && n < SIP_DNS_RECORDS_MAX; srv = srv->next, n++)
		bytes += strnlen(srv->host, SIP_DNS_TEXT_MAX) + 1;
	answer = new_answer(n, bytes, n ? SIP_DNS_FOUND : SIP_DNS_NONE, &text);
	if (answer) {
		live(dns, answer, shortest_ttl(reply, reply_n));
		for (srv = all; srv && answer->n < n; srv = srv->next)
			answer->record[answer->n++] = (struct sip_dns_record){
				.priority = srv->priority,
				.weight = srv->weight,
				.port = srv->port,
				.name = put_text(&text, srv->host),
			};
	}
	ares_free_data(all);
	return answer;
}

static struct sip_dns_answer *naptr_answer(const struct sip_dns *dns, const unsigned char *reply,
					   int reply_n)
{
	struct ares_naptr_reply *all = NULL, *naptr;
	struct sip_dns_answer *answer;
	int status = ares_parse_naptr_reply(reply, reply_n, &all);
	unsigned n = 0;
	char *text;

	if (status != ARES_SUCCESS)
		return no_answer(dns, status);
	for (naptr = all; naptr && n < SIP_DNS_RECORDS_MAX; naptr = naptr->next)
		n++;
	answer = new_answer(n, n * 4 * (SIP_DNS_TEXT_MAX + 1), n ? SIP_DNS_FOUND : SIP_DNS_NONE,
			    &text);
	if (answer) {
		live(dns, answer, shortest_ttl(reply, reply_n));
		for (naptr = all; naptr && answer->n < n; naptr = naptr->next)
			answer->record[answer->n++] = (struct sip_dns_record){
				.priority = naptr->order,
				.weight = naptr->preference,
				.name = put_text(&text, naptr->replacement),
				.flags = put_text(&text, (const char *)naptr->flags),
				.service = put_text(&text, (const char *)naptr->service),
				.regexp = put_text(&text, (const char *)naptr->regexp),
			};
	}
	ares_free_data(all);
	return answer;
}

static struct sip_dns_answer *address_answer(const struct sip_dns *dns,
					     const struct ares_addrinfo *info)
{
	const struct ares_addrinfo_node *node;
	struct sip_dns_answer *answer;
	unsigned n = 0, ttl = UINT32_MAX;
	char *text;

	for (node = info->nodes; node && n < SIP_DNS_RECORDS_MAX; node = node->ai_next)
		n++;
	answer = new_answer(n, 0, n ? SIP_DNS_FOUND : SIP_DNS_NONE, &text);
	if (!answer)
		return NULL;
	for (node = info->nodes; node && answer->n < n; node = node->ai_next) {
		ttl = (unsigned)node->ai_ttl < ttl ? (unsigned)node->ai_ttl : ttl;
		sip_addr_copy(&answer->record[answer->n++].addr, node->ai_addr);
	}
	live(dns, answer, n ? ttl : dns->options.ttl_none_s);
	return answer;
}

/* ---- questions ---- */

static unsigned bucket_of(const char *key, size_t n)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ (unsigned char)key[i]) * UINT64_C(1099511628211);
	return (unsigned)(hash ^ hash >> 32) % BUCKETS;
}

static void unlink_question(struct question *question)
{
	struct question **at = &question->worker->bucket[bucket_of(question->key, question->key_n)];

	while (*at && *at != question)
		at = &(*at)->next;
	if (*at)
		*at = question->next;
	question->worker->waiting--;
}

void sip_dns_forget(struct sip_dns_ask *ask)
{
	if (!ask->link)
		return;
	*ask->link = ask->next;
	if (ask->next)
		ask->next->link = ask->link;
	ask->link = NULL;
}

/* ANSWER belongs to this call; NULL: no memory. */
static void finish(struct question *question, struct sip_dns_answer *answer)
{
	struct sip_dns_worker *worker = question->worker;
	struct cache_value *value = answer ? &answer->head : NULL;
	struct sip_dns_ask *ask;

	unlink_question(question);
	if (!answer || answer->status == SIP_DNS_FAILED)
		metric_add(worker->dns->failed, 1);
	if (answer)
		cache_publish(worker->dns->cache, strv_mem(question->key, question->key_n), value);
	while ((ask = question->waiting) && !worker->closing) {
		sip_dns_forget(ask);
		ask->answered(ask, answer);
	}
	while ((ask = question->waiting))
		sip_dns_forget(ask);
	cache_value_drop(&value);
	free(question);
}

static void on_reply(void *arg, int status, int timeouts, unsigned char *reply, int reply_n)
{
	struct question *question = arg;
	const struct sip_dns *dns = question->worker->dns;

	(void)timeouts;
	finish(question, status != ARES_SUCCESS		 ? no_answer(dns, status)
			 : question->type == SIP_DNS_SRV ? srv_answer(dns, reply, reply_n)
							 : naptr_answer(dns, reply, reply_n));
}

static void on_addresses(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
	struct question *question = arg;
	const struct sip_dns *dns = question->worker->dns;

	(void)timeouts;
	finish(question,
	       status != ARES_SUCCESS ? no_answer(dns, status) : address_answer(dns, info));
	if (info)
		ares_freeaddrinfo(info);
}

static void set_timer(struct sip_dns_worker *worker);

static void on_timer(struct wheel_timer *timer)
{
	struct sip_dns_worker *worker =
		(struct sip_dns_worker *)((char *)timer - offsetof(struct sip_dns_worker, timer));

	ares_process_fd(worker->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	set_timer(worker);
}

static void set_timer(struct sip_dns_worker *worker)
{
	struct timeval span;

	if (ares_timeout(worker->channel, NULL, &span))
		worker_timer_set(worker->worker, &worker->timer,
				 (uint64_t)span.tv_sec * 1000 + (uint64_t)span.tv_usec / 1000 + 1,
				 on_timer);
	else
		worker_timer_clear(worker->worker, &worker->timer);
}

static void send_question(struct question *question)
{
	static const struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC,
							  .ai_socktype = SOCK_STREAM,
							  .ai_flags = ARES_AI_NOSORT };
	struct sip_dns_worker *worker = question->worker;
	enum sip_dns_type type = question->type;
	const char *name = question->key + 1;

	metric_add(worker->dns->asked[type], 1);
	/* The callback may come, and free the question, before these return. */
	if (type == SIP_DNS_ADDRESS)
		ares_getaddrinfo(worker->channel, name, NULL, &hints, on_addresses, question);
	else
		ares_query(worker->channel, name, ns_c_in,
			   type == SIP_DNS_SRV ? (int)ns_t_srv : (int)ns_t_naptr, on_reply,
			   question);
	set_timer(worker);
}

static struct question *find_question(struct sip_dns_worker *worker, const char *key, size_t n)
{
	struct question *question = worker->bucket[bucket_of(key, n)];

	while (question && (question->key_n != n || memcmp(question->key, key, n) != 0))
		question = question->next;
	return question;
}

/* Type and lower-case name. Returns its octets; 0 when NAME cannot be one. */
static size_t make_key(enum sip_dns_type type, struct strv name, char key[KEY_MAX + 1])
{
	if (name.n && name.p[name.n - 1] == '.')
		name.n--;
	if (name.n == 0 || name.n > SIP_NAME_MAX || memchr(name.p, '\0', name.n))
		return 0;
	key[0] = (char)('0' + type);
	for (size_t i = 0; i < name.n; i++)
		key[1 + i] = (char)tolower((unsigned char)name.p[i]);
	key[1 + name.n] = '\0';
	return 1 + name.n;
}

static int answer_from_cache(struct sip_dns_worker *worker, struct strv key,
			     struct sip_dns_ask *ask)
{
	uint64_t ticket;
	struct cache_value *value = cache_get(worker->dns->cache, key, &ticket);
	struct sip_dns_answer *answer = (struct sip_dns_answer *)value;
	int fresh = answer && answer->until_ms > now_ms();

	if (fresh)
		ask->answered(ask, answer);
	cache_value_drop(&value);
	return fresh;
}

static void refuse(struct sip_dns_worker *worker, struct sip_dns_ask *ask, int status)
{
	struct sip_dns_answer *answer = no_answer(worker->dns, status);
	struct cache_value *value = answer ? &answer->head : NULL;

	ask->answered(ask, answer);
	cache_value_drop(&value);
}

void sip_dns_ask(struct sip_dns_worker *worker, enum sip_dns_type type, struct strv name,
		 struct sip_dns_ask *ask)
{
	char key[KEY_MAX + 1];
	size_t n = make_key(type, name, key);
	struct question *question;
	int is_new;

	ask->link = NULL;
	if (!n) {
		refuse(worker, ask, ARES_EBADNAME);
		return;
	}
	if (answer_from_cache(worker, strv_mem(key, n), ask))
		return;
	question = find_question(worker, key, n);
	is_new = !question;
	if (is_new) {
		unsigned bucket = bucket_of(key, n);

		if (worker->waiting >= worker->dns->options.max_waiting ||
		    !(question = calloc(1, sizeof(*question)))) {
			refuse(worker, ask, ARES_ENOMEM);
			return;
		}
		question->worker = worker;
		question->type = type;
		question->key_n = n;
		memcpy(question->key, key, n + 1);
		question->next = worker->bucket[bucket];
		worker->bucket[bucket] = question;
		worker->waiting++;
	}
	ask->next = question->waiting;
	ask->link = &question->waiting;
	if (ask->next)
		ask->next->link = &ask->next;
	question->waiting = ask;
	if (is_new)
		send_question(question);
}

/* ---- c-ares under the worker's loop ---- */

static void on_watch_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct watch *watch = poll->data;
	struct sip_dns_worker *worker = watch->worker;
	ares_socket_t fd = watch->fd;

	/* An error is found by c-ares when it reads. */
	ares_process_fd(worker->channel, status < 0 || events & UV_READABLE ? fd : ARES_SOCKET_BAD,
			status < 0 || events & UV_WRITABLE ? fd : ARES_SOCKET_BAD);
	set_timer(worker);
}

static void unwatch(struct watch **at)
{
	struct watch *watch = *at;

	*at = watch->next;
	uv_poll_stop(&watch->poll);
	uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
}

static struct watch *new_watch(struct sip_dns_worker *worker, ares_socket_t fd)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (!watch || uv_poll_init(worker_loop(worker->worker), &watch->poll, fd) != 0) {
		free(watch); /* the question ends by its time */
		return NULL;
	}
	watch->worker = worker;
	watch->fd = fd;
	watch->poll.data = watch;
	watch->next = worker->watches;
	worker->watches = watch;
	return watch;
}

static void on_socket(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct sip_dns_worker *worker = arg;
	struct watch **at = &worker->watches, *watch;

	while (*at && (*at)->fd != fd)
		at = &(*at)->next;
	if (!readable && !writable) {
		if (*at)
			unwatch(at);
		return;
	}
	watch = *at ? *at : new_watch(worker, fd);
	if (watch)
		uv_poll_start(&watch->poll,
			      (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0), on_poll);
}

int sip_dns_worker_new(struct sip_dns *dns, struct worker *worker,
		       struct sip_dns_worker **dns_worker_out, struct err *err)
{
	struct sip_dns_worker *own = calloc(1, sizeof(*own));
	struct ares_options options = { .flags = ARES_FLAG_NOSEARCH | ARES_FLAG_EDNS,
					.timeout = (int)dns->options.timeout_ms,
					.tries = (int)dns->options.tries,
					.sock_state_cb = on_socket,
					.sock_state_cb_data = own };
	int status;

	*dns_worker_out = NULL;
	if (!own)
		return err_set(err, ERR_NOMEM, "no memory for DNS");
	own->dns = dns;
	own->worker = worker;
	status = ares_init_options(&own->channel, &options,
				   ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
					   ARES_OPT_SOCK_STATE_CB);
	if (status == ARES_SUCCESS && dns->servers)
		status = ares_set_servers_ports_csv(own->channel, dns->servers);
	if (status == ARES_SUCCESS) {
		*dns_worker_out = own;
		return 0;
	}
	if (own->channel)
		ares_destroy(own->channel);
	free(own);
	return err_set(err, ERR_RANGE, "DNS cannot be used: %s", ares_strerror(status));
}

void sip_dns_worker_free(struct sip_dns_worker **worker_at)
{
	struct sip_dns_worker *worker = *worker_at;

	*worker_at = NULL;
	if (!worker)
		return;
	worker->closing = 1;
	ares_destroy(worker->channel);
	worker_timer_clear(worker->worker, &worker->timer);
	while (worker->watches)
		unwatch(&worker->watches);
	uv_run(worker_loop(worker->worker), UV_RUN_NOWAIT);
	free(worker);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http/http_auth.c - who sent this request
 *
 * See http_auth.h. The decision is auth/'s; here header fields become its facts, its verdict an
 * answer. Asserted identities (X-3GPP-Asserted-Identity and X-XCAP-Asserted-Identity) count only
 * when the connection comes from a configured proxy.
 */
#include "http/http_auth.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/random.h>

enum { CREDENTIALS_MAX = 4, ASSERTED_MAX = 8, NONCES_MAX = 65536, THROTTLES_MAX = 65536 };
enum { FREE_FAILURES = 10, FIRST_WAIT_MS = 1000, LONGEST_WAIT_MS = 900000, FORGET_MS = 3600000 };

struct http_auth {
	struct auth_policy policy;
	struct http_auth_ops ops;
	struct strv *domains;
	struct in6_addr *proxies; /* IPv4 mapped */
	unsigned n_proxies;
};

/* One authentication in progress, in the arena of its request. */
struct pending {
	struct http_auth *auth;
	struct http_req *req;
	void (*next)(struct http_req *req, const struct auth_verdict *who, void *arg);
	void *arg;
	struct strv credentials[CREDENTIALS_MAX];
	struct strv asserted[ASSERTED_MAX];
	struct auth_request request;
	struct auth_check check;
};

/* ---- set-up ---- */

static void map_v4(const struct in_addr *v4, struct in6_addr *v6_out)
{
	memset(v6_out, 0, sizeof(*v6_out));
	v6_out->s6_addr[10] = v6_out->s6_addr[11] = 0xff;
	memcpy(&v6_out->s6_addr[12], v4, sizeof(*v4));
}

static int read_proxies(struct http_auth *auth, const struct http_auth_options *options,
			struct err *err)
{
	struct in_addr v4;

	for (; auth->n_proxies < options->n_proxies; auth->n_proxies++) {
		const char *text = options->proxies[auth->n_proxies];

		if (inet_pton(AF_INET, text, &v4) == 1)
			map_v4(&v4, &auth->proxies[auth->n_proxies]);
		else if (inet_pton(AF_INET6, text, &auth->proxies[auth->n_proxies]) != 1)
			return err_set(err, ERR_SYNTAX,
				       "trusted proxy \"%s\" is no address: write it in numbers",
				       text);
	}
	return 0;
}

/* Domains point into one block behind the array. */
static int copy_domains(struct http_auth *auth, const struct auth_domains *domains)
{
	size_t bytes = 0;
	char *at;

	for (unsigned i = 0; i < domains->n; i++)
		bytes += domains->name[i].n;
	auth->domains = malloc(domains->n * sizeof(*auth->domains) + bytes);
	if (!auth->domains)
		return -1;
	at = (char *)(auth->domains + domains->n);
	for (unsigned i = 0; i < domains->n; i++) {
		memcpy(at, domains->name[i].p, domains->name[i].n);
		auth->domains[i] = strv_mem(at, domains->name[i].n);
		at += domains->name[i].n;
	}
	auth->policy.domains = (struct auth_domains){ auth->domains, domains->n };
	return 0;
}

static int make_tables(struct http_auth *auth, const struct http_auth_options *options,
		       struct err *err)
{
	const struct auth_nonce_options nonces = { NONCES_MAX, options->nonce_ms };
	const struct auth_throttle_options throttle = { THROTTLES_MAX, FREE_FAILURES, FIRST_WAIT_MS,
							LONGEST_WAIT_MS, FORGET_MS };
	unsigned char secret[AUTH_SECRET_BYTES];

	if (getrandom(secret, sizeof(secret), 0) != (ssize_t)sizeof(secret) ||
	    getrandom(auth->policy.secret, sizeof(auth->policy.secret), 0) !=
		    (ssize_t)sizeof(auth->policy.secret))
		return err_set(err, ERR_IO, "the system gives no random octets");
	if (auth_nonces_new(&nonces, secret, &auth->policy.nonces, err) < 0)
		return -1;
	return auth_throttle_new(&throttle, &auth->policy.throttle, err);
}

int http_auth_new(const struct http_auth_options *options, struct http_auth **auth_out,
		  struct err *err)
{
	struct http_auth *auth = calloc(1, sizeof(*auth));

	if (!auth)
		return err_set(err, ERR_NOMEM, "no memory for authentication");
	auth->ops = options->ops;
	auth->policy.md5 = options->md5;
	auth->policy.basic = options->basic;
	auth->proxies = calloc(options->n_proxies + 1, sizeof(*auth->proxies));
	if (!auth->proxies || copy_domains(auth, &options->domains) < 0)
		err_set(err, ERR_NOMEM, "no memory for authentication");
	else if (read_proxies(auth, options, err) == 0 && make_tables(auth, options, err) == 0) {
		*auth_out = auth;
		return 0;
	}
	http_auth_free(&auth);
	return -1;
}

void http_auth_free(struct http_auth **auth_at)
{
	struct http_auth *auth = *auth_at;

	*auth_at = NULL;
	if (!auth)
		return;
	auth_nonces_free(&auth->policy.nonces);
	auth_throttle_free(&auth->policy.throttle);
	free(auth->domains);
	free(auth->proxies);
	free(auth);
}

/* ---- one request ---- */

static int is_proxy(const struct http_auth *auth, const struct sockaddr *peer)
{
	struct in6_addr addr;

	if (peer->sa_family == AF_INET)
		map_v4(&((const struct sockaddr_in *)(const void *)peer)->sin_addr, &addr);
	else if (peer->sa_family == AF_INET6)
		addr = ((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr;
	else
		return 0;
	for (unsigned i = 0; i < auth->n_proxies; i++)
		if (memcmp(&auth->proxies[i], &addr, sizeof(addr)) == 0)
			return 1;
	return 0;
}

/* All fields NAME into VALUES from N on; what is too many is one more than MAX says. */
static unsigned collect(const struct http_req *req, const char *name, struct strv *values,
			unsigned n, unsigned max)
{
	unsigned iter = 0;

	while (n < max && http_req_header_next(req, name, &iter, &values[n]))
		n++;
	return n;
}

static void gather_facts(struct pending *pending)
{
	struct auth_request *facts = &pending->request;
	struct http_req *req = pending->req;

	*facts = (struct auth_request){ .edge = AUTH_HTTP };
	facts->method = http_req_method(req);
	facts->target = http_req_target(req);
	facts->credentials = pending->credentials;
	facts->n_credentials =
		collect(req, "Authorization", pending->credentials, 0, CREDENTIALS_MAX);
	facts->source = http_req_peer(req);
	facts->is_tls = http_req_is_tls(req);
	facts->is_trusted = is_proxy(pending->auth, facts->source);
	facts->asserted = pending->asserted;
	facts->n_asserted =
		collect(req, "X-3GPP-Asserted-Identity", pending->asserted, 0, ASSERTED_MAX);
	facts->n_asserted = collect(req, "X-XCAP-Asserted-Identity", pending->asserted,
				    facts->n_asserted, ASSERTED_MAX);
	facts->intended = http_req_header(req, "X-3GPP-Intended-Identity");
	facts->now_ms = worker_now_ms(http_req_worker(req));
}

static const char *refusal_text(unsigned status)
{
	switch (status) {
	case 400:
		return "the credentials are malformed\n";
	case 401:
		return "who you are must be shown first\n";
	case 403:
		return "these credentials do not serve here\n";
	case 429:
		return "too many failed attempts: wait\n";
	case 503:
		return "user records cannot be read now: try again\n";
	default:
		return "the server has a fault\n";
	}
}

static void refuse(struct http_req *req, const struct auth_verdict *verdict)
{
	struct http_header headers[AUTH_CHALLENGES_MAX + 2];
	struct http_answer answer = { .status = verdict->status, .headers = headers };
	char *wait = NULL;

	headers[answer.n_headers++] = (struct http_header){ "Content-Type", STRV("text/plain") };
	for (unsigned i = 0; i < verdict->n_challenges; i++)
		headers[answer.n_headers++] =
			(struct http_header){ verdict->challenge_field,
					      strv_of(verdict->challenge[i]) };
	if (verdict->retry_after_s)
		wait = arena_printf(http_req_arena(req), "%u", verdict->retry_after_s);
	if (wait)
		headers[answer.n_headers++] = (struct http_header){ "Retry-After", strv_of(wait) };
	answer.body = strv_of(refusal_text(verdict->status));
	http_answer(req, &answer);
}

static void conclude(struct pending *pending)
{
	const struct auth_verdict *verdict = &pending->check.verdict;

	http_req_note(pending->req, "auth", strv_of(verdict->reason));
	if (verdict->status)
		refuse(pending->req, verdict);
	else
		pending->next(pending->req, verdict, pending->arg);
}

static void on_found(void *context, enum auth_found found, const struct auth_user *user)
{
	struct pending *pending = context;

	if (found == AUTH_BUSY)
		auth_check_give_up(&pending->check);
	else
		auth_check_finish(&pending->check, user);
	conclude(pending);
}

void http_authenticate(struct http_auth *auth, struct http_req *req,
		       void (*next)(struct http_req *req, const struct auth_verdict *who,
				    void *arg),
		       void *arg)
{
	struct pending *pending = arena_alloc(http_req_arena(req), sizeof(*pending));

	if (!pending) {
		http_answer_text(req, 500, "no memory for this request");
		return;
	}
	pending->auth = auth;
	pending->req = req;
	pending->next = next;
	pending->arg = arg;
	gather_facts(pending);
	if (auth_check_begin(&auth->policy, &pending->request, &pending->check))
		conclude(pending);
	else
		auth->ops.find(auth->ops.arg, pending->check.need.identity, on_found, pending);
}

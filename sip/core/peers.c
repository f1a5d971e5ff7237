/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/core/peers.c - the table of peers
 *
 * See peers.h. Networks lie in one hash by their masked address and length; a look-up tries the
 * lengths that are in use, longest first, so its cost does not grow with the number of peers.
 */
#include "sip/core/peers.h"

#include <arpa/inet.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTHS = 129 };

/* An address as IPv6, IPv4 mapped, of which the first BITS count. */
struct network {
	unsigned char bits[16];
	unsigned length;
	unsigned peer;
};

struct tls_name {
	struct strv name;
	unsigned peer;
};

struct domain {
	struct strv name;
	unsigned peer;
};

/* Tokens in thousandths; refilled by whoever takes. */
struct bucket {
	unsigned per_s, burst;
	_Atomic uint64_t state; /* time of the last refill, ms, above 24 bits of tokens */
};

struct own {
	struct peer peer;
	struct bucket bucket;
	int by_network;
	char *text; /* what all views point into */
	struct strv *words;
};

struct peers {
	struct own *own;
	unsigned n;
	struct network *network; /* hash, open addressing; length 255: free */
	unsigned network_mask;
	unsigned char length_used[LENGTHS];
	struct tls_name *tls_name;
	unsigned n_tls_names;
	struct domain *domain; /* sorted */
	unsigned n_domains;
};

enum { FREE = 255, TOKEN_BITS = 24 };

/* ---- addresses ---- */

static void widen(const struct sip_addr *addr, unsigned char bits[16])
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (addr->any.sa_family == AF_INET6) {
		memcpy(bits, &addr->v6.sin6_addr, 16);
		return;
	}
	memcpy(bits, mapped, 12);
	memcpy(bits + 12, &addr->v4.sin_addr, 4);
}

static void mask(unsigned char bits[16], unsigned length)
{
	for (unsigned i = 0; i < 16; i++) {
		unsigned keep = length > 8 * i ? length - 8 * i : 0;

		if (keep < 8)
			bits[i] &= (unsigned char)(0xff00U >> keep);
	}
}

static unsigned slot_of(const struct peers *peers, const unsigned char bits[16], unsigned length)
{
	uint64_t hash = length;

	for (unsigned i = 0; i < 16; i++)
		hash = (hash ^ bits[i]) * UINT64_C(1099511628211);
	return (unsigned)(hash >> 20) & peers->network_mask;
}

/* The network itself, or the free slot where it would be. */
static struct network *network_at(const struct peers *peers, const unsigned char bits[16],
				  unsigned length)
{
	unsigned slot = slot_of(peers, bits, length);

	while (peers->network[slot].length != FREE &&
	       (peers->network[slot].length != length ||
		memcmp(peers->network[slot].bits, bits, 16) != 0))
		slot = (slot + 1) & peers->network_mask;
	return &peers->network[slot];
}

/* "192.0.2.0/24", "2001:db8::1". 0 or -1. */
static int parse_network(struct strv word, unsigned char bits[16], unsigned *length_out)
{
	struct strv host;
	struct sip_addr addr;
	uint64_t length;
	int has_length = strv_cut(&word, '/', &host);
	unsigned most;

	if (sip_addr_parse(host, 0, &addr) < 0)
		return -1;
	most = addr.any.sa_family == AF_INET6 ? 128 : 32;
	if (!has_length)
		length = most;
	else if (strv_u64(word, most, &length) < 0)
		return -1;
	widen(&addr, bits);
	*length_out = (unsigned)length + 128 - most;
	mask(bits, *length_out);
	return 0;
}

/* ---- making ---- */

static int is_word_end(char c)
{
	return c == ' ' || c == ',' || c == '\t' || c == '\n';
}

/* The next word of *REST; 0 at the end. */
static int next_word(struct strv *rest, struct strv *word_out)
{
	size_t n = 0;

	while (rest->n && is_word_end(*rest->p)) {
		rest->p++;
		rest->n--;
	}
	while (n < rest->n && !is_word_end(rest->p[n]))
		n++;
	*word_out = strv_mem(rest->p, n);
	rest->p += n;
	rest->n -= n;
	return n > 0;
}

static unsigned count_words(const char *text)
{
	struct strv rest = strv_of(text), word;
	unsigned n = 0;

	while (next_word(&rest, &word))
		n++;
	return n;
}

static const char *given(const char *text)
{
	return text ? text : "";
}

/* A copy of TEXT at *AT, within the peer's own memory. */
static const char *keep(char **at, const char *text)
{
	size_t n = strlen(given(text)) + 1;
	char *start = *at;

	memcpy(start, given(text), n);
	*at += n;
	return start;
}

static int is_name(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");

	return n > 0 && n < 64 && name[n] == '\0';
}

static int check(const struct peer_options *options, struct err *err)
{
	const char *const lists[] = { options->networks, options->tls_names, options->domains,
				      options->strip_in, options->strip_out };

	if (!options->name || !is_name(options->name))
		return err_set(err, ERR_SYNTAX,
			       "a peer's name has letters, digits and \"-\" only, not \"%.64s\"",
			       given(options->name));
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (count_words(given(lists[i])) > PEER_WORDS_MAX)
			return err_set(err, ERR_RANGE, "peer %s has a list of more than %d words",
				       options->name, PEER_WORDS_MAX);
	if (!*given(options->networks) && !*given(options->tls_names) && !*given(options->domains))
		return err_set(err, ERR_SYNTAX,
			       "peer %s has no network, no TLS name and no domain; give one",
			       options->name);
	return 0;
}

static struct strv *take_words(const char *text, struct strv **words, unsigned *n_out)
{
	struct strv rest = strv_of(text), word, *first = *words;

	*n_out = 0;
	while (next_word(&rest, &word)) {
		*(*words)++ = word;
		++*n_out;
	}
	return first;
}

static int add_networks(struct peers *peers, struct own *own, const char *text, struct err *err)
{
	struct strv rest = strv_of(text), word;

	while (next_word(&rest, &word)) {
		unsigned char bits[16];
		unsigned length;
		struct network *network;

		if (parse_network(word, bits, &length) < 0)
			return err_set(err, ERR_SYNTAX,
				       "\"%.*s\" of peer %s is no address or network",
				       (int)(word.n > 64 ? 64 : word.n), word.p, own->peer.name);
		network = network_at(peers, bits, length);
		if (network->length != FREE)
			return err_set(err, ERR_EXISTS, "network %.*s is of peer %s and of peer %s",
				       STRV_ARG(word), peers->own[network->peer].peer.name,
				       own->peer.name);
		memcpy(network->bits, bits, 16);
		network->length = length;
		network->peer = own->peer.index;
		peers->length_used[length] = 1;
		own->by_network = 1;
	}
	return 0;
}

static void add_tls_names(struct peers *peers, struct own *own, const char *text)
{
	struct strv rest = strv_of(text), word;

	while (next_word(&rest, &word)) {
		peers->tls_name[peers->n_tls_names++] = (struct tls_name){ word, own->peer.index };
		own->peer.needs_tls = 1;
	}
}

static int compare_domains(const void *a, const void *b)
{
	return strv_cmp(((const struct domain *)a)->name, ((const struct domain *)b)->name);
}

static void add_domains(struct peers *peers, struct own *own, char *text)
{
	struct strv rest, word;

	for (char *at = text; *at; at++)
		if (*at >= 'A' && *at <= 'Z')
			*at = (char)(*at + 32);
	rest = strv_of(text);
	while (next_word(&rest, &word))
		peers->domain[peers->n_domains++] = (struct domain){ word, own->peer.index };
}

static void make_metrics(struct peer *peer)
{
	char labels[96];

	snprintf(labels, sizeof(labels), "peer=\"%s\"", peer->name);
	peer->requests = metric_counter("opencpm_sip_peer_requests_total",
					"Requests that came from peers", labels);
	peer->refused = metric_counter("opencpm_sip_peer_refused_total",
				       "Requests of peers refused for their rate", labels);
}

static int add_peer(struct peers *peers, const struct peer_options *options, struct err *err)
{
	struct own *own = &peers->own[peers->n];
	struct peer *peer = &own->peer;
	const char *const texts[] = { options->name,	  options->uri,	    options->networks,
				      options->tls_names, options->domains, options->strip_in,
				      options->strip_out };
	size_t bytes = 0;
	char *at;
	struct strv *words;

	if (check(options, err) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		bytes += strlen(given(texts[i])) + 1;
	at = own->text = malloc(bytes);
	words = own->words = calloc((size_t)2 * PEER_WORDS_MAX, sizeof(*words));
	peers->n++; /* from here on it is freed with the others */
	if (!at || !words)
		return err_set(err, ERR_NOMEM, "no memory for the peers");
	peer->index = peers->n - 1;
	peer->name = keep(&at, options->name);
	peer->uri = keep(&at, options->uri);
	if (!*peer->uri)
		peer->uri = NULL;
	peer->trusted = options->trusted;
	peer->is_core = options->is_core;
	own->bucket.per_s = options->requests_per_s;
	own->bucket.burst = options->burst ? options->burst : options->requests_per_s;
	if (own->bucket.burst > 10000)
		own->bucket.burst = 10000;
	atomic_store(&own->bucket.state, (uint64_t)own->bucket.burst * 1000);
	if (add_networks(peers, own, keep(&at, options->networks), err) < 0)
		return -1;
	add_tls_names(peers, own, keep(&at, options->tls_names));
	add_domains(peers, own, (char *)keep(&at, options->domains));
	peer->strip_in = take_words(keep(&at, options->strip_in), &words, &peer->n_strip_in);
	peer->strip_out = take_words(keep(&at, options->strip_out), &words, &peer->n_strip_out);
	make_metrics(peer);
	return 0;
}

static int allocate(struct peers *peers, const struct peer_options *options, unsigned n)
{
	unsigned networks = 1, names = 0, domains = 0, slots = 8;

	for (unsigned i = 0; i < n; i++) {
		networks += count_words(given(options[i].networks));
		names += count_words(given(options[i].tls_names));
		domains += count_words(given(options[i].domains));
	}
	while (slots < 2 * networks)
		slots *= 2;
	peers->network_mask = slots - 1;
	peers->network = malloc(slots * sizeof(*peers->network));
	peers->tls_name = calloc(names + 1, sizeof(*peers->tls_name));
	peers->domain = calloc(domains + 1, sizeof(*peers->domain));
	peers->own = calloc(n + 1, sizeof(*peers->own));
	if (!peers->network || !peers->tls_name || !peers->domain || !peers->own)
		return -1;
	for (unsigned i = 0; i < slots; i++)
		peers->network[i].length = FREE;
	return 0;
}

static int check_domains(const struct peers *peers, struct err *err)
{
	for (unsigned i = 1; i < peers->n_domains; i++)
		if (strv_eq(peers->domain[i].name, peers->domain[i - 1].name))
			return err_set(err, ERR_EXISTS, "domain %.*s is of peer %s and of peer %s",
				       STRV_ARG(peers->domain[i].name),
				       peers->own[peers->domain[i - 1].peer].peer.name,
				       peers->own[peers->domain[i].peer].peer.name);
	return 0;
}

int peers_new(const struct peer_options *options, unsigned n, struct peers **peers_out,
	      struct err *err)
{
	struct peers *peers = calloc(1, sizeof(*peers));
	int ret = 0;

	*peers_out = NULL;
	if (n > PEERS_MAX) {
		free(peers);
		return err_set(err, ERR_RANGE, "more than %d peers", PEERS_MAX);
	}
	if (!peers || allocate(peers, options, n) < 0)
		ret = err_set(err, ERR_NOMEM, "no memory for the peers");
	for (unsigned i = 0; ret == 0 && i < n; i++)
		ret = add_peer(peers, &options[i], err);
	if (ret == 0) {
		qsort(peers->domain, peers->n_domains, sizeof(*peers->domain), compare_domains);
		ret = check_domains(peers, err);
	}
	if (ret < 0)
		peers_free(&peers);
	*peers_out = peers;
	return ret;
}

void peers_free(struct peers **peers_at)
{
	struct peers *peers = *peers_at;

	*peers_at = NULL;
	if (!peers)
		return;
	for (unsigned i = 0; i < peers->n; i++) {
		free(peers->own[i].text);
		free(peers->own[i].words);
	}
	free(peers->own);
	free(peers->network);
	free(peers->tls_name);
	free(peers->domain);
	free(peers);
}

/* ---- look-up ---- */

unsigned peers_count(const struct peers *peers)
{
	return peers->n;
}

const struct peer *peers_at(const struct peers *peers, unsigned index)
{
	return &peers->own[index].peer;
}

static int has_tls_name(const struct peers *peers, unsigned peer, const char *tls_name)
{
	for (unsigned i = 0; tls_name && i < peers->n_tls_names; i++)
		if (peers->tls_name[i].peer == peer &&
		    strv_caseeq(peers->tls_name[i].name, strv_of(tls_name)))
			return 1;
	return 0;
}

static const struct peer *find_by_name(const struct peers *peers, const char *tls_name)
{
	for (unsigned i = 0; i < peers->n; i++)
		if (!peers->own[i].by_network && has_tls_name(peers, i, tls_name))
			return &peers->own[i].peer;
	return NULL;
}

const struct peer *peers_find(const struct peers *peers, const struct sip_addr *source,
			      const char *tls_name)
{
	unsigned char bits[16];

	if (source->any.sa_family != AF_INET && source->any.sa_family != AF_INET6)
		return NULL;
	widen(source, bits);
	for (unsigned length = 128 + 1; length-- > 0;) {
		const struct network *network;

		if (!peers->length_used[length])
			continue;
		mask(bits, length);
		network = network_at(peers, bits, length);
		if (network->length == FREE)
			continue;
		if (peers->own[network->peer].peer.needs_tls &&
		    !has_tls_name(peers, network->peer, tls_name))
			return NULL; /* the right place without the proof */
		return &peers->own[network->peer].peer;
	}
	return tls_name ? find_by_name(peers, tls_name) : NULL;
}

const struct peer *peers_for_domain(const struct peers *peers, struct strv name)
{
	char lower[SIP_NAME_MAX];
	struct domain key = { { lower, name.n }, 0 };
	const struct domain *found;

	if (name.n == 0 || name.n > sizeof(lower) || peers->n_domains == 0)
		return NULL;
	for (size_t i = 0; i < name.n; i++)
		lower[i] =
			(char)(name.p[i] >= 'A' && name.p[i] <= 'Z' ? name.p[i] + 32 : name.p[i]);
	found = bsearch(&key, peers->domain, peers->n_domains, sizeof(*peers->domain),
			compare_domains);
	return found ? &peers->own[found->peer].peer : NULL;
}

/* ---- rate ---- */

int peer_admit(const struct peers *peers, const struct peer *peer, uint64_t now_ms)
{
	struct bucket *bucket = &((struct peers *)(uintptr_t)peers)->own[peer->index].bucket;
	uint64_t old = atomic_load_explicit(&bucket->state, memory_order_relaxed);
	uint64_t tokens, last_ms, next;

	metric_add(peer->requests, 1);
	if (bucket->per_s == 0)
		return 1;
	do {
		uint64_t full = (uint64_t)bucket->burst * 1000;

		last_ms = old >> TOKEN_BITS;
		tokens = old & ((1U << TOKEN_BITS) - 1);
		if (now_ms > last_ms) {
			uint64_t gap_ms = now_ms - last_ms < 60000 ? now_ms - last_ms : 60000;

			tokens += gap_ms * bucket->per_s;
			last_ms = now_ms;
		}
		tokens = tokens > full ? full : tokens;
		if (tokens < 1000) {
			metric_add(peer->refused, 1);
			return 0;
		}
		next = last_ms << TOKEN_BITS | (tokens - 1000);
	} while (!atomic_compare_exchange_weak(&bucket->state, &old, next));
	return 1;
}

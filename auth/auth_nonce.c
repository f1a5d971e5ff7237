/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth/auth_nonce.c - see auth_nonce.h
 *
 * A nonce is 30 octets in base64url:
 *
 *	key 1	tells which secret signed it, so that forgeries mostly cost no MAC
 *	epoch 3	drawn at start: what an earlier process remembered is lost
 *	time 6	when it was handed out, ms
 *	serial 6	no two are equal within an epoch
 *	source 2	a keyed mark of the address it was handed out to
 *	mac 12	of the above and the realm
 *
 * The table is set-associative: a serial number has one bucket, a bucket a few entries and a floor.
 * Whatever leaves a bucket raises the floor to its time of issue; an unknown nonce from below the
 * floor may have been used before, and is retired. This is what makes forgetting safe.
 */
#include "auth/auth_nonce.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "auth/auth_digest.h"
#include "auth/auth_source.h"

enum {
	EPOCH_BYTES = 3,
	TIME_BYTES = 6,
	SERIAL_BYTES = 6,
	SOURCE_BYTES = 2,
	MAC_BYTES = 12,

	AT_EPOCH = 1,
	AT_TIME = AT_EPOCH + EPOCH_BYTES,
	AT_SERIAL = AT_TIME + TIME_BYTES,
	AT_SOURCE = AT_SERIAL + SERIAL_BYTES,
	AT_MAC = AT_SOURCE + SOURCE_BYTES,
	RAW_BYTES = AT_MAC + MAC_BYTES,

	WAYS = 8,
	LOCKS = 64,
};

#define SERIAL_MASK ((UINT64_C(1) << (8 * SERIAL_BYTES)) - 1)

struct entry {
	uint64_t serial, issued_ms;
	uint64_t window;  /* bit i: count highest - i was taken */
	uint32_t highest; /* 0: the entry is free, or retired */
	uint32_t retired; /* no count is good any more */
};

struct bucket {
	uint64_t floor_ms; /* unknown nonces issued before this are retired */
	struct entry entry[WAYS];
};

struct key {
	unsigned char secret[AUTH_SECRET_BYTES];
	unsigned char id;
	int set;
};

struct auth_nonces {
	pthread_rwlock_t keys_lock;
	struct key key[2]; /* now, before */
	unsigned char epoch[EPOCH_BYTES];
	uint64_t serial_offset;
	_Atomic uint64_t issued;
	_Atomic uint64_t lifetime_ms;
	_Atomic unsigned remembered;
	unsigned n_buckets;
	struct bucket *bucket;
	pthread_mutex_t lock[LOCKS];
};

/* ---- text ---- */

static const char base64url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void text_print(const unsigned char raw[RAW_BYTES], char out[AUTH_NONCE_TEXT])
{
	for (int i = 0; i < RAW_BYTES / 3; i++) {
		const unsigned char *r = raw + 3 * i;

		*out++ = base64url[r[0] >> 2];
		*out++ = base64url[(r[0] & 3) << 4 | r[1] >> 4];
		*out++ = base64url[(r[1] & 15) << 2 | r[2] >> 6];
		*out++ = base64url[r[2] & 63];
	}
	*out = '\0';
}

static int text_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

static int text_parse(struct strv text, unsigned char raw[RAW_BYTES])
{
	if (text.n != AUTH_NONCE_TEXT - 1)
		return -1;
	for (int i = 0; i < RAW_BYTES / 3; i++) {
		int v[4];

		for (int k = 0; k < 4; k++) {
			v[k] = text_value(text.p[4 * i + k]);
			if (v[k] < 0)
				return -1;
		}
		raw[3 * i] = (unsigned char)(v[0] << 2 | v[1] >> 4);
		raw[3 * i + 1] = (unsigned char)(v[1] << 4 | v[2] >> 2);
		raw[3 * i + 2] = (unsigned char)(v[2] << 6 | v[3]);
	}
	return 0;
}

static void number_print(unsigned char *out, unsigned bytes, uint64_t value)
{
	while (bytes--) {
		out[bytes] = (unsigned char)value;
		value >>= 8;
	}
}

static uint64_t number_parse(const unsigned char *p, unsigned bytes)
{
	uint64_t value = 0;

	while (bytes--)
		value = value << 8 | *p++;
	return value;
}

/* ---- secrets ---- */

/* A key is known by an octet of a MAC under it, which tells nothing about it. */
static void key_set(struct key *key, const unsigned char secret[AUTH_SECRET_BYTES])
{
	unsigned char mac[AUTH_MAC_BYTES];

	memcpy(key->secret, secret, AUTH_SECRET_BYTES);
	key->set = auth_mac(secret, STRV("nonce key"), mac) == 0;
	key->id = mac[0];
}

static int sign(const struct key *key, const unsigned char raw[RAW_BYTES], struct strv realm,
		unsigned char mac_out[AUTH_MAC_BYTES])
{
	unsigned char text[AT_MAC + AUTH_REALM_MAX];

	if (!key->set || realm.n > AUTH_REALM_MAX)
		return -1;
	memcpy(text, raw, AT_MAC);
	if (realm.n)
		memcpy(text + AT_MAC, realm.p, realm.n);
	return auth_mac(key->secret, strv_mem(text, AT_MAC + realm.n), mac_out);
}

/* Keyed, so that nobody can tell which of his own addresses has the mark of another's. */
static void mark_source(const struct key *key, const struct sockaddr *addr,
			unsigned char mark_out[SOURCE_BYTES])
{
	static const char domain[] = "nonce source";
	unsigned char text[sizeof(domain) + sizeof(struct auth_source)], mac[AUTH_MAC_BYTES];
	struct auth_source source;

	memset(mark_out, 0, SOURCE_BYTES);
	if (!addr)
		return;
	auth_source_of(addr, &source);
	memcpy(text, domain, sizeof(domain));
	memcpy(text + sizeof(domain), &source, sizeof(source));
	auth_mac(key->secret, strv_mem(text, sizeof(text)), mac);
	memcpy(mark_out, mac, SOURCE_BYTES);
}

static struct key key_at(struct auth_nonces *nonces, int age)
{
	struct key key;

	pthread_rwlock_rdlock(&nonces->keys_lock);
	key = nonces->key[age];
	pthread_rwlock_unlock(&nonces->keys_lock);
	return key;
}

void auth_nonces_rotate(struct auth_nonces *nonces, const unsigned char secret[AUTH_SECRET_BYTES])
{
	pthread_rwlock_wrlock(&nonces->keys_lock);
	nonces->key[1] = nonces->key[0];
	key_set(&nonces->key[0], secret);
	pthread_rwlock_unlock(&nonces->keys_lock);
}

/* ---- life ---- */

static int init(struct auth_nonces *nonces, const struct auth_nonce_options *options,
		const unsigned char secret[AUTH_SECRET_BYTES], struct err *err)
{
	nonces->n_buckets = options->max_nonces < WAYS ? 1 : options->max_nonces / WAYS;
	nonces->bucket = calloc(nonces->n_buckets, sizeof(*nonces->bucket));
	if (!nonces->bucket)
		return err_set(err, ERR_NOMEM, "no memory to remember %u nonces",
			       options->max_nonces);
	key_set(&nonces->key[0], secret);
	if (!nonces->key[0].set ||
	    auth_random(&nonces->serial_offset, sizeof(nonces->serial_offset)) < 0 ||
	    auth_random(nonces->epoch, sizeof(nonces->epoch)) < 0)
		return err_set(err, ERR_IO, "no randomness for nonces");
	atomic_init(&nonces->lifetime_ms, options->lifetime_ms);
	return 0;
}

int auth_nonces_new(const struct auth_nonce_options *options,
		    const unsigned char secret[AUTH_SECRET_BYTES], struct auth_nonces **nonces_out,
		    struct err *err)
{
	struct auth_nonces *nonces = calloc(1, sizeof(*nonces));

	*nonces_out = NULL;
	if (!nonces)
		return err_set(err, ERR_NOMEM, "no memory for nonces");
	pthread_rwlock_init(&nonces->keys_lock, NULL);
	for (int i = 0; i < LOCKS; i++)
		pthread_mutex_init(&nonces->lock[i], NULL);
	if (init(nonces, options, secret, err) < 0) {
		auth_nonces_free(&nonces);
		return -1;
	}
	*nonces_out = nonces;
	return 0;
}

void auth_nonces_free(struct auth_nonces **nonces_at)
{
	struct auth_nonces *nonces = *nonces_at;

	*nonces_at = NULL;
	if (!nonces)
		return;
	for (int i = 0; i < LOCKS; i++)
		pthread_mutex_destroy(&nonces->lock[i]);
	pthread_rwlock_destroy(&nonces->keys_lock);
	free(nonces->bucket);
	auth_wipe(nonces->key, sizeof(nonces->key));
	free(nonces);
}

void auth_nonces_set_lifetime(struct auth_nonces *nonces, uint64_t lifetime_ms)
{
	atomic_store(&nonces->lifetime_ms, lifetime_ms);
}

unsigned auth_nonces_remembered(struct auth_nonces *nonces)
{
	return atomic_load(&nonces->remembered);
}

size_t auth_nonces_bytes(const struct auth_nonces *nonces)
{
	return sizeof(*nonces) + nonces->n_buckets * sizeof(*nonces->bucket);
}

/* ---- handing out, looking at ---- */

/* One to one from the count, so no two are equal; hiding how many there were. */
static uint64_t next_serial(struct auth_nonces *nonces)
{
	uint64_t n = atomic_fetch_add_explicit(&nonces->issued, 1, memory_order_relaxed);

	return (n * UINT64_C(0x9e3779b97f4b) + nonces->serial_offset) & SERIAL_MASK;
}

int auth_nonce_issue(struct auth_nonces *nonces, struct strv realm, const struct sockaddr *source,
		     uint64_t now_ms, char text_out[AUTH_NONCE_TEXT])
{
	unsigned char raw[RAW_BYTES], mac[AUTH_MAC_BYTES];
	struct key key = key_at(nonces, 0);

	raw[0] = key.id;
	memcpy(raw + AT_EPOCH, nonces->epoch, EPOCH_BYTES);
	number_print(raw + AT_TIME, TIME_BYTES, now_ms);
	number_print(raw + AT_SERIAL, SERIAL_BYTES, next_serial(nonces));
	mark_source(&key, source, raw + AT_SOURCE);
	text_out[0] = '\0';
	if (sign(&key, raw, realm, mac) < 0)
		return -1;
	memcpy(raw + AT_MAC, mac, MAC_BYTES);
	text_print(raw, text_out);
	return 0;
}

static int is_signed(const struct key *key, const unsigned char raw[RAW_BYTES], struct strv realm)
{
	unsigned char mac[AUTH_MAC_BYTES];

	return key->set && key->id == raw[0] && sign(key, raw, realm, mac) == 0 &&
	       auth_equal(mac, raw + AT_MAC, MAC_BYTES);
}

enum auth_nonce_state auth_nonce_check(struct auth_nonces *nonces, struct strv text,
				       struct strv realm, const struct sockaddr *source,
				       uint64_t now_ms, struct auth_nonce *nonce_out)
{
	unsigned char raw[RAW_BYTES], mark[SOURCE_BYTES];
	struct key key;
	int age;

	if (text_parse(text, raw) < 0)
		return AUTH_NONCE_FOREIGN;
	for (age = 0; age < 2; age++) {
		key = key_at(nonces, age);
		if (is_signed(&key, raw, realm))
			break;
	}
	if (age == 2)
		return AUTH_NONCE_FOREIGN;
	nonce_out->serial = number_parse(raw + AT_SERIAL, SERIAL_BYTES);
	nonce_out->issued_ms = number_parse(raw + AT_TIME, TIME_BYTES);
	if (memcmp(raw + AT_EPOCH, nonces->epoch, EPOCH_BYTES) != 0)
		return AUTH_NONCE_STALE;
	/* Another worker's clock may be a little ahead of ours. */
	if (now_ms > nonce_out->issued_ms &&
	    now_ms - nonce_out->issued_ms >= atomic_load(&nonces->lifetime_ms))
		return AUTH_NONCE_STALE;
	if (source) {
		mark_source(&key, source, mark);
		if (memcmp(raw + AT_SOURCE, mark, SOURCE_BYTES) != 0)
			return AUTH_NONCE_STALE;
	}
	return AUTH_NONCE_GOOD;
}

/* ---- counts ---- */

static int is_free(const struct entry *e)
{
	return !e->highest && !e->retired;
}

static struct entry *find(struct bucket *b, uint64_t serial)
{
	for (int i = 0; i < WAYS; i++)
		if (b->entry[i].serial == serial && !is_free(&b->entry[i]))
			return &b->entry[i];
	return NULL;
}

/* A place for a nonce issued at ISSUED_MS, by forgetting the oldest if need be; NULL when the new
 * one is the oldest. */
static struct entry *make_room(struct auth_nonces *nonces, struct bucket *b, uint64_t issued_ms)
{
	struct entry *oldest = &b->entry[0];

	for (int i = 0; i < WAYS; i++) {
		if (is_free(&b->entry[i])) {
			atomic_fetch_add_explicit(&nonces->remembered, 1, memory_order_relaxed);
			return &b->entry[i];
		}
		if (b->entry[i].issued_ms < oldest->issued_ms)
			oldest = &b->entry[i];
	}
	if (issued_ms < oldest->issued_ms)
		return NULL;
	if (b->floor_ms <= oldest->issued_ms)
		b->floor_ms = oldest->issued_ms + 1;
	return oldest;
}

static enum auth_nonce_use use_first(struct auth_nonces *nonces, struct bucket *b,
				     const struct auth_nonce *nonce, uint32_t nc)
{
	struct entry *e;

	if (nonce->issued_ms < b->floor_ms)
		return AUTH_NONCE_RETIRED;
	e = make_room(nonces, b, nonce->issued_ms);
	if (!e)
		return AUTH_NONCE_RETIRED;
	*e = (struct entry){ nonce->serial, nonce->issued_ms, 1, nc, nc == 0 };
	return AUTH_NONCE_FRESH;
}

static enum auth_nonce_use use_again(struct entry *e, uint32_t nc)
{
	uint32_t ahead, behind;

	if (e->retired || !nc) {
		e->retired = 1;
		return AUTH_NONCE_RETIRED;
	}
	if (nc <= e->highest) {
		behind = e->highest - nc;
		if (behind >= AUTH_NONCE_WINDOW || (e->window >> behind & 1))
			return AUTH_NONCE_REPLAYED;
		e->window |= UINT64_C(1) << behind;
		return AUTH_NONCE_FRESH;
	}
	ahead = nc - e->highest;
	if (ahead > AUTH_NONCE_GAP) {
		e->retired = 1;
		return AUTH_NONCE_RETIRED;
	}
	e->window = ahead < AUTH_NONCE_WINDOW ? e->window << ahead | 1 : 1;
	e->highest = nc;
	return AUTH_NONCE_FRESH;
}

enum auth_nonce_use auth_nonce_use(struct auth_nonces *nonces, const struct auth_nonce *nonce,
				   uint32_t nc, uint64_t now_ms)
{
	unsigned at = (unsigned)(nonce->serial % nonces->n_buckets);
	struct bucket *b = &nonces->bucket[at];
	pthread_mutex_t *lock = &nonces->lock[at % LOCKS];
	enum auth_nonce_use use;
	struct entry *e;

	if (now_ms > nonce->issued_ms &&
	    now_ms - nonce->issued_ms >= atomic_load(&nonces->lifetime_ms))
		return AUTH_NONCE_RETIRED;
	pthread_mutex_lock(lock);
	e = find(b, nonce->serial);
	use = e ? use_again(e, nc) : use_first(nonces, b, nonce, nc);
	pthread_mutex_unlock(lock);
	return use;
}

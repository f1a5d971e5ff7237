/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/auth_bench.c - what it costs to know who sent a request, and what the cost tells
 *
 *     auth_bench [--quick]
 *
 * Prints one JSON object a line. Both sides of a figure take turns within each run and each gives
 * the median of its runs; times are this thread's CPU time.
 *
 *     auth.digest.sha256.cpu   a whole check from header value to verdict, reading the stored
 * record / the two hashes and the MAC that it cannot do without auth.digest.md5.cpu      the same
 * with MD5 auth.challenge.cpu       a 401 for no credentials / the MAC of its nonce
 *     auth.unknown-user.time   a check of a user who does not exist / of a wrong password
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auth/auth_check.h"
#include "auth/auth_text.h"

enum { CHECKS = 20000, RUNS = 15, RUNS_QUICK = 5, LINE = 448 };

static const struct strv names[] = { STRV("example.com") };
static const char uri[] = "/xcap-root/resource-lists/users/sip:alice@example.com/index";
static struct auth_policy policy;
static struct strv record;
static char (*line)[LINE];

static void die(const char *what)
{
	fprintf(stderr, "auth_bench: %s\n", what);
	exit(1);
}

static double cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* ---- set-up ---- */

static void set_up(void)
{
	static const struct auth_nonce_options nonces = { 65536, 3600000 };
	static const struct auth_throttle_options throttle = { 65536, 1u << 30, 1, 1, 1 };
	struct auth_user user = { .n_identities = 2, .roles = AUTH_ROLE_USER };
	struct arena *arena = arena_new(0);

	user.identity[0] = STRV("sip:alice@example.com");
	user.identity[1] = STRV("tel:+4930123");
	policy = (struct auth_policy){ .domains = { names, 1 }, .md5 = 1 };
	line = calloc(CHECKS, sizeof(*line));
	if (!arena || !line || auth_nonces_new(&nonces, policy.secret, &policy.nonces, NULL) < 0 ||
	    auth_throttle_new(&throttle, &policy.throttle, NULL) < 0 ||
	    auth_user_set_password(&user, STRV("k7Vq-2xB"), &policy.domains, arena, NULL) < 0 ||
	    auth_user_encode(&user, arena, &record, NULL) < 0 ||
	    auth_stand_in_make(&policy.domains, arena, &policy.stand_in, NULL) < 0)
		die("set-up failed");
}

/* CHECKS header values of one client, on one new nonce. */
static void write_lines(enum auth_algorithm algorithm, const char *user, const char *password)
{
	char nonce[AUTH_NONCE_TEXT], hex[AUTH_HASH_HEX], nc[16];
	unsigned char ha1[AUTH_HASH_BYTES], response[AUTH_HASH_BYTES];
	struct auth_digest d = { .algorithm = algorithm,
				 .uri = strv_of(uri),
				 .qop = STRV("auth"),
				 .cnonce = STRV("0a4f113b") };

	if (auth_nonce_issue(policy.nonces, names[0], NULL, 1, nonce) < 0 ||
	    auth_ha1(algorithm, strv_of(user), names[0], strv_of(password), ha1) < 0)
		die("no nonce");
	d.nonce = strv_of(nonce);
	for (unsigned i = 0; i < CHECKS; i++) {
		snprintf(nc, sizeof(nc), "%08x", i + 1);
		d.nc_text = strv_of(nc);
		auth_digest_response(&d, STRV("GET"), ha1, response);
		auth_hex_print(response, auth_hash_bytes(algorithm), hex);
		snprintf(line[i], LINE,
			 "Digest username=\"%s\", realm=\"example.com\", nonce=\"%s\", uri=\"%s\", "
			 "cnonce=\"0a4f113b\", nc=%s, qop=auth, response=\"%s\", algorithm=%s",
			 user, nonce, uri, nc, hex, auth_algorithm_name(algorithm));
	}
}

/* One request; RECORD as a store would give it. Returns the status. */
static unsigned check(struct strv value, unsigned n, struct strv found)
{
	static struct auth_check c;
	static const struct sockaddr_in from = { .sin_family = AF_INET };
	struct auth_request req = { .method = STRV("GET"),
				    .target = strv_of(uri),
				    .credentials = &value,
				    .n_credentials = n,
				    .source = (const struct sockaddr *)&from,
				    .now_ms = 1 };

	if (!auth_check_begin(&policy, &req, &c))
		auth_check_finish_record(&c, found);
	return c.verdict.status;
}

/* ---- sides: nanoseconds of one operation, as the mean of CHECKS ---- */

static double side_checks(struct strv found, unsigned status)
{
	double before = cpu_ns();

	for (unsigned i = 0; i < CHECKS; i++)
		if (check(strv_of(line[i]), 1, found) != status)
			die("a check came out wrong");
	return (cpu_ns() - before) / CHECKS;
}

static double side_digest(enum auth_algorithm algorithm)
{
	write_lines(algorithm, "alice", "k7Vq-2xB");
	return side_checks(record, 0);
}

static double side_wrong(void)
{
	write_lines(AUTH_SHA256, "alice", "wrong password");
	return side_checks(record, 401);
}

static double side_unknown(void)
{
	write_lines(AUTH_SHA256, "malin", "wrong password");
	return side_checks((struct strv){ NULL, 0 }, 401);
}

/* Texts as long as those of a check. */
static double side_hashes(enum auth_algorithm algorithm, int hashes)
{
	static const char text[256];
	unsigned char out[AUTH_HASH_BYTES];
	double before = cpu_ns();
	size_t response = 4 * auth_hash_bytes(algorithm) + 40 + 8 + 8 + 4 + 5;

	for (unsigned i = 0; i < CHECKS; i++) {
		auth_mac(policy.secret, strv_mem(text, 29), out);
		if (!hashes)
			continue;
		auth_hash(algorithm, strv_mem(text, 4 + sizeof(uri) - 1), out);
		auth_hash(algorithm, strv_mem(text, response), out);
	}
	return (cpu_ns() - before) / CHECKS;
}

static double side_challenge(void)
{
	double before = cpu_ns();

	for (unsigned i = 0; i < CHECKS; i++)
		if (check((struct strv){ NULL, 0 }, 0, record) != 401)
			die("a challenge came out wrong");
	return (cpu_ns() - before) / CHECKS;
}

static double side_sha256(void)
{
	return side_digest(AUTH_SHA256);
}

static double side_md5(void)
{
	return side_digest(AUTH_MD5);
}

static double side_sha256_hashes(void)
{
	return side_hashes(AUTH_SHA256, 1);
}

static double side_md5_hashes(void)
{
	return side_hashes(AUTH_MD5, 1);
}

static double side_mac(void)
{
	return side_hashes(AUTH_MD5, 0);
}

/* ---- figures ---- */

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(double *value, unsigned n)
{
	qsort(value, n, sizeof(*value), by_value);
	return value[n / 2];
}

static void print(const char *name, double ours, const char *peer, double theirs, const char *unit,
		  unsigned runs)
{
	printf("{\"figure\": \"%s\", \"ours\": %.1f, \"peer\": \"%s\", \"theirs\": %.1f, "
	       "\"unit\": \"%s\", \"ratio\": %.3f, \"runs\": %u}\n",
	       name, ours, peer, theirs, unit, ours / theirs, runs);
	fflush(stdout);
}

static void compare(const char *name, double (*ours)(void), const char *peer,
		    double (*theirs)(void), unsigned runs)
{
	double a[RUNS], b[RUNS];

	for (unsigned i = 0; i < runs; i++) {
		a[i] = ours();
		b[i] = theirs();
	}
	print(name, median(a, runs), peer, median(b, runs), "ns", runs);
}

int main(int argc, char **argv)
{
	unsigned runs = argc > 1 && strcmp(argv[1], "--quick") == 0 ? RUNS_QUICK : RUNS;

	set_up();
	compare("auth.digest.sha256.cpu", side_sha256, "two hashes and one MAC", side_sha256_hashes,
		runs);
	compare("auth.digest.md5.cpu", side_md5, "two hashes and one MAC", side_md5_hashes, runs);
	compare("auth.challenge.cpu", side_challenge, "one MAC", side_mac, runs);
	compare("auth.unknown-user.time", side_unknown, "wrong password", side_wrong, runs);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth/auth_check.c - see auth_check.h
 *
 * The order of the steps is what keeps it cheap and quiet: grammar, then our own nonce (one MAC, no
 * memory), then the throttle, then the record, then the response, and only for a right one the
 * nonce's count. Nothing before the response depends on whether the user exists.
 */
#include "auth/auth_check.h"

#include <string.h>

#include "auth/auth_target.h"
#include "auth/auth_text.h"

/* ---- verdicts ---- */

static int decide(struct auth_check *check, unsigned status, const char *reason)
{
	check->verdict.status = status;
	check->verdict.reason = reason;
	return 1;
}

static int throttled(struct auth_check *check, uint64_t wait_ms)
{
	uint64_t wait_s = (wait_ms + 999) / 1000;

	check->verdict.retry_after_s = wait_s > UINT32_MAX ? UINT32_MAX : (unsigned)wait_s;
	/* In SIP 429 means something else (RFC 3892). */
	return decide(check, check->request->edge == AUTH_SIP ? 503 : 429, "throttled");
}

static void add_challenge(struct auth_verdict *verdict, size_t length)
{
	verdict->n_challenges += length > 0;
}

static char *next_challenge(struct auth_verdict *verdict)
{
	return verdict->challenge[verdict->n_challenges];
}

/* Ask for credentials, with a new nonce. */
static int challenge(struct auth_check *check, const char *reason, int stale)
{
	const struct auth_policy *policy = check->policy;
	const struct auth_request *req = check->request;
	struct auth_verdict *v = &check->verdict;
	char nonce[AUTH_NONCE_TEXT];
	struct auth_offer offer = {
		.realm = check->realm,
		.stale = stale,
		.userhash = policy->userhash,
		.charset = req->edge == AUTH_HTTP,
	};

	if (auth_nonce_issue(policy->nonces, check->realm, req->source, req->now_ms, nonce) < 0)
		return decide(check, 500, "no-nonce");
	offer.nonce = strv_of(nonce);
	if (!policy->no_sha256)
		add_challenge(v, auth_digest_challenge(&offer, AUTH_SHA256, next_challenge(v)));
	if (policy->md5 || policy->no_sha256)
		add_challenge(v, auth_digest_challenge(&offer, AUTH_MD5, next_challenge(v)));
	if (policy->basic && req->is_tls && req->edge == AUTH_HTTP)
		add_challenge(v, auth_basic_challenge(check->realm, next_challenge(v)));
	if (!v->n_challenges)
		return decide(check, 500, "no-challenge");
	v->stale = stale;
	v->challenge_field = req->as_proxy ? "Proxy-Authenticate" : "WWW-Authenticate";
	return decide(check, req->as_proxy ? 407 : 401, reason);
}

/* ---- begin: asserted identities ---- */

/* In HTTP every field must name the same user: a client may have sent one of them through the proxy
 * that set the other. In SIP there may be two values, a SIP and a tel URI (RFC 3325 s9.1). */
static int asserted_agree(const struct auth_check *check, unsigned first, unsigned n)
{
	if (check->request->edge == AUTH_HTTP)
		return !first || strv_eq(auth_identity_text(&check->named[0]),
					 auth_identity_text(&check->named[first]));
	return n <= 2 && (n < 2 || auth_identity_is_tel(&check->named[0]) !=
					   auth_identity_is_tel(&check->named[1]));
}

static int begin_asserted(struct auth_check *check)
{
	const struct auth_request *req = check->request;

	for (unsigned i = 0; i < req->n_asserted; i++) {
		struct auth_identity list[AUTH_ASSERTED_MAX];
		unsigned n, first = check->n_named;

		if (auth_asserted_parse(req->asserted[i], &check->policy->domains, list, &n, NULL) <
		    0)
			return decide(check, 400, "bad-asserted-identity");
		if (first + n > AUTH_ASSERTED_MAX)
			return decide(check, 400, "many-asserted-identities");
		memcpy(&check->named[first], list, n * sizeof(list[0]));
		check->n_named += n;
		if (!asserted_agree(check, first, check->n_named))
			return decide(check, 400, "contradicting-asserted-identities");
	}
	check->means = AUTH_BY_ASSERTION;
	check->need.identity = auth_identity_text(&check->named[0]);
	return 0;
}

/* ---- begin: credentials ---- */

/* Whose credentials, and may they be tried now? */
static int begin_user(struct auth_check *check, struct strv username)
{
	const struct auth_domains at_realm = { &check->realm, 1 };
	const struct auth_request *req = check->request;
	uint64_t wait_ms;

	auth_source_of(req->source, &check->attempt.source);
	check->attempt.shared = req->is_trusted;
	check->attempt.user = username;
	if (check->digest.userhash && check->means == AUTH_BY_DIGEST) {
		check->need.algorithm = check->digest.algorithm;
		if (auth_hex_parse(username, check->need.userhash,
				   auth_hash_bytes(check->digest.algorithm)) < 0)
			return decide(check, 400, "bad-credentials-syntax");
		/* The octets, since digits have two cases. */
		check->attempt.user =
			strv_mem(check->need.userhash, auth_hash_bytes(check->digest.algorithm));
	} else if (auth_identity_parse(username, &at_realm, &check->named[0], NULL) == 0) {
		check->n_named = 1;
		check->need.identity = auth_identity_text(&check->named[0]);
		check->attempt.user = check->need.identity;
	}
	wait_ms = auth_throttle_wait(check->policy->throttle, &check->attempt, req->now_ms);
	if (wait_ms)
		return throttled(check, wait_ms);
	if (check->n_named || check->digest.userhash)
		return 0;
	/* A name that nobody can have is a user that does not exist. */
	auth_check_finish(check, NULL);
	return 1;
}

static int target_fits(const struct auth_check *check)
{
	const struct auth_request *req = check->request;

	if (req->edge == AUTH_HTTP)
		return auth_target_same_http(check->digest.uri, req->target);
	/* A proxy of ours may have retargeted the request (RFC 8760 s2.6 item 6). */
	return req->is_trusted || auth_target_same_sip(check->digest.uri, req->target);
}

static int begin_digest(struct auth_check *check)
{
	const struct auth_policy *policy = check->policy;
	const struct auth_request *req = check->request;
	const struct auth_digest *d = &check->digest;

	if (!d->nonce.n)
		return challenge(check, "no-credentials", 0);
	if (d->algorithm == AUTH_ALGORITHMS ||
	    (d->algorithm == AUTH_MD5 && !policy->md5 && !policy->no_sha256) ||
	    (d->algorithm == AUTH_SHA256 && policy->no_sha256))
		return challenge(check, "algorithm-not-offered", 0);
	if (d->userhash && !policy->userhash)
		return challenge(check, "userhash-not-offered", 0);
	if (req->method.n > AUTH_METHOD_MAX || !target_fits(check))
		return decide(check, 400, "uri-mismatch");
	switch (auth_nonce_check(policy->nonces, d->nonce, check->realm,
				 req->is_datagram && !req->is_trusted ? req->source : NULL,
				 req->now_ms, &check->nonce)) {
	case AUTH_NONCE_FOREIGN:
		return challenge(check, "foreign-nonce", 0);
	case AUTH_NONCE_STALE:
		return challenge(check, "stale-nonce", 1);
	case AUTH_NONCE_GOOD:
		break;
	}
	check->means = AUTH_BY_DIGEST;
	return begin_user(check, d->username);
}

static int begin_basic(struct auth_check *check, struct strv token)
{
	const struct auth_request *req = check->request;

	/* RFC 8760 s2.6: never in SIP. In the clear the password is lost already; it is not even
	 * looked at, so that nobody learns whether it was right. */
	if (!check->policy->basic || !req->is_tls || req->edge != AUTH_HTTP)
		return challenge(check, "basic-not-offered", 0);
	if (auth_basic_parse(token, &check->basic, NULL) < 0)
		return decide(check, 400, "bad-credentials-syntax");
	check->means = AUTH_BY_BASIC;
	return begin_user(check, check->basic.username);
}

/* The policy's name of a realm, NULL when it is not one of ours. */
static const struct strv *realm_find(const struct auth_policy *policy, struct strv realm)
{
	for (unsigned i = 0; i < policy->domains.n; i++)
		if (strv_eq(policy->domains.name[i], realm))
			return &policy->domains.name[i];
	return NULL;
}

/* A SIP request may carry credentials for the realms of several proxies: find ours. Those of others
 * may be of a form that we do not read. Returns 1 with the digest parsed; 0 when there are none; -1
 * when there are only malformed ones, or two for realms of ours. */
static int find_sip(struct auth_check *check)
{
	const struct auth_request *req = check->request;
	const struct strv *ours;
	struct strv rest, found = { NULL, 0 };
	int malformed = 0;

	for (unsigned i = 0; i < req->n_credentials; i++) {
		if (auth_scheme_parse(req->credentials[i], &rest) != AUTH_SCHEME_DIGEST)
			continue;
		if (auth_digest_parse(rest, &check->digest, NULL) < 0) {
			malformed = 1;
			continue;
		}
		ours = realm_find(check->policy, check->digest.realm);
		if (!ours)
			continue;
		if (found.p)
			return -1;
		found = rest;
		check->realm = *ours;
	}
	if (!found.p)
		return malformed ? -1 : 0;
	return auth_digest_parse(found, &check->digest, NULL) < 0 ? -1 : 1;
}

static int begin_sip(struct auth_check *check)
{
	int found = find_sip(check);

	if (found < 0)
		return decide(check, 400, "bad-credentials-syntax");
	return found ? begin_digest(check) : challenge(check, "no-credentials", 0);
}

static int begin_http(struct auth_check *check)
{
	const struct auth_request *req = check->request;
	const struct strv *ours;
	struct strv rest;

	if (!req->n_credentials)
		return challenge(check, "no-credentials", 0);
	if (req->n_credentials > 1)
		return decide(check, 400, "credentials-twice");
	switch (auth_scheme_parse(req->credentials[0], &rest)) {
	case AUTH_SCHEME_DIGEST:
		break;
	case AUTH_SCHEME_BASIC:
		return begin_basic(check, rest);
	case AUTH_SCHEME_NONE:
		return decide(check, 400, "bad-credentials-syntax");
	case AUTH_SCHEME_OTHER:
		return challenge(check, "scheme-not-offered", 0);
	}
	if (auth_digest_parse(rest, &check->digest, NULL) < 0)
		return decide(check, 400, "bad-credentials-syntax");
	ours = realm_find(check->policy, check->digest.realm);
	if (!ours)
		return challenge(check, "foreign-realm", 0);
	check->realm = *ours;
	return begin_digest(check);
}

static int begin_intended(struct auth_check *check)
{
	struct auth_identity list[AUTH_ASSERTED_MAX];
	unsigned n;

	if (!check->request->intended.p)
		return 0;
	if (auth_asserted_parse(check->request->intended, &check->policy->domains, list, &n, NULL) <
		    0 ||
	    n != 1)
		return decide(check, 400, "bad-intended-identity");
	check->intended = list[0];
	return 0;
}

static void init(const struct auth_policy *policy, const struct auth_request *req,
		 struct auth_check *check)
{
	const struct strv *ours = NULL;

	for (unsigned i = 0; i < policy->domains.n && !ours; i++)
		if (strv_caseeq(policy->domains.name[i], req->domain))
			ours = &policy->domains.name[i];
	check->policy = policy;
	check->request = req;
	check->means = AUTH_BY_NOTHING;
	check->realm = ours ? *ours : policy->domains.name[0];
	check->digest.userhash = 0;
	check->n_named = 0;
	check->intended.n = 0;
	check->need = (struct auth_need){ .algorithm = AUTH_SHA256 };
	check->verdict.status = 500;
	check->verdict.reason = "undecided";
	check->verdict.means = AUTH_BY_NOTHING;
	check->verdict.home.n = check->verdict.acting.n = 0;
	check->verdict.roles = 0;
	check->verdict.known = check->verdict.stale = 0;
	check->verdict.challenge_field = NULL;
	check->verdict.n_challenges = check->verdict.retry_after_s = 0;
}

/* The password of Basic goes no further. */
static void forget_password(struct auth_check *check)
{
	if (check->means == AUTH_BY_BASIC)
		auth_wipe(&check->basic, sizeof(check->basic));
}

int auth_check_begin(const struct auth_policy *policy, const struct auth_request *request,
		     struct auth_check *check)
{
	int decided;

	init(policy, request, check);
	if (begin_intended(check))
		return 1;
	if (request->is_trusted && request->n_asserted)
		decided = begin_asserted(check);
	else if (request->edge == AUTH_SIP)
		decided = begin_sip(check);
	else
		decided = begin_http(check);
	check->need.realm = check->realm;
	if (decided)
		forget_password(check);
	return decided;
}

/* ---- finish ---- */

/* Does USER have a right to IDENTITY here? */
static int may_act_as(const struct auth_check *check, const struct auth_user *user,
		      const struct auth_identity *identity)
{
	if (user && auth_user_has_identity(user, auth_identity_text(identity)))
		return 1;
	for (unsigned i = 0; check->means == AUTH_BY_ASSERTION && i < check->n_named; i++)
		if (strv_eq(auth_identity_text(&check->named[i]), auth_identity_text(identity)))
			return 1;
	return 0;
}

static void let_in(struct auth_check *check, const struct auth_user *user)
{
	struct auth_verdict *v = &check->verdict;

	v->known = user != NULL;
	v->roles = user ? user->roles : AUTH_ROLE_USER;
	v->means = check->means;
	/* A record's identities are canonical: the decoder has seen to it. */
	if (user)
		auth_identity_parse(user->identity[0], NULL, &v->home, NULL);
	else
		v->home = check->named[0];
	v->acting = check->intended.n ? check->intended
		    : check->n_named  ? check->named[0]
				      : v->home;
	decide(check, 0, "accepted");
}

/* The client is who it says it is. May it come in? */
static void admit(struct auth_check *check, const struct auth_user *user)
{
	if (user && user->disabled)
		decide(check, 403, "disabled");
	else if (!user && !check->policy->foreign_users)
		decide(check, 403, "unknown-asserted-user");
	else if (check->intended.n && !may_act_as(check, user, &check->intended))
		decide(check, 403, "intended-identity");
	else
		let_in(check, user);
}

/* The HA1 to compare with: that of USER's credential, or one that nobody has the password to. The
 * latter is always computed, so that both cost the same. Returns 1 when it is the user's. */
static int ha1_of(const struct auth_check *check, const struct auth_user *user,
		  enum auth_algorithm algorithm, struct strv username, struct strv realm,
		  unsigned char ha1_out[AUTH_HASH_BYTES])
{
	const struct auth_cred *cred = NULL;
	unsigned char dummy[AUTH_MAC_BYTES];

	auth_mac(check->policy->secret, username, dummy);
	if (user && check->need.identity.n)
		cred = auth_user_cred_find(user, algorithm, username, realm);
	else if (user)
		cred = auth_user_cred_find_hashed(user, algorithm, check->need.userhash, realm);
	memcpy(ha1_out, cred ? cred->ha1.p : (const char *)dummy, auth_hash_bytes(algorithm));
	return cred != NULL;
}

static int digest_is_right(const struct auth_check *check, const struct auth_user *user)
{
	const struct auth_digest *d = &check->digest;
	unsigned char ha1[AUTH_HASH_BYTES], want[AUTH_HASH_BYTES], sent[AUTH_HASH_BYTES];
	size_t n = auth_hash_bytes(d->algorithm);
	int theirs = ha1_of(check, user, d->algorithm, d->username, check->realm, ha1);
	int computed = auth_digest_response(d, check->request->method, ha1, want) == 0;

	auth_wipe(ha1, sizeof(ha1));
	return auth_hex_parse(d->response, sent, n) == 0 &&
	       (auth_equal(want, sent, n) & theirs & computed);
}

/* Basic names no realm: that of the credential under the same name is meant. */
static struct strv basic_realm(const struct auth_check *check, const struct auth_user *user)
{
	for (unsigned i = 0; user && i < user->n_creds; i++)
		if (user->cred[i].algorithm == AUTH_SHA256 &&
		    strv_eq(user->cred[i].username, check->basic.username))
			return user->cred[i].realm;
	return check->realm;
}

static int basic_is_right(const struct auth_check *check, const struct auth_user *user)
{
	const struct auth_basic *b = &check->basic;
	struct strv realm = basic_realm(check, user);
	unsigned char ha1[AUTH_HASH_BYTES], sent[AUTH_HASH_BYTES];
	int theirs = ha1_of(check, user, AUTH_SHA256, b->username, realm, ha1);
	int computed = auth_ha1(AUTH_SHA256, b->username, realm, b->password, sent) == 0;
	int right = auth_equal(ha1, sent, sizeof(sent)) & theirs & computed;

	auth_wipe(ha1, sizeof(ha1));
	auth_wipe(sent, sizeof(sent));
	return right;
}

static int take_count(struct auth_check *check)
{
	if (check->means != AUTH_BY_DIGEST)
		return 0;
	switch (auth_nonce_use(check->policy->nonces, &check->nonce, check->digest.nc,
			       check->request->now_ms)) {
	case AUTH_NONCE_FRESH:
		return 0;
	case AUTH_NONCE_REPLAYED:
		return challenge(check, "replayed", 0);
	case AUTH_NONCE_RETIRED:
		break;
	}
	return challenge(check, "stale-nonce", 1);
}

/* USER may be the stand-in, EXISTS not set. */
static void finish_credentials(struct auth_check *check, const struct auth_user *user, int exists)
{
	struct auth_throttle *throttle = check->policy->throttle;
	uint64_t now_ms = check->request->now_ms;
	/* Again: many may have been waiting for their records at the same time. */
	uint64_t wait_ms = auth_throttle_wait(throttle, &check->attempt, now_ms);
	int right;

	if (wait_ms) {
		throttled(check, wait_ms);
		return;
	}
	right = check->means == AUTH_BY_BASIC ? basic_is_right(check, user)
					      : digest_is_right(check, user);
	right &= exists;
	if (!right) {
		auth_throttle_failed(throttle, &check->attempt, now_ms);
		challenge(check, "wrong-user-or-password", 0);
		return;
	}
	/* A replay proves nothing, and is no guess either. */
	if (take_count(check))
		return;
	auth_throttle_passed(throttle, &check->attempt, now_ms);
	admit(check, user);
}

static void finish(struct auth_check *check, const struct auth_user *user, int exists)
{
	/* Whatever the store has found: only the record that was asked for counts. */
	if (user && check->need.identity.n)
		exists &= auth_user_has_identity(user, check->need.identity);
	if (check->means == AUTH_BY_ASSERTION)
		admit(check, exists ? user : NULL);
	else
		finish_credentials(check, user, exists);
	forget_password(check);
}

void auth_check_finish(struct auth_check *check, const struct auth_user *user)
{
	finish(check, user, user != NULL);
}

void auth_check_finish_record(struct auth_check *check, struct strv record)
{
	int exists = record.p != NULL;
	struct strv bytes = exists ? record : check->policy->stand_in;
	struct auth_user user;
	int readable = bytes.n && auth_user_decode(bytes, &user, NULL) == 0;

	if (exists && !readable)
		auth_check_give_up(check);
	else
		finish(check, readable ? &user : NULL, exists);
}

int auth_stand_in_make(const struct auth_domains *domains, struct arena *arena,
		       struct strv *record_out, struct err *err)
{
	unsigned char octets[AUTH_HASH_BYTES];
	char password[AUTH_HASH_HEX];
	struct auth_user user = { .n_identities = 2, .disabled = 1 };
	const char *name;

	if (auth_random(octets, sizeof(octets)) < 0)
		return err_set(err, ERR_IO, "no randomness for a stand-in user");
	auth_hex_print(octets, sizeof(octets), password);
	/* Of the shape that most records have. */
	name = arena_printf(arena, "sip:nobody@%.*s", STRV_ARG(domains->name[0]));
	if (!name)
		return err_set(err, ERR_NOMEM, "no memory for a stand-in user");
	user.identity[0] = strv_of(name);
	user.identity[1] = STRV("tel:+0000000");
	if (auth_user_set_password(&user, strv_of(password), domains, arena, err) < 0)
		return -1;
	return auth_user_encode(&user, arena, record_out, err);
}

void auth_check_give_up(struct auth_check *check)
{
	decide(check, 503, "no-user-record");
	check->verdict.retry_after_s = 1;
	forget_password(check);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth/auth_password.c - from a password to credentials, and whether it is good enough
 *
 * See auth_users.h. The password is read, hashed and forgotten; nothing here keeps a copy.
 */
#include "auth/auth_users.h"

#include "auth/auth_digest.h"
#include "auth/auth_text.h"

enum { SPELLINGS = 3, NAME_LEAST = 3, DISTINCT_LEAST = 5 };

/* ---- credentials ---- */

/* The user part as people type it: without escapes, in ARENA. Empty when memory is short. */
static struct strv user_raw(const struct auth_identity *id, struct arena *arena)
{
	struct strv user = auth_identity_user(id);
	char *raw = arena_alloc(arena, user.n);
	unsigned char c;
	size_t n = 0;

	while (raw && auth_pct_next(&user, &c, NULL) == 1)
		raw[n++] = (char)c;
	return (struct strv){ raw, n };
}

/* Keep NAME as a spelling when a client that sends it in REALM is understood to mean ID. */
static void spelling_add(const struct auth_identity *id, struct strv realm, struct strv name,
			 struct strv *spelling, unsigned *n)
{
	const struct auth_domains at_realm = { &realm, 1 };
	struct auth_identity meant;

	if (!name.n || name.n > AUTH_USERNAME_MAX ||
	    auth_identity_parse(name, &at_realm, &meant, NULL) < 0 ||
	    !strv_eq(auth_identity_text(&meant), auth_identity_text(id)))
		return;
	for (unsigned i = 0; i < *n; i++)
		if (strv_eq(spelling[i], name))
			return;
	spelling[(*n)++] = name;
}

/* How clients write the name of IDENTITY, without repetition; -1 when memory is short. */
static int spellings_of(struct strv identity, struct strv realm, struct arena *arena,
			struct strv spelling[SPELLINGS], unsigned *n_out)
{
	struct auth_identity id;
	struct strv raw, text;
	const char *full;

	*n_out = 0;
	if (auth_identity_parse(identity, NULL, &id, NULL) < 0)
		return 0;
	raw = user_raw(&id, arena);
	if (!raw.p)
		return -1;
	spelling_add(&id, realm, raw, spelling, n_out);
	text = auth_identity_text(&id);
	if (!auth_identity_is_tel(&id)) {
		/* With what stands behind the user part: the host and perhaps a port. */
		full = arena_printf(arena, "%.*s%.*s", STRV_ARG(raw),
				    (int)(text.n - id.user - id.user_n),
				    text.p + id.user + id.user_n);
		if (!full)
			return -1;
		spelling_add(&id, realm, strv_of(full), spelling, n_out);
	}
	spelling_add(&id, realm, identity, spelling, n_out);
	return 0;
}

static int cred_add(struct auth_user *user, enum auth_algorithm algorithm, struct strv username,
		    struct strv realm, struct strv password, struct arena *arena, struct err *err)
{
	struct auth_cred *cred = &user->cred[user->n_creds];
	unsigned char *ha1 = arena_alloc(arena, AUTH_HASH_BYTES);

	if (user->n_creds == AUTH_CREDS_MAX)
		return err_set(err, ERR_LIMIT, "user has more than %d spellings", AUTH_CREDS_MAX);
	if (!ha1)
		return err_set(err, ERR_NOMEM, "no memory for credentials");
	if (auth_ha1(algorithm, username, realm, password, ha1) < 0)
		return err_set(err, ERR_RANGE,
			       "password longer than %d octets, or %s not permitted here",
			       AUTH_PASSWORD_MAX, auth_algorithm_name(algorithm));
	*cred = (struct auth_cred){ algorithm, username, realm,
				    strv_mem(ha1, auth_hash_bytes(algorithm)) };
	user->n_creds++;
	return 0;
}

static int creds_add(struct auth_user *user, struct strv identity, struct strv realm,
		     struct strv password, struct arena *arena, struct err *err)
{
	struct strv spelling[SPELLINGS];
	unsigned n;

	if (spellings_of(identity, realm, arena, spelling, &n) < 0)
		return err_set(err, ERR_NOMEM, "no memory for credentials");
	for (unsigned i = 0; i < n; i++)
		for (int a = 0; a < AUTH_ALGORITHMS; a++)
			if (cred_add(user, (enum auth_algorithm)a, spelling[i], realm, password,
				     arena, err) < 0)
				return -1;
	return 0;
}

int auth_user_set_password(struct auth_user *user, struct strv password,
			   const struct auth_domains *domains, struct arena *arena, struct err *err)
{
	struct strv realm = auth_user_realm(user, domains);
	struct auth_user *made = arena_alloc(arena, sizeof(*made));

	if (!made)
		return err_set(err, ERR_NOMEM, "no memory for credentials");
	if (!password.n || !auth_text_is_plain(password))
		return err_set(err, ERR_RANGE, "password is empty, not UTF-8 or not visible");
	*made = *user;
	made->n_creds = 0;
	for (unsigned i = 0; i < user->n_identities; i++)
		if (creds_add(made, user->identity[i], realm, password, arena, err) < 0)
			return -1;
	*user = *made;
	return 0;
}

/* ---- quality ---- */

static int weak(struct err *err, const char *remedy)
{
	return err_set(err, ERR_RANGE, "password is too weak: %s", remedy);
}

static size_t characters(struct strv text)
{
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++)
		n += ((unsigned char)text.p[i] & 0xc0) != 0x80;
	return n;
}

static unsigned distinct(struct strv text)
{
	unsigned char seen[256] = { 0 };
	unsigned n = 0;

	for (size_t i = 0; i < text.n; i++) {
		n += !seen[(unsigned char)text.p[i]];
		seen[(unsigned char)text.p[i]] = 1;
	}
	return n;
}

/* "abcdefgh", "87654321": each octet the neighbour of the one before, all in one direction. */
static int is_run(struct strv text)
{
	int step = text.n > 1 ? text.p[1] - text.p[0] : 0;

	if (step != 1 && step != -1)
		return 0;
	for (size_t i = 1; i < text.n; i++)
		if (text.p[i] - text.p[i - 1] != step)
			return 0;
	return 1;
}

static int contains(struct strv text, struct strv part)
{
	for (size_t i = 0; i + part.n <= text.n; i++)
		if (strv_caseeq((struct strv){ text.p + i, part.n }, part))
			return 1;
	return 0;
}

/* Among those on every list of guesses; digits behind them do not help. */
static int is_common(struct strv text)
{
	static const struct strv words[] = {
		STRV("password"), STRV("passw0rd"), STRV("passwort"), STRV("qwertyui"),
		STRV("qwerty"),	  STRV("qwertz"),   STRV("azerty"),   STRV("1q2w3e4r"),
		STRV("letmein"),  STRV("iloveyou"), STRV("welcome"),  STRV("sunshine"),
		STRV("princess"), STRV("football"), STRV("baseball"), STRV("superman"),
		STRV("trustno1"), STRV("dragon"),   STRV("monkey"),   STRV("changeme"),
		STRV("changeit"), STRV("secret"),   STRV("admin"),    STRV("administrator"),
		STRV("asdfghjk"), STRV("abc123"),   STRV("abcd1234"), STRV("default"),
		STRV("opencpm"),  STRV("qazwsxed"), STRV("zaq12wsx"), STRV("starwars"),
	};

	while (text.n && ((text.p[text.n - 1] >= '0' && text.p[text.n - 1] <= '9') ||
			  text.p[text.n - 1] == '!'))
		text.n--;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct strv word = words[i];

		while (word.n && word.p[word.n - 1] >= '0' && word.p[word.n - 1] <= '9')
			word.n--;
		if (strv_caseeq(text, word))
			return 1;
	}
	return !text.n; /* digits alone */
}

int auth_password_check(struct strv password, const struct auth_user *user, struct err *err)
{
	if (!auth_text_is_plain(password))
		return err_set(err, ERR_RANGE,
			       "password has control or invisible characters or "
			       "is not UTF-8: use visible characters");
	if (password.n > AUTH_PASSWORD_MAX)
		return err_set(err, ERR_RANGE, "password is too long: use at most %d octets",
			       AUTH_PASSWORD_MAX);
	if (characters(password) < AUTH_PASSWORD_LEAST)
		return err_set(err, ERR_RANGE, "password is too short: use at least %d characters",
			       AUTH_PASSWORD_LEAST);
	if (distinct(password) < DISTINCT_LEAST || is_run(password))
		return weak(err, "use more than a few different characters, and no run of them");
	if (is_common(password))
		return weak(err, "it is digits alone, or on every list of common passwords");
	for (unsigned i = 0; user && i < user->n_identities; i++) {
		struct auth_identity id;

		if (auth_identity_parse(user->identity[i], NULL, &id, NULL) == 0 &&
		    id.user_n >= NAME_LEAST && contains(password, auth_identity_user(&id)))
			return weak(err, "it has the user's name in it");
	}
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth/auth_digest.c - reading credentials, see auth_digest.h
 *
 * A lexer cuts "name = value" pairs at commas; a table says for each known name where its value
 * goes, how long it may be and whether quoting is undone; what the pairs must fulfil together is
 * checked at the end. What is computed and written stands in auth_response.c.
 */
#include "auth/auth_digest.h"

#include "auth/auth_text.h"

static int bad(struct err *err, const char *what)
{
	return err_set(err, ERR_SYNTAX, "credentials %s", what);
}

static int is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static int is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

/* tchar of RFC 9110 s5.6.2. */
static int is_token(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c && memchr("!#$%&'*+-.^_`|~", c, 15));
}

enum auth_scheme auth_scheme_parse(struct strv value, struct strv *rest_out)
{
	struct strv scheme;
	size_t n = 0;

	value = strv_trim(value);
	while (n < value.n && is_token(value.p[n]))
		n++;
	scheme = (struct strv){ value.p, n };
	*rest_out = strv_trim((struct strv){ value.p + n, value.n - n });
	if (!n)
		return AUTH_SCHEME_NONE;
	if (n < value.n && !is_blank(value.p[n]))
		return AUTH_SCHEME_OTHER;
	if (strv_caseeq(scheme, STRV("Digest")))
		return AUTH_SCHEME_DIGEST;
	return strv_caseeq(scheme, STRV("Basic")) ? AUTH_SCHEME_BASIC : AUTH_SCHEME_OTHER;
}

/* ---- lexer ---- */

struct param {
	struct strv name, value;
	int escaped; /* VALUE has backslashes whose quoting is to be undone */
};

static void skip(struct strv *s, size_t n)
{
	s->p += n;
	s->n -= n;
}

static void skip_blanks(struct strv *s)
{
	while (s->n && is_blank(s->p[0]))
		skip(s, 1);
}

/* 1 when nothing but blanks stands between offset AT and the next comma or the end. */
static int ends_at(struct strv s, size_t at)
{
	while (at < s.n && is_blank(s.p[at]))
		at++;
	return at == s.n || s.p[at] == ',';
}

/* Behind the opening quote. RAW values (uri) hold quotes and backslashes as they are. */
static int lex_quoted(struct strv *s, int raw, struct param *param, struct err *err)
{
	size_t i;

	for (i = 0; i < s->n; i++) {
		if (is_control(s->p[i]))
			return bad(err, "have a control octet between quotes");
		if (s->p[i] == '"' && (!raw || ends_at(*s, i + 1)))
			break;
		if (s->p[i] != '\\' || raw)
			continue;
		param->escaped = 1;
		if (++i == s->n || is_control(s->p[i]))
			return bad(err, "have a backslash before nothing");
	}
	if (i == s->n)
		return bad(err, "have a quote that is not closed");
	param->value = (struct strv){ s->p, i };
	skip(s, i + 1);
	return 0;
}

static int lex_bare(struct strv *s, struct param *param, struct err *err)
{
	size_t i = 0;

	while (i < s->n && s->p[i] != ',' && s->p[i] != '"' && s->p[i] > ' ' && s->p[i] < 0x7f)
		i++;
	if (!i)
		return bad(err, "have a parameter without value");
	param->value = (struct strv){ s->p, i };
	skip(s, i);
	return 0;
}

/* The next pair. Returns 1; 0 at the end; -1. */
static int lex_param(struct strv *s, struct param *param, struct err *err)
{
	size_t n = 0;
	int ret;

	/* Empty elements of a list are to be tolerated (RFC 9110 s5.6.1.2). */
	while (s->n && (is_blank(s->p[0]) || s->p[0] == ','))
		skip(s, 1);
	if (!s->n)
		return 0;
	while (n < s->n && is_token(s->p[n]))
		n++;
	*param = (struct param){ .name = { s->p, n } };
	skip(s, n);
	skip_blanks(s);
	if (!n || !s->n || s->p[0] != '=')
		return bad(err, "have something that is not name=value");
	skip(s, 1);
	skip_blanks(s);
	if (s->n && s->p[0] == '"') {
		skip(s, 1);
		ret = lex_quoted(s, strv_caseeq(param->name, STRV("uri")), param, err);
	} else {
		ret = lex_bare(s, param, err);
	}
	if (ret < 0)
		return -1;
	return ends_at(*s, 0) ? 1 : bad(err, "have a value that no comma follows");
}

/* ---- parameters ---- */

enum param_id {
	P_USERNAME,
	P_USERNAME_EXT,
	P_REALM,
	P_NONCE,
	P_URI,
	P_RESPONSE,
	P_CNONCE,
	P_NC,
	P_QOP,
	P_ALGORITHM,
	P_USERHASH,
	P_OPAQUE,
	PARAMS
};

static const struct {
	struct strv name;
	size_t max;
	int unquote; /* backslashes may stand in the value; elsewhere they are refused or raw */
} known[PARAMS] = {
	[P_USERNAME] = { STRV("username"), AUTH_USERNAME_MAX, 1 },
	[P_USERNAME_EXT] = { STRV("username*"), 3 * AUTH_USERNAME_MAX + 32, 0 },
	[P_REALM] = { STRV("realm"), AUTH_REALM_MAX, 1 },
	[P_NONCE] = { STRV("nonce"), AUTH_NONCE_MAX, 0 },
	[P_URI] = { STRV("uri"), AUTH_URI_MAX, 0 },
	[P_RESPONSE] = { STRV("response"), 2 * AUTH_HASH_BYTES, 0 },
	[P_CNONCE] = { STRV("cnonce"), AUTH_CNONCE_MAX, 1 },
	[P_NC] = { STRV("nc"), 8, 0 },
	[P_QOP] = { STRV("qop"), 16, 0 },
	[P_ALGORITHM] = { STRV("algorithm"), 32, 0 },
	[P_USERHASH] = { STRV("userhash"), 5, 0 },
	[P_OPAQUE] = { STRV("opaque"), 256, 1 },
};

/* unq(): VALUE without its quoting backslashes, in the digest's own memory. The lengths of what is
 * unquoted are bounded one by one, so that it fits. */
static struct strv unquote(struct auth_digest *digest, struct strv value)
{
	char *to = digest->text + digest->text_n;
	size_t n = 0;

	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] == '\\')
			i++;
		to[n++] = value.p[i];
	}
	digest->text_n = (uint16_t)(digest->text_n + n);
	return (struct strv){ to, n };
}

/* ext-value of RFC 8187 s3.2.1, the user's name in UTF-8. */
static int username_ext(struct auth_digest *digest, struct strv value, struct err *err)
{
	char *to = digest->text + digest->text_n;
	struct strv charset, language;
	unsigned char c;
	size_t n = 0;
	int more;

	if (!strv_cut(&value, '\'', &charset) || !strv_cut(&value, '\'', &language) ||
	    !strv_caseeq(charset, STRV("UTF-8")))
		return bad(err, "have a username* that is not UTF-8''value");
	while ((more = auth_pct_next(&value, &c, NULL)) == 1) {
		if (n == AUTH_USERNAME_MAX)
			return err_set(err, ERR_RANGE,
				       "credentials have a username* over %d "
				       "octets",
				       AUTH_USERNAME_MAX);
		to[n++] = (char)c;
	}
	digest->text_n = (uint16_t)(digest->text_n + n);
	digest->username = (struct strv){ to, n };
	return more < 0 ? bad(err, "have a username* with a broken escape") : 0;
}

/* Sort one pair into VALUES. */
static int param_take(struct auth_digest *digest, const struct param *param,
		      struct strv values[PARAMS], struct err *err)
{
	unsigned id = 0;

	while (id < PARAMS && !strv_caseeq(param->name, known[id].name))
		id++;
	if (id == PARAMS)
		return 0; /* auth-param: to be ignored */
	if (values[id].p)
		return err_set(err, ERR_SYNTAX, "credentials have %s twice", known[id].name.p);
	if (param->value.n > known[id].max)
		return err_set(err, ERR_RANGE, "credentials have a %s over %zu octets",
			       known[id].name.p, known[id].max);
	if (param->escaped && !known[id].unquote)
		return err_set(err, ERR_SYNTAX, "credentials have a backslash in %s",
			       known[id].name.p);
	/* Nobody reads "opaque": it is checked and dropped. */
	values[id] =
		param->escaped && id != P_OPAQUE ? unquote(digest, param->value) : param->value;
	return 0;
}

static int parse_nc(struct auth_digest *digest, struct strv text, struct err *err)
{
	digest->nc_text = text;
	digest->nc = 0;
	for (size_t i = 0; i < text.n; i++) {
		int digit = auth_hex_value(text.p[i]);

		if (digit < 0)
			return bad(err, "have an nc that is not hexadecimal");
		digest->nc = digest->nc << 4 | (uint32_t)digit;
	}
	return digest->nc ? 0 : bad(err, "have an nc of 0");
}

static int parse_qop(struct auth_digest *digest, const struct strv values[PARAMS], struct err *err)
{
	digest->qop = values[P_QOP];
	if (!digest->qop.p)
		return 0;
	if (!strv_caseeq(digest->qop, STRV("auth")))
		return bad(err, "have a qop that was not offered");
	if (!values[P_CNONCE].n || !values[P_NC].n)
		return bad(err, "have qop without cnonce or nc");
	digest->cnonce = values[P_CNONCE];
	return parse_nc(digest, values[P_NC], err);
}

static int parse_algorithm(struct auth_digest *digest, struct strv name, struct err *err)
{
	unsigned i = 0;

	/* RFC 7616 s3.3: not present is MD5. */
	if (!name.p)
		name = STRV("MD5");
	if (!name.n)
		return bad(err, "have an empty algorithm");
	while (i < AUTH_ALGORITHMS &&
	       !strv_caseeq(name, strv_of(auth_algorithm_name((enum auth_algorithm)i))))
		i++;
	digest->algorithm = (enum auth_algorithm)i;
	return 0;
}

static int parse_response(struct auth_digest *digest, struct strv text, struct err *err)
{
	unsigned char bytes[AUTH_HASH_BYTES];
	size_t n = digest->algorithm < AUTH_ALGORITHMS ? auth_hash_bytes(digest->algorithm)
						       : text.n / 2;

	/* RFC 8760 s2.7: empty when the client has not been challenged yet. */
	digest->response = text;
	if (!text.n && !digest->nonce.n)
		return 0;
	if (!text.n || auth_hex_parse(text, bytes, n) < 0)
		return bad(err, "have a response that is not of the algorithm's length");
	return digest->nonce.n ? 0 : bad(err, "have a response to no nonce");
}

static int parse_username(struct auth_digest *digest, const struct strv values[PARAMS],
			  struct err *err)
{
	struct strv flag = values[P_USERHASH];
	unsigned char hash[AUTH_HASH_BYTES];

	digest->userhash = flag.p && strv_caseeq(flag, STRV("true"));
	if (flag.p && !digest->userhash && !strv_caseeq(flag, STRV("false")))
		return bad(err, "have a userhash other than true and false");
	if (!values[P_USERNAME].p == !values[P_USERNAME_EXT].p)
		return bad(err, "need one of username and username*");
	if (values[P_USERNAME_EXT].p) {
		if (digest->userhash)
			return bad(err, "have a username* that is hashed");
		if (username_ext(digest, values[P_USERNAME_EXT], err) < 0)
			return -1;
	} else {
		digest->username = values[P_USERNAME];
	}
	if (digest->userhash && digest->algorithm < AUTH_ALGORITHMS &&
	    auth_hex_parse(digest->username, hash, auth_hash_bytes(digest->algorithm)) < 0)
		return bad(err, "have a hashed username that is not of the algorithm's length");
	if (!digest->username.n || !auth_text_is_plain(digest->username))
		return bad(err, "have a username that is empty, not UTF-8 or not visible");
	return 0;
}

int auth_digest_parse(struct strv params, struct auth_digest *digest, struct err *err)
{
	static const enum param_id needed[] = { P_REALM, P_NONCE, P_URI, P_RESPONSE };
	struct strv values[PARAMS] = { { NULL, 0 } };
	struct param param;
	unsigned n = 0;
	int more;

	digest->text_n = 0;
	digest->cnonce = digest->nc_text = (struct strv){ NULL, 0 };
	digest->nc = 0;
	while ((more = lex_param(&params, &param, err)) == 1) {
		if (++n > AUTH_PARAMS_MAX)
			return err_set(err, ERR_RANGE, "credentials have more than %d parameters",
				       AUTH_PARAMS_MAX);
		if (param_take(digest, &param, values, err) < 0)
			return -1;
	}
	if (more < 0)
		return -1;
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!values[needed[i]].p)
			return err_set(err, ERR_SYNTAX, "credentials lack %s",
				       known[needed[i]].name.p);
	digest->realm = values[P_REALM];
	digest->nonce = values[P_NONCE];
	digest->uri = values[P_URI];
	if (!digest->uri.n)
		return bad(err, "have an empty uri");
	if (parse_qop(digest, values, err) < 0 ||
	    parse_algorithm(digest, values[P_ALGORITHM], err) < 0 ||
	    parse_response(digest, values[P_RESPONSE], err) < 0)
		return -1;
	return parse_username(digest, values, err);
}

/* ---- Basic ---- */

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Strict base64, padding optional. Returns the octets written, or -1. */
static int base64_parse(struct strv text, unsigned char *out, size_t max)
{
	uint32_t bits = 0;
	size_t n = 0, pad = 0;

	while (pad < 2 && text.n && text.p[text.n - 1] == '=')
		text.n--, pad++;
	if (text.n % 4 == 1 || (pad && (text.n + pad) % 4))
		return -1;
	for (size_t i = 0; i < text.n; i++) {
		int v = base64_value(text.p[i]);

		if (v < 0)
			return -1;
		bits = bits << 6 | (uint32_t)v;
		if (i % 4 == 0)
			continue;
		if (n == max)
			return -1;
		out[n++] = (unsigned char)(bits >> (6 - 2 * (i % 4)));
	}
	return (int)n;
}

int auth_basic_parse(struct strv token, struct auth_basic *basic, struct err *err)
{
	struct strv rest;
	int n = base64_parse(token, basic->text, sizeof(basic->text));

	basic->username = basic->password = (struct strv){ NULL, 0 };
	if (n < 0)
		return bad(err, "are not base64, or too long");
	rest = strv_mem(basic->text, (size_t)n);
	if (!strv_cut(&rest, ':', &basic->username))
		return bad(err, "have no colon between name and password");
	basic->password = rest;
	if (!basic->username.n || basic->username.n > AUTH_USERNAME_MAX ||
	    rest.n > AUTH_PASSWORD_MAX)
		return bad(err, "have no user name, or too long a name or password");
	if (!auth_text_is_plain(basic->username) || !auth_text_is_plain(rest))
		return bad(err, "have a name or password that is not visible UTF-8");
	return 0;
}

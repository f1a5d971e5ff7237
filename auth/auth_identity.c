/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth/auth_identity.c - see auth_identity.h
 *
 * Two writers, one for SIP and one for tel; a spelling is first told apart by its scheme, then cut
 * into its parts, then written part by part into the canonical text.
 */
#include "auth/auth_identity.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "auth/auth_text.h"

enum { HOST_MAX = 253, LABEL_MAX = 63, PORT_SIP = 5060, PORT_SIPS = 5061 };

static int is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static char to_lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static int bad(struct err *err, const char *what)
{
	return err_set(err, ERR_SYNTAX, "identity %s", what);
}

static int put(struct auth_identity *id, char c)
{
	if (id->n + 1 >= AUTH_IDENTITY_BYTES)
		return -1;
	id->text[id->n++] = c;
	id->text[id->n] = '\0';
	return 0;
}

static int put_text(struct auth_identity *id, struct strv s)
{
	for (size_t i = 0; i < s.n; i++)
		if (put(id, s.p[i]) < 0)
			return -1;
	return 0;
}

static int too_long(struct err *err)
{
	return err_set(err, ERR_RANGE, "identity is longer than %d octets",
		       AUTH_IDENTITY_BYTES - 1);
}

int auth_domain_is_ours(const struct auth_domains *domains, struct strv name)
{
	for (unsigned i = 0; domains && i < domains->n; i++)
		if (strv_caseeq(domains->name[i], name))
			return 1;
	return 0;
}

/* ---- tel ---- */

static int is_separator(unsigned char c)
{
	return c == '-' || c == '.' || c == '(' || c == ')';
}

/* The digits of TEXT without separators; hexadecimal ones, "*" and "#" only where LOCAL. */
static int put_digits(struct auth_identity *id, struct strv text, int local, struct err *err)
{
	unsigned n = 0;
	unsigned char c;
	int more;

	while ((more = auth_pct_next(&text, &c, NULL)) == 1) {
		if (is_separator(c))
			continue;
		if (!is_digit((char)c) &&
		    !(local && (auth_hex_value((char)c) >= 0 || c == '*' || c == '#')))
			return bad(err, "has a telephone number with other octets than digits");
		if (put(id, to_lower((char)c)) < 0)
			return too_long(err);
		n++;
	}
	return more < 0 || !n ? bad(err, "has a telephone number without digits") : 0;
}

/* A host name in lower case without its trailing dot. */
static int put_name(struct auth_identity *id, struct strv name, struct err *err)
{
	struct strv label = { NULL, 0 };
	int more = 1;

	if (name.n && name.p[name.n - 1] == '.')
		name.n--;
	if (name.n > HOST_MAX)
		return bad(err, "has a host that is too long");
	for (struct strv rest = name; more;) {
		more = strv_cut(&rest, '.', &label);
		if (!label.n || label.n > LABEL_MAX || label.p[0] == '-' ||
		    label.p[label.n - 1] == '-')
			return bad(err, "has no host name behind the @");
		for (size_t i = 0; i < label.n; i++)
			if (!is_alnum(label.p[i]) && label.p[i] != '-')
				return bad(err, "has a host name with other octets than letters, "
						"digits, dots and hyphens");
	}
	if (is_digit(label.p[0])) {
		char text[INET_ADDRSTRLEN];
		struct in_addr v4;

		/* RFC 3261 s25.1: a name's last label begins with a letter. */
		snprintf(text, sizeof(text), "%.*s", STRV_ARG(name));
		if (name.n >= sizeof(text) || inet_pton(AF_INET, text, &v4) != 1)
			return bad(err, "has a host that is neither name nor address");
	}
	for (size_t i = 0; i < name.n; i++)
		if (put(id, to_lower(name.p[i])) < 0)
			return too_long(err);
	return 0;
}

struct tel_params {
	struct strv context, ext;
};

/* RFC 3966 s3: each name at most once. What is not part of who is meant is dropped. */
static int tel_params_parse(struct strv text, struct tel_params *params, struct err *err)
{
	*params = (struct tel_params){ { NULL, 0 }, { NULL, 0 } };
	while (text.n) {
		struct strv value, name, *slot = NULL;

		strv_cut(&text, ';', &value);
		if (!strv_cut(&value, '=', &name))
			value = (struct strv){ "", 0 };
		if (!name.n)
			return bad(err, "has an empty parameter");
		if (strv_caseeq(name, STRV("phone-context")))
			slot = &params->context;
		else if (strv_caseeq(name, STRV("ext")))
			slot = &params->ext;
		if (slot && slot->p)
			return bad(err, "has a parameter twice");
		if (slot)
			*slot = value;
	}
	return 0;
}

static int put_context(struct auth_identity *id, struct strv context, struct err *err)
{
	if (!context.p)
		return bad(err, "has a local number without phone-context");
	if (put_text(id, STRV(";phone-context=")) < 0)
		return too_long(err);
	if (!context.n || context.p[0] != '+')
		return put_name(id, context, err);
	context.p++, context.n--;
	return put(id, '+') < 0 ? too_long(err) : put_digits(id, context, 0, err);
}

/* TEXT is a telephone-subscriber of RFC 3966 s3. */
static int tel_parse(struct strv text, struct auth_identity *id, struct err *err)
{
	struct tel_params params;
	struct strv number, peek;
	unsigned char first = 0;
	int local;

	if (strv_cut(&text, ';', &number) && !text.n)
		return bad(err, "has an empty parameter");
	if (tel_params_parse(text, &params, err) < 0)
		return -1;
	peek = number;
	local = auth_pct_next(&peek, &first, NULL) < 1 || first != '+';
	put_text(id, STRV("tel:"));
	id->user = id->n;
	if (!local) {
		put(id, '+');
		number = peek;
	}
	if (put_digits(id, number, local, err) < 0)
		return -1;
	id->user_n = (uint16_t)(id->n - id->user);
	if (params.ext.p && (put_text(id, STRV(";ext=")) < 0))
		return too_long(err);
	if (params.ext.p && put_digits(id, params.ext, 0, err) < 0)
		return -1;
	return local ? put_context(id, params.context, err) : 0;
}

/* ---- SIP ---- */

struct sip_parts {
	struct strv user, host, port;
	int phone; /* user=phone */
};

static int sip_params_parse(struct strv text, struct sip_parts *parts, struct err *err)
{
	while (text.n) {
		struct strv value, name;

		strv_cut(&text, ';', &value);
		if (!strv_cut(&value, '=', &name))
			value = (struct strv){ "", 0 };
		if (!name.n)
			return bad(err, "has an empty parameter");
		if (strv_caseeq(name, STRV("user")) && strv_caseeq(value, STRV("phone")))
			parts->phone = 1;
	}
	return 0;
}

static int host_split(struct strv hostport, struct sip_parts *parts, struct err *err)
{
	int ported;

	if (hostport.n && hostport.p[0] == '[') {
		if (!strv_cut(&hostport, ']', &parts->host))
			return bad(err, "has an IPv6 address without its bracket");
		parts->host.n++;
		ported = hostport.n > 0;
		if (ported && hostport.p[0] != ':')
			return bad(err, "has something behind its IPv6 address");
		hostport.p += ported, hostport.n -= (size_t)ported;
	} else {
		ported = strv_cut(&hostport, ':', &parts->host);
	}
	if (ported && !hostport.n)
		return bad(err, "has an empty port");
	parts->port = hostport;
	return 0;
}

/* user@host[:port][;parameters] */
static int sip_split(struct strv text, struct sip_parts *parts, struct err *err)
{
	struct strv hostport;

	*parts = (struct sip_parts){ { NULL, 0 }, { NULL, 0 }, { NULL, 0 }, 0 };
	if (!strv_cut(&text, '@', &parts->user) || !parts->user.n)
		return bad(err, "has no user part");
	if (text.n && memchr(text.p, '@', text.n))
		return bad(err, "has a second @");
	if (memchr(parts->user.p, ':', parts->user.n))
		return bad(err, "carries a password");
	if (text.n && memchr(text.p, '?', text.n))
		return bad(err, "carries header fields");
	if (strv_cut(&text, ';', &hostport) && !text.n)
		return bad(err, "has an empty parameter");
	if (host_split(hostport, parts, err) < 0)
		return -1;
	return sip_params_parse(text, parts, err);
}

static int put_host(struct auth_identity *id, struct strv host, struct err *err)
{
	char text[INET6_ADDRSTRLEN + 2];
	struct in6_addr v6;

	if (!host.n || host.p[0] != '[')
		return put_name(id, host, err);
	snprintf(text, sizeof(text), "%.*s", (int)host.n - 2, host.p + 1);
	if (host.n - 2 >= sizeof(text) || inet_pton(AF_INET6, text, &v6) != 1)
		return bad(err, "has a host that is no IPv6 address");
	inet_ntop(AF_INET6, &v6, text, sizeof(text));
	if (put(id, '[') < 0 || put_text(id, strv_of(text)) < 0 || put(id, ']') < 0)
		return too_long(err);
	return 0;
}

static int put_port(struct auth_identity *id, struct strv text, struct err *err)
{
	char digits[8];
	uint64_t port;

	if (!text.n)
		return 0;
	if (strv_u64(text, UINT16_MAX, &port) < 0 || !port)
		return bad(err, "has a port outside 1 to 65535");
	/* Both default ports, whatever the scheme was, so that the result is reduced to itself. */
	if (port == PORT_SIP || port == PORT_SIPS)
		return 0;
	snprintf(digits, sizeof(digits), ":%u", (unsigned)port);
	return put_text(id, strv_of(digits)) < 0 ? too_long(err) : 0;
}

/* Decode TEXT into RAW of AUTH_IDENTITY_BYTES. */
static int user_decode(struct strv text, char *raw, struct strv *user_out, struct err *err)
{
	unsigned char c;
	size_t n = 0;
	int more;

	while ((more = auth_pct_next(&text, &c, NULL)) == 1) {
		if (n == AUTH_IDENTITY_BYTES)
			return too_long(err);
		raw[n++] = (char)c;
	}
	*user_out = (struct strv){ raw, n };
	if (more < 0)
		return bad(err, "has a % without two hexadecimal digits");
	if (!auth_text_is_plain(*user_out))
		return bad(err, "has control octets, invisible characters or octets that are "
				"not UTF-8");
	return 0;
}

/* No "." or ".." between slashes: whatever a reader makes of the user part, it is no way up. */
static int user_climbs(struct strv user)
{
	int more = 1;

	while (more) {
		struct strv part;

		more = strv_cut(&user, '/', &part);
		if (strv_eq(part, STRV(".")) || strv_eq(part, STRV("..")))
			return 1;
	}
	return 0;
}

/* user of RFC 3261 s25.1: escaped is what may not stand raw. */
static int put_user(struct auth_identity *id, struct strv user, struct err *err)
{
	static const char raw[] = "-_.!~*'()&=+$,;?/", digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < user.n; i++) {
		unsigned char c = (unsigned char)user.p[i];
		char escape[] = { '%', digits[c >> 4], digits[c & 15] };

		if (is_alnum(user.p[i]) || (c && memchr(raw, c, sizeof(raw) - 1))) {
			if (put(id, user.p[i]) < 0)
				return too_long(err);
		} else if (put_text(id, strv_mem(escape, sizeof(escape))) < 0) {
			return too_long(err);
		}
	}
	return 0;
}

static int sip_write(const struct sip_parts *parts, struct auth_identity *id, struct err *err)
{
	char raw[AUTH_IDENTITY_BYTES];
	struct strv user;

	if (user_decode(parts->user, raw, &user, err) < 0)
		return -1;
	if (user_climbs(user))
		return bad(err, "has \".\" or \"..\" between slashes");
	put_text(id, STRV("sip:"));
	id->user = id->n;
	if (put_user(id, user, err) < 0)
		return -1;
	id->user_n = (uint16_t)(id->n - id->user);
	if (put(id, '@') < 0)
		return too_long(err);
	id->host = id->n;
	if (put_host(id, parts->host, err) < 0)
		return -1;
	id->host_n = (uint16_t)(id->n - id->host);
	return put_port(id, parts->port, err);
}

static int sip_parse(struct strv text, const struct auth_domains *domains, struct auth_identity *id,
		     struct err *err)
{
	struct sip_parts parts;
	struct strv peek;
	unsigned char first;

	if (sip_split(text, &parts, err) < 0)
		return -1;
	peek = parts.user;
	if (parts.phone && auth_pct_next(&peek, &first, NULL) == 1 && first == '+' &&
	    auth_domain_is_ours(domains, parts.host))
		return tel_parse(parts.user, id, err);
	return sip_write(&parts, id, err);
}

/* ---- bare names ---- */

static int bare_parse(struct strv text, const struct auth_domains *domains,
		      struct auth_identity *id, struct err *err)
{
	struct sip_parts parts = { text, { NULL, 0 }, { NULL, 0 }, 0 };

	if (memchr(text.p, '@', text.n))
		return sip_parse(text, domains, id, err);
	if (memchr(text.p, ':', text.n))
		return bad(err, "has a scheme other than sip, sips and tel");
	if (text.p[0] == '+' && text.n > 1 && (is_digit(text.p[1]) || text.p[1] == '('))
		return tel_parse(text, id, err);
	if (memchr(text.p, ';', text.n) || memchr(text.p, '?', text.n) ||
	    memchr(text.p, '/', text.n))
		return bad(err, "is a bare name with URI delimiters");
	if (!domains || !domains->n)
		return bad(err, "is a bare name, and there is no default domain");
	parts.host = domains->name[0];
	return sip_write(&parts, id, err);
}

/* What may stand nowhere in a spelling: it would come from a name-addr or a path taken apart
 * badly. */
static int has_debris(struct strv text)
{
	for (size_t i = 0; i < text.n; i++)
		if (memchr("<>\"\\", text.p[i], 4))
			return 1;
	return text.n && (text.p[0] == ' ' || text.p[text.n - 1] == ' ');
}

static int take_scheme(struct strv *text, struct strv scheme)
{
	if (text->n < scheme.n || !strv_caseeq((struct strv){ text->p, scheme.n }, scheme))
		return 0;
	text->p += scheme.n;
	text->n -= scheme.n;
	return 1;
}

int auth_identity_parse(struct strv text, const struct auth_domains *domains,
			struct auth_identity *id, struct err *err)
{
	*id = (struct auth_identity){ .n = 0 };
	if (!text.n)
		return bad(err, "is empty");
	if (text.n > AUTH_IDENTITY_TEXT)
		return too_long(err);
	if (!auth_text_is_plain(text))
		return bad(err, "has control octets, invisible characters or octets that are "
				"not UTF-8");
	if (has_debris(text))
		return bad(err, "has quotes, angle brackets, backslashes or blanks around it");
	if (take_scheme(&text, STRV("sip:")) || take_scheme(&text, STRV("sips:")))
		return sip_parse(text, domains, id, err);
	if (take_scheme(&text, STRV("tel:")))
		return tel_parse(text, id, err);
	return bare_parse(text, domains, id, err);
}

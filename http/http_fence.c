/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http/http_fence.c - see http_fence.h
 *
 * First the shape (every octet of the head is in a piece or is the separator that belongs
 * there), then the grammar of each piece, then the fields that decide where the request ends. One
 * thing cannot be seen from the pieces: NULs of the peer's beside a bare LF can look like CR LF.
 */
#include "http/http_fence.h"

#include <string.h>

enum { METHOD_BYTES = 32 };

/* What an octet may be part of. */
enum { TOKEN = 1, VALUE = 2, TARGET = 4, HOST = 8, HEX = 16 };

#define LETTER (TOKEN | VALUE | TARGET | HOST)
#define DIGIT  (TOKEN | VALUE | TARGET | HOST | HEX)

/* RFC 9110 s5.6.2 tchar, s5.5 field-vchar with obs-text; RFC 3986 with the brackets, which XCAP
 * clients leave bare in node selectors. */
static const unsigned char octet_class[256] = {
	['\t'] = VALUE,
	[' '] = VALUE,
	['!'] = TOKEN | VALUE | TARGET | HOST,
	['"'] = VALUE | TARGET, /* no URI character, but XCAP clients send it (RFC 4825 s6.3) */
	['#'] = TOKEN | VALUE,
	['$'] = TOKEN | VALUE | TARGET | HOST,
	['%'] = TOKEN | VALUE | TARGET | HOST,
	['&'] = TOKEN | VALUE | TARGET | HOST,
	['\''] = TOKEN | VALUE | TARGET | HOST,
	['('] = VALUE | TARGET | HOST,
	[')'] = VALUE | TARGET | HOST,
	['*'] = TOKEN | VALUE | TARGET | HOST,
	['+'] = TOKEN | VALUE | TARGET | HOST,
	[','] = VALUE | TARGET,
	['-'] = TOKEN | VALUE | TARGET | HOST,
	['.'] = TOKEN | VALUE | TARGET | HOST,
	['/'] = VALUE | TARGET,
	['0' ... '9'] = DIGIT,
	[':'] = VALUE | TARGET | HOST,
	[';'] = VALUE | TARGET | HOST,
	['<'] = VALUE,
	['='] = VALUE | TARGET | HOST,
	['>'] = VALUE,
	['?'] = VALUE | TARGET,
	['@'] = VALUE | TARGET,
	['A' ... 'F'] = LETTER | HEX,
	['G' ... 'Z'] = LETTER,
	['['] = VALUE | TARGET | HOST,
	['\\'] = VALUE,
	[']'] = VALUE | TARGET | HOST,
	['^'] = TOKEN | VALUE,
	['_'] = TOKEN | VALUE | TARGET | HOST,
	['`'] = TOKEN | VALUE,
	['a' ... 'f'] = LETTER | HEX,
	['g' ... 'z'] = LETTER,
	['{'] = VALUE,
	['|'] = TOKEN | VALUE,
	['}'] = VALUE,
	['~'] = TOKEN | VALUE | TARGET | HOST,
	[0x80 ... 0xff] = VALUE,
};

static const char *const cause_names[HTTP_FENCE_CAUSES] = {
	[HTTP_FENCE_PASS] = "pass",
	[HTTP_FENCE_TARGET_LONG] = "target-long",
	[HTTP_FENCE_HEAD_LONG] = "head-long",
	[HTTP_FENCE_LINE] = "request-line",
	[HTTP_FENCE_TARGET] = "target",
	[HTTP_FENCE_VERSION] = "version",
	[HTTP_FENCE_FIELD] = "field",
	[HTTP_FENCE_METHOD] = "method",
	[HTTP_FENCE_HOST] = "host",
	[HTTP_FENCE_LENGTH] = "length",
	[HTTP_FENCE_LENGTH_LARGE] = "length-large",
	[HTTP_FENCE_CODING] = "coding",
	[HTTP_FENCE_CODING_UNKNOWN] = "coding-unknown",
	[HTTP_FENCE_EXPECT] = "expect",
};

const char *http_fence_cause_name(enum http_fence_cause cause)
{
	return cause < HTTP_FENCE_CAUSES ? cause_names[cause] : "unknown";
}

static int refuse(struct http_fence_verdict *verdict, enum http_fence_cause cause, unsigned status,
		  const char *text)
{
	verdict->cause = cause;
	verdict->status = status;
	verdict->text = text;
	return -1;
}

/* 1 when every octet of S is of CLASS. */
static int all_of(struct strv s, unsigned class)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(octet_class[(unsigned char)s.p[i]] & class))
			return 0;
	return 1;
}

/* Take PIECE, which must begin at *AT, and the N_NULS octets that end it. */
static int take(const char **at, const char *end, struct strv piece, size_t n_nuls)
{
	if (piece.p != *at || piece.n > (size_t)(end - *at) ||
	    n_nuls > (size_t)(end - *at) - piece.n)
		return -1;
	*at += piece.n;
	for (; n_nuls; n_nuls--)
		if (*(*at)++ != '\0')
			return -1;
	return 0;
}

/* name NUL blanks value NUL NUL */
static int take_field(const char **at, const char *end, const struct http_field *field)
{
	if (take(at, end, field->name, 1) < 0)
		return -1;
	while (*at < end && *at != field->value.p && (**at == ' ' || **at == '\t'))
		(*at)++;
	return take(at, end, field->value, 2);
}

static int check_shape(const struct http_head *head, struct http_fence_verdict *verdict)
{
	const char *at = head->p, *end = head->p + head->bytes;

	if (take(&at, end, head->method, 1) < 0 || take(&at, end, head->target, 1) < 0 ||
	    take(&at, end, head->version, 2) < 0)
		return refuse(verdict, HTTP_FENCE_LINE, 400,
			      "The request line is not METHOD SP TARGET SP VERSION CRLF.");
	for (unsigned i = 0; i < head->n_fields; i++)
		if (take_field(&at, end, &head->fields[i]) < 0)
			return refuse(verdict, HTTP_FENCE_FIELD, 400,
				      "A header field is folded or does not end in CRLF.");
	if (take(&at, end, strv_mem(at, 0), 2) < 0 || at != end)
		return refuse(verdict, HTTP_FENCE_FIELD, 400,
			      "The header section does not end in CRLF.");
	return 0;
}

static int check_size(const struct http_head *head, const struct http_fence_limits *limits,
		      struct http_fence_verdict *verdict)
{
	if (head->target.n > limits->target_bytes)
		return refuse(verdict, HTTP_FENCE_TARGET_LONG, 414,
			      "The request target is too long.");
	if (head->bytes > limits->header_bytes || head->n_fields > limits->header_fields)
		return refuse(verdict, HTTP_FENCE_HEAD_LONG, 431,
			      "The header section is too large.");
	return 0;
}

static int is_hex(char c)
{
	return octet_class[(unsigned char)c] & HEX;
}

/* Percent signs must be followed by two digits, and never mean NUL, which ends names in so many
 * places. */
static int escapes_ok(struct strv target)
{
	const char *p = target.p, *end = target.p + target.n;

	while ((p = memchr(p, '%', (size_t)(end - p)))) {
		if (end - p < 3 || !is_hex(p[1]) || !is_hex(p[2]))
			return 0;
		if (p[1] == '0' && p[2] == '0')
			return 0;
		p += 3;
	}
	return 1;
}

/* The length of "http://" or "https://" at the beginning of TARGET; 0 when there is neither. */
static size_t scheme_bytes(struct strv target)
{
	static const struct strv schemes[] = { { "http://", 7 }, { "https://", 8 } };

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (target.n >= schemes[i].n &&
		    strv_caseeq((struct strv){ target.p, schemes[i].n }, schemes[i]))
			return schemes[i].n;
	return 0;
}

static int authority_ok(struct strv target, size_t scheme)
{
	struct strv rest = { target.p + scheme, target.n - scheme };
	size_t n = 0;

	while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?')
		n++;
	return n > 0 && all_of((struct strv){ rest.p, n }, HOST);
}

static int target_ok(struct strv method, struct strv target)
{
	size_t scheme;

	if (!target.n || !all_of(target, TARGET) || !escapes_ok(target))
		return 0;
	if (target.p[0] == '/')
		return 1;
	if (strv_eq(target, STRV("*")))
		return strv_eq(method, STRV("OPTIONS"));
	scheme = scheme_bytes(target);
	return scheme && authority_ok(target, scheme);
}

struct strv http_target_path(struct strv target, struct strv *query_out)
{
	size_t scheme = scheme_bytes(target);
	struct strv path = { target.p + scheme, target.n - scheme };
	const char *mark = target.n ? memchr(target.p, '?', target.n) : NULL;
	const char *slash;

	*query_out = (struct strv){ NULL, 0 };
	if (mark) {
		*query_out = (struct strv){ mark + 1, (size_t)(target.p + target.n - mark) - 1 };
		path.n = (size_t)(mark - path.p);
	}
	if (!scheme)
		return path;
	slash = memchr(path.p, '/', path.n);
	if (!slash)
		return STRV("/");
	return (struct strv){ slash, (size_t)(path.p + path.n - slash) };
}

static int check_line(const struct http_head *head, struct http_fence_verdict *verdict)
{
	if (!strv_eq(head->version, STRV("HTTP/1.1")) && !strv_eq(head->version, STRV("HTTP/1.0")))
		return refuse(verdict, HTTP_FENCE_VERSION, 505,
			      "Only HTTP/1.1 and HTTP/1.0 are spoken here.");
	if (!head->method.n || head->method.n > METHOD_BYTES || !all_of(head->method, TOKEN))
		return refuse(verdict, HTTP_FENCE_LINE, 400, "The method is not a token.");
	if (strv_eq(head->method, STRV("TRACE")) || strv_eq(head->method, STRV("CONNECT")))
		return refuse(verdict, HTTP_FENCE_METHOD, 405,
			      "TRACE and CONNECT are not allowed on any resource.");
	if (!target_ok(head->method, head->target))
		return refuse(verdict, HTTP_FENCE_TARGET, 400, "The request target is malformed.");
	return 0;
}

/* The fields that say where the request ends and whom it is for. */
struct framing {
	unsigned hosts, lengths, codings, expects;
	struct strv host, length, coding, expect;
};

static void note_field(struct framing *framing, const struct http_field *field)
{
	static const struct {
		struct strv name;
		size_t count, value;
	} known[] = {
#define KNOWN(name, one, many)            \
	{ { name, sizeof(name) - 1 },     \
	  offsetof(struct framing, many), \
	  offsetof(struct framing, one) }
		KNOWN("Host", host, hosts),
		KNOWN("Content-Length", length, lengths),
		KNOWN("Transfer-Encoding", coding, codings),
		KNOWN("Expect", expect, expects),
#undef KNOWN
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (field->name.n != known[i].name.n || !strv_caseeq(field->name, known[i].name))
			continue;
		++*(unsigned *)(void *)((char *)framing + known[i].count);
		*(struct strv *)(void *)((char *)framing + known[i].value) = field->value;
		return;
	}
}

static int check_fields(const struct http_head *head, struct framing *framing,
			struct http_fence_verdict *verdict)
{
	for (unsigned i = 0; i < head->n_fields; i++) {
		const struct http_field *field = &head->fields[i];

		if (!field->name.n || !all_of(field->name, TOKEN))
			return refuse(verdict, HTTP_FENCE_FIELD, 400,
				      "A header field's name is not a token before a colon.");
		if (!all_of(field->value, VALUE))
			return refuse(verdict, HTTP_FENCE_FIELD, 400,
				      "A header field's value holds a control octet.");
		note_field(framing, field);
	}
	return 0;
}

static int check_host(const struct framing *framing, int http_1_0,
		      struct http_fence_verdict *verdict)
{
	if (framing->hosts > 1)
		return refuse(verdict, HTTP_FENCE_HOST, 400, "There is more than one Host.");
	if (framing->hosts == 0 && !http_1_0)
		return refuse(verdict, HTTP_FENCE_HOST, 400, "There is no Host.");
	if (!all_of(strv_trim(framing->host), HOST))
		return refuse(verdict, HTTP_FENCE_HOST, 400, "The Host is malformed.");
	return 0;
}

static int check_coding(const struct framing *framing, int http_1_0,
			struct http_fence_verdict *verdict)
{
	if (framing->lengths)
		return refuse(verdict, HTTP_FENCE_CODING, 400,
			      "Content-Length and Transfer-Encoding exclude each other.");
	if (http_1_0 || framing->codings > 1)
		return refuse(verdict, HTTP_FENCE_CODING, 400,
			      "Transfer-Encoding is not allowed here.");
	/* The library compares the value as it stands: with a blank behind it the body would end
	 * with the connection. */
	if (!strv_caseeq(framing->coding, STRV("chunked")))
		return strv_caseeq(strv_trim(framing->coding), STRV("chunked"))
			       ? refuse(verdict, HTTP_FENCE_CODING, 400,
					"Transfer-Encoding is malformed.")
			       : refuse(verdict, HTTP_FENCE_CODING_UNKNOWN, 501,
					"Only the transfer coding chunked is known here.");
	verdict->chunked = 1;
	return 0;
}

static int check_length(const struct framing *framing, struct http_fence_verdict *verdict)
{
	struct strv value = framing->length;

	if (framing->lengths > 1)
		return refuse(verdict, HTTP_FENCE_LENGTH, 400,
			      "There is more than one Content-Length.");
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] < '0' || value.p[i] > '9')
			return refuse(verdict, HTTP_FENCE_LENGTH, 400,
				      "Content-Length is not a number.");
	if (!value.n)
		return refuse(verdict, HTTP_FENCE_LENGTH, 400, "Content-Length is empty.");
	if (strv_u64(value, INT64_MAX, &verdict->length) < 0)
		return refuse(verdict, HTTP_FENCE_LENGTH_LARGE, 413, "The body is too large.");
	return 0;
}

static int check_framing(const struct framing *framing, int http_1_0,
			 struct http_fence_verdict *verdict)
{
	if (check_host(framing, http_1_0, verdict) < 0)
		return -1;
	if (framing->codings && check_coding(framing, http_1_0, verdict) < 0)
		return -1;
	if (framing->lengths && check_length(framing, verdict) < 0)
		return -1;
	/* RFC 9110 s10.1.1: an HTTP/1.0 client cannot mean it. */
	if (framing->expects && !http_1_0 &&
	    (framing->expects > 1 || !strv_caseeq(framing->expect, STRV("100-continue"))))
		return refuse(verdict, HTTP_FENCE_EXPECT, 417,
			      "Only the expectation 100-continue is known here.");
	return 0;
}

int http_fence_check(const struct http_head *head, const struct http_fence_limits *limits,
		     struct http_fence_verdict *verdict_out)
{
	struct framing framing = { 0 };

	*verdict_out = (struct http_fence_verdict){ .status = 200, .text = "" };
	if (check_size(head, limits, verdict_out) < 0 || check_shape(head, verdict_out) < 0 ||
	    check_line(head, verdict_out) < 0 || check_fields(head, &framing, verdict_out) < 0)
		return -1;
	return check_framing(&framing, strv_eq(head->version, STRV("HTTP/1.0")), verdict_out);
}

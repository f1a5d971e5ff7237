/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_fence.c - see sip_fence.h
 *
 * One pass: the start line, then each header field to its unfolded end, then what concerns the
 * whole. A fault is noted and, where the lines can still be told apart, reading goes on: the Via
 * that the refusal is sent by may stand behind it.
 */
#include "sip/sip_fence.h"

#include "sip/sip_text_priv.h"

static const struct strv version = { "SIP/2.0", 7 };

/* What may stand once (RFC 3261 s7.3.1, table 2): of the others each reader takes all. */
static const unsigned char is_single[SIP_H_COUNT] = {
	[SIP_H_FROM] = 1,
	[SIP_H_TO] = 1,
	[SIP_H_CALL_ID] = 1,
	[SIP_H_CSEQ] = 1,
	[SIP_H_MAX_FORWARDS] = 1,
	[SIP_H_CONTENT_LENGTH] = 1,
	[SIP_H_CONTENT_TYPE] = 1,
	[SIP_H_EXPIRES] = 1,
	[SIP_H_MIN_EXPIRES] = 1,
	[SIP_H_EVENT] = 1,
	[SIP_H_SUBSCRIPTION_STATE] = 1,
	[SIP_H_SIP_ETAG] = 1,
	[SIP_H_SIP_IF_MATCH] = 1,
	[SIP_H_P_SERVED_USER] = 1,
	[SIP_H_P_CHARGING_VECTOR] = 1,
	[SIP_H_SESSION_EXPIRES] = 1,
	[SIP_H_MIN_SE] = 1,
	[SIP_H_REFER_TO] = 1,
	[SIP_H_REFERRED_BY] = 1,
	[SIP_H_MAX_BREADTH] = 1,
};

/* The first fault is the one that is told. */
static void refuse(struct sip_fence *fence, unsigned status, const char *why)
{
	if (fence->refuse)
		return;
	fence->refuse = status;
	fence->why = why;
}

/* ---- start line ---- */

/* Cut S at its first SP. Returns 1, or 0: none. */
static int cut_word(struct strv *s, struct strv *word_out)
{
	return strv_cut(s, ' ', word_out);
}

static void read_status_line(struct strv line, struct sip_fence *fence)
{
	struct strv word;
	uint64_t status;

	cut_word(&line, &word);
	if (!strv_caseeq(word, version))
		refuse(fence, 505, "Version Not Supported");
	if (!cut_word(&line, &word) || word.n != 3 || strv_u64(word, 699, &status) < 0 ||
	    status < 100) {
		refuse(fence, 400, "Bad Status Line");
		return;
	}
	fence->status = (unsigned)status;
	fence->reason = line;
}

/* "SIP/" and a number with a point: a version, which we may not speak. */
static int is_version(struct strv word)
{
	size_t i = 4;

	if (word.n < 7 || !strv_caseeq(strv_mem(word.p, 4), STRV("SIP/")))
		return 0;
	for (; i < word.n; i++)
		if ((word.p[i] < '0' || word.p[i] > '9') && word.p[i] != '.')
			return 0;
	return 1;
}

static void read_request_line(struct strv line, struct sip_fence *fence)
{
	struct strv word;

	fence->is_request = 1;
	if (!cut_word(&line, &word) || !word.n || !sip_all(word, SIP_C_TOKEN)) {
		refuse(fence, 400, "Bad Request Line");
		return;
	}
	fence->method = word;
	if (!cut_word(&line, &word) || !word.n || !is_version(line)) {
		refuse(fence, 400, "Bad Request Line");
		return;
	}
	fence->uri = word;
	if (!strv_caseeq(line, version))
		refuse(fence, 505, "Version Not Supported");
}

/* Returns the octets of the start line, CRLF included; 0: there is none. */
static size_t read_start_line(struct strv s, struct sip_fence *fence)
{
	size_t n = 0;

	/* HTAB may stand in a reason phrase. */
	while (n < s.n && ((unsigned char)s.p[n] >= ' ' || s.p[n] == '\t') && s.p[n] != 0x7f)
		n++;
	if (n > SIP_LINE_MAX)
		refuse(fence, 414, "Request-URI Too Long");
	if (n + 2 > s.n || s.p[n] != '\r' || s.p[n + 1] != '\n')
		return 0;
	fence->start_line = strv_mem(s.p, n + 2);
	if (n >= 4 && strv_caseeq(strv_mem(s.p, 4), STRV("SIP/")))
		read_status_line(strv_mem(s.p, n), fence);
	else
		read_request_line(strv_mem(s.p, n), fence);
	return n + 2;
}

/* ---- header fields ---- */

/* Octets that end the quick walk over a value. */
enum { PLAIN, QUOTE, BACKSLASH, COMMA, SEMICOLON, CONTROL, END };
static const unsigned char kinds[256] = {
	[0 ... 8] = CONTROL,   [10] = END,	 [11 ... 12] = CONTROL, [13] = END,
	[14 ... 31] = CONTROL, ['"'] = QUOTE,	 [','] = COMMA,		[';'] = SEMICOLON,
	['\\'] = BACKSLASH,    [0x7f] = CONTROL,
};

struct value_state {
	int in_quotes, is_escaped;
	unsigned commas, semicolons;	   /* outside quotes */
	unsigned commas_in, semicolons_in; /* inside */
	int has_control;
	unsigned escaped_controls;
};

static void see(struct value_state *v, unsigned char kind)
{
	if (v->is_escaped) {
		v->is_escaped = 0;
		v->escaped_controls += kind == CONTROL;
		return;
	}
	switch (kind) {
	case QUOTE:
		v->in_quotes = !v->in_quotes;
		break;
	case BACKSLASH:
		v->is_escaped = v->in_quotes;
		break;
	case COMMA:
		*(v->in_quotes ? &v->commas_in : &v->commas) += 1;
		break;
	case SEMICOLON:
		*(v->in_quotes ? &v->semicolons_in : &v->semicolons) += 1;
		break;
	case CONTROL:
		v->has_control = 1;
		break;
	default:
		v->is_escaped = 0;
		break;
	}
}

/* From the value's first octet to the CRLF that ends the field: its octets without that CRLF.
 * SIZE_MAX: it does not end, or has a bare CR or LF. */
static size_t value_end(struct strv s, struct value_state *v)
{
	size_t i = 0;

	for (;;) {
		while (i < s.n && !v->is_escaped && !kinds[(unsigned char)s.p[i]])
			i++;
		if (i >= s.n)
			return SIZE_MAX;
		if (kinds[(unsigned char)s.p[i]] != END) {
			see(v, kinds[(unsigned char)s.p[i++]]);
			continue;
		}
		if (s.p[i] != '\r' || i + 1 >= s.n || s.p[i + 1] != '\n')
			return SIZE_MAX;
		v->has_control |= v->is_escaped; /* neither CR nor LF can be escaped */
		v->is_escaped = 0;
		if (i + 2 >= s.n || (s.p[i + 2] != ' ' && s.p[i + 2] != '\t'))
			return i;
		i += 3;
	}
}

static void add_line(struct sip_fence *fence, unsigned char last[SIP_H_COUNT],
		     const struct sip_line *line)
{
	unsigned index = fence->n_lines++;
	enum sip_h h = line->h;

	fence->lines[index] = *line;
	if (fence->first[h]) {
		fence->lines[last[h] - 1].next = (unsigned char)(index + 1);
		if (is_single[h])
			refuse(fence, 400, "Repeated Header Field");
	} else {
		fence->first[h] = (unsigned char)(index + 1);
	}
	last[h] = (unsigned char)(index + 1);
}

static void check_value(struct sip_fence *fence, const struct sip_line *line, struct value_state *v)
{
	if (v->has_control)
		refuse(fence, 400, "Control Octet in Header Field");
	if (v->in_quotes) { /* free text, or a quote that is never closed */
		v->commas += v->commas_in;
		v->semicolons += v->semicolons_in;
	}
	if (v->commas > SIP_LINE_PARTS_MAX || v->semicolons > SIP_LINE_PARTS_MAX)
		refuse(fence, 400, "Too Many Parts in Header Field");
	if (line->whole.n > SIP_LINE_MAX)
		refuse(fence, 400, "Header Field Too Long");
	fence->n_escaped_controls += v->escaped_controls;
}

/* One header field at the beginning of S. Returns its octets, CRLF included; 0: lines cannot be
 * told apart from here on. */
static size_t read_line(struct strv s, struct sip_fence *fence, unsigned char last[SIP_H_COUNT])
{
	struct sip_line line = { 0 };
	struct value_state v = { 0 };
	size_t name_n = 0, at, end;

	while (name_n < s.n && sip_is(s.p[name_n], SIP_C_TOKEN))
		name_n++;
	for (at = name_n; at < s.n && (s.p[at] == ' ' || s.p[at] == '\t');)
		at++;
	if (!name_n || at >= s.n || s.p[at] != ':') {
		refuse(fence, 400, "Bad Header Field Name");
		end = value_end(s, &v);
		return end == SIZE_MAX ? 0 : end + 2;
	}
	at++;
	end = value_end(sip_from(s, at), &v);
	if (end == SIZE_MAX)
		return 0;
	line.name = strv_mem(s.p, name_n);
	line.h = sip_h_find(line.name);
	line.value = sip_trim(strv_mem(s.p + at, end));
	line.whole = strv_mem(s.p, at + end + 2);
	check_value(fence, &line, &v);
	add_line(fence, last, &line);
	return line.whole.n;
}

/* Header fields up to and with the empty line. Returns their octets; 0: they do not end. */
static size_t read_lines(struct strv s, struct sip_fence *fence)
{
	unsigned char last[SIP_H_COUNT] = { 0 };
	size_t at = 0, n;

	for (;;) {
		if (s.n - at >= 2 && s.p[at] == '\r' && s.p[at + 1] == '\n')
			return at + 2;
		if (at == s.n) {
			refuse(fence, 400, "Header Not Ended");
			return 0;
		}
		if (fence->n_lines == SIP_LINES_MAX) {
			refuse(fence, 513, "Too Many Header Fields");
			return 0;
		}
		n = read_line(sip_from(s, at), fence, last);
		if (!n) {
			refuse(fence, 400, "Bad Line End");
			return 0;
		}
		at += n;
	}
}

/* ---- the whole ---- */

static int is_number(struct strv s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return 0;
	return s.n > 0;
}

/* Content-Length against what is there (RFC 3261 s18.3, s20.14). */
static void cut_body(struct strv rest, int is_stream, struct sip_fence *fence)
{
	unsigned index = fence->first[SIP_H_CONTENT_LENGTH];
	uint64_t n = 0;
	struct strv value;

	fence->body = rest;
	if (!index) {
		if (is_stream)
			refuse(fence, 400, "Missing Content-Length");
		return;
	}
	value = fence->lines[index - 1].value;
	fence->has_length = 1;
	if (!is_number(value)) {
		refuse(fence, 400, "Bad Content-Length");
		return;
	}
	if (strv_u64(value, SIP_STREAM_MAX, &n) < 0) {
		refuse(fence, 413, "Request Entity Too Large");
		return;
	}
	if (n > rest.n || (is_stream && n != rest.n)) {
		refuse(fence, 400, "Content-Length Does Not Fit");
		return;
	}
	fence->body.n = (size_t)n;
}

static void check_compulsory(struct sip_fence *fence)
{
	static const struct {
		enum sip_h h;
		const char *why;
	} wanted[] = {
		{ SIP_H_VIA, "Missing Via" },	{ SIP_H_FROM, "Missing From" },
		{ SIP_H_TO, "Missing To" },	{ SIP_H_CALL_ID, "Missing Call-ID" },
		{ SIP_H_CSEQ, "Missing CSeq" },
	};

	for (unsigned i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (!fence->first[wanted[i].h])
			refuse(fence, 400, wanted[i].why);
}

static void fence_clear(struct sip_fence *fence)
{
	memset(fence, 0, offsetof(struct sip_fence, lines));
}

enum sip_fence_result sip_fence_check(struct strv bytes, int is_stream, struct sip_fence *fence)
{
	size_t start, head;
	struct strv s;

	fence_clear(fence);
	while (bytes.n >= 2 && bytes.p[0] == '\r' && bytes.p[1] == '\n')
		bytes = sip_from(bytes, 2);
	if (bytes.n > SIP_STREAM_MAX)
		refuse(fence, 513, "Message Too Large");
	s = strv_mem(bytes.p, bytes.n < SIP_HEAD_MAX ? bytes.n : SIP_HEAD_MAX);
	start = s.n ? read_start_line(s, fence) : 0;
	if (!start)
		return SIP_FENCE_DROP;
	head = read_lines(sip_from(s, start), fence);
	if (head) {
		check_compulsory(fence);
		cut_body(sip_from(bytes, start + head), is_stream, fence);
	} else if (s.n == SIP_HEAD_MAX) {
		fence->refuse = 513;
		fence->why = "Header Too Large";
	}
	if (!fence->refuse)
		return SIP_FENCE_PASS;
	return fence->is_request && !strv_eq(fence->method, STRV("ACK")) ? SIP_FENCE_REFUSE
									 : SIP_FENCE_DROP;
}

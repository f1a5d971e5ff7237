/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_msg.c - see sip_msg.h
 *
 * One allocation for the message, its index and its octets. What decides where something goes and
 * whose it is, is read here by our own grammar; a fault in it is refused at arrival (RFC 4475).
 */
#include "sip/sip_msg.h"

#include "sip/sip_content.h"
#include "sip/sip_osip.h"
#include "sip/sip_text_priv.h"

#include <osipparser2/osip_message.h>

static const char *const methods[SIP_METHODS] = {
	"OTHER",     "INVITE", "ACK",	  "BYE",   "CANCEL", "OPTIONS", "REGISTER", "MESSAGE",
	"SUBSCRIBE", "NOTIFY", "PUBLISH", "REFER", "INFO",   "PRACK",	"UPDATE",
};

enum sip_method sip_method_find(struct strv name)
{
	for (unsigned i = SIP_INVITE; i < SIP_METHODS; i++)
		if (strv_eq(name, strv_of(methods[i])))
			return (enum sip_method)i;
	return SIP_OTHER_METHOD;
}

const char *sip_method_name(enum sip_method method)
{
	return methods[method < SIP_METHODS ? method : SIP_OTHER_METHOD];
}

int sip_msg_init(struct err *err)
{
	return sip_osip_init(err);
}

/* ---- the copy ---- */

static struct strv rebase(struct strv s, const char *from, char *to)
{
	return s.p ? strv_mem(to + (s.p - from), s.n) : s;
}

/* What is escaped in quoted strings becomes blank where it is a control octet: legal, but fit for
 * no name that is shown, logged or stored. The body is left alone. */
static void blank_escaped(char *head, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (head[i - 1] == '\\' && head[i] != '\r' && head[i] != '\n' && head[i] != '\t' &&
		    ((unsigned char)head[i] < ' ' || head[i] == 0x7f))
			head[i] = ' ';
}

static struct sip_msg *copy(struct arena *arena, struct strv bytes, const struct sip_fence *fence)
{
	size_t lines_bytes = fence->n_lines * sizeof(struct sip_line);
	struct sip_msg *msg = arena_alloc(arena, sizeof(*msg) + lines_bytes + bytes.n + 1);
	struct sip_line *lines;
	char *text;

	if (!msg)
		return NULL;
	memset(msg, 0, sizeof(*msg));
	lines = (struct sip_line *)(void *)(msg + 1);
	text = (char *)msg + sizeof(*msg) + lines_bytes;
	memcpy(text, bytes.p, bytes.n);
	text[bytes.n] = '\0';
	for (unsigned i = 0; i < fence->n_lines; i++) {
		const struct sip_line *line = &fence->lines[i];

		lines[i] = (struct sip_line){ .h = line->h,
					      .next = line->next,
					      .name = rebase(line->name, bytes.p, text),
					      .value = rebase(line->value, bytes.p, text),
					      .whole = rebase(line->whole, bytes.p, text) };
	}
	msg->arena = arena;
	msg->bytes = strv_mem(text, bytes.n);
	msg->start_line = rebase(fence->start_line, bytes.p, text);
	msg->lines = lines;
	msg->n_lines = fence->n_lines;
	memcpy(msg->first, fence->first, sizeof(msg->first));
	msg->is_request = fence->is_request;
	msg->method_name = rebase(fence->method, bytes.p, text);
	msg->uri.text = rebase(fence->uri, bytes.p, text);
	msg->status = fence->status;
	msg->body = rebase(fence->body, bytes.p, text);
	if (fence->n_escaped_controls)
		blank_escaped(text, (size_t)(msg->body.p - text));
	return msg;
}

/* ---- the fields that are read at once ---- */

static int bad(struct err *err, enum sip_h h)
{
	return err_set(err, ERR_SYNTAX, "Bad %s", sip_h_name(h));
}

static int read_vias(struct sip_msg *msg, struct err *err)
{
	const struct sip_line *line = sip_msg_line(msg, SIP_H_VIA);
	struct sip_via other, *via = &msg->via;
	int ret;

	for (; line; line = sip_msg_line_next(msg, line)) {
		struct strv rest = line->value;

		if (!rest.n)
			return bad(err, SIP_H_VIA);
		while ((ret = sip_via_next(&rest, via)) > 0)
			via = &other;
		if (ret < 0)
			return bad(err, SIP_H_VIA);
	}
	/* The cookie alone says nothing: two requests with it would be one (RFC 4475 s3.2.1). */
	if (msg->via.branch.n == SIP_COOKIE_N && strv_caseeq(msg->via.branch, STRV("z9hG4bK")))
		return bad(err, SIP_H_VIA);
	return 0;
}

/* From or To: one address, at most one tag, a token. */
static int read_party(struct sip_msg *msg, enum sip_h h, struct sip_name_addr *party,
		      struct strv *tag_out, struct err *err)
{
	struct strv rest = sip_msg_raw(msg, h), name, value;

	if (sip_name_addr_next(&rest, party) <= 0 || rest.n || !party->uri.scheme.n)
		return bad(err, h);
	rest = party->params;
	while (sip_param_next_raw(&rest, &name, &value)) {
		if (!strv_caseeq(name, STRV("tag")))
			continue;
		if (tag_out->p || !value.n || !sip_all(value, SIP_C_TOKEN))
			return bad(err, h);
		*tag_out = value;
	}
	return 0;
}

/* word [ "@" word ] (RFC 3261 s25.1): no blanks, which a fold would bring. */
static int read_call_id(struct sip_msg *msg, struct err *err)
{
	struct strv value = sip_msg_raw(msg, SIP_H_CALL_ID);

	for (size_t i = 0; i < value.n; i++)
		if (sip_is(value.p[i], SIP_C_BLANK) || (value.p[i] & 0x80) || value.p[i] == ',' ||
		    value.p[i] == ';')
			return bad(err, SIP_H_CALL_ID);
	msg->call_id = value;
	return value.n ? 0 : bad(err, SIP_H_CALL_ID);
}

static int read_cseq(struct sip_msg *msg, struct err *err)
{
	struct strv value = sip_msg_raw(msg, SIP_H_CSEQ), method;
	uint64_t number;
	size_t n = 0;

	while (n < value.n && value.p[n] >= '0' && value.p[n] <= '9')
		n++;
	method = sip_skip_blanks(sip_from(value, n));
	if (strv_u64(strv_mem(value.p, n), UINT32_MAX, &number) < 0 || !method.n ||
	    method.p == value.p + n || !sip_all(method, SIP_C_TOKEN))
		return bad(err, SIP_H_CSEQ);
	msg->cseq = (uint32_t)number;
	if (!msg->is_request)
		msg->method_name = method;
	else if (!strv_eq(method, msg->method_name)) /* s8.1.1.5 */
		return err_set(err, ERR_SYNTAX, "CSeq Method Does Not Match");
	msg->method = sip_method_find(msg->method_name);
	return 0;
}

static int read_max_forwards(struct sip_msg *msg, struct err *err)
{
	const struct sip_line *line = sip_msg_line(msg, SIP_H_MAX_FORWARDS);
	uint64_t value = 0;

	msg->max_forwards = -1;
	if (!line)
		return 0;
	if (!line->value.n)
		return bad(err, SIP_H_MAX_FORWARDS);
	for (size_t i = 0; i < line->value.n; i++) {
		if (line->value.p[i] < '0' || line->value.p[i] > '9')
			return bad(err, SIP_H_MAX_FORWARDS);
		value = value * 10 + (uint64_t)(line->value.p[i] - '0');
		value = value > 255 ? 255 : value;
	}
	msg->max_forwards = (int)value;
	return 0;
}

static int check_contacts(struct sip_msg *msg, struct err *err)
{
	const struct sip_line *line = sip_msg_line(msg, SIP_H_CONTACT);
	struct sip_name_addr contact;
	int ret;

	for (; line; line = sip_msg_line_next(msg, line)) {
		struct strv rest = line->value;

		while ((ret = sip_name_addr_next(&rest, &contact)) > 0)
			;
		if (ret < 0 || !line->value.n)
			return bad(err, SIP_H_CONTACT);
	}
	return 0;
}

/* A multipart that is none is for nobody; its faults confuse readers (CVE-2022-41550). */
static int check_content(struct sip_msg *msg, struct err *err)
{
	struct strv type = sip_msg_raw(msg, SIP_H_CONTENT_TYPE);

	return !type.p || !msg->body.n || sip_content_ok(type, msg->body)
		       ? 0
		       : err_set(err, ERR_SYNTAX, "Bad Content");
}

static int read_uri(struct sip_msg *msg, struct err *err)
{
	if (!msg->is_request)
		return 0;
	/* No headers in a Request-URI (s19.1.1, table 1): they are never to become fields. */
	if (sip_uri_parse(msg->uri.text, &msg->uri) < 0 || msg->uri.headers.n)
		return err_set(err, ERR_SYNTAX, "Bad Request-URI");
	return 0;
}

int sip_msg_parse(struct arena *arena, struct strv bytes, const struct sip_fence *fence,
		  struct sip_msg **msg_out, struct err *err)
{
	struct sip_msg *msg = copy(arena, bytes, fence);

	*msg_out = NULL;
	if (!msg)
		return err_set(err, ERR_NOMEM, "no memory for a message of %zu octets", bytes.n);
	if (read_uri(msg, err) < 0 || read_vias(msg, err) < 0 ||
	    read_party(msg, SIP_H_FROM, &msg->from, &msg->from_tag, err) < 0 ||
	    read_party(msg, SIP_H_TO, &msg->to, &msg->to_tag, err) < 0 ||
	    read_call_id(msg, err) < 0 || read_cseq(msg, err) < 0 ||
	    read_max_forwards(msg, err) < 0 || check_contacts(msg, err) < 0 ||
	    check_content(msg, err) < 0)
		return -1;
	*msg_out = msg;
	return 0;
}

/* ---- what is asked later ---- */

/* VALUE with each fold made one SP (s7.3.1). */
static struct strv unfold(struct sip_msg *msg, struct strv value)
{
	char *text;
	size_t n = 0;

	if (!value.n || !memchr(value.p, '\r', value.n))
		return value;
	text = arena_alloc(msg->arena, value.n);
	if (!text)
		return strv_mem(NULL, 0);
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] != '\r') {
			text[n++] = value.p[i];
			continue;
		}
		while (n && sip_is(text[n - 1], SIP_C_BLANK))
			n--;
		while (i + 1 < value.n && sip_is(value.p[i + 1], SIP_C_BLANK))
			i++;
		text[n++] = ' ';
	}
	return strv_mem(text, n);
}

struct strv sip_msg_value(struct sip_msg *msg, enum sip_h h, unsigned n)
{
	const struct sip_line *line = sip_msg_line(msg, h);

	while (line && n--)
		line = sip_msg_line_next(msg, line);
	return line ? unfold(msg, line->value) : strv_mem(NULL, 0);
}

struct strv sip_msg_named(struct sip_msg *msg, const char *name, unsigned n)
{
	struct strv wanted = strv_of(name);
	enum sip_h h = sip_h_find(wanted);
	const struct sip_line *line = sip_msg_line(msg, h);

	if (h != SIP_H_OTHER)
		return sip_msg_value(msg, h, n);
	for (; line; line = sip_msg_line_next(msg, line))
		if (strv_caseeq(line->name, wanted) && !n--)
			return unfold(msg, line->value);
	return strv_mem(NULL, 0);
}

struct strv sip_msg_list(struct sip_msg *msg, enum sip_h h)
{
	const struct sip_line *line = sip_msg_line(msg, h);
	size_t bytes = 0, n = 0;
	char *text;

	if (!line || !line->next)
		return sip_msg_value(msg, h, 0);
	for (; line; line = sip_msg_line_next(msg, line))
		bytes += line->value.n + 2;
	text = arena_alloc(msg->arena, bytes);
	if (!text)
		return strv_mem(NULL, 0);
	for (line = sip_msg_line(msg, h); line; line = sip_msg_line_next(msg, line)) {
		if (n) {
			memcpy(text + n, ", ", 2);
			n += 2;
		}
		memcpy(text + n, line->value.p, line->value.n);
		n += line->value.n;
	}
	return unfold(msg, strv_mem(text, n));
}

int sip_msg_has_token(struct sip_msg *msg, enum sip_h h, const char *token)
{
	const struct sip_line *line = sip_msg_line(msg, h);
	struct strv wanted = strv_of(token);

	for (; line; line = sip_msg_line_next(msg, line)) {
		struct strv rest = line->value, one;

		while (rest.n) {
			strv_cut(&rest, ',', &one);
			if (strv_caseeq(sip_trim(one), wanted))
				return 1;
		}
	}
	return 0;
}

int sip_msg_number(struct sip_msg *msg, enum sip_h h, uint32_t *value_out)
{
	const struct sip_line *line = sip_msg_line(msg, h);
	uint64_t value;

	if (!line)
		return 0;
	if (strv_u64(line->value, UINT32_MAX, &value) < 0)
		return -1;
	*value_out = (uint32_t)value;
	return 1;
}

struct osip_message *sip_msg_osip(struct sip_msg *msg)
{
	/* Without empty lines before and octets behind: neither is part of the message. */
	const char *begin = msg->start_line.p;
	size_t n = (size_t)(msg->body.p + msg->body.n - begin);
	osip_message_t *osip = NULL;

	if (msg->osip)
		return msg->osip;
	sip_osip_begin(msg->arena);
	if (osip_message_init(&osip) == 0 && osip_message_parse(osip, begin, n) == 0)
		msg->osip = osip;
	sip_osip_end();
	return msg->osip;
}

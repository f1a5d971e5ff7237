/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_reply.c - see sip_reply.h
 *
 * A response is written twice by the same code: without memory to learn its size, then into a
 * buffer of exactly that size, since it may be kept for 32 s.
 */
#include "sip/sip_reply.h"

#include <pthread.h>
#include "base/trace.h"
#include "sip/sip_text_priv.h"

/* ---- writing ---- */

struct out {
	char *at; /* NULL: only count */
	size_t n;
};

static void put(struct out *out, struct strv s)
{
	if (out->at && s.n)
		memcpy(out->at + out->n, s.p, s.n);
	out->n += s.n;
}

static void put_text(struct out *out, const char *s)
{
	put(out, strv_of(s));
}

static void put_number(struct out *out, size_t number)
{
	char text[24];
	size_t at = sizeof(text);

	do {
		text[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	put(out, strv_mem(text + at, sizeof(text) - at));
}

static void put_field(struct out *out, enum sip_h h, struct strv value)
{
	put_text(out, sip_h_name(h));
	put(out, STRV(": "));
	put(out, value);
	put(out, STRV("\r\n"));
}

static void put_status_line(struct out *out, unsigned status, const char *reason)
{
	put(out, STRV("SIP/2.0 "));
	put_number(out, status);
	put(out, STRV(" "));
	put_text(out, reason && *reason ? reason : sip_reason(status));
	put(out, STRV("\r\n"));
}

/* ---- tags ---- */

static uint64_t tag_seed;

static void seed_once(void)
{
	tag_seed = trace_random();
}

static uint64_t hash_more(uint64_t hash, struct strv s)
{
	for (size_t i = 0; i < s.n; i++)
		hash = (hash ^ (unsigned char)s.p[i]) * UINT64_C(0x100000001b3);
	hash = (hash ^ s.n) * UINT64_C(0xff51afd7ed558ccd);
	return hash ^ (hash >> 29);
}

enum { TAG_BYTES = 17 };

/* Of what makes a request itself and no other, its retransmissions included. */
static void make_tag(struct strv call_id, struct strv from, struct strv cseq, struct strv via,
		     char tag[TAG_BYTES])
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	uint64_t hash;

	pthread_once(&once, seed_once);
	hash = hash_more(tag_seed, call_id);
	hash = hash_more(hash, from);
	hash = hash_more(hash, cseq);
	hash = hash_more(hash, via);
	for (unsigned i = 0; i < TAG_BYTES - 1; i++, hash >>= 4)
		tag[i] = "0123456789abcdef"[hash & 15];
	tag[TAG_BYTES - 1] = '\0';
}

/* ---- Via ---- */

/* What the top Via gets (RFC 3261 s18.2.1, RFC 3581 s4). */
struct stamp {
	char received[SIP_ADDR_TEXT]; /* "": none */
	unsigned rport;		      /* 0: none */
};

static void make_stamp(const struct sip_via *via, const struct sip_addr *source,
		       struct stamp *stamp)
{
	struct sip_addr host;

	stamp->received[0] = '\0';
	stamp->rport = via->rport ? sip_addr_port(source) : 0;
	if (source->any.sa_family == AF_UNSPEC)
		return;
	if (via->rport || sip_addr_parse(via->host, 0, &host) < 0 ||
	    !sip_addr_host_eq(&host, source))
		sip_addr_print_host(source, 0, stamp->received);
}

/* The top value with what it gets; what the client wrote there is replaced. */
static void put_top_via(struct out *out, const struct sip_via *via, const struct stamp *stamp)
{
	struct strv params = via->params, name, value;
	struct strv head =
		via->params.n ? strv_mem(via->text.p, (size_t)(params.p - via->text.p)) : via->text;

	put(out, head);
	while (sip_param_next_raw(&params, &name, &value)) {
		if (strv_caseeq(name, STRV("received")) || strv_caseeq(name, STRV("rport")))
			continue;
		put(out, STRV(";"));
		put(out, name);
		if (value.p) {
			put(out, STRV("="));
			put(out, value);
		}
	}
	if (stamp->received[0]) {
		put(out, STRV(";received="));
		put_text(out, stamp->received);
	}
	if (stamp->rport) {
		put(out, STRV(";rport="));
		put_number(out, stamp->rport);
	}
}

/* The line of the top Via: LINE's value begins with VIA's. */
static void put_first_via(struct out *out, struct strv value, const struct sip_via *via,
			  const struct stamp *stamp)
{
	const char *behind = via->text.p + via->text.n;

	put(out, STRV("Via: "));
	put_top_via(out, via, stamp);
	put(out, strv_mem(behind, (size_t)(value.p + value.n - behind)));
	put(out, STRV("\r\n"));
}

/* ---- to a request that was parsed ---- */

static void put_all(struct out *out, const struct sip_msg *msg, const struct sip_line *line)
{
	for (; line; line = sip_msg_line_next(msg, line))
		put_field(out, line->h, line->value);
}

static void put_to(struct out *out, struct strv to, struct strv tag)
{
	put(out, STRV("To: "));
	put(out, to);
	if (tag.n) {
		put(out, STRV(";tag="));
		put(out, tag);
	}
	put(out, STRV("\r\n"));
}

static void write_reply(struct out *out, const struct sip_msg *request,
			const struct sip_reply *reply, const struct stamp *stamp, struct strv tag)
{
	const struct sip_line *via = sip_msg_line(request, SIP_H_VIA);

	put_status_line(out, reply->status, reply->reason);
	put_first_via(out, sip_msg_raw(request, SIP_H_VIA), &request->via, stamp);
	put_all(out, request, via ? sip_msg_line_next(request, via) : NULL);
	if (reply->record_route)
		put_all(out, request, sip_msg_line(request, SIP_H_RECORD_ROUTE));
	put_field(out, SIP_H_FROM, sip_msg_raw(request, SIP_H_FROM));
	put_to(out, sip_msg_raw(request, SIP_H_TO), tag);
	put_field(out, SIP_H_CALL_ID, request->call_id);
	put_field(out, SIP_H_CSEQ, sip_msg_raw(request, SIP_H_CSEQ));
	for (unsigned i = 0; i < reply->n_lines; i++) {
		put(out, reply->lines[i]);
		put(out, STRV("\r\n"));
	}
	if (reply->content_type.n)
		put_field(out, SIP_H_CONTENT_TYPE, reply->content_type);
	put(out, STRV("Content-Length: "));
	put_number(out, reply->body.n);
	put(out, STRV("\r\n\r\n"));
	put(out, reply->body);
}

/* The tag that To gets; n 0: none. MADE holds it when it is made here. */
static struct strv choose_tag(const struct sip_msg *request, const struct sip_reply *reply,
			      char made[TAG_BYTES])
{
	if (request->to_tag.p)
		return strv_mem(NULL, 0);
	if (reply->to_tag.p || reply->status == 100)
		return reply->to_tag;
	make_tag(request->call_id, request->from.text, sip_msg_raw(request, SIP_H_CSEQ),
		 request->via.text, made);
	return strv_of(made);
}

struct sip_buf *sip_reply_make(struct sip_msg *request, const struct sip_reply *reply)
{
	struct out out = { NULL, 0 };
	char made[TAG_BYTES];
	struct strv tag = choose_tag(request, reply, made);
	struct stamp stamp;
	struct sip_buf *buf;

	make_stamp(&request->via, &request->source, &stamp);
	write_reply(&out, request, reply, &stamp, tag);
	buf = sip_buf_new(out.n);
	if (!buf)
		return NULL;
	out = (struct out){ sip_buf_data(buf), 0 };
	write_reply(&out, request, reply, &stamp, tag);
	return buf;
}

/* ---- to what was refused ---- */

/* No control octet but those of its folds. */
static int is_legible(const struct sip_line *line)
{
	for (size_t i = 0; i < line->value.n; i++)
		if (((unsigned char)line->value.p[i] < ' ' &&
		     !sip_is(line->value.p[i], SIP_C_BLANK)) ||
		    line->value.p[i] == 0x7f)
			return 0;
	return line->value.n > 0;
}

/* The first line of H, if it can be shown; NULL otherwise. */
static const struct sip_line *legible(const struct sip_fence *fence, enum sip_h h)
{
	const struct sip_line *line = fence->first[h] ? &fence->lines[fence->first[h] - 1] : NULL;

	return line && is_legible(line) ? line : NULL;
}

static struct strv value_of(const struct sip_line *line)
{
	return line ? line->value : strv_mem(NULL, 0);
}

static void put_refused_vias(struct out *out, const struct sip_fence *fence,
			     const struct sip_addr *source)
{
	const struct sip_line *line = legible(fence, SIP_H_VIA);
	struct strv rest = value_of(line);
	struct sip_via via;
	struct stamp stamp;

	if (sip_via_next(&rest, &via) > 0) {
		make_stamp(&via, source, &stamp);
		put_first_via(out, value_of(line), &via, &stamp);
	} else {
		put_field(out, SIP_H_VIA, value_of(line));
	}
	while (line && line->next) {
		line = &fence->lines[line->next - 1];
		if (is_legible(line))
			put_field(out, SIP_H_VIA, line->value);
	}
}

/* To, with a tag unless it has one. What is not of its grammar is looked through by eye only. */
static void put_refused_to(struct out *out, const struct sip_fence *fence)
{
	const struct sip_line *to = legible(fence, SIP_H_TO);
	struct strv rest = value_of(to), value;
	struct sip_name_addr party;
	char tag[TAG_BYTES] = "";

	if (!to)
		return;
	value = sip_name_addr_next(&rest, &party) > 0 ? party.params : to->value;
	if (!sip_param(value, "tag", &value))
		make_tag(value_of(legible(fence, SIP_H_CALL_ID)),
			 value_of(legible(fence, SIP_H_FROM)), value_of(legible(fence, SIP_H_CSEQ)),
			 value_of(legible(fence, SIP_H_VIA)), tag);
	put_to(out, to->value, strv_of(tag));
}

static void write_refused(struct out *out, const struct sip_fence *fence,
			  const struct sip_addr *source, unsigned status, const char *why)
{
	static const enum sip_h rest[] = { SIP_H_CALL_ID, SIP_H_CSEQ };
	const struct sip_line *line;

	put_status_line(out, status, why);
	put_refused_vias(out, fence, source);
	line = legible(fence, SIP_H_FROM);
	if (line)
		put_field(out, SIP_H_FROM, line->value);
	put_refused_to(out, fence);
	for (unsigned i = 0; i < sizeof(rest) / sizeof(rest[0]); i++) {
		line = legible(fence, rest[i]);
		if (line)
			put_field(out, rest[i], line->value);
	}
	put(out, STRV("Content-Length: 0\r\n\r\n"));
}

/* Octets that are surely a part of what was received. */
static size_t received(const struct sip_fence *fence)
{
	size_t n = fence->start_line.n;

	for (unsigned i = 0; i < fence->n_lines; i++)
		n += fence->lines[i].whole.n;
	return n;
}

struct sip_buf *sip_reply_refused(const struct sip_fence *fence, const struct sip_addr *source,
				  unsigned status, const char *why)
{
	struct out out = { NULL, 0 };
	struct sip_buf *buf;

	if (!fence->is_request || strv_eq(fence->method, STRV("ACK")) || !legible(fence, SIP_H_VIA))
		return NULL;
	write_refused(&out, fence, source, status, why);
	/* The source may be forged: it is not to get more than twice what was sent for it. */
	buf = out.n <= 2 * received(fence) ? sip_buf_new(out.n) : NULL;
	if (!buf)
		return NULL;
	out = (struct out){ sip_buf_data(buf), 0 };
	write_refused(&out, fence, source, status, why);
	return buf;
}

/* ---- the rest ---- */

static const struct {
	unsigned status;
	const char *reason;
} reasons[] = {
	{ 100, "Trying" },
	{ 180, "Ringing" },
	{ 181, "Call Is Being Forwarded" },
	{ 182, "Queued" },
	{ 183, "Session Progress" },
	{ 199, "Early Dialog Terminated" },
	{ 200, "OK" },
	{ 202, "Accepted" },
	{ 204, "No Notification" },
	{ 300, "Multiple Choices" },
	{ 301, "Moved Permanently" },
	{ 302, "Moved Temporarily" },
	{ 305, "Use Proxy" },
	{ 380, "Alternative Service" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 402, "Payment Required" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 406, "Not Acceptable" },
	{ 407, "Proxy Authentication Required" },
	{ 408, "Request Timeout" },
	{ 410, "Gone" },
	{ 412, "Conditional Request Failed" },
	{ 413, "Request Entity Too Large" },
	{ 414, "Request-URI Too Long" },
	{ 415, "Unsupported Media Type" },
	{ 416, "Unsupported URI Scheme" },
	{ 417, "Unknown Resource-Priority" },
	{ 420, "Bad Extension" },
	{ 421, "Extension Required" },
	{ 422, "Session Interval Too Small" },
	{ 423, "Interval Too Brief" },
	{ 424, "Bad Location Information" },
	{ 428, "Use Identity Header" },
	{ 429, "Provide Referrer Identity" },
	{ 430, "Flow Failed" },
	{ 433, "Anonymity Disallowed" },
	{ 436, "Bad Identity Info" },
	{ 437, "Unsupported Credential" },
	{ 438, "Invalid Identity Header" },
	{ 439, "First Hop Lacks Outbound Support" },
	{ 440, "Max-Breadth Exceeded" },
	{ 469, "Bad Info Package" },
	{ 470, "Consent Needed" },
	{ 480, "Temporarily Unavailable" },
	{ 481, "Call/Transaction Does Not Exist" },
	{ 482, "Loop Detected" },
	{ 483, "Too Many Hops" },
	{ 484, "Address Incomplete" },
	{ 485, "Ambiguous" },
	{ 486, "Busy Here" },
	{ 487, "Request Terminated" },
	{ 488, "Not Acceptable Here" },
	{ 489, "Bad Event" },
	{ 491, "Request Pending" },
	{ 493, "Undecipherable" },
	{ 494, "Security Agreement Required" },
	{ 500, "Server Internal Error" },
	{ 501, "Not Implemented" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Server Time-out" },
	{ 505, "Version Not Supported" },
	{ 513, "Message Too Large" },
	{ 555, "Push Notification Service Not Supported" },
	{ 580, "Precondition Failure" },
	{ 600, "Busy Everywhere" },
	{ 603, "Decline" },
	{ 604, "Does Not Exist Anywhere" },
	{ 606, "Not Acceptable" },
	{ 607, "Unwanted" },
};

const char *sip_reason(unsigned status)
{
	size_t low = 0, high = sizeof(reasons) / sizeof(reasons[0]);

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (reasons[middle].status == status)
			return reasons[middle].reason;
		if (reasons[middle].status < status)
			low = middle + 1;
		else
			high = middle;
	}
	return "";
}

void sip_reply_dest(const struct sip_msg *request, struct sip_dest *dest_out)
{
	unsigned port = request->via.port ? request->via.port : sip_proto_port(SIP_UDP);

	memset(dest_out, 0, sizeof(*dest_out));
	dest_out->proto = request->proto;
	dest_out->addr = request->source;
	dest_out->flow = request->flow;
	/* When it is gone there are other ways (sip_late.c), but not to the port it came from. */
	dest_out->flow_only = request->flow != 0;
	dest_out->home = request->home;
	if (request->proto == SIP_UDP && !request->via.rport)
		sip_addr_set_port(&dest_out->addr, port);
}

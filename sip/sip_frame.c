/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_frame.c - see sip_frame.h
 *
 * The header section is searched once, whatever the size of the reads; its lines are walked once,
 * when its end is there. A line ends in CRLF and nothing else here: what a bare CR or LF might hide
 * stays inside the line that holds it, and the fence refuses it.
 */
#include "sip/sip_frame.h"

#include "sip/sip_fence.h"

static enum sip_frame_result bad(struct sip_framed *out, struct strv bytes, unsigned status,
				 const char *why)
{
	out->used = bytes.n;
	out->bytes = bytes;
	out->status = status;
	out->why = why;
	return SIP_FRAME_BAD;
}

/* The end of the field that begins at P: behind the CRLF that no blank follows. */
static const char *field_end(const char *p, const char *end)
{
	for (;;) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));

		if (!lf)
			return end;
		if (lf > p && lf[-1] == '\r' && (lf + 1 == end || (lf[1] != ' ' && lf[1] != '\t')))
			return lf + 1;
		p = lf + 1;
	}
}

static int is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The value when FIELD is a Content-Length, in either of its names: 1, else 0. */
static int is_length(struct strv field, struct strv *value_out)
{
	struct strv name;

	if ((field.p[0] | 0x20) != 'c' && (field.p[0] | 0x20) != 'l')
		return 0;
	if (!strv_cut(&field, ':', &name))
		return 0;
	name = strv_trim(name);
	if (!strv_caseeq(name, STRV("Content-Length")) && !strv_caseeq(name, STRV("l")))
		return 0;
	while (field.n && is_blank(field.p[0])) {
		field.p++;
		field.n--;
	}
	while (field.n && is_blank(field.p[field.n - 1]))
		field.n--;
	*value_out = field;
	return 1;
}

/* Digits only. Returns 200, 400, or 413 for a number above MAX. */
static unsigned read_length(struct strv value, size_t max, size_t *length_out)
{
	size_t length = 0;

	if (!value.n)
		return 400;
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] < '0' || value.p[i] > '9')
			return 400;
	for (size_t i = 0; i < value.n; i++) {
		length = length * 10 + (size_t)(value.p[i] - '0');
		if (length > max)
			return 413;
	}
	*length_out = length;
	return 200;
}

/* HEAD is whole, its empty line included: learn the size of the message. */
static enum sip_frame_result read_head(struct sip_frame *frame, struct strv head,
				       struct sip_framed *out)
{
	const char *end = head.p + head.n - 2, *p = field_end(head.p, end), *next;
	struct strv value, length = { NULL, 0 };
	unsigned status;
	size_t body = 0;

	for (; p < end; p = next) {
		next = field_end(p, end);
		if (!is_length(strv_mem(p, (size_t)(next - p)), &value))
			continue;
		if (length.p)
			return bad(out, head, 400, "Content-Length comes twice");
		length = value;
	}
	if (!length.p)
		return bad(out, head, 400, "no Content-Length on a stream");
	status = read_length(length, SIP_STREAM_MAX - head.n, &body);
	if (status == 400)
		return bad(out, head, 400, "Content-Length is no number");
	if (status == 413)
		return bad(out, head, 413, "message too large");
	frame->total = head.n + body;
	return SIP_FRAME_MESSAGE;
}

/* Line ends between messages. Returns SIP_FRAME_MESSAGE when something else begins at *IN. */
static enum sip_frame_result skip_line_ends(struct sip_frame *frame, struct strv *in,
					    struct sip_framed *out)
{
	while (in->n >= 2 && in->p[0] == '\r' && in->p[1] == '\n') {
		in->p += 2;
		in->n -= 2;
		out->used += 2;
		if (++frame->crlfs == 2) {
			frame->crlfs = 0;
			return SIP_FRAME_PING;
		}
	}
	if (in->n == 0 || (in->n == 1 && in->p[0] == '\r'))
		return SIP_FRAME_MORE;
	return SIP_FRAME_MESSAGE;
}

/* A method or "SIP/2.0" begins with a letter, digit or mark (RFC 3261 s25.1 token). */
static int may_begin(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("-.!%*_+`'~", c));
}

enum sip_frame_result sip_frame_next(struct sip_frame *frame, struct strv in,
				     struct sip_framed *out)
{
	size_t window, from;
	const char *end;

	*out = (struct sip_framed){ 0 };
	if (!frame->total && !frame->seen) {
		enum sip_frame_result result = skip_line_ends(frame, &in, out);

		if (result != SIP_FRAME_MESSAGE)
			return result;
		if (!may_begin(in.p[0]))
			return bad(out, strv_mem(in.p, 0), 400, "not a message");
	}
	if (!frame->total) {
		window = in.n < SIP_HEAD_MAX ? in.n : SIP_HEAD_MAX;
		from = frame->seen > 3 ? frame->seen - 3 : 0;
		end = memmem(in.p + from, window - from, "\r\n\r\n", 4);
		if (!end && window == SIP_HEAD_MAX)
			return bad(out, strv_mem(in.p, window), 513, "header section too large");
		frame->seen = window;
		if (!end)
			return SIP_FRAME_MORE;
		if (read_head(frame, strv_mem(in.p, (size_t)(end + 4 - in.p)), out) ==
		    SIP_FRAME_BAD)
			return SIP_FRAME_BAD;
	}
	if (in.n < frame->total)
		return SIP_FRAME_MORE;
	out->bytes = strv_mem(in.p, frame->total);
	out->used += frame->total;
	*frame = (struct sip_frame){ 0 };
	return SIP_FRAME_MESSAGE;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_ack.c - the ACK and the CANCEL of an INVITE that was sent (RFC 3261 s17.1.1.3, s9.1)
 *
 * Both are made of the octets of the INVITE as they left: its Request-URI, its one top Via, its
 * Route, From, To, Call-ID and the number of its CSeq.
 */
#include "sip/sip_txn_priv.h"

#include <stdlib.h>

struct out {
	char *p;
	size_t n, max;
};

static void add(struct out *out, struct strv s)
{
	if (s.n && out->p && s.n <= out->max - out->n)
		memcpy(out->p + out->n, s.p, s.n);
	out->n += s.n;
}

static void add_line(struct out *out, struct strv name, struct strv value)
{
	add(out, name);
	add(out, value);
	add(out, STRV("\r\n"));
}

/* The number in front of the method. */
static struct strv cseq_number(struct strv cseq)
{
	size_t n = 0;

	while (n < cseq.n && cseq.p[n] >= '0' && cseq.p[n] <= '9')
		n++;
	return strv_mem(cseq.p, n);
}

/* A copy of one line by what it is worth to both; Via only the first. */
static void copy_line(struct out *out, const struct sip_line *line, struct strv method,
		      struct strv to, int *via_done)
{
	struct sip_via via;
	struct strv rest = line->value;

	switch (line->h) {
	case SIP_H_VIA:
		if (!*via_done && sip_via_next(&rest, &via) == 1)
			add_line(out, STRV("Via: "), via.text);
		*via_done = 1;
		break;
	case SIP_H_TO:
		add_line(out, STRV("To: "), to.p ? to : line->value);
		break;
	case SIP_H_CSEQ:
		add(out, STRV("CSeq: "));
		add(out, cseq_number(line->value));
		add_line(out, STRV(" "), method);
		break;
	case SIP_H_ROUTE:
	case SIP_H_FROM:
	case SIP_H_CALL_ID:
		add(out, line->whole);
		break;
	default:
		break;
	}
}

static void compose(struct out *out, const struct sip_fence *fence, struct strv method,
		    struct strv to, struct strv line)
{
	int via_done = 0;

	add(out, method);
	add(out, STRV(" "));
	add(out, fence->uri);
	add(out, STRV(" SIP/2.0\r\n"));
	for (unsigned i = 0; i < fence->n_lines; i++)
		copy_line(out, &fence->lines[i], method, to, &via_done);
	add(out, STRV("Max-Forwards: 70\r\n"));
	if (line.n)
		add_line(out, STRV(""), line);
	add(out, STRV("Content-Length: 0\r\n\r\n"));
}

static struct sip_buf *make(struct sip_buf *invite, struct strv method, struct strv to,
			    struct strv line)
{
	struct sip_fence *fence = malloc(sizeof(*fence));
	struct out out = { NULL, 0, 0 };
	struct sip_buf *buf = NULL;

	if (fence && sip_fence_check(sip_buf_bytes(invite), 0, fence) == SIP_FENCE_PASS) {
		compose(&out, fence, method, to, line);
		buf = sip_buf_new(out.n);
		if (buf) {
			out = (struct out){ sip_buf_data(buf), 0, out.n };
			compose(&out, fence, method, to, line);
		}
	}
	free(fence);
	return buf;
}

struct sip_buf *txn_make_ack(struct sip_buf *invite, struct strv to)
{
	return make(invite, STRV("ACK"), to, strv_mem(NULL, 0));
}

struct sip_buf *txn_make_cancel(struct sip_buf *invite, struct strv line)
{
	return make(invite, STRV("CANCEL"), strv_mem(NULL, 0), line);
}

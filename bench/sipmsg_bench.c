/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/sipmsg_bench.c - what one SIP message costs before and after anybody decides about it
 *
 *     sipmsg_bench [--quick]
 *
 * Prints one JSON object a line. Both sides of a figure take turns within each run and each gives
 * the median of its runs; times are this thread's CPU time. The message is a MESSAGE of some 1.2 kB
 * with message/cpim; libosip2 works in the same kind of memory as ours.
 *
 *     sipmsg.parse.cpu   fence and parse / libosip2's parse
 *     sipmsg.relay.cpu   fence, parse, what a relay changes, the octets to send / libosip2's parse
 *                        and print
 *     sipmsg.reply.cpu   a 200 made of a parsed request / libosip2's print
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <osipparser2/osip_message.h>
#include <osipparser2/osip_parser.h>

#include "sip/sip_edit.h"
#include "sip/sip_msg.h"
#include "sip/sip_osip.h"
#include "sip/sip_reply.h"

enum { MESSAGES = 20000, RUNS = 15, RUNS_QUICK = 5 };

static const char head[] =
	"MESSAGE sip:bob@192.0.2.44:5062;transport=udp SIP/2.0\r\n"
	"Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-524287-1---a7c06d1ee8b4be2b;rport\r\n"
	"Max-Forwards: 70\r\n"
	"Route: <sip:core.example.com;lr>\r\n"
	"From: \"Alice Example\" <sip:alice@example.com>;tag=8d2ab1f0\r\n"
	"To: <sip:bob@example.com>\r\n"
	"Call-ID: 84b3a8c5-71ad-4c52-9a61-91ea2df9a6c9\r\n"
	"CSeq: 20 MESSAGE\r\n"
	"Contribution-ID: abcdef-1234-5678-90ab-cdef01234567\r\n"
	"Conversation-ID: fedcba-1234-5678-90ab-cdef01234567\r\n"
	"P-Preferred-Service: urn:urn-7:3gpp-service.ims.icsi.oma.cpm.msg\r\n"
	"Accept-Contact: *;+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.msg\"\r\n"
	"User-Agent: CPM-client/OMA2.2 bench/1.0\r\n"
	"Content-Type: message/cpim\r\n";
static const char body[] = "From: <sip:anonymous@anonymous.invalid>\r\n"
			   "To: <sip:anonymous@anonymous.invalid>\r\n"
			   "DateTime: 2026-01-01T12:00:00.000Z\r\n"
			   "NS: imdn <urn:ietf:params:imdn>\r\n"
			   "imdn.Message-ID: 0d5a1b2c3d4e5f60718293a4b5c6d7e8\r\n"
			   "imdn.Disposition-Notification: positive-delivery, display\r\n"
			   "\r\n"
			   "Content-Type: text/plain; charset=utf-8\r\n"
			   "Content-Length: 60\r\n"
			   "\r\n"
			   "Shall we meet at the station at six? Bring the tickets, pls.";

static char text[2048];
static struct strv message;
static struct arena *arena;
static struct sip_addr source;

static void die(const char *what)
{
	fprintf(stderr, "sipmsg_bench: %s\n", what);
	exit(1);
}

static double cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void set_up(void)
{
	struct err err;
	int n = snprintf(text, sizeof(text), "%sContent-Length: %zu\r\n\r\n%s", head,
			 sizeof(body) - 1, body);

	arena = arena_new(0);
	message = strv_mem(text, (size_t)n);
	if (!arena || sip_msg_init(&err) < 0 ||
	    sip_addr_parse(STRV("192.0.2.10"), 5060, &source) < 0)
		die("set-up failed");
}

/* ---- sides: nanoseconds of one message, as the mean of MESSAGES ---- */

static struct sip_msg *read_one(void)
{
	static struct sip_fence fence;
	struct sip_msg *msg;

	if (sip_fence_check(message, 0, &fence) != SIP_FENCE_PASS ||
	    sip_msg_parse(arena, message, &fence, &msg, NULL) < 0)
		die("the message was refused");
	msg->source = source;
	return msg;
}

static double side_parse(void)
{
	double before = cpu_ns();

	for (unsigned i = 0; i < MESSAGES; i++) {
		read_one();
		arena_reset(arena);
	}
	return (cpu_ns() - before) / MESSAGES;
}

static double side_relay(void)
{
	double before = cpu_ns();

	for (unsigned i = 0; i < MESSAGES; i++) {
		struct sip_edit *edit = sip_edit_new(read_one());
		struct sip_buf *buf;

		if (!edit)
			die("no memory");
		sip_edit_uri(edit, STRV("sip:bob@192.0.2.77:5070"));
		sip_edit_pop(edit, SIP_H_ROUTE);
		sip_edit_via_param(edit, "received", STRV("192.0.2.10"));
		sip_edit_via_param(edit, "rport", STRV("5060"));
		sip_edit_push(edit, SIP_H_VIA,
			      STRV("Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK00abcdef01"));
		sip_edit_set(edit, SIP_H_MAX_FORWARDS, STRV("69"));
		sip_edit_remove(edit, SIP_H_P_PREFERRED_SERVICE);
		sip_edit_append(edit, STRV("P-Asserted-Identity: <sip:alice@example.com>"));
		buf = sip_edit_buf(edit);
		if (!buf)
			die("no memory");
		sip_buf_drop(&buf);
		arena_reset(arena);
	}
	return (cpu_ns() - before) / MESSAGES;
}

static double side_reply(void)
{
	struct sip_msg *msg = read_one();
	struct sip_reply reply = { .status = 200 };
	double before = cpu_ns();

	for (unsigned i = 0; i < MESSAGES; i++) {
		struct sip_buf *buf = sip_reply_make(msg, &reply);

		if (!buf)
			die("no memory");
		sip_buf_drop(&buf);
	}
	before = cpu_ns() - before;
	arena_reset(arena);
	return before / MESSAGES;
}

static osip_message_t *osip_read(void)
{
	osip_message_t *osip;

	if (osip_message_init(&osip) || osip_message_parse(osip, message.p, message.n))
		die("libosip2 refused the message");
	return osip;
}

static void osip_print(osip_message_t *osip)
{
	char *out;
	size_t n;

	if (osip_message_to_str(osip, &out, &n))
		die("libosip2 does not print");
}

static double side_osip_parse(void)
{
	double before = cpu_ns();

	for (unsigned i = 0; i < MESSAGES; i++) {
		sip_osip_begin(arena);
		osip_read();
		sip_osip_end();
		arena_reset(arena);
	}
	return (cpu_ns() - before) / MESSAGES;
}

static double side_osip_relay(void)
{
	double before = cpu_ns();

	for (unsigned i = 0; i < MESSAGES; i++) {
		sip_osip_begin(arena);
		osip_print(osip_read());
		sip_osip_end();
		arena_reset(arena);
	}
	return (cpu_ns() - before) / MESSAGES;
}

/* With a message of the heap, which stays the same. */
static double side_osip_print(void)
{
	osip_message_t *osip = osip_read();
	double before = cpu_ns();

	for (unsigned i = 0; i < MESSAGES; i++) {
		osip_message_force_update(osip);
		sip_osip_begin(arena);
		osip_print(osip);
		sip_osip_end();
		arena_reset(arena);
	}
	before = cpu_ns() - before;
	osip->message = NULL; /* printed into the arena */
	osip_message_free(osip);
	return before / MESSAGES;
}

/* ---- figures ---- */

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(double *value, unsigned n)
{
	qsort(value, n, sizeof(*value), by_value);
	return value[n / 2];
}

static void compare(const char *name, double (*ours)(void), const char *peer,
		    double (*theirs)(void), unsigned runs)
{
	double a[RUNS], b[RUNS], x, y;

	for (unsigned i = 0; i < runs; i++) {
		a[i] = ours();
		b[i] = theirs();
	}
	x = median(a, runs);
	y = median(b, runs);
	printf("{\"figure\": \"%s\", \"ours\": %.1f, \"peer\": \"%s\", \"theirs\": %.1f, "
	       "\"unit\": \"ns\", \"ratio\": %.3f, \"bytes\": %zu, \"runs\": %u}\n",
	       name, x, peer, y, x / y, message.n, runs);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	unsigned runs = argc > 1 && strcmp(argv[1], "--quick") == 0 ? RUNS_QUICK : RUNS;

	set_up();
	compare("sipmsg.parse.cpu", side_parse, "libosip2 parse", side_osip_parse, runs);
	compare("sipmsg.relay.cpu", side_relay, "libosip2 parse and print", side_osip_relay, runs);
	compare("sipmsg.reply.cpu", side_reply, "libosip2 print", side_osip_print, runs);
	return 0;
}

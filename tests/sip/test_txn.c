/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sip/test_txn.c - every transition of RFC 3261 figures 5 to 8, of RFC 6026 and RFC 4320
 *
 * A row is a small play. Its words, in order:
 *	>INVITE >MESSAGE >ACK >ACK2 >CANCEL	that request comes in (ACK2: of a 2xx, another
 *branch) tu:180		the TU answers send:INVITE	the TU sends a request
 *	>180		a response to the request that was sent last and not CANCEL comes in
 *	+500		time goes by
 *	=180 =ACK	this was sent next
 *	told:180 told:cancel told:ACK told:drop	the TU has been told this next
 *	-		nothing else was sent, and nothing else told, until now
 *	cancel broken	the TU cancels what it sent; the transport lost it
 *	live done gone	one transaction lives; one waits, finished; nothing is left
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/log.h"
#include "tests/sip/rig.h"

struct play {
	const char *why;
	enum sip_proto proto;
	const char *script;
};

static const struct play plays[] = {
	/* INVITE, server: figure 7 and RFC 6026 */
	{ "100 comes by itself after 200 ms", SIP_UDP,
	  ">INVITE told:INVITE - +199 - +1 =100 - live" },
	{ "no 100 once the TU has spoken", SIP_UDP,
	  ">INVITE told:INVITE tu:180 =180 +5000 - live" },
	{ "the INVITE again repeats the last provisional", SIP_UDP,
	  ">INVITE told:INVITE tu:183 =183 >INVITE =183 - >INVITE =183 -" },
	{ "nothing to repeat yet", SIP_UDP, ">INVITE told:INVITE >INVITE -" },
	{ "300-699 over UDP: G doubles up to T2, ACK ends it, I absorbs", SIP_UDP,
	  ">INVITE told:INVITE tu:486 =486 told:drop +499 - +1 =486 +1000 =486 +2000 =486 +4000 "
	  "=486 "
	  "+4000 =486 >INVITE =486 >ACK - done >ACK - +4999 done +1 gone -" },
	{ "without ACK H ends it", SIP_UDP,
	  ">INVITE told:INVITE tu:404 =404 told:drop +500 =404 +1000 =404 +2000 =404 +4000 =404 "
	  "+4000 "
	  "=404 +4000 =404 +4000 =404 +4000 =404 +4000 =404 +4000 =404 - +500 gone -" },
	{ "300-699 over TCP is not repeated, I is 0", SIP_TCP,
	  ">INVITE told:INVITE tu:603 =603 told:drop +8000 - live >ACK gone -" },
	{ "over TCP H ends it as well", SIP_TCP,
	  ">INVITE told:INVITE tu:603 =603 told:drop +31999 live +1 gone -" },
	{ "2xx: accepted; the INVITE again is absorbed, 2xx pass, L ends it", SIP_UDP,
	  ">INVITE told:INVITE tu:200 =200 live >INVITE - tu:200 =200 +31999 live +1 told:drop "
	  "gone -" },
	{ "L is as long over TCP", SIP_TCP,
	  ">INVITE told:INVITE tu:200 =200 +31999 live +1 told:drop gone" },
	{ "an ACK with the INVITE's branch after 2xx is the TU's", SIP_UDP,
	  ">INVITE told:INVITE tu:200 =200 >ACK told:ACK - live" },
	{ "an ACK with its own branch is the TU's", SIP_UDP,
	  ">INVITE told:INVITE tu:200 =200 >ACK2 told:ACK - live" },
	{ "a failure after success is refused", SIP_UDP,
	  ">INVITE told:INVITE tu:200 =200 no:486 no:180 - live" },
	{ "nothing more after a failure", SIP_UDP,
	  ">INVITE told:INVITE tu:486 =486 told:drop no:200 no:180 -" },
	{ "an ACK before any answer is of nothing", SIP_UDP, ">INVITE told:INVITE >ACK - live" },
	{ "an INVITE that its TU has lost ends all the same", SIP_TCP,
	  ">INVITE told:INVITE tu:180 =180 +361999 live +1 =408 told:drop" },
	{ "CANCEL is answered, the TU told once", SIP_UDP,
	  ">INVITE told:INVITE tu:180 =180 >CANCEL =200 told:cancel >CANCEL =200 - tu:487 =487 "
	  "told:drop >ACK -" },
	{ "CANCEL after the final answer: 200 and no effect", SIP_UDP,
	  ">INVITE told:INVITE tu:200 =200 >CANCEL =200 -" },
	{ "CANCEL of nothing: 481", SIP_UDP, ">CANCEL =481 - done +32000 gone" },
	/* others, server: figure 8, RFC 4320 */
	{ "no answer yet: the request again is absorbed", SIP_UDP,
	  ">MESSAGE told:MESSAGE >MESSAGE - live" },
	{ "100 when the client's Timer E has reached T2", SIP_UDP,
	  ">MESSAGE told:MESSAGE +3499 - +1 =100 - >MESSAGE =100 -" },
	{ "and no 100 of the TU's before, over UDP", SIP_UDP,
	  ">MESSAGE told:MESSAGE tu:100 - +3500 =100 -" },
	{ "over TCP the TU may", SIP_TCP, ">MESSAGE told:MESSAGE tu:100 =100 tu:100 - +3500 -" },
	{ "no other provisional at all", SIP_TCP, ">MESSAGE told:MESSAGE tu:180 - tu:183 - live" },
	{ "the final answer is repeated until J", SIP_UDP,
	  ">MESSAGE told:MESSAGE tu:200 =200 told:drop done >MESSAGE =200 - +31999 >MESSAGE =200 "
	  "done "
	  "+1 gone -" },
	{ "from proceeding too", SIP_UDP,
	  ">MESSAGE told:MESSAGE +3500 =100 tu:404 =404 told:drop done >MESSAGE =404 -" },
	{ "J is 0 over TCP", SIP_TCP, ">MESSAGE told:MESSAGE tu:200 =200 told:drop gone -" },
	{ "no 408: it ends without an answer", SIP_UDP,
	  ">MESSAGE told:MESSAGE tu:408 told:drop gone -" },
	{ "an answer would come too late: it ends by itself", SIP_UDP,
	  ">MESSAGE told:MESSAGE +3500 =100 +28500 told:drop gone -" },
	/* INVITE, client: figure 5 and RFC 6026 */
	{ "A doubles, B ends it with 408", SIP_UDP,
	  "send:INVITE =INVITE +499 - +1 =INVITE +1000 =INVITE +2000 =INVITE +4000 =INVITE +8000 "
	  "=INVITE +16000 =INVITE - +500 told:408 gone -" },
	{ "nothing is repeated over TCP, B all the same", SIP_TCP,
	  "send:INVITE =INVITE +31999 - +1 told:408 gone -" },
	{ "a provisional stops A and B", SIP_UDP,
	  "send:INVITE =INVITE >180 told:180 +40000 - >183 told:183 live" },
	{ "C ends an INVITE that only rings, by CANCEL", SIP_UDP,
	  "send:INVITE =INVITE >180 told:180 +180999 - +1 =CANCEL - >200c +32000 told:408 gone" },
	{ "each 101-199 sets C anew", SIP_UDP,
	  "send:INVITE =INVITE >180 told:180 +180000 >180 told:180 +180999 - +1 =CANCEL -" },
	{ "300-699: ACK, D absorbs and repeats the ACK", SIP_UDP,
	  "send:INVITE =INVITE >486 =ACK told:486 done >486 =ACK - +31999 >486 =ACK +1 gone -" },
	{ "from proceeding too", SIP_UDP,
	  "send:INVITE =INVITE >180 told:180 >603 =ACK told:603 done -" },
	{ "D is 0 over TCP", SIP_TCP, "send:INVITE =INVITE >486 =ACK told:486 gone -" },
	{ "every 2xx is the TU's, and M ends it", SIP_UDP,
	  "send:INVITE =INVITE >200 told:200 - >200 told:200 - +31999 live +1 gone -" },
	{ "other answers after a 2xx are absorbed", SIP_UDP,
	  "send:INVITE =INVITE >200 told:200 >180 >486 - live" },
	{ "the transport fails: 503", SIP_TCP, "send:INVITE =INVITE broken told:503 gone -" },
	{ "CANCEL waits for a provisional", SIP_UDP,
	  "send:INVITE =INVITE cancel - >100 told:100 =CANCEL - >487 =ACK told:487" },
	{ "CANCEL at once when there is one", SIP_UDP,
	  "send:INVITE =INVITE >180 told:180 cancel =CANCEL cancel - >487 =ACK told:487 -" },
	{ "CANCEL after the final answer is nothing", SIP_UDP,
	  "send:INVITE =INVITE >200 told:200 cancel - +100 -" },
	{ "CANCEL without effect: gone 64*T1 later", SIP_TCP,
	  "send:INVITE =INVITE >180 told:180 cancel =CANCEL >200c +31999 - +1 told:408 gone" },
	/* others, client: figure 6 */
	{ "E doubles up to T2, F ends it with 408", SIP_UDP,
	  "send:MESSAGE =MESSAGE +500 =MESSAGE +1000 =MESSAGE +2000 =MESSAGE +4000 =MESSAGE +4000 "
	  "=MESSAGE +4000 =MESSAGE +4000 =MESSAGE +4000 =MESSAGE +4000 =MESSAGE +4000 =MESSAGE - "
	  "+500 told:408 gone -" },
	{ "F over TCP", SIP_TCP, "send:MESSAGE =MESSAGE +31999 - +1 told:408 gone -" },
	{ "a provisional slows E down to T2", SIP_UDP,
	  "send:MESSAGE =MESSAGE >100 told:100 +500 =MESSAGE +3999 - +1 =MESSAGE -" },
	{ "and F ends proceeding", SIP_TCP,
	  "send:MESSAGE =MESSAGE >100 told:100 +31999 - +1 told:408 gone" },
	{ "a final answer; K absorbs its repetitions", SIP_UDP,
	  "send:MESSAGE =MESSAGE >200 told:200 done >200 - +4999 done +1 gone -" },
	{ "a failure is the same", SIP_UDP,
	  "send:MESSAGE =MESSAGE >100 told:100 >404 told:404 done +5000 gone -" },
	{ "K is 0 over TCP", SIP_TCP, "send:MESSAGE =MESSAGE >200 told:200 gone -" },
	{ "the transport fails: 503", SIP_TCP, "send:MESSAGE =MESSAGE broken told:503 gone -" },
	{ "it fails while proceeding", SIP_TCP,
	  "send:MESSAGE =MESSAGE >100 told:100 broken told:503 gone -" },
};

enum { TOLD_MAX = 16 };

static struct {
	struct rig rig;
	uint64_t stx, ctx;
	char told[TOLD_MAX][16];
	unsigned n_told, n_asked;
	struct rig_sent *request; /* sent last, not CANCEL nor ACK */
	struct rig_sent *cancel;
	const struct play *play;
	const char *at;
} stage;

static void tell(const char *what)
{
	assert_true(stage.n_told < TOLD_MAX);
	snprintf(stage.told[stage.n_told++], sizeof(stage.told[0]), "%s", what);
}

static void on_drop(void *user)
{
	(void)user;
	tell("drop");
}

static void on_request(void *arg, struct sip_stx *stx, struct sip_msg *msg)
{
	(void)arg;
	tell(sip_method_name(msg->method));
	if (!stx)
		return;
	assert_ptr_equal(sip_stx_request(stx), msg);
	stage.stx = sip_stx_id(stx);
	sip_stx_set_user(stx, &stage, on_drop);
}

static void on_cancel(void *arg, struct sip_stx *stx)
{
	(void)arg;
	assert_int_equal(sip_stx_id(stx), stage.stx);
	tell("cancel");
}

static void on_answered(void *arg, unsigned status, struct sip_msg *response)
{
	char text[8];

	assert_ptr_equal(arg, &stage);
	assert_true((response != NULL) == (status != 408 && status != 503));
	snprintf(text, sizeof(text), "%u", status);
	tell(text);
}

static void feed_request(const char *word)
{
	const char *method = strcmp(word, "ACK2") == 0 ? "ACK" : word;
	const char *of = strcmp(word, "MESSAGE") == 0 ? "m" : strcmp(word, "ACK2") == 0 ? "x" : "i";

	assert_int_equal(
		rig_feed(&stage.rig,
			 "%s sip:b@example.com SIP/2.0\nVia: SIP/2.0/%s c.example:5070;branch="
			 "z9hG4bK%s1\nFrom: <sip:a@example.com>;tag=f\nTo: <sip:b@example.com>%s\n"
			 "Call-ID: c1\nCSeq: 7 %s\nMax-Forwards: 70\nContent-Length: 0\n\n",
			 method, sip_proto_name(stage.rig.proto), of,
			 strncmp(word, "ACK", 3) == 0 ? ";tag=t" : "", method),
		0);
}

static void send_request(const char *method)
{
	struct sip_send send = { .answered = on_answered, .arg = &stage };
	char text[1024];
	struct sip_ctx *ctx;
	int n;

	send.method = sip_method_find(strv_of(method));
	sip_branch_make(stage.rig.txns, send.branch);
	assert_int_equal(sip_branch_worker(strv_of(send.branch)), 3);
	n = snprintf(
		text, sizeof(text),
		"%s sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=%s\r\n"
		"Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKother\r\nRoute: <sip:r.example;lr>\r\n"
		"From: <sip:a@example.com>;tag=f\r\nTo: <sip:b@example.com>\r\nCall-ID: c9\r\n"
		"CSeq: 12 %s\r\nMax-Forwards: 69\r\nContent-Length: 0\r\n\r\n",
		method, send.branch, method);
	send.buf = sip_buf_copy(strv_mem(text, (size_t)n));
	send.dest.proto = stage.rig.proto;
	send.dest.addr = stage.rig.source;
	ctx = sip_ctx_send(stage.rig.txns, &send);
	assert_non_null(ctx);
	stage.ctx = sip_ctx_id(ctx);
	sip_buf_drop(&send.buf);
}

/* What ACK and CANCEL must and must not have (RFC 3261 s17.1.1.3, s9.1). */
static void check_hop_by_hop(const struct rig_sent *sent)
{
	char value[256], want[64];
	int is_ack = strncmp(sent->text, "ACK ", 4) == 0;

	assert_non_null(strstr(sent->text, " sip:b@example.com SIP/2.0\r\n"));
	assert_string_equal(rig_value(sent, "Route", value, sizeof(value)), "<sip:r.example;lr>");
	assert_string_equal(rig_value(sent, "Call-ID", value, sizeof(value)), "c9");
	snprintf(want, sizeof(want), "12 %s", is_ack ? "ACK" : "CANCEL");
	assert_string_equal(rig_value(sent, "CSeq", value, sizeof(value)), want);
	assert_string_equal(rig_value(sent, "To", value, sizeof(value)),
			    is_ack ? "<sip:b@example.com>;tag=t" : "<sip:b@example.com>");
	assert_null(strstr(sent->text, "z9hG4bKother"));
	assert_non_null(strstr(sent->text, "z9hG4bKw03"));
}

static void expect_sent(const char *word)
{
	struct rig_sent *sent = rig_take(&stage.rig);
	char got[32];

	if (!sent)
		fail_msg("%s: \"%s\" was not sent at \"=%s\"", stage.play->why, word, stage.at);
	if (rig_status(sent))
		snprintf(got, sizeof(got), "%u", rig_status(sent));
	else
		snprintf(got, sizeof(got), "%.*s", (int)strcspn(sent->text, " "), sent->text);
	if (strcmp(got, word) != 0)
		fail_msg("%s: \"%s\" was sent at \"=%s\"", stage.play->why, got, stage.at);
	if (strcmp(got, "ACK") == 0 || strcmp(got, "CANCEL") == 0)
		check_hop_by_hop(sent);
	if (strcmp(got, "CANCEL") == 0) {
		free(stage.cancel);
		stage.cancel = sent;
	} else if (!rig_status(sent) && strcmp(got, "ACK") != 0) {
		free(stage.request);
		stage.request = sent;
	} else {
		free(sent);
	}
}

static void expect_told(const char *word)
{
	if (stage.n_asked == stage.n_told || strcmp(stage.told[stage.n_asked], word) != 0)
		fail_msg("%s: told \"%s\" at \"told:%s\"", stage.play->why,
			 stage.n_asked == stage.n_told ? "nothing" : stage.told[stage.n_asked],
			 stage.at);
	stage.n_asked++;
}

static void expect_quiet(void)
{
	if (stage.rig.first)
		fail_msg("%s: sent besides, before \"%s\": %.20s", stage.play->why, stage.at,
			 stage.rig.first->text);
	if (stage.n_asked != stage.n_told)
		fail_msg("%s: told besides, before \"%s\": %s", stage.play->why, stage.at,
			 stage.told[stage.n_asked]);
}

static void expect_left(uint64_t live, uint64_t finished)
{
	struct sip_txn_stats stats;

	sip_txns_stats(stage.rig.txns, &stats);
	if (stats.server + stats.client != live || stats.finished != finished)
		fail_msg("%s: %u live, %u finished at \"%s\"", stage.play->why,
			 (unsigned)(stats.server + stats.client), (unsigned)stats.finished,
			 stage.at);
}

static void reply(const char *status, int wanted)
{
	struct sip_stx *stx = sip_stx_find(stage.rig.txns, stage.stx);

	if (!stx && wanted == -1)
		return;
	assert_non_null(stx);
	/* A second answer's octets are the TU's: the request is gone by then. */
	if (sip_stx_request(stx)) {
		assert_int_equal(sip_stx_reply_status(stx, (unsigned)atoi(status), NULL), wanted);
	} else {
		char text[64];
		struct sip_buf *buf;

		snprintf(text, sizeof(text), "SIP/2.0 %s Again\r\n\r\n", status);
		buf = sip_buf_copy(strv_of(text));
		assert_int_equal(sip_stx_reply_buf(stx, (unsigned)atoi(status), buf), wanted);
		sip_buf_drop(&buf);
	}
}

static void act(const char *word)
{
	struct sip_ctx *ctx = sip_ctx_find(stage.rig.txns, stage.ctx);

	if (word[0] == '>' && word[1] >= '1' && word[1] <= '9')
		assert_int_equal(rig_answer(&stage.rig,
					    strchr(word, 'c') ? stage.cancel : stage.request,
					    (unsigned)atoi(word + 1), "t", ""),
				 0);
	else if (word[0] == '>')
		feed_request(word + 1);
	else if (word[0] == '+')
		rig_advance(&stage.rig, (uint64_t)atoll(word + 1));
	else if (word[0] == '=')
		expect_sent(word + 1);
	else if (strcmp(word, "-") == 0)
		expect_quiet();
	else if (strncmp(word, "tu:", 3) == 0)
		reply(word + 3, 0);
	else if (strncmp(word, "no:", 3) == 0)
		reply(word + 3, -1);
	else if (strncmp(word, "told:", 5) == 0)
		expect_told(word + 5);
	else if (strncmp(word, "send:", 5) == 0)
		send_request(word + 5);
	else if (strcmp(word, "cancel") == 0)
		sip_ctx_cancel(ctx, STRV("SIP;cause=200"));
	else if (strcmp(word, "broken") == 0)
		sip_txns_failed(stage.rig.txns, stage.ctx);
	else if (strcmp(word, "live") == 0)
		expect_left(1, 0);
	else if (strcmp(word, "done") == 0)
		expect_left(0, 1);
	else if (strcmp(word, "gone") == 0)
		expect_left(0, 0);
	else
		fail_msg("no such word: %s", word);
}

static void run_play(const struct play *play)
{
	const struct sip_tu tu = { .request = on_request, .cancel = on_cancel };
	char word[32];
	int n;

	memset(&stage, 0, sizeof(stage));
	rig_init(&stage.rig, &tu);
	stage.rig.proto = play->proto;
	stage.rig.flow = play->proto == SIP_UDP ? 0 : 77;
	stage.play = play;
	for (stage.at = play->script; sscanf(stage.at, " %31s%n", word, &n) == 1; stage.at += n)
		act(word);
	stage.at = "the end";
	rig_fini(&stage.rig);
	free(stage.request);
	free(stage.cancel);
}

static void test_plays(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(plays) / sizeof(plays[0]); i++)
		run_play(&plays[i]);
}

/* ---- matching ---- */

struct match {
	const char *why, *first, *second;
	unsigned requests; /* that the TU sees */
};

#define HEAD(method, via, tag, callid, cseq)                                            \
	method " sip:b@example.com SIP/2.0\nVia: SIP/2.0/UDP " via                      \
	       "\nFrom: <sip:a@example.com>;tag=" tag                                   \
	       "\nTo: <sip:b@example.com>\nCall-ID: " callid "\nCSeq: " cseq " " method \
	       "\nMax-Forwards: 70\nContent-Length: 0\n\n"

static const struct match matches[] = {
	{ "the same branch, sent-by and method",
	  HEAD("MESSAGE", "h:1;branch=z9hG4bKa", "f", "c", "1"),
	  HEAD("MESSAGE", "h:1;branch=z9hG4bKa", "f", "c", "1"), 1 },
	{ "the branch counts, not the rest", HEAD("MESSAGE", "h:1;branch=z9hG4bKa", "f", "c", "1"),
	  HEAD("MESSAGE", "h:1;branch=z9hG4bKa", "f2", "c2", "2"), 1 },
	{ "another branch", HEAD("MESSAGE", "h:1;branch=z9hG4bKa", "f", "c", "1"),
	  HEAD("MESSAGE", "h:1;branch=z9hG4bKb", "f", "c", "1"), 2 },
	{ "another host", HEAD("MESSAGE", "h:1;branch=z9hG4bKa", "f", "c", "1"),
	  HEAD("MESSAGE", "g:1;branch=z9hG4bKa", "f", "c", "1"), 2 },
	{ "another port", HEAD("MESSAGE", "h:1;branch=z9hG4bKa", "f", "c", "1"),
	  HEAD("MESSAGE", "h:2;branch=z9hG4bKa", "f", "c", "1"), 2 },
	{ "another method", HEAD("MESSAGE", "h:1;branch=z9hG4bKa", "f", "c", "1"),
	  HEAD("OPTIONS", "h:1;branch=z9hG4bKa", "f", "c", "1"), 2 },
	{ "no cookie: the same of everything", HEAD("MESSAGE", "h:1;branch=1", "f", "c", "1"),
	  HEAD("MESSAGE", "h:1;branch=1", "f", "c", "1"), 1 },
	{ "no cookie: another CSeq", HEAD("MESSAGE", "h:1;branch=1", "f", "c", "1"),
	  HEAD("MESSAGE", "h:1;branch=1", "f", "c", "2"), 2 },
	{ "no cookie: another Call-ID", HEAD("MESSAGE", "h:1;branch=1", "f", "c", "1"),
	  HEAD("MESSAGE", "h:1;branch=1", "f", "d", "1"), 2 },
	{ "no cookie: another From tag", HEAD("MESSAGE", "h:1;branch=1", "f", "c", "1"),
	  HEAD("MESSAGE", "h:1;branch=1", "g", "c", "1"), 2 },
	{ "no branch at all", HEAD("MESSAGE", "h:1", "f", "c", "1"),
	  HEAD("MESSAGE", "h:1", "f", "c", "1"), 1 },
};

static void test_matching(void **state)
{
	const struct sip_tu tu = { .request = on_request, .cancel = on_cancel };

	(void)state;
	for (unsigned i = 0; i < sizeof(matches) / sizeof(matches[0]); i++) {
		memset(&stage, 0, sizeof(stage));
		rig_init(&stage.rig, &tu);
		assert_int_equal(rig_feed(&stage.rig, "%s", matches[i].first), 0);
		assert_int_equal(rig_feed(&stage.rig, "%s", matches[i].second), 0);
		if (stage.n_told != matches[i].requests)
			fail_msg("%s: the TU saw %u", matches[i].why, stage.n_told);
		rig_fini(&stage.rig);
	}
}

/* ---- how many live does not matter; what a finished one takes ---- */

static void answer_at_once(void *arg, struct sip_stx *stx, struct sip_msg *msg)
{
	(void)arg;
	(void)msg;
	if (stx)
		sip_stx_reply_status(stx, 200, NULL);
}

static void feed_message(struct rig *rig, unsigned i)
{
	assert_int_equal(
		rig_feed(rig,
			 "MESSAGE sip:b@example.com SIP/2.0\nVia: SIP/2.0/UDP h;branch=z9hG4bK%u\n"
			 "From: <sip:a@example.com>;tag=f\nTo: <sip:b@example.com>\nCall-ID: c%u\n"
			 "CSeq: 1 MESSAGE\nMax-Forwards: 70\nContent-Length: 0\n\n",
			 i, i),
		0);
}

static void test_many_finished_wait_for_J_and_cost_one_timer(void **state)
{
	enum { MANY = 20000 };
	const struct sip_tu tu = { .request = answer_at_once };
	struct sip_txn_stats stats;
	struct rig rig;

	(void)state;
	rig_init(&rig, &tu);
	rig.discard = 1;
	for (unsigned i = 0; i < MANY; i++)
		feed_message(&rig, i);
	sip_txns_stats(rig.txns, &stats);
	assert_int_equal(stats.finished, MANY);
	assert_int_equal(stats.server, 0);
	assert_int_equal(rig.wheel.live, 1);
	/* Each is still known, and none is taken for another. */
	for (unsigned i = 0; i < MANY; i += 97)
		feed_message(&rig, i);
	sip_txns_stats(rig.txns, &stats);
	assert_int_equal(stats.finished, MANY);
	assert_int_equal(rig.n_sent, MANY + (MANY + 96) / 97);
	rig_advance(&rig, 32000);
	assert_true(rig_is_empty(&rig));
	rig_fini(&rig);
}

static void test_more_finished_than_allowed_forgets_the_oldest(void **state)
{
	const struct sip_tu tu = { .request = answer_at_once };
	struct sip_txn_stats stats;
	struct rig rig;

	(void)state;
	rig_init(&rig, &tu);
	sip_txns_free(&rig.txns);
	rig.timers.max_finished = 10;
	assert_int_equal(sip_txns_new(&rig.below, &rig.timers, &tu, rig.count, &rig.txns, NULL), 0);
	for (unsigned i = 0; i < 25; i++)
		feed_message(&rig, i);
	sip_txns_stats(rig.txns, &stats);
	assert_int_equal(stats.finished, 10);
	rig_fini(&rig);
}

static void take_only(void *arg, struct sip_stx *stx, struct sip_msg *msg)
{
	(void)arg;
	(void)stx;
	(void)msg;
}

static void test_more_live_than_allowed_get_503_without_state(void **state)
{
	const struct sip_tu tu = { .request = take_only };
	struct sip_txn_stats stats;
	struct rig_sent *sent;
	struct rig rig;

	(void)state;
	rig_init(&rig, &tu);
	sip_txns_free(&rig.txns);
	rig.timers.max_live = 3;
	assert_int_equal(sip_txns_new(&rig.below, &rig.timers, &tu, rig.count, &rig.txns, NULL), 0);
	for (unsigned i = 0; i < 4; i++)
		feed_message(&rig, i);
	sent = rig_take(&rig);
	assert_non_null(sent);
	assert_int_equal(rig_status(sent), 503);
	assert_non_null(strstr(sent->text, "Retry-After"));
	free(sent);
	assert_null(rig.first);
	sip_txns_stats(rig.txns, &stats);
	assert_int_equal(stats.server, 3);
	assert_int_equal(stats.finished, 0);
	rig_fini(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plays),
		cmocka_unit_test(test_matching),
		cmocka_unit_test(test_many_finished_wait_for_J_and_cost_one_timer),
		cmocka_unit_test(test_more_finished_than_allowed_forgets_the_oldest),
		cmocka_unit_test(test_more_live_than_allowed_get_503_without_state),
	};

	if (sip_msg_init(NULL) < 0)
		return 1;
	log_set_levels(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

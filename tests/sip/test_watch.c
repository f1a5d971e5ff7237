/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sip/test_watch.c - a subscription of our own in its notifier's hands (RFC 6665 s4.1)
 *
 * A row is a small play. Its words, in order:
 *	=SUBSCRIBE:7200	that was sent next, with this Expires; in-dialog ones are checked to be so
 *	=200 =481	an answer to a NOTIFY was
 *	>200 >200:600	the SUBSCRIBE sent last is answered (with Expires, with Min-Expires for 423)
 *	>N:state,...	NOTIFY with this Subscription-State ("," stands for ";"), a body "b"
 *	+500		time goes by
 *	told began lost:403	the package hears this next
 *	miss		the package says of the next NOTIFY that something was missed
 *	refresh end	the watch's user wants that
 *	-		nothing else was sent, and nothing else told, until now
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/log.h"
#include "sip/sip_watch.h"
#include "tests/sip/rig.h"

struct play {
	const char *why, *script;
};

#define UP "+1 began =SUBSCRIBE:7200 >200:7200 >N:active,expires=7200 told =200 - "

static const struct play plays[] = {
	{ "it begins and is told", UP },
	{ "the NOTIFY may come before the answer",
	  "+1 began =SUBSCRIBE:7200 >N:active told =200 >200:7200 - +6600000 =SUBSCRIBE:7200" },
	{ "it is refreshed in time, in its dialog",
	  UP "+6599999 - +1 =SUBSCRIBE:7200 >200:7200 >N:active told =200 +6600000 "
	     "=SUBSCRIBE:7200" },
	{ "what was granted counts", "+1 began =SUBSCRIBE:7200 >200:600 >N:active told =200 "
				     "+299999 - +1 =SUBSCRIBE:7200" },
	{ "the notifier may shorten it", UP ">N:active,expires=100 told =200 +49999 - +1 "
					    "=SUBSCRIBE:7200" },
	{ "it is asked for longer when it must be",
	  "+1 began =SUBSCRIBE:7200 >423:9000 +1 began =SUBSCRIBE:9000" },
	{ "what was missed is asked for", UP "miss >N:active told =200 =SUBSCRIBE:7200 >200:7200 "
					     ">N:active told =200 -" },
	{ "but not without end", UP "miss >N:active told =200 =SUBSCRIBE:7200 >200:7200 miss "
				    ">N:active told =200 - +4999 - +1 =SUBSCRIBE:7200" },
	{ "its user may want all", UP "refresh =SUBSCRIBE:7200" },
	{ "or that it ends", UP "end =SUBSCRIBE:0 - >N:active - gone" },
	{ "before it has begun there is nothing to end", "+1 began =SUBSCRIBE:7200 end - gone" },
	{ "no NOTIFY, no subscription (Timer N)",
	  "+1 began =SUBSCRIBE:7200 >200:7200 +31999 - +1 - +1 began =SUBSCRIBE:7200" },
	{ "the second time it waits",
	  "+1 began =SUBSCRIBE:7200 >500 +1 began =SUBSCRIBE:7200 >500 +4999 - +1 began "
	  "=SUBSCRIBE:7200 >500 +9999 - +1 began =SUBSCRIBE:7200" },
	{ "a refusal is one", "+1 began =SUBSCRIBE:7200 >403 lost:403 -" },
	{ "deactivated: at once anew (s4.1.3)",
	  UP ">N:terminated,reason=deactivated told =200 +1 began =SUBSCRIBE:7200" },
	{ "probation: after what it says",
	  UP ">N:terminated,reason=probation,retry-after=60 told =200 +59999 - +1 began "
	     "=SUBSCRIBE:7200" },
	{ "rejected: never", UP ">N:terminated,reason=rejected told lost:0 =200 +9999999 -" },
	{ "noresource: never", UP ">N:terminated,reason=noresource told lost:0 =200 -" },
	{ "a refresh that the notifier knows nothing of",
	  UP "+6600000 =SUBSCRIBE:7200 >481 +1 began =SUBSCRIBE:7200" },
	{ "one that fails is tried again while there is time (s4.1.2.2)",
	  UP "+6600000 =SUBSCRIBE:7200 >500 +299999 - +1 =SUBSCRIBE:7200 >200:7200" },
	{ "a NOTIFY of a fork is not of this dialog", UP ">F:active =481 -" },
	{ "a NOTIFY without its state", UP ">N: =400 -" },
	{ "of another package", UP ">O:active =489 -" },
	{ "without a body there is nothing to tell", UP ">E:active =200 -" },
};

static struct {
	struct rig rig;
	struct sip_dialogs *dialogs;
	struct sip_watches *watches;
	struct sip_watch *watch;
	struct rig_sent *asked; /* SUBSCRIBE sent last */
	char told[16][16];
	unsigned n_told, n_heard, cseq;
	int missed;
	const struct play *play;
	const char *at;
} stage;

static void tell(const char *what)
{
	assert_true(stage.n_told < 16);
	snprintf(stage.told[stage.n_told++], 16, "%s", what);
}

static void began(void *user)
{
	assert_ptr_equal(user, &stage);
	tell("began");
}

static int told(void *user, struct sip_msg *notify)
{
	int missed = stage.missed;

	assert_ptr_equal(user, &stage);
	assert_true(strv_eq(notify->body, STRV("b")));
	tell("told");
	stage.missed = 0;
	return missed;
}

static void lost(void *user, unsigned status)
{
	char text[16];

	assert_ptr_equal(user, &stage);
	snprintf(text, sizeof(text), "lost:%u", status);
	tell(text);
	sip_watch_free(&stage.watch, 0);
}

static const struct sip_watch_ops ops = {
	.event = "reg", .accept = "text/x", .began = began, .told = told, .lost = lost
};

static void on_request(void *arg, struct sip_stx *stx, struct sip_msg *msg)
{
	(void)arg;
	if (stx && !sip_watches_notify(stage.watches, stx, msg)) {
		tell("not ours");
		sip_stx_drop(stx);
	}
}

static void expect_sent(const char *word)
{
	struct rig_sent *sent = rig_take(&stage.rig);
	char value[256], got[64];

	if (!sent)
		fail_msg("%s: \"%s\" was not sent at \"%s\"", stage.play->why, word, stage.at);
	if (rig_status(sent))
		snprintf(got, sizeof(got), "%u", rig_status(sent));
	else
		snprintf(got, sizeof(got), "%.*s:%s", (int)strcspn(sent->text, " "), sent->text,
			 rig_value(sent, "Expires", value, sizeof(value)));
	if (strcmp(got, word) != 0)
		fail_msg("%s: \"%s\" was sent at \"=%s\"", stage.play->why, got, stage.at);
	if (rig_status(sent)) {
		free(sent);
		return;
	}
	rig_value(sent, "To", value, sizeof(value));
	if (strstr(value, ";tag="))
		assert_int_equal(strncmp(sent->text, "SUBSCRIBE sip:n@192.0.2.9 ", 26), 0);
	else
		assert_string_equal(rig_value(sent, "Route", value, sizeof(value)),
				    "<sip:192.0.2.99;lr>");
	assert_string_equal(rig_value(sent, "Event", value, sizeof(value)), "reg");
	assert_string_equal(rig_value(sent, "X-Own", value, sizeof(value)), "1");
	free(stage.asked);
	stage.asked = sent;
}

static void answer(const char *word)
{
	unsigned status = (unsigned)atoi(word), s = 0;
	const char *colon = strchr(word, ':');
	char lines[128];

	if (colon)
		s = (unsigned)atoi(colon + 1);
	snprintf(lines, sizeof(lines), "Contact: <sip:n@192.0.2.9>\n%s: %u\n",
		 status == 423 ? "Min-Expires" : "Expires", s ? s : 7200);
	rig_value(stage.asked, "To", (char[256]){ 0 }, 256);
	assert_int_equal(rig_answer(&stage.rig, stage.asked, status,
				    strstr(stage.asked->text, ";tag=n\r") ? NULL : "n", lines),
			 0);
}

/* KIND: N, F (from another fork), O (other package), E (no body). */
static void notify(char kind, const char *state)
{
	char from[256], call_id[64], text[128], *comma;

	snprintf(text, sizeof(text), "%s", state);
	while ((comma = strchr(text, ',')))
		*comma = ';';
	rig_value(stage.asked, "From", from, sizeof(from));
	rig_value(stage.asked, "Call-ID", call_id, sizeof(call_id));
	stage.cseq++;
	assert_int_equal(
		rig_feed(&stage.rig,
			 "NOTIFY sip:x@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP n;branch=z9hG4bK%u\n"
			 "From: <sip:u@example.com>;tag=%s\nTo: %s\nCall-ID: %s\nCSeq: %u NOTIFY\n"
			 "Max-Forwards: 70\nContact: <sip:n@192.0.2.9>\nEvent: %s\n%s%s%s"
			 "Content-Type: text/x\nContent-Length: %d\n\n%s",
			 stage.cseq, kind == 'F' ? "m" : "n", from, call_id, stage.cseq,
			 kind == 'O' ? "presence" : "reg", *text ? "Subscription-State: " : "",
			 text, *text ? "\n" : "", kind != 'E', kind == 'E' ? "" : "b"),
		0);
}

static void expect_quiet(void)
{
	if (stage.rig.first)
		fail_msg("%s: sent besides, before \"%s\": %.20s", stage.play->why, stage.at,
			 stage.rig.first->text);
	if (stage.n_heard != stage.n_told && strcmp(stage.told[stage.n_heard], "not ours") != 0)
		fail_msg("%s: told besides, before \"%s\": %s", stage.play->why, stage.at,
			 stage.told[stage.n_heard]);
}

static void act(const char *word)
{
	if (word[0] == '=')
		expect_sent(word + 1);
	else if (word[0] == '>' && word[1] >= '1' && word[1] <= '9')
		answer(word + 1);
	else if (word[0] == '>')
		notify(word[1], word + 3);
	else if (word[0] == '+')
		rig_advance(&stage.rig, (uint64_t)atoll(word + 1));
	else if (strcmp(word, "-") == 0)
		expect_quiet();
	else if (strcmp(word, "miss") == 0)
		stage.missed = 1;
	else if (strcmp(word, "refresh") == 0)
		sip_watch_refresh(stage.watch);
	else if (strcmp(word, "end") == 0)
		sip_watch_free(&stage.watch, 1);
	else if (strcmp(word, "gone") == 0)
		assert_int_equal(sip_watches_count(stage.watches), 0);
	else if (stage.n_heard == stage.n_told || strcmp(stage.told[stage.n_heard++], word) != 0)
		fail_msg("%s: told \"%s\" at \"%s\"", stage.play->why,
			 stage.n_heard > stage.n_told ? "nothing" : stage.told[stage.n_heard - 1],
			 stage.at);
}

static void run_play(const struct play *play)
{
	const struct sip_tu tu = { .request = on_request };
	const struct strv lines[] = { STRV("X-Own: 1") };
	const struct sip_watch_new draft = { .uri = STRV("sip:u@example.com"),
					     .hop = STRV("sip:192.0.2.99;lr"),
					     .from = STRV("sip:as@example.com"),
					     .here = STRV("192.0.2.1:5060"),
					     .lines = lines,
					     .n_lines = 1,
					     .expires_s = 7200,
					     .ops = &ops,
					     .user = &stage };
	char word[64];
	int n;

	memset(&stage, 0, sizeof(stage));
	rig_init(&stage.rig, &tu);
	assert_int_equal(sip_dialogs_new(stage.rig.txns, &stage.dialogs, NULL), 0);
	assert_int_equal(sip_watches_new(stage.dialogs, 1, &stage.watches, NULL), 0);
	stage.play = play;
	stage.watch = sip_watch_new(stage.watches, &draft);
	assert_non_null(stage.watch);
	assert_null(sip_watch_new(stage.watches, &draft)); /* more than may be */
	for (stage.at = play->script; sscanf(stage.at, " %63s%n", word, &n) == 1; stage.at += n)
		act(word);
	free(stage.asked);
	sip_watches_free(&stage.watches);
	sip_dialogs_free(&stage.dialogs);
	rig_fini(&stage.rig);
}

static void test_plays(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(plays) / sizeof(plays[0]); i++)
		run_play(&plays[i]);
}

/* A package whose SUBSCRIBE says what it is about. */
static void test_a_body_goes_along(void **state)
{
	static const struct play quiet = { .why = "a body" };
	const struct sip_tu tu = { .request = on_request };
	const struct sip_watch_new draft = { .uri = STRV("sip:u@example.com"),
					     .hop = STRV("sip:192.0.2.99;lr"),
					     .from = STRV("sip:as@example.com"),
					     .here = STRV("192.0.2.1:5060"),
					     .content_type = STRV("text/x-list"),
					     .body = STRV("one, two"),
					     .expires_s = 7200,
					     .ops = &ops,
					     .user = &stage };
	struct rig_sent *sent;
	char value[64];

	(void)state;
	memset(&stage, 0, sizeof(stage));
	stage.play = &quiet;
	rig_init(&stage.rig, &tu);
	assert_int_equal(sip_dialogs_new(stage.rig.txns, &stage.dialogs, NULL), 0);
	assert_int_equal(sip_watches_new(stage.dialogs, 1, &stage.watches, NULL), 0);
	stage.watch = sip_watch_new(stage.watches, &draft);
	assert_non_null(stage.watch);
	rig_advance(&stage.rig, 10);
	sent = rig_take(&stage.rig);
	assert_non_null(sent);
	assert_string_equal(rig_value(sent, "Content-Type", value, sizeof(value)), "text/x-list");
	assert_string_equal(strstr(sent->text, "\r\n\r\n") + 4, "one, two");
	free(sent);
	sip_watches_free(&stage.watches);
	sip_dialogs_free(&stage.dialogs);
	rig_fini(&stage.rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_plays),
					    cmocka_unit_test(test_a_body_goes_along) };

	if (sip_msg_init(NULL) < 0)
		return 1;
	log_set_levels(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

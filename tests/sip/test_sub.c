/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sip/test_sub.c - subscriptions from SUBSCRIBE to the last NOTIFY (RFC 6665)
 */
#include "sip/sip_sub.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/log.h"
#include "tests/sip/rig.h"

static struct {
	struct rig rig;
	struct sip_dialogs *dialogs;
	struct sip_subs *subs;
	struct sip_sub *sub; /* begun last */
	unsigned began, ended;
	unsigned allow, refreshed, told, more;
	int has_own;
	enum sip_sub_right right;
	char state[64];
	char kept[4096];
	size_t n_kept;
	int is_kept;
	struct strv watcher;
	unsigned cseq;
} stage;

/* ---- a package ---- */

static unsigned pkg_allow(void *arg, struct sip_sub *sub, struct sip_msg *request)
{
	(void)arg;
	(void)request;
	assert_true(strv_eq(sip_sub_resource(sub), STRV("sip:bob@example.com")));
	return stage.allow;
}

static int pkg_state(void *arg, struct sip_sub *sub, struct arena *arena,
		     struct sip_event_body *body_out)
{
	(void)arg;
	if (!stage.state[0])
		return -1;
	body_out->type = strv_of(sip_sub_type(sub));
	body_out->body =
		strv_of(arena_printf(arena, "%s v%u", stage.state, (unsigned)sip_sub_version(sub)));
	return 0;
}

static void pkg_began(void *arg, struct sip_sub *sub)
{
	(void)arg;
	stage.sub = sub;
	stage.began++;
}

static int pkg_neutral(void *arg, struct sip_sub *sub, struct arena *arena,
		       struct sip_event_body *body_out)
{
	(void)arg;
	(void)arena;
	body_out->type = strv_of(sip_sub_type(sub));
	body_out->body = STRV("nothing");
	return 0;
}

static char own[] = "what the package keeps";

static unsigned pkg_refreshed(void *arg, struct sip_sub *sub, struct sip_msg *request)
{
	(void)arg;
	(void)sub;
	(void)request;
	stage.refreshed++;
	return stage.allow;
}

static int pkg_told(void *arg, struct sip_sub *sub)
{
	(void)arg;
	stage.told++;
	if (stage.has_own)
		sip_sub_keep(sub);
	return stage.more && stage.more-- > 0;
}

static struct strv pkg_keep(void *arg, struct sip_sub *sub, struct arena *arena)
{
	(void)arg;
	(void)sub;
	(void)arena;
	return stage.has_own ? STRV(own) : STRV("");
}

static int pkg_restored(void *arg, struct sip_sub *sub, struct strv kept)
{
	(void)arg;
	assert_true(sip_sub_expires_s(sub) > 0);
	return strv_eq(kept, stage.has_own ? STRV(own) : STRV("")) ? 0 : -1;
}

static void pkg_ended(void *arg, struct sip_sub *sub)
{
	(void)arg;
	if (stage.sub == sub)
		stage.sub = NULL;
	stage.ended++;
}

static const char *const types[] = { "text/x-one", "application/x-two", NULL };
static struct sip_event_ops pkg = {
	.name = "test",
	.types = types,
	.default_s = 600,
	.min_s = 60,
	.max_s = 3600,
	.throttle_ms = 5000,
	.asks = "text/x-list",
	.neutral = pkg_neutral,
	.refreshed = pkg_refreshed,
	.told = pkg_told,
	.keep = pkg_keep,
	.restored = pkg_restored,
	.allow = pkg_allow,
	.state = pkg_state,
	.began = pkg_began,
	.ended = pkg_ended,
};
static const struct sip_event events[] = { { &pkg, NULL } };

/* ---- the stage ---- */

static void on_request(void *arg, struct sip_stx *stx, struct sip_msg *msg)
{
	(void)arg;
	assert_non_null(stx);
	assert_int_equal(msg->method, SIP_SUBSCRIBE);
	sip_subs_subscribe_as(stage.subs, stx, STRV("sip:bob@example.com"), stage.watcher,
			      stage.right);
}

static void keep_put(void *arg, struct strv tag, struct strv value)
{
	(void)arg;
	assert_true(tag.n > 0);
	assert_true(value.n < sizeof(stage.kept));
	memcpy(stage.kept, value.p, value.n);
	stage.n_kept = value.n;
	stage.is_kept = 1;
}

static void keep_del(void *arg, struct strv tag)
{
	(void)arg;
	(void)tag;
	stage.is_kept = 0;
}

static void open_subs(void)
{
	struct sip_subs_options options;

	sip_subs_options_init(&options);
	options.events = events;
	options.n_events = 1;
	options.max_subs = 3;
	options.store_put = keep_put;
	options.store_del = keep_del;
	assert_int_equal(sip_dialogs_new(stage.rig.txns, &stage.dialogs, NULL), 0);
	assert_int_equal(sip_subs_new(&options, stage.dialogs, &stage.subs, NULL), 0);
}

static void close_subs(void)
{
	sip_subs_free(&stage.subs);
	sip_dialogs_free(&stage.dialogs);
}

static void begin(void)
{
	const struct sip_tu tu = { .request = on_request };

	memset(&stage, 0, sizeof(stage));
	stage.allow = 200;
	stage.right = SIP_SUB_ALLOWED;
	stage.watcher = STRV("sip:alice@example.com");
	snprintf(stage.state, sizeof(stage.state), "whole");
	rig_init(&stage.rig, &tu);
	open_subs();
}

static void finish(void)
{
	close_subs();
	assert_int_equal(stage.began, stage.ended);
	rig_fini(&stage.rig);
}

/* LINES each ended by LF; TAG NULL: outside of a dialog. */
static void subscribe(const char *tag, const char *lines)
{
	stage.cseq++;
	assert_int_equal(
		rig_feed(&stage.rig,
			 "SUBSCRIBE sip:bob@example.com SIP/2.0\n"
			 "Via: SIP/2.0/UDP 192.0.2.99:5060;branch=z9hG4bKs%u\n"
			 "From: \"A\" <sip:alice@example.com>;tag=af\n"
			 "To: <sip:bob@example.com>%s%s\nCall-ID: sub1\nCSeq: %u SUBSCRIBE\n"
			 "Max-Forwards: 70\n%sContent-Length: 0\n\n",
			 stage.cseq, tag ? ";tag=" : "", tag ? tag : "", stage.cseq, lines),
		0);
}

static const char contact[] = "Contact: <sip:alice@192.0.2.99:5062>\n";

/* What was sent next is a response of STATUS; its NAME header field into OUT. */
static const char *expect_status(unsigned status, const char *name, char *out, size_t max)
{
	struct rig_sent *sent = rig_take(&stage.rig);

	assert_non_null(sent);
	if (rig_status(sent) != status)
		fail_msg("%s", sent->text);
	if (name)
		rig_value(sent, name, out, max);
	free(sent);
	return out;
}

/* What was sent next is a NOTIFY with that Subscription-State and body. */
static struct rig_sent *expect_notify(const char *state, const char *body)
{
	struct rig_sent *sent = rig_take(&stage.rig);
	char value[256];

	assert_non_null(sent);
	assert_int_equal(strncmp(sent->text, "NOTIFY sip:alice@192.0.2.99:5062 ", 33), 0);
	assert_string_equal(rig_value(sent, "Subscription-State", value, sizeof(value)), state);
	assert_string_equal(strstr(sent->text, "\r\n\r\n") + 4, body);
	assert_int_equal(sip_addr_port(&sent->dest.addr), 5062);
	return sent;
}

static void answer(struct rig_sent *sent, unsigned status, const char *lines)
{
	assert_int_equal(rig_answer(&stage.rig, sent, status, NULL, lines), 0);
	free(sent);
}

static void to_tag(const char *to, char tag[64])
{
	const char *at = strstr(to, ";tag=");

	assert_non_null(at);
	snprintf(tag, 64, "%s", at + 5);
}

/* Subscribe and answer the first NOTIFY. */
static void begin_active(char tag[64])
{
	char to[128], lines[256];

	snprintf(lines, sizeof(lines), "Event: test;id=x7\n%s", contact);
	subscribe(NULL, lines);
	expect_status(200, "To", to, sizeof(to));
	to_tag(to, tag);
	answer(expect_notify("active;expires=600", "whole v0"), 200, "");
}

/* ---- tests ---- */

static void test_a_whole_life(void **state)
{
	char tag[64], value[256];
	struct rig_sent *sent;

	(void)state;
	begin();
	subscribe(NULL, "Event: test;id=x7\nExpires: 120\nContact: "
			"<sip:alice@192.0.2.99:5062>\nRecord-Route: <sip:192.0.2.50;lr>\n");
	sent = rig_take(&stage.rig);
	assert_int_equal(rig_status(sent), 200);
	assert_string_equal(rig_value(sent, "Expires", value, sizeof(value)), "120");
	assert_string_equal(rig_value(sent, "Record-Route", value, sizeof(value)),
			    "<sip:192.0.2.50;lr>");
	to_tag(rig_value(sent, "To", value, sizeof(value)), tag);
	assert_int_equal(sip_tag_worker(strv_of(tag)), 3);
	rig_value(sent, "Contact", value, sizeof(value));
	assert_non_null(strstr(value, tag));
	assert_non_null(strstr(value, "@192.0.2.1:5060>"));
	free(sent);
	sent = rig_take(&stage.rig);
	assert_string_equal(rig_value(sent, "Event", value, sizeof(value)), "test;id=x7");
	assert_string_equal(rig_value(sent, "Route", value, sizeof(value)), "<sip:192.0.2.50;lr>");
	assert_string_equal(rig_value(sent, "Content-Type", value, sizeof(value)), "text/x-one");
	assert_string_equal(rig_value(sent, "To", value, sizeof(value)),
			    "\"A\" <sip:alice@example.com>;tag=af");
	rig_value(sent, "From", value, sizeof(value));
	assert_non_null(strstr(value, tag));
	answer(sent, 200, "");
	assert_true(stage.is_kept);
	rig_advance(&stage.rig, 119999);
	assert_null(stage.rig.first);
	rig_advance(&stage.rig, 1);
	sent = rig_take(&stage.rig);
	assert_string_equal(rig_value(sent, "Subscription-State", value, sizeof(value)),
			    "terminated;reason=timeout");
	assert_false(stage.is_kept);
	assert_int_equal(stage.ended, 0);
	answer(sent, 200, "");
	assert_int_equal(stage.ended, 1);
	assert_int_equal(sip_subs_count(stage.subs), 0);
	rig_advance(&stage.rig, 64000);
	assert_true(rig_is_empty(&stage.rig));
	finish();
}

struct refusal {
	const char *why, *tag, *lines;
	unsigned status;
	const char *name, *value;
};

static const struct refusal refusals[] = {
	{ "no Event", NULL, "Contact: <sip:a@192.0.2.99>\n", 489, "Allow-Events", "test" },
	{ "a package we do not have", NULL, "Event: best\nContact: <sip:a@192.0.2.99>\n", 489,
	  "Allow-Events", "test" },
	{ "too brief", NULL, "Event: test\nExpires: 59\nContact: <sip:a@192.0.2.99>\n", 423,
	  "Min-Expires", "60" },
	{ "Expires is no number", NULL, "Event: test\nExpires: x\nContact: <sip:a@192.0.2.99>\n",
	  400, NULL, NULL },
	{ "bodies we cannot make", NULL,
	  "Event: test\nAccept: text/html, image/png\nContact: <sip:a@192.0.2.99>\n", 406, NULL,
	  NULL },
	{ "no Contact", NULL, "Event: test\n", 400, NULL, NULL },
	{ "an extension we do not know", NULL,
	  "Event: test\nRequire: frob\nContact: <sip:a@192.0.2.99>\n", 420, "Unsupported", "frob" },
	{ "no such dialog", "w03nothere", "Event: test\nContact: <sip:a@192.0.2.99>\n", 481, NULL,
	  NULL },
};

static void test_refusals(void **state)
{
	char value[128];

	(void)state;
	begin();
	for (unsigned i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		const struct refusal *row = &refusals[i];

		subscribe(row->tag, row->lines);
		expect_status(row->status, row->name, value, sizeof(value));
		if (row->name && strcmp(value, row->value) != 0)
			fail_msg("%s: %s: %s", row->why, row->name, value);
		assert_null(stage.rig.first);
	}
	stage.allow = 403;
	subscribe(NULL, "Event: test\nContact: <sip:a@192.0.2.99>\n");
	expect_status(403, NULL, NULL, 0);
	assert_int_equal(sip_subs_count(stage.subs), 0);
	finish();
}

static void test_changes_are_told_not_too_fast_and_one_at_a_time(void **state)
{
	struct rig_sent *sent;
	char tag[64];

	(void)state;
	begin();
	begin_active(tag);
	sip_subs_changed(stage.subs, "test", STRV("sip:carol@example.com"));
	sip_subs_changed(stage.subs, "best", STRV("sip:bob@example.com"));
	rig_advance(&stage.rig, 6000);
	assert_null(stage.rig.first);
	sip_subs_changed(stage.subs, "test", STRV("sip:bob@example.com"));
	sent = expect_notify("active;expires=594", "whole v1");
	/* While it is under way nothing else is sent; then only the last state. */
	sip_subs_changed(stage.subs, "test", STRV("sip:bob@example.com"));
	snprintf(stage.state, sizeof(stage.state), "newer");
	sip_subs_changed(stage.subs, "test", STRV("sip:bob@example.com"));
	assert_null(stage.rig.first);
	answer(sent, 200, "");
	assert_null(stage.rig.first);
	rig_advance(&stage.rig, 4999);
	assert_null(stage.rig.first);
	rig_advance(&stage.rig, 1);
	answer(expect_notify("active;expires=589", "newer v2"), 200, "");
	rig_advance(&stage.rig, 10000);
	assert_null(stage.rig.first);
	/* The state cannot be told: nothing is. */
	stage.state[0] = '\0';
	sip_subs_changed(stage.subs, "test", STRV("sip:bob@example.com"));
	assert_null(stage.rig.first);
	finish();
}

static void test_refresh_and_unsubscribe(void **state)
{
	char tag[64], value[128];

	(void)state;
	begin();
	begin_active(tag);
	/* Again within the throttle: told at once all the same. */
	subscribe(tag, "Event: test;id=x7\nExpires: 99999\nContact: <sip:alice@192.0.2.99:5062>\n");
	expect_status(200, "Expires", value, sizeof(value));
	assert_string_equal(value, "3600");
	answer(expect_notify("active;expires=3600", "whole v1"), 200, "");
	/* Another id, another watcher, an old number. */
	subscribe(tag, "Event: test;id=x8\n");
	expect_status(481, NULL, NULL, 0);
	stage.watcher = STRV("sip:mallory@example.com");
	subscribe(tag, "Event: test;id=x7\n");
	expect_status(403, NULL, NULL, 0);
	stage.watcher = STRV("sip:alice@example.com");
	subscribe(tag, "Event: test;id=x7\nExpires: 5\n");
	expect_status(423, NULL, NULL, 0);
	subscribe(tag, "Event: test;id=x7\nExpires: 0\n");
	expect_status(200, "Expires", value, sizeof(value));
	assert_string_equal(value, "0");
	assert_false(stage.is_kept);
	answer(expect_notify("terminated;reason=timeout", "whole v2"), 200, "");
	assert_int_equal(sip_subs_count(stage.subs), 0);
	subscribe(tag, "Event: test;id=x7\n");
	expect_status(481, NULL, NULL, 0);
	finish();
}

static void test_a_fetch_is_one_notify(void **state)
{
	struct rig_sent *sent;

	(void)state;
	begin();
	subscribe(NULL, "Event: test\nExpires: 0\nAccept: application/*\nContact: "
			"<sip:alice@192.0.2.99:5062>\n");
	expect_status(200, NULL, NULL, 0);
	sent = expect_notify("terminated;reason=timeout", "whole v0");
	assert_non_null(strstr(sent->text, "Content-Type: application/x-two\r\n"));
	answer(sent, 200, "");
	assert_int_equal(sip_subs_count(stage.subs), 0);
	assert_false(stage.is_kept);
	finish();
}

static void test_a_fetch_waits_for_what_comes_later(void **state)
{
	static const char lines[] =
		"Event: test\nExpires: 0\nContact: <sip:alice@192.0.2.99:5062>\n";

	(void)state;
	begin();
	pkg.comes_later = 1;
	stage.state[0] = '\0';
	subscribe(NULL, lines);
	expect_status(200, NULL, NULL, 0);
	assert_null(stage.rig.first);
	sip_sub_changed(stage.sub); /* not yet */
	assert_null(stage.rig.first);
	snprintf(stage.state, sizeof(stage.state), "found");
	sip_sub_changed(stage.sub);
	answer(expect_notify("terminated;reason=timeout", "found v0"), 200, "");
	assert_int_equal(sip_subs_count(stage.subs), 0);
	/* It never comes. */
	stage.state[0] = '\0';
	subscribe(NULL, lines);
	expect_status(200, NULL, NULL, 0);
	rig_advance(&stage.rig, 4999);
	assert_null(stage.rig.first);
	rig_advance(&stage.rig, 1);
	answer(expect_notify("terminated;reason=timeout", ""), 200, "");
	assert_int_equal(sip_subs_count(stage.subs), 0);
	pkg.comes_later = 0;
	finish();
}

/* A package with lists of its own: what it hears, and what it is asked to keep. */
static void test_a_package_keeps_something_of_each(void **state)
{
	struct rig_sent *sent;
	char tag[64];

	(void)state;
	begin();
	stage.has_own = 1;
	stage.more = 1;
	begin_active(tag);
	assert_int_equal(stage.told, 1);
	/* There was more: at once, whatever the throttle. */
	answer(expect_notify("active;expires=600", "whole v1"), 200, "");
	assert_int_equal(stage.told, 2);
	/* A first state that could not be told is told when it can, at once too. */
	stage.state[0] = '\0';
	subscribe(tag, "Event: test;id=x7\nContact: <sip:alice@192.0.2.99:5062>\n");
	expect_status(200, NULL, NULL, 0);
	assert_int_equal(stage.refreshed, 1);
	assert_null(stage.rig.first);
	snprintf(stage.state, sizeof(stage.state), "later");
	sip_sub_changed(stage.sub);
	answer(expect_notify("active;expires=600", "later v2"), 200, "");
	stage.allow = 403;
	subscribe(tag, "Event: test;id=x7\nContact: <sip:alice@192.0.2.99:5062>\n");
	expect_status(403, NULL, NULL, 0);
	assert_null(stage.rig.first);
	close_subs();
	open_subs();
	stage.ended = 0;
	stage.began = 0;
	assert_int_equal(sip_subs_restore(stage.subs, strv_mem(stage.kept, stage.n_kept)), 0);
	assert_int_equal(stage.began, 1);
	rig_advance(&stage.rig, 5001);
	sent = rig_take(&stage.rig);
	assert_non_null(sent);
	/* One refused NOTIFY is no NOTIFY told. */
	stage.told = 0;
	answer(sent, 500, "Retry-After: 1\n");
	assert_int_equal(stage.told, 0);
	close_subs();
	open_subs();
	stage.has_own = 0;
	assert_int_equal(sip_subs_restore(stage.subs, strv_mem(stage.kept, stage.n_kept)), -1);
	stage.began = stage.ended = 0;
	finish();
}

/* Rights of watchers: how a subscription begins with each, and what a change of it does. */
static const struct right_row {
	const char *why;
	enum sip_sub_right first, then;
	unsigned status;
	const char *state, *body;	    /* of the first NOTIFY */
	const char *state_then, *body_then; /* NULL: nothing is told */
} right_rows[] = {
	{ "refused", SIP_SUB_REFUSED, SIP_SUB_REFUSED, 403, NULL, NULL, NULL, NULL },
	{ "cannot be told", SIP_SUB_UNKNOWN, SIP_SUB_UNKNOWN, 503, NULL, NULL, NULL, NULL },
	{ "allowed, and still", SIP_SUB_ALLOWED, SIP_SUB_ALLOWED, 200, "active;expires=600",
	  "whole v0", NULL, NULL },
	{ "allowed, then it cannot be told", SIP_SUB_ALLOWED, SIP_SUB_UNKNOWN, 200,
	  "active;expires=600", "whole v0", NULL, NULL },
	{ "allowed, then refused: without another word", SIP_SUB_ALLOWED, SIP_SUB_REFUSED, 200,
	  "active;expires=600", "whole v0", "terminated;reason=rejected", "" },
	{ "allowed, then to be decided", SIP_SUB_ALLOWED, SIP_SUB_PENDING, 200,
	  "active;expires=600", "whole v0", "terminated;reason=deactivated", "" },
	{ "allowed, then blocked politely", SIP_SUB_ALLOWED, SIP_SUB_POLITE, 200,
	  "active;expires=600", "whole v0", "active;expires=600", "nothing" },
	{ "blocked politely, then allowed", SIP_SUB_POLITE, SIP_SUB_ALLOWED, 200,
	  "active;expires=600", "nothing", "active;expires=600", "whole v1" },
	{ "blocked politely, then openly", SIP_SUB_POLITE, SIP_SUB_REFUSED, 200,
	  "active;expires=600", "nothing", "terminated;reason=rejected", "" },
	{ "pending, then allowed", SIP_SUB_PENDING, SIP_SUB_ALLOWED, 200, "pending;expires=600", "",
	  "active;expires=600", "whole v1" },
	{ "pending, then politely", SIP_SUB_PENDING, SIP_SUB_POLITE, 200, "pending;expires=600", "",
	  "active;expires=600", "nothing" },
	{ "pending, then refused", SIP_SUB_PENDING, SIP_SUB_REFUSED, 200, "pending;expires=600", "",
	  "terminated;reason=rejected", "" },
};

static enum sip_sub_right right_now;

static void find_right(void *arg, struct strv event, struct strv resource, struct strv watcher,
		       sip_sub_right_fn *done, void *context)
{
	(void)arg;
	assert_true(strv_eq(event, STRV("test")));
	assert_true(strv_eq(resource, STRV("sip:bob@example.com")));
	assert_true(strv_eq(watcher, STRV("sip:alice@example.com")));
	done(context, right_now);
}

static void test_rights_and_their_changes(void **state)
{
	const struct sip_sub_rights rights = { find_right, NULL };

	(void)state;
	for (unsigned i = 0; i < sizeof(right_rows) / sizeof(right_rows[0]); i++) {
		const struct right_row *row = &right_rows[i];

		begin();
		print_message("%s\n", row->why);
		stage.right = row->first;
		subscribe(NULL, "Event: test\nContact: <sip:alice@192.0.2.99:5062>\n");
		expect_status(row->status, NULL, NULL, 0);
		if (row->state)
			answer(expect_notify(row->state, row->body), 200, "");
		/* What they do not hear, they are not told at other times either. */
		if (row->first == SIP_SUB_POLITE || row->first == SIP_SUB_PENDING)
			sip_subs_changed(stage.subs, "test", STRV("sip:bob@example.com"));
		assert_null(stage.rig.first);
		right_now = row->then;
		sip_subs_reconsider(stage.subs, "test",
				    i % 2 ? STRV("sip:bob@example.com") : strv_mem(NULL, 0),
				    &rights);
		if (row->state_then)
			answer(expect_notify(row->state_then, row->body_then), 200, "");
		assert_null(stage.rig.first);
		finish();
	}
}

static void test_a_polite_block_survives_a_restart(void **state)
{
	struct rig_sent *sent;

	(void)state;
	begin();
	stage.right = SIP_SUB_POLITE;
	subscribe(NULL, "Event: test\nContact: <sip:alice@192.0.2.99:5062>\n");
	expect_status(200, NULL, NULL, 0);
	answer(expect_notify("active;expires=600", "nothing"), 200, "");
	close_subs();
	open_subs();
	assert_int_equal(sip_subs_restore(stage.subs, strv_mem(stage.kept, stage.n_kept)), 0);
	rig_advance(&stage.rig, 6000);
	sent = rig_take(&stage.rig);
	assert_non_null(sent);
	assert_string_equal(strstr(sent->text, "\r\n\r\n") + 4, "nothing");
	answer(sent, 200, "");
	finish();
}

static void test_pending_until_decided(void **state)
{
	(void)state;
	begin();
	stage.allow = 202;
	subscribe(NULL, "Event: test\nContact: <sip:alice@192.0.2.99:5062>\n");
	expect_status(200, NULL, NULL, 0);
	answer(expect_notify("pending;expires=600", ""), 200, "");
	sip_subs_changed(stage.subs, "test", STRV("sip:bob@example.com"));
	rig_advance(&stage.rig, 10000);
	assert_null(stage.rig.first);
	sip_sub_decide(stage.sub, 1);
	answer(expect_notify("active;expires=590", "whole v1"), 200, "");
	sip_sub_decide(stage.sub, 0);
	answer(expect_notify("terminated;reason=rejected", "whole v2"), 200, "");
	assert_int_equal(sip_subs_count(stage.subs), 0);
	finish();
}

struct failure {
	const char *why;
	unsigned status;
	const char *lines;
	unsigned retry_ms; /* 0: it ends */
};

static const struct failure failures[] = {
	{ "the watcher has forgotten it", 481, "", 0 },
	{ "the watcher is gone", 404, "", 0 },
	{ "nobody answers", 0, "", 0 },
	{ "a challenge is not answered with anything", 401,
	  "WWW-Authenticate: Digest realm=\"x\", nonce=\"y\"\n", 0 },
	{ "later", 503, "Retry-After: 30\n", 30000 },
	{ "later, but not in a year", 500, "Retry-After: 31536000\n", 300000 },
};

static void test_notify_fails(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		const struct failure *row = &failures[i];
		char tag[64];

		begin();
		begin_active(tag);
		rig_advance(&stage.rig, 6000);
		sip_subs_changed(stage.subs, "test", STRV("sip:bob@example.com"));
		if (row->status) {
			answer(expect_notify("active;expires=594", "whole v1"), row->status,
			       row->lines);
		} else {
			rig_advance(&stage.rig, 32000);
			rig_flush(&stage.rig);
		}
		if ((sip_subs_count(stage.subs) == 0) != !row->retry_ms)
			fail_msg("%s", row->why);
		assert_true(stage.is_kept == (row->retry_ms != 0));
		assert_null(stage.rig.first);
		if (row->retry_ms) {
			rig_advance(&stage.rig, row->retry_ms - 1);
			assert_null(stage.rig.first);
			rig_advance(&stage.rig, 1);
			free(rig_take(&stage.rig));
			assert_int_equal(sip_sub_version(stage.sub), 3);
		}
		finish();
	}
}

static void test_it_goes_on_after_a_restart(void **state)
{
	char tag[64], kept[4096];
	struct rig_sent *sent;
	char cseq[64];
	size_t n;

	(void)state;
	begin();
	begin_active(tag);
	n = stage.n_kept;
	memcpy(kept, stage.kept, n);
	close_subs();
	assert_int_equal(stage.ended, 1);
	rig_advance(&stage.rig, 100000);
	rig_flush(&stage.rig);
	open_subs();
	assert_int_equal(sip_subs_restore(stage.subs, strv_mem(kept, n)), 0);
	assert_int_equal(sip_subs_count(stage.subs), 1);
	rig_advance(&stage.rig, 5001);
	sent = rig_take(&stage.rig);
	assert_non_null(sent);
	assert_true(strtoul(rig_value(sent, "CSeq", cseq, sizeof(cseq)), NULL, 10) > 36000);
	assert_true(sip_sub_version(stage.sub) > 36000);
	answer(sent, 200, "");
	rig_flush(&stage.rig); /* it may have been sent more than once */
	subscribe(tag, "Event: test;id=x7\n");
	expect_status(200, NULL, NULL, 0);
	rig_flush(&stage.rig);
	/* What has ended meanwhile, and what is not whole, is not taken. */
	for (size_t cut = 0; cut < n; cut++)
		assert_int_equal(sip_subs_restore(stage.subs, strv_mem(kept, cut)), -1);
	rig_advance(&stage.rig, 600000);
	assert_int_equal(sip_subs_restore(stage.subs, strv_mem(kept, n)), -1);
	finish();
}

static void test_more_than_allowed(void **state)
{
	(void)state;
	begin();
	for (unsigned i = 0; i < 4; i++) {
		subscribe(NULL, "Event: test\nContact: <sip:alice@192.0.2.99:5062>\n");
		expect_status(i < 3 ? 200 : 503, NULL, NULL, 0);
		rig_flush(&stage.rig);
	}
	sip_subs_gone(stage.subs, "test", STRV("sip:bob@example.com"));
	finish();
}

/* ---- any order ---- */

static uint64_t rnd_state;

static uint64_t rnd(void)
{
	uint64_t z = (rnd_state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static void test_any_order(void **state)
{
	static const unsigned statuses[] = { 200, 200, 200, 200, 481, 503, 100, 302 };
	static const char *const expires[] = { "", "Expires: 0\n", "Expires: 60\n",
					       "Expires: 1\n" };
	const char *steps_env = getenv("SIP_SOAK_STEPS");
	unsigned long steps = steps_env ? strtoul(steps_env, NULL, 10) : 10000;
	char tags[8][64] = { { 0 } }, lines[256], to[256];
	struct rig_sent *sent, *open[8] = { NULL };

	(void)state;
	begin();
	rnd_state = 5;
	for (unsigned long i = 0; i < steps; i++) {
		unsigned at = (unsigned)(rnd() % 8);

		switch (rnd() % 6) {
		case 0:
		case 1:
			stage.allow = rnd() % 4 ? 200 : 202;
			snprintf(lines, sizeof(lines), "Event: test\n%s%s", expires[rnd() % 4],
				 contact);
			subscribe(rnd() % 2 && tags[at][0] ? tags[at] : NULL, lines);
			break;
		case 2:
			sip_subs_changed(stage.subs, "test", STRV("sip:bob@example.com"));
			break;
		case 3:
			if (open[at])
				answer(open[at], statuses[rnd() % 8],
				       rnd() % 2 ? "Retry-After: 9\n" : "");
			open[at] = NULL;
			break;
		case 4:
			if (stage.sub && rnd() % 3 == 0)
				sip_sub_decide(stage.sub, rnd() % 2);
			else if (rnd() % 50 == 0)
				sip_subs_gone(stage.subs, "test", STRV("sip:bob@example.com"));
			break;
		default:
			rig_advance(&stage.rig, rnd() % 30000);
			break;
		}
		while ((sent = rig_take(&stage.rig))) {
			if (rig_status(sent) == 200)
				to_tag(rig_value(sent, "To", to, sizeof(to)), tags[rnd() % 8]);
			if (rig_status(sent)) {
				free(sent);
				continue;
			}
			at = (unsigned)(rnd() % 8);
			free(open[at]);
			open[at] = sent;
		}
	}
	rig_advance(&stage.rig, 3600000 + 64000);
	rig_flush(&stage.rig);
	rig_advance(&stage.rig, 64000);
	assert_int_equal(sip_subs_count(stage.subs), 0);
	assert_true(rig_is_empty(&stage.rig));
	for (unsigned i = 0; i < 8; i++)
		free(open[i]);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_whole_life),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_changes_are_told_not_too_fast_and_one_at_a_time),
		cmocka_unit_test(test_refresh_and_unsubscribe),
		cmocka_unit_test(test_a_fetch_is_one_notify),
		cmocka_unit_test(test_a_fetch_waits_for_what_comes_later),
		cmocka_unit_test(test_a_package_keeps_something_of_each),
		cmocka_unit_test(test_rights_and_their_changes),
		cmocka_unit_test(test_a_polite_block_survives_a_restart),
		cmocka_unit_test(test_pending_until_decided),
		cmocka_unit_test(test_notify_fails),
		cmocka_unit_test(test_it_goes_on_after_a_restart),
		cmocka_unit_test(test_more_than_allowed),
		cmocka_unit_test(test_any_order),
	};

	if (sip_msg_init(NULL) < 0)
		return 1;
	log_set_levels(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

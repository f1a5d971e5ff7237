/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/cpm/test_pf_decide.c - rules and facts to what is done with a message; devices and their
 * answers
 */
#include "cpm/participating/pf_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/policy/pol_check.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define RULE(id, conditions, actions)                                                            \
	"<cp:rule id='" id "'><cp:conditions>" conditions "</cp:conditions><cp:actions>" actions \
	"</cp:actions></cp:rule>"
#define OP(id, layer, conditions, actions) \
	RULE(id, conditions, "<op:layer>" layer "</op:layer>" actions)
#define ONE(who)       "<cp:identity><cp:one id='" who "'/></cp:identity>"
#define ANONYMOUS      "<ocp:anonymous-request/>"
#define LIST(name)     "<ocp:external-list><ocp:entry anc='list:" name "'/></ocp:external-list>"
#define DELIVER(value) "<up:deliver>" value "</up:deliver>"
#define REJECT	       "<oxe:allow-reject-invite>true</oxe:allow-reject-invite>"
#define BO	       "sip:bo@x.example"

static struct strv domain_name[] = { { "x.example", 9 } };
static const struct auth_domains domains = { domain_name, 1 };

/* ---- the recipient's side ---- */

static const struct row {
	const char *why, *policy, *access, *prefs;
	int anonymous;
	unsigned n_devices;
	int has_storage;
	int64_t expires_s;
	unsigned status;
	int is_silent, may_store;
} rows[] = {
	{ "nobody says anything", NULL, NULL, NULL, 0, 1, 1, -1, 0, 0, 1 },
	{ "nothing can be stored", NULL, NULL, NULL, 0, 1, 0, -1, 0, 0, 0 },
	{ "it is not to be stored", NULL, NULL, NULL, 0, 1, 1, 0, 0, 0, 0 },
	{ "the user does not want it kept", NULL, NULL, "<delivery deferred='off'/>", 0, 1, 1, -1,
	  0, 0, 0 },
	{ "kept until a device asks", NULL, NULL, "<delivery deferred='hold'/>", 0, 1, 1, -1, 0, 0,
	  1 },
	{ "no storage for this sender", NULL,
	  RULE("r", ONE(BO), "<oxe:allow-offline-storage>false</oxe:allow-offline-storage>"), NULL,
	  0, 1, 1, -1, 0, 0, 0 },
	{ "blocked politely: as if it had been taken", NULL, RULE("r", ONE(BO), REJECT), NULL, 0, 1,
	  1, -1, 200, 0, 1 },
	{ "or kept", NULL, RULE("r", ONE(BO), REJECT), NULL, 0, 0, 1, -1, 202, 0, 1 },
	{ "or nobody were there", NULL, RULE("r", ONE(BO), REJECT), NULL, 0, 0, 0, -1, 480, 0, 0 },
	{ "blocked openly", NULL, RULE("r", ONE(BO), REJECT), "<blocking answer='open'/>", 0, 1, 1,
	  -1, 403, 0, 1 },
	{ "another sender is blocked", NULL, RULE("r", ONE("sip:ann@x.example"), REJECT), NULL, 0,
	  1, 1, -1, 0, 0, 1 },
	{ "without alerting", NULL, RULE("r", "", DELIVER("silent")), NULL, 0, 1, 1, -1, 0, 1, 1 },
	{ "dropped", NULL, RULE("r", "", DELIVER("drop")), NULL, 0, 1, 1, -1, 200, 0, 1 },
	{ "rejected by rule", NULL, RULE("r", "", DELIVER("reject")), NULL, 0, 1, 1, -1, 403, 0,
	  1 },
	{ "the operator's code",
	  OP("c", "cap", "", DELIVER("reject") "<op:reject-code>413</op:reject-code>"), NULL, NULL,
	  0, 1, 1, -1, 413, 0, 1 },
	{ "the operator forces it through", OP("f", "forced", "", DELIVER("allow")),
	  RULE("r", "", DELIVER("reject")), NULL, 0, 1, 1, -1, 0, 0, 1 },
	{ "nobody without a name", NULL, RULE("r", ANONYMOUS, DELIVER("reject")), NULL, 1, 1, 1, -1,
	  433, 0, 1 },
	{ "who is refused with a name, too", NULL,
	  RULE("r", ANONYMOUS, DELIVER("reject")) RULE("s", ONE(BO), DELIVER("reject")), NULL, 1, 1,
	  1, -1, 403, 0, 1 },
	{ "a list that cannot be had", NULL, RULE("r", LIST("nowhere"), REJECT), NULL, 0, 1, 1, -1,
	  503, 0, 1 },
};

static void make_layers(const struct row *row, struct pol_layers *layers)
{
	memset(layers, 0, sizeof(*layers));
	layers->operator_policy = pol_check_doc(row->why, POL_OPERATOR, row->policy);
	if (row->access)
		layers->user[layers->n_user++] =
			pol_check_doc(row->why, POL_ACCESS_RULES, row->access);
	if (row->prefs)
		layers->user[layers->n_user++] =
			pol_check_doc(row->why, POL_USER_PREFS, row->prefs);
}

static void drop_layers(struct pol_layers *layers)
{
	struct pol_doc *doc = (struct pol_doc *)(uintptr_t)layers->operator_policy;

	pol_doc_drop(&doc);
	for (unsigned i = 0; i < layers->n_user; i++) {
		doc = (struct pol_doc *)(uintptr_t)layers->user[i];
		pol_doc_drop(&doc);
	}
}

static void the_recipients_rules_decide(void **state)
{
	(void)state;
	for (unsigned i = 0; i < COUNT(rows); i++) {
		const struct row *row = &rows[i];
		const struct cpm_message_draft message = { .sender = { STRV(BO) },
							   .n_sender = 1,
							   .anonymous = row->anonymous,
							   .recipient = STRV("sip:al@x.example"),
							   .expires_s = row->expires_s };
		struct pol_layers layers;
		struct pol_verdict verdict;
		struct pol_facts facts;
		struct pf_verdict decided;

		make_layers(row, &layers);
		pf_facts(&message, POL_TERMINATING, &domains, 1700000000, &facts);
		pf_decide_recipient(&layers, &facts, &message, row->n_devices, row->has_storage,
				    &verdict, &decided);
		if (decided.status != row->status || decided.is_silent != row->is_silent ||
		    decided.may_store != row->may_store)
			fail_msg("%s: %u silent %d store %d", row->why, decided.status,
				 decided.is_silent, decided.may_store);
		/* Who is refused in the open is told why; who is not, is not. */
		if ((row->status == 403 || row->status == 433) != (decided.why != NULL) &&
		    row->status != 503 && row->status != 413)
			fail_msg("%s: why", row->why);
		drop_layers(&layers);
	}
}

static void facts_are_those_of_the_side(void **state)
{
	const struct cpm_message_draft message = {
		.service = CPM_PAGER_GROUP,
		.sender = { STRV("sip:bo@y.example"), STRV("tel:+1") },
		.n_sender = 2,
		.recipient = STRV("sip:al@x.example"),
		.body = STRV("12345"),
	};
	struct pol_facts facts;

	(void)state;
	pf_facts(&message, POL_TERMINATING, &domains, 7, &facts);
	assert_int_equal(facts.n_ids, 2);
	assert_true(strv_eq(facts.id[1], STRV("tel:+1")));
	assert_true(strv_eq(facts.peer_domain, STRV("y.example")));
	assert_true(strv_eq(facts.service, STRV("pager")));
	assert_true(strv_eq(facts.enabler, strv_of(cpm_service_icsi(CPM_PAGER_GROUP))));
	assert_true(facts.size_bytes == 5 && facts.now_s == 7 && facts.roaming < 0);
	pf_facts(&message, POL_ORIGINATING, &domains, 7, &facts);
	assert_int_equal(facts.peer_domain.n, 0);
}

/* ---- the sender's side ---- */

static void the_operator_decides_what_leaves(void **state)
{
	static const struct {
		const char *why, *policy;
		unsigned status;
	} sent[] = {
		{ "nothing is said", NULL, 0 },
		{ "what is sent is refused",
		  OP("c", "cap", "<op:direction>originating</op:direction>", DELIVER("reject")),
		  403 },
		{ "what is received is refused",
		  OP("c", "cap", "<op:direction>terminating</op:direction>", DELIVER("reject")),
		  0 },
		{ "too large",
		  OP("c", "cap", "<op:message-size max='3'/>", DELIVER("allow"))
			  OP("d", "default", "", DELIVER("reject")),
		  403 },
		{ "swallowed", OP("c", "cap", "", DELIVER("drop")), 202 },
	};
	const struct cpm_message_draft message = { .sender = { STRV(BO) },
						   .n_sender = 1,
						   .body = STRV("12345") };

	(void)state;
	for (unsigned i = 0; i < COUNT(sent); i++) {
		struct pol_layers layers = {
			.operator_policy = pol_check_doc(sent[i].why, POL_OPERATOR, sent[i].policy)
		};
		struct pol_verdict verdict;
		struct pol_facts facts;
		struct pf_verdict decided;

		pf_facts(&message, POL_ORIGINATING, &domains, 1700000000, &facts);
		pf_decide_sender(&layers, &facts, &verdict, &decided);
		if (decided.status != sent[i].status)
			fail_msg("%s: %u", sent[i].why, decided.status);
		drop_layers(&layers);
	}
}

static void reports_are_their_senders_to_let_out(void **state)
{
	static const struct row reports[] = {
		{ .why = "no preference" },
		{ .why = "nothing about what was seen",
		  .prefs = "<reports><displayed>false</displayed></reports>" },
		{ .why = "nothing about what came",
		  .prefs = "<reports><delivered>false</delivered></reports>" },
		{ .why = "nothing about typing",
		  .prefs = "<reports><composing>false</composing></reports>" },
		{ .why = "the operator wants no reports",
		  .policy =
			  OP("c", "cap", "", "<up:report-delivered>false</up:report-delivered>") },
		{ .why = "to nobody but friends",
		  .prefs = "<reports><displayed>false</displayed></reports><cp:ruleset>" RULE(
			  "r", ONE("sip:al@x.example"),
			  "<up:report-displayed>true</up:report-displayed>") "</cp:ruleset>" },
	};
	/* displayed, delivered, composing */
	static const int expected[][3] = { { 1, 1, 1 }, { 0, 1, 1 }, { 1, 1, 1 },
					   { 1, 1, 0 }, { 1, 0, 1 }, { 1, 1, 1 } };

	(void)state;
	for (unsigned i = 0; i < COUNT(reports); i++)
		for (unsigned k = 0; k < 3; k++) {
			const struct cpm_message_draft message = {
				.sender = { STRV(BO) },
				.n_sender = 1,
				.recipient = STRV("sip:al@x.example"),
				.is_report = k < 2,
				.is_displayed = k == 0,
				.is_composing = k == 2,
			};
			struct pol_layers layers;
			struct pol_verdict verdict;
			struct pol_facts facts;

			make_layers(&reports[i], &layers);
			pf_facts(&message, POL_ORIGINATING, &domains, 1700000000, &facts);
			if (pf_decide_report(&layers, &message, &facts, &verdict) != expected[i][k])
				fail_msg("%s: %u", reports[i].why, k);
			drop_layers(&layers);
		}
}

/* ---- devices ---- */

#define MSG "+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm."

static void capable_devices_are_known_by_their_tags(void **state)
{
	static const struct {
		const char *why, *params;
		int is_capable;
	} tags[] = {
		{ "no parameters", "", 0 },
		{ "pager messages", ";" MSG "msg\"", 1 },
		{ "in a list",
		  ";" MSG "session,urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.msg,x\"", 1 },
		{ "in another case",
		  ";+G.3GPP.ICSI-REF=\"urn%3aurn-7%3A3gpp-service.ims.icsi.OMA.CPM.MSG\"", 1 },
		{ "sessions only", ";" MSG "session\"", 0 },
		{ "to groups is another name", ";" MSG "msg.group\"", 0 },
		{ "as one feature", ";+g.gsma.rcs.cpm.pager-large", 1 },
		{ "a plain client", ";+sip.instance=\"<urn:uuid:1>\";reg-id=1;expires=60", 0 },
	};

	(void)state;
	for (unsigned i = 0; i < COUNT(tags); i++)
		if (pf_is_capable(strv_of(tags[i].params)) != tags[i].is_capable)
			fail_msg("%s", tags[i].why);
}

static void devices_are_chosen_and_ordered(void **state)
{
	static const struct pf_device devices[] = {
		{ STRV("plain"), STRV(""), 1000, 1, NULL },
		{ STRV("cpm"), STRV(";" MSG "msg\""), 500, 2, NULL },
		{ STRV("sessions"), STRV(";" MSG "session\""), 1000, 3, NULL },
		{ STRV("cpm"), STRV(";" MSG "msg\""), 500, 9, NULL }, /* a newer flow */
		{ STRV("off"), STRV(""), 1000, 4, NULL },
	};
	static const struct {
		const char *why;
		enum cpm_service service;
		const char *prefs, *expected; /* numbers; "+" another flow of one before */
	} chosen[] = {
		{ "CPM's own first, then plain ones; no clients for sessions", CPM_PAGER, NULL,
		  "3 +1 4 0" },
		{ "everybody gets a plain message", CPM_PLAIN, NULL, "3 +1 4 2 0" },
		{ "switched off", CPM_PAGER,
		  "<delivery><device id='off' enabled='false'/></delivery>", "3 +1 0" },
		{ "as the user wants it", CPM_PAGER,
		  "<delivery><device id='plain' enabled='true' priority='9'/></delivery>",
		  "0 3 +1 4" },
	};

	(void)state;
	for (unsigned i = 0; i < COUNT(chosen); i++) {
		const struct cpm_message_draft message = { .service = chosen[i].service };
		struct pol_doc *prefs =
			pol_check_doc(chosen[i].why, POL_USER_PREFS, chosen[i].prefs);
		struct pf_choice choice[PF_DEVICES_MAX];
		unsigned n = pf_choose(&message, prefs, PF_DEVICES_ALL, devices, 5, choice);
		char got[64] = "";

		for (unsigned k = 0; k < n; k++)
			snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s%u",
				 k ? " " : "", choice[k].is_first ? "" : "+", choice[k].device);
		if (strcmp(got, chosen[i].expected))
			fail_msg("%s: %s", chosen[i].why, got);
		pol_doc_drop(&prefs);
	}
}

static void answers_of_devices_mean_something(void **state)
{
	static const struct {
		unsigned status;
		enum pf_outcome outcome;
		unsigned told;
	} answers[] = {
		{ 200, PF_TAKEN, 200 },	   { 202, PF_TAKEN, 202 },    { 404, PF_AWAY, 404 },
		{ 408, PF_AWAY, 480 },	   { 430, PF_AWAY, 480 },     { 480, PF_AWAY, 480 },
		{ 486, PF_AWAY, 480 },	   { 503, PF_AWAY, 480 },     { 407, PF_AWAY, 480 },
		{ 482, PF_AWAY, 482 },	   { 415, PF_UNFIT, 415 },    { 488, PF_UNFIT, 488 },
		{ 403, PF_DECLINED, 403 }, { 603, PF_DECLINED, 603 }, { 400, PF_REFUSED, 400 },
		{ 420, PF_REFUSED, 420 },
	};

	(void)state;
	for (unsigned i = 0; i < COUNT(answers); i++)
		if (pf_outcome(answers[i].status) != answers[i].outcome ||
		    pf_told(answers[i].status) != answers[i].told)
			fail_msg("%u", answers[i].status);
	assert_int_equal(pf_told(0), 480);
	assert_int_equal(pf_better(0, 480), 480);
	assert_int_equal(pf_better(480, 415), 415);
	assert_int_equal(pf_better(415, 603), 603);
	assert_int_equal(pf_better(603, 415), 603);
	assert_int_equal(pf_better(400, 503), 400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_recipients_rules_decide),
		cmocka_unit_test(facts_are_those_of_the_side),
		cmocka_unit_test(the_operator_decides_what_leaves),
		cmocka_unit_test(reports_are_their_senders_to_let_out),
		cmocka_unit_test(capable_devices_are_known_by_their_tags),
		cmocka_unit_test(devices_are_chosen_and_ordered),
		cmocka_unit_test(answers_of_devices_mean_something),
	};

	return cmocka_run_group_tests(tests, pol_check_open, pol_check_close);
}

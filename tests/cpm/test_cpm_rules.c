/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/cpm/test_cpm_rules.c - the rules in force, of documents in a table
 *
 * The source answers at once or when it is told to, so that changes come at every moment of a
 * value's making; with four threads and workers nobody may see rules that are older than a change
 * that was acknowledged.
 */
#include "cpm/cpm_rules.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/worker.h"
#include "base/xml.h"
#include "tests/gate.h"
#include "xdms/xdm_store.h"

#define ANA    "sip:ana@op.example"
#define BO     "sip:bo@op.example"
#define ACCESS "x/org.openmobilealliance.access-rules/access-rules"
#define PREFS  "x/org.opencpm.user-prefs/index"
#define LISTS  "x/resource-lists/index"
#define POLICY "x/org.opencpm.operator-policy/index"
#define GROUP  "x/org.openmobilealliance.groups/g"
#define HIKERS "sip:hikers@op.example"
#define ROOT   "http://xcap.op.example/xcap-root"
#define SPACES                                             \
	"xmlns:cp='urn:ietf:params:xml:ns:common-policy' " \
	"xmlns:ocp='urn:oma:xml:xdm:common-policy' "       \
	"xmlns:up='urn:opencpm:xml:user-prefs' xmlns:op='urn:opencpm:xml:operator-policy'"

/* ---- a source ---- */

enum { SLOTS = 64 };

struct slot {
	char owner[64], name[80];
	char *text; /* NULL: there is none */
	uint64_t version;
};

struct held {
	cpm_got_fn *got;
	void *arg;
	char owner[64], name[80];
};

struct world {
	pthread_mutex_t lock;
	struct slot slot[SLOTS];
	unsigned n;
	uint64_t clock;
	int busy; /* cannot tell */
	int hold; /* answers wait for RELEASE */
	unsigned gets;
	struct held held[SLOTS];
	unsigned n_held;
	void (*changed)(void *arg, struct strv owner, struct strv name, uint64_t version);
	void *changed_arg;
	struct cpm_rules *rules;
	struct strv domain;
};

static struct slot *slot_of(struct world *w, const char *owner, const char *name)
{
	struct slot *slot = w->slot;

	for (unsigned i = 0; i < w->n; i++, slot++)
		if (strcmp(slot->owner, owner) == 0 && strcmp(slot->name, name) == 0)
			return slot;
	assert_true(w->n < SLOTS);
	snprintf(slot->owner, sizeof(slot->owner), "%s", owner);
	snprintf(slot->name, sizeof(slot->name), "%s", name);
	w->n++;
	return slot;
}

static void answer(struct world *w, const char *owner, const char *name, cpm_got_fn *got,
		   void *got_arg)
{
	struct slot *slot;
	char *text = NULL;
	uint64_t version;
	int busy;

	pthread_mutex_lock(&w->lock);
	slot = slot_of(w, owner, name);
	text = slot->text ? strdup(slot->text) : NULL;
	version = slot->version;
	busy = w->busy;
	w->gets++;
	pthread_mutex_unlock(&w->lock);
	got(got_arg,
	    busy   ? CPM_GOT_BUSY
	    : text ? CPM_GOT_DOC
		   : CPM_GOT_ABSENT,
	    strv_of(text), version);
	free(text);
}

static void get(void *arg, struct strv owner, struct strv name, cpm_got_fn *got, void *got_arg)
{
	struct world *w = arg;
	struct held held = { .got = got, .arg = got_arg };

	snprintf(held.owner, sizeof(held.owner), "%.*s", STRV_ARG(owner));
	snprintf(held.name, sizeof(held.name), "%.*s", STRV_ARG(name));
	if (w->hold)
		w->held[w->n_held++] = held;
	else
		answer(w, held.owner, held.name, got, got_arg);
}

static void release(struct world *w)
{
	unsigned n = w->n_held;
	struct held held[SLOTS];

	memcpy(held, w->held, sizeof(held));
	w->n_held = 0;
	for (unsigned i = 0; i < n; i++)
		answer(w, held[i].owner, held[i].name, held[i].got, held[i].arg);
}

static int watch(void *arg,
		 void (*changed)(void *changed_arg, struct strv owner, struct strv name,
				 uint64_t version),
		 void *changed_arg)
{
	struct world *w = arg;

	w->changed = changed;
	w->changed_arg = changed_arg;
	return 0;
}

static void group(void *arg, struct strv uri,
		  void (*found)(void *found_arg, enum cpm_got got, struct strv owner,
				struct strv name),
		  void *found_arg)
{
	(void)arg;
	if (strv_eq(uri, STRV(HIKERS)))
		found(found_arg, CPM_GOT_DOC, STRV(ANA), STRV(GROUP));
	else
		found(found_arg, CPM_GOT_ABSENT, STRV(""), STRV(""));
}

/* The telephone number is ana's. */
static void home(void *arg, struct strv identity, cpm_home_fn *done, void *done_arg)
{
	(void)arg;
	if (strv_eq(identity, STRV("tel:+491234")))
		identity = STRV(ANA);
	done(done_arg, strv_eq(identity, STRV(ANA)) || strv_eq(identity, STRV(BO)), identity);
}

static void put(struct world *w, const char *owner, const char *name, const char *text)
{
	struct slot *slot;
	uint64_t version;

	pthread_mutex_lock(&w->lock);
	slot = slot_of(w, owner, name);
	free(slot->text);
	slot->text = text ? strdup(text) : NULL;
	version = slot->version = ++w->clock;
	pthread_mutex_unlock(&w->lock);
	if (w->changed)
		w->changed(w->changed_arg, strv_of(owner), strv_of(name), version);
}

static void open_rules(struct world *w, struct workers *workers)
{
	struct cpm_rules_options options = { .source = { get, watch, group, w },
					     .domains = { &w->domain, 1 },
					     .cache_bytes = 1 << 20,
					     .workers = workers,
					     .root = STRV("/xcap-root"),
					     .root_uri = STRV(ROOT),
					     .home = home };
	struct err err;

	if (cpm_rules_new(&options, &w->rules, &err) < 0)
		fail_msg("%s", err.text);
}

static void init(struct world *w)
{
	memset(w, 0, sizeof(*w));
	pthread_mutex_init(&w->lock, NULL);
	w->domain = STRV("op.example");
}

static void fini(struct world *w)
{
	cpm_rules_stop(w->rules);
	cpm_rules_free(&w->rules);
	for (unsigned i = 0; i < w->n; i++)
		free(w->slot[i].text);
	pthread_mutex_destroy(&w->lock);
}

static int setup(void **state)
{
	struct world *w = malloc(sizeof(*w));

	init(w);
	open_rules(w, NULL);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	fini(*state);
	free(*state);
	return 0;
}

/* ---- questions ---- */

static void on_user(void *arg, const struct cpm_user_rules *user)
{
	*(const struct cpm_user_rules **)arg = user;
}

static const struct cpm_user_rules *user_of(struct world *w, const char *owner)
{
	const struct cpm_user_rules *user = (const void *)"not told";

	cpm_rules_user(w->rules, strv_of(owner), on_user, &user);
	return user;
}

struct group_told {
	enum cpm_got got;
	const struct cpm_group_rules *group;
};

static void on_group(void *arg, enum cpm_got got, const struct cpm_group_rules *group)
{
	*(struct group_told *)arg = (struct group_told){ got, group };
}

static struct group_told group_of(struct world *w, const char *uri)
{
	struct group_told told = { CPM_GOT_BUSY, NULL };

	cpm_rules_group(w->rules, strv_of(uri), on_group, &told);
	return told;
}

static enum pol_answer eval(struct world *w, const struct cpm_user_rules *user, const char *from)
{
	struct pol_facts facts = { .id = { strv_of(from) }, .n_ids = 1, .now_s = 1767225600 };
	struct pol_verdict verdict;
	struct pol_layers layers;
	const struct pol_doc *policy;
	int lost;

	facts.size_bytes = -1;
	policy = cpm_rules_operator(w->rules, &lost);
	cpm_rules_layers(policy, lost, user, NULL, &layers);
	pol_eval(&layers, &facts, &verdict);
	cpm_rules_operator_drop(&policy);
	return pol_verdict_answer(&verdict);
}

/* What a message of FROM to OWNER comes to. */
static enum pol_answer ask(struct world *w, const char *owner, const char *from)
{
	const struct cpm_user_rules *user = user_of(w, owner);
	enum pol_answer answer;

	assert_non_null(user);
	answer = eval(w, user, from);
	cpm_user_rules_drop(&user);
	return answer;
}

static char *blocking(char buf[1024], const char *who)
{
	snprintf(buf, 1024,
		 "<cp:ruleset " SPACES
		 "><cp:rule id='b'><cp:conditions><cp:identity><cp:one id='%s'/>"
		 "</cp:identity></cp:conditions><cp:actions><up:deliver>reject</up:deliver>"
		 "</cp:actions></cp:rule></cp:ruleset>",
		 who);
	return buf;
}

/* Rules that reject who is on the list to which REF leads. */
static char *blocking_list(char buf[1024], const char *ref)
{
	snprintf(buf, 1024,
		 "<cp:ruleset " SPACES
		 "><cp:rule id='l'><cp:conditions><ocp:external-list><ocp:entry "
		 "anc='%s'/></ocp:external-list></cp:conditions><cp:actions><up:deliver>reject"
		 "</up:deliver></cp:actions></cp:rule></cp:ruleset>",
		 ref);
	return buf;
}

#define LIST_OF(xui) \
	ROOT "/resource-lists/users/" xui "/index/~~/resource-lists/list%5B@name=%22x%22%5D"
#define XLIST(entries)                                                         \
	"<resource-lists xmlns='urn:ietf:params:xml:ns:resource-lists'><list " \
	"name='x'>" entries "</list></resource-lists>"
#define ENTRY(uri) "<entry uri='" uri "'/>"

/* ---- tests ---- */

static void user_rules_follow_documents(void **state)
{
	struct world *w = *state;
	char buf[1024];
	unsigned gets;

	assert_int_equal(ask(w, ANA, BO), POL_ANSWER_ALLOW);
	put(w, ANA, ACCESS, blocking(buf, BO));
	assert_int_equal(ask(w, ANA, BO), POL_ANSWER_REJECT);
	assert_int_equal(ask(w, BO, BO), POL_ANSWER_ALLOW);
	gets = w->gets;
	assert_int_equal(ask(w, ANA, "sip:bo@OP.example"), POL_ANSWER_ALLOW); /* not canonical */
	assert_int_equal(ask(w, ANA, BO), POL_ANSWER_REJECT);
	assert_int_equal(w->gets, gets);
	put(w, ANA, ACCESS, NULL);
	assert_int_equal(ask(w, ANA, BO), POL_ANSWER_ALLOW);
	put(w, ANA, LISTS,
	    "<resource-lists xmlns='urn:ietf:params:xml:ns:resource-lists'><list "
	    "name='oma_blockedcontacts'>" ENTRY(
		    BO) "</list><list "
			"name='oma_politeblockedcontacts'>" ENTRY(
				"tel:+4930") "</list></resource-lists>");
	put(w, ANA, PREFS,
	    "<cpm-user-prefs xmlns='urn:opencpm:xml:user-prefs'><blocking answer='open'/>"
	    "</cpm-user-prefs>");
	assert_int_equal(ask(w, ANA, BO), POL_ANSWER_REJECT);
	assert_int_equal(ask(w, ANA, "tel:+4930"), POL_ANSWER_DROP);
	put(w, ANA, PREFS,
	    "<cpm-user-prefs xmlns='urn:opencpm:xml:user-prefs'><blocking answer='polite'/>"
	    "</cpm-user-prefs>");
	assert_int_equal(ask(w, ANA, BO), POL_ANSWER_DROP);
	/* An erasure has no name. */
	slot_of(w, ANA, LISTS)->text[0] = '\0';
	free(slot_of(w, ANA, LISTS)->text);
	slot_of(w, ANA, LISTS)->text = NULL;
	w->changed(w->changed_arg, STRV(ANA), STRV(""), 99);
	assert_int_equal(ask(w, ANA, BO), POL_ANSWER_ALLOW);
}

static const struct {
	const char *why, *ref;
	enum pol_answer answer;
} ref_rows[] = {
	{ "a list of one's own", LIST_OF(ANA), POL_ANSWER_REJECT },
	{ "by another name of the owner", LIST_OF("tel:+49-1234"), POL_ANSWER_REJECT },
	{ "in another spelling", LIST_OF("sip:ana%40OP.example"), POL_ANSWER_REJECT },
	{ "the port that http implies",
	  "http://xcap.op.example:80/xcap-root/resource-lists/users/" ANA
	  "/index/~~/resource-lists/list%5B@name=%22x%22%5D",
	  POL_ANSWER_REJECT },
	{ "by position", ROOT "/resource-lists/users/" ANA "/index/~~/resource-lists/list%5B1%5D",
	  POL_ANSWER_REJECT },
	{ "by any name", ROOT "/resource-lists/users/" ANA "/index/~~/resource-lists/*",
	  POL_ANSWER_REJECT },
	{ "the whole document", ROOT "/resource-lists/users/" ANA "/index", POL_ANSWER_REJECT },
	{ "no such list",
	  ROOT "/resource-lists/users/" ANA "/index/~~/resource-lists/list%5B@name=%22y%22%5D",
	  POL_ANSWER_ALLOW },
	{ "no such document", ROOT "/resource-lists/users/" ANA "/other", POL_ANSWER_ALLOW },
	{ "somebody else's cannot be had", LIST_OF(BO), POL_ANSWER_LATER },
	{ "nobody's", LIST_OF("sip:nobody@op.example"), POL_ANSWER_ALLOW },
	{ "the global tree's", ROOT "/resource-lists/global/all", POL_ANSWER_REJECT },
	{ "another server", "http://else.example/xcap-root/resource-lists/users/" ANA "/index",
	  POL_ANSWER_LATER },
	{ "another root", "http://xcap.op.example/else/resource-lists/users/" ANA "/index",
	  POL_ANSWER_ALLOW },
	{ "no list at all", ROOT "/pres-rules/users/" ANA "/index", POL_ANSWER_ALLOW },
	{ "an attribute",
	  ROOT "/resource-lists/users/" ANA "/index/~~/resource-lists/list%5B1%5D/@name",
	  POL_ANSWER_ALLOW },
	{ "no selector", ROOT "/resource-lists/users/" ANA "/index/~~/a%5Bb%5D", POL_ANSWER_ALLOW },
	{ "a group's list",
	  ROOT "/org.openmobilealliance.groups/users/" ANA
	       "/g/~~/group/list-service%5B@uri=%22" HIKERS "%22%5D/list",
	  POL_ANSWER_REJECT },
};

#define GROUP_TEXT(uri, list, more)                                              \
	"<group xmlns='urn:oma:xml:poc:list-service' " SPACES "><list-service "  \
	"uri='" uri "'><display-name>Hikers</display-name><list>" list "</list>" \
	"<invite-members>true</invite-members><max-participant-count>7</"        \
	"max-participant-count><cp:ruleset><cp:rule id='m'><cp:conditions>"      \
	"<is-list-member/></cp:conditions><cp:actions><join-handling>true</"     \
	"join-handling></cp:actions></cp:rule>" more "</cp:ruleset></list-service></group>"

static void references_lead_where_they_may(void **state)
{
	struct world *w = *state;
	char buf[1024];

	put(w, ANA, LISTS, XLIST(ENTRY(BO)));
	put(w, BO, LISTS, XLIST(ENTRY(BO)));
	put(w, XDM_GLOBAL_OWNER, "x/resource-lists/all", XLIST(ENTRY(BO)));
	put(w, ANA, GROUP, GROUP_TEXT(HIKERS, ENTRY(BO), ""));
	for (size_t i = 0; i < sizeof(ref_rows) / sizeof(ref_rows[0]); i++) {
		enum pol_answer answer;

		put(w, ANA, ACCESS, blocking_list(buf, ref_rows[i].ref));
		answer = ask(w, ANA, BO);
		if (answer != ref_rows[i].answer)
			fail_msg("%s: %s", ref_rows[i].why, pol_answer_name(answer));
	}
}

static void lists_that_change_are_followed(void **state)
{
	struct world *w = *state;
	char buf[1024];

	put(w, ANA, ACCESS, blocking_list(buf, ROOT "/resource-lists/users/" ANA "/first"));
	assert_int_equal(ask(w, ANA, BO), POL_ANSWER_ALLOW);
	/* Three lists in a row, each made after the one that leads to it was read. */
	put(w, ANA, "x/resource-lists/first",
	    XLIST("<external anchor='" ROOT "/resource-lists/users/" ANA "/second'/>"));
	assert_int_equal(ask(w, ANA, BO), POL_ANSWER_ALLOW);
	put(w, ANA, "x/resource-lists/second",
	    XLIST("<entry-ref ref='resource-lists/global/third/~~/resource-lists/list/entry'/>"));
	assert_int_equal(ask(w, ANA, BO), POL_ANSWER_ALLOW);
	put(w, XDM_GLOBAL_OWNER, "x/resource-lists/third", XLIST(ENTRY(BO)));
	assert_int_equal(ask(w, ANA, BO), POL_ANSWER_REJECT);
	put(w, XDM_GLOBAL_OWNER, "x/resource-lists/third", XLIST(ENTRY("sip:cy@op.example")));
	assert_int_equal(ask(w, ANA, BO), POL_ANSWER_ALLOW);
	put(w, ANA, "x/resource-lists/first", XLIST(ENTRY(BO)));
	assert_int_equal(ask(w, ANA, BO), POL_ANSWER_REJECT);
	/* A circle of two. */
	put(w, ANA, "x/resource-lists/first",
	    XLIST("<external anchor='" ROOT "/resource-lists/users/" ANA "/second'/>"));
	put(w, ANA, "x/resource-lists/second",
	    XLIST(ENTRY(BO) "<external anchor='" ROOT "/resource-lists/users/" ANA "/first'/>"));
	assert_int_equal(ask(w, ANA, BO), POL_ANSWER_REJECT);
	assert_int_equal(ask(w, ANA, "sip:cy@op.example"), POL_ANSWER_ALLOW);
}

static void bad_documents_leave_the_last_good_one(void **state)
{
	struct world *w = *state;
	struct cpm_rules_stats stats;
	char buf[1024];

	put(w, ANA, ACCESS, "<no rules");
	assert_int_equal(ask(w, ANA, BO), POL_ANSWER_LATER); /* there never was a good one */
	put(w, ANA, ACCESS, blocking(buf, BO));
	cpm_rules_stats(w->rules, &stats);
	assert_int_equal(stats.bad, 0); /* nobody has looked yet */
	assert_int_equal(ask(w, ANA, BO), POL_ANSWER_REJECT);
	put(w, ANA, ACCESS, "<no rules");
	assert_int_equal(ask(w, ANA, BO), POL_ANSWER_REJECT);
	put(w, ANA, PREFS, "<neither");
	assert_int_equal(ask(w, ANA, BO), POL_ANSWER_LATER);
	cpm_rules_stats(w->rules, &stats);
	assert_int_equal(stats.bad, 2);
	put(w, ANA, PREFS, NULL);
	assert_int_equal(ask(w, ANA, BO), POL_ANSWER_REJECT);
	put(w, ANA, ACCESS,
	    "<cp:ruleset " SPACES "><cp:rule id='x'><cp:actions><up:deliver>often</up:deliver>"
	    "</cp:actions></cp:rule></cp:ruleset>");
	assert_int_equal(ask(w, ANA, BO), POL_ANSWER_REJECT);
	put(w, ANA, ACCESS, NULL);
	assert_int_equal(ask(w, ANA, BO), POL_ANSWER_ALLOW);
	cpm_rules_stats(w->rules, &stats);
	assert_int_equal(stats.bad, 0);
}

#define POLICY_TEXT(who)                                                                       \
	"<cp:ruleset " SPACES "><cp:rule id='f'><cp:conditions><cp:identity><cp:one id='" who  \
	"'/></cp:identity></cp:conditions><cp:actions><op:layer>forced</op:layer><up:deliver>" \
	"reject</up:deliver></cp:actions></cp:rule></cp:ruleset>"

static void the_operators_policy_is_followed(void **state)
{
	struct world *w = *state;
	struct cpm_rules_stats stats;

	put(w, XDM_GLOBAL_OWNER, POLICY, POLICY_TEXT(BO));
	assert_null(cpm_rules_peek(w->rules, STRV(ANA)));
	assert_int_equal(ask(w, ANA, BO), POL_ANSWER_REJECT);
	put(w, XDM_GLOBAL_OWNER, POLICY, "<broken");
	assert_int_equal(ask(w, ANA, BO), POL_ANSWER_REJECT);
	cpm_rules_stats(w->rules, &stats);
	assert_int_equal(stats.bad, 1);
	assert_false(stats.operator_lost);
	put(w, XDM_GLOBAL_OWNER, POLICY, NULL);
	assert_int_equal(ask(w, ANA, BO), POL_ANSWER_ALLOW);
	put(w, XDM_GLOBAL_OWNER, POLICY, "<broken");
	assert_int_equal(ask(w, ANA, BO), POL_ANSWER_LATER);
	cpm_rules_stats(w->rules, &stats);
	assert_true(stats.operator_lost);
	/* The operator's policy may use everybody's lists. */
	put(w, XDM_GLOBAL_OWNER, POLICY,
	    "<cp:ruleset " SPACES "><cp:rule id='f'><cp:conditions><ocp:external-list><ocp:entry "
	    "anc='" LIST_OF(ANA) "'/></ocp:external-list></cp:conditions><cp:actions>"
				 "<op:layer>forced</op:layer><up:deliver>drop</up:deliver></"
				 "cp:actions></cp:rule>"
				 "</cp:ruleset>");
	assert_int_equal(ask(w, BO, BO), POL_ANSWER_ALLOW);
	put(w, ANA, LISTS, XLIST(ENTRY(BO)));
	assert_int_equal(ask(w, BO, BO), POL_ANSWER_DROP);
}

static void what_cannot_be_had_does_not_allow(void **state)
{
	struct world *w = *state;
	char buf[1024];

	w->busy = 1;
	assert_null(user_of(w, ANA));
	w->busy = 0;
	put(w, ANA, ACCESS, blocking(buf, BO));
	assert_int_equal(ask(w, ANA, BO), POL_ANSWER_REJECT);
	/* What was known stays in force while its change cannot be read. */
	put(w, ANA, ACCESS, NULL);
	w->busy = 1;
	assert_int_equal(ask(w, ANA, BO), POL_ANSWER_REJECT);
	w->busy = 0;
	assert_int_equal(ask(w, ANA, BO), POL_ANSWER_ALLOW);
}

static void groups_have_members(void **state)
{
	struct world *w = *state;
	struct group_told told;
	struct cpm_rules_stats stats;

	assert_int_equal(group_of(w, "sip:none@op.example").got, CPM_GOT_ABSENT);
	assert_int_equal(group_of(w, HIKERS).got, CPM_GOT_ABSENT);
	put(w, ANA, LISTS, XLIST(ENTRY("sip:dee@op.example") ENTRY(BO)));
	put(w, ANA, GROUP,
	    GROUP_TEXT("sip:hikers@OP.example",
		       ENTRY("sip:cy@op.example") ENTRY("sip:BO@op.example")
			       ENTRY("sip:bo@OP.example:5060") "<external anchor='" LIST_OF(
				       ANA) "'/>" ENTRY(ANA),
		       ""));
	told = group_of(w, HIKERS);
	assert_int_equal(told.got, CPM_GOT_DOC);
	assert_string_equal(told.group->display_name.p, "Hikers");
	assert_true(strv_eq(told.group->owner, STRV(ANA)));
	assert_int_equal(told.group->max_participants, 7);
	assert_true(told.group->invite_members && told.group->is_complete && !told.group->lost);
	assert_int_equal(told.group->n_members, 5);
	assert_string_equal(told.group->member[0].p, "sip:cy@op.example");
	assert_string_equal(told.group->member[2].p, "sip:bo@op.example");
	assert_string_equal(told.group->member[3].p, ANA);
	assert_string_equal(told.group->member[4].p, "sip:dee@op.example");
	cpm_group_rules_drop(&told.group);
	/* A list that its owner may not read is not complete. */
	put(w, ANA, LISTS, XLIST("<external anchor='" LIST_OF(BO) "'/>"));
	told = group_of(w, HIKERS);
	assert_int_equal(told.group->n_members, 4);
	assert_false(told.group->is_complete);
	cpm_group_rules_drop(&told.group);
	/* A bad document leaves what was there. */
	put(w, ANA, GROUP,
	    GROUP_TEXT(HIKERS, ENTRY(BO),
		       "<cp:rule id='z'><cp:actions><join-handling>perhaps</join-handling>"
		       "</cp:actions></cp:rule>"));
	told = group_of(w, HIKERS);
	assert_int_equal(told.group->n_members, 4);
	assert_non_null(told.group->doc);
	assert_false(told.group->lost);
	cpm_rules_stats(w->rules, &stats);
	assert_int_equal(stats.bad, 1);
	cpm_group_rules_drop(&told.group);
	put(w, ANA, GROUP, GROUP_TEXT("sip:bikers@op.example", ENTRY(BO), ""));
	assert_int_equal(group_of(w, HIKERS).got, CPM_GOT_ABSENT);
}

/* ---- flights ---- */

/* A change while a value is being made: who asks afterwards does not get what was read before. */
static void a_change_overtakes_what_is_in_the_air(void **state)
{
	struct world *w = *state;
	const struct cpm_user_rules *before = NULL, *after = NULL;
	char buf[1024];

	w->hold = 1;
	cpm_rules_user(w->rules, STRV(ANA), on_user, &before);
	assert_int_equal(w->n_held, 5);
	w->hold = 0;
	put(w, ANA, ACCESS, blocking(buf, BO));
	cpm_rules_user(w->rules, STRV(ANA), on_user, &after);
	assert_int_equal(eval(w, after, BO), POL_ANSWER_REJECT);
	cpm_user_rules_drop(&after);
	release(w);
	assert_non_null(before);
	cpm_user_rules_drop(&before);
	assert_int_equal(ask(w, ANA, BO), POL_ANSWER_REJECT);
}

/* ---- many threads ---- */

enum { WORKERS = 4, ROUNDS = 300 };

struct many {
	struct world world;
	struct workers *workers;
	struct gate gate, begun;
	atomic_int round; /* of which the change is acknowledged */
	atomic_int stale;
};

struct question {
	struct post post;
	struct many *many;
	int round;
};

/* In an even round bo is blocked, in an odd one cy is. */
static void on_asked(void *arg, const struct cpm_user_rules *user)
{
	struct question *q = arg;
	const char *blocked = q->round % 2 ? "sip:cy@op.example" : BO;

	/* A later round may have begun since. */
	if (user && atomic_load(&q->many->round) == q->round &&
	    eval(&q->many->world, user, blocked) != POL_ANSWER_REJECT &&
	    atomic_load(&q->many->round) == q->round)
		atomic_fetch_add(&q->many->stale, 1);
	cpm_user_rules_drop(&user);
	gate_raise(&q->many->gate);
	free(q);
}

static void run_question(struct post *post)
{
	struct question *q = (struct question *)(void *)post;

	cpm_rules_user(q->many->world.rules, STRV(ANA), on_asked, q);
}

static void questions(struct many *many, int round)
{
	for (unsigned i = 0; i < WORKERS; i++)
		for (unsigned k = 0; k < 3; k++) {
			struct question *q = calloc(1, sizeof(*q));

			assert_non_null(q);
			q->many = many;
			q->round = round;
			q->post.run = run_question;
			worker_post(workers_at(many->workers, i), &q->post);
		}
}

/* Changes by another thread while workers ask: never is an older rule seen than the one that was
 * acknowledged before the question. */
static void no_worker_sees_what_is_older_than_an_answer(void **state)
{
	struct many *many = calloc(1, sizeof(*many));
	char buf[1024];

	(void)state;
	assert_non_null(many);
	many->gate = many->begun = (struct gate)GATE_INIT;
	init(&many->world);
	assert_int_equal(workers_new(WORKERS, &many->workers, NULL), 0);
	open_rules(&many->world, many->workers);
	assert_int_equal(workers_start(many->workers, NULL), 0);
	for (int round = 0; round < ROUNDS; round++) {
		const char *who = round % 2 ? "sip:cy@op.example" : BO;

		atomic_store(&many->round, -1);
		questions(many, -2); /* some are under way when it changes */
		if (round % 3 == 0) {
			put(&many->world, ANA, ACCESS,
			    blocking_list(buf, ROOT "/resource-lists/global/all"));
			put(&many->world, XDM_GLOBAL_OWNER, "x/resource-lists/all",
			    round % 2 ? XLIST(ENTRY("sip:cy@op.example")) : XLIST(ENTRY(BO)));
		} else if (round % 3 == 1) {
			put(&many->world, ANA, ACCESS, blocking(buf, who));
		} else {
			put(&many->world, ANA, ACCESS, NULL);
			put(&many->world, XDM_GLOBAL_OWNER, POLICY,
			    round % 2 ? POLICY_TEXT("sip:cy@op.example") : POLICY_TEXT(BO));
		}
		atomic_store(&many->round, round);
		questions(many, round);
		assert_true(gate_wait(&many->gate, (unsigned long)(round + 1) * 2 * WORKERS * 3));
		if (round % 3 == 2)
			put(&many->world, XDM_GLOBAL_OWNER, POLICY, NULL);
	}
	assert_int_equal(atomic_load(&many->stale), 0);
	workers_stop(many->workers);
	cpm_rules_stop(many->world.rules);
	workers_free(&many->workers);
	fini(&many->world);
	free(many);
}

static int open_xml(void **state)
{
	(void)state;
	log_output(open("/dev/null", O_WRONLY), LOG_TEXT); /* bad documents are said to be */
	return xml_init(NULL, NULL);
}

static int close_xml(void **state)
{
	(void)state;
	xml_fini();
	return 0;
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(user_rules_follow_documents),
		T(references_lead_where_they_may),
		T(lists_that_change_are_followed),
		T(bad_documents_leave_the_last_good_one),
		T(the_operators_policy_is_followed),
		T(what_cannot_be_had_does_not_allow),
		T(groups_have_members),
		T(a_change_overtakes_what_is_in_the_air),
		cmocka_unit_test(no_worker_sees_what_is_older_than_an_answer),
	};

	return cmocka_run_group_tests(tests, open_xml, close_xml);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* tests/policy/pol_check.c - see pol_check.h */
#include "tests/policy/pol_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/auth_domain.h"
#include "auth/auth_identity.h"
#include "base/xml.h"
#include "policy/pol_priv.h"

int pol_check_open(void **state)
{
	(void)state;
	return xml_init(NULL, NULL);
}

int pol_check_close(void **state)
{
	(void)state;
	xml_fini();
	return 0;
}

/* ---- spelling ---- */

static int spell_identity(void *arg, struct strv text, char *buf, size_t size, size_t *n_out)
{
	struct auth_identity id;

	(void)arg;
	if (auth_identity_parse(text, NULL, &id, NULL) < 0 || id.n > size)
		return -1;
	memcpy(buf, id.text, id.n);
	*n_out = id.n;
	return 0;
}

static int spell_domain(void *arg, struct strv text, char *buf, size_t size, size_t *n_out)
{
	(void)arg;
	return auth_domain_ascii(text, buf, size, n_out);
}

const struct pol_spell pol_check_spell = { .identity = spell_identity, .domain = spell_domain };

/* ---- documents ---- */

static const struct {
	const char *root, *ns;
} roots[POL_KINDS] = {
	[POL_PRES_RULES] = { "ruleset", NS_COMMON_POLICY },
	[POL_OMA_PRES_RULES] = { "ruleset", NS_COMMON_POLICY },
	[POL_ACCESS_RULES] = { "ruleset", NS_COMMON_POLICY },
	[POL_USER_PREFS] = { "cpm-user-prefs", NS_USER_PREFS },
	[POL_GROUP] = { "group", NS_GROUPS },
	[POL_OPERATOR] = { "ruleset", NS_COMMON_POLICY },
};

char *pol_check_text(enum pol_kind kind, const char *inside)
{
	char *text;

	if (asprintf(&text, "<%s xmlns='%s' " POL_CHECK_NAMESPACES ">%s</%s>", roots[kind].root,
		     roots[kind].ns, inside, roots[kind].root) < 0)
		fail_msg("out of memory");
	return text;
}

int pol_check_compile(enum pol_kind kind, const char *inside, struct pol_report *report,
		      struct pol_doc **doc_out, struct err *err)
{
	struct pol_source source = { .kind = kind,
				     .name = STRV("test"),
				     .spell = &pol_check_spell };
	char *text = pol_check_text(kind, inside);
	int ret;

	ret = pol_doc_parse(&source, strv_of(text), report, doc_out, err);
	free(text);
	return ret;
}

/* "gone" cannot be had, "half" leads to one that cannot. */
struct pol_set *pol_check_list(const char *name)
{
	static const struct {
		const char *name;
		const char *entries[4];
		const char *domain;
		int incomplete;
	} lists[] = {
		{ "friends", { "sip:fay@x.example", "tel:+4930", NULL }, NULL, 0 },
		{ "blocked", { "sip:bo@x.example", NULL }, "spam.example", 0 },
		{ "half", { "sip:fay@x.example", NULL }, NULL, 1 },
		{ "empty", { NULL }, NULL, 0 },
	};
	struct pol_set_plan *plan;
	struct pol_set *set;
	size_t i = 0;

	while (i < sizeof(lists) / sizeof(lists[0]) && strcmp(lists[i].name, name) != 0)
		i++;
	if (i == sizeof(lists) / sizeof(lists[0]))
		return NULL;
	plan = pol_set_plan_new(100);
	assert_non_null(plan);
	for (size_t k = 0; lists[i].entries[k]; k++)
		assert_int_equal(pol_set_plan_add(plan, NULL, strv_of(lists[i].entries[k]), NULL),
				 0);
	if (lists[i].domain)
		assert_int_equal(pol_set_plan_add_domain(plan, NULL, strv_of(lists[i].domain),
							 NULL),
				 0);
	if (lists[i].incomplete)
		pol_set_plan_incomplete(plan);
	assert_int_equal(pol_set_plan_finish(&plan, &set, NULL), 0);
	return set;
}

static struct pol_set *lookup(void *arg, struct strv ref)
{
	char name[64];

	(void)arg;
	snprintf(name, sizeof(name), "%.*s", STRV_ARG(ref));
	return strncmp(name, "list:", 5) == 0 ? pol_check_list(name + 5) : NULL;
}

struct pol_doc *pol_check_doc(const char *why, enum pol_kind kind, const char *inside)
{
	struct pol_doc *doc, *bound;
	struct err err = { 0 };

	if (!inside)
		return NULL;
	if (pol_check_compile(kind, inside, NULL, &doc, &err) < 0)
		fail_msg("%s: %s", why, err.text);
	assert_int_equal(pol_doc_bind(doc, lookup, NULL, &bound, &err), 0);
	pol_doc_drop(&doc);
	return bound;
}

/* ---- facts ---- */

static void set_fact(struct pol_facts *facts, struct strv name, struct strv value)
{
	static const char *const media[] = { "audio", "video", "message",	"file",
					     "pager", "poc",   "advertisement", "other" };
	uint64_t number = 0;

	strv_u64(value, UINT64_MAX, &number);
	if (strv_eq(name, STRV("id")))
		facts->id[facts->n_ids++] = value;
	else if (strv_eq(name, STRV("anon")))
		facts->anonymous = 1;
	else if (strv_eq(name, STRV("sphere")))
		facts->sphere = value;
	else if (strv_eq(name, STRV("service")))
		facts->service = value;
	else if (strv_eq(name, STRV("enabler")))
		facts->enabler = value;
	else if (strv_eq(name, STRV("class")))
		facts->subscriber_class = value;
	else if (strv_eq(name, STRV("peer")))
		facts->peer_domain = value;
	else if (strv_eq(name, STRV("group")))
		facts->group = value;
	else if (strv_eq(name, STRV("size")))
		facts->size_bytes = (int64_t)number;
	else if (strv_eq(name, STRV("roaming")))
		facts->roaming = (int)number;
	else if (strv_eq(name, STRV("dir")))
		facts->direction = strv_eq(value, STRV("orig")) ? POL_ORIGINATING : POL_TERMINATING;
	else if (strv_eq(name, STRV("now")))
		assert_int_equal(pol_text_time(value, &facts->now_s), 1);
	else if (strv_eq(name, STRV("media")))
		for (unsigned i = 0; i < 8; i++)
			facts->media |= strv_eq(value, strv_of(media[i])) ? 1u << i : 0;
	else
		fail_msg("no fact is called %.*s", STRV_ARG(name));
}

/* What the words do not say is not known. */
const struct pol_facts *pol_check_facts(const char *text)
{
	static struct pol_facts facts;
	struct strv rest = strv_of(text), word;

	facts = (struct pol_facts){ .size_bytes = -1, .roaming = -1, .now_s = 1767225600 };
	while (rest.n) {
		struct strv name;

		strv_cut(&rest, ' ', &word);
		if (!word.n)
			continue;
		strv_cut(&word, '=', &name);
		set_fact(&facts, name, word);
	}
	return &facts;
}

/* ---- verdicts ---- */

static void check_value(const char *why, const struct pol_verdict *verdict, struct strv name,
			struct strv value)
{
	int unsure = strv_starts(name, STRV("?"));
	enum pol_perm perm;
	char buf[64];

	name.p += unsure, name.n -= (size_t)unsure;
	perm = pol_perm_named(name);
	if (perm == POL_PERMS)
		fail_msg("%s: no permission is called %.*s", why, STRV_ARG(name));
	pol_perm_print(perm, verdict->value[perm], buf, sizeof(buf));
	if (!strv_eq(strv_of(buf), value))
		fail_msg("%s: %.*s is %s (%s)", why, STRV_ARG(name), buf,
			 pol_layer_name((enum pol_layer)verdict->layer[perm]));
	if (pol_verdict_is_unsure(verdict, perm) != unsure)
		fail_msg("%s: %.*s is %s", why, STRV_ARG(name), unsure ? "sure" : "unsure");
}

static void check_by(const char *why, const struct pol_verdict *verdict, struct strv rules)
{
	char told[1024] = "";

	for (unsigned i = 0; i < verdict->n_why; i++)
		snprintf(told + strlen(told), sizeof(told) - strlen(told), "%s%.*s", i ? "," : "",
			 STRV_ARG(pol_why_rule(&verdict->why[i])));
	if (!strv_eq(strv_of(told), rules))
		fail_msg("%s: made by %s", why, told);
}

void pol_check_verdict(const char *why, int ret, const struct pol_verdict *verdict,
		       const char *expected)
{
	struct strv rest = strv_of(expected), word, name;

	while (rest.n) {
		strv_cut(&rest, ' ', &word);
		strv_cut(&word, '=', &name);
		if (strv_eq(name, STRV("by")))
			check_by(why, verdict, word);
		else if (strv_eq(name, STRV("answer")) &&
			 !strv_eq(word, strv_of(pol_answer_name(pol_verdict_answer(verdict)))))
			fail_msg("%s: the answer is %s", why,
				 pol_answer_name(pol_verdict_answer(verdict)));
		else if (strv_eq(name, STRV("ret")) && atoi(word.p) != ret)
			fail_msg("%s: returned %d", why, ret);
		else if (!strv_eq(name, STRV("answer")) && !strv_eq(name, STRV("ret")))
			check_value(why, verdict, name, word);
	}
}

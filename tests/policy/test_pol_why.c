/* SPDX-License-Identifier: Apache-2.0 */
/* Facts that are kept, what if, and why. */
#include "tests/policy/pol_check.h"

#include <stdlib.h>
#include <string.h>

#include "policy/pol_compare.h"
#include "policy/pol_explain.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define RULE(id, conditions, actions)                                                            \
	"<cp:rule id='" id "'><cp:conditions>" conditions "</cp:conditions><cp:actions>" actions \
	"</cp:actions></cp:rule>"
#define OP(id, layer, conditions, actions) \
	RULE(id, conditions, "<op:layer>" layer "</op:layer>" actions)
#define ONE(who) "<cp:identity><cp:one id='" who "'/></cp:identity>"

/* ---- records ---- */

static void check_text(struct strv a, struct strv b)
{
	assert_true(strv_eq(a, b));
	assert_int_equal(!a.p, !b.p);
}

static void check_record(const struct pol_facts *facts)
{
	unsigned char buf[POL_FACTS_RECORD], again[POL_FACTS_RECORD];
	size_t n = pol_facts_encode(facts, buf, sizeof(buf));
	struct pol_facts out;

	assert_true(n > 0);
	assert_int_equal(pol_facts_decode(strv_mem(buf, n), &out, NULL), 0);
	assert_int_equal(out.n_ids, facts->n_ids);
	for (unsigned i = 0; i < out.n_ids; i++)
		check_text(out.id[i], facts->id[i]);
	check_text(out.sphere, facts->sphere);
	check_text(out.service, facts->service);
	check_text(out.enabler, facts->enabler);
	check_text(out.subscriber_class, facts->subscriber_class);
	check_text(out.peer_domain, facts->peer_domain);
	check_text(out.group, facts->group);
	assert_int_equal(out.anonymous, facts->anonymous);
	assert_int_equal(out.now_s, facts->now_s);
	assert_int_equal(out.media, facts->media);
	assert_int_equal(out.size_bytes, facts->size_bytes);
	assert_int_equal(out.direction, facts->direction);
	assert_int_equal(out.roaming, facts->roaming);
	assert_int_equal(pol_facts_encode(&out, again, sizeof(again)), n);
	assert_memory_equal(buf, again, n);
	/* Neither shorter nor longer, in space or in octets. */
	for (size_t cut = 0; cut < n; cut++) {
		assert_int_equal(pol_facts_encode(facts, again, cut), 0);
		assert_int_equal(pol_facts_decode(strv_mem(buf, cut), &out, NULL), -1);
	}
	buf[n] = 0;
	assert_int_equal(pol_facts_decode(strv_mem(buf, n + 1), &out, NULL), -1);
}

static void test_records(void **state)
{
	static const char *const texts[] = {
		"",
		"id=sip:bo@x.example id=tel:+4930 id=sip:c@x id=sip:d@x anon sphere=work "
		"service=file enabler=urn:s media=audio media=other size=12345678901 dir=orig "
		"class=basic peer=spam.example group=sip:g@x roaming=1 now=2026-05-01T00:00:00Z",
		"class= now=1900-01-01T00:00:00Z roaming=0 size=0 dir=term",
	};
	struct pol_facts facts = { .now_s = INT64_MIN, .size_bytes = INT64_MAX };

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		check_record(pol_check_facts(texts[i]));
	check_record(&facts);
	facts.now_s = INT64_MAX;
	check_record(&facts);
}

static void test_bad_records(void **state)
{
	static const struct {
		const char *why;
		struct strv octets;
	} rows[] = {
		{ "nothing", STRV("") },
		{ "another version", STRV("\x02\0\0\0\0\0\0\0\0\0\0\0\0\0") },
		{ "too many identities", STRV("\x01\x05\0\0\0\0\0\0\0\0\0\0\0\0") },
		{ "an identity that is not known", STRV("\x01\x01\0\0\0\0\0\0\0\0\0\0\0\0\0") },
		{ "a number in more octets than it needs", STRV("\x81\0\0\0\0\0\0\0\0\0\0\0\0\0") },
		{ "a number without an end",
		  STRV("\x01\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff") },
		{ "a number of 65 bits",
		  STRV("\x01\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02\0\0\0") },
		{ "a text beyond the end", STRV("\x01\0\0\0\x7f\0\0\0\0\0\0\0\0") },
	};
	struct pol_facts facts;
	struct err err;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (pol_facts_decode(rows[i].octets, &facts, &err) == 0 ||
		    err.code != ERR_CORRUPT || facts.n_ids)
			fail_msg("%s", rows[i].why);
}

/* ---- what if ---- */

static void test_what_if(void **state)
{
	static const char *const draft = OP("c", "cap", "<op:service name='file'/>",
					    "<op:max-file-size>5</op:max-file-size>")
		OP("f", "forced", ONE("sip:bo@x.example"), "<up:deliver>reject</up:deliver>");
	static const struct {
		const char *why, *facts;
		int differs;
		enum pol_answer after;
		unsigned n;
		enum pol_perm perm;
		int64_t value;
	} rows[] = {
		{ "not concerned", "id=sip:cy@x.example service=pager", 0, POL_ANSWER_ALLOW, 0,
		  POL_PERMS, 0 },
		{ "a limit", "id=sip:cy@x.example service=file", 1, POL_ANSWER_ALLOW, 1,
		  POL_MAX_FILE_BYTES, 5 },
		{ "another answer", "id=sip:bo@x.example service=pager", 1, POL_ANSWER_REJECT, 1,
		  POL_DELIVER, POL_DELIVER_REJECT },
		{ "both", "id=sip:bo@x.example service=file", 1, POL_ANSWER_REJECT, 2, POL_DELIVER,
		  POL_DELIVER_REJECT },
	};
	struct pol_doc *after = pol_check_doc("", POL_OPERATOR, draft);
	struct pol_layers old = { .n_user = 0 }, new = { .operator_policy = after };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		unsigned char buf[POL_FACTS_RECORD];
		size_t n = pol_facts_encode(pol_check_facts(rows[i].facts), buf, sizeof(buf));
		struct pol_facts facts;
		struct pol_diff diff;

		assert_int_equal(pol_facts_decode(strv_mem(buf, n), &facts, NULL), 0);
		if (pol_compare(&old, &new, &facts, &diff, NULL, NULL) != rows[i].differs ||
		    diff.n_changes != rows[i].n || diff.after != rows[i].after)
			fail_msg("%s: %u changes", rows[i].why, diff.n_changes);
		assert_int_equal(diff.before, POL_ANSWER_ALLOW);
		if (diff.n_changes) {
			assert_int_equal(diff.change[0].perm, rows[i].perm);
			assert_int_equal(diff.change[0].after, rows[i].value);
			assert_int_not_equal(diff.change[0].before, rows[i].value);
		}
	}
	new.operator_lost = 1;
	{
		struct pol_diff diff;

		assert_int_equal(pol_compare(&old, &new, pol_check_facts(""), &diff, NULL, NULL),
				 1);
		assert_int_equal(diff.n_changes, POL_CHANGES_MAX);
		assert_int_equal(diff.n_changes + diff.n_more, POL_PERMS);
		assert_int_equal(diff.after, POL_ANSWER_LATER);
	}
	pol_doc_drop(&after);
}

/* ---- why ---- */

static void test_explanation(void **state)
{
	static const char *const lines[] = {
		"  identities: sip:bo@x.example, tel:+4930\n",
		"  service: pager\n",
		"operator-policy test\n",
		"  no          cap1 (cap) max-file-size=5\n    no          service file\n",
		"access-rules test\n",
		"  set aside   rest (user) deliver=silent\n    yes         external-list "
		"list:friends\n",
		"  yes         bo (user) deliver=drop\n    yes         identity\n",
		"  no          gone (user) deliver=reject\n    cannot tell external-list "
		"list:gone\n"
		"    no          sphere work\n",
		"blocked: no\n",
		"verdict: drop\n  deliver = drop (user)\n  by user test bo\n",
	};
	struct pol_doc *policy = pol_check_doc("", POL_OPERATOR,
					       OP("cap1", "cap", "<op:service name='file'/>",
						  "<op:max-file-size>5</op:max-file-size>"));
	struct pol_doc *user = pol_check_doc(
		"", POL_ACCESS_RULES,
		RULE("rest",
		     "<ocp:external-list><ocp:entry anc='list:friends'/></ocp:external-list>",
		     "<up:deliver>silent</up:deliver>") RULE("bo", ONE("sip:bo@x.example"),
							     "<up:deliver>drop</up:deliver>")
			RULE("gone",
			     "<ocp:external-list><ocp:entry "
			     "anc='list:gone'/></ocp:external-list><cp:sphere value='work'/>",
			     "<up:deliver>reject</up:deliver>"));
	struct pol_doc *differing =
		pol_check_doc("", POL_OPERATOR,
			      OP("f", "forced", "", "<up:deliver>allow</up:deliver>")
				      OP("g", "forced", "", "<up:deliver>drop</up:deliver>"));
	struct pol_layers layers = { .operator_policy = policy, .user = { user }, .n_user = 1 };
	json_t *why = pol_explain(&layers, pol_check_facts("id=sip:bo@x.example id=tel:+4930 "
							   "service=pager"));
	char *text;

	(void)state;
	assert_non_null(why);
	text = pol_explain_text(why);
	assert_non_null(text);
	for (size_t i = 0; i < COUNT(lines); i++)
		if (!strstr(text, lines[i]))
			fail_msg("\"%s\" is not in\n%s", lines[i], text);
	assert_string_equal(json_string_value(
				    json_object_get(json_object_get(why, "verdict"), "answer")),
			    "drop");
	free(text);
	json_decref(why);
	layers = (struct pol_layers){ .operator_policy = differing };
	why = pol_explain(&layers, pol_check_facts(""));
	text = pol_explain_text(why);
	assert_non_null(text);
	assert_non_null(strstr(text, "forced rules differ about deliver\n"));
	free(text);
	json_decref(why);
	pol_doc_drop(&differing);
	assert_null(pol_explain_text(NULL));
	pol_doc_drop(&policy);
	pol_doc_drop(&user);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_bad_records),
		cmocka_unit_test(test_what_if),
		cmocka_unit_test(test_explanation),
	};

	return cmocka_run_group_tests(tests, pol_check_open, pol_check_close);
}

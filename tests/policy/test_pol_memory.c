/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/policy/test_pol_memory.c - memory that runs out at every allocation, and evaluation that
 * wants none
 *
 * This program replaces malloc, so no sanitizer can look on.
 */
#include "tests/policy/pol_check.h"

#include <errno.h>
#include <stdlib.h>

#include "base/xml.h"
#include "policy/pol_explain.h"
#include "policy/pol_list.h"

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

static long until_failure = -1; /* allocations; -1: no failure */
static unsigned long allocations;

static int fails(void)
{
	allocations++;
	if (until_failure < 0 || until_failure-- > 0)
		return 0;
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	return fails() ? NULL : __libc_realloc(p, size);
}

static const char prefs[] =
	"<delivery deferred='notify'><device id='a' enabled='true' priority='5'/></delivery>"
	"<storage enabled='true'><type name='file' store='false'/></storage>"
	"<cp:ruleset><cp:rule id='a'><cp:conditions><cp:identity><cp:one id='sip:a@x.example'/>"
	"<cp:many domain='x.example'><cp:except id='sip:b@x.example'/></cp:many></cp:identity>"
	"<cp:sphere value='work home'/><cp:validity><cp:from>2020-01-01T00:00:00Z</cp:from>"
	"<cp:until>2030-01-01T00:00:00Z</cp:until></cp:validity></cp:conditions><cp:actions>"
	"<deliver>silent</deliver></cp:actions></cp:rule>"
	"<cp:rule id='b'><cp:conditions><ocp:external-list><ocp:entry anc='list:friends'/>"
	"</ocp:external-list></cp:conditions><cp:actions><deliver>allow</deliver></cp:actions>"
	"</cp:rule></cp:ruleset>";

static const char group[] =
	"<list-service uri='sip:g@x.example'><list><entry uri='sip:a@x.example'/><external "
	"anchor='list:friends'/></list><cp:ruleset><cp:rule id='g'><cp:conditions>"
	"<is-list-member/></cp:conditions><cp:actions><join-handling>true</join-handling>"
	"</cp:actions></cp:rule></cp:ruleset></list-service>";

static void check_compile(enum pol_kind kind, const char *inside)
{
	struct pol_source source = { .kind = kind,
				     .name = STRV("test"),
				     .spell = &pol_check_spell };
	char *text = pol_check_text(kind, inside);
	int done = 0;

	for (long n = 0; !done; n++) {
		struct pol_doc *doc;
		struct err err = { 0 };
		int ret;

		until_failure = n;
		ret = pol_doc_parse(&source, strv_of(text), NULL, &doc, &err);
		done = until_failure >= 0;
		until_failure = -1;
		assert_int_equal(ret, doc ? 0 : -1);
		assert_int_equal(err.code, ret ? ERR_NOMEM : ERR_NONE);
		assert_true(ret == 0 || !done);
		pol_doc_drop(&doc);
	}
	free(text);
}

static void test_compile(void **state)
{
	static const struct {
		enum pol_kind kind;
		const char *inside;
	} rows[] = { { POL_USER_PREFS, prefs }, { POL_GROUP, group } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_compile(rows[i].kind, rows[i].inside);
}

static enum pol_list_outcome follow(void *arg, struct strv ref, const xmlNode **elem_out)
{
	(void)ref;
	*elem_out = xmlDocGetRootElement(arg);
	return POL_LIST_FOUND;
}

static void test_lists(void **state)
{
	struct pol_list_source source = { .follow = follow };
	struct strv ref = STRV("x");
	xmlDoc *doc;

	(void)state;
	assert_int_equal(xml_parse(STRV("<resource-lists xmlns='urn:ietf:params:xml:ns:"
					"resource-lists'><list><entry uri='sip:a@x'/><external "
					"anchor='x'/></list></resource-lists>"),
				   NULL, &doc, NULL, NULL),
			 0);
	source.arg = doc;
	for (long n = 0;; n++) {
		struct pol_set *set;
		struct err err = { 0 };
		int ret, done;

		until_failure = n;
		ret = pol_list_set(&source, &ref, 1, &set, NULL, &err);
		done = until_failure >= 0;
		until_failure = -1;
		assert_int_equal(ret, set ? 0 : -1);
		assert_int_equal(err.code, ret ? ERR_NOMEM : ERR_NONE);
		pol_set_drop(&set);
		if (done)
			break;
	}
	xmlFreeDoc(doc);
}

static void test_explain(void **state)
{
	struct pol_doc *doc = pol_check_doc("", POL_USER_PREFS, prefs);
	struct pol_layers layers = { .user = { doc }, .n_user = 1 };
	const struct pol_facts *facts = pol_check_facts("id=sip:fay@x.example sphere=work");

	(void)state;
	for (long n = 0;; n++) {
		json_t *why;
		int done;

		until_failure = n;
		why = pol_explain(&layers, facts);
		done = until_failure >= 0;
		until_failure = -1;
		assert_true(why || !done);
		json_decref(why);
		if (done)
			break;
	}
	pol_doc_drop(&doc);
}

/* What a message waits for never waits for the allocator. */
static void test_evaluation(void **state)
{
	struct pol_doc *user = pol_check_doc("", POL_USER_PREFS, prefs);
	struct pol_doc *addressed = pol_check_doc("", POL_GROUP, group);
	struct pol_set *blocked = pol_check_list("blocked");
	struct pol_layers layers = {
		.group = addressed, .user = { user, user }, .n_user = 2, .blocked = blocked
	};
	const struct pol_facts *facts =
		pol_check_facts("id=sip:fay@x.example id=tel:+4930 sphere=work group=sip:g@x "
				"service=pager enabler=urn:s class=c peer=p");
	struct pol_verdict verdict;
	unsigned long before;
	int ret;

	(void)state;
	pol_eval(&layers, facts, &verdict); /* the process's key is drawn once */
	before = allocations;
	ret = pol_eval(&layers, facts, &verdict);
	assert_true(pol_verdict_answer(&verdict) == POL_ANSWER_SILENT);
	assert_true(pol_verdict_allows(&verdict, POL_JOIN));
	pol_verdict_provides(&verdict, POL_PROVIDE_SERVICES, STRV("a"), STRV("b"));
	assert_int_equal(allocations, before);
	assert_int_equal(ret, 1);
	pol_doc_drop(&user);
	pol_doc_drop(&addressed);
	pol_set_drop(&blocked);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compile),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_explain),
		cmocka_unit_test(test_evaluation),
	};

	return cmocka_run_group_tests(tests, pol_check_open, pol_check_close);
}

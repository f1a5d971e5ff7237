/* SPDX-License-Identifier: Apache-2.0 */
/* The table of usages, and the document that is made from it (RFC 4825 s12). */
#include "tests/xdms/usage/usage_check.h"

#include <stdio.h>
#include <string.h>

#include "base/xml.h"

static struct auid_table *open_table(int with_test_app)
{
	struct auid_table *table;
	struct err err = { 0 };

	if (auid_table_open(with_test_app, &table, &err) < 0)
		fail_msg("%s", err.text);
	return table;
}

static int says(struct strv caps, const char *element, const char *text)
{
	char wanted[256];

	snprintf(wanted, sizeof(wanted), "<%s>%s</%s>", element, text, element);
	return memmem(caps.p, caps.n, wanted, strlen(wanted)) != NULL;
}

static void caps_tell_what_is_in_service(void **state)
{
	static const char *const namespaces[] = {
		"urn:ietf:params:xml:ns:xcap-caps",
		"urn:ietf:params:xml:ns:resource-lists",
		"urn:ietf:params:xml:ns:rls-services",
		"urn:ietf:params:xml:ns:common-policy",
		"urn:ietf:params:xml:ns:pres-rules",
		"urn:oma:xml:xdm:common-policy",
		"urn:oma:xml:prs:pres-rules",
		"urn:ietf:params:xml:ns:pidf",
		"urn:ietf:params:xml:ns:pidf:data-model",
		"urn:oma:xml:xdm:extensions",
		"urn:oma:xml:poc:list-service",
		"urn:opencpm:xml:user-prefs",
		"urn:opencpm:xml:operator-policy",
		"urn:oma:xml:cab:pcc",
		"urn:oma:xml:cab:address-book",
		"urn:opencpm:xml:vcard",
		"urn:oma:xml:cab:user-prefs",
		"urn:oma:xml:cab:feature-handler",
		"urn:oma:xml:xdm:user-profile",
		"urn:oma:xml:prs:pres-content",
		"urn:oma:xml:im:history-list",
		"urn:oma:xml:xdm:xcap-directory",
		"urn:oma:xml:xdm:resource-list:oma-uriusage",
		"urn:oma:xml:xdm:resource-list:oma-appusage",
		"urn:oma:xml:xdm:ap",
	};

	(void)state;
	for (int with_test_app = 0; with_test_app < 2; with_test_app++) {
		struct auid_table *table = open_table(with_test_app);
		struct arena *arena = arena_new(0);
		struct strv caps = auid_caps_print(table, arena);
		struct auid_context context = { 0 };
		struct auid_fault fault;
		struct err err = { 0 };
		size_t n = 0;

		for (; auid_at(table, n); n++)
			assert_true(says(caps, "auid", auid_at(table, n)->name));
		assert_int_equal(n, 22 + with_test_app);
		assert_int_equal(says(caps, "auid", "test-app"), with_test_app);
		for (size_t i = 0; i < sizeof(namespaces) / sizeof(namespaces[0]); i++)
			assert_true(says(caps, "namespace", namespaces[i]));
		assert_false(says(caps, "namespace", "test-app"));
		assert_false(says(caps, "namespace", "http://www.w3.org/XML/1998/namespace"));
		assert_int_equal(usage_check_text(table, &auid_xcap_caps, caps.p, &context, &fault,
						  arena, &err),
				 AUID_FAULT_NONE);
		arena_free(&arena);
		auid_table_close(&table);
	}
}

/* A namespace that is told must be known, and one whose elements are held against a schema told
 * (RFC 4825 s12.1, s8.2.5). */
static void told_namespaces_are_those_of_the_schemas(void **state)
{
	const struct auid_table *table = *state;
	const struct auid_ops *usage;
	struct xml_schema *schema;
	struct err err = { 0 };

	assert_int_equal(xml_schema_load("documents.xsd", &schema, &err), 0);
	for (size_t i = 0; (usage = auid_at(table, i)) != NULL; i++) {
		for (const char *const *ns = usage->namespaces; ns && *ns; ns++)
			assert_true(xml_schema_covers(schema, *ns));
		assert_true(!usage->schema ||
			    xml_schema_declares(schema, usage->root.ns, usage->root.local));
	}
	xml_schema_free(&schema);
}

static void every_schema_compiles_alone(void **state)
{
	const struct auid_table *table = *state;
	const struct auid_ops *usage;
	struct xml_schema *schema;
	struct err err = { 0 };

	for (size_t i = 0; (usage = auid_at(table, i)) != NULL; i++) {
		if (!usage->schema)
			continue;
		if (xml_schema_load(usage->schema, &schema, &err) < 0)
			fail_msg("%s", err.text);
		xml_schema_free(&schema);
	}
	assert_int_equal(xml_schema_load("messages.xsd", &schema, &err), 0);
	xml_schema_free(&schema);
}

static void usages_are_found_by_name(void **state)
{
	const struct auid_table *table = *state;
	struct auid_table *without = open_table(0);

	assert_ptr_equal(auid_find(table, STRV("rls-services")), &auid_rls_services);
	assert_ptr_equal(auid_find(table, STRV("test-app")), &auid_test_app);
	assert_null(auid_find(without, STRV("test-app")));
	assert_ptr_equal(auid_find(without, STRV("pidf-manipulation")), &auid_pidf_manipulation);
	assert_null(auid_find(table, STRV("resource-list")));
	assert_null(auid_find(table, STRV("resource-lists/")));
	assert_null(auid_find(table, STRV("")));
	auid_table_close(&without);
	assert_null(without);
}

static void documents_have_the_names_of_their_usage(void **state)
{
	static const struct {
		const char *why;
		const struct auid_ops *usage;
		enum auid_tree tree;
		const char *name;
		int allowed;
	} rows[] = {
		{ "lists have any name", &auid_resource_lists, AUID_USERS, "hikers", 1 },
		{ "lists of the operator too", &auid_resource_lists, AUID_GLOBAL, "staff", 1 },
		{ "no name is none", &auid_resource_lists, AUID_USERS, "", 0 },
		{ "caps are global", &auid_xcap_caps, AUID_GLOBAL, "index", 1 },
		{ "caps have one name", &auid_xcap_caps, AUID_GLOBAL, "other", 0 },
		{ "caps are no user's", &auid_xcap_caps, AUID_USERS, "index", 0 },
		{ "services of a user", &auid_rls_services, AUID_USERS, "any", 1 },
		{ "all services are one document", &auid_rls_services, AUID_GLOBAL, "any", 0 },
		{ "OMA's rules have one name", &auid_oma_pres_rules, AUID_USERS, "pres-rules", 1 },
		{ "OMA's rules by another", &auid_oma_pres_rules, AUID_USERS, "index", 0 },
		{ "several rule documents", &auid_pres_rules, AUID_USERS, "work", 1 },
		{ "no rules for all", &auid_pres_rules, AUID_GLOBAL, "index", 0 },
		{ "one presence", &auid_pidf_manipulation, AUID_USERS, "index", 1 },
		{ "no second one", &auid_pidf_manipulation, AUID_USERS, "other", 0 },
		{ "groups have any name", &auid_groups, AUID_USERS, "hikers", 1 },
		{ "one set of access rules", &auid_access_rules, AUID_USERS, "access-rules", 1 },
		{ "no second set", &auid_access_rules, AUID_USERS, "index", 0 },
		{ "one set of preferences", &auid_user_prefs, AUID_USERS, "index", 1 },
		{ "preferences are no operator's", &auid_user_prefs, AUID_GLOBAL, "index", 0 },
		{ "one card", &auid_cab_pcc, AUID_USERS, "pcc", 1 },
		{ "no second card", &auid_cab_pcc, AUID_USERS, "work", 0 },
		{ "one address book", &auid_cab_address_book, AUID_USERS, "address-book", 1 },
		{ "no book of all", &auid_cab_address_book, AUID_GLOBAL, "address-book", 0 },
		{ "a picture in its folder", &auid_pres_content, AUID_USERS,
		  "oma_status-icon/rcs_status_icon", 1 },
		{ "one directory", &auid_xcap_directory, AUID_USERS, "directory.xml", 1 },
		{ "permissions of any usage", &auid_access_permissions, AUID_USERS, "pres-rules",
		  1 },
		{ "one policy", &auid_operator_policy, AUID_GLOBAL, "index", 1 },
		{ "no policy of users", &auid_operator_policy, AUID_USERS, "index", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (auid_document_allowed(rows[i].usage, rows[i].tree, strv_of(rows[i].name)) !=
		    rows[i].allowed)
			fail_msg("%s", rows[i].why);
}

/* What everybody reads is not what everybody writes (RFC 4825 s5.7). */
static void access_is_by_default_the_owners(void **state)
{
	const struct auid_table *table = *state;
	const struct auid_ops *usage;

	for (size_t i = 0; (usage = auid_at(table, i)) != NULL; i++) {
		enum auid_access expected =
			!(usage->trees & AUID_USERS)	     ? AUID_ACCESS_NONE
			: usage == &auid_user_profile	     ? AUID_ACCESS_PROFILE
			: usage == &auid_locked_user_profile ? AUID_ACCESS_READER
			: usage == &auid_conv_history || usage == &auid_deferred_list
				? AUID_ACCESS_CLEARER
				: AUID_ACCESS_OWNER;

		assert_int_equal(usage->users_access, expected);
		assert_int_equal(!(usage->trees & AUID_GLOBAL),
				 usage->global_access == AUID_ACCESS_NONE);
	}
	assert_int_equal(auid_xcap_caps.global_access, AUID_ACCESS_EVERYONE);
	assert_int_equal(auid_rls_services.global_access, AUID_ACCESS_TRUSTED);
	assert_int_equal(auid_rls_services.computed, AUID_GLOBAL);
	assert_int_equal(auid_operator_policy.global_access, AUID_ACCESS_TRUSTED);
	assert_int_equal(auid_operator_policy.computed, 0);
}

static void documents_have_other_names(void **state)
{
	(void)state;
	assert_true(strv_eq(auid_document_name(&auid_cab_pcc, STRV("PCC.xml")), STRV("pcc")));
	assert_true(strv_eq(auid_document_name(&auid_cab_pcc, STRV("pcc")), STRV("pcc")));
	assert_true(strv_eq(auid_document_name(&auid_groups, STRV("PCC.xml")), STRV("PCC.xml")));
}

static void test_app_takes_any_document(void **state)
{
	static const char *const texts[] = {
		"<a/>", "<a xmlns='test-app'><b/>text</a>",
		"<entry xmlns='urn:ietf:params:xml:ns:resource-lists'/>"
	};
	struct arena *arena = arena_new(0);
	struct auid_context context = { 0 };
	struct auid_fault fault;
	struct err err = { 0 };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(usage_check_text(*state, &auid_test_app, texts[i], &context,
						  &fault, arena, &err),
				 AUID_FAULT_NONE);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(caps_tell_what_is_in_service),
		cmocka_unit_test(told_namespaces_are_those_of_the_schemas),
		cmocka_unit_test(every_schema_compiles_alone),
		cmocka_unit_test(usages_are_found_by_name),
		cmocka_unit_test(documents_have_the_names_of_their_usage),
		cmocka_unit_test(access_is_by_default_the_owners),
		cmocka_unit_test(documents_have_other_names),
		cmocka_unit_test(test_app_takes_any_document),
	};

	return cmocka_run_group_tests(tests, usage_open, usage_close);
}

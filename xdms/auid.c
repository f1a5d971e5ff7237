/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/auid.c - the table of application usages (see auid.h)
 *
 * What is looked up by name, and the document that lists it all. Validation is in auid_check.c, the
 * order of children in auid_model.c, references in auid_ref.c.
 */
#include "xdms/auid.h"

#include <stdlib.h>

#include "xdms/auid_priv.h"

#define SCHEMA_SET "documents.xsd"

/* Of all usages; test-app comes last, because it need not be in service. */
static const struct auid_ops *const usages[] = {
	&auid_xcap_caps,
	&auid_resource_lists,
	&auid_rls_services,
	&auid_pres_rules,
	&auid_oma_pres_rules,
	&auid_pidf_manipulation,
	&auid_access_rules,
	&auid_groups,
	&auid_user_prefs,
	&auid_operator_policy,
	&auid_cab_pcc,
	&auid_cab_address_book,
	&auid_cab_user_prefs,
	&auid_cab_feature_handler,
	&auid_group_usage_list,
	&auid_user_profile,
	&auid_locked_user_profile,
	&auid_pres_content,
	&auid_conv_history,
	&auid_deferred_list,
	&auid_xcap_directory,
	&auid_access_permissions,
	&auid_test_app,
};

enum { N_USAGES = sizeof(usages) / sizeof(usages[0]) };

int auid_table_open(int with_test_app, struct auid_table **table_out, struct err *err)
{
	struct auid_table *table = calloc(1, sizeof(*table));

	*table_out = NULL;
	if (!table)
		return err_set(err, ERR_NOMEM, "out of memory");
	table->with_test_app = with_test_app;
	if (xml_schema_load(SCHEMA_SET, &table->schema, err) < 0) {
		free(table);
		return -1;
	}
	*table_out = table;
	return 0;
}

void auid_table_close(struct auid_table **table_at)
{
	struct auid_table *table = *table_at;

	*table_at = NULL;
	if (!table)
		return;
	xml_schema_free(&table->schema);
	free(table);
}

const struct auid_ops *auid_at(const struct auid_table *table, size_t i)
{
	size_t n = N_USAGES - (table->with_test_app ? 0 : 1);

	return i < n ? usages[i] : NULL;
}

const struct auid_ops *auid_find(const struct auid_table *table, struct strv name)
{
	const struct auid_ops *usage;

	for (size_t i = 0; (usage = auid_at(table, i)) != NULL; i++)
		if (strv_eq(strv_of(usage->name), name))
			return usage;
	return NULL;
}

int auid_document_allowed(const struct auid_ops *usage, enum auid_tree tree, struct strv name)
{
	const char *const *allowed = usage->documents;

	if (!(usage->trees & tree) || name.n == 0)
		return 0;
	if (tree == AUID_GLOBAL)
		return !usage->global_document || strv_eq(strv_of(usage->global_document), name);
	for (; allowed && *allowed; allowed++)
		if (strv_eq(strv_of(*allowed), name))
			return 1;
	return !usage->documents;
}

struct strv auid_document_name(const struct auid_ops *usage, struct strv name)
{
	const char *const *alias = usage->aliases;

	for (; alias && alias[0]; alias += 2)
		if (strv_eq(strv_of(alias[0]), name))
			return strv_of(alias[1]);
	return name;
}

/* ---- xcap-caps ---- */

static void print_element(struct xcap_print *out, const char *name, const char *text)
{
	xcap_print_str(out, "<");
	xcap_print_str(out, name);
	xcap_print_str(out, ">");
	xcap_print_xml(out, strv_of(text));
	xcap_print_str(out, "</");
	xcap_print_str(out, name);
	xcap_print_str(out, ">");
}

/* 1 when a usage before number I advertises NS too. */
static int told_before(const struct auid_table *table, size_t i, const char *ns)
{
	for (size_t k = 0; k < i; k++)
		for (const char *const *p = auid_at(table, k)->namespaces; p && *p; p++)
			if (strcmp(*p, ns) == 0)
				return 1;
	return 0;
}

static void print_namespaces(struct xcap_print *out, const struct auid_table *table)
{
	const struct auid_ops *usage;

	for (size_t i = 0; (usage = auid_at(table, i)) != NULL; i++)
		for (const char *const *p = usage->namespaces; p && *p; p++)
			if (!told_before(table, i, *p))
				print_element(out, "namespace", *p);
}

struct strv auid_caps_print(const struct auid_table *table, struct arena *arena)
{
	struct xcap_print out = { .arena = arena };
	const struct auid_ops *usage;

	xcap_print_str(&out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
			     "<xcap-caps xmlns=\"" NS_XCAP_CAPS "\"><auids>");
	for (size_t i = 0; (usage = auid_at(table, i)) != NULL; i++)
		print_element(&out, "auid", usage->name);
	/* None of our own: every step of a selector that is not in RFC 4825 is a 404. */
	xcap_print_str(&out, "</auids><extensions/><namespaces>");
	print_namespaces(&out, table);
	xcap_print_str(&out, "</namespaces></xcap-caps>\n");
	return xcap_print_end(&out);
}

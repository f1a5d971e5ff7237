/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/usage/cab_address_book.c - a user's contacts and groups of them (OMA CAB)
 *
 * The structure is the project's (xdm.md 8.3); a contact holds what a contact card does. Contacts
 * are judged one by one, so that a change of one costs the same in a large book. A group that a
 * contact names need not be there (RFC 4825 s5.3).
 */
#include "xdms/auid_priv.h"

const struct auid_model auid_models_cab_address_book[] = {
	{ { NS_ADDRESS_BOOK, "address-book" },
	  NS_ADDRESS_BOOK,
	  1,
	  { { .names = "contact group", .others = 1 } } },
	{ { NS_ADDRESS_BOOK, "contact" },
	  NS_ADDRESS_BOOK,
	  1,
	  { { .names = "contact-status note photo group-ref", .others = 1 } } },
	{ { NS_ADDRESS_BOOK, "contact-status" },
	  NS_ADDRESS_BOOK,
	  1,
	  { { .names = "subscription", .single = 1 } } },
	{ { NS_ADDRESS_BOOK, "photo" },
	  NS_PCC,
	  3,
	  {
		  { .names = "media", .single = 1, .required = 1 },
		  { .names = "media-content", .single = 1 },
		  { .names = "label", .single = 1 },
	  } },
	{ { NS_ADDRESS_BOOK, "group" },
	  NS_ADDRESS_BOOK,
	  2,
	  { { .names = "display-name", .single = 1, .required = 1 }, { .others = 1 } } },
	{ { NULL, NULL }, NULL, 0, { { 0 } } },
};

static const struct auid_name person_name = { NS_PCC, "person-details" };
static const struct auid_name org_name = { NS_PCC, "org-details" };
static const struct auid_name status_name = { NS_ADDRESS_BOOK, "contact-status" };
static const struct auid_name photo_name = { NS_ADDRESS_BOOK, "photo" };

static int check_contact(xmlNode *contact, const struct auid_context *context, struct err *err)
{
	unsigned n_details = 0, n_status = 0, n_photos = 0;

	(void)context;
	for (const xmlNode *node = contact->children; node; node = node->next) {
		n_details += auid_node_is(node, &person_name) || auid_node_is(node, &org_name);
		n_status += auid_node_is(node, &status_name) ? 1 : 0;
		n_photos += auid_node_is(node, &photo_name) ? 1 : 0;
	}
	if (n_details != 1)
		return err_set(err, ERR_SYNTAX,
			       "a contact has one of person-details and org-details");
	if (n_status > 1 || n_photos > 1)
		return err_set(err, ERR_SYNTAX, "a contact has at most one %s",
			       n_status > 1 ? "contact-status" : "photo");
	return 0;
}

static const char *const namespaces[] = { NS_ADDRESS_BOOK, NS_PCC, NS_VCARD, NULL };
static const char *const documents[] = { "address-book", NULL };

static const struct auid_unique unique[] = {
	{ AUID_SIBLINGS, AUID_FAULT_UNIQUENESS, { NS_ADDRESS_BOOK, "contact" }, "id" },
	{ AUID_SIBLINGS, AUID_FAULT_UNIQUENESS, { NS_ADDRESS_BOOK, "group" }, "id" },
	AUID_UNIQUE_IDS,
	{ 0 },
};

static const struct auid_rule rules[] = {
	{ { NS_ADDRESS_BOOK, "contact" }, check_contact },
	AUID_RULES_PCC,
	{ { NULL, NULL }, NULL },
};

const struct auid_ops auid_cab_address_book = {
	.name = "org.openmobilealliance.cab-address-book",
	.mime = "application/vnd.oma.cab-address-book+xml",
	.ns = NS_ADDRESS_BOOK,
	.schema = "cab-address-book.xsd",
	.root = { NS_ADDRESS_BOOK, "address-book" },
	.trees = AUID_USERS,
	.documents = documents,
	.max_bytes = 56 * 1024 * 1024, /* 50,000 contacts with all that a phone keeps of them */
	.max_nodes = 1500000,
	.users_access = AUID_ACCESS_OWNER,
	.namespaces = namespaces,
	.unique = unique,
	.rules = rules,
	.unit = { NS_ADDRESS_BOOK, "contact" },
};

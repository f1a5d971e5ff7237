/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/usage/cab_pcc.c - a user's own contact card (OMA CAB, personal contact card)
 *
 * Clients send the parts of a card one by one, in any order; each part may be there once. What a
 * card says of media is a reference or small. The rows and constraints serve the contacts of
 * address books too.
 */
#include "xdms/auid_priv.h"

/* Base64 as it stands in the document: a small picture. */
enum { CONTENT_MAX_BYTES = 64 * 1024 };

#define PERSON_PARTS  "comm-addr name birth address career media-list web-resources category-list"
#define ORG_PARTS     "name org-description comm-addr address media-list web-resources category-list"
#define NAME_PARTS    "prefix given middle family first suffix display-name"
#define ADDRESS_PARTS "addr-string po-box extended street area locality region postal-code country"

const struct auid_model auid_models_cab_pcc[] = {
	{ { NS_PCC, "pcc" },
	  NS_PCC,
	  2,
	  {
		  { .names = "person-details", .alternative = 1 },
		  { .names = "org-details", .alternative = 2 },
	  } },
	{ { NS_PCC, "person-details" }, NS_PCC, 1, { { .names = PERSON_PARTS, .others = 1 } } },
	{ { NS_PCC, "org-details" }, NS_PCC, 1, { { .names = ORG_PARTS, .others = 1 } } },
	{ { NS_PCC, "name" }, NS_PCC, 1, { { .names = "name-entry", .required = 1 } } },
	{ { NS_PCC, "name-entry" }, NS_PCC, 1, { { .names = NAME_PARTS, .others = 1 } } },
	{ { NS_PCC, "address" }, NS_PCC, 1, { { .names = "address-entry", .required = 1 } } },
	{ { NS_PCC, "address-entry" },
	  NS_PCC,
	  2,
	  {
		  { .names = "label", .single = 1 },
		  { .names = "address-data", .single = 1, .required = 1 },
	  } },
	{ { NS_PCC, "address-data" }, NS_PCC, 1, { { .names = ADDRESS_PARTS, .others = 1 } } },
	{ { NS_PCC, "comm-addr" }, NS_PCC, 1, { { .names = "uri-entry tel" } } },
	{ { NS_PCC, "uri-entry" },
	  NS_PCC,
	  3,
	  {
		  { .names = "addr-uri", .single = 1, .required = 1 },
		  { .names = "label", .single = 1 },
		  { .names = "custom-label", .single = 1 },
	  } },
	{ { NS_PCC, "tel" },
	  NS_PCC,
	  3,
	  {
		  { .names = "tel-nb", .single = 1, .required = 1 },
		  { .names = "label", .single = 1 },
		  { .names = "custom-label", .single = 1 },
	  } },
	{ { NS_PCC, "tel-nb" },
	  NS_PCC,
	  1,
	  { { .names = "tel-str tel-string", .single = 1, .required = 1 } } },
	{ { NS_PCC, "birth" },
	  NS_PCC,
	  2,
	  { { .names = "birth-date", .single = 1 }, { .names = "place", .single = 1 } } },
	{ { NS_PCC, "birth-date" },
	  NS_PCC,
	  1,
	  { { .names = "date non-greg-date", .single = 1, .required = 1 } } },
	{ { NS_PCC, "career" },
	  NS_PCC,
	  2,
	  { { .names = "employer", .single = 1 }, { .names = "duty", .single = 1 } } },
	{ { NS_PCC, "media-list" }, NS_PCC, 1, { { .names = "media-entry", .required = 1 } } },
	{ { NS_PCC, "media-entry" },
	  NS_PCC,
	  3,
	  {
		  { .names = "media", .single = 1, .required = 1 },
		  { .names = "media-content", .single = 1 },
		  { .names = "label", .single = 1 },
	  } },
	{ { NS_PCC, "media" },
	  NS_PCC,
	  1,
	  { { .names = "media-url content", .single = 1, .required = 1 } } },
	{ { NS_PCC, "web-resources" }, NS_PCC, 1, { { .names = "web-entry" } } },
	{ { NS_PCC, "web-entry" },
	  NS_PCC,
	  3,
	  {
		  { .names = "url", .single = 1, .required = 1 },
		  { .names = "label", .single = 1 },
		  { .names = "custom-label", .single = 1 },
	  } },
	{ { NS_PCC, "category-list" }, NS_PCC, 1, { { .names = "category-entry" } } },
	{ { NULL, NULL }, NULL, 0, { { 0 } } },
};

/* ---- parts that are there once ---- */

int auid_check_once(const xmlNode *parent, struct err *err)
{
	for (const xmlNode *node = parent->children; node; node = node->next) {
		if (node->type != XML_ELEMENT_NODE || !node->ns ||
		    !xmlStrEqual(node->ns->href, parent->ns->href))
			continue;
		for (const xmlNode *other = parent->children; other != node; other = other->next)
			if (other->type == XML_ELEMENT_NODE && other->ns &&
			    xmlStrEqual(other->ns->href, parent->ns->href) &&
			    xmlStrEqual(other->name, node->name))
				return err_set(err, ERR_SYNTAX, "%.80s is there twice in %.80s",
					       (const char *)node->name,
					       (const char *)parent->name);
	}
	return 0;
}

int auid_check_pcc_parts(xmlNode *elem, const struct auid_context *context, struct err *err)
{
	(void)context;
	return auid_check_once(elem, err);
}

/* ---- values ---- */

/* The element's text, of at most what one sentence takes where it is wrong. */
static int check_text(xmlNode *elem, int (*is_right)(struct strv text), const char *what,
		      struct err *err)
{
	xmlChar *text = xmlNodeGetContent(elem);
	int right;

	if (!text)
		return err_set(err, ERR_NOMEM, "out of memory");
	right = is_right(strv_trim(strv_of((const char *)text)));
	xmlFree(text);
	return right ? 0
		     : err_set(err, ERR_SYNTAX, "%.80s is not %s", (const char *)elem->name, what);
}

int auid_check_pcc_uri(xmlNode *elem, const struct auid_context *context, struct err *err)
{
	(void)context;
	return check_text(elem, auid_ref_is_uri, "an absolute URI", err);
}

/* Who opens a card fetches its pictures: not in the clear. */
static int is_https(struct strv text)
{
	struct err err;

	return text.n > 8 && strv_caseeq(strv_mem(text.p, 8), STRV("https://")) &&
	       auid_ref_absolute(text, &err) == 0;
}

int auid_check_pcc_media_url(xmlNode *elem, const struct auid_context *context, struct err *err)
{
	(void)context;
	return check_text(elem, is_https, "an https URI", err);
}

static int is_small(struct strv text)
{
	return text.n <= CONTENT_MAX_BYTES;
}

int auid_check_pcc_content(xmlNode *elem, const struct auid_context *context, struct err *err)
{
	(void)context;
	return check_text(elem, is_small, "of at most 65536 octets: refer to it by media-url", err);
}

/* ---- the card ---- */

static const struct auid_name person_name = { NS_PCC, "person-details" };
static const struct auid_name org_name = { NS_PCC, "org-details" };

/* Several descriptions of one person would be views, which are made by transformation here. */
static int check_details(const xmlNode *card, struct strv type, struct err *err)
{
	unsigned n_persons = 0, n_orgs = 0;

	for (const xmlNode *node = card->children; node; node = node->next) {
		n_persons += auid_node_is(node, &person_name) ? 1 : 0;
		n_orgs += auid_node_is(node, &org_name) ? 1 : 0;
	}
	if (strv_eq(type, STRV("individual")) && (n_persons != 1 || n_orgs != 0))
		return err_set(err, ERR_SYNTAX,
			       "the card of an individual has exactly one person-details");
	if (strv_eq(type, STRV("organization")) && n_persons != 0)
		return err_set(err, ERR_SYNTAX, "the card of an organization has org-details");
	if (n_persons + n_orgs == 0)
		return err_set(err, ERR_SYNTAX, "the card describes nobody");
	return 0;
}

/* One client spells the attribute "type". */
static int check_card(xmlNode *card, const struct auid_context *context, struct err *err)
{
	xmlChar *buffer, *other = NULL;
	struct strv type = auid_attr(card, "pcc-type", &buffer);
	int ret;

	(void)context;
	if (!type.p)
		type = auid_attr(card, "type", &other);
	if (!type.p)
		ret = err_set(err, ERR_SYNTAX, "the card has no pcc-type");
	else
		ret = check_details(card, type, err);
	xmlFree(buffer);
	xmlFree(other);
	return ret;
}

static const char *const namespaces[] = { NS_PCC, NULL };
static const char *const documents[] = { "pcc", NULL };
static const char *const aliases[] = { "PCC.xml", "pcc", NULL }; /* of one client's */

static const struct auid_unique unique[] = {
	AUID_UNIQUE_IDS,
	{ 0 },
};

static const struct auid_rule rules[] = {
	{ { NS_PCC, "pcc" }, check_card },
	AUID_RULES_PCC,
	{ { NULL, NULL }, NULL },
};

const struct auid_ops auid_cab_pcc = {
	.name = "org.openmobilealliance.cab-pcc",
	.mime = "application/vnd.oma.cab-pcc+xml",
	.ns = NS_PCC,
	.schema = "cab-pcc.xsd",
	.root = { NS_PCC, "pcc" },
	.trees = AUID_USERS,
	.documents = documents,
	.aliases = aliases,
	.max_bytes = 256 * 1024,
	.users_access = AUID_ACCESS_OWNER,
	.namespaces = namespaces,
	.unique = unique,
	.rules = rules,
	.unit = { NS_PCC, "pcc" },
};

/* SPDX-License-Identifier: Apache-2.0 */
/* xdms/auid_priv.h - what auid*.c and the usages share */
#ifndef XDMS_AUID_PRIV_H
#define XDMS_AUID_PRIV_H

#include "base/xml.h"
#include "xdms/auid.h"

#define NS_RESOURCE_LISTS "urn:ietf:params:xml:ns:resource-lists"
#define NS_RLS_SERVICES	  "urn:ietf:params:xml:ns:rls-services"
#define NS_COMMON_POLICY  "urn:ietf:params:xml:ns:common-policy"
#define NS_PRES_RULES	  "urn:ietf:params:xml:ns:pres-rules"
#define NS_XCAP_CAPS	  "urn:ietf:params:xml:ns:xcap-caps"
#define NS_PIDF		  "urn:ietf:params:xml:ns:pidf"
#define NS_PIDF_DATA	  "urn:ietf:params:xml:ns:pidf:data-model"
#define NS_OMA_POLICY	  "urn:oma:xml:xdm:common-policy"
#define NS_OMA_PRES_RULES "urn:oma:xml:prs:pres-rules"
#define NS_OMA_EXTENSIONS "urn:oma:xml:xdm:extensions"
#define NS_GROUPS	  "urn:oma:xml:poc:list-service"
#define NS_USER_PREFS	  "urn:opencpm:xml:user-prefs"
#define NS_OPERATOR	  "urn:opencpm:xml:operator-policy"
#define NS_PCC		  "urn:oma:xml:cab:pcc"
#define NS_ADDRESS_BOOK	  "urn:oma:xml:cab:address-book"
#define NS_VCARD	  "urn:opencpm:xml:vcard"
#define NS_CAB_PREFS	  "urn:oma:xml:cab:user-prefs"
#define NS_FEATURES	  "urn:oma:xml:cab:feature-handler"
#define NS_USER_PROFILE	  "urn:oma:xml:xdm:user-profile"
#define NS_PRES_CONTENT	  "urn:oma:xml:prs:pres-content"
#define NS_HISTORY	  "urn:oma:xml:im:history-list"
#define NS_DIRECTORY	  "urn:oma:xml:xdm:xcap-directory"
#define NS_URI_USAGE	  "urn:oma:xml:xdm:resource-list:oma-uriusage"
#define NS_APP_USAGE	  "urn:oma:xml:xdm:resource-list:oma-appusage"
#define NS_ACCESS	  "urn:oma:xml:xdm:ap"

/* ---- the order of children ---- */

enum { AUID_SLOTS_MAX = 11 };

/* A run of siblings: any of NAMES, and with OTHERS any element of another namespace than the
 * model's (XSD's ##other), in any order. */
struct auid_slot {
	const char *names;	   /* separated by blanks; NULL: none */
	unsigned char others;	   /* 1: foreign elements too */
	unsigned char required;	   /* 1: at least one */
	unsigned char single;	   /* 1: at most one */
	unsigned char alternative; /* not 0: never beside slots of another alternative */
};

/* The children of one element: its slots, in this order. No name stands in two slots. */
struct auid_model {
	struct auid_name parent; /* .local NULL ends a table */
	const char *child_ns;	 /* of the names in the slots */
	unsigned n_slots;
	struct auid_slot slot[AUID_SLOTS_MAX];
};

extern const struct auid_model auid_models_resource_lists[];
extern const struct auid_model auid_models_rls_services[];
extern const struct auid_model auid_models_common_policy[];
extern const struct auid_model auid_models_pres_rules[];
extern const struct auid_model auid_models_oma_policy[];
extern const struct auid_model auid_models_pidf[];
extern const struct auid_model auid_models_groups[];
extern const struct auid_model auid_models_user_prefs[];
extern const struct auid_model auid_models_cab_pcc[];
extern const struct auid_model auid_models_cab_address_book[];
extern const struct auid_model auid_models_cab_user_prefs[];
extern const struct auid_model auid_models_cab_feature_handler[];
extern const struct auid_model auid_models_user_profile[];
extern const struct auid_model auid_models_pres_content[];
extern const struct auid_model auid_models_oma_usage[];
extern const struct auid_model auid_models_access_permissions[];

/* All of the above, NULL-terminated: for auid_model.c and its test. */
extern const struct auid_model *const auid_model_tables[];

/* ---- the table's insides ---- */

struct auid_table {
	struct xml_schema *schema;
	int with_test_app;
};

/* 1 when NODE is an element of that name. */
int auid_node_is(const xmlNode *node, const struct auid_name *name);

/* The element behind NODE in document order below ROOT (itself included); NULL: none. */
xmlNode *auid_next_element(const xmlNode *root, xmlNode *node);

/* Uniqueness inside ROOT, to which PATH leads. 0, or -1 as auid_validate. */
int auid_check_unique(const struct auid_ops *usage, xmlNode *root, const struct auid_step *path,
		      size_t n, struct arena *arena, struct auid_fault *fault_out, struct err *err);

/* ---- references (xdms/auid_ref.c) ---- */

/* TEXT is an absolute http or https URI, percent-encoded. 0, or -1 with the sentence. */
int auid_ref_absolute(struct strv text, struct err *err);

/* TEXT is a relative path reference, percent-encoded: no scheme, no leading "/". */
int auid_ref_relative(struct strv text, struct err *err);

/* TEXT is an absolute URI of this server's XCAP root (when CONTEXT knows it), of the AUID
 * resource-lists, and in the users tree of the same user as CONTEXT's. */
int auid_ref_own_list(struct strv text, const struct auid_context *context, struct err *err);

/* 1 when IDENTITY is whose document CONTEXT's is. */
int auid_is_owner(const struct auid_context *context, struct strv identity);

/* 1 when TEXT begins with a scheme and a colon, and goes on (RFC 3986 s3.1). */
int auid_ref_is_uri(struct strv text);

/* The IDs that any document may hold, wherever the schema lets them stand. */
#define AUID_UNIQUE_IDS                                                                 \
	{ AUID_DOCUMENT, AUID_FAULT_SCHEMA, { NS_COMMON_POLICY, "rule" }, "id" },       \
		{ AUID_DOCUMENT, AUID_FAULT_SCHEMA, { NS_PIDF, "tuple" }, "id" },       \
		{ AUID_DOCUMENT, AUID_FAULT_SCHEMA, { NS_PIDF_DATA, "person" }, "id" }, \
	{                                                                               \
		AUID_DOCUMENT, AUID_FAULT_SCHEMA, { NS_PIDF_DATA, "device" }, "id"      \
	}

/* What RFC 4826 s3.4.5 says of lists, here and inside RLS services. */
#define AUID_UNIQUE_LISTS                                                                         \
	{ AUID_SIBLINGS, AUID_FAULT_UNIQUENESS, { NS_RESOURCE_LISTS, "list" }, "name" },          \
		{ AUID_SIBLINGS, AUID_FAULT_UNIQUENESS, { NS_RESOURCE_LISTS, "entry" }, "uri" },  \
		{ AUID_SIBLINGS,                                                                  \
		  AUID_FAULT_UNIQUENESS,                                                          \
		  { NS_RESOURCE_LISTS, "entry-ref" },                                             \
		  "ref" },                                                                        \
	{                                                                                         \
		AUID_SIBLINGS, AUID_FAULT_UNIQUENESS, { NS_RESOURCE_LISTS, "external" }, "anchor" \
	}

int auid_check_entry_ref(xmlNode *elem, const struct auid_context *context, struct err *err);
int auid_check_external(xmlNode *elem, const struct auid_context *context, struct err *err);

/* An entry of OMA's external-list leads to a list of the same user's. */
int auid_check_list_entry(xmlNode *elem, const struct auid_context *context, struct err *err);

/* ---- contact cards (xdms/usage/cab_pcc.c) ---- */

/* No two children of PARENT in its own namespace have one name. 0, or -1 with the sentence. */
int auid_check_once(const xmlNode *parent, struct err *err);

int auid_check_pcc_parts(xmlNode *elem, const struct auid_context *context, struct err *err);
int auid_check_pcc_uri(xmlNode *elem, const struct auid_context *context, struct err *err);
int auid_check_pcc_media_url(xmlNode *elem, const struct auid_context *context, struct err *err);
int auid_check_pcc_content(xmlNode *elem, const struct auid_context *context, struct err *err);

/* What holds for a card wherever it stands. */
#define AUID_RULES_PCC                                                 \
	{ { NS_PCC, "person-details" }, auid_check_pcc_parts },        \
		{ { NS_PCC, "org-details" }, auid_check_pcc_parts },   \
		{ { NS_PCC, "name-entry" }, auid_check_pcc_parts },    \
		{ { NS_PCC, "address-data" }, auid_check_pcc_parts },  \
		{ { NS_PCC, "addr-uri" }, auid_check_pcc_uri },        \
		{ { NS_PCC, "media-url" }, auid_check_pcc_media_url }, \
	{                                                              \
		{ NS_PCC, "content" }, auid_check_pcc_content          \
	}

/* The value of ATTR of ELEM without blanks around it, in BUFFER_OUT (free with xmlFree); empty and
 * NULL when there is none. */
struct strv auid_attr(const xmlNode *elem, const char *attr, xmlChar **buffer_out);

#endif

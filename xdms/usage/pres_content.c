/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/usage/pres_content.c - status icons and the like (OMA presence content)
 *
 * One document in a folder for each use. Who watches a user's presence is shown where it is; who
 * may fetch it is said by access permissions. Nobody reads it unknown.
 */
#include "xdms/auid_priv.h"

/* As base64 in the document; as one server in use has it. */
enum { DATA_MAX_BYTES = 300 * 1024 };

const struct auid_model auid_models_pres_content[] = {
	{ { NS_PRES_CONTENT, "content" },
	  NS_PRES_CONTENT,
	  5,
	  {
		  { .names = "mime-type", .single = 1 },
		  { .names = "encoding", .single = 1 },
		  { .names = "description" },
		  { .names = "data", .single = 1, .required = 1 },
		  { .others = 1 },
	  } },
	{ { NULL, NULL }, NULL, 0, { { 0 } } },
};

static int is_image(struct strv type)
{
	return strv_caseeq(type, STRV("image/jpeg")) || strv_caseeq(type, STRV("image/gif")) ||
	       strv_caseeq(type, STRV("image/png"));
}

static int is_base64_name(struct strv encoding)
{
	return strv_caseeq(encoding, STRV("base64"));
}

static int is_base64_char(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '+' || c == '/';
}

/* RFC 4648 s4, with white space anywhere, as XML has it. */
static int is_base64(struct strv data)
{
	size_t n = 0, n_pad = 0;

	for (size_t i = 0; i < data.n; i++) {
		char c = data.p[i];

		if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
			continue;
		if (c == '=')
			n_pad++;
		else if (!is_base64_char(c) || n_pad)
			return 0;
		n++;
	}
	return n % 4 == 0 && n_pad <= 2;
}

static int check_text(xmlNode *elem, int (*is_right)(struct strv text), const char *what,
		      struct err *err)
{
	xmlChar *text = xmlNodeGetContent(elem);
	struct strv value = strv_trim(strv_of((const char *)text));
	int ret = 0;

	if (!text)
		return err_set(err, ERR_NOMEM, "out of memory");
	if (value.n > DATA_MAX_BYTES)
		ret = err_set(err, ERR_LIMIT, "%.40s has more than %d octets",
			      (const char *)elem->name, DATA_MAX_BYTES);
	else if (!is_right(value))
		ret = err_set(err, ERR_SYNTAX, "%.40s is not %s", (const char *)elem->name, what);
	xmlFree(text);
	return ret;
}

static int check_type(xmlNode *elem, const struct auid_context *context, struct err *err)
{
	(void)context;
	return check_text(elem, is_image, "image/jpeg, image/gif or image/png", err);
}

static int check_encoding(xmlNode *elem, const struct auid_context *context, struct err *err)
{
	(void)context;
	return check_text(elem, is_base64_name, "base64", err);
}

static int check_data(xmlNode *elem, const struct auid_context *context, struct err *err)
{
	(void)context;
	return check_text(elem, is_base64, "base64", err);
}

static const char *const namespaces[] = { NS_PRES_CONTENT, NULL };

static const struct auid_unique unique[] = {
	AUID_UNIQUE_IDS,
	{ 0 },
};

static const struct auid_rule rules[] = {
	{ { NS_PRES_CONTENT, "mime-type" }, check_type },
	{ { NS_PRES_CONTENT, "encoding" }, check_encoding },
	{ { NS_PRES_CONTENT, "data" }, check_data },
	{ { NULL, NULL }, NULL },
};

const struct auid_ops auid_pres_content = {
	.name = "org.openmobilealliance.pres-content",
	.mime = "application/vnd.oma.pres-content+xml",
	.ns = NS_PRES_CONTENT,
	.schema = "pres-content.xsd",
	.root = { NS_PRES_CONTENT, "content" },
	.trees = AUID_USERS,
	.folders = 1,
	.max_bytes = 384 * 1024,
	.users_access = AUID_ACCESS_OWNER,
	.namespaces = namespaces,
	.unique = unique,
	.rules = rules,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* xdms/xcap_fault.c - see xcap_fault.h */
#include "xdms/xcap_fault.h"

#include "xdms/xcap_text.h"

static const char *const names[XCAP_FAULTS] = {
	[XCAP_FAULT_NONE] = "none",
	[XCAP_NOT_WELL_FORMED] = "not-well-formed",
	[XCAP_NOT_UTF8] = "not-utf-8",
	[XCAP_NOT_XML_FRAG] = "not-xml-frag",
	[XCAP_NOT_XML_ATT_VALUE] = "not-xml-att-value",
	[XCAP_NO_PARENT] = "no-parent",
	[XCAP_SCHEMA_VALIDATION_ERROR] = "schema-validation-error",
	[XCAP_CANNOT_INSERT] = "cannot-insert",
	[XCAP_CANNOT_DELETE] = "cannot-delete",
	[XCAP_UNIQUENESS_FAILURE] = "uniqueness-failure",
	[XCAP_CONSTRAINT_FAILURE] = "constraint-failure",
	[XCAP_LOCAL_LIMIT] = "local-constraint-failure",
};

const char *xcap_fault_name(enum xcap_fault_kind kind)
{
	return kind < XCAP_FAULTS ? names[kind] : "unknown";
}

int xcap_fault_status(enum xcap_fault_kind kind)
{
	return kind > XCAP_FAULT_NONE && kind < XCAP_FAULTS ? 409 : 500;
}

/* Parsers put pieces of what they refuse into their sentences. */
static struct strv clean(const char *phrase, struct arena *arena)
{
	struct strv s = strv_of(phrase);
	char *to = arena_alloc(arena, s.n + 1);
	size_t n = 0;

	if (!to)
		return strv_mem(NULL, 0);
	while (s.n) {
		unsigned k = xcap_char(s, NULL);

		memcpy(to + n, s.p, k);
		n += k;
		k = k ? k : 1;
		s.p += k;
		s.n -= k;
	}
	return strv_mem(to, n);
}

int xcap_fault_set(struct xcap_fault *fault_out, enum xcap_fault_kind kind, const char *phrase,
		   struct arena *arena)
{
	memset(fault_out, 0, sizeof(*fault_out));
	fault_out->kind = kind;
	fault_out->phrase = clean(phrase, arena);
	return 1;
}

static void print_attr(struct xcap_print *print, const char *name, struct strv value)
{
	xcap_print_str(print, " ");
	xcap_print_str(print, name);
	xcap_print_str(print, "=\"");
	xcap_print_xml(print, value);
	xcap_print_str(print, "\"");
}

static void print_text(struct xcap_print *print, const char *name, struct strv text)
{
	xcap_print_str(print, "<");
	xcap_print_str(print, name);
	xcap_print_str(print, ">");
	xcap_print_xml(print, text);
	xcap_print_str(print, "</");
	xcap_print_str(print, name);
	xcap_print_str(print, ">");
}

static void print_exists(struct xcap_print *print, const struct xcap_exists *exists)
{
	xcap_print_str(print, "<exists");
	print_attr(print, "field", exists->field);
	xcap_print_str(print, ">");
	for (unsigned i = 0; i < exists->n_alt; i++)
		print_text(print, "alt-value", exists->alt[i]);
	xcap_print_str(print, "</exists>");
}

static void print_limit(struct xcap_print *print, const struct xcap_fault *fault)
{
	xcap_print_str(print, "<extension><local-constraint-failure"
			      " xmlns=\"urn:oma:xml:xdm:xcap-error\"");
	if (fault->phrase.n)
		print_attr(print, "phrase", fault->phrase);
	xcap_print_str(print, ">");
	if (fault->limit_field.n) {
		xcap_print_str(print, "<alt-value");
		print_attr(print, "field", fault->limit_field);
		xcap_print_str(print, ">");
		xcap_print_xml(print, fault->limit_value);
		xcap_print_str(print, "</alt-value>");
	}
	xcap_print_str(print, "</local-constraint-failure></extension>");
}

struct strv xcap_fault_print(const struct xcap_fault *fault, struct arena *arena)
{
	struct xcap_print print = { .arena = arena };
	const char *name = xcap_fault_name(fault->kind);

	xcap_print_str(&print, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
			       "<xcap-error xmlns=\"urn:ietf:params:xml:ns:xcap-error\">");
	if (fault->kind == XCAP_LOCAL_LIMIT) {
		print_limit(&print, fault);
	} else {
		xcap_print_str(&print, "<");
		xcap_print_str(&print, name);
		if (fault->phrase.n)
			print_attr(&print, "phrase", fault->phrase);
		xcap_print_str(&print, ">");
		if (fault->ancestor.n)
			print_text(&print, "ancestor", fault->ancestor);
		for (unsigned i = 0; i < fault->n_exists; i++)
			print_exists(&print, &fault->exists[i]);
		xcap_print_str(&print, "</");
		xcap_print_str(&print, name);
		xcap_print_str(&print, ">");
	}
	xcap_print_str(&print, "</xcap-error>\n");
	return xcap_print_end(&print);
}

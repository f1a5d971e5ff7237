/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xcap_text.h - the characters that URIs, selectors and documents are made of
 *
 * UTF-8, XML 1.0 (fifth edition) characters and names, attribute value literals, percent-encoding.
 * Nothing here knows what the text means.
 */
#ifndef XDMS_XCAP_TEXT_H
#define XDMS_XCAP_TEXT_H

#include <stdint.h>

#include "base/arena.h"
#include "base/strv.h"

/* An expanded name; NS is empty for a name in no namespace. */
struct xcap_name {
	struct strv ns, local;
};

static inline int xcap_name_eq(const struct xcap_name *a, const struct xcap_name *b)
{
	return strv_eq(a->local, b->local) && strv_eq(a->ns, b->ns);
}

/* A prefix bound to a namespace; an empty PREFIX is the default one. */
struct xcap_binding {
	struct strv prefix, uri;
};

uint32_t xcap_name_hash(const struct xcap_name *name);

/* FNV-1a over S, going on from HASH (XCAP_HASH_START for the first piece). */
#define XCAP_HASH_START 2166136261U
uint32_t xcap_hash(uint32_t hash, struct strv s);

#define XCAP_NS_XML   STRV("http://www.w3.org/XML/1998/namespace")
#define XCAP_NS_XMLNS STRV("http://www.w3.org/2000/xmlns/")

/* The length of the XML character (production Char) at the beginning of S, its code point in
 * CODE_OUT when that is not NULL; 0 when S is empty, not UTF-8, or the character is none of XML. */
unsigned xcap_char(struct strv s, uint32_t *code_out);

/* 1 when all of S is UTF-8 (any code point but surrogates). */
int xcap_utf8_valid(struct strv s);

/* The length of the longest NCName (Namespaces in XML) at the beginning of S; 0: none. */
size_t xcap_ncname(struct strv s);

/* Split the QName at the beginning of S: PREFIX_OUT is empty when it has none. Returns its length,
 * 0 when there is none. "a:" and "a:b:c" yield "a" and "a:b": the caller looks at what follows. */
size_t xcap_qname(struct strv s, struct strv *prefix_out, struct strv *local_out);

static inline int xcap_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The length of the reference (&lt; &gt; &amp; &quot; &apos; &#n; &#xn;) at the beginning of S and
 * the character it stands for; 0 when there is none. */
size_t xcap_reference(struct strv s, uint32_t *code_out);

/* S as what stands between the quotes of an AttValue: 1 when it follows the production (QUOTE is
 * the delimiter, 0 for none: both quotes are data then), else 0. */
int xcap_attvalue_valid(struct strv s, char quote);

/* 1 when every octet of RAW means just itself, so that nothing needs decoding. */
int xcap_attvalue_plain(struct strv raw);

/* The value that the literal text RAW (valid, without its quotes) stands for: references resolved,
 * white space and line ends made spaces (XML 1.0 s3.3.3 for CDATA). A view of RAW when that is
 * the same, else in ARENA. Returns 0, -1 without memory. */
int xcap_attvalue_decode(struct strv raw, struct arena *arena, struct strv *value_out);

/* 1 when the literal text RAW stands for VALUE; nothing is allocated. */
int xcap_attvalue_eq(struct strv raw, struct strv value);

/* Hash of what RAW stands for, going on from HASH as xcap_hash does. */
uint32_t xcap_attvalue_hash(uint32_t hash, struct strv raw);

/* Decode RAW once. Returns 0 and a view of RAW or of ARENA; -1 when a % is not followed by two hex
 * digits or an octet is NUL; -2 without memory. A + stays a +. */
int xcap_percent_decode(struct strv raw, struct arena *arena, struct strv *out);

/* A growing string in an arena; a failed allocation is remembered and all later calls do nothing.
 */
struct xcap_print {
	struct arena *arena;
	char *p;
	size_t n, cap;
	int failed;
};

void xcap_print(struct xcap_print *print, struct strv s);
void xcap_print_str(struct xcap_print *print, const char *s);
void xcap_print_num(struct xcap_print *print, uint64_t n);
/* Percent-encoded as one piece of a path segment or query (RFC 3986 pchar without %). */
void xcap_print_percent(struct xcap_print *print, struct strv s);
/* "xmlns(PREFIX=URI)" percent-encoded, a part of a query. */
void xcap_print_xmlns(struct xcap_print *print, const struct xcap_binding *b);
/* As character data or as an attribute value in double quotes: & < > " and the characters that
 * a parser would normalise become references. */
void xcap_print_xml(struct xcap_print *print, struct strv s);
/* The whole, terminated; an empty P when an allocation failed. */
struct strv xcap_print_end(struct xcap_print *print);

#endif

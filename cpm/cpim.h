/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/cpim.h - message/cpim: message headers, one MIME part (RFC 3862)
 *
 * Read without copying, and changed only by lines put in: whoever relays a CPIM message leaves
 * every other octet as it came (RFC 3862 s2.2, s6). Headers are found by the URI of their
 * namespace, never by a prefix's spelling. Names are case-sensitive. Pure: no I/O, no clock.
 *
 * A CPIM message inside of a multipart/signed body must not be changed; cpm/multipart.h says of
 * each part whether it is inside one.
 */
#ifndef CPM_CPIM_H
#define CPM_CPIM_H

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/strv.h"
#include "cpm/mime.h"

/* The namespaces that we look for. */
#define CPIM_NS_CORE "urn:ietf:params:cpim-headers:"
#define CPIM_NS_IMDN "urn:ietf:params:imdn"

/* What 1-1 clients put into From and To: the identities are those of SIP. */
#define CPIM_ANONYMOUS "sip:anonymous@anonymous.invalid"

/* Bounds of one parse. Each is the largest value that is still accepted. */
struct cpim_limits {
	size_t bytes;	      /* the whole */
	size_t head_bytes;    /* the message headers, and again the MIME header fields */
	unsigned headers;     /* lines of message headers */
	unsigned mime_fields; /* of the content */
};

/* 10 MiB, 16 KiB, 64 headers, 32 fields. */
extern const struct cpim_limits cpim_limits_default;

struct cpim_header {
	struct strv line;   /* the whole line with its end */
	struct strv prefix; /* as spelled; empty: none */
	struct strv name;   /* behind the prefix */
	struct strv ns;	    /* the namespace's URI; empty: the prefix is declared nowhere */
	struct strv params; /* ";lang=fr"; empty: none */
	struct strv value;  /* with its escapes, without blanks around it */
};

struct cpim {
	struct strv bytes; /* as received */
	const struct cpim_header *headers;
	unsigned n_headers;
	size_t blank_at;       /* where in BYTES the blank line behind the headers begins */
	struct strv eol;       /* how the message header lines end: CR LF or LF */
	struct mime_head mime; /* has Content-Type */
	struct strv content;   /* to the end of BYTES: a Content-Length is not obeyed */
};

/* Read BYTES, which must stay where they are as long as the result is used. LIMITS NULL: the
 * defaults. Header lines end all in CR LF or all in LF. Prefixes are resolved when all headers are
 * known: by the last NS in front of the use, else by the first one behind it. Returns 0 and the
 * message, in ARENA, in CPIM_OUT; -1 with ERR_SYNTAX (also: not UTF-8, a control octet, no blank
 * line, no Content-Type), ERR_LIMIT or ERR_NOMEM. */
int cpim_parse(struct strv bytes, const struct cpim_limits *limits, struct arena *arena,
	       struct cpim **cpim_out, struct err *err);

/* The first header NAME of namespace NS behind AFTER (NULL: of all); NULL when there is none. */
const struct cpim_header *cpim_find(const struct cpim *cpim, const char *ns, const char *name,
				    const struct cpim_header *after);

/* Its value; p is NULL when there is no such header. */
struct strv cpim_value(const struct cpim *cpim, const char *ns, const char *name);

/* A header's VALUE with its escapes resolved (RFC 3862 s2.3), in ARENA: UTF-8 that may hold any
 * character, control characters among them; half of a surrogate pair becomes U+FFFD. Returns 0, or
 * -1 with ERR_NOMEM. */
int cpim_unescape(struct strv value, struct arena *arena, struct strv *text_out, struct err *err);

/* Split VALUE ("Name <uri>", RFC 3862 s4.1) into the formal name as written (empty: none) and the
 * URI. Returns 0, or -1 with ERR_SYNTAX. */
int cpim_address(struct strv value, struct strv *name_out, struct strv *uri_out, struct err *err);

enum cpim_place {
	CPIM_LAST, /* behind all headers, in front of the blank line */
	CPIM_TOP,  /* in front of the first header of this name (IMDN-Record-Route) if there is one
		    */
};

/* One header to write. VALUE is what stands on the line: escapes are the caller's. */
struct cpim_add {
	struct strv ns;
	struct strv name;
	struct strv value;
	enum cpim_place place;
};

/* The octets of CPIM with the headers of ADDS put in, in ARENA; nothing else is changed. Each gets
 * a prefix that stands for its namespace where it is put, declared by an NS line if none does.
 * Several for one place keep their order. Returns 0; -1 with ERR_RANGE (a name, namespace or value
 * that cannot stand on one line) or ERR_NOMEM. */
int cpim_splice(const struct cpim *cpim, const struct cpim_add *adds, size_t n_adds,
		struct arena *arena, struct strv *bytes_out, struct err *err);

/* A new message: headers ADDS in their order, the MIME FIELDS (Content-Type among them), CONTENT.
 * Returns and errors as cpim_splice. */
int cpim_print(const struct cpim_add *adds, size_t n_adds, const struct mime_field *fields,
	       size_t n_fields, struct strv content, struct arena *arena, struct strv *bytes_out,
	       struct err *err);

/* 1 when S may be a header's name or a prefix (RFC 3862 s3.6, Name); else 0. */
int cpim_is_name(struct strv s);

/* 1 when S can stand as a value on a header's line: UTF-8 without control octets; else 0. */
int cpim_is_line(struct strv s);

/* If HEADER declares a namespace (NS): 1, its prefix (empty: the default) and URI. 0 when it is
 * another header. */
int cpim_ns(const struct cpim_header *header, struct strv *prefix_out, struct strv *uri_out);

#endif

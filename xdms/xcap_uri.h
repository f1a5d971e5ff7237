/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xcap_uri.h - the request target of an XCAP request, taken apart (RFC 4825 s6)
 *
 *     xcap-root "/" auid "/" ( "global" / "users/" xui ) 1*( "/" segment )
 *               [ "/~~/" node-selector ] [ "?" query ]
 *
 * The raw target is cut before anything is decoded, and each piece is decoded exactly once. Whether
 * the AUID, the XUI or the document exist is for others to say; what the node selector means is
 * xcap_sel's.
 */
#ifndef XDMS_XCAP_URI_H
#define XDMS_XCAP_URI_H

#include "base/arena.h"
#include "base/err.h"
#include "base/strv.h"

enum {
	XCAP_TARGET_BYTES_MAX = 16 * 1024,
	XCAP_XUI_BYTES_MAX = 1024,
	XCAP_SEGMENTS_MAX = 16, /* of the path below the home or global directory */
	XCAP_SEGMENT_BYTES_MAX = 255
};

enum xcap_tree { XCAP_USERS, XCAP_GLOBAL };

/* All views into the target or the arena. */
struct xcap_uri {
	struct strv auid; /* decoded */
	enum xcap_tree tree;
	struct strv xui;      /* decoded once, not canonical; empty in the global tree */
	struct strv *segment; /* folders and, last, the document's name; decoded, never empty,
				 "." or "..", without "/" and control characters */
	unsigned n_segments;  /* at least 1 */
	struct strv document; /* the document selector as the client spelled it */
	int has_node;
	struct strv node;  /* the node selector, decoded, UTF-8; never empty with has_node */
	struct strv query; /* as spelled, without "?"; empty when there is none */
};

/* Take TARGET (origin-form, or absolute-form: scheme and authority are passed over) apart below
 * ROOT (an http(s) URI or its path alone, with or without the last slash). Returns 0, or -1 with
 * the code saying what to answer, see xcap_uri_status. */
int xcap_uri_parse(struct strv target, struct strv root, struct arena *arena,
		   struct xcap_uri *uri_out, struct err *err);

/* The HTTP status for a refusal by xcap_uri_parse or xcap_sel_parse: ERR_SYNTAX 400, ERR_ABSENT
 * 404, ERR_LIMIT 414, anything else 500. */
int xcap_uri_status(enum err_code code);

#endif

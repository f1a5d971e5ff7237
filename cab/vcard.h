/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cab/vcard.h - vCards 2.1, 3.0 (RFC 2426) and 4.0 (RFC 6350): read, and written as 3.0 or 4.0
 *
 * Reading is tolerant, because cards come from other programs with their faults: any line ends,
 * folding as each version has it or not at all for base64, quoted-printable and bare parameters of
 * 2.1, character sets by parameter or guessed, quotes that do not end, lines that are none, cards
 * without BEGIN, VERSION or END. What was passed over is told by the card's faults. Writing is
 * strict.
 *
 * Nothing here knows what a property means for an address book: see cab_contact.h.
 */
#ifndef CAB_VCARD_H
#define CAB_VCARD_H

#include "base/arena.h"
#include "base/err.h"
#include "base/strv.h"
#include "cab/cab_buf.h"

enum vcard_version { VCARD_2_1, VCARD_3_0, VCARD_4_0 };

/* One value of a parameter: TYPE=home,work are two. */
struct vcard_param {
	struct strv name;  /* in upper case */
	struct strv value; /* UTF-8, without quotes and escapes */
};

struct vcard_prop {
	struct strv group; /* "item1" of item1.TEL; empty: none */
	struct strv name;  /* in upper case */
	struct vcard_param *param;
	unsigned n_params;
	/* UTF-8 with the escapes of 4.0 (backslash before comma, semicolon, n, itself), whichever
	 * version it came in; base64 without white space. */
	struct strv value;
};

/* What a reader passed over. */
enum {
	VCARD_FAULT_NO_END = 1,	  /* another card begins, or the file ends, before END */
	VCARD_FAULT_LINE = 2,	  /* a line that is no property */
	VCARD_FAULT_CHARSET = 4,  /* octets that had to be guessed */
	VCARD_FAULT_LIMIT = 8,	  /* more or longer properties than the limits allow */
	VCARD_FAULT_VERSION = 16, /* no VERSION, or one that is not known */
};

/* In the arena that it was read with, or views into the text. */
struct vcard {
	enum vcard_version version; /* as it came */
	struct vcard_prop *prop;    /* in order; BEGIN, VERSION and END are not among them */
	unsigned n;
	unsigned line; /* of its BEGIN, from 1 */
	unsigned faults;
};

/* Each is the largest that is accepted. */
struct vcard_limits {
	size_t card_bytes;
	size_t value_bytes;
	unsigned props;
	unsigned params; /* of a property */
};
/* 4 MB, 2 MB, 2,000, 100. */
extern const struct vcard_limits vcard_limits_default;

struct vcard_reader {
	struct strv rest;
	unsigned line; /* of what comes next, from 1 */
	const struct vcard_limits *limits;
};

/* TEXT is a file as cab_charset_file gives it, and is kept by the caller as long as its cards.
 * LIMITS NULL: the defaults. */
void vcard_reader_init(struct vcard_reader *reader, struct strv text,
		       const struct vcard_limits *limits);

/* The next card, in ARENA. 1; 0: there is none; -1: ERR_LIMIT, the card is too large and has been
 * passed over, or ERR_NOMEM. */
int vcard_read(struct vcard_reader *reader, struct arena *arena, struct vcard *card_out,
	       struct err *err);

/* CARD in VERSION, which is VCARD_3_0 or VCARD_4_0, to OUT. Its properties are taken as they are:
 * names, parameters and values are the writer's of that version. Lines are folded at 75 octets and
 * never inside a character. */
void vcard_print(const struct vcard *card, enum vcard_version version, struct cab_buf *out);

/* ---- properties ---- */

/* The parameters of PROP as they stand in a line of VERSION, each with its semicolon before it. */
void vcard_params_print(const struct vcard_prop *prop, enum vcard_version version,
			struct cab_buf *out);
/* Those of TEXT, with or without the first semicolon, as PROP's, in ARENA. 0; -1 with ERR_NOMEM. */
int vcard_params_read(struct strv text, struct arena *arena, struct vcard_prop *prop,
		      struct err *err);

/* The first property NAME, NULL when there is none. */
const struct vcard_prop *vcard_find(const struct vcard *card, const char *name);

/* 1 when PROP has parameter NAME with VALUE, in any case; VALUE NULL: any value. */
int vcard_prop_has(const struct vcard_prop *prop, const char *name, const char *value);
/* The first value of parameter NAME; p NULL: none. */
struct strv vcard_prop_param(const struct vcard_prop *prop, const char *name);

/* The next part of VALUE up to a SEPARATOR that is not escaped (';' or ','), still escaped. VALUE
 * moves on. 1; 0 when there is none left (p NULL). A value of no octets has one part. */
int vcard_part(struct strv *value, char separator, struct strv *part_out);

/* VALUE without escapes, in ARENA when it had some; empty when memory is short. */
struct strv vcard_unescape(struct strv value, struct arena *arena);
/* TEXT with escapes (of comma and semicolon, too), to OUT. */
void vcard_escape(struct cab_buf *out, struct strv text);

#endif

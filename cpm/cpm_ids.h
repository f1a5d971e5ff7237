/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/cpm_ids.h - Conversation-ID, Contribution-ID and their like
 *
 * Opaque words of the sender, spelled like a Call-ID (RFC 3261 s25.1, callid), compared octet by
 * octet (strv_eq). Pure: random octets are handed in.
 */
#ifndef CPM_CPM_IDS_H
#define CPM_CPM_IDS_H

#include <stddef.h>

#include "base/err.h"
#include "base/strv.h"

enum {
	CPM_ID_MAX = 255,			/* octets of an id */
	CPM_ID_RANDOM_BYTES = 16,		/* that one is made from */
	CPM_ID_BYTES = 33,			/* of a made one, with its terminator */
	CPM_ID_NAME_BYTES = 3 * CPM_ID_MAX + 1, /* of the longest name, with its terminator */
};

/* Read a header field's VALUE: word [ "@" word ], blanks around it passed over. Returns 0 and a
 * view into VALUE, or -1 with ERR_SYNTAX or ERR_LIMIT. */
int cpm_id_parse(struct strv value, struct strv *id_out, struct err *err);

/* A new id, 32 lower-case hexadecimal digits, from octets of a cryptographic source. */
void cpm_id_make(const unsigned char random[CPM_ID_RANDOM_BYTES], char id_out[CPM_ID_BYTES]);

/* ID as a name of a folder or file in a store: what is not a letter, digit, "-", "_", "@" or a
 * "." (but not as the first) is written %HH, so that two ids never share a name and none has a
 * meaning to IMAP or a file system. Returns 0, or -1 with ERR_LIMIT when ID is empty or longer than
 * CPM_ID_MAX. */
int cpm_id_name(struct strv id, char name_out[CPM_ID_NAME_BYTES], struct err *err);

#endif

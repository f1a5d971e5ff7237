/* SPDX-License-Identifier: Apache-2.0 */
/* cab/cab_contact_priv.h - what both directions of the mapping share: see cab_contact.h */
#ifndef CAB_CAB_CONTACT_PRIV_H
#define CAB_CAB_CONTACT_PRIV_H

#include "cab/cab_contact.h"

/* Marks an x-property that completes a place of the address book. */
#define CAB_SHADOW "X-CAB-SHADOW"

/* A TYPE of vCards and its name in contacts; the first that fits is taken. Ends with NULL. */
struct cab_type {
	const char *vcard, *cab;
};
extern const struct cab_type cab_tel_types[], cab_address_types[];
extern const unsigned cab_n_address_types;

/* The parts of ADR in order. */
enum { CAB_ADDRESS_PARTS = 7 };
extern const char *const cab_address_parts[CAB_ADDRESS_PARTS];

/* 1 when TEXT begins with SCHEME and a colon and goes on. */
int cab_has_scheme(struct strv text, const char *scheme);
/* 1 when TEXT is a URI with a scheme that xs:anyURI takes. */
int cab_is_uri(struct strv text);
/* PREFIX and TEXT with everything percent-encoded that has no place in an address, in ARENA; empty
 * when memory is short. */
struct strv cab_uri_make(const char *prefix, struct strv text, struct arena *arena);
/* TEXT with %XX decoded, in ARENA; empty when memory is short. */
struct strv cab_uri_decode(struct strv text, struct arena *arena);

int cab_base64_sound(struct strv s);
/* "image/jpeg" of PROP's TYPE=JPEG; empty when there is none. */
struct strv cab_media_type(const struct vcard_prop *prop, struct arena *arena);

/* TEXT, the value of the BDAY property PROP, as one of the dates of XML Schema: a date, month or
 * year, with or without its year. 0, -1 when it is none. */
enum { CAB_DATE_BYTES = 16 };
int cab_date_read(struct strv text, const struct vcard_prop *prop, char out[CAB_DATE_BYTES]);

#endif

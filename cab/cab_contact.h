/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cab/cab_contact.h - a vCard as a contact of an address book, and back
 *
 * The address book's own terms (cab-address-book, cab-pcc) take what they have a place for; the
 * rest of a card stays as vc:x-property elements of the contact, so that a card comes back as it
 * went in. What a place cannot hold whole (a second TYPE, a parameter that nobody knows, the
 * departments of ORG) stays there too, as a shadow: it completes the property that is made of the
 * place as long as the value has not been changed.
 *
 * Nothing here reads or writes documents: see cab_book.h.
 */
#ifndef CAB_CAB_CONTACT_H
#define CAB_CAB_CONTACT_H

#include <stdint.h>

#include <libxml/tree.h>

#include "cab/vcard.h"

#define CAB_NS_BOOK  "urn:oma:xml:cab:address-book"
#define CAB_NS_PCC   "urn:oma:xml:cab:pcc"
#define CAB_NS_VCARD "urn:opencpm:xml:vcard"

enum {
	CAB_ID_MAX = 255,	       /* octets of a contact's or a group's id */
	CAB_PICTURE_MAX = 64 * 1024,   /* octets of a picture inside a contact, in base64 */
	CAB_PROPERTY_MAX = 256 * 1024, /* octets of any other property */
};

/* What a contact could not take, of cab_contact_print. */
enum {
	CAB_LEFT_PICTURE = 1,  /* a picture that is too large */
	CAB_LEFT_PROPERTY = 2, /* a property that is too large */
};

/* Around the properties of the card. */
struct cab_frame {
	struct strv id;	      /* xs:token */
	struct strv modified; /* xs:dateTime */
	/* In front of and behind what is made of the card: complete elements. */
	struct strv before, after;
	struct strv xmlns; /* declarations, each with a blank before it */
	const struct strv *group_id;
	unsigned n_groups;
};

/* The element <contact> for CARD to OUT, in no prefix: it declares the namespaces that it needs,
 * but for that of the address book, which FRAME does when the place has another. CATEGORIES, UID
 * and REV are the frame's. What was left out is in LEFT_OUT. ARENA is for what is needed on the
 * way. 0; -1 without memory (OUT may have failed besides). */
int cab_contact_print(const struct vcard *card, const struct cab_frame *frame, struct arena *arena,
		      struct cab_buf *out, unsigned *left_out, struct err *err);

/* The element CONTACT as a card of VERSION (3.0 or 4.0) in ARENA. CATEGORIES are left to the
 * caller, who knows the groups' names. 0; -1 without memory. */
int cab_contact_card(const xmlNode *contact, enum vcard_version version, struct arena *arena,
		     struct vcard *card_out, struct err *err);

/* What identifies CARD: its UID when that can be an id; else made of the card's text, so that the
 * same card has the same. In ARENA; empty when memory is short. */
struct strv cab_card_id(const struct vcard *card, struct arena *arena);

/* CARD's REV, else TIME_S, as xs:dateTime in ARENA; empty when memory is short. */
struct strv cab_card_modified(const struct vcard *card, int64_t time_s, struct arena *arena);

/* 1 when CARD is of a group (KIND, or X-ADDRESSBOOKSERVER-KIND in 3.0), else 0. */
int cab_card_is_group(const struct vcard *card);

/* ---- making cards ---- */

/* A card that grows, in ARENA. */
struct cab_maker {
	struct arena *arena;
	struct vcard card;
	unsigned room;
	int failed; /* memory was short */
};

/* A property with VALUE as it is; never NULL, but useless when the maker has failed. Valid until
 * the next one. */
struct vcard_prop *cab_make(struct cab_maker *maker, const char *name, struct strv value);
/* The same with TEXT, which is escaped. */
struct vcard_prop *cab_make_text(struct cab_maker *maker, const char *name, struct strv text);
void cab_make_param(struct cab_maker *maker, struct vcard_prop *prop, const char *name,
		    struct strv value);

#endif

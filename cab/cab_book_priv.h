/* SPDX-License-Identifier: Apache-2.0 */
/* cab/cab_book_priv.h - an address book taken apart: what the files about whole books share */
#ifndef CAB_CAB_BOOK_PRIV_H
#define CAB_CAB_BOOK_PRIV_H

#include "base/xml.h"
#include "cab/cab_book.h"
#include "cab/cab_map.h"
#include "xdms/xcap_doc.h"

/* A contact or a group, as it stands in the text. */
struct cab_element {
	struct strv id;	  /* without references */
	struct strv text; /* the element */
	struct xcap_spot *spot;
};

/* Views into the text, which the caller keeps; the rest is in ARENA. */
struct cab_book {
	struct strv text;
	struct arena *arena;
	struct xcap_doc *doc; /* NULL: there was no text */
	struct xcap_spot root;
	const struct xcap_ns *ns; /* in scope in the root */
	struct xml_ns *context;	  /* the same for base/xml.h */
	unsigned n_context;
	struct cab_element *contact;
	unsigned n_contacts;
	struct cab_map contacts; /* by id */
	/* Of groups. */
	struct strv *group_id, *group_name;
	unsigned n_groups, groups_room;
	struct cab_map groups_by_id, groups_by_name;
	size_t end;	/* where what is new goes: before the root's end tag */
	int is_bare;	/* the root is an empty-element tag, whose "/>" is at END */
	int is_default; /* elements without prefix are the address book's */
};

/* Take TEXT apart (empty: as a book without anything). 0; -1 with ERR_NOMEM, ERR_SYNTAX or
 * ERR_LIMIT. To be closed in any case. */
int cab_book_open(struct cab_book *book, struct strv text, struct arena *arena, struct err *err);
void cab_book_close(struct cab_book *book);

/* Note a group. 0, -1 without memory. */
int cab_book_add_group(struct cab_book *book, struct strv id, struct strv name);

/* The tree of a contact: to be freed with xmlFreeDoc. */
int cab_book_contact(const struct cab_book *book, const struct cab_element *contact,
		     xmlDoc **doc_out, xmlNode **contact_out, struct err *err);

/* What a new version of CONTACT keeps of it besides what a card can say: BEFORE is its status,
 * AFTER elements of others, XMLNS the declarations they need; and its groups. 0, -1. */
int cab_book_keep(const struct cab_book *book, const struct cab_element *contact,
		  struct arena *arena, struct cab_frame *frame, struct err *err);

/* CARD's CATEGORIES added: the names of the groups that the tree CONTACT is in. */
int cab_book_categories(const struct cab_book *book, const xmlNode *contact, struct arena *arena,
			struct vcard *card, struct err *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cab/cab_book.h - address books as a whole: cards in and out, duplicates, two contacts made one
 *
 * Pure: a document's text in, the next one's out. What is there and not meant stays octet for
 * octet; who stores the result, and judges it before, is cab_store.h's business. All of it may
 * take long for a large book: never on a worker.
 */
#ifndef CAB_CAB_BOOK_H
#define CAB_CAB_BOOK_H

#include "cab/cab_contact.h"

/* Where cards come from: read twice, first for groups and ids. */
struct cab_source {
	/* The next card in ARENA, which the caller resets: 1; 0 at the end; -1: ERR_NOMEM, or (any
	 * other code) this one cannot be taken and ERR says why. */
	int (*next)(void *arg, struct arena *arena, struct vcard *card_out, struct err *err);
	void (*rewind)(void *arg);
	void *arg;
};

/* A file of vCards. TEXT as cab_charset_file gives it. */
struct cab_vcards {
	struct strv text;
	struct vcard_reader reader;
};
void cab_vcards_source(struct cab_vcards *vcards, struct strv text, struct cab_source *out);

enum { CAB_REMARKS_MAX = 50 };

/* What came of an import. */
struct cab_report {
	uint64_t cards;		/* seen, groups not among them */
	uint64_t added;		/* new contacts */
	uint64_t updated;	/* contacts of the same id that said something else */
	uint64_t same;		/* that said the same already */
	uint64_t twice;		/* cards whose id a later one has */
	uint64_t groups;	/* new groups */
	uint64_t left_out;	/* cards that could not be taken */
	uint64_t faulty;	/* cards that were taken with faults (vcard.h) */
	uint64_t no_pictures;	/* cards whose picture was too large */
	uint64_t no_properties; /* cards that had another property that was too large */
	/* The first of them in words: the line in the file, and why. */
	struct cab_remark {
		unsigned line;
		char why[120];
	} remark[CAB_REMARKS_MAX];
	unsigned n_remarks;
};

/* OLD, the text of an address book (empty: there is none yet), with the cards of SOURCE, as a
 * document in OUT. A card whose id a contact has takes its place; the contact's status and what
 * others have put there stay, and so do its groups when the card says nothing of groups. Returns 1
 * when OUT is a new text, 0 when nothing changes, -1 with ERR_NOMEM, ERR_LIMIT (OUT has more than
 * its MAX) or ERR_SYNTAX (OLD is no address book). */
int cab_book_import(struct strv old, const struct cab_source *source, int64_t time_s,
		    struct cab_buf *out, struct cab_report *report, struct err *err);

enum cab_format { CAB_VCARD3, CAB_VCARD4, CAB_CSV };
/* -1: there is no such format. */
int cab_format_find(struct strv name);
const char *cab_format_type(enum cab_format format); /* its media type */

/* Every contact and group of BOOK to OUT. 0; -1 as above. */
int cab_book_export(struct strv book, enum cab_format format, struct cab_buf *out,
		    uint64_t *contacts_out, struct err *err);

/* Contacts that may be the same person. */
struct cab_duplicates {
	struct cab_same {
		struct strv *id, *name;
		unsigned n;
		const char *why; /* "number", "address" or "name" */
	} * same;
	unsigned n;
};
/* Contacts of BOOK that share a telephone number (its last nine digits, when it has so many), a
 * mail address, or, having neither, the name: at most MAX sets, in ARENA. 0; -1 as above. */
int cab_book_duplicates(struct strv book, unsigned max, struct arena *arena,
			struct cab_duplicates *out, struct err *err);

/* BOOK with contact DROP put into contact KEEP, in OUT: what KEEP does not have, or may have
 * several of, is taken over. 0; -1 as above or ERR_ABSENT naming the contact that is not there. */
int cab_book_merge(struct strv book, struct strv keep, struct strv drop, int64_t time_s,
		   struct cab_buf *out, struct err *err);

#endif

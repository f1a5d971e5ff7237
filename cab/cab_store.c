/* SPDX-License-Identifier: Apache-2.0 */
/* cab/cab_store.c - see cab_store.h */
#include "cab/cab_store.h"

#include "cab/cab_charset.h"
#include "cab/cab_csv.h"

#define AUID "org.openmobilealliance.cab-address-book"

enum { TRIES_MAX = 20 };

static int no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "no memory for an address book");
}

struct strv cab_store_doc(struct strv user, struct arena *arena)
{
	static const char hex[] = "0123456789ABCDEF";
	static const struct strv head = STRV(AUID "/users/"), tail = STRV("/address-book");
	size_t n = head.n;
	char *text = arena_alloc(arena, head.n + user.n * 3 + tail.n);

	if (!text)
		return strv_mem(NULL, 0);
	memcpy(text, head.p, head.n);
	for (size_t i = 0; i < user.n; i++) {
		unsigned char c = (unsigned char)user.p[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    (c && strchr("-._~:@!$&'()*+,;=", c))) {
			text[n++] = (char)c;
			continue;
		}
		text[n++] = '%';
		text[n++] = hex[c >> 4];
		text[n++] = hex[c & 15];
	}
	memcpy(text + n, tail.p, tail.n);
	return strv_mem(text, n + tail.n);
}

/* The book as it is: TEXT_OUT is empty, and ETAG_OUT too, when there is none. 0, 1, -1. */
static int get(const struct xdm_docs *docs, const struct xdm_ask *ask, struct xdm_ask *book_out,
	       struct strv *text_out, struct xdm_state *state_out, struct xdm_refusal *refusal_out,
	       struct err *err)
{
	const char *type;
	int ret;

	*text_out = STRV("");
	*state_out = (struct xdm_state){ .etag = "" };
	*book_out = *ask;
	book_out->doc = cab_store_doc(ask->doc, ask->arena);
	if (!book_out->doc.n)
		return no_memory(err);
	ret = xdm_docs_get_sync(docs, book_out, text_out, &type, state_out, refusal_out, err);
	/* No book, or no user: who changes something will hear which. */
	if (ret != 1 || refusal_out->status != 404)
		return ret;
	*text_out = STRV("");
	state_out->etag[0] = '\0';
	return 0;
}

/* Put TEXT where the version of STATE is. 2: another change came first. */
static int put(const struct xdm_docs *docs, struct xdm_ask *book, struct strv text,
	       struct xdm_state *state, struct xdm_refusal *refusal_out, struct err *err)
{
	char etag[sizeof(state->etag)];
	int ret;

	memcpy(etag, state->etag, sizeof(etag));
	book->if_match = etag[0] ? strv_of(etag) : strv_mem(NULL, 0);
	book->if_none_match = etag[0] ? strv_mem(NULL, 0) : STRV("*");
	ret = xdm_docs_put_sync(docs, book, text, state, refusal_out, err);
	return ret == 1 && refusal_out->status == 412 ? 2 : ret;
}

static int gave_up(struct err *err)
{
	return err_set(err, ERR_BUSY, "others change this address book all the time");
}

/* ---- import ---- */

struct file {
	struct cab_source source;
	struct cab_vcards vcards;
	struct cab_csv csv;
};

static int open_file(struct file *file, struct strv bytes, int is_csv, struct arena *arena,
		     struct err *err)
{
	struct strv text;

	if (cab_charset_file(bytes, arena, &text, err) < 0)
		return -1;
	if (is_csv)
		return cab_csv_source(&file->csv, text, arena, &file->source, err);
	cab_vcards_source(&file->vcards, text, &file->source);
	return 0;
}

static int try_import(const struct xdm_docs *docs, const struct xdm_ask *ask, struct file *file,
		      int dry, struct cab_report *report_out, struct xdm_state *state_out,
		      struct xdm_refusal *refusal_out, struct err *err)
{
	struct cab_buf out = { 0 };
	struct xdm_ask book;
	struct strv text;
	int ret = get(docs, ask, &book, &text, state_out, refusal_out, err);

	if (ret)
		return ret;
	ret = cab_book_import(text, &file->source, ask->time_us / 1000000, &out, report_out, err);
	if (ret == 1 && !dry) {
		ret = put(docs, &book, cab_buf_text(&out), state_out, refusal_out, err);
	} else if (ret >= 0) {
		ret = 0;
		state_out->etag[0] = '\0'; /* nothing was stored */
	}
	cab_buf_fini(&out);
	return ret;
}

int cab_store_import(const struct xdm_docs *docs, const struct xdm_ask *ask, struct strv bytes,
		     int is_csv, int dry, struct cab_report *report_out,
		     struct xdm_state *state_out, struct xdm_refusal *refusal_out, struct err *err)
{
	struct file *file = arena_alloc(ask->arena, sizeof(*file));
	int ret;

	if (!file)
		return no_memory(err);
	if (open_file(file, bytes, is_csv, ask->arena, err) < 0)
		return -1;
	for (unsigned i = 0; i < TRIES_MAX; i++) {
		ret = try_import(docs, ask, file, dry, report_out, state_out, refusal_out, err);
		if (ret != 2)
			return ret;
	}
	return gave_up(err);
}

/* ---- the others ---- */

int cab_store_export(const struct xdm_docs *docs, const struct xdm_ask *ask, enum cab_format format,
		     struct cab_buf *out, uint64_t *contacts_out, struct xdm_refusal *refusal_out,
		     struct err *err)
{
	struct xdm_state state;
	struct xdm_ask book;
	struct strv text;
	int ret = get(docs, ask, &book, &text, &state, refusal_out, err);

	return ret ? ret : cab_book_export(text, format, out, contacts_out, err);
}

int cab_store_duplicates(const struct xdm_docs *docs, const struct xdm_ask *ask, unsigned max,
			 struct cab_duplicates *out, struct xdm_refusal *refusal_out,
			 struct err *err)
{
	struct xdm_state state;
	struct xdm_ask book;
	struct strv text;
	int ret = get(docs, ask, &book, &text, &state, refusal_out, err);

	return ret ? ret : cab_book_duplicates(text, max, ask->arena, out, err);
}

int cab_store_merge(const struct xdm_docs *docs, const struct xdm_ask *ask, struct strv keep,
		    struct strv drop, struct xdm_state *state_out, struct xdm_refusal *refusal_out,
		    struct err *err)
{
	int ret = 2;

	for (unsigned i = 0; ret == 2 && i < TRIES_MAX; i++) {
		struct cab_buf out = { 0 };
		struct xdm_ask book;
		struct strv text;

		ret = get(docs, ask, &book, &text, state_out, refusal_out, err);
		if (ret)
			return ret;
		ret = cab_book_merge(text, keep, drop, ask->time_us / 1000000, &out, err);
		if (ret == 0)
			ret = put(docs, &book, cab_buf_text(&out), state_out, refusal_out, err);
		cab_buf_fini(&out);
	}
	return ret == 2 ? gave_up(err) : ret;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xdm_notify_print.c - bodies of NOTIFY, what becomes of them, and what is kept of it
 *
 * What does not fit into one body waits for the next; a document whose operations would not fit
 * into any is told by its tags (RFC 5875 s4.7). What was told is what was under way when it was
 * accepted: until then everything is printed anew.
 */
#include <stdio.h>

#include "xdms/xdm_notify_priv.h"

enum { ENTRY_BYTES = 160, OP_BYTES = 48, BINDING_BYTES = 12, ENTRIES_FIRST = 16 };

struct body {
	struct xdm_notify *notify;
	struct arena *arena;
	size_t max, bytes;
	struct xcap_diff_entry *entry;
	unsigned n, cap;
	int is_full;
};

/* ---- how much it will be ---- */

static size_t patch_size(const struct xcap_patch *patch)
{
	size_t n = 0, bindings = 0;

	for (unsigned i = 0; i < patch->n_bindings; i++)
		bindings += patch->binding[i].prefix.n + patch->binding[i].uri.n + BINDING_BYTES;
	for (unsigned i = 0; i < patch->n; i++)
		n += patch->op[i].sel.n + patch->op[i].content.n + patch->op[i].type.n + OP_BYTES +
		     bindings;
	return n;
}

static size_t entry_size(const struct xcap_diff_entry *entry)
{
	size_t n = entry->sel.n + entry->content.n + ENTRY_BYTES;

	for (unsigned i = 0; i < entry->n_patches; i++)
		n += patch_size(entry->patch[i]);
	for (unsigned i = 0; i < xcap_ns_count(entry->ns); i++)
		n += xcap_ns_at(entry->ns, i)->prefix.n + xcap_ns_at(entry->ns, i)->uri.n +
		     BINDING_BYTES;
	return n;
}

static size_t size_of(const struct xcap_diff_entry *entry, unsigned n)
{
	size_t bytes = 0;

	for (unsigned i = 0; i < n; i++)
		bytes += entry_size(&entry[i]);
	return bytes;
}

/* ---- entries ---- */

/* All N entries or none of them: 1 they are in; 0 there is no room; -1 no memory. */
static int add(struct body *body, const struct xcap_diff_entry *entry, unsigned n)
{
	size_t bytes = size_of(entry, n);

	if (body->bytes + bytes > body->max) {
		body->is_full = 1;
		return 0;
	}
	if (body->n + n > body->cap) {
		unsigned cap = body->cap ? body->cap * 2 : ENTRIES_FIRST;
		struct xcap_diff_entry *more;

		while (cap < body->n + n)
			cap *= 2;
		more = arena_zalloc(body->arena, cap, sizeof(*more));
		if (!more)
			return -1;
		if (body->n)
			memcpy(more, body->entry, body->n * sizeof(*more));
		body->entry = more;
		body->cap = cap;
	}
	memcpy(&body->entry[body->n], entry, n * sizeof(*entry));
	body->n += n;
	body->bytes += bytes;
	return 1;
}

/* What leads from the version told to the present one. */
static int make(struct body *body, const struct noted *noted, enum xdm_diff_mode mode,
		struct xcap_diff_entry **entry_out, unsigned *n_out)
{
	uint64_t epoch = xdm_store_epoch(body->notify->options->store);
	const struct xdm_diff_from from = { .epoch = epoch,
					    .version = noted->told,
					    .sel = noted->sel,
					    .patch_bytes = NOTIFY_PATCH_BYTES };
	/* Nothing is known of how it came to be. */
	const struct xdm_change only = { .seq = UINT64_MAX, .version = noted->now };
	const struct xdm_change *const lost[] = { &only };

	if (noted->whole) {
		*n_out = noted->now != 0;
		*entry_out = arena_zalloc(body->arena, 1, sizeof(**entry_out));
		if (!*entry_out || !noted->now)
			return *entry_out ? 0 : -1;
		return xdm_diff_found(epoch, noted->now, noted->sel, body->arena, *entry_out);
	}
	*n_out = 0;
	if (noted->lost)
		return noted->now == noted->told ? 0
						 : xdm_diff_document(&from, lost, 1, mode,
								     body->arena, entry_out, n_out);
	return noted->n ? xdm_diff_document(&from, (const struct xdm_change *const *)noted->change,
					    noted->n, mode, body->arena, entry_out, n_out)
			: 0;
}

static int add_noted(struct body *body, struct noted *noted)
{
	struct xcap_diff_entry *entry = NULL;
	unsigned n = 0;
	int ret;

	noted->is_out = noted->out_whole = 0;
	if (body->is_full)
		return 0;
	if (make(body, noted, body->notify->mode, &entry, &n) < 0)
		return -1;
	/* Too much for any body: by the tags alone. */
	if (size_of(entry, n) > body->max &&
	    make(body, noted, XDM_DIFF_NO_PATCHING, &entry, &n) < 0)
		return -1;
	ret = n ? add(body, entry, n) : 1;
	if (ret < 1)
		return ret;
	noted->is_out = 1;
	noted->out_whole = noted->whole;
	noted->out = noted->now;
	noted->n_out = noted->n;
	return 0;
}

static int add_node(struct body *body, struct source *source)
{
	struct xcap_diff_entry entry = source->entry;
	int ret;

	source->is_out = 0;
	if (!source->tell || body->is_full)
		return 0;
	if (entry_size(&entry) > body->max)
		entry.content = STRV("");
	ret = add(body, &entry, 1);
	source->is_out = ret == 1;
	source->out_hash = source->hash;
	return ret < 0 ? -1 : 0;
}

static int add_all(struct body *body)
{
	struct xdm_notify *notify = body->notify;

	for (unsigned i = 0; i < notify->n_noted; i++)
		if (add_noted(body, notify->noted[i]) < 0)
			return -1;
	for (unsigned i = 0; i < notify->n_sources; i++) {
		notify->source[i].out_seen = notify->source[i].seen;
		if (add_node(body, &notify->source[i]) < 0)
			return -1;
	}
	return 0;
}

/* As the client learns it (RFC 5874 s4): the last slash is part of it. */
static struct strv root_of(const struct xdm_notify *notify, struct arena *arena)
{
	const struct xcap_rules *rules = notify->options->rules;
	struct strv root = rules->root_uri.n ? rules->root_uri : rules->root;

	if (root.n && root.p[root.n - 1] == '/')
		return root;
	return strv_of(arena_printf(arena, "%.*s/", STRV_ARG(root)));
}

int xdm_notify_print(struct xdm_notify *notify, size_t max_bytes, struct arena *arena,
		     struct strv *body_out)
{
	struct body body = { .notify = notify, .arena = arena, .max = max_bytes };
	struct strv root;

	if (!notify->is_resolved || notify->whole || !notify_has_news(notify))
		return 0;
	root = root_of(notify, arena);
	if (!root.p || add_all(&body) < 0)
		return -1;
	notify->more = body.is_full;
	notify->out_must = notify->must;
	if (!body.n && !notify->must)
		return 0;
	*body_out = xcap_diff_print(root, body.entry, body.n, arena);
	return body_out->n ? 1 : -1;
}

/* ---- accepted ---- */

static void noted_told(struct noted *noted)
{
	if (!noted->is_out)
		return;
	noted->is_out = 0;
	noted->told = noted->out;
	if (noted->out_whole)
		noted->whole = noted->out_whole = 0;
	noted_forget_changes(noted, noted->n_out);
	if (noted->lost && noted->now == noted->told)
		noted->lost = 0;
}

static void node_told(struct source *source)
{
	if (!source->is_out)
		return;
	source->is_out = 0;
	source->told_hash = source->out_hash;
	source->tell = source->hash != source->told_hash;
}

int xdm_notify_told(struct xdm_notify *notify)
{
	int more = notify->more;

	if (notify->out_must)
		notify->must = notify->out_must = 0;
	for (unsigned i = 0; i < notify->n_noted; i++)
		noted_told(notify->noted[i]);
	for (unsigned i = 0; i < notify->n_sources; i++) {
		node_told(&notify->source[i]);
		if (!more)
			notify->source[i].told_seen = notify->source[i].out_seen;
	}
	notify->more = 0;
	notify_prune(notify);
	return more;
}

/* ---- kept ---- */

/*
 * "1 MODE OWED EPOCH N", LF, then for each entry "HAS KEPT KEPT OCTETS", LF, and the URI, LF.
 * Documents of collections are not in it: the journal says what they were.
 */
static int is_owed(const struct xdm_notify *notify)
{
	int owed = notify->whole || notify->must || !notify->is_resolved;

	for (unsigned i = 0; i < notify->n_noted; i++)
		owed |= notify->noted[i]->whole && notify->noted[i]->now;
	return owed && !notify->resumes;
}

static void collect(const struct xdm_notify *notify, unsigned uri, struct asked_uri *out)
{
	for (unsigned i = 0; i < notify->n_sources; i++) {
		const struct source *source = &notify->source[i];
		uint64_t kept = source->interest.kind == XCAP_INTEREST_DOCUMENT
					? (source->noted ? source->noted->told : 0)
				: source->interest.kind == XCAP_INTEREST_NODE ? source->told_hash
									      : source->told_seen;

		if (source->uri != uri || !source->watch)
			continue;
		out->kept[source->half] = kept;
		out->has_kept = 1;
	}
	/* Not looked at yet since the start. */
	if (!notify->is_resolved && notify->resumes)
		*out = notify->uri[uri];
}

struct strv xdm_notify_keep(struct xdm_notify *notify, struct arena *arena)
{
	struct xcap_print print = { .arena = arena };
	char line[96];

	snprintf(line, sizeof(line), "1 %d %d %llu %u\n", (int)notify->mode, is_owed(notify),
		 (unsigned long long)xdm_store_epoch(notify->options->store), notify->n_uris);
	xcap_print_str(&print, line);
	for (unsigned i = 0; i < notify->n_uris; i++) {
		struct asked_uri asked = { .has_kept = 0 };

		collect(notify, i, &asked);
		snprintf(line, sizeof(line), "%d %llu %llu %zu\n", asked.has_kept,
			 (unsigned long long)asked.kept[0], (unsigned long long)asked.kept[1],
			 notify->uri[i].uri.n);
		xcap_print_str(&print, line);
		xcap_print(&print, notify->uri[i].uri);
		xcap_print_str(&print, "\n");
	}
	return xcap_print_end(&print);
}

static int number(struct strv *line, uint64_t max, uint64_t *value_out)
{
	struct strv word;

	strv_cut(line, ' ', &word);
	return strv_u64(word, max, value_out);
}

/* One entry off the front of KEPT. */
static int read_uri(struct strv *kept, struct asked_uri *out)
{
	uint64_t has, bytes;
	struct strv line;

	if (!strv_cut(kept, '\n', &line) || number(&line, 1, &has) < 0 ||
	    number(&line, UINT64_MAX, &out->kept[0]) < 0 ||
	    number(&line, UINT64_MAX, &out->kept[1]) < 0 ||
	    number(&line, XCAP_DIFF_URI_MAX, &bytes) < 0 || line.n || kept->n <= bytes ||
	    kept->p[bytes] != '\n')
		return -1;
	out->has_kept = (int)has;
	out->uri = strv_mem(kept->p, (size_t)bytes);
	*kept = strv_mem(kept->p + bytes + 1, kept->n - (size_t)bytes - 1);
	return 0;
}

static int read_uris(struct strv kept, unsigned n, struct arena *arena, struct asked_uri **out)
{
	struct asked_uri *uri = arena_zalloc(arena, (size_t)n + 1, sizeof(*uri));

	for (unsigned i = 0; uri && i < n; i++)
		if (read_uri(&kept, &uri[i]) < 0)
			return -1;
	*out = uri;
	return uri && !kept.n ? 0 : -1;
}

static int restore(struct xdm_notify *notify, struct strv kept, struct arena *arena)
{
	uint64_t form, mode, owed, epoch, n;
	struct asked_uri *asked;
	struct strv line, *uri;

	if (!strv_cut(&kept, '\n', &line) || number(&line, 1, &form) < 0 || form != 1 ||
	    number(&line, XDM_DIFF_AGGREGATE, &mode) < 0 || number(&line, 1, &owed) < 0 ||
	    number(&line, UINT64_MAX, &epoch) < 0 || number(&line, kept.n, &n) < 0 || line.n ||
	    read_uris(kept, (unsigned)n, arena, &asked) < 0)
		return -1;
	uri = arena_zalloc(arena, n + 1, sizeof(*uri));
	for (unsigned i = 0; uri && i < n; i++)
		uri[i] = asked[i].uri;
	if (!uri || notify_take_list(notify, uri, (unsigned)n) < 0)
		return -1;
	for (unsigned i = 0; i < n; i++) {
		asked[i].uri = notify->uri[i].uri;
		notify->uri[i] = asked[i];
	}
	notify->mode = (enum xdm_diff_mode)mode;
	/* Tags of another life of the store lead nowhere. */
	notify->whole = notify->must = owed || epoch != xdm_store_epoch(notify->options->store);
	notify->resumes = !notify->whole;
	notify_post(notify);
	return 0;
}

int xdm_notify_restore(struct xdm_notify *notify, struct strv kept)
{
	struct arena *arena = arena_new(0);
	int ret = arena ? restore(notify, kept, arena) : -1;

	arena_free(&arena);
	return ret;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* xdms/xdm_diff.c - see xdm_diff.h */
#include "xdms/xdm_diff.h"

#include "xdms/xcap_cond.h"

/* Entries being made. */
struct making {
	const struct xdm_diff_from *from;
	struct arena *arena;
	struct xcap_diff_entry *entry;
	unsigned n;
	int failed;
};

/* The tag of VERSION without its quotes; empty for none. */
static struct strv tag_of(struct making *m, uint64_t epoch, uint64_t version)
{
	char etag[XCAP_ETAG_BYTES], *copy;
	size_t n;

	if (!version)
		return strv_mem(NULL, 0);
	n = xcap_etag_print(epoch, version, etag);
	copy = arena_strdup(m->arena, strv_mem(etag + 1, n - 2));
	m->failed |= !copy;
	return strv_mem(copy, copy ? n - 2 : 0);
}

static struct xcap_diff_entry *add_entry(struct making *m, uint64_t old_version, uint64_t version)
{
	struct xcap_diff_entry *entry = &m->entry[m->n++];

	*entry = (struct xcap_diff_entry){ .kind = XCAP_DIFF_DOCUMENT, .sel = m->from->sel };
	entry->previous_etag = tag_of(m, m->from->epoch, old_version);
	entry->new_etag = tag_of(m, m->from->epoch, version);
	return entry;
}

static int is_same(const struct xdm_change *change)
{
	return change->entry && !change->entry->delta.removed.n &&
	       !change->entry->delta.inserted_n && change->version && change->old_version;
}

/* Can CHANGE be told by what it did? */
static int has_steps(const struct xdm_change *change)
{
	return is_same(change) ||
	       (change->entry && change->entry->patch.n && change->version && change->old_version);
}

static size_t patch_bytes(const struct xdm_change *change)
{
	const struct xcap_patch *patch = &change->entry->patch;
	size_t n = 0;

	for (unsigned i = 0; i < patch->n; i++)
		n += patch->op[i].sel.n + patch->op[i].content.n;
	return n;
}

/* What the entry says beside its tags: the steps of N changes that each have them. */
static void add_steps(struct making *m, struct xcap_diff_entry *entry,
		      const struct xdm_change *const *change, unsigned n)
{
	const struct xcap_patch **patch = arena_alloc(m->arena, n * sizeof(struct xcap_patch *));
	size_t bytes = 0;

	if (!patch) {
		m->failed = 1;
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		if (is_same(change[i]))
			continue;
		bytes += patch_bytes(change[i]);
		patch[entry->n_patches++] = &change[i]->entry->patch;
	}
	if (bytes > m->from->patch_bytes)
		entry->n_patches = 0;
	else
		entry->not_changed = entry->n_patches == 0;
	entry->patch = patch;
}

/* How many changes from the first on each follow upon the one before, beginning at VERSION. */
static unsigned chained(uint64_t version, const struct xdm_change *const *change, unsigned n)
{
	unsigned i = 0;

	while (i < n && change[i]->entry && change[i]->old_version == version)
		version = change[i++]->version;
	return i;
}

static void each_change(struct making *m, const struct xdm_change *const *change, unsigned n)
{
	uint64_t version = m->from->version;
	unsigned known = chained(version, change, n);

	for (unsigned i = 0; i < known; i++) {
		struct xcap_diff_entry *entry =
			add_entry(m, change[i]->old_version, change[i]->version);

		if (has_steps(change[i]))
			add_steps(m, entry, &change[i], 1);
		version = change[i]->version;
	}
	if (known < n && (version || change[n - 1]->version))
		add_entry(m, version, change[n - 1]->version);
}

static void one_entry(struct making *m, const struct xdm_change *const *change, unsigned n,
		      int with_steps)
{
	uint64_t version = m->from->version;
	struct xcap_diff_entry *entry;
	unsigned steps = 0;

	if (!version && !change[n - 1]->version)
		return;
	entry = add_entry(m, version, change[n - 1]->version);
	while (with_steps && steps < n && has_steps(change[steps]))
		steps++;
	if (steps == n && chained(version, change, n) == n)
		add_steps(m, entry, change, n);
}

int xdm_diff_document(const struct xdm_diff_from *from, const struct xdm_change *const *change,
		      unsigned n, enum xdm_diff_mode mode, struct arena *arena,
		      struct xcap_diff_entry **entry_out, unsigned *n_out)
{
	struct making m = { .from = from, .arena = arena };

	*n_out = 0;
	/* What was reported in between, by a state that was read: no news. */
	while (n && change[0]->seq <= from->version)
		change++, n--;
	if (!n)
		return 0;
	m.entry = arena_zalloc(arena, n + 1, sizeof(*m.entry));
	if (!m.entry)
		return -1;
	if (mode == XDM_DIFF_PATCHING)
		each_change(&m, change, n);
	else
		one_entry(&m, change, n, mode == XDM_DIFF_AGGREGATE);
	*entry_out = m.entry;
	*n_out = m.n;
	return m.failed ? -1 : 0;
}

int xdm_diff_found(uint64_t epoch, uint64_t version, struct strv sel, struct arena *arena,
		   struct xcap_diff_entry *entry_out)
{
	const struct xdm_diff_from from = { .epoch = epoch, .sel = sel };
	struct making m = { .from = &from, .arena = arena, .entry = entry_out };

	add_entry(&m, 0, version);
	return m.failed ? -1 : 0;
}

int xdm_diff_node(const struct xdm_watch_event *event, struct strv sel, size_t max_bytes,
		  struct arena *arena, struct xcap_diff_entry *entry_out)
{
	int is_attr = event->value.p != NULL;

	*entry_out = (struct xcap_diff_entry){ .kind = is_attr ? XCAP_DIFF_ATTR : XCAP_DIFF_ELEMENT,
					       .sel = sel,
					       .exists = event->exists };
	if (!event->exists)
		return 0;
	if (is_attr)
		return xcap_attvalue_decode(event->value, arena, &entry_out->content);
	if (xcap_spot_octets(event->spot) > max_bytes)
		return 0;
	entry_out->content = xcap_spot_slice(event->spot, arena);
	return entry_out->content.n ? xcap_spot_ns(event->spot, &entry_out->ns) : -1;
}

/* The segments of PATH, each percent-encoded. */
static void print_path(struct xcap_print *print, struct strv path)
{
	struct strv segment;
	int more;

	do {
		more = strv_cut(&path, '/', &segment);
		xcap_print_percent(print, segment);
		xcap_print_str(print, more ? "/" : "");
	} while (more);
}

struct strv xdm_diff_sel(struct strv owner, struct strv name, struct arena *arena)
{
	struct xcap_print print = { .arena = arena };
	struct strv path = strv_mem(name.p + 2, name.n - 2), auid;

	strv_cut(&path, '/', &auid);
	xcap_print_percent(&print, auid);
	if (strv_eq(owner, STRV(XDM_GLOBAL_OWNER))) {
		xcap_print_str(&print, "/global/");
	} else {
		xcap_print_str(&print, "/users/");
		xcap_print_percent(&print, owner);
		xcap_print_str(&print, "/");
	}
	print_path(&print, path);
	return xcap_print_end(&print);
}

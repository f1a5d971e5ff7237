/* SPDX-License-Identifier: Apache-2.0 */
/* daemon/cpmctl_source.c - see cpmctl_import.h */
#include "daemon/cpmctl_import.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cab/cab_charset.h"
#include "cab/cab_csv.h"

enum { COLUMNS_MAX = 32, TABLE_MAX = 1 << 30, DEPTH_MAX = 4 };

struct finding {
	struct ctl *ctl;
	struct ctl_source *source;
	size_t room;
	json_t *remarks;
};

static int no_memory(const struct finding *f)
{
	ctl_say_error(f->ctl, "nomem", "no memory for the import", NULL);
	return CTL_FAILED;
}

static void remark(struct finding *f, const char *what, const char *why)
{
	json_array_append_new(f->remarks, json_pack("{s:s, s:s}", "what", what, "why", why));
}

/* A new item; NULL without memory. */
static struct ctl_item *add_item(struct finding *f, const char *id)
{
	struct ctl_source *source = f->source;
	struct ctl_item *more;

	if (source->n == f->room) {
		f->room = f->room ? f->room * 2 : 1024;
		more = realloc(source->item, f->room * sizeof(*more));
		if (!more)
			return NULL;
		source->item = more;
	}
	more = &source->item[source->n];
	*more = (struct ctl_item){ .id = strdup(id) };
	if (!more->id)
		return NULL;
	source->n++;
	return more;
}

/* ---- the table of users ---- */

enum column { ID, PASSWORD, ALIASES, OPERATOR, DISABLED, COLUMNS };

static const char *const column_names[][4] = {
	[ID] = { "id", "identity", "user", "name" },
	[PASSWORD] = { "password", NULL, NULL, NULL },
	[ALIASES] = { "aliases", "alias", NULL, NULL },
	[OPERATOR] = { "operator", NULL, NULL, NULL },
	[DISABLED] = { "disabled", NULL, NULL, NULL },
};

static int find_column(struct strv name)
{
	for (int i = 0; i < COLUMNS; i++)
		for (unsigned k = 0; k < 4 && column_names[i][k]; k++)
			if (strv_caseeq(name, strv_of(column_names[i][k])))
				return i;
	return -1;
}

static int says_yes(struct strv cell)
{
	return strv_caseeq(cell, STRV("yes")) || strv_caseeq(cell, STRV("true")) ||
	       strv_eq(cell, STRV("1"));
}

static int take_row(struct finding *f, const struct strv cell[COLUMNS], unsigned line)
{
	struct ctl_item *item;
	char what[40], *id;

	if (!cell[ID].n) {
		snprintf(what, sizeof(what), "line %u", line);
		remark(f, what, "the row names no user");
		return 0;
	}
	id = strv_dup(cell[ID]);
	item = id ? add_item(f, id) : NULL;
	free(id);
	if (!item)
		return -1;
	item->is_user = 1;
	item->password = strv_dup(cell[PASSWORD]);
	item->aliases = strv_dup(cell[ALIASES]);
	item->is_operator = says_yes(cell[OPERATOR]);
	item->is_disabled = says_yes(cell[DISABLED]);
	return item->password && item->aliases ? 0 : -1;
}

static int read_rows(struct finding *f, struct cab_rows *rows, struct arena *arena,
		     const char *file)
{
	struct strv cell[COLUMNS_MAX], picked[COLUMNS];
	int place[COLUMNS_MAX], n, n_columns, has_id = 0;
	char text[512];
	unsigned line;
	struct err err;

	n_columns = cab_rows_next(rows, arena, cell, COLUMNS_MAX, &line, &err);
	for (int i = 0; i < n_columns; i++) {
		place[i] = find_column(strv_trim(cell[i]));
		has_id |= place[i] == ID;
	}
	if (n_columns <= 0 || !has_id) {
		snprintf(text, sizeof(text), "the first line of %.300s has no column \"id\"", file);
		ctl_say_error(f->ctl, "syntax", text,
			      "known columns: id, password, aliases, operator, disabled");
		return CTL_FAILED;
	}
	for (;;) {
		arena_reset(arena);
		n = cab_rows_next(rows, arena, cell, COLUMNS_MAX, &line, &err);
		if (n == 0)
			return CTL_OK;
		if (n < 0) {
			remark(f, file, err.text);
			continue;
		}
		memset(picked, 0, sizeof(picked));
		for (int i = 0; i < n && i < n_columns; i++)
			if (place[i] >= 0)
				picked[place[i]] = strv_trim(cell[i]);
		if (take_row(f, picked, line) < 0)
			return no_memory(f);
	}
}

static int read_table(struct finding *f, const char *file)
{
	struct arena *keep = arena_new(0), *arena = arena_new(0);
	struct cab_rows rows;
	char *bytes = NULL;
	struct strv text;
	struct err err;
	size_t n;
	int ret = keep && arena ? ctl_read_file(f->ctl, file, TABLE_MAX, &bytes, &n) : no_memory(f);

	if (ret == CTL_OK && cab_charset_file(strv_mem(bytes, n), keep, &text, &err) < 0)
		ret = no_memory(f);
	if (ret == CTL_OK) {
		cab_rows_init(&rows, text);
		ret = read_rows(f, &rows, arena, file);
	}
	free(bytes);
	arena_free(&keep);
	arena_free(&arena);
	return ret;
}

/* ---- folders ---- */

static int add_doc(struct ctl_item *item, const char *name, const char *file)
{
	struct ctl_item_doc *more = realloc(item->doc, (item->n_docs + 1) * sizeof(*more));

	if (!more)
		return -1;
	item->doc = more;
	more[item->n_docs] = (struct ctl_item_doc){ strdup(name), strdup(file) };
	if (!more[item->n_docs].name || !more[item->n_docs].file) {
		free(more[item->n_docs].name);
		free(more[item->n_docs].file);
		return -1;
	}
	item->n_docs++;
	return 0;
}

/* For each name in DIR but those that begin with a dot, in order. */
static int each_name(struct finding *f, const char *dir,
		     int (*fn)(struct finding *f, const char *dir, const char *name, void *arg),
		     void *arg)
{
	struct dirent **entry;
	int n = scandir(dir, &entry, NULL, alphasort), ret = CTL_OK;
	char text[512];

	if (n < 0) {
		snprintf(text, sizeof(text), "cannot read the folder %.300s: %s", dir,
			 strerror(errno));
		ctl_say_error(f->ctl, "io", text, NULL);
		return CTL_FAILED;
	}
	for (int i = 0; i < n; i++) {
		if (ret == CTL_OK && entry[i]->d_name[0] != '.')
			ret = fn(f, dir, entry[i]->d_name, arg);
		free(entry[i]);
	}
	free(entry);
	return ret;
}

struct place {
	struct ctl_item *item;
	const char *prefix; /* of the documents' names */
	unsigned depth;
};

static int is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int take_doc(struct finding *f, const char *dir, const char *name, void *arg)
{
	const struct place *at = arg;
	char *path = NULL, *doc = NULL;
	int ret = CTL_OK;

	if (asprintf(&path, "%s/%s", dir, name) < 0 ||
	    asprintf(&doc, "%s/%s", at->prefix, name) < 0)
		return no_memory(f);
	if (is_folder(path)) {
		struct place below = { at->item, doc, at->depth + 1 };

		if (at->depth < DEPTH_MAX)
			ret = each_name(f, path, take_doc, &below);
		else
			remark(f, path, "the folder is too deep");
	} else if (add_doc(at->item, doc, path) < 0) {
		ret = no_memory(f);
	}
	free(path);
	free(doc);
	return ret;
}

/* NAME with %XX decoded, in its place. */
static void decode(char *name)
{
	char *to = name;

	for (const char *p = name; *p; p++) {
		unsigned value;

		if (*p == '%' && sscanf(p + 1, "%2x", &value) == 1 && value >= 0x20 && p[1] &&
		    p[2]) {
			*to++ = (char)value;
			p += 2;
		} else {
			*to++ = *p;
		}
	}
	*to = '\0';
}

/* The documents of one user of one usage: an item for now, joined with others later. */
static int take_home(struct finding *f, const char *dir, const char *name, void *arg)
{
	struct place at = { NULL, arg, 0 };
	char *path = NULL, *id = strdup(name);
	int ret = CTL_OK;

	if (!id || asprintf(&path, "%s/%s", dir, name) < 0)
		return no_memory(f);
	decode(id);
	at.item = add_item(f, id);
	if (!at.item)
		ret = no_memory(f);
	else if (!is_folder(path))
		remark(f, path, "this is no folder of a user's documents");
	else
		ret = each_name(f, path, take_doc, &at);
	free(path);
	free(id);
	return ret;
}

static int take_contacts(struct finding *f, const char *dir, const char *name, void *arg)
{
	size_t n = strlen(name);
	int is_csv = n > 4 && strcasecmp(name + n - 4, ".csv") == 0;
	int is_vcf = n > 4 && strcasecmp(name + n - 4, ".vcf") == 0;
	struct ctl_item *item;
	char *path = NULL, *id = strdup(name);

	(void)arg;
	if (!id || asprintf(&path, "%s/%s", dir, name) < 0)
		return no_memory(f);
	if (!is_csv && !is_vcf) {
		remark(f, path, "contacts are named USER.vcf or USER.csv");
		free(path);
		free(id);
		return CTL_OK;
	}
	id[n - 4] = '\0';
	decode(id);
	item = add_item(f, id);
	free(id);
	if (!item) {
		free(path);
		return no_memory(f);
	}
	*(is_csv ? &item->csv : &item->vcards) = path;
	return CTL_OK;
}

static int take_top(struct finding *f, const char *dir, const char *name, void *arg)
{
	char *path = NULL, *users = NULL, *global = NULL, *prefix = NULL;
	struct place at = { &f->source->global, NULL, 0 };
	int ret = CTL_OK;

	(void)arg;
	if (asprintf(&path, "%s/%s", dir, name) < 0 || asprintf(&users, "%s/users", path) < 0 ||
	    asprintf(&global, "%s/global", path) < 0 || asprintf(&prefix, "%s/global", name) < 0)
		return no_memory(f);
	if (strcmp(name, "users.csv") == 0) {
		ret = read_table(f, path);
	} else if (strcmp(name, "contacts") == 0 && is_folder(path)) {
		ret = each_name(f, path, take_contacts, NULL);
	} else if (!is_folder(users) && !is_folder(global)) {
		remark(f, path, "this is neither users.csv, contacts, nor a usage's documents");
	} else {
		at.prefix = prefix;
		if (is_folder(users))
			ret = each_name(f, users, take_home, (void *)(uintptr_t)name);
		if (ret == CTL_OK && is_folder(global))
			ret = each_name(f, global, take_doc, &at);
	}
	free(path);
	free(users);
	free(global);
	free(prefix);
	return ret;
}

/* ---- putting together ---- */

static void free_item(struct ctl_item *item)
{
	free(item->id);
	free(item->password);
	free(item->aliases);
	for (unsigned i = 0; i < item->n_docs; i++) {
		free(item->doc[i].name);
		free(item->doc[i].file);
	}
	free(item->doc);
	free(item->vcards);
	free(item->csv);
}

void ctl_source_free(struct ctl_source *source)
{
	for (size_t i = 0; i < source->n; i++)
		free_item(&source->item[i]);
	free(source->item);
	free_item(&source->global);
	*source = (struct ctl_source){ .n = 0 };
}

static int by_id(const void *a, const void *b)
{
	const struct ctl_item *x = a, *y = b;
	int order = strcmp(x->id, y->id);

	return order ? order : y->is_user - x->is_user;
}

static int users_first(const void *a, const void *b)
{
	const struct ctl_item *x = a, *y = b;

	return x->is_user != y->is_user ? y->is_user - x->is_user : strcmp(x->id, y->id);
}

/* FROM's files are INTO's now. */
static int join(struct finding *f, struct ctl_item *into, struct ctl_item *from)
{
	if (from->is_user && into->is_user)
		remark(f, from->id, "the user is there twice: the first row counts");
	for (unsigned i = 0; i < from->n_docs; i++)
		if (add_doc(into, from->doc[i].name, from->doc[i].file) < 0)
			return -1;
	if (from->vcards && !into->vcards) {
		into->vcards = from->vcards;
		from->vcards = NULL;
	}
	if (from->csv && !into->csv) {
		into->csv = from->csv;
		from->csv = NULL;
	}
	free_item(from);
	return 0;
}

static int join_all(struct finding *f)
{
	struct ctl_source *source = f->source;
	size_t n = 0;

	if (!source->n)
		return CTL_OK;
	qsort(source->item, source->n, sizeof(*source->item), by_id);
	for (size_t i = 1; i < source->n; i++) {
		if (strcmp(source->item[n].id, source->item[i].id) != 0)
			source->item[++n] = source->item[i];
		else if (join(f, &source->item[n], &source->item[i]) < 0)
			return no_memory(f);
	}
	source->n = n + 1;
	qsort(source->item, source->n, sizeof(*source->item), users_first);
	return CTL_OK;
}

int ctl_source_read(struct ctl *ctl, const char *from, struct ctl_source *source, json_t *remarks)
{
	struct finding f = { .ctl = ctl, .source = source, .remarks = remarks };
	int ret;

	*source = (struct ctl_source){ .n = 0 };
	ret = is_folder(from) ? each_name(&f, from, take_top, NULL) : read_table(&f, from);
	return ret == CTL_OK ? join_all(&f) : ret;
}

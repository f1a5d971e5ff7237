/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/conf.c - a run over the main file and its drop-ins, and the faults it finds
 *
 * See conf.h. The run goes on after a fault, so that one run finds them all; only what a fault of
 * syntax makes doubtful (that something is missing) is then left unsaid.
 */
#include "base/conf.h"
#include "base/conf_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- faults ---- */

static void add_fault(struct conf_load *load, unsigned line, unsigned column, int is_warning,
		      const char *fmt, va_list ap) __attribute__((format(printf, 5, 0)));

static void add_fault(struct conf_load *load, unsigned line, unsigned column, int is_warning,
		      const char *fmt, va_list ap)
{
	struct conf_fault_entry *entry;

	load->n_found += !is_warning;
	if (load->n_faults > CONF_FAULTS_MAX)
		return;
	entry = &load->faults[load->n_faults];
	*entry = (struct conf_fault_entry){
		.fault = { .file = load->is_preset ? "(default)" : load->file,
			   .line = line,
			   .column = column,
			   .is_warning = is_warning },
		.file_no = load->file_no,
		.seq = load->n_faults,
	};
	if (load->n_faults++ == CONF_FAULTS_MAX) {
		entry->fault.is_warning = 0;
		entry->file_no = (unsigned)-1;
		snprintf(entry->fault.text, sizeof(entry->fault.text),
			 "there are further faults; mend these %d first", CONF_FAULTS_MAX);
		return;
	}
	vsnprintf(entry->fault.text, sizeof(entry->fault.text), fmt, ap);
}

void conf_fault_at(struct conf_load *load, unsigned line, unsigned column, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_fault(load, line, column, 0, fmt, ap);
	va_end(ap);
}

void conf_warn_at(struct conf_load *load, unsigned line, unsigned column, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_fault(load, line, column, 1, fmt, ap);
	va_end(ap);
}

static int by_place(const void *a, const void *b)
{
	const struct conf_fault_entry *x = a, *y = b;

	if (x->file_no != y->file_no)
		return x->file_no < y->file_no ? -1 : 1;
	if (x->fault.line != y->fault.line)
		return x->fault.line < y->fault.line ? -1 : 1;
	if (x->fault.column != y->fault.column)
		return x->fault.column < y->fault.column ? -1 : 1;
	return (x->seq > y->seq) - (x->seq < y->seq);
}

static void tell_faults(struct conf_load *load, conf_fault_fn *fn, void *arg)
{
	if (!load->faults)
		return;
	qsort(load->faults, load->n_faults, sizeof(*load->faults), by_place);
	for (unsigned i = 0; i < load->n_faults; i++)
		fn(arg, &load->faults[i].fault);
}

const char *conf_printf(struct conf_load *load, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n >= 0)
		text = arena_alloc(load->arena, (size_t)n + 1);
	if (!text) {
		load->no_memory = 1;
		return "";
	}
	va_start(ap, fmt);
	vsnprintf(text, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return text;
}

const char *conf_quote(struct conf_load *load, struct strv s)
{
	enum { SHOWN = 40 };
	char text[SHOWN * 4 + 1], *to = text;
	size_t i = 0, len;
	unsigned c = 0;

	if (load->n_faults >= CONF_FAULTS_MAX)
		return "";
	for (; i < s.n; i += len) {
		len = conf_char_at(s.p + i, s.n - i, &c);
		if (i + (len ? len : 1) > SHOWN)
			break;
		if (len && !conf_is_control(c)) {
			memcpy(to, s.p + i, len);
			to += len;
			continue;
		}
		for (size_t j = 0; j < (len ? len : 1); j++)
			to += sprintf(to, "\\x%02x", (unsigned char)s.p[i + j]);
		len = len ? len : 1;
	}
	return conf_printf(load, "\"%.*s%s\"", (int)(to - text), text, i < s.n ? "..." : "");
}

/* ---- files ---- */

static int read_all(int fd, char *to, size_t size, size_t *n_out)
{
	size_t n = 0;
	ssize_t got;

	while (n < size) {
		got = read(fd, to + n, size - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		n += (size_t)got;
	}
	*n_out = n;
	return 0;
}

static void tell_open(struct conf_load *load, const char *path, unsigned line, unsigned column,
		      int errnum)
{
	char reason[96];

	conf_fault_at(load, line, column, "cannot read %s: %s; %s", path,
		      strerror_r(errnum, reason, sizeof(reason)),
		      errnum == ENOENT	 ? "check the path, or create the file"
		      : errnum == EACCES ? "let the user that runs this read it"
					 : "check the path");
}

int conf_read_file(struct conf_load *load, const char *path, size_t max, unsigned line,
		   unsigned column, struct strv *bytes_out, unsigned *mode_out)
{
	/* A FIFO must not stop the run; what is no regular file is refused below. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), ret = -1;
	struct stat st;
	size_t n = 0;
	char *p;

	if (fd < 0 || fstat(fd, &st) < 0) {
		tell_open(load, path, line, column, errno);
		goto out;
	}
	if (!S_ISREG(st.st_mode)) {
		conf_fault_at(load, line, column, "%s is %s; name a regular file", path,
			      S_ISDIR(st.st_mode) ? "a folder" : "a device or socket");
		goto out;
	}
	if (st.st_size > (off_t)max) {
		conf_fault_at(load, line, column, "%s has %lld octets, more than %zu; shorten it",
			      path, (long long)st.st_size, max);
		goto out;
	}
	p = arena_alloc(load->arena,
			max + 1 < (size_t)st.st_size + 1 ? max + 1 : (size_t)st.st_size + 1);
	if (!p) {
		load->no_memory = 1;
		goto out;
	}
	if (read_all(fd, p, (size_t)st.st_size, &n) < 0) {
		tell_open(load, path, line, column, errno);
		goto out;
	}
	p[n] = '\0';
	*bytes_out = strv_mem(p, n);
	*mode_out = st.st_mode & 07777;
	ret = 0;
out:
	if (fd >= 0)
		close(fd);
	return ret;
}

static void load_text(struct conf_load *load, struct strv text, unsigned char *set)
{
	if (text.n > CONF_FILE_MAX) {
		conf_fault_at(load, 0, 0, "the text has %zu octets, more than %d; shorten it",
			      text.n, CONF_FILE_MAX);
		return;
	}
	conf_apply_file(load, conf_yaml_parse(load, text), set);
}

static void load_file(struct conf_load *load, const char *path, unsigned char *set)
{
	struct strv bytes;

	load->file = path;
	load->file_no++;
	if (conf_read_file(load, path, CONF_FILE_MAX, 0, 0, &bytes, &load->file_mode) == 0)
		load_text(load, bytes, set);
	else
		load->is_cut = 1;
}

/* ---- the drop-in folder ---- */

static int ends_with(const char *s, const char *tail)
{
	size_t n = strlen(s), m = strlen(tail);

	return n >= m && strcmp(s + n - m, tail) == 0;
}

static int is_drop_in(const struct dirent *entry)
{
	return entry->d_name[0] != '.' &&
	       (ends_with(entry->d_name, ".yaml") || ends_with(entry->d_name, ".yml"));
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void load_drop_ins(struct conf_load *load, const char *file, unsigned char *set)
{
	const char *folder = conf_printf(load, "%s.d", file);
	struct dirent **entries = NULL;
	int n = scandir(folder, &entries, is_drop_in, by_name);

	load->file = folder;
	load->file_no++;
	if (n < 0 && errno == ENOMEM)
		load->no_memory = 1;
	else if (n < 0 && errno != ENOENT)
		conf_fault_at(load, 0, 0, "cannot read the drop-in folder: %s; %s", strerror(errno),
			      errno == ENOTDIR ? "make it a folder, or remove it"
					       : "let the user that runs this read it");
	if (n > CONF_FILES_MAX)
		conf_fault_at(load, 0, 0, "%d files, more than %d; put some together", n,
			      CONF_FILES_MAX);
	for (int i = 0; i < n; i++) {
		const char *path = conf_printf(load, "%s/%s", folder, entries[i]->d_name);

		if (ends_with(path, ".yml")) {
			load->file = path;
			load->file_no++;
			conf_warn_at(load, 0, 0, "not read; rename it to end in .yaml");
		} else if (n <= CONF_FILES_MAX) {
			load_file(load, path, set);
		}
		free(entries[i]);
	}
	free(entries);
}

/* ---- the run ---- */

/* What has no default and stands in no file. */
static void tell_missing(struct conf_load *load, const unsigned char *set)
{
	const struct conf_item *table = load->conf->table;

	load->file = load->conf->file;
	load->file_no = 1;
	for (unsigned i = 0; table[i].name && !load->is_cut; i++)
		if (!table[i].preset && table[i].type != CONF_SECTION && !set[i])
			conf_fault_at(load, 0, 0, "%s must be given; add it (%s)", table[i].name,
				      conf_type_phrase(table[i].type));
}

static struct conf *new_conf(const char *file, const struct conf_item *table, size_t struct_bytes)
{
	struct arena *arena = arena_new(0);
	struct conf *conf = arena ? arena_zalloc(arena, 1, sizeof(*conf)) : NULL;

	if (!conf) {
		arena_free(&arena);
		return NULL;
	}
	conf->arena = arena;
	conf->table = table;
	conf->file = arena_strdup(arena, strv_of(file ? file : "(defaults)"));
	conf->values = arena_zalloc(arena, 1, struct_bytes);
	if (!conf->file || !conf->values)
		conf_free(&conf);
	return conf;
}

/* The folder of FILE, as relative paths in it need it. */
static const char *folder_of(struct conf_load *load, const char *file)
{
	const char *slash = strrchr(file, '/');
	const char *folder = !slash	     ? "."
			     : slash == file ? "/"
					     : conf_printf(load, "%.*s", (int)(slash - file), file);
	char *full = realpath(folder, NULL);

	if (!full && errno == ENOMEM)
		load->no_memory = 1;
	folder = conf_printf(load, "%s", full ? full : folder);
	free(full);
	return strcmp(folder, "/") == 0 ? "" : folder;
}

/* FILE, or TEXT with P set; neither: the defaults. */
static void run(struct conf_load *load, const char *file, struct strv text)
{
	unsigned char *set = arena_zalloc(load->arena, conf_table_count(load->conf->table) + 1, 1);

	if (!set) {
		load->no_memory = 1;
		return;
	}
	load->file = load->conf->file;
	conf_apply_presets(load, load->conf->table, load->conf->values);
	if (text.p) {
		load->file_no++;
		load_text(load, text, set);
	} else if (file) {
		load->folder = folder_of(load, file);
		load_file(load, load->conf->file, set);
		load_drop_ins(load, load->conf->file, set);
	}
	tell_missing(load, set);
}

static int load_any(const char *file, struct strv text, const struct conf_schema *schema,
		    conf_fault_fn *fault_fn, void *arg, struct conf **conf_out)
{
	struct conf_load load = { 0 };
	struct conf_check check = { &load };

	*conf_out = NULL;
	load.conf = new_conf(file, schema->table, schema->struct_bytes);
	load.faults = calloc(CONF_FAULTS_MAX + 1, sizeof(*load.faults));
	load.no_memory = !load.conf || !load.faults;
	if (!load.no_memory) {
		load.arena = load.conf->arena;
		run(&load, file, text);
	}
	if (!load.no_memory && schema->check)
		schema->check(&check, load.conf->values);
	tell_faults(&load, fault_fn, arg);
	free(load.faults);
	if (load.no_memory) {
		struct conf_fault fault = { .file = file ? file : "(defaults)",
					    .text = "memory is short; free some and try again" };

		fault_fn(arg, &fault);
	}
	if (load.no_memory || load.n_found) {
		conf_free(&load.conf);
		return -1;
	}
	*conf_out = load.conf;
	return 0;
}

int conf_load(const char *file, const struct conf_schema *schema, conf_fault_fn *fault_fn,
	      void *arg, struct conf **conf_out)
{
	return load_any(file, (struct strv){ NULL, 0 }, schema, fault_fn, arg, conf_out);
}

int conf_load_text(const char *name, struct strv text, const struct conf_schema *schema,
		   conf_fault_fn *fault_fn, void *arg, struct conf **conf_out)
{
	if (!text.p)
		text = STRV("");
	return load_any(name, text, schema, fault_fn, arg, conf_out);
}

void conf_free(struct conf **conf_at)
{
	struct conf *conf = *conf_at;
	struct arena *arena;

	*conf_at = NULL;
	if (!conf)
		return;
	arena = conf->arena;
	arena_free(&arena);
}

const void *conf_values(const struct conf *conf)
{
	return conf->values;
}

/* ---- places ---- */

static const struct conf_place *place_of(const struct conf *conf, const char *name, int index)
{
	for (const struct conf_place *p = conf->places; p; p = p->older)
		if (p->index == index && strcmp(p->name, name) == 0)
			return p;
	return NULL;
}

int conf_where(const struct conf *conf, const char *name, int index, struct conf_fault *fault_out)
{
	const struct conf_place *place = place_of(conf, name, index);

	fault_out->file = place ? place->file : conf->file;
	fault_out->line = place ? place->line : 0;
	fault_out->column = place ? place->column : 0;
	return place != NULL;
}

int conf_check_is_good(const struct conf_check *check, const char *name, int index)
{
	const struct conf_place *place = place_of(check->load->conf, name, index);

	return !place || !place->is_bad;
}

int conf_check_is_given(const struct conf_check *check, const char *name, int index)
{
	return place_of(check->load->conf, name, index) != NULL;
}

/* Set the run's position to the place, and add the fault there. */
static void add_at(struct conf_check *check, const char *name, int index, int is_warning,
		   const char *fmt, va_list ap) __attribute__((format(printf, 5, 0)));

static void add_at(struct conf_check *check, const char *name, int index, int is_warning,
		   const char *fmt, va_list ap)
{
	struct conf_load *load = check->load;
	const struct conf_place *place = place_of(load->conf, name, index);

	load->file = place ? place->file : load->conf->file;
	load->file_no = place ? place->file_no : 1;
	add_fault(load, place ? place->line : 0, place ? place->column : 0, is_warning, fmt, ap);
}

void conf_check_fault(struct conf_check *check, const char *name, int index, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_at(check, name, index, 0, fmt, ap);
	va_end(ap);
}

void conf_check_warning(struct conf_check *check, const char *name, int index, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_at(check, name, index, 1, fmt, ap);
	va_end(ap);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* tests/sip/torture.c - see torture.h */
#include "tests/sip/torture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 128, PATH_BYTES = 4096, LINE_BYTES = 4096 };

static void die(const char *what, const char *name)
{
	fprintf(stderr, "torture: %s: %s\n", what, name);
	abort();
}

static FILE *open_in(const char *folder, const char *name)
{
	const char *root = getenv("OPENCPM_TORTURE"), *src = getenv("srcdir");
	char path[PATH_BYTES];

	if (root)
		snprintf(path, sizeof(path), "%s/%s/%s", root, folder, name);
	else
		snprintf(path, sizeof(path), "%s/../shared/torture/%s/%s", src ? src : ".", folder,
			 name);
	return fopen(path, "rb");
}

static struct strv slurp(const char *folder, const char *name)
{
	FILE *file = open_in(folder, name);
	char *bytes = malloc(1 << 17);
	size_t n;

	if (!file || !bytes)
		die("cannot read", name);
	n = fread(bytes, 1, 1 << 17, file);
	fclose(file);
	/* Exactly as large as it is: one read too many is seen by a sanitizer. */
	bytes = realloc(bytes, n ? n : 1);
	if (!bytes)
		die("no memory", name);
	return strv_mem(bytes, n);
}

static void read_row(const char *folder, char *line, struct torture *row)
{
	int is_probe = strcmp(folder, "libosip2-probes") == 0;
	char *field[5] = { NULL };
	unsigned n = 0;

	for (char *next = line; next && n < 5;)
		field[n++] = strsep(&next, "\t");
	if (n < (is_probe ? 3 : 5))
		die("short row", line);
	memset(row, 0, sizeof(*row));
	snprintf(row->name, sizeof(row->name), "%s", field[0]);
	snprintf(row->transport, sizeof(row->transport), "%s", is_probe ? "" : field[2]);
	snprintf(row->verdict, sizeof(row->verdict), "%s", is_probe ? field[2] : field[4]);
	row->bytes = slurp(folder, row->name);
}

size_t torture_load(const char *folder, struct torture **rows_out)
{
	FILE *index = open_in(folder, "INDEX.tsv");
	struct torture *rows;
	char line[LINE_BYTES];
	size_t n = 0;
	int heading = 1;

	*rows_out = NULL;
	if (!index)
		return 0;
	rows = calloc(ROWS_MAX, sizeof(*rows));
	if (!rows)
		die("no memory", folder);
	while (n < ROWS_MAX && fgets(line, sizeof(line), index)) {
		if (line[0] == '#')
			continue;
		if (!heading)
			read_row(folder, line, &rows[n++]);
		heading = 0;
	}
	fclose(index);
	*rows_out = rows;
	return n;
}

void torture_free(struct torture *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free((void *)(uintptr_t)rows[i].bytes.p);
	free(rows);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/xdms/diff_apply.c - what a client does with operations, for flow tests: applies them
 * strictly (oracle_apply.c), and says whether two documents mean the same
 *
 *	diff_apply apply DOCUMENT DIFF	the document after the only entry of DIFF, to stdout
 *	diff_apply same DOCUMENT DOCUMENT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xml.h"
#include "tests/xdms/oracle.h"

static struct strv read_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	char *text = NULL;
	size_t n = 0, cap = 0, got = 1;

	while (file && got) {
		if (cap - n < 65536) {
			cap += 1 << 20;
			text = realloc(text, cap);
			if (!text)
				abort();
		}
		got = fread(text + n, 1, cap - n, file);
		n += got;
	}
	if (!file || fclose(file) != 0) {
		perror(path);
		exit(2);
	}
	return strv_mem(text, n);
}

static xmlDoc *parse_file(const char *path)
{
	struct strv text = read_file(path);
	xmlDoc *doc = oracle_parse(text);

	if (!doc) {
		fprintf(stderr, "%s is no document\n", path);
		exit(2);
	}
	free((char *)(uintptr_t)text.p);
	return doc;
}

static int apply(const char *doc_path, const char *diff_path)
{
	xmlDoc *doc = parse_file(doc_path);
	struct strv diff = read_file(diff_path);

	oracle_apply(doc, diff);
	xmlDocDump(stdout, doc);
	xmlFreeDoc(doc);
	free((char *)(uintptr_t)diff.p);
	return 0;
}

static int same(const char *a_path, const char *b_path)
{
	xmlDoc *a = parse_file(a_path), *b = parse_file(b_path);
	char *a_text = oracle_canon(a, NULL), *b_text = oracle_canon(b, NULL);
	int is_same = strcmp(a_text, b_text) == 0;

	if (!is_same)
		fprintf(stderr, "%s\nis not\n%s\n", a_text, b_text);
	free(a_text);
	free(b_text);
	xmlFreeDoc(a);
	xmlFreeDoc(b);
	return !is_same;
}

int main(int argc, char **argv)
{
	if (argc != 4 || xml_init(NULL, NULL) < 0)
		return 2;
	return strcmp(argv[1], "apply") == 0 ? apply(argv[2], argv[3]) : same(argv[2], argv[3]);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_main.c - a fuzz target as an ordinary test, without libFuzzer
 *
 *     fuzz_x              the seeds: every file of $srcdir/tests/fuzz/seeds/x
 *     fuzz_x PATH...      these files, and the files of these folders
 *
 * Each seed is tried as it is, cut short at many places, and with single octets changed; the
 * changes are the same in every run. With --enable-fuzz libFuzzer's own main takes the place of
 * this one.
 */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { CUTS = 256, CHANGES = 512, SEED_MAX = 4 << 20 };

static unsigned long tries;

/* Try a copy of exactly SIZE octets. */
static void try_one(const unsigned char *data, size_t size)
{
	unsigned char *copy = malloc(size ? size : 1);

	if (!copy) {
		perror("malloc");
		exit(EXIT_FAILURE);
	}
	if (size)
		memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
	tries++;
}

static void try_cuts(const unsigned char *data, size_t size)
{
	size_t step = size / CUTS + 1;

	for (size_t n = 0; n < size; n += step)
		try_one(data, n);
}

/* Marsaglia's xorshift64: the same changes everywhere. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void try_changes(unsigned char *data, size_t size)
{
	/* What has a meaning in one of our grammars is tried more often than the rest. */
	static const char telling[] = "\0\r\n\t :;,=\"'<>&%@/*-[]{}|~#0\x7f\x80\xff";
	uint64_t state = 88172645463325252u;

	for (unsigned i = 0; i < CHANGES && size; i++) {
		size_t at = next_random(&state) % size;
		uint64_t r = next_random(&state);
		unsigned char old = data[at];

		data[at] = r & 1 ? (unsigned char)telling[(r >> 8) % (sizeof(telling) - 1)]
				 : (unsigned char)(r >> 8);
		try_one(data, size);
		data[at] = old;
	}
}

static void try_file(const char *path)
{
	FILE *in = fopen(path, "rb");
	unsigned char *data = malloc(SEED_MAX);
	size_t size;

	if (!in || !data) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	size = fread(data, 1, SEED_MAX, in);
	if (ferror(in)) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	fclose(in);
	try_one(data, size);
	try_cuts(data, size);
	try_changes(data, size);
	free(data);
}

/* A file, or every file of a folder. Returns how many. */
static unsigned try_path(const char *path)
{
	char below[4096];
	struct dirent *entry;
	struct stat st;
	unsigned n = 0;
	DIR *folder;

	if (stat(path, &st) == 0 && S_ISREG(st.st_mode)) {
		try_file(path);
		return 1;
	}
	folder = opendir(path);
	if (!folder) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	while ((entry = readdir(folder))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
		n += try_path(below);
	}
	closedir(folder);
	return n;
}

/* "x" of ".../fuzz_x". */
static const char *target_name(const char *program)
{
	const char *slash = strrchr(program, '/'), *base = slash ? slash + 1 : program;

	return strncmp(base, "fuzz_", 5) == 0 ? base + 5 : base;
}

int main(int argc, char **argv)
{
	const char *srcdir = getenv("srcdir");
	char seeds[4096];
	unsigned n = 0;

	for (int i = 1; i < argc; i++)
		n += try_path(argv[i]);
	if (argc == 1) {
		snprintf(seeds, sizeof(seeds), "%s/tests/fuzz/seeds/%s", srcdir ? srcdir : ".",
			 target_name(argv[0]));
		n = try_path(seeds);
	}
	printf("%u seeds, %lu tries\n", n, tries);
	return n ? EXIT_SUCCESS : EXIT_FAILURE;
}

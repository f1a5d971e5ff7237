/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/gen_settings.c - the build's own printer of the sample file and the man page's settings
 *
 * It needs no more than the table, so the generated files depend on nothing else.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/check.h"

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "sample") == 0)
		return check_sample_main();
	if (argc == 2 && strcmp(argv[1], "man") == 0)
		return check_man_main();
	fprintf(stderr, "usage: %s sample|man\n", argv[0]);
	return EXIT_FAILURE;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* daemon/main.c - cpmd's command line; the work is in server.c and check.c */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "config.h"

#include "daemon/check.h"
#include "daemon/server.h"

#define DEFAULT_CONFIG CPM_SYSCONFDIR "/opencpm/cpmd.yaml"

static const char usage[] =
	"Usage: cpmd [--config FILE]          serve\n"
	"       cpmd --check [FILE]           check the configuration and exit\n"
	"       cpmd --print-sample           print a commented configuration and exit\n"
	"       cpmd --version | --help\n"
	"\n"
	"FILE is " DEFAULT_CONFIG " unless given.\n"
	"See cpmd(8), cpmd.yaml(5) and cpmctl(1).\n";

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' }, { "check", no_argument, NULL, 'k' },
	{ "print-sample", no_argument, NULL, 's' }, { "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },	    { NULL, 0, NULL, 0 },
};

int main(int argc, char **argv)
{
	const char *config = NULL;
	int check = 0, opt;

	while ((opt = getopt_long(argc, argv, "c:Vh", options, NULL)) != -1) {
		switch (opt) {
		case 'c':
			config = optarg;
			break;
		case 'k':
			check = 1;
			break;
		case 's':
			return check_sample_main();
		case 'V':
			printf("cpmd %s\n", PACKAGE_VERSION);
			return 0;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs("Try \"cpmd --help\".\n", stderr);
			return 2;
		}
	}
	if (check && optind < argc)
		config = argv[optind++];
	if (optind < argc) {
		fprintf(stderr, "cpmd: \"%s\" is no option; a configuration is named by --config\n",
			argv[optind]);
		return 2;
	}
	if (!config)
		config = DEFAULT_CONFIG;
	return check ? check_main(config) : server_run(config);
}

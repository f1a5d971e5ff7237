/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/settings_check_sip.c - what no single row of the table can say of SIP
 *
 * The rooms' own constructors judge the tables of peers and numbers, so that what passes here can
 * be opened.
 */
#include "daemon/settings_check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sip/sip_addr.h"
#include "sip/sip_field.h"

static const char LISTEN[] = "sip.listen";

static void check_file(struct conf_check *check, int index, const char *what, const char *path,
		       int is_key)
{
	struct stat st;

	if (!*path)
		return;
	if (stat(path, &st) < 0)
		conf_check_warning(
			check, LISTEN, index,
			"the %s %s cannot be seen: %s; put it there, or correct the path", what,
			path, strerror(errno));
	else if (is_key && st.st_mode & 077)
		conf_check_warning(check, LISTEN, index,
				   "the key %s may be read by others (mode %04o); chmod 600 it",
				   path, (unsigned)st.st_mode & 07777);
}

static void check_tls(struct conf_check *check, int index, const struct settings_sip_listen *listen)
{
	const char *name = sip_proto_name((enum sip_proto)listen->transport);

	if (!sip_proto_is_secure((enum sip_proto)listen->transport)) {
		if (*listen->certificate || *listen->key || *listen->client_ca)
			conf_check_fault(check, LISTEN, index,
					 "an entry of sip.listen has a certificate, which %s does "
					 "not use; make its transport tls or wss, or remove it",
					 name);
		return;
	}
	if (!*listen->certificate || !*listen->key)
		conf_check_fault(check, LISTEN, index,
				 "an entry of sip.listen speaks %s without a certificate and a "
				 "key; give both",
				 name);
	check_file(check, index, "certificate", listen->certificate, 0);
	check_file(check, index, "key", listen->key, 1);
	check_file(check, index, "file of authorities", listen->client_ca, 0);
}

static unsigned port_of(const struct settings_sip_listen *listen)
{
	return listen->port ? (unsigned)listen->port
			    : sip_proto_port((enum sip_proto)listen->transport);
}

/* UDP beside the others does not collide with them. */
static int is_same(const struct settings_sip_listen *a, const struct settings_sip_listen *b)
{
	return (a->transport == SIP_UDP) == (b->transport == SIP_UDP) && port_of(a) == port_of(b) &&
	       strcmp(a->address, b->address) == 0;
}

static void check_listens(struct conf_check *check, const struct settings *s)
{
	const struct settings_sip_listen *all = s->sip.listen.items;

	for (int i = 0; i < (int)s->sip.listen.n; i++) {
		if (!conf_check_is_good(check, LISTEN, i))
			continue;
		check_tls(check, i, &all[i]);
		for (int j = 0; j < i; j++)
			if (conf_check_is_good(check, LISTEN, j) && is_same(&all[i], &all[j]))
				conf_check_fault(check, LISTEN, i,
						 "sip.listen has the same address and port twice; "
						 "remove one entry");
	}
}

/* Times that contradict each other. */
static void check_times(struct conf_check *check, const struct settings *s)
{
	if (s->sip.t1_ms > s->sip.t2_ms)
		conf_check_fault(check, "sip.t1", -1, "sip.t1 is longer than sip.t2");
	if (s->sip.min_expires_ms > s->sip.default_expires_ms)
		conf_check_fault(check, "sip.default-expires", -1,
				 "sip.default-expires is shorter than sip.min-expires");
	if (s->sip.default_expires_ms > s->sip.max_expires_ms)
		conf_check_fault(check, "sip.max-expires", -1,
				 "sip.max-expires is shorter than sip.default-expires");
	if (s->sip.flow_timer_ms >= s->sip.idle_ms)
		conf_check_fault(check, "sip.flow-timer", -1,
				 "sip.flow-timer is not shorter than sip.idle-time: connections "
				 "would end between two keep-alives");
}

/* Header values of ours that peers read: a fault in them is one in each answer. */
static void check_service_route(struct conf_check *check, const struct settings *s)
{
	struct strv rest = strv_of(s->sip.service_route);
	struct sip_name_addr route;

	while (rest.n) {
		int ret = sip_name_addr_next(&rest, &route);

		if (ret > 0 && sip_uri_is_sip(&route.uri) && route.text.p[route.text.n - 1] == '>')
			continue;
		conf_check_fault(check, "sip.service-route", -1,
				 "\"%s\" is no route; give one as <sip:cpm.example.com;lr>",
				 s->sip.service_route);
		return;
	}
}

static int all_good(struct conf_check *check, const char *name, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!conf_check_is_good(check, name, (int)i))
			return 0;
	return 1;
}

static void check_peers(struct conf_check *check, const struct settings *s)
{
	struct peer_options *options = calloc(SETTINGS_PEERS_MAX, sizeof(*options));
	struct peers *peers = NULL;
	struct err err;

	if (options && all_good(check, "sip.peers", s->sip.peers.n) &&
	    peers_new(options, settings_sip_peers(s, options), &peers, &err) < 0)
		conf_check_fault(check, "sip.peers", -1, "%s", err.text);
	peers_free(&peers);
	free(options);
}

static void check_numbers(struct conf_check *check, const struct settings *s)
{
	struct number_route *routes = calloc(SETTINGS_ROUTES_MAX, sizeof(*routes));
	struct numbers *numbers = NULL;
	struct err err;

	if (routes && all_good(check, "sip.numbers", s->sip.numbers.n)) {
		struct number_options options = { .routes = routes,
						  .n_routes = settings_sip_numbers(s, routes),
						  .enum_suffix = s->sip.enum_suffix };

		if (numbers_new(&options, &numbers, &err) < 0)
			conf_check_fault(check, "sip.numbers", -1, "%s", err.text);
	}
	numbers_free(&numbers);
	free(routes);
}

static void check_capture(struct conf_check *check, const struct settings *s)
{
	struct sip_addr addr;

	if (*s->sip.capture_address &&
	    sip_addr_parse(strv_of(s->sip.capture_address), 0, &addr) < 0)
		conf_check_fault(check, "sip.capture-address", -1,
				 "\"%s\" is no numeric address; give one", s->sip.capture_address);
}

void settings_check_sip(struct conf_check *check, const struct settings *s)
{
	check_listens(check, s);
	check_times(check, s);
	check_service_route(check, s);
	check_peers(check, s);
	check_numbers(check, s);
	check_capture(check, s);
}

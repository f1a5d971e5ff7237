/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/daemon/test_settings.c - the table of settings, and what it becomes for each room
 */
#include "daemon/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct told {
	char text[8192];
};

static void tell(void *arg, const struct conf_fault *fault)
{
	struct told *told = arg;
	size_t at = strlen(told->text);

	snprintf(told->text + at, sizeof(told->text) - at, "%u:%u: %s%s\n", fault->line,
		 fault->column, fault->is_warning ? "warning: " : "", fault->text);
}

/* A folder for the test's files, and one file in it. */
static char folder[] = "/tmp/cpm-settings-XXXXXX";
static char file[sizeof(folder) + 16];

static void write_file(const char *text)
{
	FILE *out = fopen(file, "w");

	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
}

static int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(file, sizeof(file), "%s/cpmd.yaml", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(file);
	return rmdir(folder);
}

static struct conf *load_ok(const char *text)
{
	struct told told = { "" };
	struct conf *conf;

	write_file(text);
	if (settings_load(file, tell, &told, &conf) < 0)
		fail_msg("%s", told.text);
	return conf;
}

/* ---- the table ---- */

static void rows_are_complete(void **state)
{
	(void)state;
	for (const struct conf_item *item = settings_table; item->name; item++) {
		size_t n = strlen(item->help);

		if (item->help[n - 1] != '.')
			fail_msg("the help of %s is no sentence", item->name);
		if (item->type != CONF_SECTION && !item->preset)
			fail_msg("%s has no default", item->name);
		for (const struct conf_item *other = settings_table; other != item; other++)
			if (strcmp(other->name, item->name) == 0 ||
			    (item->type != CONF_SECTION && other->type != CONF_SECTION &&
			     other->offset == item->offset))
				fail_msg("%s and %s collide", item->name, other->name);
	}
}

static void every_log_category_has_its_row(void **state)
{
	char name[64];

	(void)state;
	for (unsigned cat = 0; cat < LOG_CATS; cat++) {
		const struct conf_item *item = settings_table;

		snprintf(name, sizeof(name), "log.category.%s", log_cat_name((enum log_cat)cat));
		while (item->name && strcmp(item->name, name) != 0)
			item++;
		if (!item->name)
			fail_msg("%s is missing", name);
		assert_int_equal(item->offset,
				 offsetof(struct settings, log.category) + cat * sizeof(int));
	}
}

static void defaults_have_neither_fault_nor_warning(void **state)
{
	struct told told = { "" };
	const struct settings *s;
	struct conf *conf;

	(void)state;
	assert_int_equal(settings_load(NULL, tell, &told, &conf), 0);
	assert_string_equal(told.text, "");
	s = conf_values(conf);
	assert_int_equal(s->server.drain_ms, 5000);
	assert_string_equal(settings_engines[s->store.engine], "bdb");
	assert_int_equal(s->http.listen.n, 1);
	conf_free(&conf);
}

/* ---- the rooms' options ---- */

static void the_store_gets_its_options(void **state)
{
	struct conf *conf = load_ok("store:\n  engine: mem\n  dir: there\n  cache: 3 MB\n"
				    "  checkpoint-size: 4 MB\n  checkpoint-time: 1500 ms\n"
				    "  min-free: 5 MB\n  reserve: 6 MB\n  journal-keep: 7\n"
				    "  journal-time: 8 s\n  queue: 9\n");
	struct kv_options options;
	char dir[64];

	(void)state;
	memset(&options, 0x5a, sizeof(options));
	options.migrations = NULL;
	options.n_migrations = 3;
	settings_kv_options(conf_values(conf), &options);
	snprintf(dir, sizeof(dir), "%s/there", folder);
	assert_string_equal(options.engine, "mem");
	assert_string_equal(options.dir, dir);
	assert_int_equal(options.cache_bytes, 3 << 20);
	assert_int_equal(options.checkpoint_bytes, 4 << 20);
	assert_int_equal(options.checkpoint_s, 2);
	assert_int_equal(options.min_free_bytes, 5 << 20);
	assert_int_equal(options.reserve_bytes, 6 << 20);
	assert_int_equal(options.journal_keep, 7);
	assert_int_equal(options.journal_keep_s, 8);
	assert_int_equal(options.queue_max, 9);
	assert_int_equal(options.n_migrations, 3);
	conf_free(&conf);
}

static void http_gets_its_options(void **state)
{
	struct conf *conf = load_ok("http:\n  listen:\n  - {address: \"::1\", port: 81}\n"
				    "  - {socket: /run/x.sock}\n"
				    "  - {address: 127.0.0.1, certificate: c.pem, key: k.pem}\n"
				    "  max-connections: 500\n  header-size: 32 kB\n"
				    "  header-fields: 50\n  target-size: 4 kB\n"
				    "  idle-time: 2500 ms\n  deadline: 700 ms\n"
				    "admin:\n  socket: /run/admin.sock\n");
	struct http_listen listens[SETTINGS_LISTENS_MAX + 1];
	struct http_options options = { 0 };
	char path[64];

	(void)state;
	settings_http_options(conf_values(conf), &options, listens);
	assert_ptr_equal(options.listens, listens);
	assert_int_equal(options.n_listens, 4);
	assert_string_equal(listens[0].address, "::1");
	assert_int_equal(listens[0].port, 81);
	assert_null(listens[0].path);
	assert_null(listens[0].cert_file);
	assert_null(listens[1].address);
	assert_string_equal(listens[1].path, "/run/x.sock");
	assert_int_equal(listens[1].port, 0);
	assert_int_equal(listens[2].port, 8080);
	snprintf(path, sizeof(path), "%s/c.pem", folder);
	assert_string_equal(listens[2].cert_file, path);
	snprintf(path, sizeof(path), "%s/k.pem", folder);
	assert_string_equal(listens[2].key_file, path);
	assert_string_equal(listens[3].path, "/run/admin.sock");
	assert_null(listens[3].address);
	assert_int_equal(options.max_conns, 500);
	assert_int_equal(options.header_bytes, 32768);
	assert_int_equal(options.header_fields, 50);
	assert_int_equal(options.target_bytes, 4096);
	assert_int_equal(options.idle_s, 3);
	assert_int_equal(options.deadline_ms, 700);
	conf_free(&conf);
}

static void limits_and_threads(void **state)
{
	struct conf *conf =
		load_ok("limits: {sources: 100, connections: 2, requests: 3, burst: 4}\n"
			"server: {workers: 5, job-threads: 0}\n");
	const struct settings *s = conf_values(conf);
	struct limit_options options;
	unsigned threads = settings_job_threads(s);

	(void)state;
	settings_limit_options(s, &options);
	assert_int_equal(options.max_sources, 100);
	assert_int_equal(options.conns, 2);
	assert_int_equal(options.requests_per_s, 3);
	assert_int_equal(options.requests_burst, 4);
	assert_int_equal(settings_workers(s), 5);
	assert_in_range(threads, 1, 64);
	conf_free(&conf);
}

static void domains_and_proxies_are_lists(void **state)
{
	struct conf *conf = load_ok("domains:\n- name: ims.example.net\n- name: example.org\n"
				    "auth:\n  trusted-proxies:\n  - address: 192.0.2.7\n"
				    "  - address: 2001:db8::1\n  md5: no\n  nonce-time: 90 s\n");
	struct strv names[SETTINGS_DOMAINS_MAX];
	const struct settings *s = conf_values(conf);
	const struct settings_proxy *proxies = s->auth.proxies.items;
	struct auth_domains domains = settings_domains(s, names);

	(void)state;
	assert_ptr_equal(domains.name, names);
	assert_int_equal(domains.n, 2);
	assert_true(strv_eq(names[0], STRV("ims.example.net")));
	assert_true(strv_eq(names[1], STRV("example.org")));
	assert_int_equal(s->auth.proxies.n, 2);
	assert_string_equal(proxies[0].address, "192.0.2.7");
	assert_string_equal(proxies[1].address, "2001:db8::1");
	assert_int_equal(s->auth.md5, 0);
	assert_int_equal(s->auth.basic, 1);
	assert_int_equal(s->auth.nonce_ms, 90000);
	conf_free(&conf);
}

static void a_trial_needs_no_domains(void **state)
{
	struct conf *conf = load_ok("");
	struct strv names[SETTINGS_DOMAINS_MAX];
	const struct settings *s = conf_values(conf);

	(void)state;
	assert_int_equal(settings_domains(s, names).n, 1);
	assert_true(strv_eq(names[0], STRV("example.com")));
	assert_int_equal(s->auth.proxies.n, 0);
	assert_string_equal(s->xcap.root, "/xcap-root");
	assert_string_equal(s->xcap.uri, "");
	assert_int_equal(s->xcap.cache_bytes, 64 << 20);
	assert_int_equal(s->xcap.log_keep, 100);
	assert_int_equal(s->xcap.log_bytes, 4 << 20);
	assert_int_equal(s->xcap.log_age_days, 0);
	assert_int_equal(s->xcap.quota_documents, 1000);
	assert_int_equal(s->xcap.quota_usage, 500);
	assert_int_equal(s->xcap.quota_bytes, 100 << 20);
	assert_int_equal(s->xcap.document_bytes, 0);
	assert_int_equal(s->xcap.notify_ms, 5000);
	assert_int_equal(s->xcap.notify_entries, 64);
	assert_int_equal(s->xcap.notify_documents, 500);
	assert_int_equal(s->xdm.mode, SETTINGS_XDM_LOCAL);
	assert_string_equal(s->xdm.root, "");
	assert_string_equal(s->xdm.sip, "");
	assert_string_equal(s->xdm.identity, "");
	assert_string_equal(s->xdm.contact, "");
	assert_string_equal(s->xdm.user, "");
	assert_string_equal(s->xdm.password, "");
	assert_int_equal(s->xcap.test_app, 0);
	assert_int_equal(s->xcap.bare_attributes, 0);
	assert_int_equal(s->cpm.cache_bytes, 64 << 20);
	assert_int_equal(s->cpm.decisions, 20000);
	assert_int_equal(s->cpm.decisions_age_ms, 24 * 3600 * 1000);
	assert_string_equal(s->cpm.factory, "conference-factory");
	assert_int_equal(s->cpm.max_list, 100);
	assert_int_equal(s->cpm.max_members, 1000);
	assert_int_equal(s->cpm.report_window_ms, 10000);
	assert_int_equal(s->cpm.report_ms, 24 * 3600 * 1000);
	assert_int_equal(s->cpm.deferred_messages, 1000);
	assert_int_equal(s->cpm.deferred_bytes, 8 << 20);
	assert_int_equal(s->cpm.deferred_ms, INT64_C(7) * 24 * 3600 * 1000);
	assert_int_equal(s->cpm.deferred_max_ms, INT64_C(30) * 24 * 3600 * 1000);
	conf_free(&conf);
}

static void log_levels_by_category(void **state)
{
	struct conf *conf = load_ok("log:\n  level: warn\n  category:\n    http: debug\n"
				    "    kv: error\n");
	const struct settings *s = conf_values(conf);

	(void)state;
	assert_int_equal(settings_log_level(s, LOG_DAEMON), LOG_WARN);
	assert_int_equal(settings_log_level(s, LOG_HTTP), LOG_DEBUG);
	assert_int_equal(settings_log_level(s, LOG_KV), LOG_ERROR);
	conf_free(&conf);
}

/* ---- what no row can say ---- */

static const struct row {
	const char *why, *text;
	int ret;
	const char *told;
} rows[] = {
	{ "neither address nor socket", "http:\n  listen:\n    - port: 80\n", -1,
	  "3:7: an entry of http.listen has no address and no socket; give one of them\n" },
	{ "address and socket", "http: {listen: [{address: 127.0.0.1, socket: /x}]}\n", -1,
	  "1:17: an entry of http.listen has an address and a socket; give one of them\n" },
	{ "a key alone", "http: {listen: [{address: 127.0.0.1, key: /x}]}\n", -1,
	  "1:17: an entry of http.listen has a key but no certificate; give both, or none\n" },
	{ "a certificate alone", "http: {listen: [{address: 127.0.0.1, certificate: /x}]}\n", -1,
	  "1:17: an entry of http.listen has a certificate but no key; give both, or none\n" },
	{ "the same listener twice",
	  "http:\n  listen:\n  - address: 127.0.0.1\n  - address: 127.0.0.1\n    port: 8080\n", -1,
	  "4:5: http.listen has the same address and port twice; remove one entry\n" },
	{ "the admin socket as a listener", "http: {listen: [{socket: /x}]}\nadmin: {socket: /x}\n",
	  -1, "1:17: this is the admin socket's path; choose another\n" },
	{ "a target larger than the header", "http:\n  target-size: 17 kB\n", -1,
	  "2:16: http.target-size is larger than http.header-size, of which it is a part; make it "
	  "smaller, or the other larger\n" },
	{ "a burst below the rate", "limits: {requests: 5, burst: 4}\n", -1,
	  "1:30: limits.burst is less than limits.requests; give at least 5\n" },
	{ "fewer connections than workers", "server: {workers: 3}\nhttp: {max-connections: 2}\n",
	  -1, "2:25: http.max-connections gives some workers none; give at least 3\n" },
	{ "a store nowhere", "store: {dir: ''}\n", -1,
	  "1:14: store.dir is empty; give the folder for the store\n" },
	{ "backups into the store", "store: {dir: /x}\nadmin: {backup-dir: /x}\n", -1,
	  "2:21: admin.backup-dir is the store's folder; choose another\n" },
	{ "a public listener without TLS",
	  "http: {listen: [{address: 192.0.2.1}]}\nmetrics: {access: socket}\n", 0,
	  "1:17: warning: 192.0.2.1 can be reached from other machines and has no TLS; give a "
	  "certificate and a key\n" },
	{ "metrics in public", "http: {listen: [{address: \"::\"}]}\n", 0,
	  "0:0: warning: /metrics can be read from other machines; set metrics.access to socket, "
	  "or let a proxy decide who may\n"
	  "1:17: warning: :: can be reached from other machines and has no TLS; give a certificate "
	  "and a key\n" },
	{ "loopback in its mapped form is no public address",
	  "http: {listen: [{address: \"::ffff:127.0.0.1\"}, {address: \"::1\", port: 81}]}\n", 0,
	  "" },
	{ "a key that is not there",
	  "http: {listen: [{address: 127.0.0.1, certificate: /nonexistent/c, key: "
	  "/nonexistent/k}]}\n",
	  0,
	  "1:17: warning: the certificate /nonexistent/c cannot be seen: No such file or "
	  "directory; "
	  "put it there, or correct the path\n"
	  "1:17: warning: the key /nonexistent/k cannot be seen: No such file or directory; put it "
	  "there, or correct the path\n" },
	{ "a user that does not exist", "server: {user: no-such-user, group: no-such-group}\n", 0,
	  "1:16: warning: this machine has no user \"no-such-user\"; create it, or the server "
	  "cannot "
	  "be started by root\n"
	  "1:37: warning: this machine has no group \"no-such-group\"; create it, or the server "
	  "cannot be started by root\n" },
	{ "SIP over TLS without a certificate",
	  "sip: {listen: [{transport: tls, address: 127.0.0.1}]}\n", -1,
	  "1:16: an entry of sip.listen speaks TLS without a certificate and a key; give both\n" },
	{ "a certificate for UDP",
	  "sip: {listen: [{address: 127.0.0.1, certificate: /x, key: /y}]}\n", -1,
	  "1:16: an entry of sip.listen has a certificate, which UDP does not use; make its "
	  "transport tls or wss, or remove it\n" },
	{ "TCP and WebSocket on one port; UDP beside them is no harm",
	  "sip:\n  listen:\n  - {transport: tcp, address: 127.0.0.1}\n"
	  "  - {transport: udp, address: 127.0.0.1}\n"
	  "  - {transport: ws, address: 127.0.0.1, port: 5060}\n",
	  -1, "5:5: sip.listen has the same address and port twice; remove one entry\n" },
	{ "a peer that nobody can be", "sip: {peers: [{name: a, networks: 192.0.2.0/33}]}\n", -1,
	  "1:14: \"192.0.2.0/33\" of peer a is no address or network\n" },
	{ "numbers that lead nowhere", "sip: {numbers: [{prefix: '+49', uri: 'tel:+49'}]}\n", -1,
	  "1:16: the route of +49 leads to \"tel:+49\": no sip: URI\n" },
	{ "times that contradict each other",
	  "sip: {t1: 5 s, min-expires: 2 h, max-expires: 30 min}\n", -1,
	  "0:0: sip.default-expires is shorter than sip.min-expires\n"
	  "1:11: sip.t1 is longer than sip.t2\n"
	  "1:47: sip.max-expires is shorter than sip.default-expires\n" },
	{ "keep-alives that come too late", "sip: {flow-timer: 15 min}\n", -1,
	  "1:19: sip.flow-timer is not shorter than sip.idle-time: connections would end between "
	  "two keep-alives\n" },
	{ "two routes for clients",
	  "sip: {service-route: '<sip:a.example;lr>, <sip:b.example;lr>'}\n", 0, "" },
	{ "a route without its brackets", "sip: {service-route: 'sip:a.example;lr'}\n", -1,
	  "1:22: \"sip:a.example;lr\" is no route; give one as <sip:cpm.example.com;lr>\n" },
	{ "what is no route behind one", "sip: {service-route: '<sip:a.example;lr>, b'}\n", -1,
	  "1:22: \"<sip:a.example;lr>, b\" is no route; give one as <sip:cpm.example.com;lr>\n" },
	{ "lists at a name, and nowhere", "domains: [{name: a.example}]\ncpm: {factory: ''}\n", 0,
	  "" },
	{ "lists at a telephone number", "cpm: {factory: '+491234'}\n", -1,
	  "1:16: \"+491234\" is no SIP address at a domain of this server; write a name, as "
	  "conference-factory\n" },
	{ "lists at another's domain", "cpm: {factory: 'sip:f@other.example'}\n", -1,
	  "1:16: \"sip:f@other.example\" is no SIP address at a domain of this server; write a "
	  "name, as conference-factory\n" },
	{ "a capture server by name", "sip: {capture-address: homer}\n", -1,
	  "1:24: \"homer\" is no numeric address; give one\n" },
	{ "an upper-case domain", "domains: [{name: 'Example.com'}]\n", -1,
	  "1:11: \"Example.com\" is no domain name; write one as example.com, in lower-case ASCII "
	  "and without a dot at the end\n" },
	{ "a domain with a dot at its end", "domains: [{name: 'example.com.'}]\n", -1,
	  "1:11: \"example.com.\" is no domain name; write one as example.com, in lower-case ASCII "
	  "and without a dot at the end\n" },
	{ "a domain that begins with a dot", "domains: [{name: '.com'}]\n", -1,
	  "1:11: \".com\" is no domain name; write one as example.com, in lower-case ASCII and "
	  "without a dot at the end\n" },
	{ "a domain with an empty label", "domains: [{name: 'a..b'}]\n", -1,
	  "1:11: \"a..b\" is no domain name; write one as example.com, in lower-case ASCII and "
	  "without a dot at the end\n" },
	{ "a hyphen at a label's end", "domains: [{name: 'a-.b'}]\n", -1,
	  "1:11: \"a-.b\" is no domain name; write one as example.com, in lower-case ASCII and "
	  "without a dot at the end\n" },
	{ "a hyphen at a label's beginning", "domains: [{name: 'a.-b'}]\n", -1,
	  "1:11: \"a.-b\" is no domain name; write one as example.com, in lower-case ASCII and "
	  "without a dot at the end\n" },
	{ "a user in place of a domain", "domains: [{name: 'a@b'}]\n", -1,
	  "1:11: \"a@b\" is no domain name; write one as example.com, in lower-case ASCII and "
	  "without a dot at the end\n" },
	{ "a label of 64 octets",
	  "domains: [{name: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'}]\n",
	  -1,
	  "1:11: \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\" is no domain "
	  "name; write one as example.com, in lower-case ASCII and without a dot at the end\n" },
	{ "a label of 63 octets, digits, hyphens",
	  "domains: [{name: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'}, "
	  "{name: 4-a.b}]\n",
	  0, "" },
	{ "a domain twice", "domains: [{name: a.b}, {name: a.b}]\n", -1,
	  "1:24: domains has \"a.b\" twice; remove one entry\n" },
	{ "a proxy twice",
	  "auth: {trusted-proxies: [{address: 192.0.2.1}, {address: 192.0.2.1}]}\n", -1,
	  "1:48: auth.trusted-proxies has 192.0.2.1 twice; remove one entry\n" },
	{ "the XCAP root's URI", "xcap: {uri: 'https://x.example.com:8443/xcap-root'}\n", 0, "" },
	{ "one of another path", "xcap: {uri: 'https://x.example.com/xcap'}\n", -1,
	  "1:13: \"https://x.example.com/xcap\" is not the XCAP root's URI; write one as "
	  "https://xcap.example.com/xcap-root\n" },
	{ "one without a host", "xcap: {uri: 'https:///xcap-root'}\n", -1,
	  "1:13: \"https:///xcap-root\" is not the XCAP root's URI; write one as "
	  "https://xcap.example.com/xcap-root\n" },
	{ "an XCAP root without a slash", "xcap: {root: 'xcap'}\n", -1,
	  "1:14: \"xcap\" cannot be the XCAP root's path; write one as /xcap-root\n" },
	{ "with a slash at its end", "xcap: {root: '/xcap/'}\n", -1,
	  "1:14: \"/xcap/\" cannot be the XCAP root's path; write one as /xcap-root\n" },
	{ "an empty one", "xcap: {root: ''}\n", -1,
	  "1:14: \"\" cannot be the XCAP root's path; write one as /xcap-root\n" },
	{ "an XCAP root that is the whole server", "xcap: {root: '/'}\n", -1,
	  "1:14: \"/\" cannot be the XCAP root's path; write one as /xcap-root\n" },
	{ "with a query", "xcap: {root: '/x?y'}\n", -1,
	  "1:14: \"/x?y\" cannot be the XCAP root's path; write one as /xcap-root\n" },
	{ "with an escape", "xcap: {root: '/%41'}\n", -1,
	  "1:14: \"/%41\" cannot be the XCAP root's path; write one as /xcap-root\n" },
	{ "with dots", "xcap: {root: '/a/../b'}\n", -1,
	  "1:14: \"/a/../b\" cannot be the XCAP root's path; write one as /xcap-root\n" },
	{ "that looks like a node selector", "xcap: {root: '/a/~~/b'}\n", -1,
	  "1:14: \"/a/~~/b\" cannot be the XCAP root's path; write one as /xcap-root\n" },
	{ "the operators' paths", "xcap: {root: /v1}\n", -1,
	  "1:14: /v1 is a path of the server's own; choose another\n" },
	{ "a path below one of ours", "xcap: {root: /metrics/xcap}\n", -1,
	  "1:14: /metrics/xcap is a path of the server's own; choose another\n" },
	{ "an XCAP root of two segments", "xcap: {root: /v11/x.y~z}\n", 0, "" },
	{ "the engine that forgets", "store: {engine: mem}\n", 0,
	  "1:17: warning: a restart loses everything that is stored; use bdb for more than a "
	  "trial\n" },
	{ "no admin socket", "admin: {socket: ''}\n", 0,
	  "1:17: warning: without an admin socket cpmctl cannot reach the server; give a path\n" },
};

static void contradictions_are_faults_and_dangers_warnings(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct told told = { "" };
		struct conf *conf;

		write_file(rows[i].text);
		if (settings_load(file, tell, &told, &conf) != rows[i].ret ||
		    !conf != !!rows[i].ret || strcmp(told.text, rows[i].told) != 0)
			fail_msg("%s: %s", rows[i].why, told.text);
		conf_free(&conf);
	}
}

static void a_socket_path_too_long_is_a_fault(void **state)
{
	char text[256] = "admin:\n  socket: /";
	struct told told = { "" };
	struct conf *conf;

	(void)state;
	memset(text + strlen(text), 'x', 107);
	write_file(text);
	assert_int_equal(settings_load(file, tell, &told, &conf), -1);
	assert_string_equal(told.text,
			    "2:11: the socket's path has 108 octets, more than the 107 a Unix "
			    "socket may have; choose a shorter one\n");
}

static void an_open_key_is_a_warning(void **state)
{
	struct told told = { "" };
	struct conf *conf;
	char want[512];

	(void)state;
	write_file("http:\n  listen:\n    - address: 127.0.0.1\n      certificate: cpmd.yaml\n"
		   "      key: cpmd.yaml\n");
	assert_int_equal(chmod(file, 0640), 0);
	assert_int_equal(settings_load(file, tell, &told, &conf), 0);
	snprintf(want, sizeof(want),
		 "3:7: warning: the key %s may be read by others (mode 0640); chmod 600 it\n",
		 file);
	assert_string_equal(told.text, want);
	conf_free(&conf);
	told.text[0] = '\0';
	assert_int_equal(chmod(file, 0600), 0);
	assert_int_equal(settings_load(file, tell, &told, &conf), 0);
	assert_string_equal(told.text, "");
	conf_free(&conf);
}

/* ---- the generated sample ---- */

/* Remove each "#" that comments a setting out. Returns how many there were. */
static unsigned uncomment(char *text)
{
	unsigned n = 0;
	char *to = text;

	for (char *line = text, *end; *line; line = end) {
		size_t blanks = strspn(line, " ");

		end = line + strcspn(line, "\n");
		end += *end == '\n';
		memmove(to, line, blanks);
		to += blanks;
		line += blanks;
		if (line[0] == '#' && line[1] != ' ' && line[1] != '\n') {
			line++;
			n++;
		}
		memmove(to, line, (size_t)(end - line));
		to += end - line;
	}
	*to = '\0';
	return n;
}

static void differs(void *arg, const char *name, const char *before, const char *after,
		    int reloadable)
{
	(void)arg;
	(void)reloadable;
	print_error("%s: %s became %s\n", name, before, after);
}

static void the_sample_says_the_defaults(void **state)
{
	char *sample = conf_print_sample(settings_table);
	struct conf *defaults, *as_is, *spelt_out;
	struct conf_fault place;
	struct told told = { "" };
	unsigned settings = 0;

	(void)state;
	assert_non_null(sample);
	assert_int_equal(settings_load(NULL, tell, &told, &defaults), 0);
	as_is = load_ok(sample);
	assert_int_equal(conf_diff(defaults, as_is, differs, NULL), 0);
	for (const struct conf_item *item = settings_table; item->name; item++)
		settings += item->type != CONF_SECTION;
	/* One line a setting, and one for each entry of a default: domain, three listeners. */
	assert_int_equal(uncomment(sample), settings + 4);
	write_file(sample);
	if (settings_load(file, tell, &told, &spelt_out) < 0)
		fail_msg("%s", told.text);
	assert_int_equal(conf_diff(defaults, spelt_out, differs, NULL), 0);
	for (const struct conf_item *item = settings_table; item->name; item++)
		if (item->type != CONF_SECTION && !conf_where(spelt_out, item->name, -1, &place))
			fail_msg("the sample lacks %s", item->name);
	conf_free(&defaults);
	conf_free(&as_is);
	conf_free(&spelt_out);
	free(sample);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_complete),
		cmocka_unit_test(every_log_category_has_its_row),
		cmocka_unit_test(defaults_have_neither_fault_nor_warning),
		cmocka_unit_test(the_store_gets_its_options),
		cmocka_unit_test(http_gets_its_options),
		cmocka_unit_test(limits_and_threads),
		cmocka_unit_test(domains_and_proxies_are_lists),
		cmocka_unit_test(a_trial_needs_no_domains),
		cmocka_unit_test(log_levels_by_category),
		cmocka_unit_test(contradictions_are_faults_and_dangers_warnings),
		cmocka_unit_test(a_socket_path_too_long_is_a_fault),
		cmocka_unit_test(an_open_key_is_a_warning),
		cmocka_unit_test(the_sample_says_the_defaults),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

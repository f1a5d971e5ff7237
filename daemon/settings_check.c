/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/settings_check.c - what no single row of the table can say
 *
 * Settings that contradict each other are faults; what works but is dangerous is a warning. Values
 * that have a fault of their own are left out: they are not what somebody meant.
 */
#include "daemon/settings_check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/un.h>

/* ---- listeners ---- */

static const char LISTEN[] = "http.listen";
static const char DOMAINS[] = "domains";
static const char PROXIES[] = "auth.trusted-proxies";

static int is_loopback(const char *address)
{
	struct in6_addr six;

	if (inet_pton(AF_INET6, address, &six) == 1)
		return IN6_IS_ADDR_LOOPBACK(&six) ||
		       (IN6_IS_ADDR_V4MAPPED(&six) && six.s6_addr[12] == 127);
	return strncmp(address, "127.", 4) == 0;
}

static int is_public(const struct settings_listen *listen)
{
	return *listen->address && !is_loopback(listen->address);
}

static void warn_stat(struct conf_check *check, int index, const char *what, const char *path)
{
	conf_check_warning(check, LISTEN, index,
			   "the %s %s cannot be seen: %s; put it there, or correct the path", what,
			   path, strerror(errno));
}

static void check_key(struct conf_check *check, int index, const struct settings_listen *listen)
{
	struct stat st;

	if (stat(listen->certificate, &st) < 0)
		warn_stat(check, index, "certificate", listen->certificate);
	if (stat(listen->key, &st) < 0)
		warn_stat(check, index, "key", listen->key);
	else if (st.st_mode & 077)
		conf_check_warning(check, LISTEN, index,
				   "the key %s may be read by others (mode %04o); chmod 600 it",
				   listen->key, (unsigned)st.st_mode & 07777);
}

static void check_tls(struct conf_check *check, int index, const struct settings_listen *listen)
{
	if (!*listen->certificate != !*listen->key)
		conf_check_fault(check, LISTEN, index,
				 "an entry of http.listen has a %s; give both, or none",
				 *listen->key ? "key but no certificate"
					      : "certificate but no key");
	else if (*listen->key)
		check_key(check, index, listen);
	else if (is_public(listen))
		conf_check_warning(check, LISTEN, index,
				   "%s can be reached from other machines and has no TLS; give a "
				   "certificate and a key",
				   listen->address);
}

static void check_socket(struct conf_check *check, const char *name, int index, const char *path)
{
	enum { LONGEST = sizeof(((struct sockaddr_un *)0)->sun_path) - 1 };

	if (strlen(path) > LONGEST)
		conf_check_fault(check, name, index,
				 "the socket's path has %zu octets, more than the %d a Unix socket "
				 "may have; choose a shorter one",
				 strlen(path), (int)LONGEST);
}

static int is_same(const struct settings_listen *a, const struct settings_listen *b)
{
	return strcmp(a->address, b->address) == 0 && strcmp(a->socket, b->socket) == 0 &&
	       (*a->socket || a->port == b->port);
}

static void check_listen(struct conf_check *check, int index, const struct settings *s)
{
	const struct settings_listen *all = s->http.listen.items, *listen = &all[index];

	if (!*listen->address == !*listen->socket)
		conf_check_fault(check, LISTEN, index,
				 "an entry of http.listen has %s; give one of them",
				 *listen->address ? "an address and a socket"
						  : "no address and no socket");
	check_tls(check, index, listen);
	check_socket(check, LISTEN, index, listen->socket);
	if (*listen->socket && strcmp(listen->socket, s->admin.socket) == 0)
		conf_check_fault(check, LISTEN, index,
				 "this is the admin socket's path; choose another");
	for (int i = 0; i < index; i++)
		if (conf_check_is_good(check, LISTEN, i) && is_same(&all[i], listen))
			conf_check_fault(check, LISTEN, index,
					 "http.listen has the same address and port twice; remove "
					 "one entry");
}

static void check_listens(struct conf_check *check, const struct settings *s)
{
	const struct settings_listen *all = s->http.listen.items;
	int any_public = 0;

	for (int i = 0; i < (int)s->http.listen.n; i++) {
		if (!conf_check_is_good(check, LISTEN, i))
			continue;
		check_listen(check, i, s);
		any_public |= is_public(&all[i]);
	}
	if (any_public && s->metrics.access == SETTINGS_ACCESS_ANY)
		conf_check_warning(
			check, "metrics.access", -1,
			"/metrics can be read from other machines; set metrics.access to "
			"socket, or let a proxy decide who may");
}

/* ---- the rest ---- */

static int both_good(struct conf_check *check, const char *one, const char *other)
{
	return conf_check_is_good(check, one, -1) && conf_check_is_good(check, other, -1);
}

static void check_sizes(struct conf_check *check, const struct settings *s)
{
	unsigned workers = settings_workers(s);

	if (both_good(check, "http.target-size", "http.header-size") &&
	    s->http.target_bytes > s->http.header_bytes)
		conf_check_fault(
			check, "http.target-size", -1,
			"http.target-size is larger than http.header-size, of which it is a "
			"part; make it smaller, or the other larger");
	if (both_good(check, "limits.burst", "limits.requests") &&
	    s->limits.requests > s->limits.burst)
		conf_check_fault(check, "limits.burst", -1,
				 "limits.burst is less than limits.requests; give at least %lld",
				 (long long)s->limits.requests);
	if (both_good(check, "http.max-connections", "server.workers") &&
	    s->http.max_connections < (int64_t)workers)
		conf_check_fault(check, "http.max-connections", -1,
				 "http.max-connections gives some workers none; give at least %u",
				 workers);
}

static void check_store(struct conf_check *check, const struct settings *s)
{
	if (strcmp(settings_engines[s->store.engine], "mem") == 0)
		conf_check_warning(check, "store.engine", -1,
				   "a restart loses everything that is stored; use bdb for more "
				   "than a trial");
	else if (!*s->store.dir)
		conf_check_fault(check, "store.dir", -1,
				 "store.dir is empty; give the folder for the store");
	if (both_good(check, "admin.backup-dir", "store.dir") && *s->admin.backup_dir &&
	    strcmp(s->admin.backup_dir, s->store.dir) == 0)
		conf_check_fault(check, "admin.backup-dir", -1,
				 "admin.backup-dir is the store's folder; choose another");
	check_socket(check, "admin.socket", -1, s->admin.socket);
	if (!*s->admin.socket)
		conf_check_warning(check, "admin.socket", -1,
				   "without an admin socket cpmctl cannot reach the server; give a "
				   "path");
}

/* Only names that somebody wrote: the default's user is there once the package is installed. */
static void check_user(struct conf_check *check, const struct settings *s)
{
	if (*s->server.user && conf_check_is_given(check, "server.user", -1) &&
	    conf_check_is_good(check, "server.user", -1) && !getpwnam(s->server.user))
		conf_check_warning(check, "server.user", -1,
				   "this machine has no user \"%s\"; create it, or the server "
				   "cannot be started by root",
				   s->server.user);
	if (*s->server.group && !getgrnam(s->server.group))
		conf_check_warning(check, "server.group", -1,
				   "this machine has no group \"%s\"; create it, or the server "
				   "cannot be started by root",
				   s->server.group);
}

/* Lower-case letters, digits and hyphens between dots (RFC 1123 s2.1): one spelling, which realms,
 * identities and keys share. */
static int is_domain(const char *name)
{
	static const char usable[] = "abcdefghijklmnopqrstuvwxyz0123456789-";

	for (size_t n; *name; name += n) {
		n = strspn(name, usable);
		if (n == 0 || n > 63 || name[0] == '-' || name[n - 1] == '-')
			return 0;
		if (!name[n])
			return 1;
		n += name[n] == '.';
	}
	return 0;
}

static void check_domains(struct conf_check *check, const struct settings *s)
{
	const struct settings_domain *all = s->domains.items;

	for (int i = 0; i < (int)s->domains.n; i++) {
		if (!conf_check_is_good(check, DOMAINS, i))
			continue;
		if (!is_domain(all[i].name))
			conf_check_fault(check, DOMAINS, i,
					 "\"%s\" is no domain name; write one as example.com, in "
					 "lower-case ASCII and without a dot at the end",
					 all[i].name);
		for (int j = 0; j < i; j++)
			if (conf_check_is_good(check, DOMAINS, j) &&
			    strcmp(all[i].name, all[j].name) == 0)
				conf_check_fault(check, DOMAINS, i,
						 "domains has \"%s\" twice; remove one entry",
						 all[i].name);
	}
}

static void check_proxies(struct conf_check *check, const struct settings *s)
{
	const struct settings_proxy *all = s->auth.proxies.items;

	for (int i = 0; i < (int)s->auth.proxies.n; i++)
		for (int j = 0; j < i; j++)
			if (conf_check_is_good(check, PROXIES, i) &&
			    conf_check_is_good(check, PROXIES, j) &&
			    strcmp(all[i].address, all[j].address) == 0)
				conf_check_fault(
					check, PROXIES, i,
					"auth.trusted-proxies has %s twice; remove one entry",
					all[i].address);
}

/* A path of RFC 3986 without escapes, which nobody has to decode before comparing. */
static int is_root(const char *path)
{
	static const char usable[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
		"-._~!$&'()*+,;=:@";

	for (size_t n; *path == '/'; path += n) {
		n = strspn(++path, usable);
		if (n == 0 || (path[0] == '.' && (n == 1 || (n == 2 && path[1] == '.'))) ||
		    (n == 2 && path[0] == '~' && path[1] == '~'))
			return 0;
		if (!path[n])
			return 1;
	}
	return 0;
}

/* Is PATH one of ours already, or below one? */
static int is_taken(const char *path)
{
	static const char *const taken[] = { "/v1", "/metrics", "/livez", "/readyz" };

	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		size_t n = strlen(taken[i]);

		if (strncmp(path, taken[i], n) == 0 && (!path[n] || path[n] == '/'))
			return 1;
	}
	return 0;
}

/* "http(s)://", a host, then ROOT. */
static int is_root_uri(const char *uri, const char *root)
{
	size_t n = strlen(uri), root_n = strlen(root);
	size_t scheme = strncmp(uri, "http://", 7) == 0	   ? 7
			: strncmp(uri, "https://", 8) == 0 ? 8
							   : 0;
	size_t host = scheme ? strcspn(uri + scheme, "/") : 0;

	return host && scheme + host + root_n == n && strcmp(uri + scheme + host, root) == 0 &&
	       !strpbrk(uri, " ?#@\"<>");
}

static void check_xcap(struct conf_check *check, const struct settings *s)
{
	if (conf_check_is_good(check, "xcap.uri", -1) && s->xcap.uri[0] &&
	    conf_check_is_good(check, "xcap.root", -1) && !is_root_uri(s->xcap.uri, s->xcap.root))
		conf_check_fault(check, "xcap.uri", -1,
				 "\"%s\" is not the XCAP root's URI; write one as "
				 "https://xcap.example.com%s",
				 s->xcap.uri, s->xcap.root);
	if (!conf_check_is_good(check, "xcap.root", -1))
		return;
	if (!is_root(s->xcap.root))
		conf_check_fault(check, "xcap.root", -1,
				 "\"%s\" cannot be the XCAP root's path; write one as /xcap-root",
				 s->xcap.root);
	else if (is_taken(s->xcap.root))
		conf_check_fault(check, "xcap.root", -1,
				 "%s is a path of the server's own; choose another", s->xcap.root);
}

/* Where lists are sent to is a SIP URI at a domain of ours: else nobody would be asked for it. */
static void check_factory(struct conf_check *check, const struct settings *s)
{
	struct strv names[SETTINGS_DOMAINS_MAX];
	struct auth_domains domains = settings_domains(s, names);
	struct auth_identity factory;

	for (unsigned i = 0; i < domains.n; i++)
		if (!is_domain(names[i].p))
			return;
	if (!*s->cpm.factory ||
	    (auth_identity_parse(strv_of(s->cpm.factory), &domains, &factory, NULL) == 0 &&
	     auth_domain_is_ours(&domains, auth_identity_host(&factory))))
		return;
	conf_check_fault(check, "cpm.factory", -1,
			 "\"%s\" is no SIP address at a domain of this server; write a name, as "
			 "conference-factory",
			 s->cpm.factory);
}

static void check_xdm(struct conf_check *check, const struct settings *s)
{
	const struct {
		const char *name, *value;
	} needed[] = { { "xdm.root", s->xdm.root },
		       { "xdm.sip", s->xdm.sip },
		       { "xdm.identity", s->xdm.identity },
		       { "xdm.contact", s->xdm.contact } };

	if (!conf_check_is_good(check, "xdm.mode", -1) || s->xdm.mode != SETTINGS_XDM_REMOTE)
		return;
	for (unsigned i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (conf_check_is_good(check, needed[i].name, -1) && !needed[i].value[0])
			conf_check_fault(check, "xdm.mode", -1,
					 "xdm.mode is remote without %s; give it, or make it local",
					 needed[i].name);
	if (s->sip.listen.n == 0)
		conf_check_fault(check, "xdm.mode", -1,
				 "xdm.mode is remote, but nothing listens for SIP, over which "
				 "changes are told; add an entry to sip.listen");
}

static void check_settings(struct conf_check *check, const void *values)
{
	const struct settings *s = values;

	check_user(check, s);
	check_domains(check, s);
	check_listens(check, s);
	check_proxies(check, s);
	check_xcap(check, s);
	check_factory(check, s);
	check_xdm(check, s);
	settings_check_sip(check, s);
	check_sizes(check, s);
	check_store(check, s);
}

const struct conf_schema settings_schema = {
	.table = settings_table,
	.struct_bytes = sizeof(struct settings),
	.check = check_settings,
};

int settings_load(const char *file, conf_fault_fn *fault_fn, void *arg, struct conf **conf_out)
{
	return conf_load(file, &settings_schema, fault_fn, arg, conf_out);
}

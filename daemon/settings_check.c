/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/settings_check.c - loading, and what no single row of the table can say
 *
 * Settings that contradict each other are faults; what works but is dangerous is a warning.
 */
#include "daemon/settings.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/un.h>

struct check {
	const struct conf *conf;
	const struct settings *s;
	conf_fault_fn *fn;
	void *arg;
	int failed;
};

/* Tell a fault or warning of the setting NAME, or of entry INDEX of the list NAME. */
static void tell(struct check *check, const char *name, int index, int is_warning, const char *fmt,
		 ...) __attribute__((format(printf, 5, 6)));

static void tell(struct check *check, const char *name, int index, int is_warning, const char *fmt,
		 ...)
{
	struct conf_fault fault = { .is_warning = is_warning };
	va_list ap;

	conf_where(check->conf, name, index, &fault);
	va_start(ap, fmt);
	vsnprintf(fault.text, sizeof(fault.text), fmt, ap);
	va_end(ap);
	check->failed |= !is_warning;
	check->fn(check->arg, &fault);
}

/* ---- listeners ---- */

static int is_loopback(const char *address)
{
	struct in6_addr six;

	if (inet_pton(AF_INET6, address, &six) == 1)
		return IN6_IS_ADDR_LOOPBACK(&six) ||
		       (IN6_IS_ADDR_V4MAPPED(&six) && six.s6_addr[12] == 127);
	return strncmp(address, "127.", 4) == 0;
}

static void tell_stat(struct check *check, int index, const char *what, const char *path)
{
	tell(check, "http.listen", index, 1,
	     "the %s %s cannot be seen: %s; put it there, or correct the path", what, path,
	     strerror(errno));
}

static void check_key(struct check *check, int index, const struct settings_listen *listen)
{
	struct stat st;

	if (stat(listen->certificate, &st) < 0)
		tell_stat(check, index, "certificate", listen->certificate);
	if (stat(listen->key, &st) < 0)
		tell_stat(check, index, "key", listen->key);
	else if (st.st_mode & 077)
		tell(check, "http.listen", index, 1,
		     "the key %s may be read by others (mode %04o); chmod 600 it", listen->key,
		     (unsigned)st.st_mode & 07777);
}

static void check_listen(struct check *check, int index, const struct settings_listen *listen)
{
	const struct settings_listen *all = check->s->http.listen.items;

	if (!*listen->address == !*listen->socket)
		tell(check, "http.listen", index, 0,
		     "an entry of http.listen has %s; give one of them",
		     *listen->address ? "an address and a socket" : "no address and no socket");
	if (!*listen->certificate != !*listen->key)
		tell(check, "http.listen", index, 0,
		     "an entry of http.listen has a %s; give both, or none",
		     *listen->key ? "key but no certificate" : "certificate but no key");
	else if (*listen->key)
		check_key(check, index, listen);
	else if (*listen->address && !is_loopback(listen->address))
		tell(check, "http.listen", index, 1,
		     "%s can be reached from other machines and has no TLS; give a certificate and "
		     "a key",
		     listen->address);
	for (int i = 0; i < index; i++)
		if (strcmp(all[i].address, listen->address) == 0 &&
		    strcmp(all[i].socket, listen->socket) == 0 &&
		    (*listen->socket || all[i].port == listen->port))
			tell(check, "http.listen", index, 0,
			     "http.listen has the same address and port twice; remove one entry");
}

static void check_socket(struct check *check, const char *name, int index, const char *path)
{
	enum { LONGEST = sizeof(((struct sockaddr_un *)0)->sun_path) - 1 };

	if (strlen(path) > LONGEST)
		tell(check, name, index, 0,
		     "the socket's path has %zu octets, more than the %d a Unix socket may have; "
		     "choose a shorter one",
		     strlen(path), (int)LONGEST);
}

static void check_listens(struct check *check)
{
	const struct settings *s = check->s;
	const struct settings_listen *all = s->http.listen.items;
	int is_public = 0;

	for (unsigned i = 0; i < s->http.listen.n; i++) {
		check_listen(check, (int)i, &all[i]);
		check_socket(check, "http.listen", (int)i, all[i].socket);
		is_public |= *all[i].address && !is_loopback(all[i].address);
		if (*all[i].socket && strcmp(all[i].socket, s->admin.socket) == 0)
			tell(check, "http.listen", (int)i, 0,
			     "this is the admin socket's path; choose another");
	}
	if (is_public && s->metrics.access == SETTINGS_ACCESS_ANY)
		tell(check, "metrics.access", -1, 1,
		     "/metrics can be read from other machines; set metrics.access to socket, or "
		     "let a proxy decide who may");
}

/* ---- the rest ---- */

static void check_sizes(struct check *check)
{
	const struct settings *s = check->s;

	if (s->http.target_bytes > s->http.header_bytes)
		tell(check, "http.target-size", -1, 0,
		     "http.target-size is larger than http.header-size, of which it is a part; "
		     "make "
		     "it smaller, or the other larger");
	if (s->limits.requests > s->limits.burst)
		tell(check, "limits.burst", -1, 0,
		     "limits.burst is less than limits.requests; give at least %lld",
		     (long long)s->limits.requests);
	if (s->http.max_connections < (int64_t)settings_workers(s))
		tell(check, "http.max-connections", -1, 0,
		     "http.max-connections gives some workers none; give at least %u",
		     settings_workers(s));
}

static void check_store(struct check *check)
{
	const struct settings *s = check->s;

	if (strcmp(settings_engines[s->store.engine], "mem") == 0)
		tell(check, "store.engine", -1, 1,
		     "a restart loses everything that is stored; use bdb for more than a trial");
	else if (!*s->store.dir)
		tell(check, "store.dir", -1, 0,
		     "store.dir is empty; give the folder for the store");
	if (*s->admin.backup_dir && strcmp(s->admin.backup_dir, s->store.dir) == 0)
		tell(check, "admin.backup-dir", -1, 0,
		     "admin.backup-dir is the store's folder; choose another");
	check_socket(check, "admin.socket", -1, s->admin.socket);
	if (!*s->admin.socket)
		tell(check, "admin.socket", -1, 1,
		     "without an admin socket cpmctl cannot reach the server; give a path");
}

/* Only names that somebody wrote: the default's user is there once the package is installed. */
static void check_user(struct check *check)
{
	const struct settings *s = check->s;
	struct conf_fault place;

	if (*s->server.user && conf_where(check->conf, "server.user", -1, &place) &&
	    !getpwnam(s->server.user))
		tell(check, "server.user", -1, 1,
		     "this machine has no user \"%s\"; create it, or the server cannot be started "
		     "by "
		     "root",
		     s->server.user);
	if (*s->server.group && !getgrnam(s->server.group))
		tell(check, "server.group", -1, 1,
		     "this machine has no group \"%s\"; create it, or the server cannot be started "
		     "by root",
		     s->server.group);
}

int settings_load(const char *file, conf_fault_fn *fault_fn, void *arg, struct conf **conf_out)
{
	struct check check = { .fn = fault_fn, .arg = arg };

	if (conf_load(file, settings_table, sizeof(struct settings), fault_fn, arg, conf_out) < 0)
		return -1;
	check.conf = *conf_out;
	check.s = conf_values(*conf_out);
	check_user(&check);
	check_listens(&check);
	check_sizes(&check);
	check_store(&check);
	if (!check.failed)
		return 0;
	conf_free(conf_out);
	return -1;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_trace.c - the readable message trace, see sip_trace.h
 *
 * It sees octets before anything has judged them, so it reads lines by itself and leaves all that
 * is odd to the log's escaping.
 */
#include "sip/sip_trace.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "auth/auth_identity.h"
#include "base/log.h"
#include "sip/sip_fence.h"
#include "sip/sip_field.h"

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static char *users[SIP_TRACE_USERS_MAX];
static _Atomic unsigned n_users;

struct seen {
	struct strv start, call_id, cseq, from, to;
};

int sip_trace_on(void)
{
	return atomic_load_explicit(&n_users, memory_order_relaxed) || log_on(LOG_SIP, LOG_DEBUG);
}

/* The one spelling of USER, in IDENTITY or as it is. */
static struct strv reduce(struct strv user, struct auth_identity *identity)
{
	char text[AUTH_IDENTITY_BYTES];
	int n = snprintf(text, sizeof(text), "%s:%.*s",
			 user.n && memchr(user.p, '@', user.n) ? "sip" : "tel", STRV_ARG(user));

	if (n < 0 || (size_t)n >= sizeof(text) ||
	    auth_identity_parse(strv_mem(text, (size_t)n), NULL, identity, NULL) < 0)
		return user;
	return strv_mem(identity->text + 4, identity->n - 4u); /* behind "sip:", "tel:" */
}

static int find(struct strv user)
{
	for (unsigned i = 0; i < SIP_TRACE_USERS_MAX; i++)
		if (users[i] && strv_eq(strv_of(users[i]), user))
			return (int)i;
	return -1;
}

int sip_trace_add(struct strv user)
{
	struct auth_identity identity;
	int ret = -1;

	user = reduce(user, &identity);
	pthread_rwlock_wrlock(&lock);
	if (user.n && find(user) >= 0)
		ret = 0;
	for (unsigned i = 0; user.n && ret < 0 && i < SIP_TRACE_USERS_MAX; i++) {
		if (users[i])
			continue;
		users[i] = strv_dup(user);
		if (!users[i])
			break;
		atomic_fetch_add(&n_users, 1);
		ret = 0;
	}
	pthread_rwlock_unlock(&lock);
	return ret;
}

int sip_trace_remove(struct strv user)
{
	struct auth_identity identity;
	int i;

	user = reduce(user, &identity);
	pthread_rwlock_wrlock(&lock);
	i = find(user);
	if (i >= 0) {
		free(users[i]);
		users[i] = NULL;
		atomic_fetch_sub(&n_users, 1);
	}
	pthread_rwlock_unlock(&lock);
	return i >= 0;
}

unsigned sip_trace_list(struct arena *arena, struct strv users_out[SIP_TRACE_USERS_MAX])
{
	unsigned n = 0;

	pthread_rwlock_rdlock(&lock);
	for (unsigned i = 0; i < SIP_TRACE_USERS_MAX; i++) {
		char *copy = users[i] ? arena_strdup(arena, strv_of(users[i])) : NULL;

		if (copy)
			users_out[n++] = strv_of(copy);
	}
	pthread_rwlock_unlock(&lock);
	return n;
}

/* One line off *REST, CR or not. */
static struct strv next_line(struct strv *rest)
{
	struct strv line;

	strv_cut(rest, '\n', &line);
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

static void read_line(struct strv line, struct seen *seen)
{
	struct strv name;

	if (!strv_cut(&line, ':', &name))
		return;
	line = strv_trim(line);
	switch (sip_h_find(strv_trim(name))) {
	case SIP_H_CALL_ID:
		seen->call_id = line;
		break;
	case SIP_H_CSEQ:
		seen->cseq = line;
		break;
	case SIP_H_FROM:
		seen->from = line;
		break;
	case SIP_H_TO:
		seen->to = line;
		break;
	default:
		break;
	}
}

static void look(struct strv bytes, struct seen *seen)
{
	struct strv line;

	memset(seen, 0, sizeof(*seen));
	seen->start = next_line(&bytes);
	for (unsigned i = 0; i < SIP_LINES_MAX && bytes.n; i++) {
		line = next_line(&bytes);
		if (!line.n)
			break;
		read_line(line, seen);
	}
}

/* Whoever a URI names, for comparison. */
struct who {
	struct auth_identity identity;
	int is_known;
};

static void read_uri(struct strv uri, struct who *who)
{
	who->is_known = auth_identity_parse(uri, NULL, &who->identity, NULL) == 0;
}

static void read_who(const struct seen *seen, struct who who[3])
{
	struct strv from = seen->from, to = seen->to, rest = seen->start, word;
	struct sip_name_addr value;

	memset(who, 0, 3 * sizeof(*who));
	if (from.n && sip_name_addr_next(&from, &value) == 1)
		read_uri(value.uri.text, &who[0]);
	if (to.n && sip_name_addr_next(&to, &value) == 1)
		read_uri(value.uri.text, &who[1]);
	if (!strv_starts(rest, STRV("SIP/")) && strv_cut(&rest, ' ', &word)) {
		strv_cut(&rest, ' ', &word);
		read_uri(word, &who[2]);
	}
}

static int is_user(const struct who *who, struct strv user)
{
	if (!who->is_known)
		return 0;
	return strv_eq(strv_mem(who->identity.text + 4, who->identity.n - 4u), user) ||
	       strv_eq(auth_identity_user(&who->identity), user);
}

static int is_traced(const struct seen *seen)
{
	struct who who[3];
	int traced = 0;

	read_who(seen, who);
	pthread_rwlock_rdlock(&lock);
	for (unsigned i = 0; i < SIP_TRACE_USERS_MAX && !traced; i++) {
		struct strv user = strv_of(users[i]);

		for (unsigned k = 0; users[i] && k < 3 && !traced; k++)
			traced = is_user(&who[k], user);
	}
	pthread_rwlock_unlock(&lock);
	return traced;
}

void sip_trace_message(int outgoing, enum sip_proto proto, const struct sip_addr *local,
		       const struct sip_addr *remote, struct strv bytes,
		       const struct trace_id *trace)
{
	char here[SIP_ADDR_TEXT], there[SIP_ADDR_TEXT];
	struct seen seen;

	look(bytes, &seen);
	if (atomic_load_explicit(&n_users, memory_order_relaxed) ? !is_traced(&seen)
								 : !log_on(LOG_SIP, LOG_DEBUG))
		return;
	log_write(LOG_DEBUG, LOG_SIP, outgoing ? "sent" : "received",
		  (const struct log_field[]){
			  L_SV("start", seen.start), L_SV("call_id", seen.call_id),
			  L_SV("cseq", seen.cseq), L_STR("proto", sip_proto_name(proto)),
			  L_STR("local", sip_addr_print(local, here)),
			  L_STR("remote", sip_addr_print(remote, there)),
			  L_INT("bytes", (int64_t)bytes.n),
			  trace ? L_ID(trace)
				: (struct log_field){ LOG_F_END, NULL, { NULL, 0 }, 0 },
			  (struct log_field){ LOG_F_END, NULL, { NULL, 0 }, 0 } });
}

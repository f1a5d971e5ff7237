/* SPDX-License-Identifier: Apache-2.0 */
/* sip/sip_dialog.c - see sip_dialog.h; the clauses named are RFC 3261's */
#include "sip/sip_dialog.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/trace.h"
#include "sip/sip_out.h"

struct sip_dialogs {
	struct sip_txns *txns;
	struct sip_table table;
};

/* Its texts, in the order in which they are kept and printed. */
enum { TEXTS = 7 };

static struct strv *text_at(struct sip_dialog *dialog, unsigned i)
{
	struct strv *const at[TEXTS] = { &dialog->call_id, &dialog->local_tag, &dialog->remote_tag,
					 &dialog->local,   &dialog->remote,    &dialog->routes,
					 &dialog->contact };

	return at[i];
}

static struct sip_key key_of(const struct sip_dialogs *dialogs, struct strv call_id,
			     struct strv local_tag, struct strv remote_tag)
{
	struct sip_hash hash;

	sip_hash_init(&hash, &dialogs->table.secret);
	sip_hash_add(&hash, call_id);
	sip_hash_add(&hash, local_tag);
	sip_hash_add(&hash, remote_tag);
	return sip_hash_key(&hash);
}

int sip_dialogs_new(struct sip_txns *txns, struct sip_dialogs **dialogs_out, struct err *err)
{
	struct sip_dialogs *dialogs = calloc(1, sizeof(*dialogs));

	if (!dialogs || sip_table_init(&dialogs->table) < 0) {
		free(dialogs);
		return err_set(err, ERR_NOMEM, "no memory for SIP dialogs");
	}
	dialogs->txns = txns;
	*dialogs_out = dialogs;
	return 0;
}

void sip_dialogs_free(struct sip_dialogs **at)
{
	struct sip_dialogs *dialogs = *at;

	*at = NULL;
	if (!dialogs)
		return;
	sip_table_fini(&dialogs->table);
	free(dialogs);
}

struct sip_txns *sip_dialogs_txns(const struct sip_dialogs *dialogs)
{
	return dialogs->txns;
}

/* ---- making ---- */

static int set_target(struct sip_dialog *dialog, struct strv uri)
{
	char *copy = strv_dup(uri);

	if (!copy)
		return -1;
	free((char *)(uintptr_t)dialog->target.p);
	dialog->target = strv_mem(copy, uri.n);
	return 0;
}

/* The URI of the one Contact; -1: none, or not a URI of ours. */
static int contact_of(struct sip_msg *msg, struct sip_uri *uri_out)
{
	struct strv rest = sip_msg_value(msg, SIP_H_CONTACT, 0);
	struct sip_name_addr contact;

	if (!rest.p || sip_name_addr_next(&rest, &contact) != 1 || !sip_uri_is_sip(&contact.uri))
		return -1;
	*uri_out = contact.uri;
	return 0;
}

static struct sip_dialog *dialog_new(struct sip_dialogs *dialogs, const struct strv text[TEXTS],
				     struct strv target, const void *kind, void *user)
{
	struct sip_dialog *dialog;
	size_t n = 0;
	char *at;

	for (unsigned i = 0; i < TEXTS; i++)
		n += text[i].n;
	dialog = malloc(sizeof(*dialog) + n);
	if (!dialog)
		return NULL;
	memset(dialog, 0, sizeof(*dialog));
	dialog->dialogs = dialogs;
	dialog->kind = kind;
	dialog->user = user;
	at = dialog->text;
	for (unsigned i = 0; i < TEXTS; i++) {
		*text_at(dialog, i) = strv_mem(at, text[i].n);
		if (text[i].n)
			at = mempcpy(at, text[i].p, text[i].n);
	}
	if (set_target(dialog, target) < 0) {
		free(dialog);
		return NULL;
	}
	dialog->node.key = key_of(dialogs, dialog->call_id, dialog->local_tag, dialog->remote_tag);
	sip_table_add(&dialogs->table, &dialog->node);
	return dialog;
}

static void set_near(struct sip_dialog *dialog, const struct sip_msg *request)
{
	dialog->has_near = 1;
	dialog->near_proto = request->proto;
	dialog->near = request->source;
	dialog->near_flow = request->flow;
	dialog->near_home = request->home;
}

static struct strv or_empty(struct strv s)
{
	return s.p ? s : STRV("");
}

struct sip_dialog *sip_dialog_new_uas(struct sip_dialogs *dialogs, struct sip_msg *request,
				      struct strv tag, struct strv contact, const void *kind,
				      void *user)
{
	struct strv routes = sip_msg_list(request, SIP_H_RECORD_ROUTE);
	const char *local = arena_printf(request->arena, "%.*s;tag=%.*s",
					 STRV_ARG(request->to.text), STRV_ARG(tag));
	const struct strv text[TEXTS] = {
		request->call_id,
		tag,
		or_empty(request->from_tag),
		strv_of(local),
		request->from.text,
		or_empty(routes),
		contact,
	};
	struct sip_dialog *dialog;
	struct sip_uri target;

	if (!local || contact_of(request, &target) < 0)
		return NULL;
	dialog = dialog_new(dialogs, text, target.text, kind, user);
	if (!dialog)
		return NULL;
	dialog->remote_seq = request->cseq;
	dialog->has_remote_seq = 1;
	dialog->local_seq = (uint32_t)(trace_random() & 0xffff);
	set_near(dialog, request);
	return dialog;
}

/* Record-Route of a response in reverse (s12.1.2): a list of its values in the arena. */
static struct strv reversed(struct sip_msg *msg, struct strv list)
{
	struct sip_name_addr value;
	struct strv rest = list, done = STRV("");
	const char *text;

	while (rest.n && sip_name_addr_next(&rest, &value) == 1) {
		text = arena_printf(msg->arena, "%.*s%s%.*s", STRV_ARG(value.text),
				    done.n ? ", " : "", STRV_ARG(done));
		if (!text)
			return STRV("");
		done = strv_of(text);
	}
	return done;
}

struct sip_dialog *sip_dialog_new_uac(struct sip_dialogs *dialogs, struct sip_msg *response,
				      struct strv contact, const void *kind, void *user)
{
	struct strv routes = sip_msg_list(response, SIP_H_RECORD_ROUTE);
	const struct strv text[TEXTS] = {
		response->call_id,
		or_empty(response->from_tag),
		or_empty(response->to_tag),
		response->from.text,
		response->to.text,
		routes.n ? reversed(response, routes) : STRV(""),
		contact,
	};
	struct sip_dialog *dialog;
	struct sip_uri target;

	if (contact_of(response, &target) < 0)
		return NULL;
	dialog = dialog_new(dialogs, text, target.text, kind, user);
	if (dialog)
		dialog->local_seq = response->cseq;
	return dialog;
}

void sip_dialog_free(struct sip_dialog **at)
{
	struct sip_dialog *dialog = *at;

	*at = NULL;
	if (!dialog)
		return;
	sip_table_remove(&dialog->dialogs->table, &dialog->node);
	free((char *)(uintptr_t)dialog->target.p);
	free(dialog);
}

/* ---- received ---- */

struct sip_dialog *sip_dialog_find(struct sip_dialogs *dialogs, const struct sip_msg *msg)
{
	struct strv local = msg->is_request ? msg->to_tag : msg->from_tag;
	struct strv remote = msg->is_request ? msg->from_tag : msg->to_tag;
	struct sip_key key;

	if (!local.p)
		return NULL;
	key = key_of(dialogs, msg->call_id, local, or_empty(remote));
	return (struct sip_dialog *)sip_table_find(&dialogs->table, &key);
}

unsigned sip_dialog_accept(struct sip_dialog *dialog, struct sip_msg *request)
{
	struct sip_uri target;

	if (dialog->has_remote_seq && request->cseq <= dialog->remote_seq)
		return 500;
	if (sip_msg_raw(request, SIP_H_CONTACT).p) {
		if (contact_of(request, &target) < 0)
			return 400;
		if (!strv_eq(target.text, dialog->target) && set_target(dialog, target.text) < 0)
			return 500;
	}
	dialog->remote_seq = request->cseq;
	dialog->has_remote_seq = 1;
	set_near(dialog, request);
	return 0;
}

void sip_dialog_refresh(struct sip_dialog *dialog, struct sip_msg *response)
{
	struct sip_uri target;

	if (contact_of(response, &target) == 0 && !strv_eq(target.text, dialog->target))
		set_target(dialog, target.text);
}

/* ---- sent ---- */

/* Without a route set: where the peer was last heard. 0, or -1: by the remote target. */
static int near_dest(const struct sip_dialog *dialog, struct sip_dest *dest)
{
	const struct sip_below *below = sip_txns_below(dialog->dialogs->txns);
	struct sip_dest named;
	struct sip_uri uri;

	if (!dialog->has_near || dialog->routes.n)
		return -1;
	memset(dest, 0, sizeof(*dest));
	dest->proto = dialog->near_proto;
	dest->addr = dialog->near;
	if (sip_proto_is_reliable(dialog->near_proto)) {
		if (!below->flow_alive(below, dialog->near_flow))
			return -1;
		dest->flow = dialog->near_flow;
		dest->flow_only = 1;
		return 0;
	}
	/* Over UDP a Contact at the address it came from may name another port or transport than
	 * the one it was sent from; any other Contact stands behind a NAT. */
	dest->home = dialog->near_home;
	if (sip_uri_parse(dialog->target, &uri) < 0 || sip_out_numeric(&uri, &named) < 0 ||
	    !sip_addr_host_eq(&named.addr, &dialog->near))
		return 0;
	dest->addr = named.addr;
	return named.proto == SIP_UDP ? 0 : -1;
}

/* Request-URI, next hop and Route of the next request (s12.2.1.1). */
static void route(const struct sip_dialog *dialog, struct arena *arena, struct strv *uri,
		  struct strv *hop, struct strv *line)
{
	struct strv rest = dialog->routes, flag;
	struct sip_name_addr first;
	const char *text;

	*uri = dialog->target;
	*hop = dialog->target;
	*line = STRV("");
	if (!rest.n || sip_name_addr_next(&rest, &first) != 1)
		return;
	*hop = first.uri.text;
	if (sip_param(first.uri.params, "lr", &flag) == 1) {
		text = arena_printf(arena, "Route: %.*s", STRV_ARG(dialog->routes));
	} else { /* a strict router comes first */
		*uri = first.uri.text;
		rest = strv_trim(rest);
		text = arena_printf(arena, "Route: %.*s%s<%.*s>", STRV_ARG(rest),
				    rest.n ? ", " : "", STRV_ARG(dialog->target));
	}
	*line = strv_of(text);
}

static unsigned own_lines(struct sip_dialog *dialog, struct arena *arena, enum sip_method method,
			  struct strv lines[6])
{
	const char *const text[] = {
		arena_printf(arena, "From: %.*s", STRV_ARG(dialog->local)),
		arena_printf(arena, "To: %.*s", STRV_ARG(dialog->remote)),
		arena_printf(arena, "Call-ID: %.*s", STRV_ARG(dialog->call_id)),
		arena_printf(arena, "CSeq: %u %s", dialog->local_seq, sip_method_name(method)),
		arena_printf(arena, "Contact: %.*s", STRV_ARG(dialog->contact)),
	};

	for (unsigned i = 0; i < 5; i++) {
		if (!text[i])
			return 0;
		lines[i] = strv_of(text[i]);
	}
	return 5;
}

int sip_dialog_send(struct sip_dialog *dialog, const struct sip_dialog_request *request,
		    uint64_t *id_out)
{
	struct sip_txns *txns = dialog->dialogs->txns;
	struct arena *arena = sip_txns_arena(txns);
	struct strv lines[SIP_DIALOG_LINES_MAX + 6], route_line;
	struct sip_out out = {
		.method = request->method,
		.lines = lines,
		.content_type = request->content_type,
		.body = request->body,
		.trace = request->trace,
		.answered = request->answered,
		.arg = request->arg,
	};
	struct sip_dest dest;
	unsigned n;
	int ret = -1;

	*id_out = 0;
	if (!arena)
		return -1;
	dialog->local_seq++;
	n = own_lines(dialog, arena, request->method, lines);
	route(dialog, arena, &out.uri, &out.hop, &route_line);
	if (!n || (dialog->routes.n && !route_line.n))
		goto out;
	if (route_line.n)
		lines[n++] = route_line;
	for (unsigned i = 0; i < request->n_lines && i < SIP_DIALOG_LINES_MAX; i++)
		lines[n++] = request->lines[i];
	out.n_lines = n;
	if (near_dest(dialog, &dest) == 0)
		out.dest = &dest;
	ret = sip_out_send(txns, &out, id_out);
out:
	sip_txns_arena_done(txns, &arena);
	return ret;
}

/* ---- kept ---- */

/* Lengths, numbers, then the texts: "1 LENGTH*8 SEQ SEQ HAS PROTO HOST:PORT" LF, texts. */
struct strv sip_dialog_print(const struct sip_dialog *dialog, struct arena *arena)
{
	struct sip_dialog *d = (struct sip_dialog *)(uintptr_t)dialog;
	char near[SIP_ADDR_TEXT], head[320], *p, *at;
	size_t n = d->target.n;
	int h;

	h = snprintf(head, sizeof(head), "1 %zu %zu %zu %zu %zu %zu %zu %zu %u %u %d %d %s\n",
		     d->call_id.n, d->local_tag.n, d->remote_tag.n, d->local.n, d->remote.n,
		     d->routes.n, d->contact.n, d->target.n, d->local_seq, d->remote_seq,
		     d->has_remote_seq, d->has_near ? (int)d->near_proto : -1,
		     d->has_near ? sip_addr_print(&d->near, near) : "-");
	for (unsigned i = 0; i < TEXTS; i++)
		n += text_at(d, i)->n;
	p = arena_alloc(arena, (size_t)h + n);
	if (!p)
		return strv_mem(NULL, 0);
	n += (size_t)h;
	memcpy(p, head, (size_t)h);
	at = p + h;
	for (unsigned i = 0; i < TEXTS; i++)
		if (text_at(d, i)->n)
			at = mempcpy(at, text_at(d, i)->p, text_at(d, i)->n);
	memcpy(at, d->target.p, d->target.n);
	return strv_mem(p, n);
}

static int parse_near(struct sip_dialog *dialog, long proto, struct strv text)
{
	uint64_t port;
	size_t colon = text.n;

	if (proto < 0)
		return 0;
	while (colon && text.p[colon - 1] != ':')
		colon--;
	if (proto >= SIP_PROTOS || !colon ||
	    strv_u64(strv_mem(text.p + colon, text.n - colon), 65535, &port) < 0 ||
	    sip_addr_parse(strv_mem(text.p, colon - 1), (unsigned)port, &dialog->near) < 0)
		return -1;
	dialog->near_proto = (enum sip_proto)proto;
	dialog->has_near = 1;
	return 0;
}

/* The next number of HEAD, a blank or its end behind it. */
static int number(struct strv *head, uint64_t max, uint64_t *value_out)
{
	struct strv word;

	strv_cut(head, ' ', &word);
	return strv_u64(word, max, value_out);
}

struct sip_dialog *sip_dialog_parse(struct sip_dialogs *dialogs, struct strv text, uint32_t seq_gap,
				    const void *kind, void *user)
{
	uint64_t version, length[TEXTS + 1], seq[2], has;
	struct strv head, part[TEXTS + 1], word;
	struct sip_dialog *dialog;
	long proto;

	if (!strv_cut(&text, '\n', &head) || number(&head, 1, &version) < 0 || version != 1)
		return NULL;
	for (unsigned i = 0; i < TEXTS + 1; i++) {
		if (number(&head, text.n, &length[i]) < 0)
			return NULL;
		part[i] = strv_mem(text.p, (size_t)length[i]);
		text.p += length[i];
		text.n -= (size_t)length[i];
	}
	if (text.n || number(&head, UINT32_MAX, &seq[0]) < 0 ||
	    number(&head, UINT32_MAX, &seq[1]) < 0 || number(&head, 1, &has) < 0)
		return NULL;
	strv_cut(&head, ' ', &word);
	proto = strv_eq(word, STRV("-1")) ? -1 : word.n == 1 ? word.p[0] - '0' : SIP_PROTOS;
	dialog = dialog_new(dialogs, part, part[TEXTS], kind, user);
	if (!dialog)
		return NULL;
	dialog->local_seq = (uint32_t)seq[0] + seq_gap;
	dialog->remote_seq = (uint32_t)seq[1];
	dialog->has_remote_seq = (int)has;
	if (parse_near(dialog, proto, head) < 0 || dialog->local_seq > INT32_MAX)
		sip_dialog_free(&dialog);
	return dialog;
}

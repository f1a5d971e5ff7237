/* SPDX-License-Identifier: Apache-2.0 */
/* sip/core/core.c - the embedded core: set-up, and which request is whose; see core.h */
#include "sip/core/core.h"

#include <stdlib.h>

#include "sip/core/core_priv.h"

enum { NONCES_MAX = 262144, THROTTLES_MAX = 65536 };
enum { FREE_FAILURES = 10, FIRST_WAIT_MS = 1000, LONGEST_WAIT_MS = 900000, FORGET_MS = 3600000 };

void core_options_init(struct core_options *options)
{
	memset(options, 0, sizeof(*options));
	options->md5 = 1;
	options->nonce_ms = 300000;
	options->reg = (struct reg_rules){ .expires_s = 3600,
					   .expires_min_s = 60,
					   .expires_max_s = 86400,
					   .jitter_percent = 10,
					   .contacts_max = 16 };
	options->service_route = "";
	options->breadth_max = 60;
}

/* ---- set-up ---- */

/* Domains point into one block behind the array. */
static int copy_domains(struct core *core, const struct auth_domains *domains)
{
	size_t bytes = 0;
	char *at;

	for (unsigned i = 0; i < domains->n; i++)
		bytes += domains->name[i].n;
	core->domains = malloc(domains->n * sizeof(*core->domains) + bytes);
	if (!core->domains)
		return -1;
	at = (char *)(core->domains + domains->n);
	for (unsigned i = 0; i < domains->n; i++) {
		memcpy(at, domains->name[i].p, domains->name[i].n);
		core->domains[i] = strv_mem(at, domains->name[i].n);
		at += domains->name[i].n;
	}
	core->policy.domains = (struct auth_domains){ core->domains, domains->n };
	return 0;
}

static int make_policy(struct core *core, struct err *err)
{
	const struct auth_nonce_options nonces = { NONCES_MAX, core->options.nonce_ms };
	const struct auth_throttle_options throttle = { THROTTLES_MAX, FREE_FAILURES, FIRST_WAIT_MS,
							LONGEST_WAIT_MS, FORGET_MS };
	unsigned char secret[AUTH_SECRET_BYTES];

	core->policy.md5 = core->options.md5;
	core->policy.no_sha256 = core->options.no_sha256;
	core->policy.foreign_users = 1;
	if (auth_random(secret, sizeof(secret)) < 0 ||
	    auth_random(core->policy.secret, sizeof(core->policy.secret)) < 0 ||
	    auth_random(core->loop_key, sizeof(core->loop_key)) < 0 ||
	    auth_random(core->gruu_key.secret, sizeof(core->gruu_key.secret)) < 0)
		return err_set(err, ERR_IO, "the system gives no random octets");
	if (auth_nonces_new(&nonces, secret, &core->policy.nonces, err) < 0)
		return -1;
	return auth_throttle_new(&throttle, &core->policy.throttle, err);
}

static void make_metrics(struct core *core)
{
	core->registered = metric_counter("opencpm_sip_registrations_total",
					  "REGISTER requests that were granted", "");
	core->refused_identity =
		metric_counter("opencpm_sip_identities_refused_total",
			       "Requests of known senders in somebody else's name", "");
	core->loops = metric_counter("opencpm_sip_loops_total",
				     "Requests that had come round (RFC 5393)", "");
	core->relayed = metric_counter("opencpm_sip_relayed_total",
				       "Branches by which requests were passed on", "");
}

int core_new(const struct core_options *options, struct core **core_out, struct err *err)
{
	struct core *core = calloc(1, sizeof(*core));

	if (!core)
		return err_set(err, ERR_NOMEM, "no memory for the SIP core");
	core->options = *options;
	core->service_route = strv_dup(strv_of(options->service_route));
	if (!core->service_route || copy_domains(core, &options->domains) < 0)
		err_set(err, ERR_NOMEM, "no memory for the SIP core");
	else if (make_policy(core, err) == 0) {
		make_metrics(core);
		*core_out = core;
		return 0;
	}
	core_free(&core);
	return -1;
}

void core_free(struct core **core_at)
{
	struct core *core = *core_at;

	*core_at = NULL;
	if (!core)
		return;
	core_message_fini(core);
	auth_nonces_free(&core->policy.nonces);
	auth_throttle_free(&core->policy.throttle);
	auth_wipe(core->loop_key, sizeof(core->loop_key));
	auth_wipe(core->gruu_key.secret, sizeof(core->gruu_key.secret));
	free(core->service_route);
	free(core->domains);
	free(core);
}

#define KEY_OWNER STRV(".sip-core")
#define KEY_NAME  STRV("gruu-key")

static int write_key(struct core *core, struct kv *kv)
{
	struct gruu_key *key = &core->gruu_key;
	struct kv_batch *batch = kv_batch_new(KEY_OWNER);

	if (!batch ||
	    kv_batch_put(batch, KEY_NAME, strv_mem(key->secret, sizeof(key->secret))) < 0) {
		kv_batch_free(&batch);
		return -1;
	}
	return kv_commit_sync(kv, batch).status == KV_DONE ? 0 : -1;
}

int core_load_key(struct core *core, struct kv *kv, struct err *err)
{
	struct kv_item item = { .kind = KV_GET, .from = KEY_NAME };
	struct kv_read read = { .owner = KEY_OWNER, .items = &item, .n_items = 1 };
	int done;

	if (!kv)
		return 0;
	read.arena = arena_new(0);
	if (!read.arena)
		return err_set(err, ERR_NOMEM, "no memory for the key of GRUUs");
	done = kv_read_sync(kv, &read) == KV_DONE;
	if (done && item.n_records && item.records[0].value.n == sizeof(core->gruu_key.secret))
		memcpy(core->gruu_key.secret, item.records[0].value.p,
		       sizeof(core->gruu_key.secret));
	else if (done)
		done = write_key(core, kv) == 0;
	arena_free(&read.arena);
	return done ? 0 : err_set(err, ERR_IO, "the key of GRUUs is neither read nor written");
}

void core_set_deliver(struct core *core, int (*deliver)(void *arg, const struct core_req *req),
		      void *arg)
{
	core->options.deliver = deliver;
	core->options.deliver_arg = arg;
}

int core_is_ours(const struct core *core, struct strv host)
{
	return auth_domain_is_ours(&core->policy.domains, host);
}

int core_gruu_user(const struct core *core, const struct sip_uri *uri,
		   struct auth_identity *aor_out)
{
	struct auth_identity identity;
	struct gruu_temp temp;

	if (!gruu_temp_is(uri) ||
	    auth_identity_parse(uri->text, &core->policy.domains, &identity, NULL) < 0 ||
	    !gruu_temp_read(&core->gruu_key, &identity, &temp))
		return 0;
	*aor_out = temp.aor;
	return 1;
}

struct loc *core_loc(const struct core *core)
{
	return core->options.loc;
}

/* ---- which request is whose ---- */

static void on_who(void *arg, struct sip_worker *w, struct sip_stx *stx, struct sip_msg *msg,
		   const struct core_who *who)
{
	struct core *core = arg;
	const struct core_req req = { core, w, stx, msg, who };

	if (core->options.deliver && core->options.deliver(core->options.deliver_arg, &req))
		return;
	core_relay(&req);
}

/* 1 when it comes from an S-CSCF, which speaks for its users. */
static int is_of_core(const struct core *core, const struct sip_msg *msg)
{
	const struct peers *peers = core->options.peers;
	const struct peer *peer = peers ? peers_find(peers, &msg->source, msg->tls_name) : NULL;

	return peer && peer->is_core;
}

static int on_request(void *arg, struct sip_worker *w, struct sip_stx *stx, struct sip_msg *msg)
{
	struct core *core = arg;

	if (!stx)
		return 1; /* an ACK of nothing that was let through */
	if (msg->method == SIP_REGISTER && is_of_core(core, msg)) {
		core_register_third(core, w, stx, msg);
		return 1;
	}
	if (msg->method == SIP_REGISTER && core_is_ours(core, msg->uri.host)) {
		core_register(core, w, stx, msg);
		return 1;
	}
	if (core_event_own(core, w, stx, msg))
		return 1;
	if (core_watch_request(core, w, stx, msg))
		return 1;
	/* What is asked of the server itself and not of a user is the edge's to answer: OPTIONS
	 * as a sign of life, above all. */
	if (sip_is_us(w->sip, &msg->uri) && !sip_msg_value(msg, SIP_H_ROUTE, 0).p)
		return 0;
	if (core_event_request(core, w, stx, msg) || sip_refuse_forward(stx, CORE_SUPPORTED))
		return 1;
	core_authenticate(core, w, stx, CORE_PASSES, on_who, NULL, core);
	return 1;
}

void core_service(struct core *core, struct sip_service *service_out)
{
	*service_out = (struct sip_service){ .name = "core", .request = on_request, .arg = core };
}

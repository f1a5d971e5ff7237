/* SPDX-License-Identifier: Apache-2.0 */
/* admin/admin_show.h - what the server is doing, as JSON; each is NULL when memory is short */
#ifndef ADMIN_ADMIN_SHOW_H
#define ADMIN_ADMIN_SHOW_H

#include "base/json.h"
#include "kv/kv.h"

struct admin;

/* Version, process, workers with the age of their heartbeat, store, connections, draining. */
json_t *admin_show_status(const struct admin *admin);

/* All metrics, {"name", "labels", "value"} each, and the store's own counts. */
json_t *admin_show_stats(const struct admin *admin);

/* {"levels": {category: level}} */
json_t *admin_show_log(void);

/* {"owners": [{"owner"}], "next"?}: owners behind AFTER, at most MAX; "next" is what to hand in as
 * AFTER for the rest, percent-encoded. Blocks. NULL with ERR filled when it fails. */
json_t *admin_show_owners(struct kv *kv, struct strv after, unsigned max, struct err *err);

/* S with all but unreserved characters as %XX (RFC 3986 s2.3). */
json_t *admin_show_encoded(struct strv s);

#endif

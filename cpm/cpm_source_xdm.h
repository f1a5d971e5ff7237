/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/cpm_source_xdm.h - documents from the XDM server in this process (cpm_source.h)
 *
 * A change is told on the committer's thread, before its 200 leaves. The index of groups is held in
 * memory: read from the store at the start, kept by what is published.
 */
#ifndef CPM_CPM_SOURCE_XDM_H
#define CPM_CPM_SOURCE_XDM_H

#include "auth/auth_identity.h"
#include "cpm/cpm_source.h"
#include "xdms/xdm_store.h"

struct cpm_source_xdm;

/* KV, STORE and the names in DOMAINS are borrowed. Reads all groups of KV, and hooks STORE: before
 * the first commit, on a thread that may block. 0 or -1. */
int cpm_source_xdm_new(struct kv *kv, struct xdm_store *store, const struct auth_domains *domains,
		       struct cpm_source_xdm **xdm_out, struct err *err);
/* After kv_close, when the workers have ended. Takes the address, accepts NULL. */
void cpm_source_xdm_free(struct cpm_source_xdm **xdm);

/* For cpm_rules_new; valid as long as XDM. One watcher. On threads that are no workers what it does
 * blocks, and calls back before it returns. */
void cpm_source_xdm_fill(struct cpm_source_xdm *xdm, struct cpm_source *source_out);

#endif

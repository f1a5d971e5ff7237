/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xdm_access.h - may they? one answer for requests, watches and operators who wonder
 *
 * In this order: an operator may; users may with their own documents what the usage lets them
 * (RFC 4825 s5.7); others may what the owner's access permissions for that usage grant
 * (org.openmobilealliance.access-permissions/users/OWNER/AUID, xdm.md 6.1), and without any rule
 * that speaks of the document, read what the usage shows to every user. Who acts through a trusted
 * proxy is the user whom the proxy asserts. What cannot be told does not allow.
 *
 * A document-rule is about one document, by its path, and all in it, or with "/~~/" and a node
 * selector about one node and all in it, as far as the request selects it by the same steps: other
 * ways to the same node are not granted. A directory-rule is about creating documents, an
 * access-permissions-document-rule about the permissions themselves. Grants of "own data" reach
 * nodes that are selected by a uri or id which is the requester's.
 *
 * Each answer is a line of the log at debug (category http).
 */
#ifndef XDMS_XDM_ACCESS_H
#define XDMS_XDM_ACCESS_H

#include "xdms/xcap_req.h"

enum xdm_op {
	XDM_OP_RETRIEVE,
	XDM_OP_CREATE, /* of a document */
	XDM_OP_MODIFY, /* also of a document's nodes, whatever is done to them */
	XDM_OP_DELETE, /* of a document */
	XDM_OP_RESTORE,
	XDM_OPS
};
/* "retrieve", ...; never NULL. */
const char *xdm_op_name(enum xdm_op op);

enum { XDM_ACCESS_IDS = 2 };

struct xdm_access_ask {
	const struct auid_ops *usage;
	struct strv owner;	    /* home identity of whose document it is; canonical */
	struct strv document;	    /* its path below the home directory */
	const struct xcap_sel *sel; /* of a node; NULL: the document */
	enum xdm_op op;
	/* Who asks: canonical identities, the home first; empty ones are none. */
	struct strv id[XDM_ACCESS_IDS];
	int is_operator;
	int64_t now_s;
	struct arena *arena;
};

enum xdm_role { XDM_ROLE_OWNER, XDM_ROLE_OPERATOR, XDM_ROLE_OTHER };
const char *xdm_role_name(enum xdm_role role); /* "owner", ...; never NULL */

struct xdm_access {
	int allowed;
	enum xdm_role role;
	const char *why;  /* one of few words: "role", "usage", "rule", "no-rule", "unsure" */
	struct strv rule; /* its id, of "rule"; in the arena */
};

/* For threads that may block. 0 with the answer; -1 with ERR when it could not be found out
 * (ERR_BUSY, ERR_NOMEM, ERR_CORRUPT, ERR_IO): then not allowed either. */
int xdm_access_sync(const struct xcap_rules *rules, struct xdm_store *store,
		    const struct xdm_access_ask *ask, struct xdm_access *access_out,
		    struct err *err);

/* Is no document needed to answer ASK? 1: ACCESS_OUT is the answer; 0: ask xdm_access_sync. Any
 * thread. */
int xdm_access_quick(const struct xdm_access_ask *ask, struct xdm_access *access_out);

#endif

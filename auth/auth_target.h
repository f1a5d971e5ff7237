/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth/auth_target.h - is the "uri" of digest credentials the target of the request?
 *
 * RFC 7616 s3.4.6 wants the same resource, not the same octets: proxies rewrite spellings. But the
 * response covers the credentials' uri alone, so whatever is taken for equal here may be exchanged
 * by whoever stands in between.
 */
#ifndef AUTH_AUTH_TARGET_H
#define AUTH_AUTH_TARGET_H

#include "base/strv.h"

/* HTTP. 1 when equal: octet by octet with percent-encodings undone, where an encoded "/", "?" or
 * "%" is not a raw one (it makes another path); "http://host/path" equals "/path". Else 0. */
int auth_target_same_http(struct strv uri, struct strv target);

/* SIP. 1 when scheme, user and host with port are equal, by the same rule for the user part and
 * without regard to case for the rest; parameters and header fields, which proxies and clients add
 * and leave out, do not count (RFC 8760 s2.6 item 6). Else 0. */
int auth_target_same_sip(struct strv uri, struct strv target);

#endif

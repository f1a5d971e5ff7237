/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_upgrade.h - the request that turns a connection into a WebSocket (RFC 6455 s4.2, RFC 7118
 * s4)
 */
#ifndef SIP_SIP_UPGRADE_H
#define SIP_SIP_UPGRADE_H

#include <stddef.h>

#include "base/strv.h"

enum { SIP_UPGRADE_MAX = 8192, SIP_UPGRADE_ACCEPT = 28 };

struct sip_upgrade {
	size_t used;			     /* octets of the request; 0: it is not whole yet */
	unsigned status;		     /* 101; or a refusal: 400, 404, 405, 426, 431, 505 */
	const char *why;		     /* of a refusal */
	char accept[SIP_UPGRADE_ACCEPT + 1]; /* of 101 */
};

/* Read the request at the beginning of IN. What has no end within SIP_UPGRADE_MAX is refused. */
void sip_upgrade_read(struct strv in, struct sip_upgrade *out);

/* The answer to it, at most SIZE octets with its terminator; returns its length. */
size_t sip_upgrade_answer(const struct sip_upgrade *upgrade, char *text, size_t size);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_presence.h - the package "presence": a plain compositor of PIDF (RFC 3856, RFC 3863)
 *
 * What the devices of a presentity have published stands side by side in one document: tuples,
 * notes and whatever else stands at the top of theirs, each with an id of its own. Nothing is
 * merged or judged; who may watch is decided by whoever hands SUBSCRIBE on.
 */
#ifndef SIP_SIP_PRESENCE_H
#define SIP_SIP_PRESENCE_H

#include "sip/sip_publish.h"

extern const struct sip_event_ops sip_presence_event; /* its arg: the struct sip_pubs */
extern const struct sip_publish_ops sip_presence_publish;

#endif

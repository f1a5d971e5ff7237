/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_edit.h - a message made of a received one by splices
 *
 * A relay does not rebuild a message: it takes lines out, puts lines in and replaces a value, over
 * the received octets; everything else leaves as it came, byte for byte (RFC 3261 s16.6: a proxy
 * must not reorder or alter what it does not own). Edits may be given in any order.
 */
#ifndef SIP_SIP_EDIT_H
#define SIP_SIP_EDIT_H

#include "base/strv.h"
#include "sip/sip_buf.h"
#include "sip/sip_msg.h"

struct sip_edit; /* in the message's arena */

/* NULL: no memory; an error while editing sticks, and sip_edit_buf gives NULL. Texts are borrowed
 * until sip_edit_buf: they live in the arena or longer. */
struct sip_edit *sip_edit_new(struct sip_msg *msg);

void sip_edit_uri(struct sip_edit *edit, struct strv uri); /* Request-URI */
void sip_edit_remove(struct sip_edit *edit, enum sip_h h); /* every line of H */
void sip_edit_remove_named(struct sip_edit *edit, const char *name);
/* The first value of the first line of H (a Route, a Via); the line too when it was its only one.
 */
void sip_edit_pop(struct sip_edit *edit, enum sip_h h);
/* LINE ("Name: value", no CRLF) before the first line of H; before the first line at all (after the
 * start line) when there is none. */
void sip_edit_push(struct sip_edit *edit, enum sip_h h, struct strv line);
void sip_edit_append(struct sip_edit *edit, struct strv line); /* after the last line */
/* H gets this one value; added at the end when it was not there. */
void sip_edit_set(struct sip_edit *edit, enum sip_h h, struct strv value);
/* ";name" or ";name=value" behind the top Via's parameters, in the place of one of that name
 * (received, rport). */
void sip_edit_via_param(struct sip_edit *edit, const char *name, struct strv value);
/* Another body (Content-Length follows) and, when TYPE.p, another Content-Type. */
void sip_edit_body(struct sip_edit *edit, struct strv type, struct strv body);

/* The result. NULL: no memory, or larger than SIP_STREAM_MAX. */
struct sip_buf *sip_edit_buf(struct sip_edit *edit);

#endif

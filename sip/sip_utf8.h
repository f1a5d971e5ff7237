/* SPDX-License-Identifier: Apache-2.0 */
/* sip/sip_utf8.h - is it UTF-8 (RFC 3629)? */
#ifndef SIP_SIP_UTF8_H
#define SIP_SIP_UTF8_H

#include "base/strv.h"

/* 1 when BYTES is well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF. */
int sip_utf8_is(struct strv bytes);

#endif

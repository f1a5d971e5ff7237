/* SPDX-License-Identifier: Apache-2.0 */
/* tests/sip/frame_log.h - what the framer makes of a stream that comes in pieces, as text */
#ifndef TESTS_SIP_FRAME_LOG_H
#define TESTS_SIP_FRAME_LOG_H

#include "sip/sip_frame.h"

/* "M57 P B400 40": a message of 57 octets, a ping, what cannot be cut (status and legible octets).
 * The stream comes in N_CUTS + 1 pieces that end at CUTS (ascending) and the end. For the caller to
 * free. */
char *frame_log(struct strv stream, const size_t *cuts, unsigned n_cuts);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sip/walk.h - everything that the message layer can do, done to any octets
 *
 * For the anomalies and the fuzz target. A broken promise ends the process.
 */
#ifndef TESTS_SIP_WALK_H
#define TESTS_SIP_WALK_H

#include "base/strv.h"

enum walk_result { WALK_PASSED, WALK_REFUSED, WALK_DROPPED };

/* BYTES is exactly its size on the heap. WITH_OSIP: libosip2's model too. */
enum walk_result walk_message(struct strv bytes, int is_stream, int with_osip);

#endif

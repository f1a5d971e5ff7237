/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz.h - what every fuzz target is: one function, called with any octets
 *
 * libFuzzer's interface. DATA is exactly SIZE octets on the heap, so that an address sanitizer sees
 * one read too many. A broken promise ends the process (assert, abort, a sanitizer's report).
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif

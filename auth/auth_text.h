/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth/auth_text.h - octets of names and passwords: UTF-8, hexadecimal, percent-encoding
 *
 * Small strict decoders that the files of this room share. Nothing here allocates.
 */
#ifndef AUTH_AUTH_TEXT_H
#define AUTH_AUTH_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/strv.h"

/* The value of a hexadecimal digit of either case; -1 for any other octet. */
int auth_hex_value(char c);

/* N octets as 2 N lower-case digits, terminated. */
void auth_hex_print(const unsigned char *bytes, size_t n, char *hex_out);

/* The octets that the digits HEX stand for. Returns 0; -1 when HEX is not exactly 2 N digits. */
int auth_hex_parse(struct strv hex, unsigned char *bytes_out, size_t n);

/* Take the next octet of S off, undoing a percent-encoding. Returns 1 and the octet; 0 at the end;
 * -1 for a "%" without two digits behind it. ESCAPED_OUT (may be NULL) says how it was written. */
int auth_pct_next(struct strv *s, unsigned char *octet_out, int *escaped_out);

/* The code point at the beginning of S: returns its length, 1 to 4 octets; 0 when S is empty or
 * does not begin with UTF-8 (RFC 3629: overlong forms, surrogates, beyond U+10FFFF, cut off). */
size_t auth_utf8_next(struct strv s, uint32_t *code_out);

/* 1 when S is UTF-8 without anything that a reader cannot see: control octets (C0, DEL, C1),
 * direction marks, zero-width characters, line separators, non-characters. Else 0. */
int auth_text_is_plain(struct strv s);

#endif

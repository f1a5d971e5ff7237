/* SPDX-License-Identifier: Apache-2.0 */
/* cpm/inflate.c - see inflate.h */
#include "cpm/inflate.h"

#include <limits.h>
#include <zlib.h>

enum { BITS_ZLIB = 15, BITS_GZIP = 15 + 16, BITS_RAW = -15 };

/* zlib's number of octets; -1 as inflate_body. */
static long unpack(int bits, struct strv body, unsigned char *at, size_t max, struct err *err)
{
	z_stream z = { .next_in = (z_const Bytef *)(uintptr_t)body.p,
		       .avail_in = (uInt)body.n,
		       .next_out = at,
		       .avail_out = (uInt)max };
	int ret, is_whole;

	if (inflateInit2(&z, bits) != Z_OK)
		return err_set(err, ERR_NOMEM, "no memory to unpack a body");
	ret = inflate(&z, Z_FINISH);
	is_whole = ret == Z_STREAM_END && z.avail_in == 0;
	inflateEnd(&z);
	if (is_whole)
		return (long)z.total_out;
	if (ret == Z_MEM_ERROR)
		return err_set(err, ERR_NOMEM, "no memory to unpack a body");
	if (ret == Z_BUF_ERROR && z.avail_out == 0)
		return err_set(err, ERR_LIMIT, "an unpacked body has more than %zu octets", max);
	return err_set(err, ERR_SYNTAX, "a packed body is not of its coding");
}

int inflate_body(struct strv encoding, struct strv body, size_t max, struct arena *arena,
		 struct strv *body_out, struct err *err)
{
	int is_deflate = strv_caseeq(encoding, STRV("deflate"));
	unsigned char *at;
	struct err first;
	long n;

	*body_out = body;
	if (!is_deflate && !strv_caseeq(encoding, STRV("gzip")) &&
	    !strv_caseeq(encoding, STRV("x-gzip")))
		return 0;
	if (max > UINT_MAX - 1 || body.n > UINT_MAX)
		return err_set(err, ERR_LIMIT, "a packed body is too large");
	/* One octet more, so that what just fits is known from what does not. */
	at = arena_alloc(arena, max + 1);
	if (!at)
		return err_set(err, ERR_NOMEM, "no memory to unpack a body");
	n = unpack(is_deflate ? BITS_ZLIB : BITS_GZIP, body, at, max + 1, &first);
	/* Half of the world took "deflate" at its word and left zlib's head out. */
	if (n < 0 && is_deflate && first.code == ERR_SYNTAX)
		n = unpack(BITS_RAW, body, at, max + 1, &first);
	if (n < 0)
		return err_set(err, first.code, "%s", first.text);
	if ((size_t)n > max)
		return err_set(err, ERR_LIMIT, "an unpacked body has more than %zu octets", max);
	*body_out = strv_mem(at, (size_t)n);
	return 1;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* cab/cab_charset.c - see cab_charset.h */
#include "cab/cab_charset.h"

#include <errno.h>
#include <iconv.h>
#include <stdint.h>

enum { NAME_MAX_BYTES = 40 };

static const char replacement[] = "\xEF\xBF\xBD";

static int no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "no memory for a converted text");
}

/* CD's text for S; OUT has room for four octets for each of S. */
static size_t run(iconv_t cd, struct strv s, char *out, size_t room)
{
	char *from = (char *)(uintptr_t)s.p, *to = out;
	size_t left = s.n, room_left = room;

	while (left) {
		if (iconv(cd, &from, &left, &to, &room_left) != (size_t)-1)
			break;
		if (errno == E2BIG || room_left < sizeof(replacement) - 1)
			break;
		memcpy(to, replacement, sizeof(replacement) - 1);
		to += sizeof(replacement) - 1;
		room_left -= sizeof(replacement) - 1;
		from++;
		left--;
	}
	return (size_t)(to - out);
}

int cab_charset_convert(struct strv s, struct strv charset, struct arena *arena, struct strv *out,
			struct err *err)
{
	char name[NAME_MAX_BYTES] = "";
	iconv_t cd = (iconv_t)-1;
	size_t room;
	char *text;

	if (s.n > SIZE_MAX / 4 - 4)
		return no_memory(err);
	room = s.n * 4 + 4;
	text = arena_alloc(arena, room);
	if (!text)
		return no_memory(err);
	/* "//" asks iconv for more than a name. */
	if (charset.n && charset.n < sizeof(name) && !memchr(charset.p, '/', charset.n)) {
		memcpy(name, charset.p, charset.n);
		name[charset.n] = '\0';
		cd = iconv_open("UTF-8", name);
	}
	if (cd == (iconv_t)-1)
		cd = iconv_open("UTF-8", "WINDOWS-1252");
	if (cd == (iconv_t)-1)
		return no_memory(err);
	*out = strv_mem(text, run(cd, s, text, room));
	iconv_close(cd);
	return 0;
}

int cab_charset_file(struct strv bytes, struct arena *arena, struct strv *text_out, struct err *err)
{
	const unsigned char *p = (const unsigned char *)bytes.p;
	struct strv charset = { NULL, 0 };

	*text_out = bytes;
	if (bytes.n >= 3 && memcmp(p, "\xEF\xBB\xBF", 3) == 0) {
		*text_out = strv_mem(bytes.p + 3, bytes.n - 3);
		return 0;
	}
	if (bytes.n >= 2 && ((p[0] == 0xFF && p[1] == 0xFE) || (p[0] == 0xFE && p[1] == 0xFF))) {
		charset = p[0] == 0xFF ? STRV("UTF-16LE") : STRV("UTF-16BE");
		bytes = strv_mem(bytes.p + 2, bytes.n - 2);
	} else if (bytes.n >= 4 && p[0] && !p[1] && p[2] && !p[3]) {
		charset = STRV("UTF-16LE");
	} else if (bytes.n >= 4 && !p[0] && p[1] && !p[2] && p[3]) {
		charset = STRV("UTF-16BE");
	}
	return charset.n ? cab_charset_convert(bytes, charset, arena, text_out, err) : 0;
}

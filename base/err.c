/* SPDX-License-Identifier: Apache-2.0 */
/* base/err.c - see err.h */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const code_names[ERR_CODES] = {
	[ERR_NONE] = "none",
	[ERR_SYNTAX] = "syntax",
	[ERR_RANGE] = "range",
	[ERR_ABSENT] = "absent",
	[ERR_EXISTS] = "exists",
	[ERR_DENIED] = "denied",
	[ERR_CONFLICT] = "conflict",
	[ERR_SPACE] = "no-space",
	[ERR_LIMIT] = "limit",
	[ERR_BUSY] = "busy",
	[ERR_IO] = "io",
	[ERR_CORRUPT] = "corrupt",
	[ERR_NOMEM] = "no-memory",
	[ERR_STOPPING] = "stopping",
};

/* Put ": REASON" behind the first N octets of the sentence, as much of it as fits. */
static void append(struct err *err, int n, const char *reason)
{
	size_t at = (size_t)n, left, len = strlen(reason);

	if (n < 0 || at + 3 > sizeof(err->text))
		return;
	memcpy(err->text + at, ": ", 2);
	left = sizeof(err->text) - at - 3;
	len = len < left ? len : left;
	memcpy(err->text + at + 2, reason, len);
	err->text[at + 2 + len] = '\0';
}

int err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return -1;
	err->code = code;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -1;
}

int err_sys(struct err *err, enum err_code code, int errnum, const char *fmt, ...)
{
	char reason[96];
	va_list ap;
	int n;

	if (!err)
		return -1;
	if (errnum == ENOSPC || errnum == EDQUOT)
		code = ERR_SPACE;
	else if (errnum == ENOMEM)
		code = ERR_NOMEM;
	err->code = code;
	va_start(ap, fmt);
	n = vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	append(err, n, strerror_r(errnum, reason, sizeof(reason)));
	return -1;
}

void err_prefix(struct err *err, const char *fmt, ...)
{
	char old[ERR_TEXT_BYTES];
	va_list ap;
	int n;

	if (!err)
		return;
	memcpy(old, err->text, sizeof(old));
	va_start(ap, fmt);
	n = vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	append(err, n, old);
}

const char *err_code_name(enum err_code code)
{
	return (unsigned)code < ERR_CODES ? code_names[code] : "unknown";
}

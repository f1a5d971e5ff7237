/* SPDX-License-Identifier: Apache-2.0 */
/* admin/admin_err.c - see admin_err.h */
#include "admin/admin_err.h"

static const struct {
	unsigned status;
	const char *remedy;
} codes[ERR_CODES] = {
	[ERR_NONE] = { 500, "report this as a fault of the server" },
	[ERR_SYNTAX] = { 400, "correct the request; cpmctl(1) lists what each verb takes" },
	[ERR_RANGE] = { 400, "correct the value; cpmctl(1) lists the bounds" },
	[ERR_ABSENT] = { 404,
			 "look for the right name: \"cpmctl user list\", \"cpmctl owners\" and "
			 "\"cpmctl jobs\" list what there is" },
	[ERR_EXISTS] = { 409, "choose another name, or move what is there away" },
	[ERR_DENIED] = { 403, "use an account that may do this" },
	[ERR_CONFLICT] = { 409, "look at the present state and try again" },
	[ERR_SPACE] = { 507, "free space on the file system that is named, then try again" },
	[ERR_LIMIT] = { 413, "ask for less at a time" },
	[ERR_BUSY] = { 503, "try again in a moment; \"cpmctl jobs\" shows what runs" },
	[ERR_IO] = { 500, "look at the server's log and at the disk (dmesg)" },
	[ERR_CORRUPT] = { 500, "stop the server and restore the last good backup: cpmctl restore" },
	[ERR_NOMEM] = { 503, "give the server more memory, or wait for load to go down" },
	[ERR_STOPPING] = { 503, "start it again when the server is up" },
};

unsigned admin_err_status(enum err_code code)
{
	return codes[code].status;
}

/* TEXT may end within a UTF-8 sequence, or quote octets that are none. */
static json_t *printable(const char *text)
{
	json_t *json = json_string(text);
	char ascii[ERR_TEXT_BYTES];
	size_t n = 0;

	if (json)
		return json;
	for (; text[n] && n < sizeof(ascii) - 1; n++)
		ascii[n] = text[n] < ' ' || text[n] > '~' ? '?' : text[n];
	ascii[n] = '\0';
	return json_string(ascii);
}

json_t *admin_err_json(const struct err *err)
{
	json_t *json = json_object();

	json_object_set_new(json, "error", json_string(err_code_name(err->code)));
	json_object_set_new(json, "message", printable(err->text));
	json_object_set_new(json, "remedy", json_string(codes[err->code].remedy));
	return json;
}

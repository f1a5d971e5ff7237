/* SPDX-License-Identifier: Apache-2.0 */
/* cpm/cpm_ids.c - ids of conversations and contributions (RFC 3261 s25.1, callid) */
#include "cpm/cpm_ids.h"

#include <string.h>

static int is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static int is_word(struct strv s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_alnum(s.p[i]) && (!s.p[i] || !strchr("-.!%*_+`'~()<>:\\\"/[]?{}", s.p[i])))
			return 0;
	return s.n > 0;
}

int cpm_id_parse(struct strv value, struct strv *id_out, struct err *err)
{
	struct strv id = strv_trim(value), rest = id, word;
	int two;

	if (id.n > CPM_ID_MAX)
		return err_set(err, ERR_LIMIT, "an id of more than %d octets", CPM_ID_MAX);
	two = strv_cut(&rest, '@', &word);
	if (!is_word(word) || (two && !is_word(rest)))
		return err_set(err, ERR_SYNTAX, "an id that is not spelled like a Call-ID");
	*id_out = id;
	return 0;
}

void cpm_id_make(const unsigned char random[CPM_ID_RANDOM_BYTES], char id_out[CPM_ID_BYTES])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < CPM_ID_RANDOM_BYTES; i++) {
		id_out[2 * i] = digits[random[i] >> 4];
		id_out[2 * i + 1] = digits[random[i] & 15];
	}
	id_out[CPM_ID_BYTES - 1] = 0;
}

int cpm_id_name(struct strv id, char name_out[CPM_ID_NAME_BYTES], struct err *err)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t n = 0;

	if (!id.n || id.n > CPM_ID_MAX)
		return err_set(err, ERR_LIMIT, "an id of no or more than %d octets", CPM_ID_MAX);
	for (size_t i = 0; i < id.n; i++) {
		unsigned char c = (unsigned char)id.p[i];

		/* A first "." would hide it, or make it "..". */
		if (is_alnum((char)c) || c == '-' || c == '_' || c == '@' || (c == '.' && i > 0)) {
			name_out[n++] = (char)c;
			continue;
		}
		name_out[n++] = '%';
		name_out[n++] = digits[c >> 4];
		name_out[n++] = digits[c & 15];
	}
	name_out[n] = 0;
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* auth/auth_asserted.c - see auth_asserted.h */
#include "auth/auth_asserted.h"

static int bad(struct err *err, const char *what)
{
	return err_set(err, ERR_SYNTAX, "asserted identity %s", what);
}

/* Cut the first element off LIST, at a comma outside quotes and brackets. Returns 1 when there are
 * more, 0 at the end; -1 when a quote or bracket stays open. */
static int next_element(struct strv *list, struct strv *element_out)
{
	int quoted = 0, bracketed = 0;
	size_t i;

	for (i = 0; i < list->n; i++) {
		char c = list->p[i];

		if (quoted && c == '\\')
			i++;
		else if (c == '"' && !bracketed)
			quoted = !quoted;
		else if (c == '<' && !quoted)
			bracketed = 1;
		else if (c == '>' && !quoted)
			bracketed = 0;
		else if (c == ',' && !quoted && !bracketed)
			break;
	}
	if (quoted || bracketed || i > list->n)
		return -1;
	*element_out = strv_trim((struct strv){ list->p, i });
	if (i == list->n)
		return 0;
	list->p += i + 1;
	list->n -= i + 1;
	return 1;
}

/* Where the closing quote of the quoted string at the beginning of S stands. The quote is closed.
 */
static size_t closing_quote(struct strv s)
{
	size_t i = 1;

	while (s.p[i] != '"')
		i += s.p[i] == '\\' ? 2 : 1;
	return i;
}

/* The identity within one element. */
static int unwrap(struct strv element, struct strv *text_out, struct err *err)
{
	size_t close;
	const char *open;

	if (element.n && element.p[0] == '"') {
		close = closing_quote(element);
		if (close == element.n - 1) {
			*text_out = (struct strv){ element.p + 1, close - 1 };
			return 0;
		}
		element.p += close + 1;
		element.n -= close + 1;
		element = strv_trim(element);
		if (!element.n || element.p[0] != '<')
			return bad(err, "has something behind its quotes");
	}
	open = element.n ? memchr(element.p, '<', element.n) : NULL;
	if (!open) {
		*text_out = element;
		return 0;
	}
	if (element.p[element.n - 1] != '>')
		return bad(err, "has something behind its angle brackets");
	*text_out = (struct strv){ open + 1, (size_t)(element.p + element.n - open) - 2 };
	return 0;
}

int auth_asserted_parse(struct strv value, const struct auth_domains *domains,
			struct auth_identity id_out[AUTH_ASSERTED_MAX], unsigned *n_out,
			struct err *err)
{
	int more;

	*n_out = 0;
	do {
		struct strv element, text;

		more = next_element(&value, &element);
		if (more < 0)
			return bad(err, "has a quote or bracket that is not closed");
		if (*n_out == AUTH_ASSERTED_MAX)
			return err_set(err, ERR_RANGE,
				       "asserted identity is a list of more than %d",
				       AUTH_ASSERTED_MAX);
		if (unwrap(element, &text, err) < 0 ||
		    auth_identity_parse(text, domains, &id_out[*n_out], err) < 0)
			return -1;
		(*n_out)++;
	} while (more);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* sip/sip_mwi.c - see sip_mwi.h (RFC 3842 s3, s5) */
#include "sip/sip_mwi.h"

#include "sip/sip_event.h"

/* "voice-message" is written "Voice-Message" (s5.2). */
static void set_case(char *line)
{
	int is_first = 1;

	for (; *line && *line != ':'; line++) {
		if (is_first && *line >= 'a' && *line <= 'z')
			*line = (char)(*line - 'a' + 'A');
		is_first = *line == '-';
	}
}

struct strv sip_mwi_print(const struct sip_mwi_state *state, struct arena *arena)
{
	const char *text;
	unsigned fresh = 0;
	char *line;

	for (unsigned i = 0; i < state->n_counts; i++)
		fresh += state->count[i].fresh;
	text = arena_printf(arena, "Messages-Waiting: %s\r\n%s%.*s%s", fresh ? "yes" : "no",
			    state->account.n ? "Message-Account: " : "", STRV_ARG(state->account),
			    state->account.n ? "\r\n" : "");
	for (unsigned i = 0; text && i < state->n_counts; i++) {
		const struct sip_mwi_count *c = &state->count[i];

		line = arena_printf(arena, "%s: %u/%u (%u/%u)\r\n", c->context, c->fresh, c->old,
				    c->fresh_urgent, c->old_urgent);
		if (!line)
			return strv_mem(NULL, 0);
		set_case(line);
		text = arena_printf(arena, "%s%s", text, line);
	}
	return strv_of(text);
}

static int state(void *arg, struct sip_sub *sub, struct arena *arena,
		 struct sip_event_body *body_out)
{
	const struct sip_mwi *mwi = arg;
	struct sip_mwi_state what = { .n_counts = 0 };

	if (mwi->waiting && mwi->waiting(mwi->arg, sip_sub_resource(sub), arena, &what) < 0)
		return -1;
	body_out->type = STRV("application/simple-message-summary");
	body_out->body = sip_mwi_print(&what, arena);
	return body_out->body.p ? 0 : -1;
}

static const char *const types[] = { "application/simple-message-summary", NULL };

/* RFC 3842 s3.4: an hour to days; s3.10: not more than one in a second. */
const struct sip_event_ops sip_mwi_event = {
	.name = "message-summary",
	.types = types,
	.default_s = 3600,
	.min_s = 60,
	.max_s = 86400,
	.throttle_ms = 1000,
	.state = state,
};

void sip_mwi_changed(struct sip_events *events, struct strv resource)
{
	sip_events_changed(events, sip_mwi_event.name, resource, 0);
}

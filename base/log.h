/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/log.h - log lines with fields, as text or JSON; no write(2) ends within a line
 *
 *     log_info(LOG_HTTP, "request", L_SV("path", path), L_INT("status", 200), L_ID(&req->trace));
 *
 * Values that come from peers are escaped (control octets, invalid UTF-8, direction marks) and
 * cut at LOG_VALUE_BYTES. Never pass message bodies, contact data or credentials. May be called
 * from any thread.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strv.h"
#include "base/trace.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_LEVELS };

/* A category is a part of the server whose steps can be switched on by themselves. */
enum log_cat { LOG_DAEMON, LOG_CONF, LOG_HTTP, LOG_KV, LOG_ADMIN, LOG_SIP, LOG_CPM, LOG_CATS };

enum log_format { LOG_TEXT, LOG_JSON };

enum { LOG_VALUE_BYTES = 256, LOG_LINE_BYTES = 4096 };

struct log_field {
	enum { LOG_F_END, LOG_F_STR, LOG_F_INT, LOG_F_ID } kind;
	const char *key;
	struct strv str;
	int64_t num;
};

#define L_SV(k, v)  ((struct log_field){ LOG_F_STR, (k), (v), 0 })
#define L_STR(k, s) L_SV(k, strv_of(s))
#define L_INT(k, i) ((struct log_field){ LOG_F_INT, (k), { NULL, 0 }, (i) })
#define L_ERR(e)    L_STR("error", (e)->text)
#define L_ID(t)	    ((struct log_field){ LOG_F_ID, "id", { (t)->hex, TRACE_HEX }, 0 })

/* One line, when LEVEL is switched on for CAT; the fields are not evaluated otherwise. */
#define log_at(level, cat, event, ...)                                                    \
	do {                                                                              \
		if (log_on((cat), (level)))                                               \
			log_write((level), (cat), (event),                                \
				  (const struct log_field[]){ __VA_ARGS__ __VA_OPT__(, ){ \
					  LOG_F_END, NULL, { NULL, 0 }, 0 } });           \
	} while (0)
#define log_error(cat, event, ...) log_at(LOG_ERROR, cat, event __VA_OPT__(, ) __VA_ARGS__)
#define log_warn(cat, event, ...)  log_at(LOG_WARN, cat, event __VA_OPT__(, ) __VA_ARGS__)
#define log_info(cat, event, ...)  log_at(LOG_INFO, cat, event __VA_OPT__(, ) __VA_ARGS__)
#define log_debug(cat, event, ...) log_at(LOG_DEBUG, cat, event __VA_OPT__(, ) __VA_ARGS__)

extern _Atomic unsigned char log_levels[LOG_CATS];

/* 1 when lines of LEVEL are written for CAT. */
static inline int log_on(enum log_cat cat, enum log_level level)
{
	return level <= atomic_load_explicit(&log_levels[cat], memory_order_relaxed);
}

/* Write the line whatever the level. FIELDS ends with LOG_F_END. A line that grows past
 * LOG_LINE_BYTES loses its last fields and says cut=1. */
void log_write(enum log_level level, enum log_cat cat, const char *event,
	       const struct log_field *fields);

/* From here on this thread's lines of levels info and debug are gathered, and leave together by
 * log_flush or once they fill LOG_LINE_BYTES: a write(2) costs more than a line. Errors and
 * warnings leave at once, behind what was gathered before them. Who calls it calls log_flush before
 * each wait, so that nothing is held back, and log_gather_end when the thread ends. Without memory
 * lines go on leaving one by one. */
void log_gather(void);
void log_gather_end(void);
/* Write what this thread has gathered; nothing when it has nothing. */
void log_flush(void);

/* Where lines go (a descriptor that stays open; 2 at the start) and how they look. */
void log_output(int fd, enum log_format format);

void log_set_level(enum log_cat cat, enum log_level level);
void log_set_levels(enum log_level level); /* all categories */

const char *log_level_name(enum log_level level);
const char *log_cat_name(enum log_cat cat);
/* 0 and the value for a known name; -1 otherwise. */
int log_level_find(struct strv name, enum log_level *level_out);
int log_cat_find(struct strv name, enum log_cat *cat_out);

/* One line into BUF (always ended by LF) as log_write would write it at TIME_US (Unix time in
 * microseconds). Returns its length. For tests, and what log_write itself uses. */
size_t log_format_line(char buf[LOG_LINE_BYTES], enum log_format format, int64_t time_us,
		       enum log_level level, enum log_cat cat, const char *event,
		       const struct log_field *fields);

#endif

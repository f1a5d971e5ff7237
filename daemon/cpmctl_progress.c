/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/cpmctl_progress.c - how far a long work is: a bar on a terminal, plain lines elsewhere
 *
 * On a terminal one line is written over again, with rate and time left. Elsewhere a line is
 * written each time that another tenth is done. All of it goes to standard error.
 */
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "daemon/cpmctl.h"

enum { REDRAW_MS = 100, BAR_MAX = 40 };

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static unsigned columns(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col < 20)
		return 80;
	return size.ws_col;
}

static void amount_text(char buf[32], enum ctl_unit unit, uint64_t amount)
{
	if (unit == CTL_BYTES)
		ctl_bytes_text(buf, amount);
	else
		snprintf(buf, 32, "%llu records", (unsigned long long)amount);
}

static unsigned percent_of(uint64_t done, uint64_t total)
{
	return total ? (unsigned)((double)(done < total ? done : total) / (double)total * 100) : 0;
}

/* "12.0 MB of 48.0 MB, 3.0 MB/s, 12 s left" */
static void figures(char *buf, size_t bytes, enum ctl_unit unit, uint64_t done, uint64_t total,
		    uint64_t elapsed_ms)
{
	double rate = elapsed_ms ? (double)done * 1000 / (double)elapsed_ms : 0;
	char of[32], text[32], left[32];
	size_t at;

	amount_text(text, unit, done);
	at = (size_t)snprintf(buf, bytes, "%s", text);
	if (total) {
		amount_text(of, unit, total);
		at += (size_t)snprintf(buf + at, bytes - at, " of %s", of);
	}
	if (elapsed_ms < 500 || rate < 1)
		return;
	amount_text(text, unit, (uint64_t)rate);
	at += (size_t)snprintf(buf + at, bytes - at, ", %s/s", text);
	if (total > done)
		snprintf(buf + at, bytes - at, ", %s left",
			 ctl_span_text(left, (uint64_t)((double)(total - done) * 1000 / rate)));
}

void ctl_progress_line(char *buf, size_t bytes, unsigned width, const char *what,
		       enum ctl_unit unit, uint64_t done, uint64_t total, uint64_t elapsed_ms)
{
	unsigned percent = percent_of(done, total), bar, full;
	char text[192], hashes[BAR_MAX + 1];

	figures(text, sizeof(text), unit, done, total, elapsed_ms);
	if (!total) {
		snprintf(buf, bytes < width + 1 ? bytes : width + 1, "%s %s", what, text);
		return;
	}
	bar = width > strlen(what) + strlen(text) + 12
		      ? width - (unsigned)(strlen(what) + strlen(text)) - 12
		      : 0;
	bar = bar > BAR_MAX ? BAR_MAX : bar;
	full = bar * percent / 100;
	memset(hashes, '.', sizeof(hashes));
	memset(hashes, '#', full);
	hashes[bar] = '\0';
	snprintf(buf, bytes < width + 1 ? bytes : width + 1,
		 bar >= 5 ? "%s [%s] %3u %% %s" : "%s%.0s %3u %% %s", what, hashes, percent, text);
}

void ctl_progress_begin(struct ctl_progress *p, const struct ctl *ctl, const char *what,
			enum ctl_unit unit)
{
	*p = (struct ctl_progress){ .what = what,
				    .unit = unit,
				    .tty = isatty(STDERR_FILENO),
				    .quiet = ctl->json,
				    .started_ms = now_ms() };
}

static void show_bar(struct ctl_progress *p, uint64_t done, uint64_t total, uint64_t now)
{
	char line[512];

	if (p->shown_ms && now - p->shown_ms < REDRAW_MS)
		return;
	p->shown_ms = now;
	p->on_line = 1;
	ctl_progress_line(line, sizeof(line), columns() - 1, p->what, p->unit, done, total,
			  now - p->started_ms);
	fprintf(stderr, "\r%s\033[K", line);
	fflush(stderr);
}

static void show_tenths(struct ctl_progress *p, uint64_t done, uint64_t total, uint64_t now)
{
	unsigned percent = percent_of(done, total);
	char text[192];

	if (percent < p->shown_percent + 10)
		return;
	p->shown_percent = percent / 10 * 10;
	figures(text, sizeof(text), p->unit, done, total, now - p->started_ms);
	fprintf(stderr, "%s %u %%: %s\n", p->what, percent, text);
}

void ctl_progress_show(struct ctl_progress *p, uint64_t done, uint64_t total)
{
	uint64_t now = now_ms();

	if (p->quiet)
		return;
	if (p->tty)
		show_bar(p, done, total, now);
	else
		show_tenths(p, done, total, now);
}

void ctl_progress_end(struct ctl_progress *p)
{
	if (p->on_line)
		fputs("\r\033[K", stderr);
	p->on_line = 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/cpmctl_password.c - where a password comes from: a terminal, a pipe, a file, or chance
 *
 * See cpmctl.h. Never the command line, which everybody on the machine can read.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "daemon/cpmctl.h"

/* One line of IN without its end. Returns CTL_OK. */
static int read_line(const struct ctl *ctl, FILE *in, char password[CTL_PASSWORD_BYTES])
{
	size_t n;

	if (!fgets(password, CTL_PASSWORD_BYTES, in)) {
		ctl_say_error(ctl, "usage", "no password was given", "give it as one line");
		return CTL_USAGE;
	}
	n = strlen(password);
	if (n == CTL_PASSWORD_BYTES - 1 && password[n - 1] != '\n') {
		ctl_say_error(ctl, "usage", "the password is too long", "choose a shorter one");
		return CTL_USAGE;
	}
	password[strcspn(password, "\r\n")] = '\0';
	return CTL_OK;
}

/* ---- a terminal ---- */

/* A line typed behind PROMPT. Signals are blocked but while it waits, in the mask WAITING: none is
 * lost between a look at what has come and the waiting for it. */
static int ask_once(const struct ctl *ctl, const sigset_t *waiting, const char *prompt,
		    char password[CTL_PASSWORD_BYTES])
{
	struct pollfd typed = { .fd = STDIN_FILENO, .events = POLLIN };
	int ret;

	fputs(prompt, stderr);
	fflush(stderr);
	while (!ctl_interrupted() && ppoll(&typed, 1, NULL, waiting) < 0 && errno == EINTR)
		;
	if (ctl_interrupted()) {
		fputc('\n', stderr);
		ctl_say_error(ctl, "cancelled", "nothing was changed", NULL);
		return CTL_CANCELLED;
	}
	ret = read_line(ctl, stdin, password);
	fputc('\n', stderr);
	return ret;
}

static int ask_twice(const struct ctl *ctl, const sigset_t *waiting,
		     char password[CTL_PASSWORD_BYTES])
{
	char again[CTL_PASSWORD_BYTES];
	int ret = ask_once(ctl, waiting, "Password: ", password);

	if (ret != CTL_OK)
		return ret;
	ret = ask_once(ctl, waiting, "Once more: ", again);
	if (ret == CTL_OK && strcmp(password, again) != 0) {
		ctl_say_error(ctl, "usage", "the two are not the same, nothing was changed",
			      "try again");
		ret = CTL_USAGE;
	}
	explicit_bzero(again, sizeof(again));
	return ret;
}

/* Ctrl-C ends the reading, and the echo comes back. */
static int from_terminal(const struct ctl *ctl, char password[CTL_PASSWORD_BYTES])
{
	struct termios before, quiet;
	sigset_t interrupts, waiting;
	int ret;

	if (tcgetattr(STDIN_FILENO, &before) < 0) {
		ctl_say_error(ctl, "io", strerror(errno), "use --password-file");
		return CTL_FAILED;
	}
	ctl_catch_interrupts();
	sigemptyset(&interrupts);
	sigaddset(&interrupts, SIGINT);
	sigaddset(&interrupts, SIGTERM);
	sigprocmask(SIG_BLOCK, &interrupts, &waiting);
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	ret = ask_twice(ctl, &waiting, password);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	sigprocmask(SIG_SETMASK, &waiting, NULL);
	return ret;
}

/* ---- a file ---- */

static int refuse_file(const struct ctl *ctl, const char *file, const char *why, const char *remedy)
{
	char text[1024];

	snprintf(text, sizeof(text), "the password file %.700s %s", file, why);
	ctl_say_error(ctl, "usage", text, remedy);
	return CTL_USAGE;
}

static int from_file(const struct ctl *ctl, const char *file, char password[CTL_PASSWORD_BYTES])
{
	FILE *in = fopen(file, "re");
	struct stat st;
	char why[64];
	int ret;

	if (!in || fstat(fileno(in), &st) < 0) {
		snprintf(why, sizeof(why), "cannot be read: %s", strerror(errno));
		ret = refuse_file(ctl, file, why, "correct the path");
	} else if (S_ISREG(st.st_mode) && (st.st_mode & 077)) {
		snprintf(why, sizeof(why), "may be read by others (mode %04o)",
			 (unsigned)st.st_mode & 07777);
		ret = refuse_file(ctl, file, why, "chmod 600 it, and take another password");
	} else {
		ret = read_line(ctl, in, password);
	}
	if (in)
		fclose(in);
	return ret;
}

/* ---- chance ---- */

/* One of the N (at most 256) characters of CHARS; 0: no random octets can be had. */
static char any_of(const char *chars, unsigned n)
{
	unsigned char octet;

	do {
		if (getrandom(&octet, 1, 0) != 1)
			return 0;
	} while (octet >= 256 / n * n); /* all equally often */
	return chars[octet % n];
}

/* Letters and digits by turns, without those that look alike: 75 bits, and no user's name in it. */
static int generate(const struct ctl *ctl, char password[CTL_PASSWORD_BYTES])
{
	static const char letters[] = "abcdefghijkmnpqrstuvwxyz", digits[] = "23456789";
	enum { GROUPS = 5, GROUP = 4 };
	char *to = password;

	for (unsigned i = 0; i < GROUPS * GROUP; i++) {
		if (i && i % GROUP == 0)
			*to++ = '-';
		*to = i % 2 ? any_of(digits, sizeof(digits) - 1)
			    : any_of(letters, sizeof(letters) - 1);
		if (!*to++) {
			ctl_say_error(ctl, "io", "the system gives no random octets", NULL);
			return CTL_FAILED;
		}
	}
	*to = '\0';
	return CTL_OK;
}

int ctl_password(const struct ctl *ctl, char password[CTL_PASSWORD_BYTES])
{
	if (ctl->given & CTL_GENERATE)
		return generate(ctl, password);
	if (ctl->given & CTL_PASSWORD_FILE)
		return from_file(ctl, ctl->password_file, password);
	if (isatty(STDIN_FILENO))
		return from_terminal(ctl, password);
	return read_line(ctl, stdin, password);
}

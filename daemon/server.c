/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/server.c - the life of the process
 *
 * See server.h. The main thread holds all signals and does nothing else than wait for them, for
 * the watchdog's time and for the end of a drain; requests live on the workers. A reload is asked
 * for by a signal (here) or by the admin room (on a job thread); one at a time.
 */
#include "daemon/server.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "config.h"

#include "base/log.h"
#include "daemon/check.h"
#include "daemon/privs.h"
#include "daemon/settings.h"
#include "daemon/wire.h"

enum {
	TURN_MS = 1000, /* how often the main thread looks around without being called */
};

struct server {
	const char *config_file;
	struct privs privs;
	pthread_mutex_t reload_lock; /* of started, current */
	struct conf
		*started; /* what the process was started with: settings only a restart changes */
	struct conf *current; /* what was last taken over */
	struct house *house;
	_Atomic int draining;
	_Atomic int drained;  /* what the workers did before is seen by who sees this */
	uint64_t watchdog_us; /* 0: nobody watches */
	int stall_logged;
};

static const struct settings *settings_of(const struct conf *conf)
{
	return conf_values(conf);
}

/* ---- log file ---- */

/* Open FILE for the log; on a reopening the descriptor keeps its number, so that lines of other
 * threads go to the old or to the new file, whole. */
static int open_log(const struct settings *settings, const struct privs *privs, struct err *err)
{
	static int log_fd = -1;
	const char *file = settings->log.file;
	int fd;

	if (!file[0]) {
		log_output(STDERR_FILENO, (enum log_format)settings->log.format);
		return 0;
	}
	fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	if (fd < 0)
		return err_sys(err, ERR_IO, errno, "cannot open the log file %s", file);
	if (privs_own_file(privs, file, NULL) < 0)
		log_warn(LOG_DAEMON, "the log file keeps its owner", L_STR("file", file));
	if (log_fd < 0) {
		log_fd = fd;
	} else {
		dup3(fd, log_fd, O_CLOEXEC);
		close(fd);
	}
	log_output(log_fd, (enum log_format)settings->log.format);
	return 0;
}

static void set_log_levels(const struct settings *settings)
{
	for (unsigned cat = 0; cat < LOG_CATS; cat++)
		log_set_level((enum log_cat)cat, settings_log_level(settings, (enum log_cat)cat));
}

/* Levels, file and format. A file that cannot be opened leaves the log where it is. */
static void take_log(const struct server *server, const struct settings *settings)
{
	struct err err;

	set_log_levels(settings);
	if (open_log(settings, &server->privs, &err) < 0)
		log_error(LOG_DAEMON, "the log goes on in the old file", L_ERR(&err));
}

/* ---- reload ---- */

static void tell_fault(void *arg, const struct conf_fault *fault)
{
	check_fault_log(NULL, fault);
	if (arg)
		admin_reload_add_fault(arg, fault);
}

static void tell_changed(void *arg, const char *name, const char *old_text, const char *new_text,
			 int reloadable)
{
	if (!reloadable)
		return;
	log_info(LOG_CONF, "setting changed", L_STR("name", name), L_STR("old", old_text),
		 L_STR("new", new_text));
	if (arg)
		admin_reload_add_change(arg, name, old_text, new_text, 0);
}

static void tell_waiting(void *arg, const char *name, const char *old_text, const char *new_text,
			 int reloadable)
{
	if (reloadable)
		return;
	log_warn(LOG_CONF, "setting waits for a restart", L_STR("name", name),
		 L_STR("running", old_text), L_STR("new", new_text));
	if (arg)
		admin_reload_add_change(arg, name, old_text, new_text, 1);
}

/* Read the configuration again and take over what may change. OUT, when there is one, is told what
 * was found; the log is in any case. */
static int reload(struct server *server, struct admin_reload *out, struct err *err)
{
	struct conf *fresh = NULL;
	int ret;

	pthread_mutex_lock(&server->reload_lock);
	if (settings_load(server->config_file, tell_fault, out, &fresh) < 0) {
		ret = err_set(err, ERR_SYNTAX,
			      "the configuration has faults: the old one stays in force");
		goto out;
	}
	ret = house_reload(server->house, settings_of(fresh), err);
	if (ret < 0) {
		conf_free(&fresh);
		goto out;
	}
	conf_diff(server->current, fresh, tell_changed, out);
	conf_diff(server->started, fresh, tell_waiting, out);
	take_log(server, settings_of(fresh));
	if (server->current != server->started)
		conf_free(&server->current);
	server->current = fresh;
out:
	pthread_mutex_unlock(&server->reload_lock);
	return ret;
}

static int reload_for_admin(void *arg, struct admin_reload *out, struct err *err)
{
	return reload(arg, out, err);
}

static void backup_dir_for_admin(void *arg, char *dir_out, size_t bytes)
{
	struct server *server = arg;

	pthread_mutex_lock(&server->reload_lock);
	snprintf(dir_out, bytes, "%s", settings_of(server->current)->admin.backup_dir);
	pthread_mutex_unlock(&server->reload_lock);
}

static void reload_by_signal(struct server *server)
{
	struct timespec now;
	struct err err;

	clock_gettime(CLOCK_MONOTONIC, &now);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
		   (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	if (reload(server, NULL, &err) < 0)
		log_error(LOG_DAEMON, "not reloaded", L_ERR(&err));
	else
		log_info(LOG_DAEMON, "reloaded", L_STR("file", server->config_file));
	sd_notify(0, "READY=1");
}

static int is_draining(void *arg)
{
	struct server *server = arg;

	return atomic_load(&server->draining);
}

/* ---- signals and the watchdog ---- */

/* Tell systemd that we live, as long as every worker turns. */
static void look_around(struct server *server)
{
	uint64_t stalled_ms = house_stalled_ms(server->house), limit_ms;

	pthread_mutex_lock(&server->reload_lock);
	limit_ms = settings_of(server->current)->server.stall_ms;
	pthread_mutex_unlock(&server->reload_lock);

	if (stalled_ms < limit_ms) {
		server->stall_logged = 0;
		if (server->watchdog_us)
			sd_notify(0, "WATCHDOG=1");
	} else if (!server->stall_logged) {
		server->stall_logged = 1;
		log_error(LOG_DAEMON, "a worker does not turn its loop",
			  L_INT("ms", (int64_t)stalled_ms));
	}
}

static void on_drained(void *arg)
{
	struct server *server = arg;

	atomic_store(&server->drained, 1);
	kill(getpid(), SIGUSR2); /* wakes the main thread, which waits for signals only */
}

/* Ask the house to drain; a second call means that somebody is out of patience. */
static int stop(struct server *server, int signum)
{
	unsigned drain_ms;

	if (atomic_exchange(&server->draining, 1)) {
		log_warn(LOG_DAEMON, "stopped at once", L_STR("signal", strsignal(signum)));
		return 1;
	}
	log_info(LOG_DAEMON, "stopping", L_STR("signal", strsignal(signum)));
	sd_notify(0, "STOPPING=1");
	pthread_mutex_lock(&server->reload_lock);
	drain_ms = (unsigned)settings_of(server->current)->server.drain_ms;
	pthread_mutex_unlock(&server->reload_lock);
	house_drain(server->house, drain_ms, on_drained, server);
	return 0;
}

static void reopen_log(struct server *server)
{
	pthread_mutex_lock(&server->reload_lock);
	take_log(server, settings_of(server->current));
	pthread_mutex_unlock(&server->reload_lock);
}

/* Serve until a signal ends it. */
static void wait_for_signals(struct server *server, const sigset_t *signals)
{
	uint64_t turn_us = server->watchdog_us ? server->watchdog_us / 2 : TURN_MS * 1000u;
	struct timespec turn = { (time_t)(turn_us / 1000000), (long)(turn_us % 1000000) * 1000 };

	for (;;) {
		int signum = sigtimedwait(signals, NULL, &turn);

		look_around(server);
		switch (signum) {
		case SIGHUP:
			reload_by_signal(server);
			break;
		case SIGUSR1:
			reopen_log(server);
			break;
		case SIGUSR2:
			if (atomic_load(&server->drained))
				return;
			break;
		case SIGTERM:
		case SIGINT:
			if (stop(server, signum))
				_exit(0);
			break;
		default:
			break;
		}
	}
}

static void hold_signals(sigset_t *signals_out)
{
	static const int ours[] = { SIGHUP, SIGUSR1, SIGUSR2, SIGTERM, SIGINT };

	sigemptyset(signals_out);
	for (unsigned i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		sigaddset(signals_out, ours[i]);
	pthread_sigmask(SIG_BLOCK, signals_out, NULL);
}

/* ---- start and stop ---- */

static int open_house(struct server *server, const struct admin_ops *ops, struct err *err)
{
	const struct settings *settings = settings_of(server->current);
	struct privs *privs = &server->privs;

	if (privs_find(settings->server.user, settings->server.group, privs, err) < 0 ||
	    open_log(settings, privs, err) < 0 ||
	    house_open(settings, privs, ops, &server->house, err) < 0 || privs_drop(privs, err) < 0)
		return -1;
	if (geteuid() == 0)
		log_warn(LOG_DAEMON, "serving as root: set server.user to a user of its own");
	return house_start(server->house, settings, err);
}

int server_run(const char *config_file)
{
	struct server server = { .config_file = config_file,
				 .reload_lock = PTHREAD_MUTEX_INITIALIZER };
	const struct admin_ops ops = { .version = PACKAGE_VERSION,
				       .reload = reload_for_admin,
				       .draining = is_draining,
				       .backup_dir = backup_dir_for_admin,
				       .arg = &server };
	sigset_t signals;
	struct err err;
	int ret = 1;

	privs_harden();
	hold_signals(&signals);
	if (settings_load(config_file, check_fault_print, stderr, &server.started) < 0)
		return SERVER_EXIT_CONFIG;
	server.current = server.started;
	set_log_levels(settings_of(server.current));
	sd_watchdog_enabled(0, &server.watchdog_us);
	log_info(LOG_DAEMON, "starting", L_STR("version", PACKAGE_VERSION),
		 L_STR("config", config_file), L_INT("pid", getpid()));
	if (open_house(&server, &ops, &err) < 0) {
		log_error(LOG_DAEMON, "cannot start", L_ERR(&err));
		goto out;
	}
	log_info(LOG_DAEMON, "ready");
	sd_notify(0, "READY=1");
	wait_for_signals(&server, &signals);
	ret = 0;
out:
	house_close(&server.house);
	if (ret == 0)
		log_info(LOG_DAEMON, "stopped");
	if (server.current != server.started)
		conf_free(&server.current);
	conf_free(&server.started);
	return ret;
}

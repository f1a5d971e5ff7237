/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/server.h - the life of the process: start, signals, reload, stop
 *
 *     SIGHUP          read the configuration and the certificates again
 *     SIGUSR1         open the log file again (after logrotate moved it)
 *     SIGTERM, SIGINT stop gracefully; the second one at once
 */
#ifndef DAEMON_SERVER_H
#define DAEMON_SERVER_H

/* Serve with the configuration CONFIG_FILE until a signal ends it. Returns the process's exit
 * status: 0 stopped, 1 could not start (said on standard error or in the log), 78 the configuration
 * has faults. A disk that fails ends the process with KV_EXIT_FATAL. */
int server_run(const char *config_file);

enum { SERVER_EXIT_CONFIG = 78 }; /* EX_CONFIG of sysexits.h: a restart would not help */

#endif

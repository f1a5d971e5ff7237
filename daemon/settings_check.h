/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/settings_check.h - the parts of the check of settings, for each other
 */
#ifndef DAEMON_SETTINGS_CHECK_H
#define DAEMON_SETTINGS_CHECK_H

#include "daemon/settings.h"

/* Faults and warnings of the section sip. */
void settings_check_sip(struct conf_check *check, const struct settings *s);

#endif

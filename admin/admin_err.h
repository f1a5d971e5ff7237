/* SPDX-License-Identifier: Apache-2.0 */
/* admin/admin_err.h - errors as operators see them: a code, a sentence, what to do about it */
#ifndef ADMIN_ADMIN_ERR_H
#define ADMIN_ADMIN_ERR_H

#include "base/err.h"
#include "base/json.h"

/* {"error": code, "message": sentence, "remedy": advice}; NULL when memory is short. */
json_t *admin_err_json(const struct err *err);

/* The HTTP status that belongs to the code. */
unsigned admin_err_status(enum err_code code);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* admin/admin_work.h - the long verbs, as work for admin_jobs; ARG is the struct admin */
#ifndef ADMIN_ADMIN_WORK_H
#define ADMIN_ADMIN_WORK_H

#include "admin/admin_jobs.h"

/* Object: the new folder. Result: {"dir"}. */
admin_work_fn admin_work_backup;
/* Result: {"owners", "records", "journal", "faults", "first_fault"}; faults do not fail the job. */
admin_work_fn admin_work_verify;
/* Object: the owner. Keeps the export as the job's file. Result: {"records", "version"}. */
admin_work_fn admin_work_export;
/* Object: the owner. Result: {"seq"}. */
admin_work_fn admin_work_erase;

#endif

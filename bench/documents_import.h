/* SPDX-License-Identifier: Apache-2.0 */
/* bench/documents_import.h - figures of address books and bulk imports: see documents_bench.c */
#ifndef BENCH_DOCUMENTS_IMPORT_H
#define BENCH_DOCUMENTS_IMPORT_H

#include "bench/servers.h"

/* vcard.import.rate, vcard.export.rate: cpmctl with one file of 50,000 cards and CPMD's user
 * "cards", who has no book yet. Cards a second of the whole command, durable, beside the bar. */
void documents_cards(const struct server *cpmd, const char *build_dir, int quick);

/* import.users.rate: cpmctl with a folder of users, two documents each. */
void documents_users(const struct server *cpmd, const char *build_dir, int quick);

#endif

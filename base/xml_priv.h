/* SPDX-License-Identifier: Apache-2.0 */
/* base/xml_priv.h - what xml.c and xml_schema.c share */
#ifndef BASE_XML_PRIV_H
#define BASE_XML_PRIV_H

#include <stddef.h>

#include "base/err.h"
#include "base/xml.h"

struct _xmlParserInput;
struct _xmlParserCtxt;

/* Where schemas lie: see xml_init. */
int xml_schema_set_dir(const char *dir, struct err *err);
void xml_schema_forget_dir(void);

/* libxml2's entity loader: opens files of the schema folder while this thread loads a schema, and
 * nothing else ever. */
struct _xmlParserInput *xml_schema_open_file(const char *url, const char *id,
					     struct _xmlParserCtxt *ctxt);

/* Put the reserve (xml_memory.c) behind libxml2's allocations; before anything else of it. */
int xml_memory_init(struct err *err);

/* Was there no memory for libxml2 in this thread since the last xml_memory_watch? Then nothing that
 * it said meanwhile is to be believed. */
void xml_memory_watch(void);
int xml_memory_short(void);

/* A message of libxml2 as a reason: cut to SIZE, control characters replaced, end trimmed. */
void xml_reason(char *reason, size_t size, const char *message);

#endif

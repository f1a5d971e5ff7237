/* SPDX-License-Identifier: Apache-2.0 */
/* policy/pol_explain_text.c - an explanation in lines, for a terminal (see pol_explain.h) */
#include "policy/pol_explain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *str(const json_t *object, const char *name)
{
	const char *value = json_string_value(json_object_get(object, name));

	return value ? value : "";
}

/* A value on its line: words as they are, lists with commas. */
static void print_value(FILE *out, const json_t *value)
{
	const json_t *item;
	size_t i;

	if (json_is_string(value))
		fprintf(out, "%s", json_string_value(value));
	else if (json_is_integer(value))
		fprintf(out, "%lld", (long long)json_integer_value(value));
	else if (json_is_boolean(value))
		fprintf(out, "%s", json_is_true(value) ? "yes" : "no");
	json_array_foreach((json_t *)value, i, item)
	{
		fprintf(out, "%s", i ? ", " : "");
		print_value(out, item);
	}
}

static void print_facts(FILE *out, json_t *facts)
{
	const char *name;
	json_t *value;

	json_object_foreach(facts, name, value)
	{
		if (json_is_null(value) || (json_is_string(value) && !*json_string_value(value)) ||
		    (json_is_array(value) && !json_array_size(value)))
			continue;
		fprintf(out, "  %s: ", name);
		print_value(out, value);
		fprintf(out, "\n");
	}
}

static void print_rule(FILE *out, const json_t *rule)
{
	json_t *says = json_object_get(rule, "says"), *value;
	const json_t *cond;
	const char *name;
	size_t i;

	fprintf(out, "  %-11s %s (%s)", str(rule, "applies"), str(rule, "id"), str(rule, "layer"));
	json_object_foreach(says, name, value)
	{
		fprintf(out, " %s=%s", name, json_string_value(value));
	}
	fprintf(out, "\n");
	json_array_foreach(json_object_get(rule, "conditions"), i, cond)
	{
		const json_t *wants = json_object_get(cond, "wants");

		fprintf(out, "    %-11s %s", str(cond, "met"), str(cond, "condition"));
		if (wants) {
			fprintf(out, " ");
			print_value(out, wants);
		}
		fprintf(out, "\n");
	}
}

static void print_documents(FILE *out, const json_t *documents)
{
	const json_t *doc, *rule;
	size_t i, k;

	json_array_foreach((json_t *)documents, i, doc)
	{
		fprintf(out, "%s %s\n", str(doc, "kind"), str(doc, "name"));
		json_array_foreach(json_object_get(doc, "rules"), k, rule)
		{
			print_rule(out, rule);
		}
	}
}

static void print_verdict(FILE *out, const json_t *verdict)
{
	json_t *value;
	const char *name;
	size_t i;

	fprintf(out, "verdict: %s\n", str(verdict, "answer"));
	json_object_foreach(json_object_get(verdict, "values"), name, value)
	{
		fprintf(out, "  %s = %s (%s%s)\n", name, str(value, "value"), str(value, "layer"),
			json_is_true(json_object_get(value, "unsure")) ? ", unsure" : "");
	}
	json_array_foreach(json_object_get(verdict, "contradictions"), i, value)
	{
		fprintf(out, "  forced rules differ about %s\n", json_string_value(value));
	}
	json_array_foreach(json_object_get(verdict, "made-by"), i, value)
	{
		fprintf(out, "  by %s %s %s%s\n", str(value, "layer"), str(value, "document"),
			str(value, "rule"),
			json_is_true(json_object_get(value, "sure")) ? "" : " (perhaps)");
	}
}

char *pol_explain_text(const json_t *explanation)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = json_is_object(explanation) ? open_memstream(&text, &n) : NULL;
	int failed;

	if (!out)
		return NULL;
	fprintf(out, "facts\n");
	print_facts(out, json_object_get(explanation, "facts"));
	print_documents(out, json_object_get(explanation, "documents"));
	fprintf(out, "blocked: %s\n", str(explanation, "blocked"));
	print_verdict(out, json_object_get(explanation, "verdict"));
	failed = ferror(out);
	if (fclose(out) != 0 || failed) {
		free(text);
		return NULL;
	}
	return text;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/cpmctl_http.c - requests to the admin socket, with libcurl
 *
 * See cpmctl.h. Whatever goes wrong is said here, with what to do about it.
 */
#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/cpmctl.h"

enum { CONNECT_S = 5, ANSWER_S = 60, ANSWER_MAX = 256 << 20, DEPTH_MAX = 32 };

struct buffer {
	char *p;
	size_t n;
};

static size_t on_bytes(char *p, size_t size, size_t n, void *arg)
{
	struct buffer *buffer = arg;
	char *more;

	n *= size;
	if (n > ANSWER_MAX - buffer->n)
		return 0;
	more = realloc(buffer->p, buffer->n + n + 1);
	if (!more)
		return 0;
	memcpy(more + buffer->n, p, n);
	buffer->p = more;
	buffer->n += n;
	return n;
}

char *ctl_path(const char *prefix, const char *name, const char *suffix)
{
	char *encoded = curl_easy_escape(NULL, name, 0), *path = NULL;

	if (encoded && asprintf(&path, "%s%s%s", prefix, encoded, suffix) < 0)
		path = NULL;
	curl_free(encoded);
	return path;
}

/* Why nobody answers: found by connecting once more by hand. */
static int connect_errno(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd, why;

	if (strlen(path) >= sizeof(addr.sun_path))
		return ENAMETOOLONG;
	memcpy(addr.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno;
	why = connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ? errno : 0;
	close(fd);
	return why;
}

static const char *connect_remedy(int why)
{
	switch (why) {
	case ENOENT:
	case ECONNREFUSED:
		return "is it running? systemctl status cpmd";
	case EACCES:
	case EPERM:
		return "join the server's group, or use sudo";
	case ENAMETOOLONG:
		return "name a shorter path with --socket";
	case ENOTSOCK:
	case EPROTOTYPE:
		return "name the admin socket with --socket";
	default:
		return "systemctl status cpmd";
	}
}

static int say_unreachable(const struct ctl *ctl, CURLcode code)
{
	int why = connect_errno(ctl->socket);
	char text[1024];

	if (why)
		snprintf(text, sizeof(text), "cannot reach cpmd at %.700s: %s", ctl->socket,
			 strerror(why));
	else
		snprintf(text, sizeof(text), "cpmd at %.700s does not answer: %s", ctl->socket,
			 curl_easy_strerror(code));
	ctl_say_error(ctl, "unreachable", text, connect_remedy(why));
	return CTL_UNREACHABLE;
}

/* The server said no: in JSON, or in one line of text. */
static int say_refused(const struct ctl *ctl, long status, struct buffer *answer)
{
	json_t *json = json_parse(strv_mem(answer->p, answer->n), DEPTH_MAX, NULL);
	char text[128];

	if (json_is_object(json) && ctl->json) {
		ctl_print_json(json);
	} else if (json_is_object(json)) {
		ctl_say_faults(json_object_get(json, "warnings"), "warning: ");
		ctl_say_faults(json_object_get(json, "faults"), "");
		ctl_say_error(ctl, ctl_text(json, "error"), ctl_text(json, "message"),
			      ctl_text(json, "remedy"));
	} else {
		snprintf(text, sizeof(text), "the server answered %ld", status);
		ctl_say_error(ctl, "http", text, "is this cpmd's admin socket?");
	}
	json_decref(json);
	return CTL_FAILED;
}

static CURL *request(const struct ctl *ctl, const char *method, const char *path)
{
	char url[8192];
	CURL *curl = curl_easy_init();

	if (!curl)
		return NULL;
	snprintf(url, sizeof(url), "http://localhost%s", path);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, ctl->socket);
	curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* whatever http_proxy says */
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)ANSWER_S);
	return curl;
}

static int perform(const struct ctl *ctl, CURL *curl, long *status_out)
{
	CURLcode code = curl_easy_perform(curl);

	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status_out);
	return code == CURLE_OK ? CTL_OK : say_unreachable(ctl, code);
}

static int read_answer(const struct ctl *ctl, struct buffer *answer, json_t **answer_out)
{
	struct err err = { 0 };

	*answer_out = json_parse(strv_mem(answer->p, answer->n), DEPTH_MAX, &err);
	if (*answer_out)
		return CTL_OK;
	ctl_say_error(ctl, "http", err.text, "is this cpmd's admin socket?");
	return CTL_FAILED;
}

/* BODY with p NULL: none. */
static int exchange(struct ctl *ctl, const char *method, const char *path, const char *type,
		    struct strv body, json_t **answer_out)
{
	CURL *curl = request(ctl, method, path);
	struct curl_slist *headers = curl_slist_append(NULL, type);
	struct buffer answer = { NULL, 0 };
	long status = 0;
	int ret;

	if (!curl || !headers) {
		ctl_say_error(ctl, "nomem", "no memory for a request", NULL);
		ret = CTL_FAILED;
		goto out;
	}
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
	if (body.p) {
		curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.p);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.n);
	}
	ret = perform(ctl, curl, &status);
	if (ret == CTL_OK)
		ret = status / 100 == 2 ? read_answer(ctl, &answer, answer_out)
					: say_refused(ctl, status, &answer);
out:
	free(answer.p);
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	return ret;
}

int ctl_call(struct ctl *ctl, const char *method, const char *path, json_t *body,
	     json_t **answer_out)
{
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	int ret;

	if (body && !text) {
		ctl_say_error(ctl, "nomem", "no memory for a request", NULL);
		ret = CTL_FAILED;
	} else {
		ret = exchange(ctl, method, path, "Content-Type: application/json", strv_of(text),
			       answer_out);
	}
	json_decref(body);
	free(text);
	return ret;
}

int ctl_send(struct ctl *ctl, const char *method, const char *path, struct strv body,
	     json_t **answer_out)
{
	return exchange(ctl, method, path, "Content-Type: application/octet-stream", body,
			answer_out);
}

/* ---- downloads ---- */

struct download {
	CURL *curl;
	FILE *out;
	struct buffer refusal; /* the body of anything but 200 */
	int write_errno;
};

static size_t on_download(char *p, size_t size, size_t n, void *arg)
{
	struct download *d = arg;
	long status = 0;

	curl_easy_getinfo(d->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200)
		return on_bytes(p, size, n, &d->refusal);
	if (fwrite(p, size, n, d->out) == n)
		return n * size;
	d->write_errno = errno ? errno : EIO;
	return 0;
}

int ctl_fetch(struct ctl *ctl, const char *path, FILE *out)
{
	struct download d = { request(ctl, "GET", path), out, { NULL, 0 }, 0 };
	CURLcode code;
	long status = 0;
	int ret;

	if (!d.curl) {
		ctl_say_error(ctl, "nomem", "no memory for a request", NULL);
		return CTL_FAILED;
	}
	curl_easy_setopt(d.curl, CURLOPT_WRITEFUNCTION, on_download);
	curl_easy_setopt(d.curl, CURLOPT_WRITEDATA, &d);
	code = curl_easy_perform(d.curl);
	curl_easy_getinfo(d.curl, CURLINFO_RESPONSE_CODE, &status);
	if (d.write_errno) {
		ctl_say_error(ctl, "io", strerror(d.write_errno),
			      "free space, or name another file");
		ret = CTL_FAILED;
	} else if (code != CURLE_OK) {
		ret = say_unreachable(ctl, code);
	} else {
		ret = status == 200 ? CTL_OK : say_refused(ctl, status, &d.refusal);
	}
	free(d.refusal.p);
	curl_easy_cleanup(d.curl);
	return ret;
}

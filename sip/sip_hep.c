/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_hep.c - a copy of every message for a capture server, in HEPv3
 *
 * See sip_hep.h. A packet is "HEP3", its length, and chunks of vendor (0: generic), type, length
 * and value, all in network order.
 */
#include "sip/sip_hep.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/metrics.h"

/* Generic chunk types. */
enum {
	CHUNK_FAMILY = 1,
	CHUNK_PROTOCOL = 2,
	CHUNK_IPV4_FROM = 3,
	CHUNK_IPV4_TO = 4,
	CHUNK_IPV6_FROM = 5,
	CHUNK_IPV6_TO = 6,
	CHUNK_PORT_FROM = 7,
	CHUNK_PORT_TO = 8,
	CHUNK_SECONDS = 9,
	CHUNK_MICROSECONDS = 10,
	CHUNK_TYPE = 11,
	CHUNK_CAPTURE_ID = 12,
	CHUNK_PASSWORD = 14,
	CHUNK_PAYLOAD = 15,
	CHUNK_CORRELATION = 17,
};
enum { TYPE_SIP = 1, MESSAGE_MAX = 64000, PASSWORD_MAX = 128 };

struct sip_hep {
	struct sip_hep_options options;
	char password[PASSWORD_MAX + 1];
	int fd;
	struct metric *sent, *dropped;
	unsigned char packet[SIP_HEP_MAX];
};

int sip_hep_new(const struct sip_hep_options *options, struct sip_hep **hep_out, struct err *err)
{
	struct sip_hep *hep = calloc(1, sizeof(*hep));
	struct sip_addr to;

	*hep_out = NULL;
	if (!hep)
		return err_set(err, ERR_NOMEM, "no memory for the capture");
	hep->options = *options;
	if (options->password)
		strncpy(hep->password, options->password, PASSWORD_MAX);
	hep->options.password = hep->password;
	hep->fd = -1;
	if (sip_addr_parse(strv_of(options->address), options->port, &to) < 0) {
		sip_hep_free(&hep);
		return err_set(err, ERR_SYNTAX, "\"%.64s\" is no numeric address",
			       options->address);
	}
	hep->fd = socket(to.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (hep->fd < 0 || connect(hep->fd, &to.any, sip_addr_len(&to)) < 0) {
		sip_hep_free(&hep);
		return err_set(err, ERR_IO, "the capture server %.64s cannot be reached",
			       options->address);
	}
	hep->sent = metric_counter("opencpm_sip_capture_sent_total",
				   "Messages copied to the capture server", "");
	hep->dropped = metric_counter("opencpm_sip_capture_dropped_total",
				      "Copies that the capture server did not take", "");
	*hep_out = hep;
	return 0;
}

void sip_hep_free(struct sip_hep **hep_at)
{
	struct sip_hep *hep = *hep_at;

	*hep_at = NULL;
	if (!hep)
		return;
	if (hep->fd >= 0)
		close(hep->fd);
	free(hep);
}

/* ---- chunks ---- */

struct out {
	unsigned char *at;
};

static void put16(struct out *out, unsigned v)
{
	*out->at++ = (unsigned char)(v >> 8);
	*out->at++ = (unsigned char)v;
}

static void put_chunk(struct out *out, unsigned type, const void *value, size_t n)
{
	put16(out, 0);
	put16(out, type);
	put16(out, (unsigned)n + 6);
	memcpy(out->at, value, n);
	out->at += n;
}

static void put_chunk8(struct out *out, unsigned type, unsigned v)
{
	unsigned char octet = (unsigned char)v;

	put_chunk(out, type, &octet, 1);
}

static void put_chunk16(struct out *out, unsigned type, unsigned v)
{
	uint16_t value = htons((uint16_t)v);

	put_chunk(out, type, &value, sizeof(value));
}

static void put_chunk32(struct out *out, unsigned type, uint32_t v)
{
	uint32_t value = htonl(v);

	put_chunk(out, type, &value, sizeof(value));
}

static void put_addresses(struct out *out, const struct sip_addr *from, const struct sip_addr *to)
{
	int six = from->any.sa_family == AF_INET6;

	put_chunk8(out, CHUNK_FAMILY, six ? AF_INET6 : AF_INET);
	if (six) {
		put_chunk(out, CHUNK_IPV6_FROM, &from->v6.sin6_addr, 16);
		put_chunk(out, CHUNK_IPV6_TO, &to->v6.sin6_addr, 16);
	} else {
		put_chunk(out, CHUNK_IPV4_FROM, &from->v4.sin_addr, 4);
		put_chunk(out, CHUNK_IPV4_TO, &to->v4.sin_addr, 4);
	}
	put_chunk16(out, CHUNK_PORT_FROM, sip_addr_port(from));
	put_chunk16(out, CHUNK_PORT_TO, sip_addr_port(to));
}

size_t sip_hep_format(const struct sip_hep_options *options, const struct sip_hep_packet *packet,
		      unsigned char packet_out[SIP_HEP_MAX])
{
	struct out out = { packet_out };
	size_t message_n = packet->message.n < MESSAGE_MAX ? packet->message.n : MESSAGE_MAX;
	size_t password_n = options->password ? strnlen(options->password, PASSWORD_MAX) : 0;
	size_t n;

	memcpy(out.at, "HEP3", 4);
	out.at += 6; /* the length comes last */
	put_chunk8(&out, CHUNK_PROTOCOL, packet->proto == SIP_UDP ? IPPROTO_UDP : IPPROTO_TCP);
	put_addresses(&out, &packet->from, &packet->to);
	put_chunk32(&out, CHUNK_SECONDS, (uint32_t)(packet->time_us / 1000000));
	put_chunk32(&out, CHUNK_MICROSECONDS, (uint32_t)(packet->time_us % 1000000));
	put_chunk8(&out, CHUNK_TYPE, TYPE_SIP);
	put_chunk32(&out, CHUNK_CAPTURE_ID, options->capture_id);
	if (password_n)
		put_chunk(&out, CHUNK_PASSWORD, options->password, password_n);
	if (packet->trace)
		put_chunk(&out, CHUNK_CORRELATION, packet->trace->hex, TRACE_HEX);
	put_chunk(&out, CHUNK_PAYLOAD, packet->message.p ? packet->message.p : "", message_n);
	n = (size_t)(out.at - packet_out);
	out.at = packet_out + 4;
	put16(&out, (unsigned)n);
	return n;
}

void sip_hep_send(struct sip_hep *hep, const struct sip_hep_packet *packet)
{
	size_t n = sip_hep_format(&hep->options, packet, hep->packet);
	ssize_t sent = send(hep->fd, hep->packet, n, MSG_DONTWAIT | MSG_NOSIGNAL);

	metric_add(sent < 0 ? hep->dropped : hep->sent, 1);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests of sip/sip_hep.c: a packet is taken apart again, chunk by chunk
 */
#include "sip/sip_hep.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

struct chunk {
	unsigned type;
	struct strv value;
};

/* The chunks of PACKET; fails the test when they do not fill it. */
static unsigned take_apart(const unsigned char *packet, size_t n, struct chunk chunks[32])
{
	size_t at = 6;
	unsigned count = 0;

	assert_memory_equal(packet, "HEP3", 4);
	assert_int_equal(packet[4] << 8 | packet[5], n);
	while (at < n) {
		size_t chunk_n = (size_t)packet[at + 4] << 8 | packet[at + 5];

		assert_true(n - at >= 6 && chunk_n >= 6 && chunk_n <= n - at && count < 32);
		assert_int_equal(packet[at] << 8 | packet[at + 1], 0); /* generic */
		chunks[count++] = (struct chunk){ (unsigned)(packet[at + 2] << 8 | packet[at + 3]),
						  strv_mem(packet + at + 6, chunk_n - 6) };
		at += chunk_n;
	}
	return count;
}

static struct strv value_of(const struct chunk *chunks, unsigned n, unsigned type)
{
	for (unsigned i = 0; i < n; i++)
		if (chunks[i].type == type)
			return chunks[i].value;
	return (struct strv){ NULL, 0 };
}

static uint32_t number_of(const struct chunk *chunks, unsigned n, unsigned type)
{
	struct strv value = value_of(chunks, n, type);
	uint32_t number = 0;

	assert_non_null(value.p);
	for (size_t i = 0; i < value.n; i++)
		number = number << 8 | (unsigned char)value.p[i];
	return number;
}

static struct sip_hep_packet packet_of(const char *from, const char *to, struct strv message)
{
	static struct trace_id trace;
	struct sip_hep_packet packet = { .proto = SIP_UDP,
					 .time_us = INT64_C(1700000000123456),
					 .message = message,
					 .trace = &trace };

	trace_new(&trace);
	assert_int_equal(sip_addr_parse(strv_of(from), 5060, &packet.from), 0);
	assert_int_equal(sip_addr_parse(strv_of(to), 5062, &packet.to), 0);
	return packet;
}

static void everything_is_in_its_chunk(void **state)
{
	static unsigned char out[SIP_HEP_MAX];
	const struct sip_hep_options options = { .capture_id = 2001, .password = "secret" };
	struct sip_hep_packet packet =
		packet_of("192.0.2.1", "192.0.2.2", STRV("OPTIONS sip:x SIP/2.0\r\n\r\n"));
	struct chunk chunks[32];
	unsigned n = take_apart(out, sip_hep_format(&options, &packet, out), chunks);

	(void)state;
	assert_int_equal(number_of(chunks, n, 1), 2);
	assert_int_equal(number_of(chunks, n, 2), 17);
	assert_int_equal(number_of(chunks, n, 3), 0xc0000201);
	assert_int_equal(number_of(chunks, n, 4), 0xc0000202);
	assert_int_equal(number_of(chunks, n, 7), 5060);
	assert_int_equal(number_of(chunks, n, 8), 5062);
	assert_int_equal(number_of(chunks, n, 9), 1700000000);
	assert_int_equal(number_of(chunks, n, 10), 123456);
	assert_int_equal(number_of(chunks, n, 11), 1);
	assert_int_equal(number_of(chunks, n, 12), 2001);
	assert_true(strv_eq(value_of(chunks, n, 14), STRV("secret")));
	assert_true(strv_eq(value_of(chunks, n, 15), packet.message));
	assert_true(strv_eq(value_of(chunks, n, 17), strv_of(packet.trace->hex)));
}

static void a_large_message_is_cut(void **state)
{
	static unsigned char out[SIP_HEP_MAX];
	const struct sip_hep_options options = { .capture_id = 1 };
	char *large = calloc(1, 70000);
	struct sip_hep_packet packet =
		packet_of("2001:db8::1", "2001:db8::2", strv_mem(large, 70000));
	struct chunk chunks[32];
	unsigned n;

	(void)state;
	packet.trace = NULL;
	packet.proto = SIP_WSS;
	n = take_apart(out, sip_hep_format(&options, &packet, out), chunks);
	assert_int_equal(value_of(chunks, n, 15).n, 64000);
	assert_int_equal(value_of(chunks, n, 5).n, 16);
	assert_int_equal(number_of(chunks, n, 1), 10);
	assert_int_equal(number_of(chunks, n, 2), 6);
	assert_null(value_of(chunks, n, 14).p);
	assert_null(value_of(chunks, n, 17).p);
	free(large);
}

static void it_arrives(void **state)
{
	static unsigned char out[SIP_HEP_MAX];
	struct sockaddr_in here = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t here_n = sizeof(here);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct sip_hep_options options = { .address = "127.0.0.1", .capture_id = 7 };
	struct sip_hep_packet packet = packet_of("192.0.2.1", "192.0.2.2", STRV("SIP/2.0 200 OK"));
	struct chunk chunks[32];
	struct sip_hep *hep;
	struct err err;
	ssize_t n;

	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&here, here_n), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&here, &here_n), 0);
	options.port = ntohs(here.sin_port);
	assert_int_equal(sip_hep_new(&options, &hep, &err), 0);
	sip_hep_send(hep, &packet);
	n = recv(fd, out, sizeof(out), 0);
	assert_true(n > 0);
	assert_true(take_apart(out, (size_t)n, chunks) > 8);
	close(fd);
	sip_hep_send(hep, &packet); /* nobody is there: no harm */
	sip_hep_free(&hep);
	options.address = "collector.example";
	assert_int_equal(sip_hep_new(&options, &hep, &err), -1);
	assert_null(hep);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_in_its_chunk),
		cmocka_unit_test(a_large_message_is_cut),
		cmocka_unit_test(it_arrives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

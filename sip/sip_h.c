/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_h.c - the names of header fields that we know (IANA's registry of SIP header fields)
 *
 * Found by length first: no length has more than a few.
 */
#include "sip/sip_fence.h"

/* The compact form's letter is '\0' where there is none. */
static const struct {
	const char *name;
	char compact;
} names[SIP_H_COUNT] = {
	[SIP_H_VIA] = { "Via", 'v' },
	[SIP_H_FROM] = { "From", 'f' },
	[SIP_H_TO] = { "To", 't' },
	[SIP_H_CALL_ID] = { "Call-ID", 'i' },
	[SIP_H_CSEQ] = { "CSeq", 0 },
	[SIP_H_MAX_FORWARDS] = { "Max-Forwards", 0 },
	[SIP_H_CONTENT_LENGTH] = { "Content-Length", 'l' },
	[SIP_H_CONTENT_TYPE] = { "Content-Type", 'c' },
	[SIP_H_CONTACT] = { "Contact", 'm' },
	[SIP_H_ROUTE] = { "Route", 0 },
	[SIP_H_RECORD_ROUTE] = { "Record-Route", 0 },
	[SIP_H_EXPIRES] = { "Expires", 0 },
	[SIP_H_MIN_EXPIRES] = { "Min-Expires", 0 },
	[SIP_H_AUTHORIZATION] = { "Authorization", 0 },
	[SIP_H_PROXY_AUTHORIZATION] = { "Proxy-Authorization", 0 },
	[SIP_H_REQUIRE] = { "Require", 0 },
	[SIP_H_PROXY_REQUIRE] = { "Proxy-Require", 0 },
	[SIP_H_SUPPORTED] = { "Supported", 'k' },
	[SIP_H_UNSUPPORTED] = { "Unsupported", 0 },
	[SIP_H_EVENT] = { "Event", 'o' },
	[SIP_H_SUBSCRIPTION_STATE] = { "Subscription-State", 0 },
	[SIP_H_SIP_ETAG] = { "SIP-ETag", 0 },
	[SIP_H_SIP_IF_MATCH] = { "SIP-If-Match", 0 },
	[SIP_H_ACCEPT] = { "Accept", 0 },
	[SIP_H_ACCEPT_CONTACT] = { "Accept-Contact", 'a' },
	[SIP_H_REJECT_CONTACT] = { "Reject-Contact", 'j' },
	[SIP_H_REQUEST_DISPOSITION] = { "Request-Disposition", 'd' },
	[SIP_H_PATH] = { "Path", 0 },
	[SIP_H_SERVICE_ROUTE] = { "Service-Route", 0 },
	[SIP_H_P_ASSERTED_IDENTITY] = { "P-Asserted-Identity", 0 },
	[SIP_H_P_PREFERRED_IDENTITY] = { "P-Preferred-Identity", 0 },
	[SIP_H_P_ASSERTED_SERVICE] = { "P-Asserted-Service", 0 },
	[SIP_H_P_PREFERRED_SERVICE] = { "P-Preferred-Service", 0 },
	[SIP_H_P_SERVED_USER] = { "P-Served-User", 0 },
	[SIP_H_P_CHARGING_VECTOR] = { "P-Charging-Vector", 0 },
	[SIP_H_P_CHARGING_FUNCTION_ADDRESSES] = { "P-Charging-Function-Addresses", 0 },
	[SIP_H_P_ASSOCIATED_URI] = { "P-Associated-URI", 0 },
	[SIP_H_PRIVACY] = { "Privacy", 0 },
	[SIP_H_SESSION_EXPIRES] = { "Session-Expires", 'x' },
	[SIP_H_MIN_SE] = { "Min-SE", 0 },
	[SIP_H_REASON] = { "Reason", 0 },
	[SIP_H_REFER_TO] = { "Refer-To", 'r' },
	[SIP_H_REFERRED_BY] = { "Referred-By", 'b' },
	[SIP_H_DATE] = { "Date", 0 },
	[SIP_H_WARNING] = { "Warning", 0 },
	[SIP_H_RETRY_AFTER] = { "Retry-After", 0 },
	[SIP_H_MAX_BREADTH] = { "Max-Breadth", 0 },
	[SIP_H_USER_AGENT] = { "User-Agent", 0 },
};

enum { NAME_MAX_N = 29, SAME_LENGTH_MAX = 10 };

/* By length of the name. tests/sip/test_fence.c looks every name up. */
static const unsigned char by_length[NAME_MAX_N + 1][SAME_LENGTH_MAX] = {
	[2] = { SIP_H_TO },
	[3] = { SIP_H_VIA },
	[4] = { SIP_H_FROM, SIP_H_CSEQ, SIP_H_PATH, SIP_H_DATE },
	[5] = { SIP_H_ROUTE, SIP_H_EVENT },
	[6] = { SIP_H_ACCEPT, SIP_H_REASON, SIP_H_MIN_SE },
	[7] = { SIP_H_CALL_ID, SIP_H_CONTACT, SIP_H_REQUIRE, SIP_H_EXPIRES, SIP_H_PRIVACY,
		SIP_H_WARNING },
	[8] = { SIP_H_SIP_ETAG, SIP_H_REFER_TO },
	[9] = { SIP_H_SUPPORTED },
	[10] = { SIP_H_USER_AGENT },
	[11] = { SIP_H_UNSUPPORTED, SIP_H_MIN_EXPIRES, SIP_H_REFERRED_BY, SIP_H_RETRY_AFTER,
		 SIP_H_MAX_BREADTH },
	[12] = { SIP_H_MAX_FORWARDS, SIP_H_CONTENT_TYPE, SIP_H_RECORD_ROUTE, SIP_H_SIP_IF_MATCH },
	[13] = { SIP_H_AUTHORIZATION, SIP_H_PROXY_REQUIRE, SIP_H_SERVICE_ROUTE,
		 SIP_H_P_SERVED_USER },
	[14] = { SIP_H_CONTENT_LENGTH, SIP_H_ACCEPT_CONTACT, SIP_H_REJECT_CONTACT },
	[15] = { SIP_H_SESSION_EXPIRES },
	[16] = { SIP_H_P_ASSOCIATED_URI },
	[17] = { SIP_H_P_CHARGING_VECTOR },
	[18] = { SIP_H_SUBSCRIPTION_STATE, SIP_H_P_ASSERTED_SERVICE },
	[19] = { SIP_H_PROXY_AUTHORIZATION, SIP_H_P_ASSERTED_IDENTITY, SIP_H_P_PREFERRED_SERVICE,
		 SIP_H_REQUEST_DISPOSITION },
	[20] = { SIP_H_P_PREFERRED_IDENTITY },
	[29] = { SIP_H_P_CHARGING_FUNCTION_ADDRESSES },
};

static const unsigned char by_letter[26] = {
	['a' - 'a'] = SIP_H_ACCEPT_CONTACT,
	['b' - 'a'] = SIP_H_REFERRED_BY,
	['c' - 'a'] = SIP_H_CONTENT_TYPE,
	['d' - 'a'] = SIP_H_REQUEST_DISPOSITION,
	['f' - 'a'] = SIP_H_FROM,
	['i' - 'a'] = SIP_H_CALL_ID,
	['j' - 'a'] = SIP_H_REJECT_CONTACT,
	['k' - 'a'] = SIP_H_SUPPORTED,
	['l' - 'a'] = SIP_H_CONTENT_LENGTH,
	['m' - 'a'] = SIP_H_CONTACT,
	['o' - 'a'] = SIP_H_EVENT,
	['r' - 'a'] = SIP_H_REFER_TO,
	['t' - 'a'] = SIP_H_TO,
	['v' - 'a'] = SIP_H_VIA,
	['x' - 'a'] = SIP_H_SESSION_EXPIRES,
};

enum sip_h sip_h_find(struct strv name)
{
	const unsigned char *same;
	char letter;

	if (name.n == 1) {
		letter = (char)(name.p[0] | 0x20);
		return letter >= 'a' && letter <= 'z' ? (enum sip_h)by_letter[letter - 'a']
						      : SIP_H_OTHER;
	}
	if (name.n > NAME_MAX_N || !name.n)
		return SIP_H_OTHER;
	same = by_length[name.n];
	for (unsigned i = 0; i < SAME_LENGTH_MAX && same[i]; i++)
		if (strv_caseeq(name, strv_mem(names[same[i]].name, name.n)))
			return (enum sip_h)same[i];
	return SIP_H_OTHER;
}

const char *sip_h_name(enum sip_h h)
{
	return h < SIP_H_COUNT ? names[h].name : NULL;
}

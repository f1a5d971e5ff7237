/* SPDX-License-Identifier: Apache-2.0 */
/* tests/xdms/usage/samples.c - see samples.h */
#include "tests/xdms/usage/samples.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RL   "urn:ietf:params:xml:ns:resource-lists"
#define RLS  "urn:ietf:params:xml:ns:rls-services"
#define CP   "urn:ietf:params:xml:ns:common-policy"
#define PR   "urn:ietf:params:xml:ns:pres-rules"
#define OCP  "urn:oma:xml:xdm:common-policy"
#define OPR  "urn:oma:xml:prs:pres-rules"
#define PIDF "urn:ietf:params:xml:ns:pidf"
#define DM   "urn:ietf:params:xml:ns:pidf:data-model"
#define OXE  "urn:oma:xml:xdm:extensions"
#define LS   "urn:oma:xml:poc:list-service"
#define UP   "urn:opencpm:xml:user-prefs"
#define OP   "urn:opencpm:xml:operator-policy"
#define PCC  "urn:oma:xml:cab:pcc"
#define AB   "urn:oma:xml:cab:address-book"
#define VC   "urn:opencpm:xml:vcard"
#define CU   "urn:oma:xml:cab:user-prefs"
#define FH   "urn:oma:xml:cab:feature-handler"
#define UF   "urn:oma:xml:xdm:user-profile"
#define PC   "urn:oma:xml:prs:pres-content"
#define ORU  "urn:oma:xml:xdm:resource-list:oma-uriusage"
#define OAU  "urn:oma:xml:xdm:resource-list:oma-appusage"
#define AP   "urn:oma:xml:xdm:ap"
#define HL   "urn:oma:xml:im:history-list"
#define XD   "urn:oma:xml:xdm:xcap-directory"
#define OWN  "http://xcap.op.example/root/resource-lists/users/sip:ana@op.example/index"

const struct sample samples[] = {
	{ RL, "resource-lists", "", "" },
	{ RL, "list", "name='n%u'", "" },
	{ RL, "entry", "uri='sip:%u@x'", "" },
	{ RL, "entry-ref", "ref='resource-lists/%u'", "" },
	{ RL, "external", "anchor='http://x/%u'", "" },
	{ RL, "display-name", "", "name" },
	{ RLS, "rls-services", "", "" },
	{ RLS, "service", "uri='sip:s%u@x'", "<list/>" },
	{ RLS, "resource-list", "", OWN "/~~/resource-lists" },
	{ RLS, "list", "name='n%u'", "" },
	{ RLS, "packages", "", "" },
	{ RLS, "package", "", "presence" },
	{ CP, "ruleset", "", "" },
	{ CP, "rule", "id='r%u'", "" },
	{ CP, "conditions", "", "" },
	{ CP, "actions", "", "" },
	{ CP, "transformations", "", "" },
	{ CP, "identity", "", "<one id='sip:x'/>" },
	{ CP, "one", "id='sip:%u@x'", "" },
	{ CP, "many", "", "" },
	{ CP, "except", "id='sip:%u@x'", "" },
	{ CP, "sphere", "value='home'", "" },
	{ CP, "validity", "",
	  "<from>2026-01-01T00:00:00Z</from><until>2027-01-01T00:00:00Z</until>" },
	{ CP, "from", "", "2026-01-01T00:00:00Z" },
	{ CP, "until", "", "2026-01-01T00:00:00Z" },
	{ PR, "sub-handling", "", "allow" },
	{ PR, "provide-services", "", "" },
	{ PR, "provide-devices", "", "" },
	{ PR, "provide-persons", "", "" },
	{ PR, "all-services", "", "" },
	{ PR, "all-devices", "", "" },
	{ PR, "all-persons", "", "" },
	{ PR, "service-uri", "", "sip:x" },
	{ PR, "service-uri-scheme", "", "sip" },
	{ PR, "deviceID", "", "urn:x:1" },
	{ PR, "occurrence-id", "", "o1" },
	{ PR, "class", "", "private" },
	{ PR, "provide-note", "", "true" },
	{ PR, "provide-unknown-attribute", "name='a' ns='u'", "true" },
	{ OCP, "external-list", "", "" },
	{ OCP, "entry", "anc='" OWN "/~~/resource-lists/list%%5B%u%%5D'", "" },
	{ OCP, "other-identity", "", "" },
	{ OCP, "anonymous-request", "", "" },
	{ OPR, "provide-willingness", "", "true" },
	{ OPR, "service-id", "", "chat" },
	{ PIDF, "presence", "entity='sip:ana@op.example'", "" },
	{ PIDF, "tuple", "id='t%u'", "<status/>" },
	{ PIDF, "status", "", "" },
	{ PIDF, "basic", "", "open" },
	{ PIDF, "contact", "", "sip:x" },
	{ PIDF, "note", "", "text" },
	{ PIDF, "timestamp", "", "2026-01-01T00:00:00Z" },
	{ DM, "person", "id='t%u'", "" },
	{ DM, "device", "id='t%u'", "<deviceID>urn:x:1</deviceID>" },
	{ DM, "deviceID", "", "urn:x:1" },
	{ DM, "note", "", "text" },
	{ DM, "timestamp", "", "2026-01-01T00:00:00Z" },
	{ OXE, "subject", "", "text" },
	{ OXE, "searchable", "", "true" },
	{ OXE, "qoe", "", "<basic/>" },
	{ OXE, "media-list", "", "<audio/>" },
	{ OXE, "audio", "", "" },
	{ OXE, "file-transfer", "", "" },
	{ OXE, "service-list", "", "<service enabler='x'/>" },
	{ OXE, "service", "enabler='s%u'", "" },
	{ OXE, "supported-services", "", "<service enabler='x'/>" },
	{ OXE, "allow-reject-invite", "", "true" },
	{ OXE, "allow-offline-storage", "", "true" },
	{ OXE, "remove-media-handling", "", "own" },
	{ LS, "group", "", "<list-service uri='sip:g@x'/>" },
	{ LS, "list-service", "uri='sip:g%u@x'", "" },
	{ LS, "display-name", "", "name" },
	{ LS, "list", "", "" },
	{ LS, "entry", "uri='sip:%u@x'", "" },
	{ LS, "external", "anchor='http://x/%u'", "" },
	{ LS, "invite-members", "", "true" },
	{ LS, "max-participant-count", "", "5" },
	{ LS, "is-list-member", "", "" },
	{ LS, "join-handling", "", "true" },
	{ UP, "cpm-user-prefs", "", "" },
	{ UP, "delivery", "deferred='push'", "" },
	{ UP, "device", "id='d%u' enabled='true'", "" },
	{ UP, "max-push-size", "", "5" },
	{ UP, "storage", "enabled='true'", "" },
	{ UP, "type", "name='file' store='true'", "" },
	{ UP, "retention-days", "", "5" },
	{ UP, "interworking", "allow='true'", "" },
	{ UP, "prefer", "", "sms" },
	{ UP, "reports", "", "" },
	{ UP, "delivered", "", "true" },
	{ UP, "displayed", "", "true" },
	{ UP, "composing", "", "true" },
	{ UP, "auto-accept", "sessions='true'", "" },
	{ UP, "blocking", "answer='open'", "" },
	{ UP, "deliver", "", "silent" },
	{ OP, "layer", "", "cap" },
	{ OP, "service", "name='s%u'", "" },
	{ OP, "max-file-size", "", "5" },
	{ OP, "roaming", "", "true" },
	{ PCC, "pcc", "pcc-type='group'", "<person-details/>" },
	{ PCC, "person-details", "", "" },
	{ PCC, "org-details", "", "" },
	{ PCC, "name", "", "<name-entry/>" },
	{ PCC, "name-entry", "pref='%u'", "" },
	{ PCC, "given", "", "Ana" },
	{ PCC, "display-name", "", "Ana" },
	{ PCC, "address", "", "<address-entry><address-data/></address-entry>" },
	{ PCC, "address-entry", "", "<address-data/>" },
	{ PCC, "address-data", "", "" },
	{ PCC, "street", "", "Weg 1" },
	{ PCC, "addr-string", "", "Weg 1" },
	{ PCC, "comm-addr", "", "" },
	{ PCC, "uri-entry", "", "<addr-uri>sip:x@y</addr-uri>" },
	{ PCC, "addr-uri", "", "sip:x@y" },
	{ PCC, "tel", "tel-type='Home'", "<tel-nb><tel-str>1</tel-str></tel-nb>" },
	{ PCC, "tel-nb", "", "<tel-str>1</tel-str>" },
	{ PCC, "tel-str", "", "1" },
	{ PCC, "tel-string", "", "1" },
	{ PCC, "label", "", "home" },
	{ PCC, "custom-label", "", "hut" },
	{ PCC, "birth", "", "" },
	{ PCC, "birth-date", "", "<date>1990-05-01</date>" },
	{ PCC, "date", "", "1990-05-01" },
	{ PCC, "non-greg-date", "", "6 Iyar" },
	{ PCC, "place", "", "Ulm" },
	{ PCC, "career", "", "" },
	{ PCC, "employer", "", "x" },
	{ PCC, "duty", "", "x" },
	{ PCC, "org-description", "", "x" },
	{ PCC, "media-list", "",
	  "<media-entry><media><content>aGVs</content></media></media-entry>" },
	{ PCC, "media-entry", "", "<media><content>aGVs</content></media>" },
	{ PCC, "media", "", "<content>aGVs</content>" },
	{ PCC, "media-url", "", "https://x/y" },
	{ PCC, "content", "", "aGVs" },
	{ PCC, "media-content", "", "Logo" },
	{ PCC, "web-resources", "", "" },
	{ PCC, "web-entry", "", "<url>https://x/</url>" },
	{ PCC, "url", "", "https://x/" },
	{ PCC, "category-list", "", "" },
	{ PCC, "category-entry", "", "x" },
	{ AB, "address-book", "", "" },
	{ AB, "contact", "id='c%u' last-modified='2026-01-01T00:00:00Z'",
	  "<p:person-details xmlns:p='" PCC "'/>" },
	{ AB, "contact-status", "cab-user='false' origin='manual'", "" },
	{ AB, "subscription", "state='none'", "" },
	{ AB, "note", "", "x" },
	{ AB, "photo", "", "<p:media xmlns:p='" PCC "'><p:content>aGVs</p:content></p:media>" },
	{ AB, "group-ref", "id='g%u'", "" },
	{ AB, "group", "id='g%u'", "<display-name>x</display-name>" },
	{ AB, "display-name", "", "x" },
	{ VC, "x-property", "name='X-%u'", "x" },
	{ CU, "user-prefs", "", "" },
	{ CU, "contact-share-prefs", "incoming='accept'", "" },
	{ CU, "contact-subscription-prefs", "incoming='accept' auto-update='true'", "" },
	{ CU, "import-prefs", "", "" },
	{ CU, "publish-prefs", "searchable='true'", "" },
	{ CU, "search-prefs", "", "" },
	{ CU, "max-size", "", "5" },
	{ CU, "filter", "name='birth' take='false'", "" },
	{ CU, "view", "", "work" },
	{ FH, "feature-handler", "", "" },
	{ FH, "contact-share", "id='t%u'", "<request/>" },
	{ FH, "contact-subscription", "id='t%u'", "<request/>" },
	{ FH, "contact-unsubscription", "id='t%u'", "<request/>" },
	{ FH, "subscription-invite", "id='t%u'", "<request/>" },
	{ FH, "import", "id='t%u'", "<request/>" },
	{ FH, "cab-search", "id='t%u'", "<request/>" },
	{ FH, "request", "", "" },
	{ FH, "recipients", "", "" },
	{ FH, "contact-ref", "id='c%u'", "" },
	{ FH, "fields", "", "" },
	{ FH, "name", "", "birth" },
	{ FH, "note", "", "x" },
	{ FH, "source", "type='vcard'", "" },
	{ FH, "format", "", "vcard3" },
	{ FH, "response", "code='202' state='done' time='2026-01-01T00:00:00Z'", "" },
	{ FH, "text", "", "x" },
	{ FH, "item", "uri='sip:%u@x' code='200'", "" },
	{ UF, "user-profiles", "", "<user-profile uri='sip:ana@op.example'/>" },
	{ UF, "user-profile", "uri='sip:ana@op.example'", "" },
	{ UF, "communication-addresses", "", "" },
	{ UF, "comm-addr", "", "sip:x" },
	{ UF, "display-name", "", "Ana" },
	{ UF, "birth-date", "", "1990-05-01" },
	{ UF, "name", "", "" },
	{ UF, "given-name", "", "Ana" },
	{ UF, "name-suffix", "", "x" },
	{ UF, "address", "", "" },
	{ UF, "country", "", "x" },
	{ UF, "area", "", "x" },
	{ UF, "postal-code", "", "x" },
	{ UF, "gender", "", "female" },
	{ UF, "freetext", "", "x" },
	{ UF, "communication-types", "", "" },
	{ UF, "comm-type", "", "x" },
	{ UF, "hobbies", "", "" },
	{ UF, "hobby", "", "x" },
	{ UF, "favourite-links", "", "" },
	{ UF, "link", "", "https://x/" },
	{ PC, "content", "", "<data/>" },
	{ PC, "mime-type", "", "image/png" },
	{ PC, "encoding", "", "base64" },
	{ PC, "description", "", "x" },
	{ PC, "data", "", "aGVs" },
	{ ORU, "uriusages", "", "" },
	{ OAU, "appusages", "", "" },
	{ OAU, "nodeuri", "uri='x%u' auid='groups'", "" },
	{ OXE, "common-usage", "id='u%u'", "<x xmlns='urn:example:foreign'/>" },
	{ AP, "ap-rules", "", "" },
	{ AP, "access-permissions-document-rule", "", "<c:ruleset xmlns:c='" CP "'/>" },
	{ AP, "directory-rule", "", "<c:ruleset xmlns:c='" CP "'/>" },
	{ AP, "document-rule", "path='d%u'", "<c:ruleset xmlns:c='" CP "'/>" },
	{ AP, "allow-retrieve", "", "" },
	{ AP, "allow-forwarding", "", "" },
	{ HL, "history-list", "", "" },
	{ HL, "history", "", "" },
	{ HL, "size", "", "5" },
	{ XD, "xcap-directory", "", "" },
	{ XD, "folder", "auid='groups'", "" },
	{ "urn:example:foreign", "thing", "serial='%u'", "<part/>" },
	{ "", "nothing", "serial='%u'", "" },
	{ NULL, NULL, NULL, NULL },
};

const struct sample *sample_find(const char *ns, const char *local)
{
	for (const struct sample *s = samples; s->local; s++)
		if (strcmp(s->ns, ns) == 0 && strcmp(s->local, local) == 0)
			return s;
	return NULL;
}

char *sample_print(const struct sample *sample, unsigned serial, const char *content)
{
	size_t size = 512 + strlen(content ? content : sample->content);
	char *text = malloc(size);
	int n = snprintf(text, size, "<%s xmlns='%s' ", sample->local, sample->ns);

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	n += snprintf(text + n, size - (size_t)n, sample->attrs, serial);
#pragma GCC diagnostic pop
	snprintf(text + n, size - (size_t)n, ">%s</%s>", content ? content : sample->content,
		 sample->local);
	return text;
}

unsigned sample_random(unsigned below)
{
	static uint64_t state = 88172645463325252u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state >> 16) % below;
}

# SPDX-License-Identifier: Apache-2.0
"""Event packages of the embedded core: who is registered (reg, RFC 3680), what is published.

    alice            cpmd
      | SUBSCRIBE      |
      |--------------->|  200, NOTIFY: not registered
      | REGISTER       |
      |--------------->|  200, NOTIFY: one contact
"""


import pytest

from harness import add_user
from sipua import UserAgent

PASSWORD = "correct horse"
PIDF = """<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:alice@example.com">
<tuple id="t1"><status><basic>open</basic></status></tuple></presence>"""


@pytest.fixture
def server(make_daemon):
    daemon = make_daemon().with_sip().start()
    for name in ("alice", "bob"):
        add_user(daemon, name, PASSWORD)
    return daemon


@pytest.fixture
def alice(server):
    with UserAgent(server, "alice", PASSWORD) as ua:
        yield ua


def subscribe(ua, to, event, expires=600, **options):
    return ua.call("SUBSCRIBE", to, [("Event", event), ("Expires", expires)], contact=True, **options)


def notified(ua):
    request = ua.take("NOTIFY")
    assert request.get("event").startswith(("reg", "presence"))
    return request


def test_reg_tells_of_contacts_as_they_come_and_go(server, alice):
    answer = subscribe(alice, alice.aor, "reg")
    assert answer.status == 200 and answer.tag("to")
    first = notified(alice)
    assert first.get("subscription-state").startswith("active")
    assert first.get("content-type") == "application/reginfo+xml"
    assert b'version="0"' in first.body and b'state="init"' in first.body
    with UserAgent(server, "alice", PASSWORD) as phone:
        contact = f'{phone.contact};+sip.instance="<urn:uuid:1>";+g.oma.sip-im'
        assert phone.register(600, contact=contact).status == 200
        body = notified(alice).body.decode()
        assert 'version="1"' in body and 'event="registered"' in body
        assert f"<uri>{phone.contact.strip('<>')}</uri>" in body
        assert '<unknown-param name="+g.oma.sip-im"></unknown-param>' in body
        assert '&quot;&lt;urn:uuid:1&gt;&quot;' in body
        assert '<gr:pub-gruu uri="sip:alice@example.com;gr=urn:uuid:1"/>' in body
        assert phone.register(0).status == 200
    assert "<contact" not in notified(alice).body.decode()


def test_nobody_watches_anybody_else(alice):
    for event in ("reg", "presence"):
        assert subscribe(alice, "sip:bob@example.com", event).status == 403
    assert subscribe(alice, "sip:nobody@example.com", "reg").status == 404
    assert subscribe(alice, alice.aor, "magic").status == 489
    assert subscribe(alice, alice.aor, "reg", expires=1).status == 423


def test_presence_is_published_and_told(server, alice):
    assert subscribe(alice, alice.aor, "presence").status == 200
    assert notified(alice)
    with UserAgent(server, "alice", PASSWORD) as phone:
        fields = [("Event", "presence"), ("Expires", 600), ("Content-Type", "application/pidf+xml")]
        answer = phone.call("PUBLISH", alice.aor, fields, PIDF)
        assert answer.status == 200 and answer.get("sip-etag")
        assert b"<basic>open</basic>" in notified(alice).body
        assert phone.call("PUBLISH", "sip:bob@example.com", fields, PIDF).status == 403


def test_a_subscription_survives_a_restart(server, alice):
    assert subscribe(alice, alice.aor, "reg").status == 200
    notified(alice)
    assert server.stop() == 0
    server.start()
    with UserAgent(server, "alice", PASSWORD) as phone:
        assert phone.register(600).status == 200
        while f"<uri>{phone.contact.strip('<>')}</uri>" not in notified(alice).body.decode():
            pass


def test_message_summary_of_a_mailbox_without_messages(alice):
    assert subscribe(alice, alice.aor, "message-summary").status == 200
    told = alice.take("NOTIFY")
    assert told.get("content-type") == "application/simple-message-summary"
    assert told.body == b"Messages-Waiting: no\r\n"
    assert subscribe(alice, "sip:bob@example.com", "message-summary").status == 403

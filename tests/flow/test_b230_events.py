# SPDX-License-Identifier: Apache-2.0
"""Event packages of the embedded core: who is registered (reg, RFC 3680), what is published.

    alice            cpmd
      | SUBSCRIBE      |
      |--------------->|  200, NOTIFY: not registered
      | REGISTER       |
      |--------------->|  200, NOTIFY: one contact
"""


import pytest
import requests
from requests.auth import HTTPDigestAuth

from harness import add_user
from httpd import wait_until
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
    assert told.body == (
        b"Messages-Waiting: no\r\nMessage-Account: sip:alice@example.com\r\n"
        b"Text-Message: 0/0 (0/0)\r\n")
    assert subscribe(alice, "sip:bob@example.com", "message-summary").status == 403


RULES = """<?xml version="1.0" encoding="UTF-8"?>
<cr:ruleset xmlns:cr="urn:ietf:params:xml:ns:common-policy"
 xmlns:pr="urn:ietf:params:xml:ns:pres-rules">
<cr:rule id="a"><cr:conditions><cr:identity><cr:one id="{who}"/></cr:identity></cr:conditions>
<cr:actions><pr:sub-handling>{handling}</pr:sub-handling></cr:actions></cr:rule></cr:ruleset>"""


def put_rules(server, handling, who="sip:bob@example.com"):
    answer = requests.put(
        f"{server.url}/xcap-root/pres-rules/users/sip:alice@example.com/index",
        data=RULES.format(who=who, handling=handling), auth=HTTPDigestAuth("alice", PASSWORD),
        headers={"Content-Type": "application/auth-policy+xml"}, timeout=60)
    assert answer.status_code < 300, answer.text


@pytest.fixture
def bob(server):
    with UserAgent(server, "bob", PASSWORD) as ua:
        yield ua


def publish(ua):
    fields = [("Event", "presence"), ("Expires", 600), ("Content-Type", "application/pidf+xml")]
    assert ua.call("PUBLISH", ua.aor, fields, PIDF).status == 200


HANDLINGS = [
    ("block", 403, None, None),
    ("confirm", 200, "pending", b""),
    ("polite-block", 200, "active", b"<basic>closed</basic>"),
    ("allow", 200, "active", b"<basic>open</basic>"),
]


@pytest.mark.parametrize("handling, status, state, shown", HANDLINGS)
def test_pres_rules_say_who_sees_presence(handling, status, state, shown, server, alice, bob):
    publish(alice)
    put_rules(server, handling)
    assert subscribe(bob, alice.aor, "presence").status == status
    if state:
        told = notified(bob)
        assert told.get("subscription-state").startswith(state)
        assert shown in told.body and (shown or not told.body)
    with UserAgent(server, "root", PASSWORD) as other:
        add_user(server, "root", PASSWORD)
        assert subscribe(other, alice.aor, "presence").status == 403


def test_a_change_of_the_rules_changes_what_is_told(server, alice, bob):
    publish(alice)
    put_rules(server, "confirm")
    assert subscribe(bob, alice.aor, "presence").status == 200
    assert notified(bob).get("subscription-state").startswith("pending")
    put_rules(server, "allow")
    told = notified(bob)
    assert told.get("subscription-state").startswith("active") and b"open" in told.body
    put_rules(server, "polite-block")
    told = notified(bob)
    assert told.get("subscription-state").startswith("active") and b"closed" in told.body
    # In force before the subscription goes on after a restart, too.
    assert server.stop() == 0
    server.start()
    put_rules(server, "allow", who="sip:carol@example.com")
    while True:
        told = notified(bob)
        assert b"open" not in told.body
        if told.get("subscription-state") == "terminated;reason=rejected":
            break
    assert not told.body


def test_one_user_has_so_many_subscriptions_and_publications(make_daemon):
    server = make_daemon().with_sip(**{"max-subscriptions": 3, "max-publications": 2}).start()
    for name in ("alice", "bob"):
        add_user(server, name, PASSWORD)
    with UserAgent(server, "alice", PASSWORD) as one, \
            UserAgent(server, "alice", PASSWORD, transport="tcp") as two, \
            UserAgent(server, "bob", PASSWORD) as bob:
        # On whatever device and of whatever package.
        first = subscribe(one, one.aor, "reg")
        assert first.status == 200
        assert subscribe(two, one.aor, "reg").status == 200
        assert subscribe(two, one.aor, "presence").status == 200
        assert subscribe(one, one.aor, "presence").status == 503
        assert subscribe(bob, bob.aor, "presence").status == 200
        # What ends makes room.
        ended = one.call(
            "SUBSCRIBE", first.get("contact").strip("<>"), [("Event", "reg"), ("Expires", 0)],
            call_id=first.get("call-id"), from_tag=first.tag("from"), to_uri=one.aor,
            to_tag=first.tag("to"), contact=True)
        assert ended.status == 200
        while "terminated" not in notified(one).get("subscription-state"):
            pass
        wait_until(lambda: subscribe(one, one.aor, "presence").status == 200)
        fields = [("Event", "presence"), ("Content-Type", "application/pidf+xml")]
        told = [bob.call("PUBLISH", bob.aor, fields, PIDF).status for _ in range(3)]
        assert told == [200, 200, 503]

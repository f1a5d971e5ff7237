# SPDX-License-Identifier: Apache-2.0
"""Messages for devices that are away: kept, and delivered when they come.

    alice           cpmd            carol's devices
      | MESSAGE       |               .
      |-------------->|               .  away
      | 202           |               .
      |<--------------|               .
      |               | REGISTER      |
      |               |<--------------|
      |               | MESSAGE       |
      |               |-------------->|
      |               |           200 |
      |               |<--------------|
"""

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import add_user, wait_for
from sipua import UserAgent

PASSWORD = "correct horse battery"
CAROL = "sip:carol@example.com"
QUIET_S = 0.4  # how long nothing comes when nothing is to come


@pytest.fixture
def sip(make_daemon):
    daemon = make_daemon({"cpm": {"answer-time": "500 ms"}}).with_sip().start()
    for name in ("alice", "bob", "carol"):
        add_user(daemon, name, PASSWORD)
    return daemon


def agent(daemon, name, instance=None):
    """A device; one with an INSTANCE keeps its name whatever its address is."""
    device = UserAgent(daemon, name, PASSWORD)
    device.branches = set()
    if instance:
        device.contact += f';+sip.instance="<urn:uuid:{instance}>"'
    return device


def come(daemon, name, instance):
    device = agent(daemon, name, instance)
    assert device.register().status == 200
    return device


def go(device):
    assert device.register(expires=0).status == 200


def cpim(message_id, text, ask="", sender="sip:alice@example.com", to=CAROL):
    disposition = f"imdn.Disposition-Notification: {ask}\r\n" if ask else ""
    return (f"From: <{sender}>\r\nTo: <{to}>\r\nNS: imdn <urn:ietf:params:imdn>\r\n"
            f"imdn.Message-ID: {message_id}\r\nDateTime: 2026-01-02T03:04:05Z\r\n{disposition}\r\n"
            f"Content-Type: text/plain;charset=UTF-8\r\n\r\n{text}")


def send(device, message_id, text=None, ask="", headers=(), to=CAROL, **options):
    return device.message(to, cpim(message_id, text or message_id, ask), headers, "message/cpim",
                          **options).status


def message_id(message):
    return re.search(rb"imdn\.Message-ID: (\S+)", message.body)[1].decode()


def take(device, status=200):
    """The next message, answered; copies over UDP of what was taken are passed over."""
    seen = device.branches
    while True:
        message = device.take("MESSAGE", status)
        if message.branch() not in seen:
            seen.add(message.branch())
            return message


def take_all(device, count, status=200):
    """The ids of the next COUNT messages."""
    return [message_id(take(device, status)) for _ in range(count)]


def nothing_comes(device):
    while True:
        message = device.receive(QUIET_S)
        if message is None or message.branch() not in device.branches:
            return message is None


def waiting(daemon, user="carol"):
    return len(daemon.ctl_json("deferred", "list", user)["messages"])


def wait_empty(daemon, user="carol"):
    wait_for(lambda: waiting(daemon, user) == 0, "nothing to wait")


# ---- delivery ----


def test_each_of_two_devices_gets_three_messages_once(sip):
    for instance in ("phone", "pad"):
        with come(sip, "carol", instance) as device:
            go(device)
    with agent(sip, "alice") as alice:
        for n in (1, 2, 3):
            assert send(alice, f"m{n}") == 202
        assert waiting(sip) == 3
        with come(sip, "carol", "phone") as phone:
            assert take_all(phone, 3) == ["m1", "m2", "m3"]
            assert nothing_comes(phone)
            assert waiting(sip) == 3
            with come(sip, "carol", "pad") as pad:
                assert take_all(pad, 3) == ["m1", "m2", "m3"]
                wait_empty(sip)
                assert send_and_take(alice, [phone, pad], "m4") == 200
                assert nothing_comes(pad)
            assert nothing_comes(phone)


def send_and_take(sender, devices, one):
    with ThreadPoolExecutor() as pool:
        taken = [pool.submit(take, device) for device in devices]
        status = send(sender, one)
        assert [message_id(t.result()) for t in taken] == [one] * len(devices)
    return status


def test_what_was_said_stays(sip):
    """From, ids, date and sender are those of the message, not of its delivery."""
    with agent(sip, "alice") as alice:
        answer = alice.message(
            CAROL, cpim("m1", "later"), [("Conversation-ID", "conv"), ("Contribution-ID", "contr"),
                                         ("Subject", "kept")], "message/cpim", call_id="c-1")
        assert answer.status == 202
    with come(sip, "carol", "phone") as phone:
        message = phone.take("MESSAGE")
    assert message.get("from").startswith("<sip:alice@example.com>")
    assert message.get("call-id") == "c-1"
    assert message.get("conversation-id") == "conv"
    assert message.get("contribution-id") == "contr"
    assert message.get("subject") == "kept"
    assert message.get("p-asserted-identity") == "<sip:alice@example.com>"
    assert b"DateTime: 2026-01-02T03:04:05Z" in message.body
    assert message.body.endswith(b"later")
    assert message.uri == f"sip:carol@{phone.address};transport=udp"


def test_a_plain_clients_message_waits_too(sip):
    with agent(sip, "alice") as alice:
        assert alice.message(CAROL, "plain").status == 202
    with agent(sip, "carol") as phone:
        assert phone.register().status == 200
        message = phone.take("MESSAGE")
        assert message.body.endswith(b"plain")
        assert message.get("date") or b"DateTime" in message.body
    wait_empty(sip)


@pytest.mark.parametrize("status, again", [(202, False), (486, True), (500, True), (603, False),
                                           (400, False)])
def test_what_a_device_answers(sip, status, again):
    """2xx: it has it. Busy or broken: later. Refused: never again."""
    with agent(sip, "alice") as alice:
        assert send(alice, "m1") == 202
    with come(sip, "carol", "phone") as phone:
        assert take_all(phone, 1, status) == ["m1"]
        if not again:
            wait_empty(sip)
        # A refresh is a sign of life.
        assert phone.register().status == 200
        if again:
            assert take_all(phone, 1) == ["m1"]
            wait_empty(sip)
        else:
            assert nothing_comes(phone)


def test_a_device_that_says_nothing_gets_it_when_it_registers(sip):
    with agent(sip, "alice") as alice, come(sip, "carol", "phone") as phone:
        assert send(alice, "m1") == 202  # in the answer time
        assert waiting(sip) == 1
        # It has read nothing so far; now it is there again, elsewhere.
        with come(sip, "carol", "phone") as again:
            assert take_all(again, 1) == ["m1"]
            wait_empty(sip)
        phone.close()


def test_a_slow_device_that_takes_it_after_all_gets_it_once(sip):
    with agent(sip, "alice") as alice, come(sip, "carol", "phone") as phone:
        assert send(alice, "m1") == 202
        assert take_all(phone, 1) == ["m1"]
        wait_empty(sip)
        assert phone.register().status == 200
        assert nothing_comes(phone)


def test_newer_messages_do_not_overtake(sip):
    """While older ones wait, the next goes behind them, though the device is there."""
    with agent(sip, "alice") as alice:
        assert send(alice, "m1") == 202
        with come(sip, "carol", "phone") as phone:
            first = phone.expect(lambda m: m.is_request and m.method == "MESSAGE")
            assert send(alice, "m2") == 202
            phone.reply(first)
            phone.branches.add(first.branch())
            assert [message_id(first), *take_all(phone, 1)] == ["m1", "m2"]
            wait_empty(sip)
            assert send_and_take(alice, [phone], "m3") == 200


def test_a_device_that_sends_is_there(sip):
    with agent(sip, "alice") as alice, come(sip, "carol", "phone") as phone:
        assert send(alice, "m1") == 202
        # Its copies over UDP have ended by themselves; a message of its own brings it back.
        phone.take("MESSAGE", 480)
        with come(sip, "bob", "bobs") as bob, ThreadPoolExecutor() as pool:
            taken = pool.submit(bob.take, "MESSAGE")
            phone.message("sip:bob@example.com", cpim("x1", "hi", sender=CAROL,
                                                      to="sip:bob@example.com"),
                          [("Contact", phone.contact)], "message/cpim")
            taken.result()


# ---- what is not kept, or not for long ----


def test_expires_0_is_not_kept(sip):
    with agent(sip, "alice") as alice:
        assert send(alice, "m1", headers=[("Expires", 0)]) == 480
        assert waiting(sip) == 0


def test_the_same_message_is_kept_once(sip):
    with agent(sip, "alice") as alice:
        assert send(alice, "m1") == 202
        assert send(alice, "m1") == 202
    assert waiting(sip) == 1


def test_quota(make_daemon):
    daemon = make_daemon({"cpm": {"deferred-max-messages": 2}}).with_sip().start()
    for name in ("alice", "carol", "bob"):
        add_user(daemon, name, PASSWORD)
    with agent(daemon, "alice") as alice:
        assert [send(alice, f"m{n}") for n in range(3)] == [202, 202, 480]
        assert send(alice, "m0", to="sip:bob@example.com") == 202
        with come(daemon, "carol", "phone") as phone:
            assert take_all(phone, 2) == ["m0", "m1"]
            wait_empty(daemon)
            go(phone)
        assert send(alice, "m3") == 202


def test_nothing_is_kept_when_it_is_switched_off(make_daemon):
    daemon = make_daemon({"cpm": {"deferred-max-messages": 0}}).with_sip().start()
    for name in ("alice", "carol"):
        add_user(daemon, name, PASSWORD)
    with agent(daemon, "alice") as alice:
        assert send(alice, "m1") == 480
    assert "keeps no messages" in daemon.ctl("deferred", "list", "carol").stderr


def test_what_was_shown_on_one_device_is_not_pushed_to_the_other(sip):
    for instance in ("phone", "pad"):
        with come(sip, "carol", instance) as device:
            go(device)
    with agent(sip, "alice") as alice, come(sip, "alice", "alices") as alices:
        assert send(alice, "m1") == 202
        with come(sip, "carol", "phone") as phone, ThreadPoolExecutor() as pool:
            take_all(phone, 1)
            taken = pool.submit(alices.take, "MESSAGE")
            shown = ('<?xml version="1.0"?><imdn xmlns="urn:ietf:params:xml:ns:imdn">'
                     "<message-id>m1</message-id><datetime>2026-01-02T03:04:05Z</datetime>"
                     "<display-notification><status><displayed/></status></display-notification>"
                     "</imdn>")
            body = (f"From: <{CAROL}>\r\nTo: <sip:alice@example.com>\r\n"
                    "NS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: r1\r\n"
                    "DateTime: 2026-01-02T03:04:06Z\r\n\r\nContent-Type: message/imdn+xml\r\n"
                    f"Content-Disposition: notification\r\n\r\n{shown}")
            assert phone.message("sip:alice@example.com", body, (), "message/cpim").status == 200
            taken.result()
            wait_empty(sip)
        with come(sip, "carol", "pad") as pad:
            assert nothing_comes(pad)


# ---- restarts ----


def test_a_restart_keeps_what_waits(sip):
    with agent(sip, "alice") as alice:
        for n in range(20):
            assert send(alice, f"m{n}") == 202
    assert sip.stop() == 0
    sip.start()
    assert waiting(sip) == 20
    with come(sip, "carol", "phone") as phone:
        assert take_all(phone, 20) == [f"m{n}" for n in range(20)]
        wait_empty(sip)


@pytest.mark.parametrize("taken", [0, 1, 2])
def test_killed_between_store_and_the_last_cursor(sip, taken):
    """At most what comes again, never a loss; order is kept."""
    with come(sip, "carol", "phone") as phone:
        go(phone)
    with agent(sip, "alice") as alice:
        for n in range(3):
            assert send(alice, f"m{n}") == 202
    with come(sip, "carol", "phone") as phone:
        got = take_all(phone, taken)
        if taken < 3:
            phone.expect(lambda m: m.is_request and m.method == "MESSAGE")  # never answered
        sip.kill()
        sip.start()
        assert phone.register().status == 200
        last = []
        while not last or last[-1] != "m2":
            last.append(message_id(take(phone)))
        last = list(dict.fromkeys(last))
    assert last == [f"m{n}" for n in range(3)][3 - len(last):]
    assert sorted(set(got + last)) == ["m0", "m1", "m2"]
    wait_empty(sip)


def test_killed_while_storing(sip):
    """What was acknowledged is there."""
    stop = threading.Event()
    acknowledged = []

    def write():
        with agent(sip, "alice") as alice:
            n = 0
            while not stop.is_set():
                try:
                    if send(alice, f"k{n}", patience_s=2) == 202:
                        acknowledged.append(f"k{n}")
                except (AssertionError, OSError):
                    return
                n += 1

    with ThreadPoolExecutor() as pool:
        writing = pool.submit(write)
        wait_for(lambda: len(acknowledged) > 10, "some messages")
        stop.set()
        sip.kill()
        sip.start()
        writing.result()
    with come(sip, "carol", "phone") as phone:
        kept = take_all(phone, len(acknowledged))
    assert [one for one in kept if one in acknowledged] == acknowledged


# ---- many ----


def test_a_storm_of_devices(sip):
    """All come back at once."""
    users = [f"user{n}" for n in range(100)]
    for user in users:
        add_user(sip, user, PASSWORD)
    with agent(sip, "alice") as alice:
        for user in users:
            for n in (1, 2):
                assert send(alice, f"{user}-{n}", to=f"sip:{user}@example.com") == 202
    got = {}

    def serve(user):
        with come(sip, user, user) as device:
            got[user] = take_all(device, 2)

    with ThreadPoolExecutor(50) as pool:
        list(pool.map(serve, users))
    assert got == {user: [f"{user}-1", f"{user}-2"] for user in users}
    for user in users:
        wait_empty(sip, user)


# ---- operators ----


def test_operators_see_and_delete(sip):
    with agent(sip, "alice") as alice:
        for n in range(3):
            assert send(alice, f"m{n}", "secret") == 202
    seen = sip.ctl("deferred", "list", "carol")
    assert len(seen.stdout.splitlines()) == 3
    assert "sip:alice@example.com" in seen.stdout and "secret" not in seen.stdout
    assert "3 messages wait" in sip.ctl("status").stdout
    name = sip.ctl_json("deferred", "list", "carol")["messages"][1]["name"]
    assert sip.ctl("deferred", "delete", "carol", name).stdout == "deleted\n"
    left = sip.ctl_json("deferred", "list", "carol")
    assert [one["message_id"] for one in left["messages"]] == ["m0", "m2"]
    assert left["waiting"] == 2 and left["new"] == 2
    assert "no message" in sip.ctl("deferred", "delete", "carol", name).stderr
    assert sip.ctl("deferred", "delete", "carol").returncode == 2
    assert sip.ctl("--yes", "deferred", "delete", "carol").returncode == 0
    assert sip.ctl("deferred", "list", "carol").stdout == "nothing waits\n"
    assert sip.ctl("deferred", "list", "nobody").returncode == 1
    assert sip.metric("opencpm_cpm_deferred_waiting") == 0


def test_an_erased_user_gets_nothing(sip):
    with agent(sip, "alice") as alice:
        assert send(alice, "m1") == 202
    assert sip.ctl("--yes", "erase", CAROL).returncode == 0
    add_user(sip, "carol", PASSWORD)
    with come(sip, "carol", "phone") as phone:
        assert nothing_comes(phone)


# ---- who is told rather than pushed to ----


def put_preference(daemon, user, deferred):
    body = (f'<cpm-user-prefs xmlns="urn:opencpm:xml:user-prefs"><delivery '
            f'deferred="{deferred}"/></cpm-user-prefs>')
    done = daemon.ctl("doc", "put", f"org.opencpm.user-prefs/users/sip:{user}@example.com/index",
                      stdin=body)
    assert done.returncode == 0, done.stderr


def test_summary_of_what_waits(sip):
    put_preference(sip, "carol", "notify")
    with agent(sip, "alice") as alice, come(sip, "carol", "phone") as phone:
        answer = phone.call("SUBSCRIBE", CAROL, [("Event", "message-summary")], contact=True)
        assert answer.status == 200
        notify = phone.take("NOTIFY")
        assert b"Messages-Waiting: no" in notify.body
        with come(sip, "carol", "pad") as pad:
            go(pad)
        go(phone)
        assert send(alice, "m1") == 202
        notify = phone.take("NOTIFY")
        assert b"Messages-Waiting: yes" in notify.body
        assert b"Text-Message: 1/0" in notify.body
        assert phone.register().status == 200
        told = phone.take("MESSAGE")
        assert told.get("content-type") == "application/simple-message-summary"
        assert b"Text-Message: 1/0" in told.body
        assert "oma.cpm.systemmsg" in told.get("accept-contact")
        # They change their mind.
        put_preference(sip, "carol", "push")
        assert phone.register().status == 200
        assert take_all(phone, 1) == ["m1"]

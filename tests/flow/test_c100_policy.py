# SPDX-License-Identifier: Apache-2.0
"""What operators see of policy: cpmctl policy and REST below /v1/policy."""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest
import requests
from requests.auth import HTTPDigestAuth

from harness import BUILD, PATIENCE_S, add_user
from rest import rest
from sipua import UserAgent

CTL = BUILD / "cpmctl"
PASSWORD = "correct-horse-battery"
ANA, BOB = "sip:ana@example.com", "sip:bob@example.com"
ACCESS = f"org.openmobilealliance.access-rules/users/{ANA}/access-rules"
LISTS = f"resource-lists/users/{ANA}/index"
POLICY = "org.opencpm.operator-policy/global/index"
SPACES = ('xmlns:cp="urn:ietf:params:xml:ns:common-policy" xmlns:up="urn:opencpm:xml:user-prefs" '
          'xmlns:op="urn:opencpm:xml:operator-policy" xmlns:ocp="urn:oma:xml:xdm:common-policy"')
BLOCK_BOB = (f'<cp:ruleset {SPACES}><cp:rule id="no-bob"><cp:conditions><cp:identity>'
             f'<cp:one id="{BOB}"/></cp:identity></cp:conditions><cp:actions>'
             '<up:deliver>reject</up:deliver></cp:actions></cp:rule></cp:ruleset>')
CAP_FILES = (f'<cp:ruleset {SPACES}><cp:rule id="small-files"><cp:conditions>'
             '<op:service name="file"/></cp:conditions><cp:actions><op:layer>cap</op:layer>'
             '<op:max-file-size>1000</op:max-file-size></cp:actions></cp:rule></cp:ruleset>')


@pytest.fixture
def server(make_daemon):
    daemon = make_daemon({"xcap": {"uri": "http://xcap.example.com/xcap-root"}}).start()
    add_user(daemon, "ana", PASSWORD, aliases=["tel:+4930123"])
    add_user(daemon, "bob", PASSWORD)
    return daemon


def ctl(daemon, *args, status=0, stdin=None):
    done = subprocess.run([CTL, "--socket", daemon.socket, *args], capture_output=True,
                          input=stdin.encode() if stdin is not None else b"", timeout=PATIENCE_S)
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    return (done.stdout if status == 0 else done.stderr).decode()


def ctl_json(daemon, *args, stdin=None):
    return json.loads(ctl(daemon, "--json", *args, stdin=stdin))


def put(daemon, doc, text):
    ctl(daemon, "doc", "put", doc, stdin=text)


def answer(daemon, *args):
    verdict = ctl_json(daemon, "policy", "explain", *args)["explanation"]["verdict"]
    return verdict["answer"], [why["rule"] for why in verdict["made-by"]]


def test_explain_says_why(server):
    assert answer(server, "ana", "bob") == ("allow", [])
    put(server, ACCESS, BLOCK_BOB)
    assert answer(server, "ana", "bob") == ("reject", ["no-bob"])
    # By any of their names, to any of theirs.
    assert answer(server, "+4930123", BOB) == ("reject", ["no-bob"])
    assert answer(server, "ana", "sip:cy@else.example") == ("allow", [])
    # Nobody at our domain is at ours all the same.
    facts = ctl_json(server, "policy", "explain", "ana", "nobody")["explanation"]["facts"]
    assert not facts["peer-domain"]
    # The rules of the recipient are not the sender's.
    assert answer(server, "bob", "ana") == ("allow", [])
    assert answer(server, "ana", "bob", "--originating") == ("allow", [])
    text = ctl(server, "policy", "explain", "ana", "bob", "--message")
    assert "no-bob" in text and "reject" in text and BOB in text
    put(server, LISTS, '<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list '
                       f'name="oma_blockedcontacts"><entry uri="{BOB}"/></list></resource-lists>')
    ctl(server, "doc", "del", ACCESS)
    assert answer(server, "ana", "bob")[0] == "drop"


def test_explain_knows_facts(server):
    ctl(server, "policy", "push", "-", "--yes", stdin=CAP_FILES)
    one = ctl_json(server, "policy", "explain", "ana", "bob", "--file", "5000")
    facts = one["explanation"]["facts"]
    assert facts["size"] == 5000 and facts["service"] == "file"
    assert one["explanation"]["verdict"]["values"]["max-file-size"]["value"] == "1000"
    one = ctl_json(server, "policy", "explain", "ana", "sip:x@peer.example", "--anonymous",
                   "--size", "10", "--time", "2026-05-01T12:00:00Z")
    facts = one["explanation"]["facts"]
    assert facts["now"] == 1777636800 and facts["anonymous"] is True
    assert facts["peer-domain"] == "peer.example"
    assert "max-file-size" not in one["explanation"]["verdict"]["values"]


def test_explain_of_what_is_not_there(server):
    assert "no user" in ctl(server, "policy", "explain", "nobody", "bob", status=1)
    assert "no group" in ctl(server, "policy", "explain", "ana", "bob", "--group",
                             "sip:g@example.com", status=1)
    assert "no identity" in ctl(server, "policy", "explain", "ana", "sip:@", status=1)
    assert "--time" in ctl(server, "policy", "explain", "ana", "bob", "--time", "noon", status=2)
    ctl(server, "policy", "explain", "ana", status=2)
    ctl(server, "policy", "log", "--since", "1h", status=2)
    ctl(server, "status", "--since", "1h", status=2)


def test_explain_of_a_group(server):
    group = f"org.openmobilealliance.groups/users/{ANA}/hikers"
    put(server, group,
        f'<group xmlns="urn:oma:xml:poc:list-service" {SPACES}><list-service '
        f'uri="sip:hikers@example.com"><list><entry uri="{BOB}"/></list><cp:ruleset><cp:rule '
        'id="members"><cp:conditions><is-list-member/></cp:conditions><cp:actions>'
        '<join-handling>true</join-handling></cp:actions></cp:rule></cp:ruleset></list-service>'
        '</group>')
    one = ctl_json(server, "policy", "explain", "ana", "bob", "--group", "sip:hikers@example.com")
    values = one["explanation"]["verdict"]["values"]
    assert values["join-handling"]["value"] == "true"
    one = ctl_json(server, "policy", "explain", "ana", "sip:cy@example.com", "--group",
                   "sip:hikers@example.com")
    assert one["explanation"]["verdict"]["values"].get(
        "join-handling", {"value": "false"})["value"] == "false"


def test_push_is_judged_asks_and_is_logged(server):
    # Nobody is there to be asked.
    assert "--yes" in ctl(server, "policy", "push", "-", status=1, stdin=CAP_FILES)
    assert "none" in ctl(server, "policy", "show")
    # What cannot be compiled, what the schema does not allow.
    bad = CAP_FILES.replace("<op:layer>cap</op:layer>", "")
    assert "layer" in ctl(server, "policy", "push", "-", "--yes", status=1, stdin=bad)
    said = ctl(server, "policy", "push", "-", "--yes", stdin=CAP_FILES)
    assert "in force: " + POLICY in said and "0 decisions" in said
    assert "in force, 1 rules" in ctl(server, "policy", "show")
    assert "in force, 1 rules" in ctl(server, "status")
    log = ctl_json(server, "policy", "log")["log"]
    assert len(log) == 1 and log[0]["who"].startswith("operator:")
    assert ctl(server, "policy", "log")
    done = ctl_json(server, "policy", "push", "-", "--yes", stdin=CAP_FILES)
    assert done["what_if"]["asked"] == 0 and done["etag"]


def test_domains_may_be_written_as_people_write_them(server):
    by_name = CAP_FILES.replace('<op:service name="file"/>', '<op:peer-domain name="Bücher.example"/>')
    ctl(server, "policy", "push", "-", "--yes", stdin=by_name)
    assert answer(server, "ana", "sip:x@xn--bcher-kva.example")[1] == ["small-files"]
    assert answer(server, "ana", "sip:x@buecher.example")[1] == []


def test_what_if_judges_drafts(server):
    assert "0 decisions asked again" in ctl(server, "policy", "what-if", "-", stdin=BLOCK_BOB.replace(
        "<cp:actions>", "<cp:actions><op:layer>forced</op:layer>"))
    assert "layer" in ctl(server, "policy", "what-if", "-", status=1, stdin=BLOCK_BOB)
    ctl(server, "policy", "what-if", "-", "--user", "ana", stdin=BLOCK_BOB)
    ctl(server, "policy", "what-if", "-", "--user", "ana", "--since", "1h",
        stdin='<cpm-user-prefs xmlns="urn:opencpm:xml:user-prefs"><blocking answer="open"/>'
              '</cpm-user-prefs>')
    assert "no user" in ctl(server, "policy", "what-if", "-", "--user", "nobody", status=1,
                            stdin=BLOCK_BOB)
    assert "line 1" in ctl(server, "policy", "what-if", "-", status=1, stdin="<broken")
    assert "since" in ctl(server, "policy", "what-if", "-", "--since", "soon", status=2,
                          stdin=CAP_FILES)
    # Nothing of it is in force.
    assert "none" in ctl(server, "policy", "show")


def test_nothing_was_decided_yet(server):
    assert ctl(server, "policy", "decisions") == ""
    assert ctl_json(server, "policy", "decisions", "ana", "--since", "1h") == {"decisions": []}


def test_rest_refuses_what_it_does_not_know(server):
    for path in ("explain", "explain?user=ana", "explain?user=ana&peer=bob&x=1",
                 "explain?user=ana&peer=bob&size=-1", "explain?user=ana&peer=bob&anonymous=2",
                 "explain?user=ana&peer=bob&service=fax", "decisions?max=0", "decisions?max=x",
                 "explain?user=" + "a" * 2000 + "&peer=bob"):
        one = rest(server, "GET", "/v1/policy/" + path)
        assert one.status in (400, 422), (path, one.status)
        assert one.fault()
    one = rest(server, "GET", "/v1/policy/explain?user=ana&peer=" + quote("\u202e@\x00"))
    assert one.status in (400, 422)


def test_a_server_restarted_has_its_policy(server):
    ctl(server, "policy", "push", "-", "--yes", stdin=CAP_FILES)
    put(server, ACCESS, BLOCK_BOB)
    server.stop()
    server.start()
    assert "in force, 1 rules" in ctl(server, "policy", "show")
    assert answer(server, "ana", "bob") == ("reject", ["no-bob"])


@pytest.fixture
def messages(make_daemon):
    """Ana's phone is there; bob and cy have sent her a message each; bob is blocked."""
    daemon = make_daemon().with_sip().start()
    for name in ("ana", "bob", "cy"):
        add_user(daemon, name, PASSWORD)
    put(daemon, ACCESS, BLOCK_BOB)
    with UserAgent(daemon, "ana", PASSWORD) as ana, UserAgent(daemon, "bob", PASSWORD) as bob, \
            UserAgent(daemon, "cy", PASSWORD) as cy:
        assert ana.register().status == 200
        assert bob.message(ANA, "a secret").status == 403
        with ThreadPoolExecutor() as pool:
            taken = pool.submit(ana.take, "MESSAGE")
            assert cy.message(ANA, "a secret").status == 200
            taken.result()
    return daemon


def test_decisions_are_on_record(messages):
    first, second = ctl_json(messages, "policy", "decisions", "ana")["decisions"]
    assert (first["sender"], first["answer"], first["by"]) == ("sip:cy@example.com", "allow", [])
    assert (second["sender"], second["answer"], second["status"]) == (BOB, "reject", 403)
    assert [(why["layer"], why["rule"]) for why in second["by"]] == [("user", "no-bob")]
    assert second["id"] in messages.log()
    assert len(ctl_json(messages, "policy", "decisions", "bob")["decisions"]) == 1
    text = ctl(messages, "policy", "decisions")
    assert "no-bob" in text and "secret" not in text
    assert len(rest(messages, "GET", "/v1/policy/decisions?max=1").json()["decisions"]) == 1


def test_what_if_names_what_a_draft_would_change(messages):
    unblocked = BLOCK_BOB.replace(BOB, "sip:nobody@example.com")
    one = ctl_json(messages, "policy", "what-if", "-", "--user", "ana", stdin=unblocked)
    assert (one["asked"], one["changed"], one["answers"]) == (2, 1, 1)
    change = one["changes"][0]
    assert (change["sender"], change["before"], change["after"]) == (BOB, "reject", "allow")
    forced = BLOCK_BOB.replace("<cp:actions>", "<cp:actions><op:layer>forced</op:layer>")
    forced = forced.replace(BOB, "sip:cy@example.com")
    one = ctl_json(messages, "policy", "what-if", "-", stdin=forced)
    assert (one["asked"], one["answers"]) == (2, 1)
    assert one["changes"][0]["sender"] == "sip:cy@example.com"
    assert one["changes"][0]["by"][0]["layer"] == "forced"
    text = ctl(messages, "policy", "push", "-", "--yes", stdin=forced)
    assert "allow  -> reject" in text and "in force" in text
    # What was asked before is in force now.
    assert answer(messages, "ana", "cy")[0] == "reject"
    with UserAgent(messages, "cy", PASSWORD) as cy:
        assert cy.message(ANA, "again").status == 403


def test_decisions_may_be_off(make_daemon):
    daemon = make_daemon({"cpm": {"decisions": 0}}).with_sip().start()
    for name in ("ana", "bob"):
        add_user(daemon, name, PASSWORD)
    with UserAgent(daemon, "bob", PASSWORD) as bob:
        bob.message(ANA, "hello")
    assert ctl(daemon, "policy", "decisions") == ""


# Each is a change and its first message.
ROUNDS = 1000


def test_a_change_is_in_force_for_the_first_message_after_it(make_daemon):
    """Rules, a list that they refer to and the operator's policy, in turns, by turns of devices:
    the message that follows the answer to the PUT is decided by the new document."""
    # As fast as it goes, from one address.
    daemon = make_daemon({"limits": {"requests": 0}}).with_sip().start()
    for name in ("ana", "bob"):
        add_user(daemon, name, PASSWORD)
    add_user(daemon, "operator", PASSWORD, operator=True)
    ana, boss = requests.Session(), requests.Session()
    ana.auth, boss.auth = HTTPDigestAuth("ana", PASSWORD), HTTPDigestAuth("operator", PASSWORD)

    def xcap(session, doc, text, media):
        done = session.put(f"{daemon.url}/xcap-root/{doc}", text.encode(),
                           headers={"Content-Type": media}, timeout=PATIENCE_S)
        assert done.status_code in (200, 201), done.text

    anchor = f"{daemon.url}/xcap-root/{LISTS}/~~/resource-lists/list%5B@name=%22x%22%5D"
    by_list = BLOCK_BOB.replace(f'<cp:identity><cp:one id="{BOB}"/></cp:identity>',
                                f'<ocp:external-list><ocp:entry anc="{anchor}"/>'
                                '</ocp:external-list>')
    rules, forced = "application/auth-policy+xml", BLOCK_BOB.replace(
        "<cp:actions>", "<cp:actions><op:layer>forced</op:layer>")
    changes = [
        lambda on: xcap(ana, ACCESS, BLOCK_BOB if on else BLOCK_BOB.replace("bob@", "cy@"), rules),
        lambda on: (xcap(ana, ACCESS, by_list, rules) if on else None, xcap(
            ana, LISTS, '<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list '
            f'name="x"><entry uri="sip:{"bob" if on else "cy"}@example.com"/></list>'
            '</resource-lists>', "application/resource-lists+xml")),
        lambda on: xcap(boss, POLICY, forced if on else forced.replace("bob@", "cy@"), rules),
    ]
    bobs = [UserAgent(daemon, "bob", PASSWORD) for _ in range(8)]
    try:
        for i in range(ROUNDS):
            blocked = i % 2 == 0
            changes[i // 2 % 3](blocked)
            status = bobs[i % 8].message(ANA, f"message {i}").status
            assert (status == 403) == blocked, (i, status)
    finally:
        for bob in bobs:
            bob.close()

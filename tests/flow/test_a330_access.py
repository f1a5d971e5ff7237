# SPDX-License-Identifier: Apache-2.0
"""Documents that users share: access permissions, profiles, locked documents; and doc access."""

import json
import subprocess

import pytest
import requests
from requests.auth import HTTPDigestAuth

from harness import BUILD, PATIENCE_S, add_user

PASSWORD = "correct-horse-battery"
OMA = "org.openmobilealliance."
LISTS = "application/resource-lists+xml"
ELEMENT = "application/xcap-el+xml"
PROFILE = "application/vnd.oma.user-profile+xml"
ALICE, BOB, CAROL = (f"sip:{name}@example.com" for name in ("alice", "bob", "carol"))
LIST = "/~~/resource-lists/list%5B@name=%22friends%22%5D"
DOCUMENT = (
    '<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list name="friends">'
    f'<entry uri="{BOB}"/></list></resource-lists>'
)
PERMISSIONS = """<ap-rules xmlns="urn:oma:xml:xdm:ap" xmlns:cp="urn:ietf:params:xml:ns:common-policy">
<document-rule path="index"><cp:ruleset><cp:rule id="deputy"><cp:conditions><cp:identity>
<cp:one id="{0}"/></cp:identity></cp:conditions><cp:actions>{1}</cp:actions></cp:rule></cp:ruleset>
</document-rule></ap-rules>"""


class Person:
    def __init__(self, daemon, name):
        self.root = daemon.url + "/xcap-root/"
        self.auth = HTTPDigestAuth(name, PASSWORD)

    def ask(self, method, path, body=None, media=None):
        return requests.request(
            method,
            self.root + path,
            data=body,
            headers={"Content-Type": media} if media else {},
            auth=self.auth,
            timeout=PATIENCE_S,
        )

    def status(self, *args):
        return self.ask(*args).status_code


@pytest.fixture
def served(make_daemon):
    daemon = make_daemon({"log": {"category": {"http": "debug"}}}).start()
    add_user(daemon, "alice", PASSWORD, aliases=["tel:+4930123"])
    for name in ["bob", "carol"]:
        add_user(daemon, name, PASSWORD)
    daemon.alice, daemon.bob, daemon.carol = (
        Person(daemon, name) for name in ("alice", "bob", "carol")
    )
    return daemon


def home(auid, document, user=ALICE):
    return f"{auid}/users/{user}/{document}"


def permit(person, grants, who=BOB):
    answer = person.ask(
        "PUT",
        home(OMA + "access-permissions", "resource-lists"),
        PERMISSIONS.format(who, grants),
        "application/vnd.oma.xdm-apd+xml",
    )
    assert answer.status_code in (200, 201), answer.text


def ctl(daemon, *args):
    return subprocess.run(
        [BUILD / "cpmctl", "--socket", daemon.socket, *args],
        check=True,
        capture_output=True,
        timeout=PATIENCE_S,
        text=True,
    ).stdout


def test_a_deputy_edits_what_the_owner_shares(served):
    doc = home("resource-lists", "index")
    assert served.alice.status("PUT", doc, DOCUMENT, LISTS) == 201
    for method, *body in [("GET",), ("PUT", DOCUMENT, LISTS), ("DELETE",)]:
        assert served.bob.status(method, doc, *body) == 403
    permit(served.alice, "<allow-retrieve/><allow-modify/>")
    assert served.bob.ask("GET", doc).text == DOCUMENT
    entry = doc + LIST + "/entry%5B@uri=%22" + CAROL + "%22%5D"
    assert served.bob.status("PUT", entry, f'<entry uri="{CAROL}"/>', ELEMENT) == 201
    assert served.alice.status("GET", entry) == 200
    assert served.bob.status("DELETE", entry) == 200
    assert served.bob.status("PUT", doc, DOCUMENT, LISTS) == 200
    # by another name of the owner's
    assert served.bob.status("GET", home("resource-lists", "index", "tel:+4930123")) == 200
    # not more than that
    assert served.bob.status("DELETE", doc) == 403
    assert served.bob.status("PUT", home("resource-lists", "other"), DOCUMENT, LISTS) == 403
    assert served.bob.status("GET", home(OMA + "access-permissions", "resource-lists")) == 403
    assert served.carol.status("GET", doc) == 403
    # the log names the deputy
    assert BOB in ctl(served, "doc", "log", doc)
    # taken back, it is so for the next request
    permit(served.alice, "<allow-retrieve/>")
    assert served.bob.status("DELETE", doc + LIST) == 403
    assert served.bob.status("GET", doc) == 200


def test_creation_is_a_grant_of_its_own(served):
    doc = home("resource-lists", "index")
    permit(served.alice, "<allow-modify/>")
    assert served.bob.status("PUT", doc, DOCUMENT, LISTS) == 403
    permit(served.alice, "<allow-create/>")
    assert served.bob.status("PUT", doc, DOCUMENT, LISTS) == 201
    assert served.bob.status("PUT", doc, DOCUMENT, LISTS) == 403
    assert served.bob.status("GET", doc) == 403


def test_one_does_not_hear_who_exists(served):
    for user in (ALICE, "sip:nobody@example.com", "http:%2F%2Fx"):
        assert served.bob.status("GET", home("resource-lists", "index", user)) == 403


def test_profiles_are_read_by_all_and_locked_ones_by_their_user(served):
    text = (
        '<user-profiles xmlns="urn:oma:xml:xdm:user-profile">'
        f'<user-profile uri="{ALICE}"><display-name>Ana</display-name></user-profile></user-profiles>'
    )
    open_one = home(OMA + "user-profile", "user-profile")
    locked = home(OMA + "locked-user-profile", "locked-user-profile")
    assert served.alice.status("PUT", open_one, text, PROFILE) == 201
    assert served.bob.ask("GET", open_one).text == text
    assert served.bob.status("PUT", open_one, text, PROFILE) == 403
    assert served.bob.status("DELETE", open_one) == 403
    # a tel: URI of the same user's is the user's, somebody else's is not
    other = served.alice.ask("PUT", open_one, text.replace(ALICE, BOB), PROFILE)
    assert other.status_code == 409 and "Wrong User Profile URI" in other.text
    assert served.alice.status("PUT", locked, text, PROFILE) == 403
    assert subprocess.run(
        [BUILD / "cpmctl", "--socket", served.socket, "doc", "put", locked],
        input=text.encode(),
        timeout=PATIENCE_S,
        check=True,
    )
    assert served.alice.ask("GET", locked).text == text
    assert served.alice.status("DELETE", locked) == 403
    assert served.bob.status("GET", locked) == 403


def test_operators_see_why(served):
    doc = home("resource-lists", "index")
    permit(served.alice, "<allow-retrieve/>")
    lines = [line.split() for line in ctl(served, "doc", "access", BOB, doc).splitlines()]
    assert lines == [
        ["retrieve", "yes", "other", "rule", "deputy"],
        ["create", "no", "other", "no-rule"],
        ["modify", "no", "other", "no-rule"],
        ["delete", "no", "other", "no-rule"],
        ["restore", "no", "other", "no-rule"],
    ]
    assert ctl(served, "doc", "access", "tel:+4930123", doc).startswith("retrieve  yes  owner")
    answer = json.loads(ctl(served, "--json", "doc", "access", CAROL, doc))
    assert answer["of"] == CAROL and not any(one["allowed"] for one in answer["access"])
    served.bob.ask("GET", doc)
    served.carol.ask("GET", doc)
    lines = [line for line in served.log().splitlines() if "access" in line and "op=retrieve" in line]
    assert any("rule=deputy" in line and "allowed=yes" in line for line in lines), lines
    assert any("why=no-rule" in line and "allowed=no" in line for line in lines), lines


def test_references_are_held_against_the_root_that_clients_use(make_daemon):
    daemon = make_daemon({"xcap": {"uri": "https://xcap.example.com/xcap-root"}}).start()
    add_user(daemon, "alice", PASSWORD)
    alice = Person(daemon, "alice")
    rules = (
        '<rls-services xmlns="urn:ietf:params:xml:ns:rls-services">'
        '<service uri="sip:alice-all@example.com"><resource-list>{0}/resource-lists/users/{1}/index'
        "/~~/resource-lists/list</resource-list></service></rls-services>"
    )
    doc, media = home("rls-services", "index"), "application/rls-services+xml"
    good = rules.format("https://xcap.example.com/xcap-root", ALICE)
    assert alice.status("PUT", doc, good, media) == 201
    # another spelling of the same user
    same = rules.format("https://xcap.example.com:443/xcap-root", "SIP:alice@EXAMPLE.com")
    assert alice.status("PUT", doc, same, media) == 200
    for root, user in [
        ("https://elsewhere.example.com/xcap-root", ALICE),
        ("https://xcap.example.com/other-root", ALICE),
        ("https://xcap.example.com/xcap-root", BOB),
    ]:
        answer = alice.ask("PUT", doc, rules.format(root, user), media)
        assert answer.status_code == 409 and "constraint-failure" in answer.text

# SPDX-License-Identifier: Apache-2.0
"""Documents of policy over XCAP: who may write them, and that what cannot be compiled is refused."""

import pathlib
import re

import pytest
import requests
from requests.auth import HTTPDigestAuth

from harness import add_user

PASSWORD = "correct-horse-battery"
RULES = "application/auth-policy+xml"
ELEMENT = "application/xcap-el+xml"
ATTRIBUTE = "application/xcap-att+xml"
SAMPLES = pathlib.Path(__file__).parent.parent / "xdms" / "usage"
POLICY = "org.opencpm.operator-policy/global/index"
ACCESS = "org.openmobilealliance.access-rules/users/sip:ana@example.com/access-rules"
PREFS = "org.opencpm.user-prefs/users/sip:ana@example.com/index"
GROUP = "org.openmobilealliance.groups/users/sip:ana@example.com/hikers"
OP = "?xmlns(op=urn:opencpm:xml:operator-policy)"


def sample(daemon, name):
    """The good document of the unit tests, as one of this server's."""
    text = (SAMPLES / name).read_text(encoding="utf-8")
    text = text.replace("http://xcap.op.example/root", daemon.url + "/xcap-root")
    return text.replace("ana@op.example", "ana@example.com")


@pytest.fixture
def served(make_daemon):
    daemon = make_daemon({}).start()
    add_user(daemon, "ana", PASSWORD)
    add_user(daemon, "bob", PASSWORD)
    add_user(daemon, "operator", PASSWORD, operator=True)
    return daemon


def ask(daemon, who, method, path, body=None, media=RULES):
    return requests.request(
        method,
        f"{daemon.url}/xcap-root/{path}",
        data=body.encode() if body else None,
        headers={"Content-Type": media} if body else {},
        auth=HTTPDigestAuth(who, PASSWORD),
        timeout=60,
    )


def refused(answer):
    assert answer.status_code == 409, (answer.status_code, answer.text)
    return re.search(r"<xcap-error[^>]*>\s*<([a-z-]+)", answer.text).group(1), answer.text


@pytest.mark.parametrize(
    "path, name, media",
    [
        (ACCESS, "access-rules.xml", RULES),
        (PREFS, "user-prefs.xml", "application/vnd.opencpm.user-prefs+xml"),
        (GROUP, "groups.xml", "application/vnd.oma.poc.groups+xml"),
    ],
)
def test_a_user_writes_ones_own(served, path, name, media):
    text = sample(served, name)
    assert ask(served, "ana", "PUT", path, text, media).status_code == 201
    assert ask(served, "ana", "GET", path).text == text
    assert ask(served, "bob", "GET", path).status_code == 403
    assert ask(served, "bob", "PUT", path, text, media).status_code == 403
    assert ask(served, "ana", "DELETE", path).status_code == 200


def test_the_operators_policy_is_the_operators(served):
    text = sample(served, "operator-policy.xml")
    assert ask(served, "ana", "PUT", POLICY, text).status_code == 403
    assert ask(served, "operator", "PUT", POLICY, text).status_code == 201
    assert ask(served, "ana", "GET", POLICY).status_code == 403
    assert ask(served, "operator", "GET", POLICY).text == text


def test_a_policy_that_cannot_be_compiled_is_refused_and_the_good_one_stays(served):
    text = sample(served, "operator-policy.xml")
    assert ask(served, "operator", "PUT", POLICY, text).status_code == 201
    bad = text.replace("<op:layer>default</op:layer>", "")
    fault, body = refused(ask(served, "operator", "PUT", POLICY, bad))
    assert fault == "constraint-failure" and "no layer" in body
    # By an element of its own, too.
    rule = POLICY + "/~~/ruleset/rule%5b@id=%22night%22%5d/actions/op:layer" + OP
    fault, _ = refused(ask(served, "operator", "DELETE", rule))
    assert fault == "constraint-failure"
    rule = POLICY + "/~~/ruleset/rule%5b@id=%22night%22%5d/conditions/op:time-of-day/@from" + OP
    fault, _ = refused(ask(served, "operator", "PUT", rule, "25:00", ATTRIBUTE))
    assert fault == "constraint-failure"
    assert ask(served, "operator", "GET", POLICY).text == text


def test_preferences_change_by_element(served):
    text = sample(served, "user-prefs.xml")
    media = "application/vnd.opencpm.user-prefs+xml"
    assert ask(served, "ana", "PUT", PREFS, text, media).status_code == 201
    path = PREFS + "/~~/cpm-user-prefs/blocking/@answer"
    assert ask(served, "ana", "PUT", path, "open", ATTRIBUTE).status_code == 200
    fault, _ = refused(ask(served, "ana", "PUT", path, "rude", ATTRIBUTE))
    assert fault == "schema-validation-error"
    path = PREFS + "/~~/cpm-user-prefs/interworking/prefer%5b2%5d"
    fault, body = refused(ask(served, "ana", "PUT", path, "<prefer>sms</prefer>", ELEMENT))
    assert fault == "constraint-failure" and "twice" in body
    assert ask(served, "ana", "GET", PREFS).text == text.replace('"polite"', '"open"')


def test_members_of_a_group_are_put_one_by_one(served):
    text = sample(served, "groups.xml")
    media = "application/vnd.oma.poc.groups+xml"
    assert ask(served, "ana", "PUT", GROUP, text, media).status_code == 201
    member = GROUP + "/~~/group/list-service/list/entry%5b@uri=%22sip:cy@example.com%22%5d"
    put = ask(served, "ana", "PUT", member, '<entry uri="sip:cy@example.com"/>', ELEMENT)
    assert put.status_code == 201
    twice = GROUP + "/~~/group/list-service/list/entry%5b1%5d"
    fault, _ = refused(
        ask(served, "ana", "PUT", twice, '<entry uri="sip:cy@example.com"/>', ELEMENT)
    )
    assert fault == "uniqueness-failure"
    assert ask(served, "ana", "GET", GROUP).text.count("sip:cy@example.com") == 1

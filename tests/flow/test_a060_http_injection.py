# SPDX-License-Identifier: Apache-2.0
"""HTTP edge: nothing that a peer sends breaks out of a log line, an answer or the metrics."""

import contextlib
import re

import pytest

from httpd import WORKERS, Server

STRINGS = [
    "\x1b[31mred", "a\x08b", "a\x7fb", "\xff\xfe", "\xc0\xaf", "\xe2\x80\xaeevil", "\u00e9",
    'quote" status=200', "back\\slash", "tab\tstatus=500", "<script>alert(1)</script>",
    "'; drop table x; --", "${jndi:ldap://x}", "%n%s%x", "%0d%0aX-Injected: 1", "%00", "{}[]",
    "a=b c=d", "id=0000", "\x85next", "\u2028".encode().decode("latin-1"), "--", "-->", "]]>",
    '"} 1\nopencpm_fake 1'.replace("\n", "\x0b"), "a" * 3000, "\x01\x02\x03", "\xed\xa0\x80",
    "\xf4\x90\x80\x80", "=",
]


@pytest.fixture(scope="module", params=WORKERS)
def server(request):
    with Server(request.param) as one:
        one.requests = 0
        yield one


@pytest.mark.parametrize("string", STRINGS, ids=range(len(STRINGS)))
def test_one_line_a_request_and_nothing_raw(server, string):
    mark = f"/show/{STRINGS.index(string)}x"
    target = f"{mark}{string}".replace(" ", "%20")
    for fields in (f"X-Test: {string}", f"traceparent: {string}", f"Cookie: {string}"):
        for head in (f"GET {target} HTTP/1.1\r\nHost: x\r\n", f"GET {mark} HTTP/1.1\r\nHost: x\r\n{fields}\r\n"):
            with contextlib.closing(server.connect(head + "\r\n")) as client:
                answer = client.answer()
                server.requests += 1
                assert answer.status in (200, 400)
                assert [n for n, _ in answer.fields if n.lower() == "x-injected"] == []
                if answer.status == 400:
                    assert string.encode("latin-1") not in answer.body or len(string) < 3
    server.wait_log(mark)
    with contextlib.closing(server.connect()) as client:
        client.ask("/show/end")
        server.requests += 1
    text = server.log()
    assert text.count("\n") <= server.requests
    for line in text.split("\n")[:-1]:
        assert re.match(r"\d{4}-\d\d-\d\dT\S+Z \w+ http \S+", line), line
        assert not re.search(r"[\x00-\x1f\x7f\x80-\x9f\u2028\u202e]", line), repr(line)


def test_a_handler_cannot_split_its_answer(server):
    answer = server.get("/inject")
    assert answer.status == 200 and answer.body == b"inject\n"
    names = [name for name, _ in answer.fields]
    assert "X-Good" in names
    assert not {"X-Bad", "X-Injected", "X-Nul", "Transfer-Encoding"} & set(names)
    server.wait_log("error http answer-field-dropped")


def test_metrics_have_no_peer_in_them(server):
    text = server.get("/metrics").body.decode("ascii")
    for line in text.strip().split("\n"):
        assert re.fullmatch(r'# (HELP|TYPE) \w+ .+|\w+(\{(\w+="[^"\\\n]*",?)*\})? [-+.\deInf]+', line), line
    assert "fake" not in text

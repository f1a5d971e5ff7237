# SPDX-License-Identifier: Apache-2.0
"""SIPp as a busy gateway of the trust domain: hundreds of messages for one user, all taken.

Not as a device: SIPp 3.6 gives up at a challenge for SHA-256, which comes before the one for MD5.
"""

import threading

import pytest

from harness import add_user, free_sip_port
from sippeers import Client
from sipua import UserAgent

PASSWORD = "correct-horse-battery"
GATEWAY = "127.0.0.6"
CALLS = 500


@pytest.mark.parametrize("transport", ["u1", "t1"])
def test_messages_of_a_gateway(make_daemon, tmp_path, request, transport):
    daemon = make_daemon().with_sip(peers=[
        {"name": "gateway", "networks": f"{GATEWAY}/32", "trusted": True},
    ]).start()
    add_user(daemon, "bob", PASSWORD)
    taken = set()

    def take_all(bob):
        while len(taken) < CALLS:
            taken.add(bob.take("MESSAGE").body.strip())

    with UserAgent(daemon, "bob", PASSWORD) as bob:
        assert bob.register().status == 200
        taker = threading.Thread(target=take_all, args=(bob,), daemon=True)
        taker.start()
        sipp = Client(tmp_path / "sipp").run(
            "sipp", f"127.0.0.1:{daemon.sip_port}", "-sf",
            request.path.parent / "sipp_message.xml", "-t", transport, "-i", GATEWAY,
            "-p", free_sip_port(), "-m", CALLS, "-l", 50, "-r", 500, "-nostdin", "-trace_err",
            TERM="dumb")
        status = sipp.process.wait(timeout=120)
        sipp.end()
        assert status == 0, sipp.log()[-3000:]
        taker.join(timeout=60)
    assert taken == {b"number %d" % i for i in range(1, CALLS + 1)}

# SPDX-License-Identifier: Apache-2.0
"""Kamailio as the neighbouring domain example.net, over IP-1: a device there and one here.

    linphonec      Kamailio, example.net      cpmd, example.com      linphonec
      |  MESSAGE          |  MESSAGE, P-A-I        |  MESSAGE           |
      |------------------>|----------------------->|------------------->|
      |                   |                        |   and back         |
"""

import socket

import pytest

from harness import add_user, free_sip_port, wait_for
from sippeers import Client, Linphone
from sipua import UserAgent

PASSWORD = "correct-horse-battery"
NEIGHBOUR = "127.0.0.5"


class Kamailio(Client):
    def __init__(self, folder, config, next_hop):
        super().__init__(folder)
        self.port = free_sip_port()
        self.config, self.next_hop = config, next_hop

    def listens(self):
        with socket.socket(type=socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((NEIGHBOUR, self.port))
            except OSError:
                return True
        return False

    def start(self):
        self.run("kamailio", "-DD", "-E", "-m", 32, "-M", 4, "-Y", self.folder, "-f", self.config,
                 "-A", f"LISTEN=udp:{NEIGHBOUR}:{self.port}", "-A", f'NEXT="{self.next_hop}"')
        wait_for(self.listens, "Kamailio to listen")
        return self


@pytest.fixture
def domains(make_daemon, tmp_path, request):
    """cpmd and Kamailio, who know each other."""
    daemon = make_daemon().with_sip()
    kamailio = Kamailio(tmp_path / "kamailio", request.path.parent / "kamailio.cfg",
                        f"sip:127.0.0.1:{daemon.sip_port}")
    uri = f"sip:{NEIGHBOUR}:{kamailio.port}"
    daemon.configure({"sip": {
        "peers": [{"name": "neighbour", "networks": f"{NEIGHBOUR}/32", "trusted": True}],
        "routes": [{"domain": "example.net", "uri": uri}],
    }}).start()
    add_user(daemon, "alice", PASSWORD)
    kamailio.start()
    yield daemon, kamailio
    kamailio.end()


def test_devices_of_two_domains_message_each_other(domains, tmp_path):
    daemon, kamailio = domains
    alice = Linphone(tmp_path / "alice", daemon.sip_port, "alice", PASSWORD)
    nora = Linphone(tmp_path / "nora", kamailio.port, "nora", PASSWORD, domain="example.net",
                    host=NEIGHBOUR)
    try:
        alice.start().registered()
        nora.start().registered()
        alice.message("sip:nora@example.net", "hello over there")
        nora.received("hello over there")
        nora.message("sip:alice@example.com", "hello to you")
        alice.received("hello to you")
    finally:
        alice.end()
        nora.end()


def test_the_neighbours_refusal_comes_back(domains):
    with UserAgent(domains[0], "alice", PASSWORD) as alice:
        assert alice.message("sip:nobody@example.net").status == 404

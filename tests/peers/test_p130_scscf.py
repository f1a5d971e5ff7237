# SPDX-License-Identifier: Apache-2.0
"""Kamailio with its IMS modules as the S-CSCF in front; cpmd is an application server on ISC.

    device        Kamailio, S-CSCF        cpmd            HSS (cx.py)
      | REGISTER        |                   |                |
      |---------------->|   SAR             |                |
      |                 |----------------------------------->|  profile: filter criteria
      |       200       |   REGISTER        |                |
      |<----------------|------------------>|  third-party   |
      |                 |   SUBSCRIBE reg   |                |
      |                 |<------------------|                |
      |                 |   NOTIFY          |                |
      |                 |------------------>|  its devices   |
      | MESSAGE         |   MESSAGE, Route: cpmd, Route: S-CSCF
      |---------------->|------------------>|  originating   |
      |                 |<------------------|  the Route kept|
      |                 |------------------>|  terminating   |
      |                 |<------------------|                |
      | MESSAGE (other) |                   |                |
      |<----------------|                   |                |

The S-CSCF asks for passwords with Kamailio's plain digest: the HSS stand-in has no secrets.
"""

import json
import os
import socket
import subprocess

import pytest

from cx import CAPABILITIES, Hss, SERVER_ASSIGNMENT
from harness import BUILD, PATIENCE_S, free_sip_port, wait_for
from sippeers import Client
from sipua import UserAgent

PASSWORD = "correct-horse-battery"
HOST, HSS_HOST = "127.0.0.6", "127.0.0.7"
MODULES = "/usr/lib/x86_64-linux-gnu/kamailio/modules"

DIAMETER = """<?xml version="1.0" encoding="UTF-8"?>
<DiameterPeer FQDN="scscf.example.com" Realm="example.com" Vendor_Id="10415"
 Product_Name="CDiameterPeer" AcceptUnknownPeers="0" DropUnknownOnDisconnect="1" Tc="1" Workers="1"
 QueueLength="32" ConnectTimeout="5" TransactionTimeout="5" SessionsHashSize="128"
 DefaultAuthSessionTimeout="60" MaxAuthSessionTimeout="300">
<Peer FQDN="{hss}" Realm="example.com" port="{port}" src_addr="" />
<Acceptor port="{own}" bind="{host}"/>
<Auth id="16777216" vendor="10415"/>
<SupportedVendor vendor="10415"/>
<DefaultRoute FQDN="{hss}" metric="10"/>
</DiameterPeer>
"""


def criterion(priority, conditions, server):
    points = "".join(f"<SPT><ConditionNegated>0</ConditionNegated><Group>0</Group>{one}</SPT>"
                     for one in conditions)
    return (f"<InitialFilterCriteria><Priority>{priority}</Priority><TriggerPoint>"
            f"<ConditionTypeCNF>0</ConditionTypeCNF>{points}</TriggerPoint><ApplicationServer>"
            f"<ServerName>{server}</ServerName><DefaultHandling>0</DefaultHandling>"
            f"</ApplicationServer></InitialFilterCriteria>")


def profile(server):
    """User data of 3GPP TS 29.228 for any identity: registrations and messages go to SERVER."""
    def make(public):
        return (f'<?xml version="1.0" encoding="UTF-8"?><IMSSubscription><PrivateID>'
                f'{public.removeprefix("sip:")}</PrivateID><ServiceProfile><PublicIdentity>'
                f"<Identity>{public}</Identity></PublicIdentity>"
                + criterion(0, ["<Method>REGISTER</Method>"], server)
                + criterion(1, ["<Method>MESSAGE</Method>", "<SessionCase>0</SessionCase>"], server)
                + criterion(2, ["<Method>MESSAGE</Method>", "<SessionCase>1</SessionCase>"], server)
                + "</ServiceProfile></IMSSubscription>")
    return make


class Scscf(Client):
    def __init__(self, folder, config, hss_port):
        super().__init__(folder)
        self.config, self.port = config, free_sip_port()
        self.sip_port = self.port  # for UserAgent
        self.diameter = folder / "diameter.xml"
        with socket.create_server((HOST, 0)) as probe:
            own = probe.getsockname()[1]
        self.diameter.write_text(DIAMETER.format(hss=HSS_HOST, port=hss_port, own=own, host=HOST))

    def listens(self):
        with socket.socket(type=socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((HOST, self.port))
            except OSError:
                return True
        return False

    def start(self):
        uri = f"sip:{HOST}:{self.port}"
        self.run("kamailio", "-DD", "-E", "-m", 64, "-M", 8, "-Y", self.folder, "-f", self.config,
                 "-A", f"LISTEN=udp:{HOST}:{self.port}", "-A", f'URI="{uri}"',
                 "-A", f'ADDRESS="{HOST}:{self.port}"', "-A", f'PASSWORD="{PASSWORD}"',
                 "-A", f'DIAMETER="{self.diameter}"')
        wait_for(self.listens, "Kamailio to listen")
        return self


class Device(UserAgent):
    """A user's, registered with the S-CSCF."""

    def __init__(self, scscf, user):
        super().__init__(scscf, user, PASSWORD)
        self.server = (HOST, scscf.port)
        self.route = ("Route", f"<sip:orig@{HOST}:{scscf.port};lr>")


@pytest.fixture
def ims(make_daemon, tmp_path, request):
    """cpmd and the S-CSCF, which know each other."""
    if not os.path.exists(f"{MODULES}/ims_isc.so"):
        pytest.skip("kamailio-ims-modules is not installed: ./dev check --peers does that")
    daemon = make_daemon().with_sip(peers=[
        {"name": "scscf", "networks": f"{HOST}/32", "trusted": True, "core": True}]).start()
    hss = Hss(HSS_HOST, profile(f"sip:127.0.0.1:{daemon.sip_port}"), "sip:scscf.example.com")
    folder = tmp_path / "kamailio"
    folder.mkdir()
    scscf = Scscf(folder, request.path.parent / "scscf.cfg", hss.port)
    scscf.start()
    wait_for(lambda: CAPABILITIES in hss.asked, "Kamailio to find the HSS")
    yield daemon, scscf, hss
    scscf.end()
    hss.close()


def registrations(daemon):
    done = subprocess.run([BUILD / "cpmctl", "--socket", daemon.socket, "--json", "sip",
                           "registrations"], capture_output=True, timeout=PATIENCE_S, check=True)
    return json.loads(done.stdout)


def test_users_of_a_core_are_known_and_their_messages_pass_through(ims):
    daemon, scscf, hss = ims
    with Device(scscf, "carl") as carl, Device(scscf, "dora") as dora:
        for device in (carl, dora):
            assert device.register(600).status == 200, scscf.log()[-3000:]
        assert SERVER_ASSIGNMENT in hss.asked
        # Told by third-party REGISTER, and of their devices by NOTIFY.
        wait_for(lambda: all(device.contact.strip("<>") in json.dumps(registrations(daemon))
                             for device in (carl, dora)), "cpmd to know the devices")
        carl.send_raw(carl.request("MESSAGE", dora.aor, [
            carl.route, ("P-Asserted-Identity", f"<{carl.aor}>"),
            ("Content-Type", "text/plain")], "through the core"))
        got = dora.take("MESSAGE")
        assert got.body == b"through the core"
        assert carl.expect(lambda m: not m.is_request and m.status >= 200).status == 200
        # The S-CSCF twice, cpmd twice, once more the S-CSCF, and the device itself.
        ours = [via for via in got.all("via") if f"127.0.0.1:{daemon.sip_port}" in via]
        assert len(ours) == 2, got
        assert carl.register(0).status == 200
        wait_for(lambda: carl.contact.strip("<>") not in json.dumps(registrations(daemon)),
                 "cpmd to forget the device")

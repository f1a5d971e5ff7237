# SPDX-License-Identifier: Apache-2.0
"""SIP clients of others, run headless on loopback: linphonec and programs for Node.

Each gets a folder of its own, which is its home too, and its own ports. What it prints is a log
that tests wait for lines in.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys

import pytest

from harness import BUILD, TOP, free_port, free_sip_port, wait_for

sys.path.insert(0, str(TOP / "tests/flow"))  # the small user agent

PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"


def node_modules():
    """Where ./dev check --peers has installed the packages of tests/peers/package.json."""
    modules = BUILD / "peers" / "node_modules"
    if not (modules / "jssip").is_dir():
        pytest.skip("no packages of npm in build/peers: the registry could not be reached")
    return modules


class Client:
    """A program with its folder, its log and its stdin."""

    def __init__(self, folder):
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log_path = self.folder / "log"
        self.process = None

    def run(self, *argv, **env):
        program = shutil.which(argv[0], path=PATH)
        assert program, f"{argv[0]} is not installed: ./dev check --peers does that"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [program, *map(str, argv[1:])], stdin=subprocess.PIPE, stdout=log, stderr=log,
                cwd=self.folder, env={"PATH": PATH, "HOME": str(self.folder), "LANG": "C.UTF-8",
                                      "XDG_RUNTIME_DIR": str(self.folder), **env},
                start_new_session=True,
            )
        return self

    def say(self, line):
        """A line for its stdin."""
        self.process.stdin.write((line + "\n").encode())
        self.process.stdin.flush()

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def expect(self, pattern):
        """Wait until PATTERN is in its log."""

        def found():
            assert self.process.poll() is None, f"it has ended: {self.log()}"
            return re.search(pattern, self.log())

        try:
            wait_for(found, f"{pattern} of {self.folder.name}")
        except AssertionError as error:
            raise AssertionError(f"{error}; its log: {self.log()[-4000:]}") from None

    def end(self):
        if self.process is None:
            return
        self.process.stdin.close()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)  # a server's children too
                self.process.wait()
        self.process = None

    def vanish(self):
        """It is gone without a word: no de-registration."""
        self.process.kill()
        self.process.wait()
        self.end()


class Baresip(Client):
    """baresip: a device of plain text, which receives. It prints what it was sent."""

    CONFIG = """module_path /usr/lib/baresip/modules
sip_listen 127.0.0.1:0
module stdio.so
module_tmp account.so
module_app menu.so
module_app contact.so
"""

    def __init__(self, folder, server, user, password, domain="example.com"):
        super().__init__(folder)
        self.account = (
            f"<sip:{user}@{domain}>;auth_user={user};auth_pass={password};"
            f'outbound="sip:127.0.0.1:{server};transport=udp";regint=600\n'
        )

    def start(self):
        (self.folder / "config").write_text(self.CONFIG)
        (self.folder / "accounts").write_text(self.account)
        (self.folder / "contacts").write_text("")
        self.run("stdbuf", "-o0", "baresip", "-f", self.folder)
        return self

    def registered(self):
        self.expect(r"200 OK .*\[1 binding\]")
        return self

    def received(self, text):
        self.expect(re.escape(text))


class Linphone(Client):
    """linphonec. It rewrites its configuration, so each run gets a new one; what tells one device
    from another, its uuid, stays."""

    CONFIG = """[sip]
sip_port={port}
sip_tcp_port={port}
sip_tls_port=-1
ipv6_migration_done=1
use_ipv6=0
guess_hostname=0
contact=sip:{user}@127.0.0.1
default_proxy=0
register_only_when_network_is_up=0
[misc]
{uuid}
[net]
mtu=1300
firewall_policy=0
[proxy_0]
reg_proxy=<sip:{host}:{server};transport={transport}>
reg_route=<sip:{host}:{server};transport={transport};lr>
reg_identity=sip:{user}@{domain}
reg_expires=600
reg_sendregister=1
publish=0
[auth_info_0]
username={user}
passwd={password}
realm={domain}
[sound]
playback_dev_id=
[video]
enabled=0
"""

    def __init__(self, folder, server, user, password, transport="udp", domain="example.com",
                 host="127.0.0.1"):
        super().__init__(folder)
        self.known = dict(host=host, server=server, user=user, password=password, transport=transport,
                          domain=domain, port=free_sip_port())
        self.uuid = ""

    def start(self):
        (self.folder / ".local/share/linphone").mkdir(parents=True, exist_ok=True)
        config = self.folder / "linphonerc"
        if config.exists():
            self.uuid = (re.search(r"^uuid=.*$", config.read_text(), re.M) or [""])[0]
        config.write_text(self.CONFIG.format(uuid=self.uuid, **self.known))
        self.run("stdbuf", "-o0", "linphonec", "-c", config, "-d", 0)
        return self

    def registered(self):
        """It says so only when asked, and is asked again when it has answered."""
        asked = 0

        def is_so():
            nonlocal asked
            answers = re.findall(r"registered(?:=-1|, identity=)", self.log())
            if answers and answers[-1] != "registered=-1":
                return True
            if len(answers) == asked:
                self.say("status register")
                asked += 1
            return False

        wait_for(is_so, f"{self.folder.name} to register")
        return self

    def message(self, to, text):
        self.say(f"chat {to} {text}")

    def received(self, text):
        self.expect(rf"Message received from .*: {re.escape(text)}")

    def end(self):
        if self.process and self.process.poll() is None:
            try:
                self.say("quit")
                self.process.wait(timeout=20)
            except (BrokenPipeError, subprocess.TimeoutExpired):
                pass
        super().end()


class NodeClient(Client):
    """A stack for Node in a small program of ours, which takes commands as words on stdin and says
    what happens in lines of JSON."""

    def __init__(self, folder, script, server, user, password, domain="example.com"):
        super().__init__(folder)
        self.script = TOP / "tests/peers" / script
        self.server, self.user, self.password, self.domain = server, user, password, domain

    def start(self):
        modules = node_modules()
        return self.run("node", self.script, self.server, self.user, self.password, self.domain,
                        free_port(), NODE_PATH=str(modules))

    def registered(self):
        self.expect(r'"event":"registered"')
        return self

    def message(self, to, text):
        self.say(f"message {to} {text}")

    def received(self, text):
        self.expect(r'"event":"received".*' + re.escape(json.dumps(text)))

    def delivered(self, status=200):
        self.expect(rf'"event":"answer","status":{status}\b')

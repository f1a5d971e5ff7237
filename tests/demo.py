#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs cpmd with a small demonstration domain on loopback, for people and for tests.

Everything it makes lies in one folder: configuration, store, admin socket, passwords. Without
--dir the folder is temporary and goes away at the end; with it, the next run finds everything again.
SIGTERM or Ctrl-C stops the server and waits for it.
"""

import argparse
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

DOMAIN = "example.com"
USERS = ["alice", "bob", "carol"]
OPERATOR = "operator"
READY_WITHIN_S = 60


def fail(text):
    sys.exit(f"demo: {text}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def port_fault(port, kinds):
    """Why PORT cannot be had for all KINDS of socket; None: it can."""
    for kind in kinds:
        with socket.socket(type=kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                return error.strerror
    return None


def take_port(wanted, option, kinds=(socket.SOCK_STREAM,)):
    """The port itself, or a free one for 0. A port that somebody else holds is said at once."""
    if wanted == 0:
        port = free_port()
        while port_fault(port, kinds):
            port = free_port()
        return port
    fault = port_fault(wanted, kinds)
    if fault:
        fail(f"port {wanted} cannot be had ({fault}): choose another with {option} PORT")
    return wanted


def write_private(path, text):
    with os.fdopen(os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
        f.write(text)
    os.replace(path + ".new", path)


def new_password(name):
    """One that the server takes: without the name in it."""
    while True:
        password = secrets.token_urlsafe(9)
        if name not in password.lower():
            return password


def credentials(folder):
    """The people of the domain; made once for a folder."""
    path = os.path.join(folder, "people.json")
    if os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            return json.load(f)
    people = {
        name: {"uri": f"sip:{name}@{DOMAIN}", "password": new_password(name)}
        for name in USERS + [OPERATOR]
    }
    write_private(path, json.dumps(people, indent=2) + "\n")
    return people


def write_config(folder, http_port, sip_port, ws_port, workers):
    """Made anew at each run: the ports are the caller's. What is to stay goes into cpmd.yaml.d."""
    path = os.path.join(folder, "cpmd.yaml")
    user = "  user: root\n" if os.geteuid() == 0 else ""
    write_private(
        path,
        f"""# Made by ./dev run at each start; settings of your own go into cpmd.yaml.d/*.yaml
server:
  workers: {workers}
{user}store:
  dir: {folder}/store
http:
  listen:
    - address: 127.0.0.1
      port: {http_port}
sip:
  listen:
    - {{transport: udp, address: 127.0.0.1, port: {sip_port}}}
    - {{transport: tcp, address: 127.0.0.1, port: {sip_port}}}
    - {{transport: ws, address: 127.0.0.1, port: {ws_port}}}
admin:
  socket: {folder}/admin.sock
  backup-dir: {folder}/backups
""",
    )
    return path


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def wait_ready(server, url):
    deadline = time.monotonic() + READY_WITHIN_S
    while not answers(url):
        if server.poll() is not None:
            fail(f"cpmd ended with status {server.returncode}; its last lines say why")
        if time.monotonic() > deadline:
            fail(f"no answer from {url} within {READY_WITHIN_S} s")
        time.sleep(0.05)


def make_users(people, build, admin_socket):
    """Whoever is not there yet; who is, keeps what somebody may have changed."""
    for name, person in people.items():
        words = [os.path.join(build, "cpmctl"), "--socket", admin_socket, "--json", "user", "add", name]
        if name == OPERATOR:
            words.append("--operator")
        done = subprocess.run(
            words, input=person["password"] + "\n", capture_output=True, text=True, check=False
        )
        if done.returncode != 0 and '"error":"exists"' not in done.stdout:
            fail(f"the user {name} cannot be made: {done.stdout or done.stderr}")


def ready_facts(folder, http_port, sip_port, ws_port, people, server):
    root = f"http://127.0.0.1:{http_port}"
    return {
        "pid": server.pid,
        "dir": folder,
        "http": {"address": "127.0.0.1", "port": http_port, "url": root},
        "sip": {
            "address": "127.0.0.1",
            "port": sip_port,
            "transports": ["udp", "tcp"],
            "websocket": f"ws://127.0.0.1:{ws_port}",
        },
        "xcap_root": f"{root}/xcap-root",
        "admin_socket": f"{folder}/admin.sock",
        "domain": DOMAIN,
        "users": [{"name": name, **people[name]} for name in USERS],
        "operator": {"name": OPERATOR, **people[OPERATOR]},
    }


def banner(facts, build):
    http, sip = facts["http"]["url"], facts["sip"]
    print(
        f"""
cpmd is ready.
  probes       {http}/livez   {http}/readyz
  metrics      {http}/metrics
  SIP          127.0.0.1:{sip['port']} over UDP and TCP, {sip['websocket']}; domain {DOMAIN}
  operator     {build}/cpmctl --socket {facts['admin_socket']} status
  people       {', '.join(USERS)} and {OPERATOR}; passwords in {facts['dir']}/people.json
  everything   {facts['dir']}
Ctrl-C ends it.
""",
        file=sys.stderr,
    )


def serve(args, folder):
    people = credentials(folder)
    both = (socket.SOCK_DGRAM, socket.SOCK_STREAM)
    http_port = take_port(args.http, "--http")
    sip_port = take_port(args.sip, "--sip", both)
    ws_port = free_port()
    config = write_config(folder, http_port, sip_port, ws_port, args.workers)
    if args.ready_file and os.path.exists(args.ready_file):
        os.unlink(args.ready_file)
    schemas = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "schema")
    server = subprocess.Popen(
        [os.path.join(args.build, "cpmd"), "--config", config],
        env=dict(os.environ, OPENCPM_SCHEMA_DIR=schemas),
    )
    stopping = []

    def stop(signum, _frame):
        stopping.append(signum)
        if server.poll() is None:
            server.terminate()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        wait_ready(server, f"http://127.0.0.1:{http_port}/readyz")
        make_users(people, args.build, os.path.join(folder, "admin.sock"))
        facts = ready_facts(folder, http_port, sip_port, ws_port, people, server)
        if args.ready_file:
            write_private(args.ready_file, json.dumps(facts, indent=2) + "\n")
        banner(facts, args.build)
        status = server.wait()
    finally:
        if server.poll() is None:
            server.terminate()
            server.wait()
        if args.ready_file and os.path.exists(args.ready_file):
            os.unlink(args.ready_file)
    return 0 if stopping and status == 0 else status


def main():
    parser = argparse.ArgumentParser(prog="./dev run", description=__doc__.splitlines()[0])
    parser.add_argument("--build", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--workers", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--dir", help="where everything lies; kept at the end")
    parser.add_argument("--http", type=int, default=8080, help="HTTP port (0: any free one)")
    parser.add_argument("--sip", type=int, default=5060, help="SIP port over UDP and TCP (0: any free one)")
    parser.add_argument("--ready-file", help="JSON of addresses and people, written when all answers")
    args = parser.parse_args()
    folder = os.path.abspath(args.dir) if args.dir else tempfile.mkdtemp(prefix="opencpm-")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    try:
        return serve(args, folder)
    finally:
        if not args.dir:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())

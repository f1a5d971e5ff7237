# SPDX-License-Identifier: Apache-2.0
"""cpmd behind nginx: the common reverse proxy, with kept connections to us, and with TLS in front."""

import os
import shutil
import socket
import subprocess

import pytest
import requests

from harness import free_port, wait_for

CONFIG = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; worker_processes 1; {user}
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    upstream cpmd {{ server 127.0.0.1:{backend}; keepalive 4; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://cpmd;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
        }}
    }}
}}
"""


@pytest.fixture
def proxy(daemon, tmp_path):
    """The port of an nginx in front of the daemon."""
    folder = tmp_path / "nginx"
    folder.mkdir()
    port = free_port()
    config = folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    config.write_text(CONFIG.format(folder=folder, port=port, backend=daemon.port, user=user))
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin")
    process = subprocess.Popen([nginx, "-p", folder, "-c", config])

    def accepts():
        assert process.poll() is None, (folder / "error.log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_for(accepts, "nginx to listen")
    yield port
    process.terminate()
    process.wait(timeout=60)


def test_answers_pass_through(daemon, proxy):
    session = requests.Session()
    for _ in range(200):
        answer = session.get(f"http://127.0.0.1:{proxy}/readyz", timeout=60)
        assert answer.status_code == 200
    # Kept connections: nginx asked all that over a few of them.
    assert daemon.metric("opencpm_http_connections") <= 10


def test_a_smuggled_request_is_never_executed(daemon, proxy):
    before = daemon.get("/metrics").text.count("/smuggled")
    body = b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    request = (
        b"POST /livez HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: "
        + str(len(body)).encode() + b"\r\n\r\n" + body
    )
    with socket.create_connection(("127.0.0.1", proxy)) as conn:
        conn.settimeout(60)
        conn.sendall(request)
        conn.shutdown(socket.SHUT_WR)
        while conn.recv(4096):
            pass
    assert daemon.get("/metrics").text.count("/smuggled") == before
    assert "/smuggled" not in daemon.log()


def test_restart_behind_the_proxy(daemon, proxy):
    url = f"http://127.0.0.1:{proxy}/livez"
    assert requests.get(url, timeout=60).status_code == 200
    assert daemon.stop() == 0
    daemon.start()
    wait_for(lambda: requests.get(url, timeout=60).status_code == 200, "the proxy to find us again")

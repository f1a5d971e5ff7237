# SPDX-License-Identifier: Apache-2.0
"""TLS of the whole daemon: served, renewed without a restart, and never in its output."""

import signal
import socket
import ssl
import subprocess

import pytest
import requests

from harness import free_port, wait_for


def make_certificate(folder, name):
    """A fresh self-signed certificate for localhost; the files it is in."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-days", "2", "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", key, "-out", cert],
        check=True, capture_output=True, timeout=60,
    )
    key.chmod(0o600)
    return cert, key


@pytest.fixture
def tls(make_daemon, tmp_path):
    """A daemon with a TLS listener beside the plain one."""
    cert, key = make_certificate(tmp_path, "first")
    daemon = make_daemon()
    daemon.tls_port = free_port()
    listen = daemon.settings["http"]["listen"] + [
        {"address": "127.0.0.1", "port": daemon.tls_port, "certificate": str(cert), "key": str(key)}
    ]
    daemon.configure({"http": {"listen": listen}, "log": {"level": "debug"}})
    return daemon.start()


def peer_name(port):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port)) as plain:
        with context.wrap_socket(plain) as secure:
            der = secure.getpeercert(binary_form=True)
    text = subprocess.run(
        ["openssl", "x509", "-inform", "der", "-noout", "-subject"], input=der,
        capture_output=True, check=True, timeout=60,
    ).stdout.decode()
    return text.split("CN = ")[1].strip()


def test_served_over_tls(tls, tmp_path):
    answer = requests.get(
        f"https://127.0.0.1:{tls.tls_port}/livez", verify=tmp_path / "cert.pem", timeout=60
    )
    assert answer.status_code == 200


def test_renewed_without_restart(tls, tmp_path):
    assert peer_name(tls.tls_port) == "first"
    with requests.Session() as session:
        old = session.get(f"https://127.0.0.1:{tls.tls_port}/livez", verify=False, timeout=60)
        make_certificate(tmp_path, "second")
        tls.signal(signal.SIGHUP)
        wait_for(lambda: peer_name(tls.tls_port) == "second", "the new certificate")
        again = session.get(f"https://127.0.0.1:{tls.tls_port}/livez", verify=False, timeout=60)
        assert (old.status_code, again.status_code) == (200, 200)


def test_bad_certificate_keeps_the_old(tls, tmp_path):
    (tmp_path / "cert.pem").write_text("no certificate\n", encoding="ascii")
    done = tls.ctl("reload")
    assert done.returncode != 0
    assert "cert.pem" in done.stderr
    assert peer_name(tls.tls_port) == "first"


def test_key_of_another_certificate_is_a_start_failure(make_daemon, tmp_path):
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
    cert, _ = make_certificate(folders[0], "a")
    _, key = make_certificate(folders[1], "b")
    daemon = make_daemon()
    listen = [{"address": "127.0.0.1", "port": daemon.port, "certificate": str(cert), "key": str(key)}]
    daemon.configure({"http": {"listen": listen}}).spawn()
    assert daemon.process.wait(timeout=60) != 0
    assert str(cert) in daemon.log() or str(key) in daemon.log()


def test_key_is_in_no_output(tls, tmp_path):
    key_lines = (tmp_path / "key.pem").read_text(encoding="ascii").splitlines()[1:-1]
    tls.signal(signal.SIGHUP)
    tls.wait_log("reloaded")
    said = tls.log() + tls.get("/metrics").text + tls.ctl("status").stdout
    for line in key_lines:
        assert line not in said

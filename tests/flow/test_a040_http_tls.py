# SPDX-License-Identifier: Apache-2.0
"""HTTP edge over TLS: versions, certificates replaced while running, stalls, odd clients."""

import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import threading

import pytest

from httpd import PROGRAM, WORKERS, Client, Server, wait_until


def make_cert(folder, name, days=30):
    """A self-signed certificate that ends in DAYS, which may be negative."""
    cert, key, request = (folder / f"{name}.{kind}" for kind in ("crt", "key", "csr"))
    names = folder / f"{name}.names"
    names.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", key, "-out", request, "-subj", f"/CN={name}")
    openssl("x509", "-req", "-in", request, "-signkey", key, "-days", str(days),
            "-extfile", names, "-out", cert)
    os.chmod(key, 0o600)
    return cert, key


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


@pytest.fixture(scope="module")
def certs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certs")
    return {name: make_cert(folder, name) for name in ("first", "second")}


@pytest.fixture(params=WORKERS)
def workers(request):
    return request.param


@pytest.fixture
def files(certs, tmp_path):
    """A certificate and a key where the server reads them, to be replaced."""
    cert, key = tmp_path / "server.crt", tmp_path / "server.key"
    shutil.copy(certs["first"][0], cert)
    shutil.copy(certs["first"][1], key)
    return cert, key


@pytest.fixture
def server(workers, files):
    with Server(workers, tls=files) as one:
        yield one


def context(low=None, high=None):
    one = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    one.check_hostname = False
    one.verify_mode = ssl.CERT_NONE
    if low:
        one.minimum_version = low
    if high:
        one.maximum_version = high
    return one


def shown_cert(server, ctx=None):
    with contextlib.closing(server.connect_tls(ctx)) as client:
        assert client.ask("/show").status == 200
        return ssl.DER_cert_to_PEM_cert(client.sock.getpeercert(True)).strip()


def text(path):
    return path.read_text().strip()


def test_get_over_tls(server):
    with contextlib.closing(server.connect_tls()) as client:
        assert b"tls=1" in client.ask("/show").body
        assert len(client.ask("/hello").body) == 2048
        assert client.ask("/slow?ms=5").status == 200
        assert client.ask("/pieces?n=50&bytes=20000").body == b"p" * 1000000
        assert client.ask("/pieces?n=50&bytes=20000", method="HEAD").status == 200
        body = os.urandom(1000000)
        assert client.ask("/echo", method="PUT", body=body).body == body
    assert "tls=1" in server.wait_log("target=/show")


def test_the_certificate_is_the_one_of_the_file(server, certs):
    ctx = ssl.create_default_context(cafile=str(certs["first"][0]))
    raw = socket.create_connection(("127.0.0.1", server.ports["tls"]))
    with contextlib.closing(Client(ctx.wrap_socket(raw, server_hostname="localhost"))) as client:
        assert client.ask("/hello").status == 200


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_versions_that_are_spoken(server, version):
    with contextlib.closing(server.connect_tls(context(version, version))) as client:
        assert client.ask("/hello").status == 200


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_versions_that_are_not(server, version):
    ctx = context(version, version)
    ctx.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        server.connect_tls(ctx)
    with contextlib.closing(server.connect_tls()) as client:
        assert client.ask("/hello").status == 200


def test_no_key_exchange_without_forward_secrecy(server):
    ctx = context(high=ssl.TLSVersion.TLSv1_2)
    ctx.set_ciphers("AES128-GCM-SHA256:AES256-SHA")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        server.connect_tls(ctx)


def test_renegotiation_is_refused(server):
    """openssl s_client starts one at the line "R"."""
    client = subprocess.Popen(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{server.ports['tls']}", "-tls1_2"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )
    client.stdin.write(b"R\n")
    client.stdin.flush()
    killer = threading.Timer(30, client.kill)
    killer.start()
    out = client.stdout.read()  # to its end, which the server brings about
    killer.cancel()
    client.communicate()
    assert b"RENEGOTIATING\nclosed" in out
    with contextlib.closing(server.connect_tls()) as other:
        assert other.ask("/hello").status == 200


def test_plain_http_on_the_tls_port(server):
    raw = socket.create_connection(("127.0.0.1", server.ports["tls"]))
    with contextlib.closing(Client(raw)) as client:
        client.send("GET /show/canary HTTP/1.1\r\nHost: x\r\n\r\n")
        while client.rest is not None:
            try:
                data = client.sock.recv(4096)
            except ConnectionError:
                break
            assert b"HTTP/1.1" not in data
            if not data:
                break
    assert "canary" not in server.log()
    server.alive()


def test_a_client_certificate_is_not_asked_for_and_does_no_harm(server, certs):
    ctx = context()
    ctx.load_cert_chain(*map(str, certs["second"]))
    with contextlib.closing(server.connect_tls(ctx)) as client:
        assert client.ask("/hello").status == 200


def test_a_handshake_of_64_kb(workers, files):
    """A hello that says it is as long as a message may be, and is."""
    with Server(workers, tls=files, idle=1) as server:
        raw = socket.create_connection(("127.0.0.1", server.ports["tls"]))
        with contextlib.closing(Client(raw)) as client:
            hello = b"\x01\x00\xff\xfc" + os.urandom(65532)
            with contextlib.suppress(ConnectionError):
                for i in range(0, len(hello), 8192):
                    client.send(b"\x16\x03\x03\x20\x00" + hello[i : i + 8192])
            with contextlib.suppress(ConnectionError):
                while client.sock.recv(4096):
                    pass
        server.alive()


def test_stalled_handshakes_are_ended_and_delay_nobody(workers, files):
    with Server(workers, tls=files, idle=1) as server:
        hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
        stalled = []
        for i in range(100):
            raw = socket.create_connection(("127.0.0.1", server.ports["tls"]))
            raw.sendall(hello[: i % len(hello)])
            stalled.append(Client(raw))
        with contextlib.closing(server.connect_tls()) as client:
            assert client.ask("/hello").status == 200
        for client in stalled:
            assert client.answer() is None
            client.close()


def test_fence_over_tls(server):
    for bad, status in [
        ("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", 400),
        ("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\na", 400),
        ("GET /hello HTTP/1.1\nHost: x\n\n", 400),
    ]:
        with contextlib.closing(server.connect_tls()) as client:
            client.send(bad + "GET /show/canary HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.answer().status == status
            assert client.answer() is None
    assert "canary" not in server.log()


# ---- certificates replaced while running ----


def replace(files, pair):
    shutil.copy(pair[0], files[0])
    shutil.copy(pair[1], files[1])


def test_reload(server, files, certs):
    assert shown_cert(server) == text(certs["first"][0])
    with contextlib.closing(server.connect_tls()) as old:
        assert old.ask("/hello").status == 200
        replace(files, certs["second"])
        assert shown_cert(server) == text(certs["first"][0]), "not before it is told to"
        assert server.get("/reload-tls").status == 200
        assert shown_cert(server) == text(certs["second"][0])
        assert old.ask("/hello").status == 200, "an old connection is not disturbed"


@pytest.mark.parametrize("fault", ["empty", "garbage", "absent", "other key"])
def test_a_bad_new_certificate_leaves_the_old_one_in_force(server, files, certs, fault):
    if fault == "empty":
        files[0].write_text("")
    elif fault == "garbage":
        files[0].write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    elif fault == "absent":
        files[0].unlink()
    else:
        shutil.copy(certs["second"][1], files[1])
    answer = server.get("/reload-tls")
    assert answer.status == 500
    assert str(files[0]).encode() in answer.body, "the file is named"
    assert shown_cert(server) == text(certs["first"][0])


@pytest.mark.parametrize("fault", ["empty", "other key"])
def test_no_start_with_a_bad_certificate(files, certs, fault):
    if fault == "empty":
        files[0].write_text("")
    else:
        shutil.copy(certs["second"][1], files[1])
    result = subprocess.run(
        [PROGRAM, "--tls", str(files[0]), str(files[1])], capture_output=True, timeout=30
    )
    assert result.returncode == 1
    assert b" cannot be used: " in result.stderr


def test_operator_is_warned(workers, files, tmp_path):
    replace(files, make_cert(tmp_path, "past", days=-1))
    os.chmod(files[1], 0o644)
    with Server(workers, tls=files) as server:
        server.wait_log("warn http tls-certificate-expired")
        server.wait_log("warn http tls-key-readable-by-all")
        assert shown_cert(server)


def test_thousands_of_reloads_under_load_leak_nothing(server, files, certs):
    stop, failures = threading.Event(), []

    def load():
        while not stop.is_set():
            try:
                with contextlib.closing(server.connect_tls()) as client:
                    assert client.ask("/hello").status == 200
            except Exception as error:
                failures.append(error)

    def reloads(n):
        with contextlib.closing(server.connect()) as client:
            for i in range(n):
                if i % 100 == 0:
                    # Between the two copies the pair does not match: that reload is refused.
                    replace(files, certs["second" if i % 200 else "first"])
                assert client.ask("/reload-tls").status == 200

    threads = [threading.Thread(target=load) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        reloads(500)
        before, open_before = server.stat("VmRSS"), server.descriptors()
        reloads(2000)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not failures
    # 2,000 forgotten certificates would be some 20 MB.
    assert server.is_sanitized() or server.stat("VmRSS") < before + 8000
    wait_until(lambda: server.descriptors() <= open_before + 1)

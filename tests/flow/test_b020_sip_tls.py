# SPDX-License-Identifier: Apache-2.0
"""SIP over TLS: who is believed to be whom, and what odd peers get (robustness test 28)."""

import contextlib
import os
import shutil
import socket
import ssl
import subprocess

import pytest

from httpd import WORKERS, wait_until
from sipd import Sipd, Stream, message


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Authority:
    def __init__(self, folder):
        self.folder = folder
        self.cert, self.key = folder / "ca.crt", folder / "ca.key"
        openssl("req", "-x509", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-nodes", "-keyout", self.key, "-out", self.cert, "-subj", "/CN=test authority",
                "-days", "30", "-addext", "keyUsage=keyCertSign")

    def issue(self, name, names, days=30, signed=True):
        """A certificate and its key; NAMES as OpenSSL writes subjectAltName, "" for none."""
        cert, key, request, ext = (self.folder / f"{name}.{kind}"
                                   for kind in ("crt", "key", "csr", "ext"))
        ext.write_text(f"subjectAltName={names}\n" if names else "")
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", key, "-out", request, "-subj", f"/CN={name}")
        by = ("-CA", self.cert, "-CAkey", self.key, "-CAcreateserial") if signed else (
            "-signkey", key)
        openssl("x509", "-req", "-in", request, *by, "-days", days, "-extfile", ext, "-out", cert)
        os.chmod(key, 0o600)
        return cert, key


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def certs(ca):
    return {
        "server": ca.issue("server", "DNS:cpm.example"),
        "peer": ca.issue("peer", "URI:sip:peer.example,DNS:host.peer.example"),
        "dns": ca.issue("dns", "DNS:a.example,DNS:b.example"),
        "plain": ca.issue("common.example", ""),
        "user": ca.issue("user", "URI:sip:alice@peer.example"),
        "star": ca.issue("star", "DNS:*.example"),
        "expired": ca.issue("expired", "DNS:cpm.example", days=-1),
        "self": ca.issue("self", "DNS:cpm.example", signed=False),
    }


@pytest.fixture(params=WORKERS)
def workers(request):
    return request.param


@pytest.fixture
def sipd(workers, ca, certs):
    with Sipd("tcp", "tls", workers=workers, cert=certs["server"], ca=ca.cert,
              client_ca=ca.cert) as one:
        yield one


def context(ca=None, cert=None, low=None, high=None):
    one = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    one.check_hostname = False
    one.verify_mode = ssl.CERT_NONE
    if ca:
        one.load_verify_locations(ca.cert)
        one.verify_mode = ssl.CERT_REQUIRED
    if cert:
        one.load_cert_chain(*cert)
    if low:
        one.minimum_version = low
    if high:
        one.maximum_version = high
    return one


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_message_comes_back(sipd, ca, version):
    one = sipd.tls(context=context(ca, low=version, high=version))
    with contextlib.closing(one):
        assert one.ask("ECHO x", b"body") == message("ECHO x", b"body")
        assert one.who()["names"] == "-"


def test_many_and_large(sipd):
    with contextlib.closing(sipd.tls()) as one:
        for n in 0, 1, 16000, 16384, 16385, 60000:
            assert one.ask("ECHO x", b"x" * n) == message("ECHO x", b"x" * n)
        data = b"".join(message(f"ECHO {i}") for i in range(300))
        one.send(data)
        assert one.exactly(len(data)) == data


def test_bad_length_ends_it(sipd):
    with contextlib.closing(sipd.tls()) as one:
        one.send(b"ECHO x SIP/2.0\r\nContent-Length: -1\r\n\r\n" + message("ECHO smuggled"))
        assert one.message().startswith(b"SIP/2.0 400 ")
        assert one.ended()


@pytest.mark.parametrize("cert, names", [
    ("peer", "peer.example"),  # RFC 5922 s7.1: with a SIP URI the DNS names say nothing
    ("dns", "a.example,b.example"),
    ("plain", "common.example"),
    ("user", "user"),  # a URI with a user names no domain
])
def test_client_is_who_its_certificate_says(sipd, certs, cert, names):
    with contextlib.closing(sipd.tls(context=context(cert=certs[cert]))) as one:
        assert one.who()["names"] == names


def refused(sipd, one_context):
    """The server ends it in or right after the handshake, and lives."""
    try:
        with contextlib.closing(sipd.tls(context=one_context)) as one:
            with contextlib.suppress(OSError):
                one.send(message())
            try:
                assert one.sock.recv(100) == b""
            except (ssl.SSLError, ConnectionError):
                pass
    except (ssl.SSLError, ConnectionError):
        pass
    with contextlib.closing(sipd.tls()) as one:
        assert one.ask("ECHO x") == message()


@pytest.mark.parametrize("cert", ["expired", "self"])
def test_bad_client_certificate_is_refused(sipd, certs, cert):
    refused(sipd, context(cert=certs[cert]))
    assert sipd.count('opencpm_sip_refused_total{cause="tls"}') >= 1


def test_tls_1_0_is_refused(sipd):
    old = context()
    with contextlib.suppress(ssl.SSLError):
        old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    refused(sipd, old)


def test_huge_certificate_is_refused(sipd, ca, certs, tmp_path):
    """64 kB of client certificates."""
    chain = tmp_path / "huge.crt"
    one = certs["dns"][0].read_bytes()
    chain.write_bytes(one * (1 + 65536 // len(one)) * 2)
    refused(sipd, context(cert=(chain, certs["dns"][1])))


def test_noise_is_refused(sipd):
    for noise in message(), b"\x16\x03\x01\xff\xff" + b"\xff" * 70000, b"\x80" * 100:
        with contextlib.closing(Stream(sipd.raw("tls"))) as one:
            with contextlib.suppress(ConnectionError):
                one.send(noise)
                while one.sock.recv(4096):
                    pass
    with contextlib.closing(sipd.tls()) as one:
        assert one.ask("ECHO x") == message()


def test_stalled_handshake_ends(workers, certs):
    with Sipd("tls", workers=workers, cert=certs["server"], message=400) as sipd:
        with contextlib.closing(Stream(sipd.raw("tls"))) as one:
            one.send(b"\x16\x03\x01")
            assert one.ended()
        with contextlib.closing(sipd.tls()) as one:
            assert one.ask("ECHO x") == message()


def test_connection_cut_in_the_handshake(sipd):
    for _ in range(50):
        raw = sipd.raw("tls")
        raw.send(b"\x16\x03\x01\x02\x00\x01")
        raw.close()
    with contextlib.closing(sipd.tls()) as one:
        assert one.ask("ECHO x") == message()


def test_reload(workers, ca, certs, tmp_path):
    """New connections get the new certificate, old ones go on; a bad one changes nothing."""
    cert, key = tmp_path / "server.crt", tmp_path / "server.key"

    def install(name):
        shutil.copy(certs[name][0], cert)
        shutil.copy(certs[name][1], key)

    def shown():
        with contextlib.closing(sipd.tls(context=context(ca))) as one:
            return one.sock.getpeercert()["subject"][0][0][1]

    install("server")
    with Sipd("tls", workers=workers, cert=(cert, key)) as sipd:
        with contextlib.closing(sipd.tls()) as old:
            assert shown() == "server"
            install("dns")
            assert b"200" in old.ask("RELOAD x")
            assert shown() == "dns"
            cert.write_text("nonsense")
            assert b"500" in old.ask("RELOAD x")
            assert shown() == "dns"
            assert old.ask("ECHO x") == message()


# ---- towards other servers ----


class Far:
    """A TLS server that takes one connection."""

    def __init__(self, cert, ask_for=None):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*cert)
        if ask_for:
            self.context.load_verify_locations(ask_for.cert)
            self.context.verify_mode = ssl.CERT_REQUIRED
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.sock.settimeout(30)
        self.port = self.sock.getsockname()[1]

    def accept(self):
        return Stream(self.context.wrap_socket(self.sock.accept()[0], server_side=True))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()


@pytest.mark.parametrize("cert, name", [
    ("peer", "peer.example"),
    ("dns", "b.example"),
    ("dns", "B.Example"),
    ("plain", "common.example"),
    ("self", ""),  # nobody is expected
])
def test_server_is_who_is_expected(sipd, ca, certs, cert, name):
    with Far(certs[cert], ask_for=ca) as far, contextlib.closing(sipd.tcp()) as one:
        where = f"SEND TLS/127.0.0.1/{far.port}/{name}"
        one.send(message(where) * 2)
        with contextlib.closing(far.accept()) as stream:
            assert stream.message() == message(where)
            assert stream.message() == message(where)
            # We show who we are, too.
            assert ("DNS", "cpm.example") in stream.sock.getpeercert()["subjectAltName"]
            who = stream.who()
            assert who["names"] == (name or "-")


@pytest.mark.parametrize("cert, name", [
    ("peer", "host.peer.example"),
    ("dns", "c.example"),
    ("star", "a.example"),  # RFC 5922 s7.2: no wildcards
    ("user", "peer.example"),
    ("expired", "cpm.example"),
    ("self", "cpm.example"),
])
def test_server_of_another_name_gets_nothing(sipd, certs, cert, name):
    with Far(certs[cert]) as far, contextlib.closing(sipd.tcp()) as one:
        one.send(message(f"SEND TLS/127.0.0.1/{far.port}/{name}"))
        with contextlib.suppress(ssl.SSLError, ConnectionError):
            with contextlib.closing(far.accept()) as stream:
                assert stream.sock.recv(100) == b""
        assert sipd.wait_line("failed") == "failed 1"


def test_alias(sipd, certs):
    """A peer's own connection carries requests to it (RFC 5923)."""
    with Sipd("tcp", "tls", cert=certs["server"], client_ca=sipd_ca(sipd)) as one_worker:
        with contextlib.closing(one_worker.tls(context=context(cert=certs["peer"]))) as peer:
            assert peer.ask("ALIAS 7777").startswith(b"SIP/2.0 200")
            with contextlib.closing(one_worker.tcp()) as one:
                one.send(message("SEND TLS/127.0.0.1/7777/peer.example"))
                assert peer.message() == message("SEND TLS/127.0.0.1/7777/peer.example")
                one.send(message("SEND TLS/127.0.0.1/7777/other.example"))
                assert one_worker.wait_line("failed")
        with contextlib.closing(one_worker.tls()) as nobody:
            assert nobody.ask("ALIAS 7777").startswith(b"SIP/2.0 400")
        wait_until(lambda: one_worker.count('opencpm_sip_connections{transport="TLS"}') == 0)


def sipd_ca(sipd):
    command = sipd.process.args
    return command[command.index("--client-ca") + 1]

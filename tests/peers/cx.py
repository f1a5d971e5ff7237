# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the HSS of an IMS core: as much of Diameter and Cx as an S-CSCF asks of it.

Capabilities, watchdog and the four requests of an S-CSCF or I-CSCF (3GPP TS 29.229) are answered;
everybody is a user, with the service profile that the test gives.
"""

import socket
import struct
import threading

VENDOR = 10415
CAPABILITIES, WATCHDOG, DISCONNECT = 257, 280, 282
USER_AUTHORIZATION, SERVER_ASSIGNMENT, LOCATION_INFO, MULTIMEDIA_AUTH = 300, 301, 302, 303
CX = 16777216
SUCCESS = 2001


def avp(code, value, vendor=0):
    if isinstance(value, int):
        value = struct.pack("!I", value)
    elif isinstance(value, str):
        value = value.encode()
    flags = 0x40 | (0x80 if vendor else 0)
    head = 12 if vendor else 8
    size = head + len(value)
    octets = struct.pack("!IB", code, flags) + size.to_bytes(3, "big")
    if vendor:
        octets += struct.pack("!I", vendor)
    return octets + value + b"\0" * (-size % 4)


def avps(octets):
    """Each AVP of OCTETS as (code, value)."""
    at = 0
    while at < len(octets):
        code, flags = struct.unpack_from("!IB", octets, at)
        size = int.from_bytes(octets[at + 5:at + 8], "big")
        head = 12 if flags & 0x80 else 8
        yield code, octets[at + head:at + size]
        at += size + -size % 4


class Hss:
    """Listens at HOST; PROFILE makes the user data of a public identity."""

    REALM = "example.com"

    def __init__(self, host, profile, server_name):
        self.host, self.profile, self.server_name = host, profile, server_name
        self.asked = []  # command codes
        self.listener = socket.create_server((host, 0))
        self.port = self.listener.getsockname()[1]
        self.streams = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                stream, _ = self.listener.accept()
            except OSError:
                return
            self.streams.append(stream)
            threading.Thread(target=self.talk, args=(stream,), daemon=True).start()

    def talk(self, stream):
        octets = b""
        while True:
            try:
                more = stream.recv(65536)
            except OSError:
                return
            if not more:
                return
            octets += more
            while len(octets) >= 20:
                size = int.from_bytes(octets[1:4], "big")
                if len(octets) < size:
                    break
                message, octets = octets[:size], octets[size:]
                if message[4] & 0x80:
                    stream.sendall(self.answer(message))

    def answer(self, request):
        command = int.from_bytes(request[5:8], "big")
        given = dict(avps(request[20:]))
        self.asked.append(command)
        body = b""
        if 263 in given:  # Session-Id comes first
            body += avp(263, given[263])
        body += avp(268, SUCCESS) + avp(264, self.host) + avp(296, self.REALM)
        if command == CAPABILITIES:
            body += (avp(257, b"\0\1" + socket.inet_aton(self.host)) + avp(266, VENDOR)
                     + avp(269, "stand-in") + avp(265, VENDOR)
                     + avp(260, avp(266, VENDOR) + avp(258, CX)))
        elif command in (USER_AUTHORIZATION, SERVER_ASSIGNMENT, LOCATION_INFO, MULTIMEDIA_AUTH):
            body += avp(260, avp(266, VENDOR) + avp(258, CX)) + avp(277, 1)
            body += avp(602, self.server_name, VENDOR)
            if command == SERVER_ASSIGNMENT:
                public = given[601].decode()
                body += avp(606, self.profile(public), VENDOR)
        size = 20 + len(body)
        head = (b"\1" + size.to_bytes(3, "big") + bytes([request[4] & 0x40])
                + command.to_bytes(3, "big") + request[8:20])
        return head + body

    def close(self):
        # A thread that waits in accept is woken by this and not by close alone.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for stream in self.streams:
            stream.close()

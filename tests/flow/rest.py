# SPDX-License-Identifier: Apache-2.0
"""Requests over the admin socket, as curl --unix-socket makes them."""

import json

from harness import AdminConnection


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        """The body, which must say that it is JSON."""
        assert self.headers["Content-Type"] == "application/json", self.body
        return json.loads(self.body)

    def fault(self):
        """The error's code; every error has a sentence and a remedy."""
        body = self.json()
        assert body["error"] and body["message"] and body["remedy"], body
        return body["error"]


def rest(daemon, method, path, body=None):
    """One request on a connection of its own. BODY: octets, or something to be made JSON."""
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
    connection = AdminConnection(daemon.socket)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        return Answer(connection.getresponse())
    finally:
        connection.close()

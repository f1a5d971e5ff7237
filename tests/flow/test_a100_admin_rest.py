# SPDX-License-Identifier: Apache-2.0
"""The operator's REST: every verb, every refusal, and that none of it is on TCP."""

import base64
import json
import os
import subprocess

import pytest
import requests

from harness import BUILD, wait_for
from rest import rest

VERBS = [
    ("GET", "/v1/status"),
    ("GET", "/v1/stats"),
    ("POST", "/v1/reload"),
    ("GET", "/v1/log"),
    ("PUT", "/v1/log"),
    ("POST", "/v1/backup"),
    ("POST", "/v1/verify"),
    ("GET", "/v1/owners"),
    ("GET", "/v1/export/sip:a@x"),
    ("POST", "/v1/export/sip:a@x"),
    ("POST", "/v1/erase/sip:a@x"),
    ("GET", "/v1/users"),
    ("POST", "/v1/users"),
    ("GET", "/v1/users/alice"),
    ("PUT", "/v1/users/alice"),
    ("PATCH", "/v1/users/alice"),
    ("DELETE", "/v1/users/alice"),
    ("POST", "/v1/users/alice/password"),
    ("GET", "/v1/jobs"),
    ("GET", "/v1/jobs/1"),
    ("GET", "/v1/jobs/1/file"),
    ("DELETE", "/v1/jobs/1"),
]


def fill(daemon, *words):
    """Records for a daemon that is not running: owner, how many, octets each."""
    subprocess.run(
        [BUILD / "tests/admin/store_fill", daemon.folder / "store", *words], check=True, timeout=60
    )


def value_of(record, octets):
    return bytes((31 * record + i) & 0xFF for i in range(octets))


def job_end(daemon, job):
    """The job when it has ended."""

    def ended():
        now = rest(daemon, "GET", f"/v1/jobs/{job['id']}").json()
        return now if now["state"] not in ("queued", "running") else None

    return wait_for(ended, f"the end of {job}")


def start_job(daemon, path, body=None):
    answer = rest(daemon, "POST", path, body)
    assert answer.status == 202, answer.body
    job = answer.json()
    assert job["id"] > 0 and job["state"] in ("queued", "running", "done", "failed")
    return job_end(daemon, job)


# ---- where it is served ----


def test_nothing_of_it_on_tcp(daemon):
    unknown = daemon.get("/nothing/here")
    for method, path in VERBS + [("GET", "/v1"), ("GET", "/v1/")]:
        answer = requests.request(method, daemon.url + path, timeout=60)
        assert answer.status_code == 404, (method, path)
        assert answer.text == unknown.text, "it must not tell that there is something"
    assert rest(daemon, "GET", "/v1/jobs").json() == {"jobs": []}


def test_probes_on_the_socket_too(daemon):
    assert rest(daemon, "GET", "/livez").body == b"live\n"
    assert rest(daemon, "GET", "/readyz").body == b"ready\n"
    assert b"# TYPE opencpm_build_info gauge\n" in rest(daemon, "GET", "/metrics").body


@pytest.mark.parametrize("path", ["/metrics", "/livez", "/readyz"])
def test_probes_are_only_read(daemon, path):
    answer = rest(daemon, "DELETE", path)
    assert answer.status == 405
    assert answer.headers["Allow"] == "GET, HEAD"
    assert rest(daemon, "HEAD", path).status == 200


# ---- which verbs there are ----


@pytest.mark.parametrize(
    "path", ["/v1", "/v1/", "/v1/statu", "/v1/status/", "/v1/status/x", "/v1/%73tatus", "/v1//status",
             "/v1/jobs/1/file/x", "/v1/export/", "/v1/export/a/b", "/v1/../v1/status"]
)
def test_unknown_paths(daemon, path):
    answer = rest(daemon, "GET", path)
    assert answer.status == 404
    assert answer.fault() == "absent"


@pytest.mark.parametrize(
    "method, path, allow",
    [
        ("POST", "/v1/status", "GET, HEAD"),
        ("GET", "/v1/reload", "POST"),
        ("DELETE", "/v1/log", "GET, HEAD, PUT"),
        ("PUT", "/v1/jobs/1", "GET, HEAD, DELETE"),
        ("DELETE", "/v1/export/a", "GET, HEAD, POST"),
    ],
)
def test_wrong_method_says_which_are_right(daemon, method, path, allow):
    answer = rest(daemon, method, path)
    assert answer.status == 405
    assert answer.headers["Allow"] == allow
    assert answer.fault() == "method"


def test_head_has_no_body(daemon):
    answer = rest(daemon, "HEAD", "/v1/status")
    assert answer.status == 200
    assert answer.body == b""
    assert int(answer.headers["Content-Length"]) > 100


# ---- what they refuse ----

DEEP = b"[" * 10000 + b"]" * 10000


@pytest.mark.parametrize(
    "body, status, message",
    [
        (b"", 400, "JSON expected"),
        (b"{", 400, "line 1, column 1"),
        (b"nonsense", 400, "line 1"),
        (b"[]", 400, "object is expected"),
        (b"17", 400, "object is expected"),
        (DEEP, 413, "deeper than 16"),
        (b'{"level":' + DEEP + b"}", 413, "deeper than 16"),
        (b'{"level":1}', 400, '"level" must be a string'),
        (b'{"level":null}', 400, '"level" must be a string'),
        (b'{"level":["debug"]}', 400, '"level" must be a string'),
        (b'{"level":"debug","level":"info"}', 400, "duplicate"),
        (b'{"level":"debug","all":true}', 400, 'unknown member "all"; known: level, category'),
        (b'{"category":"http"}', 400, '"level" is missing'),
        (b'{"level":"loud"}', 400, 'no log level "loud"'),
        (b'{"level":"debug","category":"nothing"}', 400, 'no log category "nothing"'),
        (b'{"level":""}', 400, "1 to 64 octets"),
        (b'{"level":"de\\u0000bug"}', 400, "\\u0000 is not allowed"),
        (b'{"level":"\xff"}', 400, "JSON, line 1"),
        (b'{"level":"debug"} x', 400, "end of file"),
    ],
)
def test_bad_json(daemon, body, status, message):
    before = rest(daemon, "GET", "/v1/log").json()
    answer = rest(daemon, "PUT", "/v1/log", body)
    assert answer.status == status, answer.body
    assert message in answer.json()["message"]
    answer.fault()
    assert rest(daemon, "GET", "/v1/log").json() == before


def test_too_large_a_body(daemon):
    answer = rest(daemon, "PUT", "/v1/log", b'{"level":"' + b"x" * 65536 + b'"}')
    assert answer.status == 413
    assert rest(daemon, "GET", "/v1/status").status == 200


@pytest.mark.parametrize(
    "method, path", [("POST", "/v1/verify"), ("POST", "/v1/reload"), ("POST", "/v1/export/sip:a@x")]
)
def test_no_body_where_none_belongs(daemon, method, path):
    answer = rest(daemon, method, path, {"dir": "/x"})
    assert answer.status == 400
    assert 'unknown member "dir"' in answer.json()["message"]


@pytest.mark.parametrize(
    "path, message",
    [
        ("/v1/status?x=1", "takes no parameters"),
        ("/v1/owners?limit=1", 'unknown parameter "limit"'),
        ("/v1/owners?max=0", "max must be from 1 to 10000"),
        ("/v1/owners?max=10001", "max must be"),
        ("/v1/owners?max=-1", "max must be"),
        ("/v1/owners?max=99999999999999999999999", "max must be"),
        ("/v1/owners?after=" + "a" * 256, "more than 255"),
        ("/v1/export/" + "a" * 256, "1 to 255"),
    ],
)
def test_bad_parameters(daemon, path, message):
    answer = rest(daemon, "GET", path)
    assert answer.status == 400, answer.body
    assert message in answer.json()["message"]
    answer.fault()


@pytest.mark.parametrize(
    "path", ["/v1/owners?after=%zz", "/v1/owners?after=%00", "/v1/export/a%", "/v1/export/a%00b"]
)
def test_bad_percent_encoding(daemon, path):
    assert rest(daemon, "GET", path).status == 400


@pytest.mark.parametrize("number", ["0", "1", "x", "-1", "99999999999999999999", "1%30"])
def test_unknown_jobs(daemon, number):
    for method, tail in [("GET", ""), ("GET", "/file"), ("DELETE", "")]:
        answer = rest(daemon, method, f"/v1/jobs/{number}{tail}")
        assert answer.status == 404, answer.body
        assert answer.fault() == "absent"


# ---- what they do ----


def test_status(daemon):
    status = rest(daemon, "GET", "/v1/status").json()
    assert status["pid"] == daemon.process.pid
    assert status["draining"] is False
    assert status["connections"] >= 1
    assert [worker["index"] for worker in status["workers"]] == list(
        range(daemon.settings["server"]["workers"])
    )
    assert all(worker["heartbeat_age_ms"] < 60000 for worker in status["workers"])
    store = status["store"]
    assert store["engine"] == "bdb"
    assert store["epoch"] > 1_600_000_000_000_000
    assert store["disk_bytes"] > 0 and store["free_bytes"] > 0
    assert store["low_space"] is False
    assert store["format"] == 0


def test_stats_agree_with_metrics(daemon):
    stats = rest(daemon, "GET", "/v1/stats").json()
    names = {metric["name"] for metric in stats["metrics"]}
    lines = daemon.get("/metrics").text.splitlines()
    exposed = {line.split("{")[0].split(" ")[0] for line in lines if not line.startswith("#")}
    assert names == exposed
    assert stats["store"]["commits"] >= 1


def test_log_levels_take_effect(daemon):
    assert "target=/livez" not in daemon.log()
    answer = rest(daemon, "PUT", "/v1/log", {"level": "debug", "category": "http"})
    assert answer.status == 200
    assert answer.json()["levels"]["http"] == "debug"
    assert answer.json()["levels"]["kv"] == "info"
    daemon.get("/livez")
    daemon.wait_log("target=/livez")
    levels = rest(daemon, "PUT", "/v1/log", {"level": "error"}).json()["levels"]
    assert set(levels.values()) == {"error"}
    assert rest(daemon, "GET", "/v1/log").json()["levels"] == levels


def test_reload_says_what_changed(daemon):
    assert rest(daemon, "POST", "/v1/reload").json() == {"changed": [], "restart": []}
    workers = daemon.settings["server"]["workers"]
    daemon.configure({"server": {"workers": workers + 1, "drain-time": "7 s"}})
    answer = rest(daemon, "POST", "/v1/reload").json()
    assert [change["name"] for change in answer["changed"]] == ["server.drain-time"]
    assert answer["changed"][0]["old"] != answer["changed"][0]["new"]
    assert [change["name"] for change in answer["restart"]] == ["server.workers"]


def test_reload_of_a_bad_file_changes_nothing(daemon):
    good = daemon.config.read_text()
    daemon.config.write_text(good.replace('"server": {', '"server": {\n"worker": 3,\n"drain-time": "soon",'))
    answer = rest(daemon, "POST", "/v1/reload")
    assert answer.status == 422
    body = answer.json()
    answer.fault()
    assert len(body["faults"]) == 2
    assert body["faults"][0]["file"] == str(daemon.config)
    assert body["faults"][0]["line"] == 3 and body["faults"][0]["column"] >= 1
    assert "worker" in body["faults"][0]["text"]
    assert body["changed"] == []
    daemon.config.write_text(good)
    assert rest(daemon, "POST", "/v1/reload").json() == {"changed": [], "restart": []}


def test_verify(daemon):
    job = start_job(daemon, "/v1/verify")
    assert job["state"] == "done", job
    assert job["result"]["faults"] == 0
    assert job["result"]["records"] >= 1
    assert job["done"] == job["total"]


def test_backup(daemon):
    folder = daemon.folder / "backups"
    job = start_job(daemon, "/v1/backup", {"dir": "first"})
    assert job["state"] == "done", job
    assert job["result"]["dir"] == str(folder / "first")
    assert os.listdir(folder / "first")

    again = start_job(daemon, "/v1/backup", {"dir": "first"})
    assert again["state"] == "failed"
    assert again["failure"]["error"] == "exists"

    unnamed = start_job(daemon, "/v1/backup")
    assert unnamed["state"] == "done", unnamed
    assert os.path.dirname(unnamed["result"]["dir"]) == str(folder)

    absolute = str(daemon.folder / "elsewhere")
    assert start_job(daemon, "/v1/backup", {"dir": absolute})["result"]["dir"] == absolute

    nowhere = start_job(daemon, "/v1/backup", {"dir": "/nowhere/at/all"})
    assert nowhere["state"] == "failed"
    assert "/nowhere/at/all" in nowhere["failure"]["message"]


@pytest.mark.parametrize("name", ["../x", "a/b", "..", "", "x" * 5000])
def test_backup_names(daemon, name):
    answer = rest(daemon, "POST", "/v1/backup", {"dir": name})
    assert answer.status == 400
    answer.fault()
    assert rest(daemon, "GET", "/v1/jobs").json() == {"jobs": []}


def test_owners_by_pages(make_daemon):
    daemon = make_daemon()
    odd = [b"caf\xc3\xa9", b"\xff\xfe", b"a b/c?d&e=f%41"]
    names = [f"sip:u{n:02}@x".encode() for n in range(25)] + odd
    fill(daemon, *[word for name in names for word in (name, "1", "3")])
    daemon.start()
    got, path = [], "/v1/owners?max=4"
    while path:
        page = rest(daemon, "GET", path).json()
        assert len(page["owners"]) <= 4
        for one in page["owners"]:
            got.append(base64.b64decode(one["owner64"]) if "owner64" in one else one["owner"].encode())
        path = f"/v1/owners?max=4&after={page['next']}" if "next" in page else None
    assert got == sorted(names)


@pytest.mark.parametrize(
    "owner, path",
    [
        (b"sip:a@x", "sip:a@x"),
        (b"sip:a@x", "sip%3Aa%40x"),
        (b"a/b?c%2F", "a%2Fb%3Fc%252F"),
        (b"\xff\xfe", "%ff%FE"),
        (b"..", ".."),
    ],
)
def test_export(make_daemon, owner, path):
    daemon = make_daemon()
    fill(daemon, owner, "12", "1000", b"other", "3", "10")
    daemon.start()
    answer = rest(daemon, "GET", f"/v1/export/{path}")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/x-ndjson"

    job = start_job(daemon, f"/v1/export/{path}")
    assert job["state"] == "done"
    assert job["result"]["records"] == 12
    fetched = rest(daemon, "GET", f"/v1/jobs/{job['id']}/file")
    assert len(fetched.body) == job["file_bytes"]

    for body in (answer.body, fetched.body):
        first, *records, last = [json.loads(line) for line in body.splitlines()]
        assert first["format"] == "opencpm-export" and first["format_version"] == 1
        assert base64.b64decode(first["owner64"]) == owner if "owner64" in first else (
            first["owner"].encode() == owner
        )
        assert {record["name"]: base64.b64decode(record["value64"]) for record in records} == {
            f"r{n}": value_of(n, 1000) for n in range(12)
        }
        assert last == {"end": True, "records": 12, "version": max(r["version"] for r in records)}


def test_export_that_is_large_must_be_a_job(make_daemon):
    daemon = make_daemon()
    fill(daemon, "sip:a@x", "3", str(6 << 20))
    daemon.start()
    answer = rest(daemon, "GET", "/v1/export/sip:a@x")
    assert answer.status == 413
    assert answer.fault() == "limit"
    job = start_job(daemon, "/v1/export/sip:a@x")
    assert job["state"] == "done" and job["file_bytes"] > 3 * (6 << 20)
    body = rest(daemon, "GET", f"/v1/jobs/{job['id']}/file").body
    assert len(body) == job["file_bytes"]
    assert base64.b64decode(json.loads(body.splitlines()[3])["value64"]) == value_of(2, 6 << 20)


def test_export_of_nobody(daemon):
    answer = rest(daemon, "GET", "/v1/export/sip:nobody@x")
    assert answer.status == 404
    assert '"sip:nobody@x" has no records' in answer.json()["message"]
    job = start_job(daemon, "/v1/export/sip:nobody@x")
    assert job["state"] == "failed" and job["failure"]["error"] == "absent"
    assert rest(daemon, "GET", f"/v1/jobs/{job['id']}/file").status == 404


def test_erase(make_daemon):
    daemon = make_daemon()
    fill(daemon, "sip:a@x", "5", "10", "sip:b@x", "2", "10")
    daemon.start()
    before = rest(daemon, "GET", "/v1/status").json()["store"]["seq"]
    job = start_job(daemon, "/v1/erase/sip:a@x")
    assert job["state"] == "done" and job["result"]["seq"] > before
    assert rest(daemon, "GET", "/v1/export/sip:a@x").status == 404
    assert rest(daemon, "GET", "/v1/export/sip:b@x").status == 200
    assert rest(daemon, "GET", "/v1/owners").json()["owners"] == [{"owner": "sip:b@x"}]


def test_jobs_are_listed_and_forgotten(daemon):
    ids = [start_job(daemon, "/v1/verify")["id"] for _ in range(3)]
    assert [job["id"] for job in rest(daemon, "GET", "/v1/jobs").json()["jobs"]] == ids
    answer = rest(daemon, "DELETE", f"/v1/jobs/{ids[1]}")
    assert answer.status == 200
    assert answer.json() == {"id": ids[1], "state": "done", "forgotten": True}
    assert [job["id"] for job in rest(daemon, "GET", "/v1/jobs").json()["jobs"]] == [ids[0], ids[2]]


# ---- health ----


def test_not_ready_without_space(make_daemon):
    daemon = make_daemon({"store": {"min-free": "900 GB"}})
    daemon.spawn()
    daemon.wait_log("daemon ready")
    answer = daemon.get("/readyz")
    assert answer.status_code == 503
    assert answer.text.startswith("not ready: ")
    assert "space" in answer.text
    assert answer.headers["Retry-After"] == "1"
    assert daemon.get("/livez").status_code == 200


def test_probing_does_not_load_the_disk(daemon):
    before = rest(daemon, "GET", "/v1/status").json()
    for _ in range(300):
        assert daemon.get("/readyz").status_code == 200
    after = rest(daemon, "GET", "/v1/status").json()
    seconds = (after["uptime_ms"] - before["uptime_ms"]) / 1000
    assert after["store"]["seq"] - before["store"]["seq"] <= seconds + 1


def test_health_can_be_closed(make_daemon):
    daemon = make_daemon({"metrics": {"access": "socket"}, "health": {"access": "socket"}})
    daemon.spawn()
    daemon.wait_log("daemon ready")
    for path in ("/metrics", "/livez", "/readyz"):
        assert daemon.get(path).status_code == 404
        assert rest(daemon, "GET", path).status == 200


# ---- injection ----


@pytest.mark.parametrize(
    "owner", ["a%0d%0aSet-Cookie:%20x", "%1b%5b2J", "a%22,%22b%22:%22", "%3Cscript%3E", "%E2%80%AE"]
)
def test_names_cannot_break_out(daemon, owner):
    answer = rest(daemon, "GET", f"/v1/export/{owner}")
    assert answer.status == 404
    assert set(answer.json()) == {"error", "message", "remedy"}
    assert "Set-Cookie" not in answer.headers
    assert b"\n" not in answer.body[:-1] and b"\x1b" not in answer.body
    for line in daemon.log().splitlines():
        assert line[:2] == "20" and "\x1b" not in line

# SPDX-License-Identifier: Apache-2.0
"""Prometheus reads our metrics: promtool finds no fault, and a real server scrapes them."""

import subprocess

import requests

from harness import free_port, wait_for


def test_promtool_finds_no_fault(daemon):
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=daemon.get("/metrics").content,
        capture_output=True, timeout=60, check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_scrapes(daemon, tmp_path):
    port = free_port()
    config = tmp_path / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 1s}\n"
        "scrape_configs:\n"
        "  - job_name: cpmd\n"
        f"    static_configs: [{{targets: ['127.0.0.1:{daemon.port}']}}]\n"
    )
    process = subprocess.Popen(
        ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={tmp_path}/tsdb",
         f"--web.listen-address=127.0.0.1:{port}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )

    def scraped():
        assert process.poll() is None
        try:
            answer = requests.get(
                f"http://127.0.0.1:{port}/api/v1/query",
                params={"query": 'up{job="cpmd"} == 1 and on(instance) opencpm_kv_commits_total'},
                timeout=5,
            ).json()
            return answer["data"]["result"]
        except (requests.RequestException, KeyError):
            return None

    try:
        assert wait_for(scraped, "Prometheus to have scraped cpmd")
    finally:
        process.terminate()
        process.wait(timeout=60)

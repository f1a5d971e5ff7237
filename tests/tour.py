# SPDX-License-Identifier: Apache-2.0
"""Pages that show what to type: what they show is typed, and has to be answered as they say."""

import json
import re
import signal
import subprocess
import sys
from contextlib import contextmanager

from harness import BUILD, PATIENCE_S, TOP, wait_for

PROMPT, MORE, END = "$ ", "> ", "--- end of the answer"


@contextmanager
def demonstration(folder):
    """The demonstration that the pages start with; gives its facts."""
    ready = folder / "ready.json"
    with open(folder / "log", "ab") as log:
        process = subprocess.Popen(
            [sys.executable, TOP / "tests/demo.py", "--build", BUILD, "--workers", "2",
             "--dir", folder / "demo", "--http", "0", "--sip", "0", "--ready-file", ready],
            stdout=log, stderr=log,
        )
    try:
        wait_for(lambda: ready.exists() or process.poll() is not None, "the demonstration")
        assert process.poll() is None, (folder / "log").read_text()
        yield json.loads(ready.read_text())
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=PATIENCE_S)


def steps_of(page):
    """What the page types and what it shows for it, in order: (command, answer, line)."""
    steps = []
    in_step = False
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if not line.startswith("    "):
            in_step = False
            continue
        line = line[4:]
        if line.startswith(PROMPT):
            steps.append([line[len(PROMPT):], [], number])
            in_step = True
        elif in_step and line.startswith(MORE) and not steps[-1][1]:
            steps[-1][0] += "\n" + line[len(MORE):]
        elif in_step:
            steps[-1][1].append(line)
    return steps


def fits(shown, got):
    """... in what the page shows stands for anything within a line."""
    pattern = "\n".join(
        ".*".join(re.escape(part) for part in line.split("...")) for line in shown
    )
    return re.fullmatch(pattern, got.rstrip("\n")) is not None


def take_tour(demo, name, patience_s=PATIENCE_S):
    """Type doc/NAME against DEMO, whose folder and addresses take the place of the page's."""
    steps = steps_of(TOP / "doc" / name)
    assert len(steps) > 20
    script = ""
    for command, _, _ in steps:
        script += command + f"\nprintf '\\n%s\\n' '{END}'\n"
    for shown, real in {
        "/tmp/tour": demo["dir"],
        "http://127.0.0.1:8080": demo["http"]["url"],
        "127.0.0.1:5060": f"127.0.0.1:{demo['sip']['port']}",
        "build/cpmctl": str(BUILD / "cpmctl"),
    }.items():
        script = script.replace(shown, real)
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, timeout=patience_s, check=False,
    )
    answers = done.stdout.split(f"\n{END}\n")
    assert len(answers) == len(steps) + 1, done.stderr
    for (command, shown, line), got in zip(steps, answers):
        shown = [text.replace("/tmp/tour", demo["dir"]) for text in shown]
        assert fits(shown, got), f"doc/{name}:{line}: {command}\ngave: {got}\n{done.stderr}"

# SPDX-License-Identifier: Apache-2.0
"""What all parts of the crash suite use: programs, the shim's control file, stores, the report.

A part is a function that takes a Suite and a Result and puts figures and violations into the
Result. It judges by "kvload check" alone and by how processes end.
"""
import concurrent.futures
import json
import mmap
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))

# The exit codes of kvload.h and kv.h.
EXIT_WRONG, EXIT_USAGE, EXIT_REFUSED, EXIT_MEMORY, EXIT_FATAL = 1, 2, 3, 4, 74

# Long enough for a machine under full load, short enough to call it a hang.
DEADLINE_S = 120

FOR_EVER = 1 << 62


def enum_of(name):
    """The names of an enum of shim.h with their numbers."""
    with open(os.path.join(HERE, "shim.h"), encoding="ascii") as header:
        body = re.search(r"enum %s \{(.*?)\};" % name, header.read(), re.S).group(1)
    body = re.sub(r"/\*.*?\*/", "", body, flags=re.S)
    values, number = {}, 0
    for item in filter(None, (word.strip() for word in body.split(","))):
        item, _, given = (word.strip() for word in item.partition("="))
        number = int(given) if given else number
        values[item] = number
        number += 1
    return values


CONTROLS = enum_of("shim_control")


class Control:
    """The shim's control file, as attributes: control.kill_at = 12."""

    def __init__(self, path, **values):
        size = CONTROLS["SHIM_CONTROLS"] * 8
        with open(path, "w+b") as file:
            file.write(bytes(size))
            file.flush()
            self.__dict__["map"] = mmap.mmap(file.fileno(), size)
        self.__dict__["path"] = path
        for name, value in values.items():
            setattr(self, name, value)

    def __setattr__(self, name, value):
        struct.pack_into("<Q", self.map, 8 * CONTROLS["SHIM_" + name.upper()], value % (1 << 64))

    def __getattr__(self, name):
        return struct.unpack_from("<Q", self.map, 8 * CONTROLS["SHIM_" + name.upper()])[0]

    def close(self):
        self.map.close()


def copy_tree(source, target):
    """With the holes of files that are long and mostly empty."""
    subprocess.run(["cp", "-r", source, target], check=True)


class Store:
    """A store under test: a folder that holds the store's own folder, its log and backups."""

    def __init__(self, suite, **options):
        self.suite = suite
        self.top = tempfile.mkdtemp(dir=suite.work)
        self.root = os.path.join(self.top, "root")
        os.mkdir(self.root)
        self.dir = os.path.join(self.root, "store")
        self.log = os.path.join(self.top, "log")
        self.trace = os.path.join(self.top, "trace")
        self.options = options
        self.control = None

    def copy(self, **options):
        """The same store as it is on disk now, with the same history."""
        other = Store(self.suite, **{**self.options, **options})
        os.rmdir(other.root)
        copy_tree(self.root, other.root)
        if os.path.exists(self.log):
            shutil.copy(self.log, other.log)
        return other

    def remove(self):
        if self.control:
            self.control.close()
        if not self.suite.keep:
            shutil.rmtree(self.top, ignore_errors=True)

    def shim(self, **values):
        """A fresh control file: processes started from now on have the shim."""
        if self.control:
            self.control.close()
        self.control = Control(os.path.join(self.top, "control"), **values)
        return self.control

    def no_shim(self):
        if self.control:
            self.control.close()
        self.control = None

    def start(self, mode, trace=False, wrap=(), **options):
        """Start kvload. Its output goes to files beside the store."""
        env = dict(os.environ)
        # A sanitizer's report must not look like a verdict. Berkeley DB leaks what it had in hand
        # when a damaged store is refused.
        for name in ("ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"):
            env[name] = env.get(name, "") + ":exitcode=99:detect_leaks=0"
        env["TSAN_OPTIONS"] += ":suppressions=" + os.path.join(HERE, "..", "tsan.supp")
        if self.control:
            env.update(LD_PRELOAD=self.suite.shim, CRASH_DIR=self.root,
                       CRASH_CONTROL=self.control.path)
            if trace:
                env["CRASH_TRACE"] = self.trace
        args = [*wrap, self.suite.kvload, mode, "--dir", self.dir, "--log", self.log]
        for name, value in {**self.options, **options}.items():
            args += ["--" + name.replace("_", "-"), str(value)]
        with open(os.path.join(self.top, "out"), "wb") as out, \
                open(os.path.join(self.top, "err"), "wb") as err:
            return subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                    env=env)

    def run(self, mode="run", **options):
        """Run kvload to its end. Returns the exit code, "hang", or "signal N"."""
        return self.finish(self.start(mode, **options))

    def finish(self, process):
        try:
            code = process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return "hang"
        return "signal %d" % -code if code < 0 else code

    def text(self, which="err"):
        with open(os.path.join(self.top, which), encoding="utf-8", errors="replace") as file:
            return file.read().strip()

    def check(self, **options):
        """Judge the store. Returns (ok, verdict): verdict is kvload's, or {"first": why not}."""
        code = self.run("check", **options)
        return code == 0, self.verdict(code)

    def verdict(self, code):
        """What a check that ended by CODE has printed."""
        if code in (0, EXIT_WRONG, EXIT_REFUSED):
            return json.loads(self.text("out"))
        return {"first": "check ended by %s: %s" % (code, self.text()[-1500:])}

    def log_lines(self):
        with open(self.log, encoding="ascii") as file:
            return [line.rstrip("\n") for line in file]

    def wait_log(self, process, kind):
        """Until the log has a line of KIND from this run. False: the process ended before."""
        deadline = time.monotonic() + DEADLINE_S
        begin = os.path.getsize(self.log) if os.path.exists(self.log) else 0
        while time.monotonic() < deadline:
            if os.path.exists(self.log):
                with open(self.log, "rb") as file:
                    file.seek(begin)
                    if (b"\n" + file.read()).find(b"\n" + kind.encode() + b" ") >= 0:
                        return True
            if process.poll() is not None:
                return False
            time.sleep(0.002)
        return False

    def wait_told(self, process, status, n):
        """Until N more batches were told STATUS. False: the process ended, or it never comes."""
        deadline = time.monotonic() + DEADLINE_S
        begin = os.path.getsize(self.log) if os.path.exists(self.log) else 0
        word = re.compile(rb"^O \S+ \d+ %s " % status.encode(), re.M)
        while time.monotonic() < deadline and process.poll() is None:
            if os.path.exists(self.log):
                with open(self.log, "rb") as file:
                    file.seek(begin)
                    if len(word.findall(file.read())) >= n:
                        return True
            time.sleep(0.01)
        return False


class Result:
    """What a part found. Safe to fill from several threads."""

    def __init__(self, name):
        self.name = name
        self.figures = {}
        self.violations = []
        self.skipped = None
        self.seconds = 0
        self.lock = threading.Lock()

    def add(self, figure, n=1):
        with self.lock:
            self.figures[figure] = self.figures.get(figure, 0) + n

    def most(self, figure, n):
        with self.lock:
            self.figures[figure] = max(self.figures.get(figure, 0), n)

    def wrong(self, text):
        with self.lock:
            self.violations.append(text)

    def judged(self, where, ok, verdict, acked="acked"):
        """Count a verdict, and complain when it is not a good one."""
        self.add("checks")
        self.add(acked, verdict.get("done", 0))
        self.add("missing", verdict.get("lost", 0))
        self.add("refused+present", verdict.get("ghost", 0))
        if "open_ms" in verdict:
            self.most("open_ms_max", verdict["open_ms"])
        if not ok:
            self.wrong("%s: %s" % (where, verdict["first"]))
        return ok


class Suite:
    """Where things are and how much is to be done."""

    def __init__(self, builddir, size, seed, keep, say):
        self.kvload = os.path.join(builddir, "tests/crash/kvload")
        self.shim = os.path.join(builddir, "tests/crash/shim.so")
        self.has_shim = os.path.exists(self.shim)
        self.size = size
        self.seed = seed
        self.keep = keep
        self.say = say
        self.work = tempfile.mkdtemp(prefix="cpm-crash-", dir=self.fast_folder())

    @staticmethod
    def fast_folder():
        """Memory, where there is enough of it: no test here needs a real disk."""
        shm = "/dev/shm"
        if os.access(shm, os.W_OK):
            free = os.statvfs(shm)
            if free.f_bavail * free.f_frsize > 1 << 30:
                return shm
        return None

    def pick(self, quick, soak):
        return soak if self.size == "soak" else quick

    def random(self, *what):
        """A source of chance that depends on the seed and on what it is for."""
        return random.Random("%s %s" % (self.seed, what))

    def sample(self, rng, total, quick):
        """Which of 1 .. TOTAL to try: all of them in a soak, else about QUICK, ends included."""
        if self.size == "soak" or total <= quick:
            return list(range(1, total + 1))
        return sorted({1, total, *rng.sample(range(1, total + 1), quick - 2)})

    def each(self, result, what, items):
        """WHAT(item) for all items, two at a time and processor, since they wait half of their
        time; an exception is a violation."""
        done, total, items = 0, len(items), list(items)
        with concurrent.futures.ThreadPoolExecutor(2 * (os.cpu_count() or 1)) as pool:
            futures = {pool.submit(what, item): item for item in items}
            for future in concurrent.futures.as_completed(futures):
                done += 1
                self.say("%s %d/%d" % (result.name, done, total))
                error = future.exception()
                if error:
                    result.wrong("%r: the suite failed: %r" % (futures[future], error))

    def close(self):
        if not self.keep:
            shutil.rmtree(self.work, ignore_errors=True)


def end(process, sig=signal.SIGKILL):
    """Send SIG to a process that may have ended."""
    try:
        process.send_signal(sig)
    except ProcessLookupError:
        pass

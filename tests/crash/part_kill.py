# SPDX-License-Identifier: Apache-2.0
"""Processes that are killed: under load, during backups, while they recover, and asked to stop."""
import os
import shutil
import signal
import time

import crashlib

# Small, so that pages are written and logs are dropped all the time.
BUSY = {"cache": 1 << 20, "checkpoint_bytes": 256 << 10, "checkpoint_s": 1,
        "min_free": 1 << 20, "reserve": 64 << 10}

CYCLES_PER_STORE = 10


def run_and_kill(store, rng, run, moment_s=0.25, **options):
    """A loaded run that is killed within its first moments. Returns how it ended."""
    process = store.start("run", run=run, **options)
    if store.wait_log(process, "S"):
        time.sleep(rng.uniform(0, moment_s))
        crashlib.end(process)
    return store.finish(process)


def check_backups(store, result, where):
    """Each backup that was made must restore to what was acknowledged before it began."""
    for line in store.log_lines():
        if not (line.startswith("B ") and line.endswith(" done")):
            continue
        number = line.split()[1]
        backup = "%s.%s" % (os.path.join(store.root, "backup"), number)
        restored = crashlib.Store(store.suite, **store.options)
        shutil.copy(store.log, restored.log)
        code = restored.run("restore", backup=backup)
        if code != 0:
            result.wrong("%s: backup %s does not restore: %s" % (where, number, restored.text()))
        else:
            result.judged("%s, restored from backup %s" % (where, number),
                          *restored.check(upto_backup=number), acked="acked before backups")
            result.add("backups restored")
        restored.remove()


def kill_store(suite, result, index):
    rng = suite.random("kill", index)
    store = crashlib.Store(suite, seed=rng.randrange(1 << 30), **BUSY)
    backups = index % 3 == 0
    options = {"threads": 2 + index % 3, "workers": index % 2 * 2, "readers": 1, "window": 8}
    if backups:
        options["backup"] = os.path.join(store.root, "backup")
    for run in range(1, CYCLES_PER_STORE + 1):
        where = "kill store %d run %d" % (index, run)
        code = run_and_kill(store, rng, run, 0.6 if backups else 0.25, **options)
        if code != "signal 9":
            result.wrong("%s: ended by %s: %s" % (where, code, store.text()[-300:]))
        result.add("kills")
        if not result.judged(where, *store.check()):
            break
        if backups:
            check_backups(store, result, where)
            forget_backups(store)
    store.remove()


def forget_backups(store):
    """Their numbers begin again with the next run."""
    for name in os.listdir(store.root):
        if name.startswith("backup"):
            shutil.rmtree(os.path.join(store.root, name))
    kept = [line for line in store.log_lines() if not line.startswith("B ")]
    with open(store.log, "w", encoding="ascii") as file:
        file.writelines(line + "\n" for line in kept)


def kill(suite, result):
    """kill -9 at random moments under load, over and over on the same store."""
    cycles = suite.pick(50, 1000)
    suite.each(result, lambda index: kill_store(suite, result, index),
               range(cycles // CYCLES_PER_STORE))


def recovery_once(suite, result, base, total, n):
    """Kill recovery at its n-th call, some times also the one after; then it has to succeed."""
    store = base.copy()
    for again in range(1 + n % 3):
        control = store.shim(kill_at=max(1, n - 7 * again), kill_half=n % 2)
        code = store.run("check")
        if code != "signal 9" and (control.calls >= control.kill_at or code not in (0, 1)):
            result.wrong("recovery killed at call %d of %d: ended by %s" % (n, total, code))
    store.no_shim()
    result.add("kills")
    result.judged("recovery killed at call %d of %d" % (n, total), *store.check())
    store.remove()


def recovery(suite, result):
    """Kill the recovery itself at chosen calls; the second recovery must succeed."""
    rng = suite.random("recovery")
    for index in range(suite.pick(2, 4)):
        base = crashlib.Store(suite, seed=rng.randrange(1 << 30), **BUSY)
        run_and_kill(base, rng, 1, threads=3, readers=1)
        probe = base.copy()
        control = probe.shim()
        result.judged("recovery", *probe.check())
        total = control.calls
        probe.remove()
        points = rng.sample(range(1, total + 1), min(total, suite.pick(8, 50)))
        suite.each(result, lambda n: recovery_once(suite, result, base, total, n), points)
        base.remove()


def stop_once(suite, result, index):
    rng = suite.random("stop", index)
    store = crashlib.Store(suite, seed=index, **BUSY)
    for run in range(1, 5):
        process = store.start("run", run=run, threads=2, workers=1, readers=1)
        if store.wait_log(process, "S"):
            time.sleep(rng.uniform(0, 0.15))
            crashlib.end(process, signal.SIGTERM)
        code = store.finish(process)
        result.add("stops")
        if code != 0:
            result.wrong("stop: ended by %s: %s" % (code, store.text()[-300:]))
        ok, verdict = store.check()
        if verdict.get("unknown", 0) > 0:
            result.wrong("stop: %d batches were never answered" % verdict["unknown"])
        if not result.judged("stop store %d run %d" % (index, run), ok, verdict):
            break
    store.remove()


def stop(suite, result):
    """SIGTERM under load: everything asked for is answered, and nothing is lost."""
    suite.each(result, lambda index: stop_once(suite, result, index), range(suite.pick(2, 25)))

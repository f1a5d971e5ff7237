# SPDX-License-Identifier: Apache-2.0
"""A system that fails: no space, syncs that fail, short and interrupted calls, no memory."""
import os
import shutil
import subprocess
import sys

import crashlib
import part_power
import states

# One batch at a time, so that the n-th call is the same in every run, and pages written early.
FLOW = {"cache": 1 << 20, "checkpoint_bytes": 64 << 10, "checkpoint_s": 3600,
        "min_free": 1 << 20, "reserve": 64 << 10,
        "threads": 1, "workers": 0, "readers": 0, "window": 1, "owners": 2, "batches": 40,
        "value_max": 20000}


def flow_store(suite, seed, **options):
    return crashlib.Store(suite, seed=seed, **{**FLOW, **options})


def flow_count(suite, result, seed, counter, **options):
    """How often a flow without faults does what COUNTER counts."""
    store = flow_store(suite, seed, **options)
    control = store.shim()
    code = store.run()
    if code != 0:
        result.wrong("a flow without faults ended by %s: %s" % (code, store.text()[-300:]))
    n = getattr(control, counter)
    store.no_shim()
    result.judged("a flow without faults", *store.check())
    store.remove()
    result.most("of", n)
    return n


def outcomes(store):
    """How often each status was told, and the last."""
    told = [line.split()[3] for line in store.log_lines() if line.startswith("O ")]
    return {status: told.count(status) for status in set(told)}, told[-1] if told else None


# ---- a full disk ----

def nospace_once(suite, result, seed, n, attempts):
    store = flow_store(suite, seed)
    control = store.shim(nospace_from=n, nospace_to=n + attempts)
    code = store.run()
    where = "no space from attempt %d on, %d times" % (n, attempts)
    fired = control.fired
    store.no_shim()
    result.add("runs")
    if code == crashlib.EXIT_REFUSED and fired:
        result.add("not opened")  # there was no room for a store yet
    elif code != 0:
        result.wrong("%s: ended by %s: %s" % (where, code, store.text()[-300:]))
    elif not outcomes(store)[0].get("done"):
        result.wrong("%s: nothing was done although space came back" % where)
    if os.path.exists(store.log):
        result.add("refused", outcomes(store)[0].get("no-space", 0))
    result.judged(where, *store.check(refusals_ok=0))
    store.remove()


def nospace(suite, result):
    """ENOSPC at the n-th call that takes room, for a while; then space comes back by itself."""
    rng = suite.random("nospace")
    seed = rng.randrange(1 << 30)
    total = flow_count(suite, result, seed, "grows")
    jobs = [(n, attempts) for n in suite.sample(rng, total, 16) for attempts in (1, 12)]
    suite.each(result, lambda job: nospace_once(suite, result, seed, *job), jobs)
    if result.figures.get("refused", 0) == 0:
        result.wrong("no batch was ever refused: the faults do not arrive")


def fulldisk_inside(suite_args):
    """In a mount namespace of its own: a small file system that fills up, and is relieved."""
    builddir, seed, mount = suite_args
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=700", "cpm-crash", mount],
                   check=True)
    suite = crashlib.Suite(builddir, "quick", seed, False, lambda text: None)
    elsewhere = suite.work
    suite.work = mount
    result = crashlib.Result("fulldisk")
    try:
        fulldisk_run(suite, result, mount, elsewhere)
    finally:
        shutil.rmtree(elsewhere)
    print(crashlib.json.dumps({"figures": result.figures, "violations": result.violations}))


def fulldisk_run(suite, result, mount, elsewhere):
    """Fill the disk by a load beside ballast, take the ballast away, look that it goes on."""
    store = crashlib.Store(suite, seed=3, cache=1 << 20, checkpoint_bytes=1 << 20, checkpoint_s=1,
                           min_free=2 << 20, reserve=1 << 20)
    os.symlink(os.path.join(elsewhere, "log"), store.log)
    with open(store.log, "wb"):
        pass
    ballast = os.path.join(mount, "ballast")
    with open(ballast, "wb") as file:
        file.write(bytes(10 << 20))
    process = store.start("run", threads=2, workers=1, window=4)
    full = store.wait_told(process, "no-space", 3)
    os.unlink(ballast)
    relieved = store.wait_told(process, "done", 30)
    crashlib.end(process, crashlib.signal.SIGTERM)
    code = store.finish(process)
    told, _ = outcomes(store)
    for status, n in told.items():
        result.add(status, n)
    if not full:
        result.wrong("the disk never filled up: %s" % told)
    if not relieved:
        result.wrong("no batch was done after space came back: %s" % told)
    if code != 0:
        result.wrong("ended by %s: %s" % (code, store.text()[-300:]))
    # A closed store is verified in a copy beside it, for which there is no room here.
    suite.work = elsewhere
    result.judged("after the full disk", *store.copy().check())


def fulldisk(suite, result):
    """The same on a real file system that is too small."""
    mount = os.path.join(suite.work, "mount")
    os.mkdir(mount)
    unshare = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
    try:
        able = subprocess.run([*unshare, "mount", "-t", "tmpfs", "none", mount],
                              capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        able = False
    if not able:
        result.skipped = "no file system can be mounted here (needs \"unshare -m\")"
        return
    builddir = os.path.dirname(os.path.dirname(os.path.dirname(suite.kvload)))
    done = subprocess.run([*unshare, sys.executable, os.path.abspath(__file__), builddir,
                           str(suite.seed), mount], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        result.wrong("the full disk's run failed: %s" % done.stderr[-500:])
        return
    told = crashlib.json.loads(done.stdout.splitlines()[-1])
    result.figures.update(told["figures"])
    result.violations.extend(told["violations"])


# ---- syncs that fail ----

def judge_quiet_end(store, result, where, trace, code):
    """A process that was closing the store may end by itself, if it says so and promises nothing
    more."""
    first = next(i for i, event in enumerate(trace.events) if event[0] == "fault")
    promised = any(event[0] == "mark" and b" done " in event[3] for event in trace.events[first:])
    if code != 0 or promised or not store.text():
        result.wrong("%s: the process went on, and ended by %s" % (where, code))


def eio_once(suite, result, seed, n, lasting):
    """What was written before a sync that failed counts as lost: the disk is cut there."""
    where = "EIO from sync %d%s" % (n, " on" if lasting else "")
    store = flow_store(suite, seed)
    control = store.shim(mark_fd=part_power.MARK_FD, eio_from=n,
                         eio_to=crashlib.FOR_EVER if lasting else n + 1)
    code = store.run(trace=True, mark_fd=part_power.MARK_FD)
    fired = control.fired
    store.no_shim()
    result.add("runs")
    trace = states.Trace(store.trace)
    if fired and code not in (crashlib.EXIT_FATAL, crashlib.EXIT_REFUSED):
        judge_quiet_end(store, result, where, trace, code)
    disk = states.replay(trace, "journal")
    left = part_power.Cuts(suite, result, 0).store(disk.cut("drop", suite.random()),
                                                  bytes(disk.marks))
    result.judged(where + ", unsynced writes gone", *left.check())
    left.remove()
    result.judged(where + ", restarted", *store.check(), acked="acked, restarted")
    store.remove()


def eio(suite, result):
    """EIO from every sync, once and from then on: no acknowledgement, the end, recovery."""
    rng = suite.random("eio")
    seed = rng.randrange(1 << 30)
    total = flow_count(suite, result, seed, "syncs")
    jobs = [(n, lasting) for n in suite.sample(rng, total, 10) for lasting in (False, True)]
    suite.each(result, lambda job: eio_once(suite, result, seed, *job), jobs)


# ---- short and interrupted calls ----

def retry_once(suite, result, seed, kind, begin, end, every):
    where = "%s at calls %d..%d, each %d" % (kind, begin, end, every or 1)
    store = flow_store(suite, seed)
    control = store.shim(**{kind + "_from": begin, kind + "_to": end, "every": every})
    code = store.run()
    result.add("faults", control.fired)
    store.no_shim()
    result.add("runs")
    told = outcomes(store)[0] if os.path.exists(store.log) else {}
    if code == crashlib.EXIT_REFUSED and "Interrupted system call" in store.text():
        # Berkeley DB's own reads report an interruption that they have overcome. Linux does not
        # interrupt reads of local files; where it happens the store says so and opens later.
        result.add("opened later")
    elif code != 0:
        result.wrong("%s: ended by %s: %s" % (where, code, store.text()[-300:]))
    elif set(told) - {"done", "conflict"}:
        result.wrong("%s: %s" % (where, told))
    result.judged(where, *store.check())
    store.remove()


def retry(suite, result):
    """Short reads and writes and EINTR, at single calls, at every other one, at all."""
    rng = suite.random("retry")
    seed = rng.randrange(1 << 30)
    total = flow_count(suite, result, seed, "calls")
    jobs = [("short", 1, crashlib.FOR_EVER, every) for every in (0, 2, 3)]
    jobs += [("eintr", 1, crashlib.FOR_EVER, every) for every in (2, 3)]
    jobs += [(kind, n, n + 1, 0) for kind in ("short", "eintr")
             for n in suite.sample(rng, total, 12)]
    suite.each(result, lambda job: retry_once(suite, result, seed, *job), jobs)


# ---- no memory ----

def malloc_once(suite, result, seed, n, lasting):
    where = "malloc %d%s fails" % (n, " and all behind it" if lasting else "")
    store = flow_store(suite, seed, batches=12)
    control = store.shim(malloc_from=n, malloc_to=crashlib.FOR_EVER if lasting else n + 1)
    code = store.run()
    result.add("faults", control.fired > 0)
    store.no_shim()
    result.add("runs")
    if code not in (0, crashlib.EXIT_REFUSED, crashlib.EXIT_MEMORY, crashlib.EXIT_FATAL):
        result.wrong("%s: ended by %s: %s" % (where, code, store.text()[-300:]))
    result.add("ended by %s" % code)
    if os.path.exists(store.log):
        result.judged(where, *store.check(refusals_ok=1))
    store.remove()


def malloc(suite, result):
    """No memory at call n, once and from then on: no crash, no hang, an intact store."""
    for flow in range(suite.pick(1, 20)):
        rng = suite.random("malloc", flow)
        seed = rng.randrange(1 << 30)
        total = flow_count(suite, result, seed, "mallocs", batches=12)
        jobs = [(seed, n, lasting) for n in suite.sample(rng, total, 24)
                for lasting in (False, True)]
        suite.each(result, lambda job: malloc_once(suite, result, *job), jobs)


if __name__ == "__main__":
    fulldisk_inside(sys.argv[1:])

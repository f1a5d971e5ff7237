# SPDX-License-Identifier: Apache-2.0
"""Power cuts, replayed from the trace of a run; and the control that shows that they bite."""
import os

import crashlib
import part_kill
import states

STATES_PER_TRACE = 100
MARK_FD = 100
BUSY = {**part_kill.BUSY, "checkpoint_bytes": 128 << 10}


def record(suite, seed, no_sync=0, **options):
    """A loaded run under the shim, to its end."""
    store = crashlib.Store(suite, seed=seed, **BUSY)
    # What goes to the load's log goes into the trace as well, in its order.
    store.shim(mark_fd=MARK_FD, no_sync=no_sync)
    code = store.run(trace=True, mark_fd=MARK_FD, **options)
    store.no_shim()
    return store, code


def cut_points(events, rng, n):
    """Where to cut, in the order of time: where something was just promised or synced, where a file
    is written that is not synced with each commit, and anywhere."""
    promised, paged, syncs = [], [], {}
    for event in events:
        syncs[event[1]] = syncs.get(event[1], 0) + (event[0] == "sync")
    often = max(syncs.values())
    for i, event in enumerate(events):
        if event[0] == "sync" or (event[0] == "mark" and not event[3].startswith(b"I ")):
            promised.append(i + 1)
        elif event[0] == "write" and syncs[event[1]] < often:
            paged.append(i + 1)
    anywhere = range(1, len(events) + 1)
    kinds = (promised or anywhere, paged or anywhere, anywhere)
    return sorted(rng.choice(kinds[i % 3]) for i in range(n))


def cut_states(trace, naming, rng, n, base=None):
    """N crash states of a trace: (point, mode, state, log so far)."""
    disk = states.Disk(naming, base)
    at = 0
    for point in cut_points(trace.events, rng, n):
        for event in trace.events[at:point]:
            disk.step(event)
        at = point
        mode = rng.choice(states.MODES)
        yield point, mode, disk.cut(mode, rng), bytes(disk.marks)


class Cuts:
    """The states of one trace, and what becomes of each."""

    def __init__(self, suite, result, index):
        self.suite = suite
        self.result = result
        self.index = index
        self.seed = 0

    def store(self, state, log):
        store = crashlib.Store(self.suite, seed=self.seed, **BUSY)
        os.rmdir(store.root)
        states.write_state(state, store.root)
        with open(store.log, "wb") as file:
            file.write(log)
        return store

    def judge(self, where, state, log, rng):
        store = self.store(state, log)
        what = rng.random()
        # Looking at all pages of a closed store takes as long as all the rest.
        verify = int(rng.random() < 0.1)
        if what < 0.1:
            self.cut_recovery(where, store, rng)
        elif self.result.judged(where, *store.check(verify_closed=verify)) and what < 0.2:
            # Life goes on behind the cut, on the same store.
            code = store.run(run=7, threads=2, batches=15)
            if code != 0:
                self.result.wrong("%s: the next run ended by %s: %s" % (where, code, store.text()))
            self.result.judged(where + ", next run", *store.check(), acked="acked later")
            self.result.add("next runs")
        store.remove()

    def cut_recovery(self, where, store, rng):
        """The power goes again while the store recovers."""
        base = store.root + ".before"
        crashlib.copy_tree(store.root, base)
        store.shim()
        code = store.start("check", trace=True)
        code = store.finish(code)
        store.no_shim()
        trace = states.Trace(store.trace)
        if code != 0 or not trace.events:
            self.result.judged(where + ", recovery under the shim", *store.check())
            return
        with open(store.log, "rb") as file:
            log = file.read()
        naming = rng.choice(states.NAMINGS)
        for point, mode, state, _ in cut_states(trace, naming, rng, 2, base):
            again = self.store(state, log)
            self.result.judged("%s, and at event %d of recovery, %s, %s" %
                               (where, point, mode, naming), *again.check(verify_closed=0))
            self.result.add("cuts in recovery")
            again.remove()

    def run(self):
        rng = self.suite.random("power", self.index)
        self.seed = rng.randrange(1 << 30)
        store, code = record(self.suite, self.seed, threads=3, workers=self.index % 2, readers=1,
                             owners=6, batches=self.suite.pick(150, 300), pause_us=3000)
        if code != 0:
            self.result.wrong("the traced run ended by %s: %s" % (code, store.text()[-300:]))
        trace = states.Trace(store.trace)
        if states.replay(trace, "posix").cut("keep", rng) != states.read_state(store.root):
            self.result.wrong("the trace with nothing lost is not what the run left behind")
        store.remove()
        self.result.add("traced calls", len(trace.events))
        naming = states.NAMINGS[self.index % 2]
        for point, mode, state, log in cut_states(trace, naming, rng, STATES_PER_TRACE):
            self.result.add("states")
            self.judge("power cut %d at event %d, %s, %s" % (self.index, point, mode, naming),
                       state, log, rng)
            self.suite.say("power: %d states" % self.result.figures["states"])


def power(suite, result):
    """Every crash state of the chosen ones recovers to what was acknowledged."""
    traces = suite.pick(300, 10000) // STATES_PER_TRACE
    suite.each(result, lambda index: Cuts(suite, result, index).run(), range(traces))


def control(suite, result):
    """With syncs made no-ops the same cuts must lose what was acknowledged, or they prove nothing.
    """
    rng = suite.random("control")
    states_wanted = suite.pick(20, 100)
    losing = 0
    store, code = record(suite, rng.randrange(1 << 30), no_sync=1, threads=2, batches=60)
    if code != 0:
        result.wrong("the traced run ended by %s: %s" % (code, store.text()[-300:]))
    trace = states.Trace(store.trace)
    store.remove()
    cuts = Cuts(suite, result, 0)
    for _, _, state, log in cut_states(trace, "journal", rng, states_wanted):
        left = cuts.store(state, log)
        ok, verdict = left.check()
        losing += not ok
        result.add("states")
        result.add("acked", verdict.get("done", 0))
        result.add("missing", verdict.get("lost", 0))
        left.remove()
    result.figures["states with losses"] = losing
    if result.figures["missing"] == 0:
        result.wrong("no sync was made and nothing is missing: the power cuts prove nothing")

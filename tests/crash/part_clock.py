# SPDX-License-Identifier: Apache-2.0
"""Clocks of the day that jump while the store works."""
import crashlib
import part_kill

HOUR_S = 3600
YEAR_S = 365 * 86400

JUMPS = [("an hour ahead", HOUR_S), ("an hour back", -HOUR_S), ("ten years ahead", 10 * YEAR_S),
         ("ten years back", -10 * YEAR_S), ("past 2038", 14 * YEAR_S), ("past 2106", 85 * YEAR_S)]

KEEP = 200


def jump_once(suite, result, jump):
    """Jump there, and back, under load: time in the journal stands still but never goes back,
    checkpoints go on, and the journal does not forget more than it may."""
    name, seconds = jump
    store = crashlib.Store(suite, seed=5, **{**part_kill.BUSY, "checkpoint_bytes": 1 << 30,
                                             "journal_keep": KEEP, "journal_keep_s": 60})
    control = store.shim()
    process = store.start("run", threads=2, workers=1, readers=1, window=2)
    steps = (0, seconds, 0, seconds)
    for step in steps:
        control.clock_us = step * 1000000
        done = store.wait_told(process, "done", 150)
        if not done:
            result.wrong("%s: nothing is done any more" % name)
            break
    crashlib.end(process, crashlib.signal.SIGTERM)
    code = store.finish(process)
    result.add("jumps", len(steps) - 1)
    if code != 0:
        result.wrong("%s: ended by %s: %s" % (name, code, store.text()[-300:]))
    # Opened before the last jump is undone: the clock is far ahead of or behind the journal.
    for offset in (seconds, 0):
        control = store.shim(clock_us=offset * 1000000)
        result.judged("%s, checked %s" % (name, "there" if offset else "back"),
                      *store.check(min_journal=KEEP))
    store.remove()


def clock(suite, result):
    """Jumps of an hour and of years, there and back."""
    suite.each(result, lambda jump: jump_once(suite, result, jump), JUMPS)

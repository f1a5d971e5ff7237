# SPDX-License-Identifier: Apache-2.0
"""Is the suite able to fail? Promises broken on purpose have to be found, each as what it is."""
import crashlib
import part_kill

# How kvload breaks a promise, and what the judge has to call it.
BROKEN = [
    ("early", "lost", "acknowledged before the commit"),
    ("ghost", "ghost", "called a conflict and committed"),
    ("half", "half", "committed in two halves"),
]


def broken_once(suite, result, case):
    how, name, what = case
    rng = suite.random("self", how)
    found = 0
    for attempt in range(20):
        store = crashlib.Store(suite, seed=attempt, **part_kill.BUSY)
        part_kill.run_and_kill(store, rng, 1, broken=how, threads=3, window=16)
        found += store.check()[1].get(name, 0)
        store.remove()
        if found:
            break
    result.add(what, found)
    if not found:
        result.wrong("batches were %s, and nobody noticed" % what)


def broken(suite, result):
    """Break promises in the load itself, kill it, and see the judge find them."""
    suite.each(result, lambda case: broken_once(suite, result, case), BROKEN)

# SPDX-License-Identifier: Apache-2.0
"""Files that changed behind the store's back: flipped bits, cut tails, missing files.

A damaged store may be refused with a reason, may say what is wrong when it is verified or read, or
may be what it was. What it may not do is lose something and call itself sound.
"""
import os

import crashlib
import part_kill


def files_of(root):
    found = []
    for top, _, names in os.walk(root):
        found += [os.path.join(top, name) for name in sorted(names)]
    # The lock and the reserve hold nothing.
    return [path for path in found if os.path.getsize(path) > 0
            and os.path.basename(path) not in ("lock", "reserve")]


def flip(path, rng):
    at = rng.randrange(os.path.getsize(path))
    with open(path, "r+b") as file:
        file.seek(at)
        octet = file.read(1)[0]
        file.seek(at)
        file.write(bytes([octet ^ 1 << rng.randrange(8)]))
    return "bit flipped at %d" % at


def blank(path, rng):
    at = rng.randrange(os.path.getsize(path)) // 512 * 512
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(bytes(min(512, os.path.getsize(path) - at)))
    return "512 octets blank at %d" % at


def cut(path, rng):
    size = rng.randrange(os.path.getsize(path))
    os.truncate(path, size)
    return "cut at %d" % size


def cut_pages(path, rng):
    """All that is left is sound."""
    size = rng.choice((1, 1, rng.randrange(1 + os.path.getsize(path) // 4096))) * 4096
    os.truncate(path, size)
    return "cut at %d" % size


def drop(path, rng):
    os.unlink(path)
    return "gone"


def swap(path, rng):
    """Two pages in each other's place: each is sound in itself."""
    size = os.path.getsize(path)
    if size < 4 * 4096:
        return flip(path, rng)
    a, b = rng.sample(range(1, size // 4096), 2)
    with open(path, "r+b") as file:
        file.seek(a * 4096)
        first = file.read(4096)
        file.seek(b * 4096)
        second = file.read(4096)
        file.seek(a * 4096)
        file.write(second)
        file.seek(b * 4096)
        file.write(first)
    return "pages %d and %d swapped" % (a, b)


DAMAGES = (flip, flip, flip, blank, blank, cut, cut_pages, cut_pages, drop, swap)


def damage_once(suite, result, bases, n):
    rng = suite.random("damage", n)
    kind = rng.choice(sorted(bases))
    store = bases[kind].copy()
    path = rng.choice(files_of(store.dir))
    name = os.path.relpath(path, store.root)
    where = "%s store, %s: %s" % (kind, name, rng.choice(DAMAGES)(path, rng))
    code = store.run("check")
    result.add("damages")
    verdict = store.verdict(code)
    if code == crashlib.EXIT_REFUSED:
        result.add("refused")
        if len(verdict["first"]) < 10:
            result.wrong("%s: refused without a reason" % where)
    elif code == 0:
        result.add("harmless")
    elif code == crashlib.EXIT_WRONG:
        if verdict["verify"] == 0:
            result.wrong("%s: silent: %s" % (where, verdict["first"]))
        else:
            result.add("reported")
    elif code == crashlib.EXIT_FATAL:
        result.add("ended with a reason")
        if not store.text():
            result.wrong("%s: ended without a reason" % where)
    else:
        result.wrong("%s: %s" % (where, verdict["first"]))
    store.remove()


def damage_round(suite, result, first, n):
    rng = suite.random("damage", first)
    bases = {}
    for kind in ("closed", "killed"):
        store = crashlib.Store(suite, seed=rng.randrange(1 << 30), **part_kill.BUSY)
        if kind == "closed":
            store.run(threads=2, workers=1, batches=150)
        else:
            part_kill.run_and_kill(store, rng, 1, threads=3)
        probe = store.copy()
        result.judged("%s store" % kind, *probe.check())
        probe.remove()
        bases[kind] = store
    suite.each(result, lambda n: damage_once(suite, result, bases, n), range(first, first + n))
    for store in bases.values():
        store.remove()


def damage(suite, result):
    """Damage files of stores that were closed in order, and of stores that were killed."""
    for first in range(0, suite.pick(60, 500), suite.pick(60, 50)):
        damage_round(suite, result, first, suite.pick(60, 50))
    if not result.figures.get("refused", 0) + result.figures.get("reported", 0):
        result.wrong("no damage was noticed: nothing was tried")

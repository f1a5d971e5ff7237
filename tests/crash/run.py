#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The crash suite: can the store's word be relied on?

Runs every part, prints a table and what was violated, and writes the same as JSON. Exit code 0:
nothing was violated and everything ran or said why not; 1: violations; 2: it could not run.
"""
import argparse
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import crashlib  # noqa: E402
import part_clock  # noqa: E402
import part_damage  # noqa: E402
import part_faults  # noqa: E402
import part_kill  # noqa: E402
import part_power  # noqa: E402
import part_self  # noqa: E402

# In the order of the report; the second says whether the part needs the shim.
PARTS = [
    ("self", part_self.broken, False),
    ("control", part_power.control, True),
    ("kill", part_kill.kill, False),
    ("recovery", part_kill.recovery, True),
    ("stop", part_kill.stop, False),
    ("power", part_power.power, True),
    ("nospace", part_faults.nospace, True),
    ("fulldisk", part_faults.fulldisk, False),
    ("eio", part_faults.eio, True),
    ("retry", part_faults.retry, True),
    ("malloc", part_faults.malloc, True),
    ("damage", part_damage.damage, False),
    ("clock", part_clock.clock, True),
]


def say_progress(text):
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K%s" % text)
        sys.stderr.flush()


def arguments():
    parser = argparse.ArgumentParser(description="the crash suite of the store")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_const", const="quick", dest="size",
                      help="the sizes of a check, about a minute and a half (the default)")
    size.add_argument("--soak", action="store_const", const="soak", dest="size",
                      help="the sizes of a soak, about an hour")
    parser.add_argument("--part", action="append", choices=[name for name, _, _ in PARTS],
                        help="only this part; may be given more than once")
    parser.add_argument("--builddir", default=os.environ.get("builddir", "."),
                        help="where the tree was built (default: $builddir, or here)")
    parser.add_argument("--seed", default=str(time.time_ns()),
                        help="repeats the choices of an earlier run")
    parser.add_argument("--json", metavar="FILE", help="write the report there too")
    parser.add_argument("--keep", action="store_true", help="leave the stores behind")
    parser.set_defaults(size="quick")
    return parser.parse_args()


def run_part(suite, name, function, needs_shim):
    result = crashlib.Result(name)
    begin = time.monotonic()
    if needs_shim and not suite.has_shim:
        result.skipped = "the shim cannot stand beside a sanitizer (configure without one)"
    else:
        function(suite, result)
    result.seconds = round(time.monotonic() - begin, 1)
    say_progress("")
    return result


def outcome(result):
    if result.violations:
        return "WRONG"
    return "skipped" if result.skipped else "ok"


def print_line(result):
    figures = ", ".join("%s %s" % (name, n) for name, n in result.figures.items())
    print("%-10s %-8s %6.1f s  %s" % (result.name, outcome(result), result.seconds,
                                      result.skipped or figures), flush=True)


def report(suite, results, path):
    """The violations for people, all of it for programs."""
    for result in results:
        for text in result.violations[:20]:
            print("WRONG %s: %s" % (result.name, text))
        if len(result.violations) > 20:
            print("WRONG %s: and %d more" % (result.name, len(result.violations) - 20))
    data = {"size": suite.size, "seed": suite.seed, "parts": [
        {"part": result.name, "outcome": outcome(result), "seconds": result.seconds,
         "skipped": result.skipped, "figures": result.figures, "violations": result.violations}
        for result in results]}
    if path:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(data, file, indent=1)
            file.write("\n")


def main():
    args = arguments()
    suite = crashlib.Suite(args.builddir, args.size, args.seed, args.keep, say_progress)
    try:
        if not os.access(suite.kvload, os.X_OK):
            print("%s is missing: build it with \"make check TESTS=\"" % suite.kvload)
            return 2
        print("crash suite, %s, seed %s, in %s" % (args.size, args.seed, suite.work), flush=True)
        results = []
        for name, function, needs_shim in PARTS:
            if not args.part or name in args.part:
                results.append(run_part(suite, name, function, needs_shim))
                print_line(results[-1])
        report(suite, results, args.json)
    finally:
        suite.close()
    ends = [outcome(result) for result in results]
    print("crash suite: %d passed, %d failed, %d skipped" %
          (ends.count("ok"), ends.count("WRONG"), ends.count("skipped")))
    return 1 if "WRONG" in ends else 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""Power cuts: from a trace of calls to what a disk may hold after the power went.

What is certain: the contents that were written to a file before a sync of it began, and the names
of a folder before a sync of the folder. Everything else may be there or not:

- contents: dropped, kept, a first part of them, any subset, or torn at multiples of 512 or 4096;
  what is missing before something that is there reads as zeros;
- names (create, rename, unlink), by the kind of file system:
  "posix": any subset of what was not synced with its folder;
  "journal": a first part; and a sync of a file brings its own names and all older ones along, as
  ext4, xfs and btrfs do.
"""
import os
import struct

import crashlib

KIND = {number: name[6:].lower() for name, number in crashlib.enum_of("shim_kind").items()}
HEADER = struct.Struct("<IIIIQ")
MAGIC = 0x48535243

MODES = ("drop", "keep", "prefix", "subset", "torn512", "torn4096")
NAMINGS = ("journal", "posix")


class Trace:
    """The events of a run: (kind, id, offset, octets)."""

    def __init__(self, path):
        with open(path, "rb") as file:
            raw = file.read()
        self.events = []
        at = 0
        while at < len(raw):
            magic, kind, number, length, offset = HEADER.unpack_from(raw, at)
            if magic != MAGIC:
                raise ValueError("the trace is damaged at octet %d" % at)
            at += HEADER.size
            self.events.append((KIND[kind], number, offset, raw[at:at + length]))
            at += length
        blind = {event[3] for event in self.events if event[0] == "blind"}
        if blind:
            raise ValueError("the trace is blind to %s" % blind)


class Content:
    """The octets of a file. Logs are made in their full length: zeros at the end are not kept."""

    def __init__(self, data=b"", size=None):
        self.data = bytearray(data)
        self.size = len(data) if size is None else size

    def __eq__(self, other):
        return self.size == other.size and self.data.rstrip(b"\0") == other.data.rstrip(b"\0")

    def copy(self):
        return Content(self.data, self.size)

    def apply(self, event):
        kind, offset, data = event
        if kind == "write":
            self.size = max(self.size, offset + len(data))
            if offset >= len(self.data):
                if not data.strip(b"\0"):
                    return
                self.data.extend(bytes(offset - len(self.data)))
            self.data[offset:offset + len(data)] = data
        elif kind == "size":
            self.size = offset
            del self.data[offset:]
        elif kind == "grow":
            self.size = max(self.size, offset)

    def write(self, path):
        with open(path, "wb") as file:
            file.write(self.data)
            file.truncate(self.size)


def read_content(path):
    with open(path, "rb") as file:
        data = file.read()
    return Content(data.rstrip(b"\0"), len(data))


class File:
    """One file: what is certain of it, and what was done since."""

    def __init__(self, content=None):
        self.certain = content or Content()
        self.pending = []

    def synced(self):
        for event in self.pending:
            self.certain.apply(event)
        self.pending = []


class Disk:
    """Follows a trace. Names are paths under the root; a folder's value is None."""

    def __init__(self, naming, base=None):
        self.naming = naming
        self.names = {"": None}
        self.pending = []
        self.files = {}
        self.folders = {}
        self.marks = bytearray()
        self.fresh = -1
        if base:
            self.load(base)

    def load(self, base):
        """Begin with what the folder BASE holds; such files have numbers below 0."""
        for top, dirs, files in os.walk(base):
            where = os.path.relpath(top, base)
            for name in dirs:
                self.names[os.path.normpath(os.path.join(where, name))] = None
            for name in files:
                self.files[self.fresh] = File(read_content(os.path.join(top, name)))
                self.names[os.path.normpath(os.path.join(where, name))] = self.fresh
                self.fresh -= 1

    def now(self):
        """The names as the process sees them."""
        names = dict(self.names)
        for op in self.pending:
            rename_names(names, op)
        return names

    def step(self, event):
        kind, number, offset, data = event
        if kind in ("write", "size", "grow"):
            self.files[number].pending.append((kind, offset, data))
        elif kind == "create":
            self.files[number] = File()
            self.pending.append(("create", data.decode(), None, number))
        elif kind == "open":
            self.opened(number, data.decode())
        elif kind == "mkdir":
            self.pending.append(("mkdir", data.decode(), None, None))
        elif kind == "rename":
            source, target = data.decode().split("\0")
            self.pending.append(("rename", source, target, self.now().get(source)))
        elif kind == "unlink":
            path = data.decode()
            self.pending.append(("unlink", path, None, self.now().get(path)))
        elif kind == "sync":
            self.synced(number)
        elif kind == "mark":
            self.marks += data

    def opened(self, number, path):
        """A file or folder that was there before the trace got to know it."""
        known = self.now()[path]
        if known is None:
            self.folders[number] = path
        else:
            self.files[number] = self.files[known]

    def synced(self, number):
        if number in self.folders:
            folder = self.folders[number]
            self.settle([op for op in self.pending if folder in folders_of(op)])
            return
        self.files[number].synced()
        if self.naming == "journal":
            mine = [i for i, op in enumerate(self.pending)
                    if op[3] is not None and self.files[op[3]] is self.files[number]]
            if mine:
                self.settle(self.pending[:mine[-1] + 1])

    def settle(self, ops):
        for op in ops:
            rename_names(self.names, op)
        self.pending = [op for op in self.pending if not any(op is other for other in ops)]

    # -- what a cut leaves --

    def cut(self, mode, rng):
        """The files after a cut now: path to Content, None for a folder."""
        names = dict(self.names)
        for op in self.names_left(mode, rng):
            rename_names(names, op)
        return {path: None if number is None else self.content(self.files[number], mode, rng)
                for path, number in names.items()}

    def names_left(self, mode, rng):
        if mode == "drop":
            return []
        if mode == "keep":
            return self.pending
        if self.naming == "journal":
            return self.pending[:rng.randint(0, len(self.pending))]
        share = rng.random()
        return [op for op in self.pending if rng.random() < share]

    @staticmethod
    def content(file, mode, rng):
        content = file.certain.copy()
        if mode == "keep":
            left = file.pending
        elif mode == "drop":
            left = []
        elif mode == "prefix":
            left = file.pending[:rng.randint(0, len(file.pending))]
        else:
            left = list(subset(file.pending, mode, rng))
        for event in left:
            content.apply(event)
        return content


def subset(events, mode, rng):
    """Some of the events; with a torn mode, some sectors of each write."""
    sector = {"torn512": 512, "torn4096": 4096}.get(mode)
    share = rng.choice((0.1, 0.5, 0.9))
    for kind, offset, data in events:
        if kind != "write" or not sector:
            if rng.random() < share:
                yield kind, offset, data
            elif kind == "write" and rng.random() < 0.2:
                yield "grow", offset + len(data), b""
            continue
        at = 0
        while at < len(data):
            n = min(sector - (offset + at) % sector, len(data) - at)
            if rng.random() < share:
                yield kind, offset + at, data[at:at + n]
            at += n


def folders_of(op):
    paths = [path for path in op[1:3] if path is not None]
    return {os.path.dirname(path) for path in paths}


def rename_names(names, op):
    """Apply one change of names, or none of it where what it needs is not there."""
    what, path, target, number = op
    if what in ("create", "mkdir"):
        names[path] = number
    elif what == "unlink":
        names.pop(path, None)
    elif path in names:
        below = [name for name in names if name == path or name.startswith(path + "/")]
        for name in below:
            names[target + name[len(path):]] = names.pop(name)


def read_state(root):
    """What the folder ROOT holds, as Disk.cut has it."""
    state = {"": None}
    for top, dirs, files in os.walk(root):
        where = os.path.relpath(top, root)
        for name in dirs:
            state[os.path.normpath(os.path.join(where, name))] = None
        for name in files:
            state[os.path.normpath(os.path.join(where, name))] = read_content(
                os.path.join(top, name))
    return state


def replay(trace, naming, base=None):
    """The disk at the end of a trace."""
    disk = Disk(naming, base)
    for event in trace.events:
        disk.step(event)
    return disk


def write_state(state, root):
    """Make the folder ROOT hold STATE; what has no folder above it cannot be reached."""
    os.mkdir(root)
    for path in sorted(state):
        full = os.path.join(root, path)
        if path == "" or not os.path.isdir(os.path.dirname(full)):
            continue
        if state[path] is None:
            os.mkdir(full)
        else:
            state[path].write(full)

# SPDX-License-Identifier: Apache-2.0
"""A block that does the same each time, recorded by one of the two trackers: block.py MODULE CAPTURE MODE

Both modules are imported whichever records, so that the interpreter is in the same state. MODE is `default` or
`python-allocators`. In the latter there are no exceptions and no generators: for those memray's profile function changes
what the interpreter itself asks of its allocators.
"""

import collections
import importlib
import json
import sys

import memray  # noqa: F401
import memray_view  # noqa: F401


def fibonacci(n):
    return bytearray(600 + n) if n < 2 else [fibonacci(n - 1), fibonacci(n - 2)]


def deep(n):
    return bytearray(5000) if n == 0 else [deep(n - 1)]


def numbered(lines):
    for number, line in enumerate(lines):
        yield number, bytes(1000 + number), line


class Node:
    def __init__(self, depth):
        self.payload = bytearray(700)
        self.children = [Node(depth - 1) for _ in range(3)] if depth else []


def caught(n):
    try:
        raise ValueError(bytes(800))
    except ValueError as error:
        return n if error.args else 0


def work(mode):
    kept = [fibonacci(12), deep(150), Node(5)]
    document = json.dumps({str(n): list(range(n)) for n in range(120)})
    kept.append(json.loads(document))
    kept.append(collections.Counter(document.split(",")))
    table = {}
    for n in range(20_000):
        table[n] = str(n) * 200
    kept.append(sorted(table.values()))
    if mode == "default":
        kept.append(list(numbered(["x"] * 300)))
        kept.append([caught(n) for n in range(100)])
    return len(kept)


def main():
    _, module, capture, mode = sys.argv
    tracker = importlib.import_module(module).Tracker(capture, trace_python_allocators=mode == "python-allocators")
    with tracker:
        work(mode)


main()

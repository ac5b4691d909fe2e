#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares two captures of one deterministic program, ours and memray's, allocation by allocation.

    python same_allocations.py OURS.bin THEIRS.bin [--python-allocators] [--show N]

Both are read by memray. Each allocation is what it asked for, of whom, with its whole Python stack as
`function:file:line`; stacks begin below the runner (memray runs a program within its own frames and runpy's). Prints JSON:
how many allocations each has, how many of theirs are in ours (`matched`, as a multiset), and the largest differences.

With `--python-allocators` memray's own frame objects are left out first: its profile function makes the interpreter
create a frame object for each Python call (from 3.11 on), through Python's allocators, and records it as the program's.
They are told by the rule in `is_frame_object`.
"""
import argparse
import collections
import json
import sys

from memray import AllocatorType, FileReader

FREES = {AllocatorType.FREE, AllocatorType.MUNMAP, AllocatorType.PYMALLOC_FREE}
RUNNER_FILES = ("runpy.py", "<frozen runpy>")


def is_runner(frame):
    _, file, _ = frame
    return file.endswith(RUNNER_FILES) or "/memray/" in file


def stack_of(record):
    frames = list(record.stack_trace())
    while frames and is_runner(frames[-1]):
        frames.pop()
    return tuple(f"{function}:{file}:{line}" for function, file, line in frames)


def allocations_of(path):
    counts = collections.Counter()
    with FileReader(path, max_memory_records=10**9) as reader:
        for record in reader.get_allocation_records():
            allocator = AllocatorType(record.allocator)
            if allocator not in FREES:
                counts[allocator.name, record.size, stack_of(record)] += 1
    return counts


def is_frame_object(key):
    """A frame object is 72 bytes (64 with its list of free ones gone, from 3.12 on), as many words as its code has
    locals and stack, and no garbage collector's header of its own stands before the size that is asked for: 16 more."""
    allocator, size, _ = key
    return allocator in ("PYMALLOC_MALLOC", "PYMALLOC_REALLOC") and size % 8 == 0 and size >= 120


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("ours")
    parser.add_argument("theirs")
    parser.add_argument("--python-allocators", action="store_true")
    parser.add_argument("--show", type=int, default=20)
    arguments = parser.parse_args()
    ours, theirs = allocations_of(arguments.ours), allocations_of(arguments.theirs)
    only_theirs = theirs - ours
    only_ours = ours - theirs
    matched = sum((theirs & ours).values())
    result = {
        "ours": sum(ours.values()),
        "theirs": sum(theirs.values()),
        "matched": matched,
        "only_theirs": [[n, *key] for key, n in only_theirs.most_common(arguments.show)],
        "only_ours": [[n, *key] for key, n in only_ours.most_common(arguments.show)],
    }
    json.dump(result, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()

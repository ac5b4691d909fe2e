#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares two captures of one deterministic program, ours and memray's, allocation by allocation.

    python same_allocations.py OURS.bin THEIRS.bin --program FILE [--show N]

Both are read by memray. Each allocation is what it asked for, of whom, with its whole Python stack as
`function:file:line`, outermost last. Only what the program did is compared, that is, stacks with a frame of FILE, from
its outermost such frame on: the frames above are the runner's. Prints JSON: how many allocations each has, how many are
in both (as multisets), how many of theirs are memray's own objects, and the largest differences.

memray's own objects are left out of theirs where ours lacks them. Its profile function makes the interpreter create, through
Python's allocators, a frame object for each Python call (64 bytes before the frame itself, which is 72 and its locals and
stack, from 3.11 on; up to 3.10 frames are objects anyway) and a bound method for each call of a method of a built-in type
(56 bytes, and 16 of the garbage collector).
"""
import argparse
import collections
import json
import sys

from memray import AllocatorType, FileReader

FREES = {AllocatorType.FREE, AllocatorType.MUNMAP, AllocatorType.PYMALLOC_FREE}
SMALLEST_FRAME_OBJECT = 64 + 72
BOUND_METHOD = 56 + 16


def stack_within(record, program):
    frames = [f"{function}:{file}:{line}" for function, file, line in record.stack_trace()]
    files = [file for _, file, _ in record.stack_trace()]
    while files and files[-1] != program:
        files.pop()
        frames.pop()
    return tuple(frames)


def allocations_of(path, program):
    counts = collections.Counter()
    with FileReader(path, max_memory_records=10**9) as reader:
        for record in reader.get_allocation_records():
            allocator = AllocatorType(record.allocator)
            if allocator not in FREES:
                stack = stack_within(record, program)
                if stack:
                    counts[allocator.name, record.size, stack] += 1
    return counts


def is_memrays_own(key):
    allocator, size, _ = key
    is_frame = size >= SMALLEST_FRAME_OBJECT and size % 8 == 0
    return allocator == "PYMALLOC_MALLOC" and (is_frame or size == BOUND_METHOD)


def largest(counts, show):
    return [[n, *key] for key, n in counts.most_common(show)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("ours")
    parser.add_argument("theirs")
    parser.add_argument("--program", required=True)
    parser.add_argument("--show", type=int, default=20)
    arguments = parser.parse_args()
    ours = allocations_of(arguments.ours, arguments.program)
    theirs = allocations_of(arguments.theirs, arguments.program)
    only_theirs, only_ours = theirs - ours, ours - theirs
    own = collections.Counter({key: n for key, n in only_theirs.items() if is_memrays_own(key)})
    result = {
        "ours": sum(ours.values()),
        "theirs": sum(theirs.values()),
        "in_both": sum((theirs & ours).values()),
        "memrays_own": sum(own.values()),
        "only_theirs": largest(only_theirs - own, arguments.show),
        "only_ours": largest(only_ours, arguments.show),
    }
    json.dump(result, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares two captures of one deterministic program, ours and memray's, allocation by allocation.

    python same_allocations.py OURS.bin THEIRS.bin --program FILE [--hybrid] [--show N]

Both are read by memray. Each allocation is what it asked for, of whom, with its whole Python stack as
`function:file:line`, outermost last. Only what the program did is compared, that is, stacks with a frame of FILE, from
its outermost such frame on: the frames above are the runner's. Prints JSON: how many allocations each has, how many are
in both (as multisets), how many of theirs are memray's own objects, and the largest differences.

With --hybrid, of captures with native stacks, the stack has the C functions between those of Python, by name alone. The
interpreter calls C functions in another way while a profile function is set, as memray's is; the functions through which
it does so are left out.

memray's own objects are left out of theirs where ours lacks them. Its profile function makes the interpreter create, through
Python's allocators, a frame object for each Python call (64 bytes before the frame itself, which is 72 and its locals and
stack, from 3.11 on; up to 3.10 frames are objects anyway) and a bound method for each call of a method of a built-in type
(56 bytes, and 16 of the garbage collector). Native stacks show what was made to call it. What is larger than 512 bytes
Python's allocators take from malloc: frame objects, and, once for each code object, the table of its lines that the
interpreter makes when a profile function first asks (two or four bytes an instruction). What the loader allocates while it
loads an extension module is counted on its own, of ours. Whether a thread has to wait for another, and makes a lock for
that, differs from run to run: those locks are left out of both.
"""
import argparse
import collections
import json
import sys

from memray import AllocatorType, FileReader

FREES = {AllocatorType.FREE, AllocatorType.MUNMAP, AllocatorType.PYMALLOC_FREE}
SMALLEST_FRAME_OBJECT = 64 + 72
BOUND_METHOD = 56 + 16
LARGEST_OF_PYMALLOC = 512
LOCK = 32
CALLS_OF_PROFILE_FUNCTIONS = {"call_trace", "call_profile_func"}


def is_way_of_calling(function):
    """Whether the interpreter calls C functions through it, with or without a profile function."""
    calls = {"trace_call_function", "do_call_core", "PyObject_Vectorcall", "_PyObject_VectorcallTstate", "PyObject_Call"}
    return function in calls or function.startswith(("cfunction_vectorcall_", "method_vectorcall_"))


def named(function, file, line, hybrid):
    is_python = file.endswith(".py") or file.startswith("<frozen")
    return f"{function}:{file}:{line}" if is_python or not hybrid else function


def stack_within(record, program, hybrid):
    trace = record.hybrid_stack_trace() if hybrid else record.stack_trace()
    while trace and trace[-1][1] != program:
        trace.pop()
    return tuple(named(*frame, hybrid) for frame in trace if not (hybrid and is_way_of_calling(frame[0])))


def allocations_of(path, program, hybrid):
    # Most allocations share a stack, which memray puts together anew each time.
    counts, stacks = collections.Counter(), {}
    with FileReader(path, max_memory_records=10**9) as reader:
        for record in reader.get_allocation_records():
            allocator = AllocatorType(record.allocator)
            if allocator not in FREES:
                key = record.stack_id
                if hybrid:
                    key = (key, record.native_stack_id, record.native_segment_generation)
                stack = stacks.get(key)
                if stack is None:
                    stack = stacks[key] = stack_within(record, program, hybrid)
                if stack and not (record.size == LOCK and stack[0].startswith("wait:") and "threading.py" in stack[0]):
                    counts[allocator.name, record.size, stack] += 1
    return counts


def is_memrays_own(key, count):
    allocator, size, stack = key
    if not CALLS_OF_PROFILE_FUNCTIONS.isdisjoint(stack):
        return True
    if allocator == "MALLOC":
        return size > LARGEST_OF_PYMALLOC and (size % 8 == 0 or size % 2 == 0 and count == 1)
    is_frame = size >= SMALLEST_FRAME_OBJECT and size % 8 == 0
    return allocator == "PYMALLOC_MALLOC" and (is_frame or size == BOUND_METHOD)


def is_made_while_loading(key):
    _, _, stack = key
    return len(stack) > 1 and stack[1].startswith("create_module:<frozen importlib._bootstrap_external>:")


def largest(counts, show):
    return [[n, *key] for key, n in counts.most_common(show)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("ours")
    parser.add_argument("theirs")
    parser.add_argument("--program", required=True)
    parser.add_argument("--show", type=int, default=20)
    parser.add_argument("--hybrid", action="store_true")
    arguments = parser.parse_args()
    ours = allocations_of(arguments.ours, arguments.program, arguments.hybrid)
    theirs = allocations_of(arguments.theirs, arguments.program, arguments.hybrid)
    only_theirs, only_ours = theirs - ours, ours - theirs
    own = collections.Counter({key: n for key, n in only_theirs.items() if is_memrays_own(key, n)})
    loading = collections.Counter({key: n for key, n in only_ours.items() if is_made_while_loading(key)})
    result = {
        "ours": sum(ours.values()),
        "theirs": sum(theirs.values()),
        "in_both": sum((theirs & ours).values()),
        "memrays_own": sum(own.values()),
        "made_while_loading": sum(loading.values()),
        "only_theirs": largest(only_theirs - own, arguments.show),
        "only_ours": largest(only_ours - loading, arguments.show),
    }
    json.dump(result, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Says which threads of a capture allocated what, and where.

    python allocations_by_thread.py CAPTURE.bin --program FILE --function NAME

Prints JSON: for each thread the allocations that function NAME of FILE made itself, in their order: the size, and the
lines of its stack that are of FILE, innermost first. Threads have other numbers in each capture, so they have none here,
and the lists are sorted.
"""
import argparse
import collections
import json

from memray import AllocatorType, FileReader

FREES = {AllocatorType.FREE, AllocatorType.MUNMAP, AllocatorType.PYMALLOC_FREE}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("capture")
    parser.add_argument("--program", required=True)
    parser.add_argument("--function", required=True)
    arguments = parser.parse_args()
    threads = collections.defaultdict(list)
    with FileReader(arguments.capture, max_memory_records=10**9) as reader:
        for record in reader.get_allocation_records():
            stack = [] if AllocatorType(record.allocator) in FREES else record.stack_trace()
            if stack and stack[0][:2] == (arguments.function, arguments.program):
                lines = [line for _, file, line in stack if file == arguments.program]
                threads[record.tid].append([record.size, lines])
    print(json.dumps(sorted(threads.values())))


if __name__ == "__main__":
    main()

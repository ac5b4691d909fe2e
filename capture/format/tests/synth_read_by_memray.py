# SPDX-License-Identifier: Apache-2.0
"""Prints what memray reads in a capture, in lines that the test beside this file prints from a model of its own."""

import collections
import sys

import memray


def print_records(kind, records):
    sums = collections.Counter()
    counts = collections.Counter()
    for record in records:
        frames = ";".join(f"{function}|{file}|{line}" for function, file, line in record.stack_trace())
        key = f"{record.tid} {frames}"
        sums[key] += record.size
        counts[key] += record.n_allocations
    for key in sums:
        print(f"{kind} {sums[key]} {counts[key]} {key}")


def print_capture(path):
    print(f"\n== {path}")
    reader = memray.FileReader(path)
    metadata = reader.metadata
    start_ms = metadata.start_time.timestamp() * 1000
    print(f"records {metadata.total_allocations}")
    print(f"peak_bytes {metadata.peak_memory}")
    print(f"duration_ms {metadata.end_time.timestamp() * 1000 - start_ms:.0f}")
    print(f"command {metadata.command_line}")
    print(f"pid {metadata.pid}")
    print_records("peak", reader.get_high_watermark_allocation_records(merge_threads=False))
    print_records("leaked", reader.get_leaked_allocation_records(merge_threads=False))
    for number, snapshot in enumerate(reader.get_memory_snapshots()):
        print(f"snapshot {number:06} {snapshot.time - start_ms:.0f} {snapshot.rss} {snapshot.heap}")


assert memray.__version__ == "1.20.0", f"memray 1.20.0 is needed, found {memray.__version__}"
for path in sys.argv[1:]:
    print_capture(path)

# SPDX-License-Identifier: Apache-2.0
"""What memray itself says of a capture, as JSON, for the window tests: truth.py CAPTURE FROM TO FUNCTION.

FROM and TO are snapshots; a range's answer is what was allocated after the one, before the other, and is live there.
"""

import json
import sys

from memray import FileReader


def read(capture):
    # So many that none is left out.
    return FileReader(capture, max_memory_records=1_000_000_000)


def total(rows):
    rows = list(rows)
    return {"bytes": sum(size for size, _ in rows), "allocations": sum(count for _, count in rows)}


def still_live(capture, start, end):
    for record in read(capture).get_temporal_allocation_records(merge_threads=True):
        for interval in record.intervals:
            freed = interval.deallocated_before_snapshot
            if start < interval.allocated_before_snapshot <= end and (freed is None or freed > end):
                yield interval.n_bytes, interval.n_allocations


def main():
    capture, start, end, function = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    peak = list(read(capture).get_high_watermark_allocation_records(merge_threads=True))
    leaked = read(capture).get_leaked_allocation_records(merge_threads=True)
    through = (record for record in peak if any(function in frame[0] for frame in record.stack_trace()))
    print(
        json.dumps(
            {
                "peak": total((record.size, record.n_allocations) for record in peak),
                "leaked": total((record.size, record.n_allocations) for record in leaked),
                "range": total(still_live(capture, start, end)),
                "function": total((record.size, record.n_allocations) for record in through),
            }
        )
    )


if __name__ == "__main__":
    main()

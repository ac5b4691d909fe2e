# SPDX-License-Identifier: Apache-2.0
"""What memray reads in captures: a path of one a line comes in, JSON goes out.

`allocations` are all but the frees: thread, bytes, allocator, and the functions of the stack, innermost first, without the
frames above the tracker; of a capture that holds sums, what is live at the end, summed by stack. `is_complete` is whether the last record says that nothing follows.
"""

import ctypes
import json
import os
import sys
import tempfile

from memray import AllocatorType, FileFormat, FileReader, dump_all_records

FREES = {AllocatorType.FREE, AllocatorType.MUNMAP, AllocatorType.PYMALLOC_FREE}


def records(capture):
    """memray's dump of all records, which it writes to standard output."""
    output = os.dup(1)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 1)
        try:
            dump_all_records(capture)
            ctypes.CDLL(None).fflush(None)
        finally:
            os.dup2(output, 1)
            os.close(output)
        file.seek(0)
        return file.read()


def read(capture):
    with FileReader(capture, max_memory_records=10**9) as reader:
        metadata = reader.metadata
        holds_sums = metadata.file_format is FileFormat.AGGREGATED_ALLOCATIONS
        all_records = reader.get_leaked_allocation_records if holds_sums else reader.get_allocation_records
        allocations = [
            [
                record.tid,
                record.size,
                AllocatorType(record.allocator).name,
                [function for function, _, _ in record.stack_trace()],
            ]
            for record in all_records()
            if record.allocator not in FREES
        ]
    return {
        "allocations": allocations,
        "command_line": metadata.command_line,
        "pid": metadata.pid,
        "main_thread": metadata.main_thread_id,
        "is_complete": records(capture).endswith(b"TRAILER\n"),
    }


for line in sys.stdin:
    print(json.dumps(read(json.loads(line))), flush=True)

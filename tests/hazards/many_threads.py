"""Six hundred threads that start and end, some with little stack, each with blocks of a size that nothing else has."""
import threading

BLOCK_BYTES = 70_007
threading.stack_size(64 << 10)
kept = []


def run():
    for _ in range(3):
        block = bytearray(BLOCK_BYTES - 1)
        kept.append(block)


for _ in range(6):
    threads = [threading.Thread(target=run, name=f"worker {number}") for number in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
print(len(kept))
# SPDX-License-Identifier: Apache-2.0

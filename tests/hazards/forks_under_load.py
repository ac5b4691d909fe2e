"""Forks while four threads allocate, with the GIL and without it. Each child allocates too, and ends in one of two ways."""
import os
import threading
import zlib

BLOCK = bytes(range(256)) * 200
stops = threading.Event()


def allocate():
    while not stops.is_set():
        zlib.decompress(zlib.compress(BLOCK, 1))
        bytearray(5000)


threads = [threading.Thread(target=allocate) for _ in range(4)]
for thread in threads:
    thread.start()
statuses = []
for number in range(40):
    pid = os.fork()
    if pid == 0:
        kept = [zlib.compress(BLOCK, 1) for _ in range(20)]
        if number % 2:
            os._exit(len(kept) + number)
        raise SystemExit(len(kept) + number)
    statuses.append(os.waitpid(pid, 0)[1])
stops.set()
for thread in threads:
    thread.join()
print([os.WEXITSTATUS(status) for status in statuses], {os.WIFEXITED(status) for status in statuses})
# SPDX-License-Identifier: Apache-2.0

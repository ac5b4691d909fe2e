# SPDX-License-Identifier: Apache-2.0
"""Workers of `multiprocessing`. Arguments: the interpreter, and how it starts them ("default" as this Python does)."""
import multiprocessing
import os
import sys


kept = []


def work(number):
    if not kept:
        kept.append(bytearray(5_000_000))
    return os.getpid()


if __name__ == "__main__":
    python, method = sys.argv[1:]
    context = multiprocessing.get_context(None if method == "default" else method)
    context.set_executable(python)
    with context.Pool(2) as pool:
        print(*sorted(set(pool.map(work, range(8), chunksize=1))))
        pool.close()
        pool.join()

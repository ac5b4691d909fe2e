# SPDX-License-Identifier: Apache-2.0
"""Two million allocations and frees in threads of C: `storm.py LIBRARY THREADS`."""

import ctypes
import sys

import pyperf

if __name__ == "__main__":
    threads = int(sys.argv.pop())
    library = ctypes.CDLL(sys.argv.pop())
    pyperf.Runner().bench_func("storm", library.storm_in_threads, threads, ctypes.c_long(1_000_000))

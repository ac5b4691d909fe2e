"""Loads a library, has it allocate, and unloads it, again and again, while a thread does the same with another."""
import _ctypes
import ctypes
import sys
import threading


def load(path, block_bytes):
    for _ in range(100):
        library = ctypes.CDLL(path)
        assert library.allocate_and_free(block_bytes) == 1
        _ctypes.dlclose(library._handle)


thread = threading.Thread(target=load, args=(sys.argv[1], 70_005))
thread.start()
load(sys.argv[2], 70_004)
thread.join()
print("done")
# SPDX-License-Identifier: Apache-2.0

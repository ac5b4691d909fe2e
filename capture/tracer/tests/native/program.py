# SPDX-License-Identifier: Apache-2.0
"""Allocates in C: by Python's own modules, numpy, and two libraries of one layout, of which the first is unloaded.

The libraries are made of descend.c.
"""
import ctypes
import functools
import itertools
import json
import os
import re
import sys
import threading

import _ctypes
import numpy as np

CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)


def load(path, name):
    library = ctypes.CDLL(path)
    descend, call_back = getattr(library, f"{name}_descend"), getattr(library, f"{name}_call_back")
    descend.argtypes = [ctypes.c_int, ctypes.c_size_t]
    call_back.argtypes = [CALLBACK, ctypes.c_int]
    return library, descend, call_back


def deep(n, keep):
    if n:
        return deep(n - 1, keep)
    keep.append(np.ones(200_000))
    keep.append(bytearray(100_000))
    keep.append(sorted([3, 2, 1] * 5000, key=lambda value: value * 1.5))


class Sized:
    def __init__(self, size):
        self.bytes = bytearray(size)

    def __len__(self):
        self.bytes.extend(bytes(70_000))
        return 3


def numbers(count):
    for i in range(count):
        yield bytes(3000 + i)


def through_c(keep):
    keep.extend(map(Sized, [50_000] * 3))
    len(keep[-1])
    keep.append(functools.reduce(lambda a, b: a + b, [bytes(20_000)] * 4))
    keep.append(json.loads("[" + ",".join("1.5" for _ in range(20_000)) + "]"))
    keep.append(list(itertools.accumulate(range(30_000))))
    keep.append(list(numbers(50)))


def in_library(path, name):
    library, descend, call_back = load(path, name)
    for depth in (1, 10, 100, 1000):
        for size in range(40):
            descend(depth, 2000 + size)

    def back(depth):
        keep = bytearray(5000 + depth)
        descend(3, 1000 + depth)
        if depth:
            call_back(CALLBACK(back), depth - 1)
        return len(keep)

    call_back(CALLBACK(back), 5)
    return library


def patterns():
    return [re.compile("(?:a|b%d)*c" % i + "d?" * 50) for i in range(30)]


def arrays():
    keep = []
    for i in range(1, 200):
        whole = np.arange(1000 + i)
        keep.append(np.sort(whole[::-1]))
        keep.append(whole.astype(float) @ np.ones(1000 + i))
        keep.append(np.concatenate([whole, whole]))
    keep.append(np.array([str(i) for i in range(3000)]))
    keep.append(np.linalg.inv(np.eye(120)))
    return keep


def main(first, second):
    keep = []
    deep(5, keep)
    through_c(keep)
    thread = threading.Thread(target=through_c, args=(keep,))
    thread.start()
    thread.join()
    _ctypes.dlclose(in_library(first, "first")._handle)
    keep.append(in_library(second, "second"))
    keep.append(patterns())
    keep.append(arrays())
    child = os.fork()
    if child == 0:
        keep[-3].second_descend(20, 123_456)
        sys.exit()
    os.waitpid(child, 0)
    return keep

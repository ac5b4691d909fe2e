"""Allocates in functions that Python calls at its end, and in one that such a function registers."""
import atexit

kept = []


def keep():
    block = bytearray(70_006)
    kept.append(block)


def last():
    keep()
    print("last")


def first():
    keep()
    print("first", flush=True)


atexit.register(last)
atexit.register(lambda: (keep(), print("in between")))
atexit.register(first)
# SPDX-License-Identifier: Apache-2.0

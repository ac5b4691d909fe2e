"""Allocates in functions that Python calls at its end, and in one that such a function registers."""
import atexit

kept = []


def last():
    kept.append(bytearray(70_006))
    print("last")


def first():
    kept.append(bytearray(70_006))
    print("first", flush=True)


atexit.register(last)
atexit.register(lambda: (kept.append(bytearray(70_006)), print("in between")))
atexit.register(first)

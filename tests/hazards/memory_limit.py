"""Runs code that was never run before when there is no memory left but in malloc's own free blocks."""
import resource
import types

COUNT = 20_000


def allocate():
    return bytearray(600)


functions = [
    types.FunctionType(allocate.__code__.replace(co_firstlineno=line), {"bytearray": bytearray}) for line in range(COUNT)
]
holes = [bytearray(600) for _ in range(100)]
resource.setrlimit(resource.RLIMIT_AS, (1 << 20, resource.getrlimit(resource.RLIMIT_AS)[1]))
try:
    bytearray(4 << 20)
except MemoryError:
    print("none left")
holes.clear()
print(sum(len(function()) for function in functions))
# SPDX-License-Identifier: Apache-2.0

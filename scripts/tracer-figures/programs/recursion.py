# SPDX-License-Identifier: Apache-2.0
"""Allocates at the bottom of a recursion, a block each time: `recursion.py DEPTH`."""

import sys

import pyperf


def descend(depth, blocks):
    if depth:
        return descend(depth - 1, blocks)
    for _ in range(blocks):
        bytearray(1000)


if __name__ == "__main__":
    depth = int(sys.argv.pop())
    pyperf.Runner().bench_func("recursion", descend, depth, 100_000)

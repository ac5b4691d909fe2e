# SPDX-License-Identifier: Apache-2.0
"""A program that others start: it says which it is, and what it holds can be found in its capture."""
import os
import sys


def child_allocates():
    return bytearray(5_000_000)


kept = child_allocates()
print(sys.argv[1], os.getpid(), flush=True)
if sys.argv[1] == "killed":
    os.kill(os.getpid(), 9)

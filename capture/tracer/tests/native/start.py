# SPDX-License-Identifier: Apache-2.0
"""Runs program.py when all that it uses is loaded, so that no stack of it is one of loading modules."""
import ctypes  # noqa: F401
import json  # noqa: F401
import sys

import memray.commands.run  # noqa: F401
import numpy  # noqa: F401
import program

if __name__ == "__main__":
    kept = program.main(*sys.argv[1:])

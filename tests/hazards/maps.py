# SPDX-License-Identifier: Apache-2.0
"""Moves mappings onto others, and asks the kernel for what it refuses. One mapping of each size is left."""
import ctypes
import sys

library = ctypes.CDLL(sys.argv[1])
print(library.moves_onto_another(ctypes.c_long(5 << 20)))
print(library.maps_over_itself(ctypes.c_long(6 << 20)))
print(library.is_refused_a_place(ctypes.c_long(3 << 20)))
print(library.is_refused_an_end(ctypes.c_long(7 << 20)))

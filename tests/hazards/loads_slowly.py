"""Asks for a name while a thread of C loads a library whose slots are not filled yet."""
import ctypes
import sys

library = ctypes.CDLL(sys.argv[1])
print(library.load_meanwhile(sys.argv[2].encode()))
print(library.allocate_there(70_006))

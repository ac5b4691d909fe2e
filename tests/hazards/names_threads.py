"""Threads with names keep a block each: two of C, and one of Python whose name is longer than the system's may be."""
import ctypes
import sys
import threading

ctypes.CDLL(sys.argv[1]).run_threads()
kept = []


def work():
    kept.append(bytearray(70_007))


thread = threading.Thread(target=work, name="a Python thread with a long name")
thread.start()
thread.join()
print(len(kept))
sys.stdout.flush()

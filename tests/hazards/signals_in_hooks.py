"""Signals by the thousand while threads allocate: handled in Python at first, then in C."""
import ctypes
import signal
import sys
import threading

handled = 0


def handle(number, frame):
    global handled
    handled += 1
    bytearray(2000)


def allocate(is_done):
    while not is_done():
        kept = [bytearray(600 + size) for size in range(200)]
        kept.clear()


def storm(is_done):
    threads = [threading.Thread(target=allocate, args=(is_done,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    allocate(is_done)
    for thread in threads:
        thread.join()


signal.signal(signal.SIGALRM, handle)
signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
storm(lambda: handled >= 300)
signal.setitimer(signal.ITIMER_REAL, 0)

library = ctypes.PyDLL(sys.argv[1])
count = ctypes.c_int.in_dll(library, "count")
library.handle_in_c(signal.SIGPROF)
signal.setitimer(signal.ITIMER_PROF, 0.001, 0.001)
storm(lambda: count.value >= 300)
signal.setitimer(signal.ITIMER_PROF, 0)
print(handled >= 300, count.value >= 300)
# SPDX-License-Identifier: Apache-2.0

"""Runs much code, in deep stacks and many threads, and writes to a file how much anonymous memory the process has then."""
import ctypes
import sys
import threading
import types

# Without huge pages, of which the kernel gives as many as it likes.
PR_SET_THP_DISABLE = 41
ctypes.CDLL(None).prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)

FUNCTIONS, THREADS, DEPTH = 50_000, 100, 200


def allocate():
    return bytearray(600)


def recurse(depth):
    return recurse(depth - 1) if depth else allocate()


def anonymous_bytes():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("RssAnon:"))


functions = [
    types.FunctionType(allocate.__code__.replace(co_name=f"f{line}"), {"bytearray": bytearray}) for line in range(FUNCTIONS)
]
print(sum(len(function()) for function in functions))
ready = threading.Barrier(THREADS + 1, timeout=60)
seen = threading.Barrier(THREADS + 1, timeout=60)


def work():
    for depth in range(DEPTH):
        recurse(depth)
    ready.wait()
    seen.wait()


threads = [threading.Thread(target=work) for _ in range(THREADS)]
for thread in threads:
    thread.start()
ready.wait()
with open(sys.argv[1], "w") as file:
    print(anonymous_bytes(), file=file)
seen.wait()
for thread in threads:
    thread.join()
print("done")

# SPDX-License-Identifier: Apache-2.0
"""Threads, greenlets, processes and interpreters beside the first."""

import ctypes
import os
import shutil
import sys
import tempfile
import threading
import traceback

from code_objects import code_that_comes_and_goes
from deceptions import descend
from functions import calls, recursion
from observed import CAPACITY, check, library, pythons_stack
from suspended import generators


def threads(rounds=20):
    failures = []

    def work(n):
        try:
            for _ in range(rounds):
                calls()
                generators()
                recursion(n * 10)
                code = compile(f"def f():\n    check()\nf()", f"<thread {n}>", "exec")
                exec(code, {"check": check})
        except BaseException as failure:
            failures.append(failure)

    sys.setswitchinterval(1e-5)
    running = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    sys.setswitchinterval(5e-3)
    if failures:
        raise failures[0]


def without_the_gil():
    """The same function, called by a thread that has let go of the GIL."""
    unlocked = ctypes.CDLL(sys.argv[1]).memray_view_walk
    unlocked.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    unlocked.restype = ctypes.c_ssize_t
    buffer = ctypes.create_string_buffer(CAPACITY)
    for _ in range(3):
        length = unlocked(buffer, CAPACITY); expected = pythons_stack(sys._getframe())
        text = ctypes.string_at(buffer, abs(length))
        assert length >= 0, text
        fields = text.decode().split("\0")[:-1]
        ours = [(name, file, int(line)) for name, file, line in zip(fields[0::3], fields[1::3], fields[2::3])]
        assert ours == expected, f"\n  ours   {ours}\n  theirs {expected}"


def threads_of_c():
    """A thread that C made calls into Python, which knows nothing of it before and after."""
    libc = ctypes.CDLL(None)
    failures = []

    @ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)
    def begin(_):
        try:
            check()
            calls()
        except BaseException as failure:
            failures.append(failure)

    for _ in range(3):
        thread = ctypes.c_ulong()
        assert libc.pthread_create(ctypes.byref(thread), None, begin, None) == 0
        assert libc.pthread_join(thread, None) == 0
    # Its stack is empty when no Python runs in it.
    assert not failures, failures


def greenlets():
    try:
        import greenlet
    except ImportError:
        return False
    library.memray_view_walk_greenlets()

    def number():
        check()
        return library.memray_view_walk_thread()

    def deep(n, other):
        check()
        if n:
            deep(n - 1, other)
        else:
            other.switch()
            descend(40, other.switch)
        check()
        numbers.append(number())

    main = greenlet.getcurrent()
    own, numbers = number(), []
    made = [greenlet.greenlet(lambda n=n: deep(n * 10, main)) for n in range(1, 6)]
    for _ in range(3):
        for one in made:
            descend(20, one.switch)
            assert number() == own
    assert all(one.dead for one in made)
    # Each was itself at all levels, and they were live at the same time.
    assert own not in numbers and len(set(numbers)) == 5 and len(numbers) == sum(10 * n + 1 for n in range(1, 6))

    def many(n):
        for _ in range(3):
            check()
            main.switch()

    made = [greenlet.greenlet(many) for _ in range(300)]
    for turn in range(4):
        for n, one in enumerate(made):
            descend(n % 50, lambda: one.switch(n))
    # They end, and others begin where they were.
    for n in range(100):
        greenlet.greenlet(lambda: descend(n % 40, check)).switch()
        assert number() == own


def forks():
    pid = os.fork()
    if pid == 0:
        try:
            calls()
            recursion(100)
            code_that_comes_and_goes()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0


def sub_interpreters():
    try:
        if sys.version_info >= (3, 13):
            import _interpreters as interpreters
            made = interpreters.create("legacy")
        elif sys.version_info >= (3, 12):
            import _xxsubinterpreters as interpreters
            made = interpreters.create(isolated=False)
        else:
            import _xxsubinterpreters as interpreters
            made = interpreters.create()
    except (ImportError, AttributeError):
        return False
    flag = os.path.join(tempfile.mkdtemp(), "done")
    script = f"""if True:
        import sys
        sys.argv = ["", {sys.argv[1]!r}]
        sys.path.insert(0, {os.path.dirname(__file__)!r})
        from code_objects import code_that_comes_and_goes
        from functions import calls, recursion
        from suspended import exceptions, generators
        for case in (calls, generators, exceptions, recursion, code_that_comes_and_goes):
            case()
        open({flag!r}, "w").close()
    """
    failure = interpreters.run_string(made, script)
    assert failure is None, failure
    assert os.path.exists(flag)
    shutil.rmtree(os.path.dirname(flag))
    interpreters.destroy(made)


def look_on_while_the_interpreter_ends():
    """The interpreter frees these threads' states while they have the GIL no more and look at their stacks."""
    observe = ctypes.CDLL(sys.argv[1]).memray_view_walk_observe_ns
    observe.argtypes = [ctypes.c_uint64]

    def look():
        while True:
            observe(1_000_000)

    for _ in range(3):
        threading.Thread(target=look, daemon=True).start()


# SPDX-License-Identifier: Apache-2.0
"""Asks the tracer for the stack from nasty places, and holds it against what Python says.

Run by walk.rs in every interpreter that it finds, with the tracer's library as argument.
"""

import asyncio
import ctypes
import faulthandler
import functools
import gc
import os
import pickle
import random
import re
import shutil
import sys
import tempfile
import threading
import traceback

library = ctypes.PyDLL(sys.argv[1])
library.memray_view_walk_begin.restype = ctypes.c_char_p
library.memray_view_walk.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
library.memray_view_walk.restype = ctypes.c_ssize_t
library.memray_view_walk_deaths.restype = ctypes.c_uint64
library.memray_view_walk_find_ns.restype = ctypes.c_uint64
library.memray_view_walk_observe_ns.argtypes = [ctypes.c_uint64]
library.memray_view_walk_observe_ns.restype = ctypes.c_uint64
library.memray_view_walk_compare.argtypes = [ctypes.c_bool]
library.memray_view_walk_compare.restype = ctypes.c_char_p
library.memray_view_walk_use_shortcut.argtypes = [ctypes.c_bool]
library.memray_view_walk_use_shortcut.restype = None
library.memray_view_walk_shortcuts.restype = ctypes.c_uint64
library.memray_view_walk_thread.restype = ctypes.c_uint64
library.memray_view_is_watched.restype = ctypes.c_bool
library.memray_view_events.argtypes = [ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t]
library.memray_view_events.restype = ctypes.c_size_t

CAPACITY = 1 << 21
buffers = threading.local()
checks = 0
deepest = 0
# Whether each allocation is an observation, so that one is enough of a check.
each_is_observed = False


def tracers_stack():
    """The stack as a capture would have it, outermost first."""
    if not hasattr(buffers, "buffer"):
        buffers.buffer = ctypes.create_string_buffer(CAPACITY)
    length = library.memray_view_walk(buffers.buffer, CAPACITY)
    text = ctypes.string_at(buffers.buffer, min(abs(length), CAPACITY))
    assert length >= 0, text.decode()
    fields = text.split(b"\0")[:-1]
    frames = zip(fields[0::3], fields[1::3], fields[2::3])
    return [(name.decode(), file.decode(), int(line)) for name, file, line in frames]


def pythons_stack(frame):
    """The stack as Python has it, outermost first."""
    stack = [(f.f_code.co_name, f.f_code.co_filename, line) for f, line in traceback.walk_stack(frame)]
    return [tuple(part.encode("utf-8", "surrogatepass").decode("utf-8", "replace") if isinstance(part, str) else part
                  for part in frame) for frame in reversed(stack)]


def check():
    """Holds one against the other, up to the caller; what is below is this file's."""
    global checks, deepest
    if each_is_observed:
        return bytearray(1)
    ours = tracers_stack()[:-2]
    theirs = pythons_stack(sys._getframe(1))
    # One lone surrogate is one replacement for us and three for UTF-8's decoder.
    plain = lambda stack: [(n, f.replace("\ufffd\ufffd\ufffd", "\ufffd"), l) for n, f, l in stack]
    assert plain(ours) == plain(theirs), f"\n  ours   {ours}\n  theirs {theirs}"
    checks += 1
    deepest = max(deepest, len(ours))


# What the program does, one function a case.

def calls():
    check()
    check(); check()
    for _ in range(3):
        check()
        check()
    same(); same()
    same()


def same():
    check()


def comprehensions():
    [check() for _ in range(3)]
    {check() for _ in range(2)}
    {n: check() for n in range(2)}
    list(check() for _ in range(2))
    [[check() for _ in range(2)] for _ in range(2)]
    (lambda: (check(), (lambda: check())()))()


def generators():
    def numbers(n):
        try:
            check()
            for k in range(n):
                check()
                yield k
                check()
            yield from numbers(n - 1) if n else ()
        finally:
            check()

    for _ in numbers(3):
        check()
    left = numbers(2)
    next(left)
    check()
    left.close()
    thrown = numbers(2)
    next(thrown)
    try:
        thrown.throw(ValueError)
    except ValueError:
        check()
    first, second = numbers(3), numbers(3)
    for _ in zip(first, second):
        check()
    dropped = numbers(2)
    next(dropped)
    del dropped
    check()


def resumed_from(other):
    next(other, None)
    check()


def one_generator_from_many_callers():
    def ticks():
        while True:
            check()
            yield

    it = ticks()
    next(it)
    next(it)
    resumed_from(it)
    resumed_from(it)
    (lambda: resumed_from(it))()
    list(map(lambda _: next(it), range(3)))


def coroutines():
    async def leaf(n):
        check()
        await asyncio.sleep(0)
        check()
        return n

    async def many(n):
        for k in range(n):
            check()
            yield k
            await leaf(k)

    class Context:
        async def __aenter__(self):
            check()
            await asyncio.sleep(0)
            check()

        async def __aexit__(self, *_):
            check()

    async def main():
        check()
        await asyncio.gather(*(leaf(n) for n in range(5)))
        async for _ in many(3):
            check()
        async with Context():
            check()
        [n async for n in many(2)]
        try:
            await asyncio.wait_for(asyncio.sleep(9), 0.001)
        except asyncio.TimeoutError:
            check()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, check)
        loop.call_soon(check)
        await asyncio.sleep(0)

    asyncio.run(main())


def exceptions():
    def fails(n):
        try:
            check()
            if n == 0:
                raise KeyError(n)
            fails(n - 1)
        finally:
            check()

    for depth in (0, 1, 5, 30):
        try:
            fails(depth)
        except KeyError as error:
            check()
            kept = error
        check()
    try:
        try:
            fails(3)
        except KeyError as error:
            raise ValueError from error
    except ValueError:
        check()
    with context():
        check()
        check()
    del kept


class context:
    def __enter__(self):
        check()

    def __exit__(self, *_):
        check()


class Compared:
    def __init__(self, n):
        self.n = n
        check()

    def __lt__(self, other):
        check()
        return self.n < other.n

    def __eq__(self, other):
        check()
        return self.n == other.n

    def __hash__(self):
        check()
        return 0

    def __del__(self):
        check()

    def __getattr__(self, name):
        check()
        raise AttributeError(name)

    @property
    def property(self):
        check()

    @classmethod
    def class_method(cls):
        check()

    @staticmethod
    def static_method():
        check()

    def __call__(self, *arguments, **names):
        check()

    def __iter__(self):
        check()
        yield 1
        check()


def across_c():
    sorted(range(5), key=lambda n: (check(), -n)[1])
    sorted(Compared(n) for n in range(4))
    list(map(same_argument, range(3)))
    re.sub("a", lambda match: (check(), "b")[1], "banana")
    functools.reduce(lambda a, b: (check(), a + b)[1], range(4))
    {Compared(1), Compared(1)}
    getattr(Compared(1), "missing", None)
    Compared(1).property
    Compared.class_method()
    Compared.static_method()
    Compared(1)(1, 2, a=3)
    list(Compared(1))
    max(range(3), key=same_argument)
    functools.partial(same_argument, 1)()
    type("Made", (), {"__init_subclass__": classmethod(lambda cls: check())})
    exec("check()\n\ncheck()", globals())
    eval("[check() for _ in (1, 2)]", globals())
    callback = ctypes.PYFUNCTYPE(None)(check)
    callback()
    ctypes.CFUNCTYPE(None)(check)()


def same_argument(argument):
    check()
    return argument


def class_bodies():
    class Body:
        check()
        [check() for _ in (1,)]

        class Inner:
            check()

        def __set_name__(self, owner, name):
            check()

    class Owner:
        attribute = Body()
        check()


def decorated(function):
    @functools.wraps(function)
    def wrapper(*arguments):
        check()
        result = function(*arguments)
        check()
        return result
    return wrapper


@decorated
@functools.lru_cache(maxsize=None)
@decorated
def decorators(n=4):
    check()
    if n:
        decorators(n - 1)


def closures():
    cells = [1]

    def inner(a, *rest, b=2, **names):
        def innermost():
            check()
            return cells, a, rest, b, names
        return innermost()

    inner(1, 2, 3, b=4, c=5)
    inner(*[1, 2], **{"b": 3})


def recursion(n=500):
    if n % 50 == 0:
        check()
    if n:
        recursion(n - 1)
    if n % 50 == 0:
        check()


def recursion_through_c(n=60):
    check()
    if n:
        list(map(recursion_through_c, [n - 1]))
    check()


def code_that_comes_and_goes():
    """The next code object often lies where the last one died; frames and instructions are the same."""
    addresses = set()
    before = library.memray_view_walk_deaths()
    for n in range(300):
        code = compile(f"{chr(10) * (n % 7)}def f_{n:04}():\n    check()\nf_{n:04}()\ncheck()\n", f"<made {n:04}>", "exec")
        addresses.add(id(code))
        exec(code, {"check": check})
        del code
    assert len(addresses) < 299, f"addresses were meant to be used again: {len(addresses)}"
    assert library.memray_view_walk_deaths() >= before + 300


def lambdas_that_come_and_go():
    for n in range(100):
        eval(f"(lambda: (check(), {n}))")()
        check()


def names_of_all_kinds():
    for name in ("größe", "длина", "𐌀", "plain"):
        for file in ("/tmp/ü.py", "/tmp/ж.py", "/tmp/😀.py", "/tmp/lone\udcff.py", "/tmp/plain.py"):
            made = {}
            exec(compile(f"def {name}(check):\n\n  check()", file, "exec"), made)
            made[name](check)


def long_functions():
    lines = "\n".join(f"    a{n} = {n}\n    check()" if n % 40 == 0 else f"    a{n} = (\n{n})" for n in range(400))
    made = {"check": check}
    exec(compile(f"def long():\n{lines}\nlong()", "<long>", "exec"), made)


def collections():
    class Cycle:
        def __init__(self):
            self.self = self

        def __del__(self):
            check()

    for _ in range(20):
        Cycle()
    gc.collect()
    check()

    def on_collection(phase, _):
        check()

    gc.callbacks.append(on_collection)
    gc.set_threshold(5, 2, 2)
    try:
        kept = []
        for n in range(200):
            kept.append([n])
            # Making cells and generators allocates in frames that are not complete.
            (lambda: [n for _ in (1,)])()
            list(m for m in (1, n))
    finally:
        gc.set_threshold(700, 10, 10)
        gc.callbacks.remove(on_collection)


def traced():
    seen = []

    def trace(frame, event, argument):
        if frame.f_code.co_name == "same":
            seen.append(event)
            # Up to 3.10 a frame that has yet to begin is at no instruction; the format has no line for that.
            if event != "call" or sys.version_info >= (3, 11):
                check()
        return trace

    sys.settrace(trace)
    same()
    sys.settrace(None)
    sys.setprofile(lambda frame, event, argument: check() if event == "return" else None)
    same()
    sys.setprofile(None)
    assert "line" in seen


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


# What the walk's shortcut must not be deceived by. Each is done from far down too.

def up_and_down(depth=120):
    """Checks at each level, on the way down and up."""
    check()
    if depth:
        up_and_down(depth - 1)
    check()


def descend(depth, function):
    return descend(depth - 1, function) if depth else function()


def fail():
    check()
    raise ValueError


def same_frames_from_two_lines():
    for depth in (5, 10, 20, 26, 27, 30, 60):
        for _ in range(3):
            descend(depth, check)
            descend(depth, check)
            descend(depth, check); descend(depth, check)


class Fails:
    """Its `__init__` fails, so that the frame before it ends by an exception."""

    def __init__(self, depth):
        descend(depth, fail)


def two_lines_that_fail(depth):
    try:
        Fails(depth)
    except ValueError:
        check()
    try:
        Fails(depth)
    except ValueError:
        pass


def another_that_fails(depth):
    try:
        Fails(depth)
    except ValueError:
        pass
    try:
        Fails(depth)
    except ValueError:
        check()


def initializers_that_fail():
    for _ in range(2):
        for depth in range(45):
            two_lines_that_fail(depth)
            another_that_fails(depth)
            descend(10, lambda: two_lines_that_fail(depth))


def unwinding_by_halves():
    def halves(depth, way):
        try:
            if depth:
                halves(depth - 1, way)
            else:
                fail()
        except ValueError:
            if depth % way:
                raise
            check()
            descend(depth // 2, check)
            if depth:
                raise
        finally:
            check()

    for way in (2, 7, 25):
        halves(60, way)


def tracing_on_and_off_far_down():
    def trace(frame, event, argument):
        # Up to 3.10 a frame that was traced says the line that it was at when tracing ended.
        return trace if sys.version_info >= (3, 11) else None

    def turns(depth):
        if depth % 10 == 0:
            sys.settrace(trace if depth % 20 == 0 else None)
        if depth % 15 == 0:
            sys.setprofile((lambda *_: None) if depth % 30 == 0 else None)
        check()
        if depth:
            turns(depth - 1)
        check()

    turns(60)
    sys.settrace(None)
    sys.setprofile(None)


def frames_that_are_looked_at():
    """While wires are strung in them: by the collector, tracebacks, `clear`, faulthandler, pickle."""
    kept = []

    def look(depth):
        local = [depth]
        if depth:
            check()
            look(depth - 1)
            return local
        check()
        frame = sys._getframe()
        while frame:
            kept.append(frame)
            gc.get_referents(frame)
            gc.get_objects()
            try:
                frame.clear()
            except RuntimeError:
                pass
            values = {name: value for name, value in frame.f_locals.items() if isinstance(value, (int, list))}
            pickle.loads(pickle.dumps({name: value for name, value in values.items() if name in ("depth", "local")}))
            frame = frame.f_back
        gc.collect()
        with open(os.devnull, "w") as nowhere:
            faulthandler.dump_traceback(nowhere, all_threads=True)
        check()
        raise KeyError

    for _ in range(2):
        try:
            look(50)
        except KeyError as error:
            check()
            traceback.format_exception(type(error), error, error.__traceback__)
            saved = error
        gc.collect()
        check()
        for frame in kept:
            repr(frame.f_lineno)
            try:
                frame.clear()
            except RuntimeError:
                pass
        kept.clear()
        del saved
        gc.collect()
    look_again = descend(40, sys._getframe)
    gc.collect()
    check()
    while look_again:
        gc.get_referents(look_again)
        look_again = look_again.f_back


class Lost(Exception):
    pass


class Wanderer:
    def __init__(self, chance, depth):
        wander(chance, depth)

    def __getitem__(self, where):
        return wander(*where)

    def __call__(self, chance, *, depth):
        wander(chance, depth)


class Further:
    def __init__(self, *where):
        self.where = where

    @property
    def further(self):
        return wander(*self.where)

    def __getattr__(self, name):
        return wander(*self.where)

    def __enter__(self):
        wander(*self.where)

    def __exit__(self, *_):
        return False


def wandering(chance, depth):
    yield wander(chance, depth)
    yield from [wander(chance, depth)]


nowhere = object.__new__(Wanderer)


def wander(chance, depth):
    """Goes on in one of many ways, or fails, or looks."""
    chance.steps -= 1
    for _ in range(1 + (chance.random() < 0.3)):
        if chance.random() < 0.1:
            check()
        if chance.steps < 0 or depth == 0:
            return check() if chance.random() < 0.1 else None
        if chance.random() < 0.01:
            raise Lost
        deeper = depth - 1
        try:
            way = chance.randrange(16)
            if way == 0:
                wander(chance, depth=deeper)
            elif way == 1:
                wander(*(chance, deeper))
            elif way == 2:
                Wanderer(chance, deeper)
            elif way == 3:
                nowhere[chance, deeper]
            elif way == 4:
                Further(chance, deeper).further
            elif way == 5:
                Further(chance, deeper).missing
            elif way == 6:
                list(map(wander, [chance], [deeper]))
            elif way == 7:
                for _ in wandering(chance, deeper):
                    if chance.random() < 0.5:
                        break
            elif way == 8:
                nowhere(chance, depth=deeper)
            elif way == 9:
                with Further(chance, deeper):
                    wander(chance, deeper)
            elif way == 10:
                (lambda: [wander(chance, deeper) for _ in (1,)])()
            elif way == 11:
                wander(**{"chance": chance, "depth": deeper})
            elif way < 14:
                wander(chance, deeper)
            else:
                wander(chance, deeper)
        except Lost:
            if chance.random() < 0.9:
                raise
            check()


def at_random():
    for seed in range(8):
        chance = random.Random(seed)
        chance.steps = 600
        try:
            descend(10, lambda: wander(chance, 60))
        except Lost:
            check()


def each_allocation():
    """All that was done to deceive the shortcut, with an observation at each of Python's allocations."""
    global each_is_observed
    library.memray_view_hook_allocators()
    library.memray_view_walk_compare(True)
    each_is_observed = True
    try:
        for case in [*deceptions, calls, generators, coroutines, exceptions, across_c, recursion, far_down, threads]:
            case()
        greenlets()
    finally:
        each_is_observed = False
        difference = library.memray_view_walk_compare(False)
        end_and_wait()
        assert library.memray_view_walk_begin() is None
    assert not difference, difference.decode()


def far_down():
    for case in (calls, generators, one_generator_from_many_callers, coroutines, exceptions, across_c, closures,
                 collections, traced, without_the_gil, greenlets, same_frames_from_two_lines):
        for depth in (30, 70):
            descend(depth, case)
            check()


def without_the_shortcut():
    library.memray_view_walk_use_shortcut(False)
    before = library.memray_view_walk_shortcuts()
    thread = threading.Thread(target=up_and_down)
    thread.start()
    thread.join()
    assert library.memray_view_walk_shortcuts() == before
    library.memray_view_walk_use_shortcut(True)


deceptions = [up_and_down, same_frames_from_two_lines, initializers_that_fail, unwinding_by_halves,
              tracing_on_and_off_far_down, frames_that_are_looked_at, at_random]


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
        sys.argv = {[__file__, sys.argv[1], "in-sub-interpreter"]!r}
        names = {{"__name__": "__main__", "__file__": {__file__!r}}}
        exec(compile(open({__file__!r}).read(), {__file__!r}, "exec"), names)
        for case in ("calls", "generators", "exceptions", "recursion", "code_that_comes_and_goes"):
            names[case]()
        open({flag!r}, "w").close()
    """
    failure = interpreters.run_string(made, script)
    assert failure is None, failure
    assert os.path.exists(flag)
    shutil.rmtree(os.path.dirname(flag))
    interpreters.destroy(made)


def allocators():
    malloc, calloc, realloc, free = 2, 3, 4, 1
    library.memray_view_hook_allocators()
    for domain in ("PyMem_Raw", "PyMem_", "PyObject_"):
        functions = {}
        for name, arguments in (("Malloc", 1), ("Calloc", 2), ("Realloc", 2), ("Free", 1)):
            function = functions[name] = getattr(ctypes.pythonapi, domain + name)
            function.argtypes = [ctypes.c_size_t] * arguments
            function.restype = ctypes.c_size_t
        # The last event of a live block is its own; what comes after its free may be another's.
        for size in (40, 100_000):
            first = functions["Malloc"](size)
            seen = len(events(first))
            assert events(first)[-1] == (malloc, size)
            second = functions["Realloc"](first, size * 3)
            assert events(first)[seen] == (free, 0)
            assert events(second)[-1] == (realloc, size * 3)
            seen = len(events(second))
            functions["Free"](second)
            assert events(second)[seen] == (free, 0)
            third = functions["Calloc"](3, size)
            assert events(third)[-1] == (calloc, 3 * size)
            functions["Free"](third)
            fourth = functions["Realloc"](0, size)
            assert events(fourth)[-1] == (realloc, size)
            functions["Free"](fourth)
        assert functions["Malloc"](1 << 62) == 0
        functions["Free"](0)
        assert events(0) == []
    end_and_wait()
    kept = ctypes.pythonapi.PyMem_RawMalloc(77_777)
    assert (malloc, 77_777) not in events(kept)
    ctypes.pythonapi.PyMem_RawFree(kept)
    assert library.memray_view_walk_begin() is None and library.memray_view_is_watched()


def end_and_wait():
    """The main thread does it when it comes to it."""
    assert library.memray_view_is_watched()
    library.memray_view_walk_end()
    for _ in range(1000):
        if not library.memray_view_is_watched():
            return
    raise AssertionError("nothing was undone")


def events(address):
    found = (ctypes.c_uint64 * 4096)()
    count = library.memray_view_events(address, found, 2048)
    assert count <= 2048, count
    return [tuple(found[2 * n:2 * n + 2]) for n in range(count)]


def main():
    sentence = library.memray_view_walk_begin()
    if sentence:
        print("refused:", sentence.decode())
        return 3
    assert "probe" not in globals() and sys.exc_info() == (None, None, None)
    cases = [calls, comprehensions, generators, one_generator_from_many_callers, coroutines, exceptions, across_c,
             class_bodies, decorators, closures, recursion, recursion_through_c, code_that_comes_and_goes,
             lambdas_that_come_and_go, names_of_all_kinds, long_functions, collections, traced, threads,
             without_the_gil, threads_of_c, forks, allocators, sub_interpreters, greenlets, far_down, *deceptions,
             without_the_shortcut]
    left_out = []
    for case in [*cases, each_allocation, *cases[::-1]]:
        if case() is False and case.__name__ not in left_out:
            left_out.append(case.__name__)
        check()
    accepted = library.memray_view_walk_wrong_layouts_accepted()
    assert accepted == 0, f"{accepted} wrong layouts"
    shortcuts = library.memray_view_walk_shortcuts()
    has_shortcut = (3, 11) <= sys.version_info < (3, 14)
    assert (shortcuts > checks / 4) if has_shortcut else shortcuts == 0, f"{shortcuts} shortcuts in {checks} stacks"
    find = min(library.memray_view_walk_find_ns() for _ in range(5))
    end_and_wait()
    print(f"{sys.version.split()[0]}: {checks} stacks, the deepest of {deepest} frames, {shortcuts} times by the shortcut; self-test {find / 1e6:.2f} ms"
          + (f"; without {', '.join(left_out)}" if left_out else ""))
    look_on_while_the_interpreter_ends()
    return 0


def look_on_while_the_interpreter_ends():
    """The interpreter frees these threads' states while they have the GIL no more and look at their stacks."""
    observe = ctypes.CDLL(sys.argv[1]).memray_view_walk_observe_ns
    observe.argtypes = [ctypes.c_uint64]

    def look():
        while True:
            observe(1_000_000)

    for _ in range(3):
        threading.Thread(target=look, daemon=True).start()


if sys.argv[2:] != ["in-sub-interpreter"]:
    sys.exit(main())

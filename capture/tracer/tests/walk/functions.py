# SPDX-License-Identifier: Apache-2.0
"""Functions of all kinds, and those that C code calls."""

import ctypes
import functools
import re

from observed import check


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

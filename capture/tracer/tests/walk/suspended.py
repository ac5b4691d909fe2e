# SPDX-License-Identifier: Apache-2.0
"""Frames that wait and are resumed by others, and those that exceptions leave."""

import asyncio

from observed import check


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

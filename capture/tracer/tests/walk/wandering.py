# SPDX-License-Identifier: Apache-2.0
"""A program that goes on at random, in one of many ways, or fails, or looks."""

import random

from deceptions import descend
from observed import check


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

"""Greenlets that take turns from deep within; each allocates blocks of sizes of its own."""
import greenlet

main = greenlet.getcurrent()
kept = []


def allocate(number, turn):
    kept.append(bytearray(100_000 * number + 1_000 * turn))


def descend(depth, number):
    if depth:
        return descend(depth - 1, number)
    for turn in range(4):
        allocate(number, turn)
        # Now to the next one, now to the main one.
        other = made[number % len(made)]
        (main if turn % 2 or other.dead else other).switch()
        allocate(number, turn + 10)


made = [greenlet.greenlet(lambda number=number: descend(10 * number, number)) for number in range(1, 6)]
turn = 0
while not all(one.dead for one in made):
    for one in made:
        if not one.dead:
            one.switch()
            allocate(6, turn)
            turn += 1
# SPDX-License-Identifier: Apache-2.0

"""Recurses until Python says that it is enough, in Python and in C, and goes on."""
import json

def deep(depth):
    bytearray(70_003 - 1) if depth % 100 == 0 else None
    return deep(depth + 1)


class Endless:
    def __getattr__(self, name):
        return getattr(self, name + "x")


for _ in range(20):
    try:
        deep(1)
    except RecursionError as error:
        print(error)
try:
    Endless().x
except RecursionError as error:
    print(type(error))
nested = []
for _ in range(100_000):
    nested = [nested]
for call in (json.dumps, repr):
    try:
        call(nested)
    except RecursionError as error:
        print(type(error))
while nested:
    nested = nested[0]
# SPDX-License-Identifier: Apache-2.0

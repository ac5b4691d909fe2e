# SPDX-License-Identifier: Apache-2.0
"""The products: loaded once at the start, and never changed. A step in the memory graph."""

import random

PICTURE_BYTES = 16 * 1024


class Product:
    def __init__(self, number, description, picture):
        self.number = number
        self.description = description
        self.picture = picture


def describe(rng, number):
    return f"Product {number}: " + " ".join(rng.choice(ADJECTIVES) for _ in range(120))


def take_picture(rng):
    return rng.randbytes(PICTURE_BYTES)


def build_search_index(products):
    """For each word of a description, the numbers of the products that have it."""
    index = {}
    for product in products:
        for word in product.description.split():
            index.setdefault(word, []).append(product.number)
    return index


class Catalogue:
    def __init__(self, products):
        self._products = products
        self._index = build_search_index(products)

    @classmethod
    def load(cls, products):
        rng = random.Random(7)
        return cls([Product(i, describe(rng, i), take_picture(rng)) for i in range(products)])

    def __len__(self):
        return len(self._products)

    def product(self, number):
        return self._products[number]


ADJECTIVES = "red blue green small large round square light heavy soft sturdy quiet bright plain fine warm".split()

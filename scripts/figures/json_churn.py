# SPDX-License-Identifier: Apache-2.0
"""A program that makes a hundred million allocations and frees: the workload behind docs/figures.md.

It makes, writes, reads and edits JSON documents, as a web service does all day: most blocks die young, a window of
documents lives for a while, and an audit trail grows. Recorded under `memray run --trace-python-allocators` the default
gives 120 M allocations and frees, and 211 M records with the changes of stacks between them. Standard library only; the
same documents each run. scripts/figures/run makes the capture when it is missing.
"""

import argparse
import collections
import json
import random


def make_item(rng, number):
    return {
        "sku": f"SKU-{rng.randrange(100_000):06d}",
        "title": " ".join(rng.choice(WORDS) for _ in range(rng.randrange(2, 9))),
        "quantity": rng.randrange(1, 40),
        "price": rng.randrange(100, 100_000) / 100,
        "tags": [rng.choice(WORDS) for _ in range(rng.randrange(0, 5))],
        "position": number,
    }


def make_document(rng, number):
    return {
        "id": number,
        "customer": {"name": rng.choice(WORDS).title(), "city": rng.choice(WORDS).title(), "notes": nested(rng, 6)},
        "items": [make_item(rng, i) for i in range(rng.randrange(2, 24))],
        "history": [{"at": number + i, "state": rng.choice(STATES)} for i in range(rng.randrange(1, 6))],
    }


def nested(rng, depth):
    if depth == 0:
        return rng.choice(WORDS)
    return {"text": rng.choice(WORDS), "reply": nested(rng, depth - 1)}


def write_pretty(document):
    # An indent makes json use its encoder in Python: generators within generators, hence deep stacks.
    return json.dumps(document, indent=1, sort_keys=True)


def write_compact(document):
    return json.dumps(document, separators=(",", ":"))


def read(text):
    return json.loads(text)


def total_price(document):
    return sum(item["quantity"] * item["price"] for item in document["items"])


def redact(value):
    if isinstance(value, dict):
        return {key: redact(inner) for key, inner in value.items() if key != "name"}
    if isinstance(value, list):
        return [redact(inner) for inner in value]
    return value


def flatten(value, path, into):
    if isinstance(value, dict):
        for key, inner in value.items():
            flatten(inner, f"{path}.{key}", into)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            flatten(inner, f"{path}[{index}]", into)
    else:
        into[path] = value
    return into


def run(documents):
    rng = random.Random(1)
    window = collections.deque(maxlen=2_000)
    audit = []
    for number in range(documents):
        document = make_document(rng, number)
        document = read(write_pretty(document))
        document = read(write_compact(redact(document)))
        flat = flatten(document, "order", {})
        window.append(document)
        if number % 50 == 0:
            audit.append((number, total_price(document), len(flat)))
    return len(window), len(audit)


STATES = ["new", "paid", "packed", "shipped", "returned"]
WORDS = [f"{a}{b}" for a in ("al", "be", "co", "du", "er", "fa", "go", "hu") for b in ("nda", "rro", "sti", "vel", "x")]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--documents", type=int, default=15_500)
    arguments = parser.parse_args()
    kept, audited = run(arguments.documents)
    print(f"{arguments.documents} documents written, {kept} kept, {audited} audited")


if __name__ == "__main__":
    main()

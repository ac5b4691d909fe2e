# SPDX-License-Identifier: Apache-2.0
"""The second program that speed is measured on: it builds, writes and reads nested JSON documents, and a few stay alive.

Unlike json_churn.py it pushes few frames (a tenth of the records, not a quarter), and a third of its blocks, not a
hundredth, live for more than a thousand allocations. Recorded under `memray run --trace-python-allocators` the default gives more than 100 M records. Standard
library only.
"""

import json
import sys


def build(width, depth):
    if depth == 0:
        return {f"k{i}": [i * 1.5 + j for j in range(6)] for i in range(width)}
    return {f"c{i}": build(width, depth - 1) for i in range(4)}


def roundtrip(document):
    return json.loads(json.dumps(document))


def main(rounds):
    kept = []
    for number in range(rounds):
        document = roundtrip(build(12, 2))
        if number % 4 == 0:
            kept.append(document)
    return kept


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4_600)

"""Allocates blocks of sizes that do not compress, and ends in its own way."""
import random
import sys

random.seed(20)
total = 0
for _ in range(1_000_000):
    total += len(bytearray(random.randrange(600, 60_000)))
print(total)
sys.exit(5)

"""Closes all descriptors, ours among them, and opens files of its own under their numbers."""
import os
import sys

folder = sys.argv[1]
os.closerange(3, 4096)
descriptors = [os.open(os.path.join(folder, f"file{number}"), os.O_RDWR | os.O_CREAT, 0o600) for number in range(5)]
for number, descriptor in enumerate(descriptors):
    os.dup2(descriptor, 400 + number)
kept = []
for _ in range(300):
    block = bytearray(70_000 - 1)
    kept.append(block)
# As much as makes the capture's file grow.
for _ in range(400_000):
    bytearray(600)
for number, descriptor in enumerate(descriptors):
    os.write(400 + number, b"own")
print(sorted(os.path.getsize(os.path.join(folder, name)) for name in os.listdir(folder)), len(kept))
# SPDX-License-Identifier: Apache-2.0

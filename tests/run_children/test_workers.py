# SPDX-License-Identifier: Apache-2.0
"""Tests for as many workers as pytest-xdist starts; each says in which process it ran."""
import os

import pytest


kept = []


def child_allocates():
    kept.append(bytearray(5_000_000))


@pytest.mark.parametrize("number", range(16))
def test_allocates(number):
    if not kept:
        child_allocates()
    with open("workers", "a") as workers:
        workers.write(f"{os.environ['PYTEST_XDIST_WORKER']} {os.getpid()}\n")

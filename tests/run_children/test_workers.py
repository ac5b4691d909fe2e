# SPDX-License-Identifier: Apache-2.0
"""Tests for as many workers as pytest-xdist starts; each says in which process it ran."""
import os

import pytest


def child_allocates():
    return bytearray(5_000_000)


@pytest.mark.parametrize("number", range(16))
def test_allocates(number):
    test_allocates.kept = child_allocates()
    with open("workers", "a") as workers:
        workers.write(f"{os.environ['PYTEST_XDIST_WORKER']} {os.getpid()}\n")

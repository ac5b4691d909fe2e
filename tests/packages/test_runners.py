"""Test runners: pytest and unittest over the small suite beside this file."""
import pathlib
import unittest

import pytest

SUITE = pathlib.Path(__file__).parent / "suite"


class Told:
    """Says how each test ended, without the times that the runner's own report has."""

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or report.outcome != "passed":
            print(report.nodeid.split("/")[-1], report.when, report.outcome)


def run_pytest():
    told = Told()
    code = pytest.main(["-p", "no:cacheprovider", "-p", "no:terminal", "--rootdir", str(SUITE), str(SUITE)], plugins=[told])
    print("pytest", int(code))


def run_unittest():
    result = unittest.TestResult()
    unittest.defaultTestLoader.discover(str(SUITE), "test_cases.py").run(result)
    print("unittest", result.testsRun, len(result.failures), len(result.errors), len(result.skipped))


run_pytest()
run_unittest()
# SPDX-License-Identifier: Apache-2.0

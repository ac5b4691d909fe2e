"""Tests as the standard library likes them."""
import unittest
from unittest import mock


class Sums(unittest.TestCase):
    def setUp(self):
        self.numbers = list(range(5000))

    def test_sum(self):
        self.assertEqual(sum(self.numbers), 12_497_500)

    def test_parts(self):
        for start in range(5):
            with self.subTest(start=start):
                self.assertEqual(self.numbers[start::5][0], start)

    def test_mock(self):
        with mock.patch("json.dumps", return_value="none") as dumps:
            import json

            self.assertEqual(json.dumps(self.numbers), "none")
        dumps.assert_called_once_with(self.numbers)

    @unittest.expectedFailure
    def test_that_fails(self):
        self.assertEqual(self.numbers[0], 1)
# SPDX-License-Identifier: Apache-2.0

"""Tests as pytest likes them: parameters, fixtures, temporary folders, output that is captured, one that fails."""
import pytest


@pytest.fixture(scope="module")
def numbers():
    return [bytes(100) * number for number in range(50)]


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "text"
    path.write_text("line\n" * 1000)
    return path


@pytest.mark.parametrize("count", range(10))
def test_sizes(numbers, count):
    assert len(numbers[count]) == 100 * count


def test_files(written):
    assert len(written.read_text().splitlines()) == 1000


def test_output(capsys, monkeypatch):
    monkeypatch.setenv("NAME", "value")
    print("said " * 100)
    assert "said" in capsys.readouterr().out


def test_that_fails():
    left, right = {"a": list(range(100))}, {"a": list(range(99))}
    assert left == right


@pytest.mark.skip(reason="not now")
def test_that_is_skipped():
    raise AssertionError
# SPDX-License-Identifier: Apache-2.0

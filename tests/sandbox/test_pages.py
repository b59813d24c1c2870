"""What the pages show is what the tools print."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from console_kit import Shown, check
from pyovn.sandbox.main import running

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def sandbox(short_tmp: Path) -> Iterator[dict[str, str]]:
    with running(str(short_tmp / "s"), 2) as environ:
        yield environ


def test_readme(sandbox: dict[str, str]) -> None:
    assert check(ROOT / "README.md", sandbox) >= 6


def test_tutorial(short_tmp: Path) -> None:
    with running(str(short_tmp / "s"), 5) as environ:
        assert check(ROOT / "docs" / "tutorial.md", environ) >= 70


def test_2015(sandbox: dict[str, str]) -> None:
    assert check(ROOT / "docs" / "2015.md", sandbox) >= 20


def test_sandbox(sandbox: dict[str, str]) -> None:
    assert check(ROOT / "docs" / "sandbox.md", sandbox) >= 30


@pytest.mark.parametrize(
    ("output", "printed", "same"),
    [
        ("a\n", "a\n", True),
        ("a\n", "b\n", False),
        ("", "a\n", False),
        ("a ... c\n", "a bb c\n", True),
        ("a\n...\nz\n", "a\nb\nc\nz\n", True),
        ("a\n...\nz\n", "a\nb\nc\n", False),
        ("1.5\n", "125\n", False),
    ],
)
def test_what_counts_as_the_same(output: str, printed: str, *, same: bool) -> None:
    assert bool(re.fullmatch(Shown(1, "", output).pattern, printed)) is same

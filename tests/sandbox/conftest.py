"""A sandbox in virtual time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sandbox_bench import Bench

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def bench(short_tmp: Path) -> Iterator[Bench]:
    made = Bench(short_tmp)
    yield made
    made.host.makers.close()

from __future__ import annotations

import pytest
from northd_kit import World


@pytest.fixture
def world() -> World:
    """Two databases and a northd, in virtual time."""
    return World()

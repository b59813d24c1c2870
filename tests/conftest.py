"""Fixtures that every room shares.

``peer`` finds one of Debian's programs.  The project's own programs carry the same names and come
first in a developer's PATH, so the directories of the distribution are searched, not PATH.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

settings.register_profile("default", deadline=None)
settings.register_profile("acceptance", deadline=None, max_examples=2_000)
settings.load_profile(os.environ.get("PYOVN_PROFILE", "default"))

SEED = int(os.environ.get("PYOVN_SEED") or random.SystemRandom().randrange(2**32))

PEER_DIRECTORIES = ("/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/share/openvswitch/scripts")


def find_peer(program: str) -> str | None:
    """The path of Debian's ``program``, or None; with PYOVN_PEERS=none as if there were none."""
    if os.environ.get("PYOVN_PEERS") == "none":
        return None
    for directory in PEER_DIRECTORIES:
        path = f"{directory}/{program}"
        if os.access(path, os.X_OK):
            return path
    return None


@pytest.fixture(scope="session")
def peer() -> Callable[[str], str]:
    """Look up a peer's program; skips the test by the program's name when it is not installed.

    In CI (``PYOVN_PEERS=required``) a missing peer is a failure: nothing is skipped there.
    """

    def look_up(program: str) -> str:
        path = find_peer(program)
        if path is None:
            if os.environ.get("PYOVN_PEERS") == "required":
                pytest.fail(f"{program} is not installed, and here it must be")
            pytest.skip(f"{program} is not installed")
        return path

    return look_up


def pytest_report_header() -> str:
    """Name the seed of this run: PYOVN_SEED=... repeats it."""
    return f"seed of generated cases: PYOVN_SEED={SEED}"


@pytest.fixture
def seed() -> int:
    """The seed of this run."""
    return SEED


@pytest.fixture
def short_tmp() -> Iterator[Path]:
    """A directory with a short name: a Unix socket's has at most 108 bytes."""
    path = Path(tempfile.mkdtemp(prefix="po-", dir="/tmp"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def root() -> None:
    """What a test marked ``root`` asks for: it makes network namespaces, or is skipped."""
    if os.geteuid() != 0:
        pytest.skip("needs root, for network namespaces")

"""Cyclic garbage is left alone while a daemon starts, and looked for afterwards."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

from pyovn.daemon import collector
from pyovn.sim.virtual import VirtualRuntime

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    enabled, thresholds = gc.isenabled(), gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)
    if enabled:
        gc.enable()


def test_no_collection_during_the_start_and_some_after_it() -> None:
    runtime = VirtualRuntime()
    collector.relax(runtime.call_later)
    runtime.advance(collector.START - 1)
    assert not gc.isenabled()
    runtime.advance(2)
    assert gc.isenabled()
    assert gc.get_threshold() == collector.THRESHOLDS
    assert gc.get_freeze_count() > 0

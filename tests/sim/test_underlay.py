"""Datagrams arrive later, in order, or are counted as lost."""

from __future__ import annotations

import pytest

from pyovn.sim.underlay import Underlay
from pyovn.sim.virtual import VirtualRuntime


def test_delivery_loss_and_delay() -> None:
    runtime = VirtualRuntime()
    underlay = Underlay(runtime)
    seen: list[tuple[str, bytes]] = []
    underlay.attach("10.0.0.2", lambda source, payload: seen.append((source, payload)))
    underlay.send("10.0.0.1", "10.0.0.2", b"a")
    underlay.send("10.0.0.1", "10.0.0.2", b"b")
    underlay.send("10.0.0.1", "10.0.0.3", b"nobody")
    assert seen == []
    runtime.settle()
    assert seen == [("10.0.0.1", b"a"), ("10.0.0.1", b"b")]
    assert (underlay.delivered, underlay.lost) == (2, 1)

    underlay.delay = 0.5
    underlay.send("10.0.0.1", "10.0.0.2", b"c")
    underlay.cut("10.0.0.2", "10.0.0.1")
    runtime.advance(1)
    assert (underlay.delivered, underlay.lost) == (2, 2)
    underlay.mend("10.0.0.1", "10.0.0.2")
    underlay.send("10.0.0.1", "10.0.0.2", b"d")
    runtime.advance(1)
    assert seen[-1] == ("10.0.0.1", b"d")

    underlay.detach("10.0.0.2")
    underlay.send("10.0.0.1", "10.0.0.2", b"e")
    runtime.advance(1)
    assert (underlay.delivered, underlay.lost) == (3, 3)


def test_one_endpoint_per_address() -> None:
    underlay = Underlay(VirtualRuntime())
    underlay.attach("10.0.0.1", lambda *_: None)
    with pytest.raises(ValueError, match=r"10\.0\.0\.1"):
        underlay.attach("10.0.0.1", lambda *_: None)

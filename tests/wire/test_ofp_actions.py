from __future__ import annotations

import pytest

from pyovn.wire.openflow import actions as act
from pyovn.wire.openflow.fields import FIELDS


def test_actions_are_frozen_values_told_apart_by_type() -> None:
    assert act.Resubmit(40) == act.Resubmit(40)
    assert hash(act.Resubmit(40)) == hash(act.Resubmit(40))
    assert len({act.Push(act.Subfield.whole("reg0")), act.Pop(act.Subfield.whole("reg0"))}) == 2
    assert len({act.Group(1), act.SetQueue(1), act.Meter(1), act.GotoTable(1)}) == 4
    with pytest.raises(AttributeError):
        act.Output(1).port = 2  # type: ignore[misc]  # that it cannot be is the point


def test_load_is_a_masked_set_field() -> None:
    reg0 = FIELDS["reg0"]
    assert act.load(5, act.Subfield.whole(reg0)) == act.SetField(reg0, 5)
    assert act.load(1, act.Subfield(reg0, 3, 1)) == act.SetField(reg0, 8, 8)
    assert act.load(0x1FF, act.Subfield(reg0, 4, 8)) == act.SetField(reg0, 0xFF0, 0xFF0)

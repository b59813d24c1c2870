from __future__ import annotations

import pickle

import openflow_strategies as of
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyovn.wire.openflow.fields import FIELDS, FieldError
from pyovn.wire.openflow.match import ANY, Match


def test_overlapping_fields_are_one() -> None:
    both = Match.of({"xxreg0": (5 << 96 | 7, 0xFFFFFFFF << 96 | 0xFF), "reg0": 5})
    assert both == Match.of({"reg0": 5, "reg3": (7, 0xFF)})
    assert hash(both) == hash(Match.of({"reg3": (7, 0xFF), "reg0": 5}))
    assert Match.of({"xreg1": 1 << 32}) == Match.of({"reg2": 1, "reg3": 0})
    assert Match.of({"vlan_vid": 0x1005, "vlan_pcp": 3}) == Match.of({"vlan_tci": (0x7005, 0xFFFF)})
    assert Match.of({"nw_tos": 8}) == Match.of({"ip_dscp": 2})
    assert Match.of({"vlan_tci": 0}).get("vlan_tci") == (0, 0x1FFF)


def test_contradictions_and_misfits_are_refused() -> None:
    with pytest.raises(FieldError):
        Match.of({"reg0": 1, "xxreg0": 0})
    with pytest.raises(FieldError):
        Match.of({"reg0": 1 << 32})
    with pytest.raises(FieldError):
        Match.of({"nw_proto": (1, 3)})
    assert Match.of({"reg0": (1, 1)}).merge(Match.of({"reg0": (0, 1)})) is None


def test_look_up() -> None:
    match = Match.of({"reg0": 5, "metadata": (0, 0xFF), "reg1": (1, 0)})
    assert match.get("reg0") == (5, 0xFFFFFFFF)
    assert match.exact("reg0") == 5
    assert match.exact(FIELDS["metadata"]) is None
    assert match.get("reg1") is None
    assert len(match) == 2
    assert match.without([FIELDS["reg0"]]) == Match.of({"metadata": (0, 0xFF)})
    assert not ANY
    assert repr(match) == "Match(reg0=0x5, metadata=0x0/0xff)"


def test_missing_prerequisites() -> None:
    assert Match.of({"eth_type": 0x800, "ip_src": 1}).missing_prerequisite() is None
    assert Match.of({"ip_src": 1}).missing_prerequisite() is FIELDS["ip_src"]
    nd = {"eth_type": 0x86DD, "nw_proto": 58, "icmpv6_type": 135, "icmpv6_code": 0, "nd_sll": 1}
    assert Match.of(nd).missing_prerequisite() is None
    assert Match.of(nd | {"icmpv6_type": 136}).missing_prerequisite() is FIELDS["nd_sll"]


@settings(max_examples=80, deadline=None)
@given(of.matches(), of.matches())
def test_a_merge_is_covered_by_both(left: Match, right: Match) -> None:
    merged = left.merge(right)
    assert merged == right.merge(left)
    if merged is not None:
        assert left.covers(merged)
        assert right.covers(merged)
        assert merged.merge(left) == merged


@settings(max_examples=60, deadline=None)
@given(of.matches(), st.randoms(use_true_random=False))
def test_order_does_not_matter(match: Match, random: st.random.Random) -> None:  # type: ignore[name-defined]  # hypothesis hides it
    terms = list(match.items())
    random.shuffle(terms)
    assert Match.from_terms(terms) == match
    assert pickle.loads(pickle.dumps(match)) == match
    assert ANY.covers(match)

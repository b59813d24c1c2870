"""Hypothesis strategies for OpenFlow values that are valid on the wire, shared by the tests here."""

from __future__ import annotations

from hypothesis import strategies as st

from pyovn.wire.openflow import actions as act
from pyovn.wire.openflow.fields import ALL_FIELDS, FIELDS, Field
from pyovn.wire.openflow.flow import Flow
from pyovn.wire.openflow.match import Match
from pyovn.wire.openflow.text_values import FRAGMENTS

# What a match holds: no views; and one spelling of the rest per family keeps examples small.
PLAIN = [
    field for field in ALL_FIELDS
    if not field.views and field.form not in ("metadata", "packet_type", "frag")
]  # fmt: skip
WRITABLE = [
    field for field in ALL_FIELDS
    if field.writable and field.form != "metadata" and field.name not in ("in_port_oxm", "vlan_vid")
]  # fmt: skip


@st.composite
def terms(draw: st.DrawFn, field: Field) -> tuple[int, int]:
    if field.form == "frag":
        return draw(st.sampled_from(sorted(FRAGMENTS.values())))
    if field.name == "vlan_tci":
        mask = draw(st.sampled_from([0x1000, 0x1FFF, 0xF000, 0xFFFF, 0xEFFF, 0x2000]))
        return draw(st.integers(0, 0xFFFF)) & mask, mask
    full = field.full
    if field.form == "ct_state":  # of its 32 bits 8 mean something
        value = draw(st.integers(0, 0xFF))
        mask = draw(st.integers(1, 0xFE) | st.just(full))
        return value & mask, mask
    mask = draw(st.integers(1, full)) if field.maskable and draw(st.booleans()) else full
    return draw(st.integers(0, full)) & mask, mask


@st.composite
def matches(draw: st.DrawFn) -> Match:
    chosen = draw(st.lists(st.sampled_from(PLAIN), max_size=6, unique=True))
    return Match.of({field: draw(terms(field)) for field in chosen})


@st.composite
def subfields(draw: st.DrawFn, bits: int | None = None, least: int = 1) -> act.Subfield:
    field = draw(st.sampled_from([each for each in WRITABLE if each.bits >= (bits or least)]))
    width = bits or draw(st.integers(least, min(field.bits, 64)))
    return act.Subfield(field, draw(st.integers(0, field.bits - width)), width)


@st.composite
def moves(draw: st.DrawFn) -> act.Move:
    source = draw(subfields())
    return act.Move(source, draw(subfields(source.bits)))


@st.composite
def set_fields(draw: st.DrawFn) -> act.SetField:
    field = draw(st.sampled_from(WRITABLE))
    value, mask = draw(terms(field))
    return act.SetField(field, value, None if mask == field.full else mask)


U8 = st.integers(0, 255)
U16 = st.integers(0, 65535)
U32 = st.integers(0, 2**32 - 1)
PORTS = st.one_of(st.integers(1, 0xFEFF), st.sampled_from([0xFFF8, 0xFFFA, 0xFFFB, 0xFFFC, 0xFFFE]))
TABLES = st.integers(0, 254)


@st.composite
def nats(draw: st.DrawFn) -> act.Nat:
    flags = draw(st.sampled_from([0, 1, 2, 1 | 4, 2 | 8, 1 | 16]))
    if not flags or draw(st.booleans()):
        return act.Nat(flags)
    version = draw(st.sampled_from([4, 6]))
    top = 2**32 - 1 if version == 4 else 2**128 - 1
    low = draw(st.integers(0, top))
    high = draw(st.none() | st.integers(low, top))
    port = draw(st.none() | st.integers(1, 65535))
    port_high = None if port is None else draw(st.none() | st.integers(port, 65535))
    return act.Nat(flags, version, low, high, port, port_high)


controllers = st.builds(
    act.Controller,
    U16,
    st.binary(min_size=1, max_size=20),
    U16,
    st.integers(0, 2),
    st.booleans(),
    st.none() | U32,
)
zones = st.one_of(U16, subfields(16))
simple_actions = st.one_of(
    st.builds(act.Output, PORTS),
    st.builds(act.OutputField, subfields()),
    st.builds(act.OutputTruncated, st.integers(1, 100), st.integers(14, 1000)),
    st.builds(act.Group, U32),
    st.builds(act.SetQueue, U32),
    st.just(act.PopQueue()),
    st.builds(act.Resubmit, TABLES, st.none() | st.integers(1, 100), st.booleans()),
    set_fields(),
    moves(),
    st.builds(act.Push, subfields()),
    st.builds(act.Pop, subfields()),
    controllers,
    st.just(act.CtClear()),
    st.builds(act.Note, st.sampled_from([bytes(6), b"abcdef", b"abcdefghijklmn"])),
    st.sampled_from([act.PushVlan(), act.PushVlan(0x88A8), act.PopVlan(), act.Exit()]),
    st.builds(act.DecTtl, st.sampled_from([(), (1,), (1, 2, 3)])),
    st.builds(act.CheckPktLarger, U16, subfields(1)),
    st.builds(act.FinTimeout, U16, U16),
    st.builds(act.Sample, U16, U32, U32, U32, st.none() | st.integers(1, 100), st.just(0)),
    st.builds(act.DeleteField, st.just(FIELDS["tun_metadata0"])),
    st.builds(act.Meter, U32),
)
simple_lists = st.lists(simple_actions, max_size=4).map(tuple)
ct_lists = st.lists(
    st.one_of(
        st.builds(act.SetField, st.sampled_from([FIELDS["ct_mark"], FIELDS["ct_label"]]), U32, st.none()),
        st.builds(act.Move, st.just(act.Subfield.whole("reg0")), st.just(act.Subfield.whole("ct_mark"))),
    ),
    max_size=2,
).map(tuple)
actions = st.one_of(
    simple_actions,
    st.builds(
        act.Ct, st.booleans(), st.booleans(), st.none() | TABLES, zones, st.none() | nats(), ct_lists,
        st.sampled_from([0, 21, 69]),
    ),
    st.builds(act.Clone, simple_lists.filter(bool)),
)  # fmt: skip
instructions = st.one_of(
    st.just(()),
    st.builds(lambda t: (act.GotoTable(t),), TABLES),
    st.builds(lambda v, t: (act.WriteMetadata(v), act.GotoTable(t)), U32, TABLES),
    st.builds(lambda a: (act.ClearActions(), act.WriteActions(a)), simple_lists.filter(bool)),
)
action_lists = st.builds(lambda a, b: (*a, *b), st.lists(actions, max_size=5), instructions)
flows = st.builds(
    Flow, TABLES, U16, matches(), action_lists, st.integers(0, 2**64 - 1), U16, U16, st.integers(0, 31), U16
)

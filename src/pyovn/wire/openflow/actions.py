"""The actions of ovs-actions(7) that OVN uses, as values.

All are frozen and hashable (the hash is kept), compare by type and contents, and take part in
``match`` statements.  A list of actions is a tuple; the empty tuple drops the packet.  Instructions
are actions too (``GotoTable``, ``WriteMetadata``, ``Meter``, ``ClearActions``, ``WriteActions``), as in
ovs-ofctl's text; the codec sorts them into OpenFlow's instruction set.

They are msgspec Structs, not dataclasses: construction is ten times cheaper and they are made once
per flow that a switch dumps.  So this module must never be compiled by mypyc.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from msgspec import Struct

from pyovn.wire.openflow.fields import Field
from pyovn.wire.openflow.fields import field as field_named

if TYPE_CHECKING:
    from pyovn.wire.openflow.match import Match

# Reserved ports in Open vSwitch's 16 bits (ovs-fields(7), in_port); the codec widens them.
PORT_MAX: Final = 0xFF00
PORT_UNSET: Final = 0xFFF7
PORT_IN_PORT: Final = 0xFFF8
PORT_TABLE: Final = 0xFFF9
PORT_NORMAL: Final = 0xFFFA
PORT_FLOOD: Final = 0xFFFB
PORT_ALL: Final = 0xFFFC
PORT_CONTROLLER: Final = 0xFFFD
PORT_LOCAL: Final = 0xFFFE
PORT_NONE: Final = 0xFFFF

REASON_NO_MATCH: Final = 0
REASON_ACTION: Final = 1
REASON_INVALID_TTL: Final = 2

NAT_SRC: Final = 1
NAT_DST: Final = 2
NAT_PERSISTENT: Final = 4
NAT_HASH: Final = 8
NAT_RANDOM: Final = 16


class Subfield(Struct, frozen=True, cache_hash=True, gc=False):
    """``bits`` bits of ``field`` from bit ``ofs``, counted from the least significant one."""

    field: Field
    ofs: int
    bits: int

    @staticmethod
    def whole(field: Field | str) -> Subfield:
        """All of a field."""
        known = field_named(field) if isinstance(field, str) else field
        return Subfield(known, 0, known.bits)


class Output(Struct, frozen=True, cache_hash=True, gc=False):
    """Send to ``port``; ``max_len`` bytes of it when the port is the controller."""

    port: int
    max_len: int = 0


class OutputField(Struct, frozen=True, cache_hash=True, gc=False):
    """Send to the port whose number ``source`` holds."""

    source: Subfield
    max_len: int = 0


class OutputTruncated(Struct, frozen=True, cache_hash=True, gc=False):
    """Send the first ``max_len`` bytes to ``port``."""

    port: int
    max_len: int


class Group(Struct, frozen=True, cache_hash=True, gc=False):
    """Apply the group."""

    id: int


class SetQueue(Struct, frozen=True, cache_hash=True, gc=False):
    """Use ``queue`` for the outputs that follow."""

    queue: int


class PopQueue(Struct, frozen=True, cache_hash=True, gc=False):
    """Undo ``SetQueue``."""


class Resubmit(Struct, frozen=True, cache_hash=True, gc=False):
    """Look the packet up again in ``table`` (None: the current one), as if it came from ``port``.

    ``with_ct``: match also the original tuple of the connection (``resubmit(port,table,ct)``).
    """

    table: int | None
    port: int | None = None
    with_ct: bool = False


class SetField(Struct, frozen=True, cache_hash=True, gc=False):
    """Set the bits of ``mask`` (None: all) of ``field`` to those of ``value``."""

    field: Field
    value: int
    mask: int | None = None


class Move(Struct, frozen=True, cache_hash=True, gc=False):
    """Copy bits; both subfields have the same width."""

    src: Subfield
    dst: Subfield


class Push(Struct, frozen=True, cache_hash=True, gc=False):
    """Push a subfield on the stack."""

    subfield: Subfield


class Pop(Struct, frozen=True, cache_hash=True, gc=False):
    """Pop the stack into a subfield."""

    subfield: Subfield


class Controller(Struct, frozen=True, cache_hash=True, gc=False):
    """Send to the controller; with ``pause`` the packet waits for a resume.

    ``meter`` None is the default of the protocol, as opposed to an explicit meter number.
    """

    max_len: int = 0xFFFF
    userdata: bytes = b""
    controller_id: int = 0
    reason: int = REASON_ACTION
    pause: bool = False
    meter: int | None = None


class Conjunction(Struct, frozen=True, cache_hash=True, gc=False):
    """Part ``clause`` (counted from 0) of ``n`` of the conjunction ``id``."""

    id: int
    clause: int
    n: int


class Nat(Struct, frozen=True, cache_hash=True, gc=False):
    """Inside ``Ct``.  ``flags`` are ``NAT_*``; addresses are ints of ``version`` 4 or 6 (0: none)."""

    flags: int = 0
    version: int = 0
    ip_min: int | None = None
    ip_max: int | None = None
    port_min: int | None = None
    port_max: int | None = None


class Ct(Struct, frozen=True, cache_hash=True, gc=False):
    """Send through connection tracking; goes on in ``table`` when given (a fork of the pipeline).

    ``zone`` is a number or the subfield that holds it; ``actions`` are those of ``exec(...)``, and a
    ``Nat`` stands in ``nat``.
    """

    commit: bool = False
    force: bool = False
    table: int | None = None
    zone: int | Subfield = 0
    nat: Nat | None = None
    actions: tuple[Action, ...] = ()
    alg: int = 0


class CtClear(Struct, frozen=True, cache_hash=True, gc=False):
    """Forget the connection-tracking state."""


class Clone(Struct, frozen=True, cache_hash=True, gc=False):
    """Run ``actions`` on a copy of packet and state."""

    actions: tuple[Action, ...]


class Note(Struct, frozen=True, cache_hash=True, gc=False):
    """Bytes that mean nothing to the switch; the wire pads them with zeros to 6 + 8n bytes."""

    data: bytes


class PushVlan(Struct, frozen=True, cache_hash=True, gc=False):
    """Push an 802.1Q tag (or 0x88a8)."""

    ethertype: int = 0x8100


class PopVlan(Struct, frozen=True, cache_hash=True, gc=False):
    """Remove the outermost 802.1Q tag; printed ``pop_vlan`` (``strip_vlan``)."""


class SetVlanVid(Struct, frozen=True, cache_hash=True, gc=False):
    """OpenFlow 1.0's ``mod_vlan_vid``; ``push``: the packet may have no tag, then it gets one.

    From OpenFlow 1.2 on this is ``push_vlan`` where need be, and ``set_field`` of ``vlan_vid``.
    """

    vid: int
    push: bool = True


class SetVlanPcp(Struct, frozen=True, cache_hash=True, gc=False):
    """OpenFlow 1.0's ``mod_vlan_pcp``; ``push`` as for ``SetVlanVid``."""

    pcp: int
    push: bool = True


class Enqueue(Struct, frozen=True, cache_hash=True, gc=False):
    """Send to ``port`` by way of ``queue``; later versions of OpenFlow have ``SetQueue`` for it."""

    port: int
    queue: int


class DecTtl(Struct, frozen=True, cache_hash=True, gc=False):
    """Decrement the IP TTL; where it would reach 0 the controllers of ``ids`` hear of it."""

    ids: tuple[int, ...] = ()


class CheckPktLarger(Struct, frozen=True, cache_hash=True, gc=False):
    """Set the 1-bit ``destination`` to whether the packet is longer than ``length``."""

    length: int
    destination: Subfield


class DeleteField(Struct, frozen=True, cache_hash=True, gc=False):
    """Remove a tunnel option (``delete_field:tun_metadata0``)."""

    field: Field


class FinTimeout(Struct, frozen=True, cache_hash=True, gc=False):
    """Shorter timeouts of this flow after a TCP FIN or RST."""

    idle_timeout: int
    hard_timeout: int


class Exit(Struct, frozen=True, cache_hash=True, gc=False):
    """Stop here."""


class Learn(Struct, frozen=True, cache_hash=True, gc=False):
    """NXAST_LEARN as the bytes after its subtype; nothing interprets it."""

    body: bytes


class Sample(Struct, frozen=True, cache_hash=True, gc=False):
    """Per-packet sampling (IPFIX); ``probability`` of 65535.  ``port`` None is no sampling port."""

    probability: int
    collector_set: int = 0
    domain: int = 0
    point: int = 0
    port: int | None = None
    direction: int = 0


class Unknown(Struct, frozen=True, cache_hash=True, gc=False):
    """An action that this codec does not know, as its whole encoding, so that nothing is lost."""

    raw: bytes


class GotoTable(Struct, frozen=True, cache_hash=True, gc=False):
    """Instruction: go on in ``table``."""

    table: int


class Meter(Struct, frozen=True, cache_hash=True, gc=False):
    """Apply a meter (OpenFlow 1.5: an action)."""

    id: int


class WriteMetadata(Struct, frozen=True, cache_hash=True, gc=False):
    """Instruction: set masked bits of ``metadata``."""

    value: int
    mask: int = 0xFFFFFFFFFFFFFFFF


class ClearActions(Struct, frozen=True, cache_hash=True, gc=False):
    """Instruction: empty the action set."""


class WriteActions(Struct, frozen=True, cache_hash=True, gc=False):
    """Instruction: merge ``actions`` into the action set."""

    actions: tuple[Action, ...]


Action: TypeAlias = (
    Output | OutputField | OutputTruncated | Group | SetQueue | PopQueue | Resubmit | SetField
    | Move | Push | Pop | Controller | Conjunction | Ct | Nat | CtClear | Clone | Note | PushVlan | PopVlan
    | SetVlanVid | SetVlanPcp | Enqueue | DecTtl | CheckPktLarger | DeleteField | FinTimeout | Exit | Learn
    | Sample | Unknown | GotoTable | Meter | WriteMetadata | ClearActions | WriteActions
)  # fmt: skip

DROP: Final[tuple[Action, ...]] = ()


_VLAN_TCI: Final = field_named("vlan_tci")
_TRANSPORT: Final = {"tcp_src": "src", "tcp_dst": "dst"}
_PROTOCOLS: Final = {17: "udp", 132: "sctp"}


def in_context(actions: tuple[Action, ...], match: Match) -> tuple[Action, ...]:
    """Settle what old spellings leave to the match of their flow.

    ``mod_tp_src`` and ``mod_tp_dst`` (read as TCP's) become the ports of the protocol that is matched;
    ``mod_vlan_vid`` and ``mod_vlan_pcp`` push a tag unless there is one.
    """
    protocol = _PROTOCOLS.get(match.exact("nw_proto") or 0)
    tag = match.get(_VLAN_TCI)
    tagged = tag is not None and bool(tag[0] & tag[1] & 0x1000)
    out: list[Action] = []
    for action in actions:
        settled = action
        if isinstance(action, SetVlanVid):
            settled, tagged = SetVlanVid(action.vid, not tagged), True
        elif isinstance(action, SetVlanPcp):
            settled, tagged = SetVlanPcp(action.pcp, not tagged), True
        elif isinstance(action, PushVlan | PopVlan):
            tagged = isinstance(action, PushVlan)
        elif isinstance(action, SetField) and protocol and action.field.name in _TRANSPORT:
            side = _TRANSPORT[action.field.name]
            settled = SetField(field_named(f"{protocol}_{side}"), action.value, action.mask)
        out.append(settled)
    return tuple(out)


_WIDEST_LOAD: Final = 64


def runs(mask: int) -> list[tuple[int, int]]:
    """(offset, bits) of each run of ones in a mask, from the lowest, cut to the 64 bits of a load."""
    found = []
    at = 0
    while mask >> at:
        if not mask >> at & 1:
            at += 1
            continue
        bits = 1
        while mask >> at + bits & 1 and bits < _WIDEST_LOAD:
            bits += 1
        found.append((at, bits))
        at += bits
    return found


def load(value: int, destination: Subfield) -> SetField:
    """What ``load:VALUE->SUBFIELD`` means in OpenFlow 1.5: a masked ``SetField``."""
    field = destination.field
    if destination.bits == field.bits:
        return SetField(field, value)
    mask = (1 << destination.bits) - 1
    return SetField(field, (value & mask) << destination.ofs, mask << destination.ofs)

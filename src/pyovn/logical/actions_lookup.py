"""Questions to the helper tables: ``R = lookup_fdb(P, A)``, ``R = check_in_port_sec()``, ``get_fdb`` ...

The controller fills helper tables with flows; an action resubmits there and finds the answer in a
bit of the logical flow flags, which it copies to R, or in the field that it asked to be filled.
Arguments go to the fields that the helper table matches on, and these are given back afterwards
(ovn-architecture(7), "lookup_arp").

One row per action: arguments and their places, the table, and where the answer appears.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pyovn.logical.actions_base import (
    Action,
    EncodeContext,
    Reader,
    clear,
    encode_with_arguments,
    flag_bits,
    join_needs,
    subfield,
)
from pyovn.ovn import registers
from pyovn.wire.openflow.actions import Move, Pop, Push, Resubmit, Subfield
from pyovn.wire.openflow.fields import FIELDS, Field

if TYPE_CHECKING:
    from pyovn.logical.ast import FieldRef
    from pyovn.wire.openflow.actions import Action as OpenFlowAction

_INPORT: Final = registers.LOG_INPORT
_OUTPORT: Final = registers.LOG_OUTPORT


@dataclass(frozen=True, slots=True)
class Question:
    """``kinds`` and ``places`` of the arguments; ``table`` names the OpenFlow table.

    ``flag``: the logical flow flag of a yes-or-no answer; else ``fills`` is the field of the answer.
    """

    name: str
    kinds: tuple[str, ...]
    places: tuple[Field, ...]
    table: str
    flag: str = ""
    fills: Field | None = None
    spared: Field | None = None
    """A field that the table fills and this action must leave as it was."""
    early_copy: bool = False
    """Whether the answer is copied before the places get their own values back."""


def _question(row: str) -> Question:
    name, table, flag, *arguments = row.split()
    pairs = [argument.split(":") for argument in arguments]
    spared = table == "mac_binding"
    return Question(
        name,
        tuple([kind for kind, _ in pairs]),
        tuple([FIELDS[place] for _, place in pairs]),
        table,
        flag,
        spared=FIELDS["eth_dst"] if spared else None,
        early_copy=flag == "lookup_mac",
    )


_ROWS: Final = f"""
lookup_fdb           lookup_fdb           lookup_fdb            port:{_INPORT} mac:eth_src
lookup_arp           mac_lookup           lookup_mac            port:{_INPORT} ipv4:reg0 mac:eth_src
lookup_nd            mac_lookup           lookup_mac            port:{_INPORT} ipv6:xxreg0 mac:eth_src
lookup_arp_ip        mac_binding          lookup_mac            port:{_OUTPORT} ipv4:reg0
lookup_nd_ip         mac_binding          lookup_mac            port:{_OUTPORT} ipv6:xxreg0
check_in_port_sec    chk_in_port_sec      check_port_sec
check_out_port_sec   chk_out_port_sec     check_port_sec
chk_lb_hairpin       chk_lb_hairpin       lookup_lb_hairpin
chk_lb_hairpin_reply chk_lb_hairpin_reply lookup_lb_hairpin
chk_lb_aff           chk_lb_affinity      use_lb_aff_session
chk_ecmp_nh_mac      ecmp_nh_mac          lookup_commit_ecmp_nh
chk_ecmp_nh          ecmp_nh              lookup_commit_ecmp_nh
"""

QUESTIONS: Final = {question.name: question for question in map(_question, _ROWS.strip().splitlines())}
"""``R = name(...)`` with a one-bit R."""

GET_FDB: Final = Question("get_fdb", ("mac",), (FIELDS["eth_dst"],), "get_fdb", fills=FIELDS[_OUTPORT])
NEIGHBORS: Final = {
    "get_arp": Question(
        "get_arp",
        ("port", "ipv4"),
        (FIELDS[_OUTPORT], FIELDS["reg0"]),
        "mac_binding",
        fills=FIELDS["eth_dst"],
    ),
    "get_nd": Question(
        "get_nd",
        ("port", "ipv6"),
        (FIELDS[_OUTPORT], FIELDS["xxreg0"]),
        "mac_binding",
        fills=FIELDS["eth_dst"],
    ),
}
"""``name(port, address)``, which fill eth.dst."""


@dataclass(frozen=True, slots=True)
class Lookup(Action):
    """A question with its arguments; ``result`` takes the answer (None: it fills a fixed field)."""

    question: Question
    arguments: tuple[FieldRef, ...]
    result: FieldRef | None = None

    @property
    def needs(self) -> str:
        """Those of the fields that it reads and writes."""
        fields = self.arguments if self.result is None else (*self.arguments, self.result)
        return join_needs(*[ref.symbol.prerequisites for ref in fields])

    def __str__(self) -> str:
        call = f"{self.question.name}({', '.join(map(str, self.arguments))});"
        return call if self.result is None else f"{self.result} = {call}"

    def encode(self, ctx: EncodeContext, out: list[OpenFlowAction], /) -> None:
        """Clear the answer, resubmit, and copy the answer."""
        question = self.question
        answer = _answer(question)
        table: int = getattr(ctx.profile.oftables, question.table)
        copy: list[OpenFlowAction] = []
        if self.result is not None and subfield(self.result) != answer:
            copy.append(Move(answer, subfield(self.result)))
        body: list[OpenFlowAction] = [clear(answer), Resubmit(table)]
        if question.early_copy:
            body += copy
            copy = []
        if question.spared is not None:
            spared = Subfield.whole(question.spared)
            body = [Push(spared), *body, Pop(spared)]
        encode_with_arguments(self.arguments, question.places, body, out)
        out += copy


def _answer(question: Question) -> Subfield:
    if question.fills is not None:
        return Subfield(question.fills, 0, question.fills.bits)
    return flag_bits(registers.FLAG_BITS[question.flag])


def read_question(reader: Reader, name: str, result: FieldRef, start: int) -> Action:
    """After ``R = name``."""
    question = QUESTIONS[name]
    reader.check_writable(result, start)
    if result.width != 1:
        raise reader.tokens.error(f"{name} gives one bit, and {result} has {result.width}", start)
    return Lookup(question, reader.arguments(question.kinds), result)


def read_get_fdb(reader: Reader, _name: str, result: FieldRef, start: int) -> Action:
    """After ``P = get_fdb``."""
    reader.check_writable(result, start)
    if not result.symbol.string:
        raise reader.tokens.error(f"get_fdb gives a port, and {result} holds none", start)
    return Lookup(GET_FDB, reader.arguments(GET_FDB.kinds), result)


def read_get_arp(reader: Reader) -> Action:
    """After ``get_arp``."""
    question = NEIGHBORS["get_arp"]
    return Lookup(question, reader.arguments(question.kinds))


def read_get_nd(reader: Reader) -> Action:
    """After ``get_nd``."""
    question = NEIGHBORS["get_nd"]
    return Lookup(question, reader.arguments(question.kinds))

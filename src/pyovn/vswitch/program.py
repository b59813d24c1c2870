"""Flows' actions, compiled: a list of actions becomes a tuple of callables on a translation.

Checks that can be made once are made here, when a flow or group is installed: unknown fields, widths,
prerequisites, actions that this switch does not have.  They raise ``OpenFlowError`` with the code that
Open vSwitch would send.  What is left for a packet is arithmetic on its key.

Neighbouring ``set_field`` actions become one operation; ``Program.steps`` keeps, beside each
operation, the actions that it stands for, so that a trace shows every one of them.

NAT: ``nat`` without an address asks to apply what the connection already has, and no connection here
has any, so it is accepted and changes nothing.  NAT to an address is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyovn.vswitch import errors
from pyovn.vswitch.errors import OpenFlowError
from pyovn.vswitch.flowkey import FULL, SLOTS, UnknownFieldError, slot_of
from pyovn.wire.openflow import actions as of
from pyovn.wire.openflow.fields import FIELDS, PREREQUISITES

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.vswitch.pipeline import Frame
    from pyovn.vswitch.translate import Translation
    from pyovn.wire.openflow.fields import Field
    from pyovn.wire.openflow.match import Match, Term

    Operation = Callable[[Translation], "Frame | None"]

TABLE_COUNT: Final = 254
"""Tables 0 to 253 are the user's; 254 is Open vSwitch's own."""


class Program:
    """A compiled action list; ``steps`` pairs each operation with its actions, for the tracer."""

    __slots__ = ("operations", "steps")

    def __init__(self, steps: tuple[tuple[Operation, tuple[of.Action, ...]], ...]) -> None:
        self.steps = steps
        self.operations = tuple(operation for operation, _ in steps)


EMPTY: Final = Program(())


def _refuse(code: tuple[int, int], text: str) -> OpenFlowError:
    return OpenFlowError(code, text)


def span(subfield: of.Subfield) -> tuple[int, int]:
    """Where a subfield lies in the key: (offset, ones)."""
    try:
        slot = slot_of(subfield.field)
    except UnknownFieldError as e:
        raise _refuse(errors.ACTION_BAD_SET_TYPE, str(e)) from None
    if subfield.ofs + subfield.bits > slot.width:
        raise _refuse(
            errors.ACTION_BAD_SET_ARGUMENT,
            f"{subfield.field.name}[{subfield.ofs}..{subfield.ofs + subfield.bits - 1}] exceeds the field",
        )
    return slot.offset + subfield.ofs, (1 << subfield.bits) - 1


class Compiler:
    """Compiles one action list in the context of a match.

    ``known`` maps field names to (value, mask) that are certain where an action stands: first what the
    match says, then what the actions did.
    """

    def __init__(self, match: Match | None) -> None:
        self.asked = False
        self.known: dict[str, tuple[int, int]] = {}
        self.check = match is not None
        if match is not None:
            self.known = {field.name: (value, mask) for field, value, mask in match.items()}

    def compile(self, actions: tuple[of.Action, ...]) -> Program:
        """Compile a list; raises ``OpenFlowError``."""
        steps: list[tuple[Operation, tuple[of.Action, ...]]] = []
        value = mask = 0
        fused: list[of.Action] = []

        def settle() -> None:
            nonlocal value, mask
            if fused:
                steps.append((_assign(value, mask), tuple(fused)))
                fused.clear()
                value = mask = 0

        for action in actions:
            if isinstance(action, of.SetField | of.WriteMetadata | of.DeleteField):
                bits, care = self._constant(action)
                value = value & ~care | bits
                mask |= care
                fused.append(action)
            elif not isinstance(action, of.Conjunction):
                settle()
                steps.append((self._operation(action), (action,)))
        settle()
        return Program(tuple(steps))

    def _require(self, field: Field) -> None:
        """Refuse to write a field whose header the packet is not sure to have (ovs-actions(7))."""
        if not self.check or field.prerequisites in {"none", "ct"}:
            return
        self.asked = True
        for alternative in PREREQUISITES[field.prerequisites]:
            if all(self._holds(*need) for need in alternative):
                return
        raise _refuse(errors.ACTION_MATCH_INCONSISTENT, f"{field.name}: its prerequisites are not matched")

    def _holds(self, name: str, value: int, mask: int) -> bool:
        have = self.known.get(name)
        return have is not None and not mask & ~have[1] and not (have[0] ^ value) & mask

    def _constant(self, action: of.SetField | of.WriteMetadata | of.DeleteField) -> tuple[int, int]:
        """What a constant assignment does to the key: (value, mask)."""
        if isinstance(action, of.WriteMetadata):
            slot = SLOTS["metadata"]
            return (action.value & action.mask) << slot.offset, action.mask << slot.offset
        if isinstance(action, of.DeleteField):
            at, ones = span(of.Subfield(action.field, 0, SLOTS["tun_metadata0"].width))
            return 0, ones << at
        field = action.field
        self._writable(field)
        try:
            slot = slot_of(field)
        except UnknownFieldError as e:
            raise _refuse(errors.ACTION_BAD_SET_TYPE, str(e)) from None
        mask = field.full if action.mask is None else action.mask
        if field.name == "nw_tos":
            mask &= 0xFC
        mask &= slot.ones
        return (action.value & mask) << slot.offset, mask << slot.offset

    def _writable(self, field: Field) -> None:
        if not field.writable:
            raise _refuse(errors.ACTION_BAD_SET_ARGUMENT, f"{field.name} is read-only")
        self._require(field)

    def _operation(self, action: of.Action) -> Operation:
        make = _MAKERS.get(type(action))
        if make is None:
            raise _refuse(errors.ACTION_BAD_TYPE, f"{type(action).__name__}: this switch has no such action")
        return make(self, action)

    def resubmit(self, action: of.Resubmit) -> Operation:
        """``resubmit(port,table)``; without a table, to the flow's own."""
        table, port = action.table, action.port
        if table is not None and table > TABLE_COUNT:
            table = None
        if port is not None and port == of.PORT_IN_PORT:
            port = None
        if port is None:
            if table is None:
                return lambda x: x.resubmit(x.table)
            return lambda x: x.resubmit(table)
        return lambda x: x.resubmit(x.table if table is None else table, port)

    def move(self, action: of.Move) -> Operation:
        """``move:SRC->DST``."""
        if action.src.bits != action.dst.bits:
            raise _refuse(errors.ACTION_BAD_ARGUMENT, "move between subfields of different widths")
        self._require(action.src.field)
        self._writable(action.dst.field)
        src, ones = span(action.src)
        dst, _ = span(action.dst)
        read, mask = ones << src, ones << dst
        keep = FULL ^ mask

        def run(x: Translation) -> None:
            key = x.key
            x.wc |= read
            x.key = key & keep | (key >> src & ones) << dst
            x.written |= mask
            if x.trace is not None:
                x.trace.moved(action.dst, key >> src & ones)

        return run

    def push(self, action: of.Push) -> Operation:
        """``push:SRC``."""
        at, ones = span(action.subfield)
        read = ones << at

        def run(x: Translation) -> None:
            x.wc |= read
            x.values.append(x.key >> at & ones)

        return run

    def pop(self, action: of.Pop) -> Operation:
        """``pop:DST``; an empty stack leaves the field alone."""
        self._require(action.subfield.field)
        at, ones = span(action.subfield)
        mask = ones << at
        keep = FULL ^ mask

        def run(x: Translation) -> None:
            if not x.values:
                return
            value = x.values.pop() & ones
            x.key = x.key & keep | value << at
            x.written |= mask
            if x.trace is not None:
                x.trace.moved(action.subfield, value)

        return run

    def clone(self, action: of.Clone) -> Operation:
        """``clone(...)``."""
        program = self._nested(action.actions)
        return lambda x: x.isolated(program)

    def _nested(self, actions: tuple[of.Action, ...]) -> Program:
        known = dict(self.known)
        program = self.compile(actions)
        self.known = known
        return program

    def ct(self, action: of.Ct) -> Operation:
        """``ct(...)``; see the module's word on NAT."""
        nat = action.nat
        if nat is not None and (nat.ip_min is not None or nat.port_min is not None):
            raise _refuse(errors.ACTION_BAD_ARGUMENT, "ct: nat to an address is not supported by this switch")
        if action.alg:
            raise _refuse(errors.ACTION_BAD_ARGUMENT, f"ct: alg {action.alg} is not supported by this switch")
        for inner in action.actions:
            if not isinstance(inner, of.SetField | of.Move):
                raise _refuse(errors.ACTION_BAD_ARGUMENT, "ct: exec() takes assignments only")
            target = inner.field if isinstance(inner, of.SetField) else inner.dst.field
            if target.name not in {"ct_mark", "ct_label"}:
                raise _refuse(errors.ACTION_BAD_SET_ARGUMENT, f"ct: exec() cannot set {target.name}")
        if action.table is not None and action.table > TABLE_COUNT:
            raise _refuse(errors.ACTION_BAD_ARGUMENT, f"ct: no table {action.table}")
        program = self._nested(action.actions)
        zone = action.zone
        at, ones = (0, 0) if isinstance(zone, int) else span(zone)

        def run(x: Translation) -> None:
            if isinstance(zone, int):
                number = zone
            else:
                x.wc |= ones << at
                number = x.key >> at & ones
            x.track(action, number & 0xFFFF, program)

        return run

    def output(self, action: of.Output) -> Operation:
        """``output:PORT``."""
        port, max_len = action.port, action.max_len
        if port in {of.PORT_NONE, of.PORT_UNSET} or (
            of.PORT_MAX <= port < of.PORT_IN_PORT and port != of.PORT_UNSET
        ):
            raise _refuse(errors.ACTION_BAD_OUT_PORT, f"output to port {port:#x}")
        if port == of.PORT_CONTROLLER:
            send = of.Controller(max_len=max_len or 0xFFFF)
            return lambda x: x.to_controller(send)
        return lambda x: x.output(port)

    def output_field(self, action: of.OutputField) -> Operation:
        """``output:SRC[]``."""
        at, ones = span(action.source)
        read = ones << at

        def run(x: Translation) -> Frame | None:
            x.wc |= read
            number = x.key >> at & ones & 0xFFFF
            x.note(f"output port is {number}")
            return x.output(number)

        return run

    def check_larger(self, action: of.CheckPktLarger) -> Operation:
        """``check_pkt_larger(N)->DST``."""
        at, _ = span(action.destination)
        keep, mask = FULL ^ (1 << at), 1 << at

        def run(x: Translation) -> None:
            larger = x.length_exceeds(action.length)
            x.key = x.key & keep | larger << at
            x.written |= mask

        return run

    def push_vlan(self, action: of.PushVlan) -> Operation:
        """``push_vlan:TPID``; afterwards the packet is sure to have a tag."""
        if action.ethertype not in {0x8100, 0x88A8}:
            raise _refuse(errors.ACTION_BAD_ARGUMENT, f"push_vlan:{action.ethertype:#06x}")
        self.known["vlan_tci"] = (0x1000, 0x1000)
        return lambda x: x.push_vlan(action.ethertype)

    def set_vlan(self, action: of.SetVlanVid | of.SetVlanPcp) -> Operation:
        """``mod_vlan_vid`` and ``mod_vlan_pcp``: into the tag that is there, or into a new one."""
        self.known["vlan_tci"] = (0x1000, 0x1000)
        tci = SLOTS["vlan_tci"].offset
        if isinstance(action, of.SetVlanVid):
            value, ones = action.vid, 0xFFF
        else:
            value, ones = action.pcp << 13, 0xE000
        return lambda x: x.set_vlan(value << tci, ones << tci)

    def pop_vlan(self, _action: of.PopVlan) -> Operation:
        """``pop_vlan``; afterwards nothing is known of tags."""
        self.known.pop("vlan_tci", None)
        return lambda x: x.pop_vlan()

    def dec_ttl(self, action: of.DecTtl) -> Operation:
        """``dec_ttl`` of a packet that is IP."""
        self._require(FIELDS["nw_ttl"])
        return lambda x: x.dec_ttl(action)


def _assign(value: int, mask: int) -> Operation:
    keep = FULL ^ mask

    def run(x: Translation) -> None:
        x.key = x.key & keep | value
        x.written |= mask

    return run


def _nothing(_compiler: Compiler, _action: of.Action) -> Operation:
    return lambda _x: None


def _no_meter(_compiler: Compiler, action: of.Meter) -> Operation:
    raise _refuse(errors.METER_INVALID, f"there is no meter {action.id}")


def _unsupported(_compiler: Compiler, action: of.Action) -> Operation:
    raise _refuse(errors.INSTRUCTION_UNSUPPORTED, f"{type(action).__name__}: this switch has no action sets")


_ORDER: Final = {of.Meter: 0, of.ClearActions: 2, of.WriteActions: 3, of.WriteMetadata: 4, of.GotoTable: 5}
_APPLIED: Final = 1


def check_order(actions: tuple[of.Action, ...]) -> None:
    """Refuse instructions before the actions that they must follow (ovs-actions(7), "Instructions").

    Later versions of OpenFlow cannot say such a thing; 1.0, where Open vSwitch has them as actions, can.
    """
    last = 0
    for action in actions:
        rank = _ORDER.get(type(action), _APPLIED)
        if rank < last:
            raise _refuse(
                errors.ACTION_UNSUPPORTED_ORDER, f"{type(action).__name__} comes too late in the list"
            )
        last = rank


_MAKERS: Final[dict[type, Callable[[Compiler, Any], Operation]]] = {
    of.Resubmit: Compiler.resubmit,
    of.GotoTable: lambda _c, a: lambda x: x.resubmit(a.table),
    of.Move: Compiler.move,
    of.Push: Compiler.push,
    of.Pop: Compiler.pop,
    of.Clone: Compiler.clone,
    of.Ct: Compiler.ct,
    of.CtClear: lambda _c, _a: lambda x: x.clear_tracking(),
    of.Output: Compiler.output,
    of.OutputField: Compiler.output_field,
    of.OutputTruncated: lambda _c, a: lambda x: x.output(a.port, a.max_len),
    of.Controller: lambda _c, a: lambda x: x.to_controller(a),
    of.Group: lambda _c, a: lambda x: x.group(a.id),
    of.CheckPktLarger: Compiler.check_larger,
    of.PushVlan: Compiler.push_vlan,
    of.PopVlan: Compiler.pop_vlan,
    of.SetVlanVid: Compiler.set_vlan,
    of.SetVlanPcp: Compiler.set_vlan,
    of.Enqueue: lambda c, a: c.output(of.Output(a.port)),
    of.Meter: _no_meter,
    of.WriteActions: _unsupported,
    of.ClearActions: _unsupported,
    of.DecTtl: Compiler.dec_ttl,
    of.Exit: lambda _c, _a: lambda x: x.leave(),
    of.Note: _nothing,
    of.SetQueue: _nothing,
    of.PopQueue: _nothing,
    of.Sample: _nothing,
    of.FinTimeout: _nothing,
}


def clauses_of(actions: tuple[of.Action, ...]) -> tuple[tuple[int, int, int], ...]:
    """The conjunction clauses of a flow; they mix with nothing but notes (ovs-actions(7))."""
    clauses = tuple((a.id, a.clause, a.n) for a in actions if isinstance(a, of.Conjunction))
    if clauses and any(not isinstance(a, of.Conjunction | of.Note) for a in actions):
        raise _refuse(errors.ACTION_BAD_ARGUMENT, "conjunction() stands with no action but note")
    for _, clause, total in clauses:
        if not 2 <= total <= 64 or clause >= total:
            raise _refuse(errors.ACTION_BAD_ARGUMENT, f"conjunction() with clause {clause + 1} of {total}")
    return clauses


def compile_actions(actions: tuple[of.Action, ...], match: Match | None) -> Program:
    """Compile a flow's or bucket's actions; ``match`` None leaves prerequisites unchecked."""
    return Compiler(match).compile(actions) if actions else EMPTY


_shared: dict[tuple[of.Action, ...] | tuple[tuple[of.Action, ...], tuple[Term, ...]], Program] = {}
SHARED_LIMIT: Final = 50_000
_ASKED: Final = frozenset(
    name for alternatives in PREREQUISITES.values() for needs in alternatives for name, _, _ in needs
)
"""The fields that prerequisites are about."""


def compile_shared(actions: tuple[of.Action, ...], match: Match) -> Program:
    """Like ``compile_actions``, for flows; many of them have the same actions and share one program.

    A program whose checks asked for the match is shared by flows that have the same in what can be asked.
    """
    program = _shared.get(actions)
    if program is None:
        asked = actions, tuple([term for term in match.items() if term[0].name in _ASKED])
        program = _shared.get(asked)
        if program is None:
            compiler = Compiler(match)
            program = compiler.compile(actions)
            if len(_shared) >= SHARED_LIMIT:
                _shared.clear()
            _shared[asked if compiler.asked else actions] = program
    return program

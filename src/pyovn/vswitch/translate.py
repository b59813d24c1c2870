"""What the flow tables do to a packet, worked out once and reusable: key in, steps out.

A translation runs the pipeline on a flow key alone and yields *steps* (send here, tell a controller,
track a connection), each with the key's changes up to that point.  Beside them stands ``wc``, the
bits of the original key that were consulted: every packet that agrees in those bits gets the very same
steps.  So the result may be cached and applied to later packets (``datapath``).

Why changes can be cached although packets differ elsewhere: everything that an action writes is either
a constant or was read from bits that are then in ``wc``.  ``written`` names the bits that were written;
a later packet's key becomes ``key & ~written | value``.

Nested look-ups are frames on an explicit stack, so deep pipelines need no deep Python stack, and the
limits are OVS's (ovs-actions(7), "Error Handling"): recursion depth 64 (only going back in the table
order, groups and patch ports count) and 4096 resubmits a packet.  What was sent before a limit was hit
stays sent.

Not here: bytes (``steps`` run on frames), the compilation of actions (``program``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyovn.vswitch import steps
from pyovn.vswitch.flowkey import CT_BITS, FULL, REGISTER_BITS, SLOTS, TUNNEL_BITS, mask_of
from pyovn.vswitch.normal import forward_normal
from pyovn.vswitch.packetflow import ETH_IPV6
from pyovn.vswitch.pipeline import EXIT, LEAVE, Frame, Frozen, Pipeline, run_bucket, send_to
from pyovn.wire.openflow import actions as of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyovn.vswitch.classifier import Rule
    from pyovn.vswitch.groups import Bucket, SwitchGroup
    from pyovn.vswitch.ports import SwitchPort
    from pyovn.vswitch.program import Program
    from pyovn.vswitch.trace import Node, Tracer

MAX_DEPTH: Final = 64
MAX_RESUBMITS: Final = 4096

IN_PORT: Final = SLOTS["in_port"].offset
IN_PORT_MASK: Final = SLOTS["in_port"].mask
_NOT_IN_PORT: Final = FULL ^ IN_PORT_MASK
_BRIDGE: Final = SLOTS["bridge"]
_TTL: Final = SLOTS["ip_ttl"]
_ETH_TYPE: Final = SLOTS["eth_type"]
_TCI, _TPID = SLOTS["vlan_tci"], SLOTS["vlan_tpid"]
_TCI2, _TPID2 = SLOTS["vlan2_tci"], SLOTS["vlan2_tpid"]
_BOTH_TAGS: Final = mask_of("vlan_tci", "vlan_tpid", "vlan2_tci", "vlan2_tpid")
_NOT_CT: Final = FULL ^ CT_BITS
_ACROSS_PATCH: Final = REGISTER_BITS | CT_BITS | TUNNEL_BITS | IN_PORT_MASK | _BRIDGE.mask
CT_MARK, CT_LABEL = SLOTS["ct_mark"], SLOTS["ct_label"]


class Translation:
    """One run of the pipeline.  ``key`` is the packet as it is now, ``base`` as it came."""

    __slots__ = (
        "base", "cacheable", "depth", "error", "key", "length", "pipeline", "resubmits", "rule", "rules",
        "stack", "steps", "table", "trace", "values", "wc", "written",
    )  # fmt: skip

    def __init__(self, pipeline: Pipeline, key: int, length: int, trace: Tracer | None = None) -> None:
        self.pipeline = pipeline
        self.base = self.key = key
        self.written = 0
        self.wc = ENTRY_BITS
        self.steps: list[steps.Step] = []
        self.rules: list[Rule | SwitchGroup | Bucket] = []
        self.values: list[int] = []
        self.stack: list[Frame] = []
        self.table = 0
        self.rule: Rule | None = None
        self.depth = 0
        self.resubmits = 0
        self.length = length
        self.cacheable = True
        self.error = ""
        self.trace = trace

    # -- running ---------------------------------------------------------------------------------

    def run_table(self, table: int) -> None:
        """Look the packet up in ``table`` and carry out everything that follows."""
        self.table = -1
        frame = self.resubmit(table)
        if frame is not None:
            self._run(frame)

    def run_program(self, program: Program) -> None:
        """Carry out a list of actions, as a packet-out does."""
        self._run(self._frame(program, 0, None, 0, None, None if self.trace is None else self.trace.nodes))

    def _run(self, frame: Frame) -> None:
        if self.trace is not None:
            self._run_traced(frame, self.trace)
            return
        stack = self.stack
        stack.append(frame)
        self.table, self.rule, self.depth = frame.table, frame.rule, frame.depth
        while stack:
            deeper = None
            for operation in stack[-1].operations:
                deeper = operation(self)
                if deeper is not None:
                    break
            self._switch(deeper)

    def _run_traced(self, frame: Frame, trace: Tracer) -> None:
        stack = self.stack
        stack.append(frame)
        self.table, self.rule, self.depth = frame.table, frame.rule, frame.depth
        while stack:
            deeper = None
            nodes = stack[-1].nodes
            assert nodes is not None, "frames of a traced run carry their part of the trace"
            trace.nodes = nodes
            for operation, sources in stack[-1].operations:
                for source in sources:
                    trace.action(source, self.pipeline)
                deeper = operation(self)
                if deeper is not None:
                    break
            self._switch(deeper)

    def _switch(self, deeper: Frame | None) -> None:
        """Enter a deeper frame, or leave the top one when there is none."""
        stack = self.stack
        if deeper is None or deeper is LEAVE:
            self._pop()
        elif deeper is EXIT:
            while stack and not self._pop():
                pass
        else:
            stack.append(deeper)
            self.table, self.rule, self.depth = deeper.table, deeper.rule, deeper.depth
            return
        if stack:
            top = stack[-1]
            self.table, self.rule, self.depth = top.table, top.rule, top.depth

    def _pop(self) -> bool:
        """Drop the top frame; tells whether it was an isolated one."""
        restore = self.stack.pop().restore
        if restore is None:
            return False
        self.key, self.written, self.values, self.pipeline = restore
        return True

    def _frame(
        self, program: Program, table: int, rule: Rule | None, depth: int,
        restore: tuple[int, int, list[int], Pipeline] | None, nodes: list[Node] | None,
    ) -> Frame:  # fmt: skip
        operations: Iterable[Any] = program.operations if self.trace is None else program.steps
        return Frame(iter(operations), table, rule, depth, restore, nodes)

    def _saved(self) -> tuple[int, int, list[int], Pipeline]:
        return self.key, self.written, list(self.values), self.pipeline

    def fail(self, text: str) -> Frame:
        """End the packet's processing; what was sent stays sent."""
        self.error = text
        if self.trace is not None:
            self.trace.warn(text)
        while len(self.stack) > 1:
            self._pop()
        return LEAVE

    # -- look-ups --------------------------------------------------------------------------------

    def resubmit(self, table: int, port: int | None = None) -> Frame | None:
        """Find the packet's flow in ``table``; with ``port`` as if it had come in there."""
        depth = self.depth
        if table <= self.table:
            depth += 1
            if depth > MAX_DEPTH:
                return self.fail(f"over max translation depth {MAX_DEPTH}")
        self.resubmits += 1
        if self.resubmits > MAX_RESUBMITS:
            return self.fail(f"over {MAX_RESUBMITS} resubmit actions")
        return self._enter(table, depth, port, None)

    def _enter(
        self, table: int, depth: int, port: int | None,
        restore: tuple[int, int, list[int], Pipeline] | None,
    ) -> Frame | None:  # fmt: skip
        flows = self.pipeline.tables[table]
        rule: Rule | None = None
        if flows is not None:
            if port is None:
                rule = flows.lookup(self)
            else:
                kept = self.key & IN_PORT_MASK
                self.key = self.key & _NOT_IN_PORT | port << IN_PORT
                rule = flows.lookup(self)
                self.key = self.key & _NOT_IN_PORT | kept
        trace = self.trace
        if trace is None:
            if rule is None:
                self._missed(restore)
                return None
            self.rules.append(rule)
            return Frame(iter(rule.program.operations), table, rule, depth, restore, None)
        nodes = trace.table(table, rule, self.pipeline)
        if rule is None:
            self._missed(restore)
            return None
        self.rules.append(rule)
        return Frame(iter(rule.program.steps), table, rule, depth, restore, nodes)

    def _missed(self, restore: tuple[int, int, list[int], Pipeline] | None) -> None:
        if restore is not None:
            self.key, self.written, self.values, self.pipeline = restore

    def isolated(self, program: Program) -> Frame:
        """``clone``: run on a copy of the packet."""
        nodes = None if self.trace is None else self.trace.nodes
        return self._frame(program, self.table, self.rule, self.depth, self._saved(), nodes)

    def leave(self) -> Frame:
        """``exit``: nothing further, up to the enclosing clone or the packet's end."""
        return EXIT

    # -- outputs ---------------------------------------------------------------------------------

    def output(self, number: int, max_len: int = 0) -> Frame | None:
        """``output``; nothing goes back where it came from unless ``IN_PORT`` says so."""
        came_from = self.key >> IN_PORT & 0xFFFF
        if number >= of.PORT_IN_PORT and number != of.PORT_LOCAL:
            return self._output_reserved(number, came_from)
        if number == came_from:
            self.warn("skipping output to input port")
            return None
        return self.output_port(number, max_len)

    def output_port(self, number: int, max_len: int = 0) -> Frame | None:
        """Send to a port, also to the one that the packet came from."""
        port = self.pipeline.ports.get(number)
        if port is None:
            self.note("Nonexistent output port")
            return None
        if port.peer is not None:
            return self._cross(port.peer)
        if not port.usable:
            self.note("OFPPC_NO_FWD set, skipping output" if port.up else "bfd/link down, skipping output")
            return None
        self.steps.append(steps.Send(port, self.written, self.key, max_len))
        return None

    def _output_reserved(self, number: int, came_from: int) -> Frame | None:
        if number == of.PORT_IN_PORT:
            return self.output_port(came_from)
        if number in {of.PORT_ALL, of.PORT_FLOOD}:
            return self._each(p for p in list(self.pipeline.ports) if p != came_from)
        if number == of.PORT_NORMAL:
            return self._each(forward_normal(self))
        if number == of.PORT_TABLE:
            return self.resubmit(0)
        return None

    def _each(self, numbers: Iterable[int]) -> Frame | None:
        """Send to several ports; a crossing to another bridge is carried out between them."""
        operations: list[Any] = [send_to(number) for number in numbers]
        if self.trace is not None:
            operations = [(operation, ()) for operation in operations]
        nodes = None if self.trace is None else self.trace.nodes
        return Frame(iter(operations), self.table, self.rule, self.depth, None, nodes)

    def _cross(self, peer: SwitchPort) -> Frame | None:
        """Through a patch port: the packet starts afresh in the other bridge, on a copy."""
        depth = self.depth + 1
        if depth > MAX_DEPTH:
            return self.fail(f"over max translation depth {MAX_DEPTH}")
        restore = self._saved()
        self.pipeline = peer.pipeline
        self.key = self.key & ~_ACROSS_PATCH | peer.number << IN_PORT | self.pipeline.index << _BRIDGE.offset
        self.written |= _ACROSS_PATCH
        if self.trace is not None:
            self.trace.bridge(self.pipeline.name)
        return self._enter(0, depth, None, restore)

    def to_controller(self, action: of.Controller) -> None:
        """``controller(...)``: a copy of the packet goes to the controllers as a packet-in."""
        rule = self.rule
        table = rule.table if rule is not None else 0xFF
        cookie = rule.cookie if rule is not None else 0xFFFFFFFFFFFFFFFF
        frozen = self._freeze() if action.pause and self.trace is None else None
        step = steps.PacketIn(self.pipeline, action, table, cookie, self.written, self.key, frozen)
        self.steps.append(step)

    def _freeze(self) -> Frozen:
        """Take what is left to do off the stack, for a controller to resume.

        It holds this very packet's keys, so the translation serves this packet only.
        """
        self.cacheable = False
        frames = []
        for frame in self.stack:
            restore = frame.restore
            if restore is not None:
                # On resumption the packet's key may have changed; the saved one counts in full.
                restore = (restore[0], FULL, *restore[2:])
            left = iter(tuple(frame.operations))
            frames.append(Frame(left, frame.table, frame.rule, frame.depth, restore, None))
        return Frozen(self.pipeline, frames, list(self.values))

    def thaw(self, frozen: Frozen) -> None:
        """Do what was left when the packet was paused."""
        if not frozen.frames:
            return
        self.values = frozen.values
        self.stack = frozen.frames[:-1]
        self._run(frozen.frames[-1])

    # -- groups ----------------------------------------------------------------------------------

    def group(self, number: int) -> Frame | None:
        """``group``: each chosen bucket runs on its own copy of the packet."""
        group = self.pipeline.groups.get(number)
        if group is None:
            self.note("nonexistent group")
            return None
        depth = self.depth + 1
        if depth > MAX_DEPTH:
            return self.fail(f"over max translation depth {MAX_DEPTH}")
        chosen = group.choose(self)
        self.rules.append(group)
        operations: list[Any] = []
        for bucket in chosen:
            self.rules.append(bucket)
            operations.append(run_bucket(bucket.id, bucket.program, depth))
        if self.trace is not None:
            operations = [(operation, ()) for operation in operations]
        nodes = None if self.trace is None else self.trace.nodes
        return Frame(iter(operations), self.table, self.rule, depth, None, nodes)

    def bucket(self, index: int, program: Program, depth: int) -> Frame:
        """One bucket of a group."""
        nodes = None if self.trace is None else self.trace.bucket(index)
        return self._frame(program, self.table, self.rule, depth, self._saved(), nodes)

    # -- headers and tracking --------------------------------------------------------------------

    def push_vlan(self, tpid: int) -> None:
        """Push a tag of priority and VLAN zero, whatever the outermost one has, as Open vSwitch does."""
        self.wc |= _BOTH_TAGS
        key = self.key
        tci, old_tpid = _TCI.read(key), _TPID.read(key)
        key &= ~_BOTH_TAGS
        key |= 0x1000 << _TCI.offset | tpid << _TPID.offset
        if tci & 0x1000:
            key |= tci << _TCI2.offset | old_tpid << _TPID2.offset
        self.key = key
        self.written |= _BOTH_TAGS

    def set_vlan(self, value: int, mask: int) -> None:
        """OpenFlow 1.0's way to set a part of the tag: where there is none, a new one gets it."""
        self.wc |= _BOTH_TAGS
        if not _TCI.read(self.key) & 0x1000:
            self.push_vlan(0x8100)
        self.key = self.key & ~mask | value
        self.written |= mask

    def pop_vlan(self) -> None:
        """Remove the outermost tag, if there is one."""
        self.wc |= _BOTH_TAGS
        key = self.key
        tci, tpid = _TCI2.read(key), _TPID2.read(key)
        self.key = key & ~_BOTH_TAGS | tci << _TCI.offset | tpid << _TPID.offset
        self.written |= _BOTH_TAGS

    def dec_ttl(self, action: of.DecTtl) -> Frame | None:
        """``dec_ttl``: a TTL of 0 or 1 ends this list of actions and is told to the controllers."""
        self.wc |= _TTL.mask
        ttl = _TTL.read(self.key)
        if ttl <= 1:
            for controller in action.ids or (0,):
                self.to_controller(of.Controller(controller_id=controller, reason=of.REASON_INVALID_TTL))
            version = 6 if _ETH_TYPE.read(self.key) == ETH_IPV6 else 4
            self.warn(f"IPv{version} decrement TTL exception")
            return LEAVE
        self.key = self.key & ~_TTL.mask | (ttl - 1) << _TTL.offset
        self.written |= _TTL.mask
        return None

    def length_exceeds(self, length: int) -> bool:
        """``check_pkt_larger``: the length is not in the key, so the result holds for this packet only."""
        self.cacheable = False
        return self.length > length

    def track(self, action: of.Ct, zone: int, assignments: Program) -> None:
        """``ct``: the connection is tracked when the steps run; this pipeline goes on untracked."""
        key, written = self.key, self.written
        self.written = 0
        for operation in assignments.operations:
            operation(self)
        marked = self.written
        step = steps.Track(
            self.pipeline, action, zone, written, key,
            (CT_MARK.read(self.key), CT_MARK.read(marked)), (CT_LABEL.read(self.key), CT_LABEL.read(marked)),
        )  # fmt: skip
        self.steps.append(step)
        self.key, self.written = key & _NOT_CT, written | CT_BITS
        if self.trace is not None:
            for inner in action.actions:
                self.trace.action(inner, self.pipeline)
            self.trace.tracked(action.table)

    def clear_tracking(self) -> None:
        """``ct_clear``."""
        self.key &= _NOT_CT
        self.written |= CT_BITS

    def warn(self, text: str) -> None:
        """Something in the trace that the user had better see."""
        if self.trace is not None:
            self.trace.warn(text)

    def note(self, text: str) -> None:
        """A remark for the trace."""
        if self.trace is not None:
            self.trace.detail(text)


ENTRY_BITS: Final = mask_of("bridge", "first_table", "in_port", "eth_type", "ip_frag")
"""Consulted by every translation: where the packet is, and how its headers are to be read."""

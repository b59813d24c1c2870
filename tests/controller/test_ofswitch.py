"""The OpenFlow connection against a switch that says what the test wants it to say."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from pyovn.controller.ofswitch import HANDSHAKE, OPTION, PROBE, Switch
from pyovn.incremental import Engine, Record, column
from pyovn.sim.virtual import VirtualRuntime
from pyovn.sync.flowtable import FlowTable
from pyovn.wire.openflow import messages as ofp
from pyovn.wire.openflow.codec import VERSION, Framer, decode, encode
from pyovn.wire.openflow.multiparts import FlowDesc, FlowDescReply, FlowDescRequest
from pyovn.wire.openflow.text import parse_flow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyovn.sim.runtime import Stream
    from pyovn.wire.openflow.flow import Flow

ADDRESS = "/hv/br-int.mgmt"


class FakeSwitch:
    """Flows by key; ``refuses`` is a part of the text of flows that it does not accept.

    ``whole``: a bundle with a refused message is refused as a whole, as OpenFlow allows; Open vSwitch
    commits the rest.
    """

    def __init__(self, runtime: VirtualRuntime, *, whole: bool = False) -> None:
        self.runtime = runtime
        self.flows: dict[object, Flow] = {}
        self.refuses = 0
        self.whole = whole
        self.silent = False
        self.keeps = 0
        """The priority of a flow that it does not delete."""
        self.refuses_bundles = False
        self.explains_flows = True
        """False: the question for its flows is answered by an error."""
        self.pace = 0.0
        """Seconds between the parts of its flows."""
        self.commits = True
        self.opened: list[int] = []
        self.generations: list[int] = []
        """Of the masters that it has had."""
        self.maps: list[ofp.TlvMap] = []
        self.bundles: list[list[ofp.FlowMod]] = []
        self.reads = 0
        self.stream: Stream | None = None
        self._pending: list[ofp.FlowMod] = []
        self._bad = False
        self.spy: Callable[[ofp.Message], None] = lambda _message: None
        self.listener = runtime.listen(f"punix:{ADDRESS}", self._accept)

    def _accept(self, stream: Stream) -> None:
        self.stream = stream
        framer = Framer()

        def received(data: bytes) -> None:
            for frame in framer.feed(data):
                self._handle(*decode(frame))

        stream.on_data = received
        self.send(ofp.Hello((VERSION,)), 0)

    def send(self, message: ofp.Message, xid: int) -> None:
        assert self.stream is not None
        if not self.silent:
            self.stream.write(encode(message, xid))

    def _handle(self, xid: int, message: ofp.Message) -> None:
        self.spy(message)
        match message:
            case ofp.RoleRequest():
                if message.role == ofp.ROLE_MASTER:
                    self.generations.append(message.generation_id)
                known = self.generations[-1] if self.generations else (1 << 64) - 1
                self.send(ofp.RoleReply(message.role, known), xid)
            case ofp.TlvTableRequest():
                self.send(ofp.TlvTableReply(tuple(self.maps)), xid)
            case ofp.TlvTableMod():
                self.maps += message.maps
            case FlowDescRequest():
                self.reads += 1
                self._tell_flows(xid)
            case ofp.EchoRequest():
                self.send(ofp.EchoReply(message.data), xid)
            case ofp.BundleControl(type=ofp.BUNDLE_OPEN_REQUEST):
                self._pending, self._bad = [], False
                self.opened.append(message.id)
            case ofp.BundleControl(type=ofp.BUNDLE_COMMIT_REQUEST) if self.refuses_bundles:
                self.send(ofp.Error(17, 15, b""), xid)
            case ofp.BundleControl(type=ofp.BUNDLE_COMMIT_REQUEST) if not self.commits:
                pass
            case ofp.BundleAdd():
                assert isinstance(message.message, ofp.FlowMod)
                add = message.message.command == ofp.ADD
                if message.message.flow.priority == (self.refuses if add else self.keeps) != 0:
                    self._bad = True
                    self.send(ofp.Error(2, 9, b""), xid)
                else:
                    self._pending.append(message.message)
            case ofp.BundleControl(type=ofp.BUNDLE_COMMIT_REQUEST):
                if self._bad and self.whole:
                    self.send(ofp.Error(17, 15, b""), xid)
                    return
                self.bundles.append(self._pending)
                for mod in self._pending:
                    if mod.command == ofp.ADD:
                        self.flows[mod.flow.key] = mod.flow
                    else:
                        del self.flows[mod.flow.key]
                self.send(ofp.BundleControl(message.id, ofp.BUNDLE_COMMIT_REPLY), xid)
            case _:
                pass

    def _tell_flows(self, xid: int) -> None:
        if not self.explains_flows:
            self.send(ofp.Error(1, 5, b""), xid)
            return
        flows = [FlowDesc(flow, 0, 0, 0, 0) for flow in self.flows.values()]
        parts = [FlowDescReply(tuple(flows[i : i + 2]), more=True) for i in range(0, len(flows), 2)]
        for number, part in enumerate([*parts, FlowDescReply((), more=False)]):
            if self.pace:
                self.runtime.call_later(self.pace * (number + 1), partial(self.send, part, xid))
            else:
                self.send(part, xid)

    def has(self) -> set[int]:
        """Priorities of the flows, which name them here."""
        return {flow.priority for flow in self.flows.values()}


class Wanted(Record):
    __slots__ = ()
    text = column(0, "text")


class Lab:
    def __init__(self, *, whole: bool = False) -> None:
        self.runtime = VirtualRuntime()
        self.logs: list[tuple[str, str]] = []
        self.engine = Engine()
        self.wanted = self.engine.table("wanted", Wanted)
        self.table = FlowTable()
        self.fake = FakeSwitch(self.runtime, whole=whole)
        self.switch = Switch(self.runtime, self.table, lambda level, text: self.logs.append((level, text)))
        self.synced = 0
        self.switch.on_state = lambda: self.runtime.call_soon(self.switch.sync)
        self.switch.on_synced = self._count

        def flows(row: Wanted) -> Iterator[tuple[Flow, str]]:
            yield parse_flow(row.text), "test"

        self.table.follow(self.engine.derive("flows", self.wanted, flows))

    def _count(self) -> None:
        self.synced += 1

    def want(self, *priorities: int, action: str = "drop") -> None:
        for priority in priorities:
            self.wanted.put(priority, (f"table=1, priority={priority}, tcp actions={action}",))
        self.engine.settle()

    def unwant(self, priority: int) -> None:
        self.wanted.delete(priority)
        self.engine.settle()

    def start(self) -> None:
        self.switch.set_address(f"unix:{ADDRESS}")
        self.runtime.advance(0.1)

    def step(self) -> None:
        self.switch.sync()
        self.runtime.advance(0.1)


def test_the_difference_is_one_bundle() -> None:
    lab = Lab()
    lab.want(1, 2, 3)
    lab.start()
    assert [len(bundle) for bundle in lab.fake.bundles] == [3]
    assert lab.fake.has() == {1, 2, 3}
    lab.want(4)
    lab.unwant(1)
    lab.step()
    assert [len(bundle) for bundle in lab.fake.bundles] == [3, 2]
    assert lab.fake.has() == {2, 3, 4}


def test_what_is_there_is_adopted_and_what_nobody_wants_goes() -> None:
    lab = Lab()
    for priority in (1, 2, 7):
        flow = parse_flow(f"table=1, priority={priority}, tcp actions=drop")
        lab.fake.flows[flow.key] = flow
    lab.want(1, 2)
    lab.start()
    assert [[mod.command for mod in bundle] for bundle in lab.fake.bundles] == [[ofp.DELETE_STRICT]]
    assert lab.fake.has() == {1, 2}


def test_the_tunnel_option_is_mapped_once() -> None:
    lab = Lab()
    lab.start()
    lab.switch._lost("test")
    lab.runtime.advance(2)
    assert lab.fake.maps == [OPTION]


def test_a_foreign_use_of_the_option_is_told() -> None:
    lab = Lab()
    lab.fake.maps.append(ofp.TlvMap(1, 2, 4, 0))
    lab.start()
    assert any(level == "err" and "tun_metadata0" in text for level, text in lab.logs)


@pytest.mark.parametrize("whole", [False, True])
def test_a_refused_flow_costs_only_itself_and_is_named_once(*, whole: bool) -> None:
    lab = Lab(whole=whole)
    lab.fake.refuses = 2
    lab.want(1, 2, 3)
    lab.start()
    assert lab.fake.has() == {1, 3}
    lab.want(4)
    lab.step()
    assert lab.fake.has() == {1, 3, 4}
    assert [flow.priority for flow in lab.table.refusals()] == [2]
    assert len([text for level, text in lab.logs if level == "warn" and "priority=2" in text]) == 1
    assert lab.synced >= 2


@pytest.mark.parametrize("whole", [False, True])
def test_a_refused_flow_heals_when_it_changes(*, whole: bool) -> None:
    lab = Lab(whole=whole)
    lab.fake.refuses = 2
    lab.want(1, 2)
    lab.start()
    lab.fake.refuses = 0
    lab.want(2, action="resubmit(,3)")
    lab.step()
    assert lab.fake.has() == {1, 2}
    assert lab.table.refusals() == {}


def test_a_refused_flow_is_tried_again_after_a_reconnect_and_by_recompute() -> None:
    lab = Lab()
    lab.fake.refuses = 2
    lab.want(1, 2)
    lab.start()
    lab.switch.read_again()
    lab.runtime.advance(0.1)
    assert lab.fake.has() == {1}
    lab.fake.refuses = 0
    lab.switch.read_again()
    lab.runtime.advance(0.1)
    assert lab.fake.has() == {1, 2}


def test_a_flow_that_cannot_be_encoded_is_set_aside_too() -> None:
    lab = Lab()
    lab.start()
    lab.want(1)
    lab.wanted.put(2, ("table=1, priority=2, tcp actions=resubmit(,300)",))
    lab.engine.settle()
    lab.step()
    assert lab.fake.has() == {1}
    assert [flow.priority for flow in lab.table.refusals()] == [2]


def test_a_lost_connection_begins_with_reading() -> None:
    lab = Lab()
    lab.want(1, 2, 3)
    lab.start()
    del lab.fake.flows[next(iter(lab.fake.flows))]
    assert lab.fake.stream is not None
    lab.fake.stream.close()
    lab.runtime.advance(2)
    assert lab.fake.reads == 2
    assert [len(bundle) for bundle in lab.fake.bundles] == [3, 1]
    assert lab.fake.generations == [1, 2]  # the switch takes nothing more from the lost connection


def test_a_connection_lost_within_a_bundle_costs_nothing() -> None:
    lab = Lab()
    lab.want(1)
    lab.start()
    lab.want(2, 3)
    lab.switch.sync()
    lab.switch._lost("test")
    lab.runtime.advance(3)
    assert lab.fake.has() == {1, 2, 3}


def test_pauses_between_attempts_grow_and_are_forgotten_after_success() -> None:
    lab = Lab()
    lab.fake.listener.close()
    lab.start()
    lab.runtime.advance(30)
    failures = [text for _level, text in lab.logs if "next attempt in" in text]
    assert [text.split("attempt in ")[1] for text in failures] == ["1 s", "2 s", "4 s", "8 s", "8 s", "8 s"]
    lab.fake.listener = lab.runtime.listen(f"punix:{ADDRESS}", lab.fake._accept)
    lab.runtime.advance(8)
    assert lab.switch.state == "ready"
    lab.switch._lost("test")
    assert lab.logs[-1][1].endswith("next attempt in 1 s")


def test_a_pause_ends_when_the_switch_has_come_to_be_there() -> None:
    lab = Lab()
    lab.switch.hurry()  # without an address there is nothing to connect to
    lab.fake.listener.close()
    lab.start()
    lab.runtime.advance(6)
    lab.fake.listener = lab.runtime.listen(f"punix:{ADDRESS}", lab.fake._accept)
    before = lab.runtime.now()
    lab.switch.hurry()
    lab.runtime.settle()
    assert (lab.switch.state, lab.runtime.now()) == ("ready", before)
    lab.logs.clear()
    lab.switch.hurry()  # who is there is not met again
    lab.runtime.advance(1)
    assert (lab.switch.state, lab.logs) == ("ready", [])


def test_a_switch_that_does_not_answer_is_given_up() -> None:
    lab = Lab()
    lab.fake.silent = True
    lab.start()
    assert lab.switch.state == "connecting"
    assert not lab.switch.answered
    lab.runtime.advance(HANDSHAKE)
    assert lab.switch.answered
    lab.fake.silent = False
    lab.runtime.advance(2)
    assert lab.switch.state == "ready"


def test_a_switch_of_another_version_is_refused() -> None:
    lab = Lab()
    lab.fake.silent = True
    lab.start()
    assert lab.fake.stream is not None
    lab.fake.stream.write(encode(ofp.Hello((4,)), 0))
    lab.runtime.advance(0.1)
    assert any("OpenFlow 1.5" in text for _level, text in lab.logs)


def test_no_openflow_at_all_is_no_crash() -> None:
    lab = Lab()
    lab.fake.silent = True
    lab.start()
    assert lab.fake.stream is not None
    lab.fake.stream.write(b"\x06\xff\x00\x04\x00\x00\x00\x01")
    lab.runtime.advance(0.1)
    assert any("no OpenFlow" in text for _level, text in lab.logs)


def test_echo_is_answered() -> None:
    lab = Lab()
    lab.start()
    answers: list[ofp.Message] = []
    lab.fake.spy = answers.append
    lab.fake.send(ofp.EchoRequest(b"abc"), 77)
    lab.runtime.advance(0.1)
    assert answers == [ofp.EchoReply(b"abc")]


def test_errors_about_other_messages_cost_nothing_and_are_told_once() -> None:
    """Such as the answer to a PacketOut, here while a bundle is under way."""
    lab = Lab()
    lab.want(1)
    lab.start()
    lab.fake.commits = False
    lab.want(2)
    lab.switch.sync()
    lab.runtime.advance(0.1)
    for _ in range(3):
        lab.fake.send(ofp.Error(2, 4, b""), 0x7777_7777)
    lab.runtime.advance(0.1)
    assert lab.switch.state == "ready"
    assert [text for _level, text in lab.logs if "2/4" in text] == [
        f"unix:{ADDRESS}: the switch answers error 2/4 (told once)"
    ]
    lab.fake.send(ofp.BundleControl(lab.fake.opened[-1], ofp.BUNDLE_COMMIT_REPLY), 0)
    lab.runtime.advance(0.1)
    assert lab.switch.is_idle


def test_the_commit_of_another_bundle_is_none_of_this() -> None:
    lab = Lab()
    lab.start()
    lab.fake.commits = False
    lab.want(1)
    lab.switch.sync()
    lab.runtime.advance(0.1)
    synced = lab.synced
    lab.fake.send(ofp.BundleControl(lab.fake.opened[-1] + 7, ofp.BUNDLE_COMMIT_REPLY), 0)
    lab.runtime.advance(0.1)
    assert lab.synced == synced
    assert not lab.switch.is_idle


def pauses(lab: Lab) -> list[str]:
    return [text.split("attempt in ")[1] for _level, text in lab.logs if "next attempt in" in text]


def test_a_switch_that_refuses_bundles_is_not_pestered_and_it_is_told() -> None:
    lab = Lab()
    lab.fake.refuses_bundles = True
    lab.want(1)
    lab.start()
    lab.runtime.advance(30)
    assert pauses(lab) == ["1 s", "2 s", "4 s", "8 s", "8 s", "8 s"]
    assert lab.switch.trouble == "the switch refuses all changes of flows: error 17/15"
    lab.fake.refuses_bundles = False
    lab.runtime.advance(10)
    assert lab.fake.has() == {1}
    assert lab.switch.trouble is None
    lab.switch._lost("test")
    assert pauses(lab)[-1] == "1 s"


@pytest.mark.parametrize("whole", [False, True])
def test_a_flow_that_is_not_deleted_costs_only_itself(*, whole: bool) -> None:
    lab = Lab(whole=whole)
    lab.want(1, 2)
    lab.start()
    lab.fake.keeps = 1
    lab.unwant(1)
    lab.want(3)
    lab.step()
    lab.runtime.advance(20)
    assert lab.fake.has() == {1, 2, 3}
    assert pauses(lab) == []
    assert [flow.priority for flow in lab.table.leftovers()] == [1]


def test_a_large_table_may_take_its_time() -> None:
    lab = Lab()
    for priority in range(1, 9):
        flow = parse_flow(f"table=1, priority={priority}, tcp actions=drop")
        lab.fake.flows[flow.key] = flow
    lab.fake.pace = HANDSHAKE - 1
    lab.start()
    lab.runtime.advance(6 * HANDSHAKE)
    assert lab.switch.state == "ready"
    assert lab.fake.reads == 1


@pytest.mark.parametrize("first", [True, False])
def test_a_switch_that_does_not_tell_its_flows_is_given_up(*, first: bool) -> None:
    lab = Lab()
    if not first:
        lab.start()
    lab.fake.pace = 1e6
    if first:
        lab.start()
    else:
        lab.switch.read_again()
    lab.runtime.advance(HANDSHAKE + 0.1)
    assert len(pauses(lab)) == 1
    lab.fake.pace = 0.0
    lab.runtime.advance(2)
    assert lab.switch.state == "ready"


def test_an_error_instead_of_the_flows_is_no_wait_for_ever() -> None:
    lab = Lab()
    lab.start()
    lab.fake.explains_flows = False
    lab.switch.read_again()
    lab.runtime.advance(0.1)
    assert any("does not tell its flows: error 1/5" in text for _level, text in lab.logs)
    lab.fake.explains_flows = True
    lab.runtime.advance(2)
    assert lab.switch.state == "ready"


def test_a_silent_switch_is_probed_and_given_up_when_it_does_not_answer() -> None:
    lab = Lab()
    heard: list[ofp.Message] = []
    lab.start()
    lab.fake.spy = heard.append
    lab.runtime.advance(4 * PROBE)
    assert lab.switch.state == "ready"
    assert heard == [ofp.EchoRequest()] * 4
    lab.fake.silent = True
    lab.runtime.advance(2 * PROBE)
    assert len(pauses(lab)) == 1
    lab.fake.silent = False
    lab.runtime.advance(2)
    assert lab.switch.state == "ready"


def test_a_switch_is_not_probed_when_that_is_switched_off() -> None:
    lab = Lab()
    lab.start()
    lab.switch.set_probe_interval(0)
    lab.fake.silent = True
    lab.runtime.advance(100)
    assert lab.switch.state == "ready"


def test_a_switch_that_still_takes_what_was_written_is_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab()
    lab.start()
    left = iter(range(1000, 0, -1))
    monkeypatch.setattr(type(lab.switch._stream), "backlog", lambda _stream: next(left))
    lab.fake.silent = True
    lab.runtime.advance(20 * PROBE)
    assert lab.switch.state == "ready"


def test_a_new_address_or_table_has_not_been_answered_for() -> None:
    lab = Lab()
    lab.start()
    assert lab.switch.answered
    lab.switch.set_table(FlowTable())
    assert not lab.switch.answered
    lab.runtime.advance(0.1)
    assert lab.switch.answered
    lab.switch.set_address("unix:/elsewhere")
    assert not lab.switch.answered

"""The controllers of the database: reached, lost, refused; and what a bridge does without them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from of_client import Controller, add
from switch_kit import SwitchLab, frame

from pyovn.vswitch.controllers import FAIL_OPEN_AFTER
from pyovn.wire.openflow import messages as msg
from pyovn.wire.openflow import multiparts as mp
from pyovn.wire.openflow.codec import Framer, decode, encode

if TYPE_CHECKING:
    from pyovn.sim.runtime import Listener, Stream

UDP = "udp,dl_src=00:00:00:00:00:01,dl_dst=00:00:00:00:00:02,nw_src=10.0.0.1,nw_ttl=64,udp_dst=6"
TARGET = "tcp:127.0.0.1:6653"


class Server:
    """A controller that listens."""

    def __init__(self, lab: SwitchLab, version: int = 6) -> None:
        self.version = version
        self.streams: list[Stream] = []
        self.inbox: list[msg.Message] = []
        self.listener: Listener = lab.runtime.listen("ptcp:6653:127.0.0.1", self._accept)

    def _accept(self, stream: Stream) -> None:
        framer = Framer()
        self.streams.append(stream)
        stream.on_data = lambda data: self.inbox.extend([decode(f)[1] for f in framer.feed(data)])
        stream.on_close = lambda _reason: self.streams.remove(stream)
        stream.write(encode(msg.Hello((self.version,)), 1, self.version))

    def send(self, lab: SwitchLab, *messages: msg.Message) -> None:
        for message in messages:
            self.streams[-1].write(encode(message, 9, self.version))
        lab.runtime.settle()


@pytest.fixture
def lab() -> SwitchLab:
    made = SwitchLab()
    made.add_bridge("br0")
    for name in ("p1", "p2"):
        made.add_port("br0", name)
    return made


def set_controller(lab: SwitchLab, *targets: str, **columns: Any) -> None:
    names = [["named-uuid", f"c{n}"] for n in range(len(targets))]
    lab.transact(
        *[
            {
                "op": "insert",
                "table": "Controller",
                "uuid-name": f"c{n}",
                "row": {"target": target, **columns},
            }
            for n, target in enumerate(targets)
        ],
        {"op": "update", "table": "Bridge", "where": [], "row": {"controller": ["set", names]}},
    )


def row(lab: SwitchLab) -> dict[str, Any]:
    (found,) = lab.rows("Controller")
    return found


def test_a_primary_controller_is_reached_and_told_of(lab: SwitchLab) -> None:
    server = Server(lab)
    set_controller(lab, TARGET)
    lab.runtime.advance(1.0)
    found = row(lab)
    assert (found["is_connected"], found["role"]) == (True, "other")
    assert dict(found["status"][1])["state"] == "ACTIVE"
    server.send(lab, add("in_port=1,actions=controller:20"))
    server.inbox.clear()
    lab.inject("p1", UDP)
    (packet,) = server.inbox
    assert isinstance(packet, msg.PacketInStandard)
    assert packet.data == frame(UDP)


def test_a_lost_controller_is_tried_again(lab: SwitchLab) -> None:
    set_controller(lab, TARGET)
    lab.runtime.advance(2.0)
    assert row(lab)["is_connected"] is False
    assert "last_error" in dict(row(lab)["status"][1])
    server = Server(lab)
    lab.runtime.advance(10.0)
    assert row(lab)["is_connected"] is True
    server.listener.close()
    server.streams[-1].close()
    lab.runtime.settle()
    assert row(lab)["is_connected"] is False
    Server(lab)
    lab.runtime.advance(10.0)
    assert row(lab)["is_connected"] is True


def test_a_silent_controller_is_given_up(lab: SwitchLab) -> None:
    server = Server(lab)
    set_controller(lab, TARGET, inactivity_probe=5000)
    lab.runtime.advance(1.0)
    lab.runtime.advance(20.0)
    assert any(isinstance(m, msg.EchoRequest) for m in server.inbox)
    assert any("no response to inactivity probe" in line for line in lab.logs)


def test_flows_go_with_the_first_controller_and_a_standalone_bridge_fails_open(lab: SwitchLab) -> None:
    set_controller(lab, TARGET)
    lab.inject("p1", UDP)
    assert lab.got["p2"] == []
    lab.runtime.advance(FAIL_OPEN_AFTER + 1.0)
    lab.inject("p1", UDP)
    assert len(lab.got["p2"]) == 1
    client = Controller(lab.runtime, f"unix:{lab.rundir}/br0.mgmt")
    assert client.one(mp.FlowDescReply, mp.FlowDescRequest()).entries == ()
    Server(lab)
    lab.runtime.advance(10.0)
    lab.inject("p1", UDP)
    assert len(lab.got["p2"]) == 1
    set_controller(lab)
    lab.inject("p1", UDP)
    assert len(lab.got["p2"]) == 2


def test_a_secure_bridge_stays_as_its_flows_say(lab: SwitchLab) -> None:
    lab.transact({"op": "update", "table": "Bridge", "where": [], "row": {"fail_mode": "secure"}})
    set_controller(lab, TARGET)
    lab.runtime.advance(FAIL_OPEN_AFTER + 5.0)
    lab.inject("p1", UDP)
    assert lab.got["p2"] == []


def test_a_service_controller_is_a_place_to_connect_to(lab: SwitchLab) -> None:
    set_controller(lab, "ptcp:6634:127.0.0.1")
    client = Controller(lab.runtime, "tcp:127.0.0.1:6634")
    assert client.ask(msg.BarrierRequest()) == [msg.BarrierReply()]
    set_controller(lab)
    assert Controller(lab.runtime, "tcp:127.0.0.1:6634", greet=False).closed


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("bogus:", 'br0: unsupported controller "bogus:"'),
        ("nonsense", 'br0: unsupported controller "nonsense"'),
        ("unix:/etc/passwd", "due to possibility for remote exploit"),
        ("punix:/tmp/x", "due to possibility for remote exploit"),
    ],
)
def test_a_bad_target_is_one_message_and_the_rest_works_on(lab: SwitchLab, target: str, words: str) -> None:
    set_controller(lab, target, "ptcp:6634:127.0.0.1")
    assert len([line for line in lab.logs if words in line]) == 1
    lab.runtime.advance(30.0)
    lab.add_port("br0", "p3")
    assert len([line for line in lab.logs if words in line]) == 1
    assert Controller(lab.runtime, "tcp:127.0.0.1:6634").ask(msg.BarrierRequest()) == [msg.BarrierReply()]
    lab.inject("p1", UDP)
    assert len(lab.got["p2"]) == 1

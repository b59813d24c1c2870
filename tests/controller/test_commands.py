"""The control commands, in the forms of C's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from deployment_lab import BROADCAST, Lab, arp_request, datagram, ip_text, mac_text
from pyovn.controller.commands import Commands
from pyovn.daemon.unixctl import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyovn.daemon.unixctl import ControlServer


class Server:
    """Takes the commands as a control socket does."""

    def __init__(self) -> None:
        self.handlers: dict[str, Callable[[Sequence[str]], Any]] = {}

    def register(self, name: str, _usage: str, _low: int, _high: int, handler: Any) -> None:
        self.handlers[name] = handler


class Asked:
    def __init__(self) -> None:
        self.lab = Lab("hv1", "hv2")
        self.lab.build("sw0", {1: "hv1", 2: "hv2", 3: "hv1"}, "ip")
        self._server = Server()
        Commands(self.lab.controller("hv1")).register(cast("ControlServer", self._server))

    def __call__(self, command: str, *args: str) -> str:
        return str(self._server.handlers[command](args))

    def refusal(self, command: str, *args: str) -> str:
        with pytest.raises(CommandError) as caught:
            self(command, *args)
        return str(caught.value)

    def inject(self, expr: str) -> list[tuple[str, str, bytes]]:
        """(hypervisor, logical port, frame) of what an injected packet causes."""
        self.lab.deployment.deliveries.clear()
        assert self("inject-pkt", expr) == ""
        self.lab.runtime.advance(0.2)
        return sorted((d.hypervisor, d.logical_port, d.frame) for d in self.lab.deployment.deliveries)


@pytest.fixture
def ask() -> Asked:
    return Asked()


def test_states_and_lists(ask: Asked) -> None:
    assert ask("connection-status") == "connected\n"
    assert ask("debug/status") == "running\n"
    assert (ask("debug/pause"), ask("debug/pause"), ask("debug/status")) == ("", "", "paused\n")
    assert (ask("debug/resume"), ask("debug/status")) == ("", "running\n")
    assert ask("meter-table-list") == ask("group-table-list") == ask("notices") == ""
    zones = dict(line.split() for line in ask("ct-zone-list").splitlines())
    assert {"vm1", "vm3"} <= set(zones)
    assert len(zones) == 4
    assert ask("debug/dump-local-template-vars") == "Local template vars:\n"


def test_local_bindings_name_containers(ask: Asked) -> None:
    ask.lab.port("sw0", 11, parent_name="vm1", tag=5)
    ask.lab.sync()
    assert ask("debug/dump-local-bindings").splitlines() == [
        "Local bindings:",
        "name: [vm1], OVS interface name : [vif1], num binding lports : [2]",
        "primary lport : [vm1]",
        "child lport[1] : [vm11], type : [CONTAINER]",
        "-" * 40,
        "name: [vm3], OVS interface name : [vif3], num binding lports : [1]",
        "primary lport : [vm3]",
        "-" * 40,
    ]


@pytest.mark.parametrize("command", ["recompute", "inc-engine/recompute", "lflow-cache/flush"])
def test_what_recomputes_changes_nothing(ask: Asked, command: str) -> None:
    sent = ask.lab.watch("hv1")
    assert ask(command) == ""
    ask.lab.runtime.advance(2)
    assert sent.nothing


def test_statistics(ask: Asked) -> None:
    text = ask("inc-engine/show-stats")
    assert [line.split(":")[0] for line in text.splitlines()] == [
        "Node", "- recompute", "- compute", "- abort",
    ]  # fmt: skip
    assert int(ask("inc-engine/show-stats", "flow_output", "compute")) > 0
    assert ask("inc-engine/show-stats", "nope") == ""
    assert ask("inc-engine/show-stats", "flow_output", "nope") == "Invalid stat type : nope\n"
    ask("inc-engine/clear-stats")
    assert ask("inc-engine/show-stats", "flow_output", "compute") == "0\n"
    ask("recompute")
    assert ask("inc-engine/show-stats", "flow_output", "recompute") == "1\n"
    cache = dict(line.split(":") for line in ask("lflow-cache/show-stats").replace(" ", "").splitlines())
    assert cache["Enabled"] == "true"
    assert int(cache["high-watermark"]) >= int(cache["total"]) > 0


def test_a_report_of_nb_cfg_is_delayed(ask: Asked) -> None:
    assert ask("debug/delay-nb-cfg-report", "7") == "delay nb_cfg report for 7 seconds.\n"
    begun = ask.lab.runtime.now()
    ask.lab.sync()
    assert 7 <= ask.lab.runtime.now() - begun < 8
    assert ask("debug/delay-nb-cfg-report", "0") == "no delay for nb_cfg report.\n"
    begun = ask.lab.runtime.now()
    ask.lab.sync()
    assert ask.lab.runtime.now() - begun < 1
    assert ask.refusal("debug/delay-nb-cfg-report", "soon") == "unable to parse second(s)"


def test_a_cluster_that_was_rebuilt_is_followed_anew(ask: Asked) -> None:
    before = ask.lab.installed("hv1")
    assert ask("sb-cluster-state-reset") == ""
    ask.lab.runtime.advance(5)
    assert ask("connection-status") == "connected\n"
    assert ask.lab.installed("hv1") == before
    ask.lab.sync()


FROM = f'inport == "vm1" && eth.src == {mac_text(1)}'


def test_a_packet_is_injected(ask: Asked) -> None:
    text = (
        f"{FROM} && eth.dst == {mac_text(2)} && ip4.src == {ip_text(1)} && ip4.dst == {ip_text(2)}"
        " && ip.ttl == 64 && udp.src == 1000 && udp.dst == 2000"
    )
    ((hypervisor, port, frame),) = ask.inject(text)
    assert (hypervisor, port) == ("hv2", "vm2")
    like = datagram(1, 2)
    assert frame[:14] == like[:14]
    assert frame[26:38] == like[26:38]  # addresses and ports
    assert frame.endswith(bytes(range(64)))


def test_an_arp_question_is_injected(ask: Asked) -> None:
    text = (
        f"{FROM} && eth.dst == ff:ff:ff:ff:ff:ff && arp.op == 1 && arp.sha == {mac_text(1)}"
        f" && arp.spa == {ip_text(1)} && arp.tpa == {ip_text(99)}"
    )
    question = arp_request(1, 99)
    assert ask.inject(text) == [("hv1", "vm3", question), ("hv2", "vm2", question)]
    assert BROADCAST == 0xFFFF_FFFF_FFFF


def test_what_port_security_forbids_is_dropped_when_injected_too(ask: Asked) -> None:
    assert ask.inject(f'inport == "vm1" && eth.src == {mac_text(9)} && eth.dst == {mac_text(2)} && ip4') == []


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ('inport == "nope" && ip4', "ingress port not found on hypervisor."),
        ("ip4", "ingress port not found on hypervisor."),
        ('inport == "vm1" && eth.src ==', "expecting a constant (character 30, at the end)"),
        ('inport == "vm1" && udp.dst == {1, 2}', "the expression does not describe one packet"),
    ],
)
def test_what_cannot_be_injected_says_why(ask: Asked, text: str, refusal: str) -> None:
    assert refusal in ask.refusal("inject-pkt", text)


def test_nothing_is_injected_without_a_switch(ask: Asked) -> None:
    ask.lab.deployment.kill("hv1", "ovs-vswitchd")
    ask.lab.runtime.advance(1)
    assert ask.refusal("inject-pkt", f"{FROM} && ip4") == "not connected to the switch"

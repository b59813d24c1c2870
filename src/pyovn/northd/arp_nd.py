"""The ARP and neighbour discovery responder: the switch answers for addresses that it knows.

ovn-northd(8), Logical Switch Datapaths, ingress table 19.  A request for an address of a port is answered
where it is asked, with the port's MAC, and floods nothing.  The owner's own request goes on: it looks for a
duplicate, and an answer would tell it that it has found one.

No answer for a port of which not all addresses are known (``unknown``), that is ``virtual`` (whoever holds
it now answers) or ``external``; none on a switch that is transparent to tags, where one address may be in
use in several VLANs.  With NB_Global ``options:ignore_lsp_down=false`` a port that is down is not answered
for, except router ports and localports, which are everywhere.

Not here: ``arp_proxy``, forwarding groups, health checks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyovn.northd.addresses import is_unknown, solicited_node
from pyovn.northd.admission import ALL_SWITCHES
from pyovn.northd.model import Item, LogicalFlow, Model, logical_flow, quoted
from pyovn.ovn.ports import EXTERNAL, LOCALNET, LOCALPORT, ROUTER, VIRTUAL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyovn.schemas import northbound as nb
    from pyovn.sync.wants import Ref


def declare(model: Model) -> None:
    """Flows of each port with addresses."""
    stage = model.profile.switch_in["arp_rsp"]

    def flows(switch_class: str, where: Ref) -> Iterator[tuple[LogicalFlow, str]]:
        if switch_class == ALL_SWITCHES:
            yield logical_flow(where, stage, 0, "1", "next;"), "not a request that the switch answers"

    def is_answered_for(port: nb.LogicalSwitchPort) -> bool:
        if port.type in {VIRTUAL, EXTERNAL} or any(map(is_unknown, port.addresses)):
            return False
        if port.type in {ROUTER, LOCALPORT} or model.ignores_down():
            return True
        return port.up is not False

    def responder(port: nb.LogicalSwitchPort) -> Iterator[tuple[Item, str]]:
        switch, datapath = model.switch_of_port.one(port.uuid), model.datapath_of(port)
        if switch is None or datapath is None:
            return
        own = f"inport == {quoted(port.name)}"
        if port.type == LOCALNET:
            yield (
                logical_flow(datapath, stage, 100, own, "next;", port=port.name),
                "every chassis hears what comes from the physical network, and all would answer",
            )
        if switch.other_config.get("vlan-passthru") == "true" or not is_answered_for(port):
            return
        advertise = "nd_na_router" if port.type == ROUTER else "nd_na"
        for mac, ipv4, ipv6 in model.addresses_of(port):
            answers = [(f"arp.tpa == {ip} && arp.op == 1", _arp_reply(mac, ip)) for ip in ipv4]
            answers += [(_solicitation(ip), _advertisement(advertise, mac, ip)) for ip in ipv6]
            for match, actions in answers:
                yield logical_flow(datapath, stage, 50, match, actions), "an address of the port"
                yield (
                    logical_flow(datapath, stage, 100, f"{match} && {own}", "next;", port=port.name),
                    "its owner looks for a duplicate",
                )

    model.want_class_flows("arp_nd", flows)
    model.want_sb("arp_nd_ports", model.ports, responder)


def _arp_reply(mac: str, ip: str) -> str:
    return (
        f"eth.dst = eth.src; eth.src = {mac}; arp.op = 2; /* ARP reply */ arp.tha = arp.sha; "
        f"arp.sha = {mac}; arp.tpa = arp.spa; arp.spa = {ip}; outport = inport; flags.loopback = 1; output;"
    )


def _solicitation(ip: str) -> str:
    return f"nd_ns && ip6.dst == {{{ip}, {solicited_node(ip)}}} && nd.target == {ip}"


def _advertisement(action: str, mac: str, ip: str) -> str:
    return (
        f"{action} {{ eth.src = {mac}; ip6.src = {ip}; nd.target = {ip}; nd.tll = {mac}; "
        "outport = inport; flags.loopback = 1; output; };"
    )

"""Virtual ports: an address that whichever of several ports holds now.

ovn-nb(5), Logical_Switch_Port.type ``virtual``; ovn-northd(8), ingress table 19.  A parent that announces the
virtual IP, by gratuitous ARP, ARP reply or neighbour advertisement, is noted by its chassis as the one that
holds it (``bind_vport`` writes Port_Binding.virtual_parent).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyovn.northd.addresses import canonical_ip, solicited_node
from pyovn.northd.model import Item, Model, logical_flow, quoted
from pyovn.ovn.ports import VIRTUAL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyovn.schemas import northbound as nb


def declare(model: Model) -> None:
    """A flow for each parent of a virtual port."""
    stage = model.profile.switch_in["arp_rsp"]

    def parents(port: nb.LogicalSwitchPort) -> Iterator[tuple[Item, str]]:
        if port.type != VIRTUAL:
            return
        switch, datapath = model.switch_of_port.one(port.uuid), model.datapath_of(port)
        ip = port.options.get("virtual-ip", "")
        if switch is None or datapath is None or canonical_ip(ip) is None:
            return
        for name in port.options.get("virtual-parents", "").split(","):
            parent = model.port_by_name.one(name)
            home = None if parent is None else model.switch_of_port.one(parent.uuid)
            if home is None or home.uuid != switch.uuid:
                continue
            match = f"inport == {quoted(name)} && {_announcement(ip)}"
            actions = f"bind_vport({quoted(port.name)}, inport); next;"
            yield (
                logical_flow(datapath, stage, 100, match, actions, port=name),
                "who announces the virtual address holds it",
            )

    model.want_sb("virtual_parents", model.special_ports, parents)


def _announcement(ip: str) -> str:
    if ":" in ip:
        return (
            f"((nd_ns && ip6.dst == {{{ip}, {solicited_node(ip)}}} && nd.target == {ip}) ||"
            f"(nd_na && nd.target == {ip}))"
        )
    return f"((arp.op == 1 && arp.spa == {ip} && arp.tpa == {ip}) || (arp.op == 2 && arp.spa == {ip}))"

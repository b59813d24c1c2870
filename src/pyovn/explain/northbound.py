"""The northbound rows that a packet has to do with, and what in them has no effect.

The rows are the beginning of the story: the switch, the sender's port, the ports that own the destination.
The warnings are what a reader of those rows would be wrong to expect: features that are not served, a
northbound that the southbound has not caught up with, a port that is claimed twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyovn.explain import bindings
from pyovn.explain.model import Layer, RowRef, Step
from pyovn.explain.reasons import lsp, northd_trouble
from pyovn.explain.text import address4, mac_text
from pyovn.northd.addresses import addresses_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyovn.explain.evidence import Evidence
    from pyovn.explain.microflow import Microflow
    from pyovn.explain.network import Datapath
    from pyovn.schemas import northbound as nb

_FEATURES = (
    ("acls", "ACLs", ("ls_in_acl", "ls_out_acl")),
    ("load_balancer", "load balancers", ("ls_in_lb",)),
    ("load_balancer_group", "load balancers", ("ls_in_lb",)),
    ("qos_rules", "QoS rules", ("ls_in_qos_mark", "ls_out_qos_mark", "ls_in_qos_meter")),
    ("dns_records", "DNS records", ("ls_in_dns_lookup",)),
)
"""Column of a switch, its name, and the stages that have flows when it is served."""

DHCP_PORTS = frozenset((67, 547))


def steps(evidence: Evidence, where: Datapath, inport: str, flow: Microflow) -> Iterator[Step]:
    """The switch and the ports concerned."""
    sender = evidence.port(inport)
    switch = None if sender is None else evidence.switch_of(sender)
    if switch is not None:
        ref = RowRef("NB", "Logical_Switch", switch.name, str(switch.uuid))
        yield _row(evidence, ref, f"{len(switch.ports)} ports", where, "the switch")
    if sender is not None:
        yield _port(evidence, sender, where, "where it comes from")
    for receiver in _receivers(evidence, switch, flow):
        if sender is None or receiver.uuid != sender.uuid:
            yield _port(evidence, receiver, where, "the owner of the destination")


def _row(evidence: Evidence, ref: RowRef, detail: str, where: Datapath, why: str) -> Step:
    del evidence
    return Step(Layer.NORTHBOUND, where.shown, "northbound", str(ref), (detail,), why, (ref,))


def _port(evidence: Evidence, port: nb.LogicalSwitchPort, where: Datapath, why: str) -> Step:
    words = []
    if port.type:
        words.append(f"type {port.type}")
    if port.parent_name:
        words.append(f"container of {port.parent_name}, tag {port.tag or 'missing'}")
    words.append(f"addresses {_quoted(port.addresses)}")
    if port.port_security:
        words.append(f"port_security {_quoted(port.port_security)}")
    if port.enabled is False:
        words.append("disabled")
    place = evidence.chassis_of(port.name)
    if not port.type:
        words.append(f"on {place}" if place else "not bound")
        words.append("up" if port.up else "down")
    return _row(evidence, lsp(port.name, str(port.uuid)), ", ".join(words), where, why)


def _quoted(values: frozenset[str]) -> str:
    return "[" + ", ".join(sorted(values)) + "]"


def _receivers(
    evidence: Evidence, switch: nb.LogicalSwitch | None, flow: Microflow
) -> Iterator[nb.LogicalSwitchPort]:
    if switch is None:
        return
    mac, asked = mac_text(flow.get("eth_dst", 0)), address4(flow.get("arp_tpa", 0))
    is_request = flow.get("eth_type") == 0x806 and flow.get("arp_op") == 1
    for port in sorted(evidence.ports_of(switch), key=lambda port: port.name):
        for text in port.addresses:
            found = addresses_of(text)
            if found is not None and (found.mac == mac or (is_request and asked in found.ipv4)):
                yield port
                break


def warnings(
    evidence: Evidence, where: Datapath, inport: str, flow: Microflow, unserved: list[str]
) -> Iterator[str]:
    """What is not as the rows let expect."""
    trouble, _change = northd_trouble(evidence)
    if trouble:
        yield f"{trouble}: changes of the northbound have no effect meanwhile"
    sender = evidence.port(inport)
    switch = None if sender is None else evidence.switch_of(sender)
    if switch is not None:
        yield from _not_served(evidence, where, switch)
    asks = sender is not None and flow.get("udp_dst") in DHCP_PORTS
    if asks and has_dhcp(sender) and not evidence.stage_is_used(where, "ls_in_dhcp_options"):
        yield f"{inport} has DHCP options; DHCP is not served yet, and no answer will come"
    twice = bindings.claims(evidence, inport)
    if twice:
        yield twice
    yield from unserved


def has_dhcp(port: nb.LogicalSwitchPort | None) -> bool:
    """Whether a port is to be given an address."""
    return port is not None and (port.dhcpv4_options is not None or port.dhcpv6_options is not None)


def _not_served(evidence: Evidence, where: Datapath, switch: nb.LogicalSwitch) -> Iterator[str]:
    told = set()
    for column, what, stages in _FEATURES:
        if getattr(switch, column) and what not in told:
            told.add(what)
            if not any(evidence.stage_is_used(where, stage) for stage in stages):
                yield f"switch {switch.name} has {what}, which are not served yet: they have no effect"

"""Why the logical network drops a packet, in the words of who knows OVN, and which row to change.

Table-driven by stage (``STAGES``): each function looks at the packet as it was in the flow that dropped it,
and at the northbound rows behind that flow.  What ovn-northd(8) says of a stage is what is said here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pyovn.explain.logical import BEYOND, RETURNED
from pyovn.explain.model import Fate, RowRef, Verdict
from pyovn.explain.port_security import ARP, IPV4, IPV6, parse_entries
from pyovn.explain.text import address4, address6, both, listed, mac_text
from pyovn.ovn.ports import ROUTER

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.explain.evidence import Evidence
    from pyovn.explain.logical import Leaf
    from pyovn.explain.microflow import Microflow
    from pyovn.explain.port_security import Entry
    from pyovn.schemas import northbound as nb

VLAN_PRESENT: Final = 1 << 12
BEHIND: Final = "the southbound does not have that yet"


@dataclass(frozen=True, slots=True)
class Cause:
    """Why, the rows that say so, and what to do."""

    reason: str
    rows: tuple[RowRef, ...] = ()
    change: tuple[str, ...] = ()


def lsp(name: str, uuid: str = "") -> RowRef:
    """A logical switch port."""
    return RowRef("NB", "Logical_Switch_Port", name, uuid)


def switch_ref(name: str) -> RowRef:
    """A logical switch."""
    return RowRef("NB", "Logical_Switch", name)


def dropped(evidence: Evidence, leaf: Leaf) -> Cause:
    """Why the flow of a leaf drops the packet."""
    flow = leaf.event.flow
    return STAGES.get(flow.stage if flow is not None else "", _other)(evidence, leaf)


def verdict(evidence: Evidence, leaf: Leaf) -> Verdict:
    """What to say of a copy that the logical network does not deliver."""
    place = leaf.event.datapath.shown
    if leaf.kind == RETURNED:
        cause = _returned(evidence, leaf)
        return Verdict(Fate.DROPPED, leaf.port, place, "", cause.reason, cause.rows, cause.change)
    if leaf.kind == BEYOND:
        cause = _beyond(evidence, leaf)
        fate = Fate.UNKNOWN if evidence.serves_routers() else Fate.DROPPED
        return Verdict(fate, leaf.port, place, "", cause.reason, cause.rows, cause.change)
    cause = dropped(evidence, leaf)
    return Verdict(Fate.DROPPED, leaf.port, place, "", cause.reason, cause.rows, cause.change)


def inport(leaf: Leaf) -> str:
    """Where the packet came from."""
    return leaf.event.datapath.name_of(leaf.event.packet.get("reg14", 0))


# -- ingress -----------------------------------------------------------------------------------


def _check_in(evidence: Evidence, leaf: Leaf) -> Cause:
    port, packet, flow = inport(leaf), leaf.event.packet, leaf.event.flow
    place = leaf.event.datapath.shown
    if flow is not None and "vlan" in flow.match:
        return _tagged(evidence, port, packet.get("vlan_tci", 0) & 0xFFF, place)
    if flow is not None and "eth.src[40]" in flow.match:
        source = mac_text(packet.get("eth_src", 0))
        return Cause(
            f"{source} is a multicast address, and no station sends from one",
            (lsp(port),),
            ("the sender has to use an address of its own, whose first octet is even",),
        )
    return _other(evidence, leaf)


def _tagged(evidence: Evidence, port: str, tag: int, place: str) -> Cause:
    children = [
        (row.logical_port, row.tag)
        for row in evidence.bindings()
        if row.parent_port == port and row.tag is not None
    ]
    said = f"the frame has a VLAN tag ({tag}), which {port} may not send"
    if children:
        known = listed(f"{name} has {number}" for name, number in sorted(children))
        return Cause(
            f"VLAN {tag} of {port} is no container's: {known}",
            (lsp(port), *(lsp(name) for name, _tag in sorted(children))),
            (f"ovn-nbctl set Logical_Switch_Port CONTAINER tag={tag}",),
        )
    return Cause(
        f"{said}: {place} drops tagged frames, and {port} is the parent of no container",
        (lsp(port), switch_ref(place)),
        (
            f"ovn-nbctl lsp-add SWITCH CONTAINER {port} {tag}   for a container behind {port}",
            f"ovn-nbctl set Logical_Switch {place} other_config:vlan-passthru=true   to let all tags pass",
        ),
    )


def _apply_in(evidence: Evidence, leaf: Leaf) -> Cause:
    port, packet = inport(leaf), leaf.event.packet
    row = evidence.port(port)
    if row is not None and row.enabled is False:
        return disabled(port)
    security = leaf.event.datapath.ports[port].security if port in leaf.event.datapath.ports else ()
    entries = parse_entries(security)
    if not entries:
        return behind(evidence, f"{port} is no longer disabled, and {BEHIND}", lsp(port))
    return _impostor(port, security, entries, packet)


def disabled(port: str) -> Cause:
    """A port that is switched off."""
    return Cause(f"{port} is disabled", (lsp(port),), (f"ovn-nbctl lsp-set-enabled {port} enabled",))


def _impostor(port: str, security: tuple[str, ...], entries: list[Entry], packet: Microflow) -> Cause:
    source = mac_text(packet.get("eth_src", 0))
    own = [entry for entry in entries if entry.mac == packet.get("eth_src", 0)]
    if not own:
        known = listed(mac_text(entry.mac) for entry in entries)
        return _security(
            port, security, source, f"{port} may not send as {source}: its port_security lists only {known}"
        )
    allowed = _allowed(own)
    kind = packet.get("eth_type", 0)
    if kind == ARP:
        sha = mac_text(packet.get("arp_sha", 0))
        if sha != source:
            reason = f"{port} may not claim in ARP to be {sha}: its port_security lists only {source}"
            return _security(port, security, sha, reason)
        spa = address4(packet.get("arp_spa", 0))
        reason = f"{port} may not claim {spa} in ARP: its port_security allows {source} with {allowed}"
        return _security(port, security, f"{source} {spa}", reason)
    if kind == IPV6 and packet.get("icmpv6_type", 0) in {135, 136} and packet.get("nw_proto", 0) == 58:
        return _neighbour(port, security, packet, source, allowed)
    if kind not in {IPV4, IPV6}:
        return Cause(
            f"{port} may send only ARP and IP, from {allowed}, since its port_security has IP addresses; "
            f"this frame has type {kind:#06x}",
            (lsp(port),),
            (f"ovn-nbctl lsp-set-port-security {port} {source}",),
        )
    address = address4(packet.get("ip_src", 0)) if kind == IPV4 else address6(packet.get("ipv6_src", 0))
    return _security(
        port,
        security,
        f"{source} {address}",
        f"{port} may not send from {address}: its port_security allows {source} with {allowed}",
    )


def _allowed(entries: list[Entry]) -> str:
    """The IP addresses of entries, single ones without their prefix length."""
    shown = [str(a.ip if a.network.prefixlen == 32 else a) for entry in entries for a in entry.ipv4]
    shown += [str(a.ip if a.network.prefixlen == 128 else a) for entry in entries for a in entry.ipv6]
    return listed(shown) or "no IP address"


def _neighbour(port: str, security: tuple[str, ...], packet: Microflow, source: str, allowed: str) -> Cause:
    field = "nd_sll" if packet.get("icmpv6_type") == 135 else "nd_tll"
    claimed = mac_text(packet.get(field, 0))
    if packet.get(field, 0) not in {0, packet.get("eth_src", 0)}:
        lists = f"its port_security lists only {source}"
        reason = f"{port} may not claim in neighbour discovery to be {claimed}: {lists}"
        return _security(port, security, claimed, reason)
    address = address6(packet.get("ipv6_src", 0))
    if field == "nd_tll":
        address = address6(packet.get("nd_target", 0))
    return _security(
        port,
        security,
        f"{source} {address}",
        f"{port} may not claim {address} in neighbour discovery: "
        f"its port_security allows {source} with {allowed}",
    )


def _security(port: str, security: tuple[str, ...], more: str, reason: str) -> Cause:
    entries = " ".join(f'"{entry}"' if " " in entry else entry for entry in security)
    added = f'"{more}"' if " " in more else more
    return Cause(
        reason, (lsp(port),), (f"ovn-nbctl lsp-set-port-security {port} {entries} {added}".rstrip(),)
    )


def _look_up(evidence: Evidence, leaf: Leaf) -> Cause:
    """A drop where the destination was known: of a port that is disabled, or of northd itself."""
    target = mac_text(leaf.event.packet.get("eth_dst", 0))
    port = _owner(evidence, leaf, target)
    if port is not None and port.enabled is False:
        return disabled(port.name)
    return _other(evidence, leaf)


def _unknown(evidence: Evidence, leaf: Leaf) -> Cause:
    flow, place = leaf.event.flow, leaf.event.datapath.shown
    if flow is not None and '"none"' not in flow.match:
        name = leaf.event.datapath.name_of(leaf.event.packet.get("reg15", 0))
        return disabled(name)
    target = mac_text(leaf.event.packet.get("eth_dst", 0))
    own = _owner(evidence, leaf, target)
    if own is not None:
        return behind(evidence, f"{target} is an address of {own.name}, and {BEHIND}", lsp(own.name))
    reason = f"no port of {place} has address {target} and no port takes unknown addresses"
    elsewhere = _elsewhere(evidence, target)
    if elsewhere is not None:
        port, where = elsewhere
        reason += f"; {port} has it, which is on {where}, and a frame does not cross from switch to switch"
        return Cause(
            reason,
            (lsp(port), switch_ref(where)),
            (f"connect {place} and {where} to a router, and send to the router's Ethernet address",),
        )
    return Cause(
        reason,
        (switch_ref(place),),
        (
            f"ovn-nbctl lsp-set-addresses PORT {target}   for the port that has the address",
            "ovn-nbctl lsp-set-addresses PORT unknown   for one that is to get what nobody else has",
        ),
    )


def _owner(evidence: Evidence, leaf: Leaf, mac: str) -> nb.LogicalSwitchPort | None:
    """The port of the same switch that has an address in the northbound."""
    source = evidence.port(inport(leaf))
    switch = None if source is None else evidence.switch_of(source)
    return None if switch is None else next(
        (p for p in evidence.ports_of(switch) if mac in _macs(p)), None
    )  # fmt: skip


def _elsewhere(evidence: Evidence, mac: str) -> tuple[str, str] | None:
    for switch in evidence.switches():
        for port in evidence.ports_of(switch):
            if mac in _macs(port):
                return port.name, switch.name
    return None


def _macs(port: nb.LogicalSwitchPort) -> set[str]:
    return {text.split()[0].lower() for text in port.addresses if ":" in text}


# -- egress ------------------------------------------------------------------------------------


def _apply_out(evidence: Evidence, leaf: Leaf) -> Cause:
    port, packet = leaf.port, leaf.event.packet
    row = evidence.port(port)
    if row is not None and row.enabled is False:
        return disabled(port)
    known = leaf.event.datapath.ports.get(port)
    security = () if known is None else known.security
    entries = parse_entries(security)
    target = mac_text(packet.get("eth_dst", 0))
    own = [entry for entry in entries if entry.mac == packet.get("eth_dst", 0)]
    if not own:
        listing = listed(mac_text(entry.mac) for entry in entries)
        reason = f"{port} may not receive for {target}: its port_security lists only {listing}"
        return _security(port, security, target, reason)
    allowed = _allowed(own)
    ipv6 = packet.get("eth_type", 0) == IPV6
    address = address6(packet.get("ipv6_dst", 0)) if ipv6 else address4(packet.get("ip_dst", 0))
    return _security(
        port,
        security,
        f"{target} {address}",
        f"{port} may not receive for {address}: its port_security allows {target} with {allowed}",
    )


def _acl(evidence: Evidence, leaf: Leaf) -> Cause:
    flow = leaf.event.flow
    assert flow is not None
    row = evidence.acl(flow.hint)
    if row is None:
        return _other(evidence, leaf)
    ref = RowRef("NB", "ACL", row.name or f"{row.direction} {row.priority} {row.match}", str(row.uuid))
    owner = evidence.owner_of_acl(row)
    return Cause(
        f"an ACL of {owner} says {row.action}: {row.direction}, priority {row.priority}, {row.match}",
        (ref,),
        (f"ovn-nbctl acl-del {owner} {row.direction} {row.priority} '{row.match}'",),
    )


# -- whatever else -----------------------------------------------------------------------------


def _returned(evidence: Evidence, leaf: Leaf) -> Cause:
    del evidence
    place = leaf.event.datapath.shown
    if leaf.event.packet.get("eth_dst", 0) >> 40 & 1:
        return Cause(f"nobody else is on {place}", (switch_ref(place),))
    return Cause(
        f"it came from {leaf.port}, and a switch sends nothing back where it came from", (lsp(leaf.port),)
    )


def _beyond(evidence: Evidence, leaf: Leaf) -> Cause:
    port = evidence.port(leaf.port)
    peer = "" if port is None else port.options.get("router-port", "")
    router = evidence.router_of(peer) if peer else None
    name = "a router" if router is None else f"router {router}"
    served = evidence.serves_routers()
    what = "explain does not follow it there" if served else "routers are not served yet, and it ends there"
    refs = (lsp(leaf.port), *((RowRef("NB", "Logical_Router", router),) if router else ()))
    return Cause(f"{leaf.port} (type {ROUTER}) leads into {name}; {what}", refs)


def _other(evidence: Evidence, leaf: Leaf) -> Cause:
    flow = leaf.event.flow
    where = f"table {leaf.event.table} of {leaf.event.datapath.shown}'s {leaf.event.pipeline} pipeline"
    if flow is None:
        if not any(leaf.event.datapath.flows.values()):
            place = leaf.event.datapath.shown
            return behind(evidence, f"{place} has no logical flows", switch_ref(place))
        return Cause(f"no flow in {where} matches")
    return Cause(f"{flow.stage} says so: {flow.match}, priority {flow.priority}")


def behind(evidence: Evidence, reason: str, ref: RowRef) -> Cause:
    """The northbound says otherwise than the southbound."""
    trouble, change = northd_trouble(evidence)
    return Cause(both(reason, trouble), (ref,), change)


def northd_trouble(evidence: Evidence) -> tuple[str, tuple[str, ...]]:
    """Why the southbound may be behind the northbound."""
    wanted, written, _reached = evidence.progress()
    if evidence.northd == "paused":
        return "ovn-northd is paused", ("ovn-appctl -t ovn-northd resume",)
    if evidence.northd == "not running":
        return "ovn-northd is not running", ("start ovn-northd",)
    if evidence.northd == "standby":
        return "this ovn-northd is on standby", ("look at the ovn-northd that holds the lock",)
    if written < wanted:
        return (
            f"ovn-northd is behind: the northbound asks for nb_cfg {wanted}, the southbound has {written}",
            ("look at ovn-northd and its log",),
        )
    return "", ("ovn-nbctl --wait=sb sync",)


STAGES: Final[dict[str, Callable[[Evidence, Leaf], Cause]]] = {
    "ls_in_check_port_sec": _check_in,
    "ls_in_apply_port_sec": _apply_in,
    "ls_in_l2_lkup": _look_up,
    "ls_in_l2_unknown": _unknown,
    "ls_in_acl": _acl,
    "ls_in_acl_after_lb": _acl,
    "ls_out_acl": _acl,
    "ls_out_apply_port_sec": _apply_out,
}
"""By external_ids:stage-name."""

"""Why a port is not where one would expect it: not bound, claimed twice, its hypervisor out of step.

ovn-architecture(7), "Life Cycle of a VIF": a port is bound where an interface of the integration bridge
names it in ``external_ids:iface-id`` and ovn-controller has claimed it.  Each way in which that can fail has
its sentence here and its remedy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyovn.explain.model import RowRef
from pyovn.explain.reasons import Cause, behind, lsp, northd_trouble
from pyovn.explain.text import both, listed
from pyovn.ovn.ports import LOCALNET, LOCALPORT, VIF, VIRTUAL

if TYPE_CHECKING:
    from pyovn.explain.evidence import Evidence, Hypervisor
    from pyovn.schemas import southbound as sb


def unbound(evidence: Evidence, port: str) -> Cause | None:
    """Why a port has no hypervisor; None when it has one, or needs none."""
    binding, row = evidence.binding(port), evidence.port(port)
    if binding is None:
        if row is None:
            return Cause(f'there is no logical port "{port}"')
        return behind(evidence, f"{port} has no row in the southbound", lsp(port))
    if binding.parent_port and binding.tag is None and evidence.binding(binding.parent_port) is not None:
        return _container(evidence, port, binding)
    if binding.type in {LOCALNET, LOCALPORT} or binding.chassis is not None:
        return None
    if binding.type == VIRTUAL:
        return Cause(
            f"{port} is virtual, and none of its parents has announced its address yet", (lsp(port),)
        )
    if binding.type != VIF:
        return Cause(f"{port} has type {binding.type}, which is not served yet", (lsp(port),))
    if binding.parent_port:
        return _container(evidence, port, binding)
    return _vif(evidence, port, binding)


def _container(evidence: Evidence, port: str, binding: sb.PortBinding) -> Cause:
    parent = binding.parent_port or ""
    if evidence.binding(parent) is None:
        return Cause(
            f"{port} is a container in {parent}, and there is no port {parent}",
            (lsp(port),),
            (f"ovn-nbctl set Logical_Switch_Port {port} parent_name=PORT",),
        )
    if binding.tag is None:
        return Cause(
            f"{port} is a container in {parent} and has no tag, so its frames cannot be told from others",
            (lsp(port),),
            (f"ovn-nbctl set Logical_Switch_Port {port} tag_request=0   to have one chosen",),
        )
    above = unbound(evidence, parent)
    if above is not None:
        return Cause(
            f"{port} is a container in {parent}, and {above.reason}", (lsp(port), *above.rows), above.change
        )
    return _unclaimed(evidence, port, evidence.chassis_of(parent) or "", "its VM")


def _vif(evidence: Evidence, port: str, binding: sb.PortBinding) -> Cause:
    holders = [h for h in evidence.hypervisors.values() if h.interface_for(port) is not None]
    row = evidence.port(port)
    requested = "" if row is None else row.options.get("requested-chassis", "")
    if requested and requested not in {h.name for h in holders}:
        where = f", but the interface with iface-id {port} is on {holders[0].name}" if holders else ""
        known = {c.name for c in evidence.chassis()} | {c.hostname for c in evidence.chassis()}
        gone = "" if requested in known else ", which is no chassis"
        return Cause(
            f"{port} is not bound: options:requested-chassis wants it on {requested}{gone}{where}",
            (lsp(port),),
            (f"ovn-nbctl lsp-set-options {port} requested-chassis=CHASSIS",),
        )
    del binding
    if holders:
        return _unclaimed(evidence, port, holders[0].name, "an interface")
    return _no_interface(evidence, port)


def _no_interface(evidence: Evidence, port: str) -> Cause:
    unreached = [h.name for h in evidence.hypervisors.values() if h.vswitch is None]
    reason = f"{port} is not bound: no hypervisor has an interface with iface-id {port}"
    strangers = list(_strangers(evidence))
    interfaces = [f"{name} of {host} says {said}" for host, name, said in strangers]
    if interfaces:
        reason += f"; {listed(interfaces)}, which is no logical port"
        host, name, _said = strangers[0]
    else:
        host, name = "HYPERVISOR", "INTERFACE"
    if unreached:
        reason += f" (of {listed(unreached)} only the southbound is known)"
    command = f"ovs-vsctl set Interface {name} external_ids:iface-id={port}   on {host}"
    return Cause(reason, (lsp(port), RowRef("SB", "Port_Binding", port)), (command,))


def _strangers(evidence: Evidence) -> list[tuple[str, str, str]]:
    """Interfaces that name a port that is not there."""
    known = {binding.logical_port for binding in evidence.bindings()}
    return [
        (hypervisor.name, interface.name, said)
        for hypervisor in evidence.hypervisors.values()
        for interface in hypervisor.interfaces()
        if (said := interface.external_ids.get("iface-id", "")) and said not in known
    ]


def _unclaimed(evidence: Evidence, port: str, place: str, what: str) -> Cause:
    """An interface is there and its controller has not claimed the port."""
    hypervisor = evidence.hypervisors.get(place)
    row = RowRef("SB", "Port_Binding", port)
    if hypervisor is None:
        return Cause(f"{port} is not bound yet", (row,))
    interface = hypervisor.interface_for(port)
    if interface is not None and (interface.ofport or -1) <= 0:
        error = f" ({interface.error})" if interface.error else ""
        return Cause(
            f"{port} is not bound: {interface.name} on {place} has no OpenFlow port{error}",
            (row,),
            (f"look at interface {interface.name} with ovs-vsctl on {place}",),
        )
    on_bridge = {row.uuid for row in hypervisor.interfaces_of(hypervisor.bridge).values()}
    if interface is not None and interface.uuid not in on_bridge:
        return Cause(
            f"{port} is not bound: {interface.name} on {place} is not on {hypervisor.bridge}",
            (row,),
            (f"ovs-vsctl add-port {hypervisor.bridge} {interface.name}   on {place}",),
        )
    trouble, change = controller_trouble(evidence, hypervisor)
    return Cause(both(f"{port} is not bound: {what} on {place} has it, unclaimed", trouble), (row,), change)


def controller_trouble(evidence: Evidence, hypervisor: Hypervisor) -> tuple[str, tuple[str, ...]]:
    """What is wrong with a hypervisor's ovn-controller, and what to do; empty when nothing is seen."""
    name = hypervisor.name
    if hypervisor.controller == "not running":
        return f"ovn-controller of {name} is not running", (f"start ovn-controller on {name}",)
    if hypervisor.controller == "paused":
        return f"ovn-controller of {name} is paused", (
            f"ovn-appctl -t ovn-controller debug/resume   on {name}",
        )
    if hypervisor.controller == "not connected":
        remote = hypervisor.settings.get("ovn-remote", "")
        what = (
            f"the southbound at {remote}" if remote else "any southbound: external_ids:ovn-remote is not set"
        )
        return f"ovn-controller of {name} is not connected to {what}", (
            f"ovs-vsctl set Open_vSwitch . external_ids:ovn-remote=REMOTE   on {name}",
        )
    if name not in {row.name for row in evidence.chassis()}:
        return f"{name} is no chassis: the southbound has no row Chassis {name}", (
            f"look at system-id, ovn-encap-type and ovn-encap-ip on {name}",
        )
    _wanted, written, reached = evidence.progress()
    if reached.get(name, written) < written:
        return (
            f"ovn-controller of {name} lags: it has reached nb_cfg {reached[name]} of {written}",
            (f"look at ovn-controller and its log on {name}",),
        )
    return "", ()


def rivals(evidence: Evidence, port: str) -> list[tuple[str, str]]:
    """(interface, hypervisor) of each other than the holder's that names a port."""
    holder = evidence.chassis_of(port)
    return [
        (interface.name, hypervisor.name)
        for hypervisor in evidence.hypervisors.values()
        if hypervisor.name != holder and (interface := hypervisor.interface_for(port)) is not None
    ]


def claims(evidence: Evidence, port: str) -> str:
    """Who else has an interface for a port; empty when nobody has, or everybody may."""
    holder = evidence.chassis_of(port)
    others = [f"{interface} on {place}" for interface, place in rivals(evidence, port)]
    if holder is None or not others:
        return ""
    return f"{port} is claimed twice: {holder} has it, and {listed(others)} names it, too"


def tunnel_missing(evidence: Evidence, source: str, target: str) -> Cause:
    """Why a hypervisor has no tunnel to another."""
    ours, theirs = evidence.encaps(source), evidence.encaps(target)
    rows = (RowRef("SB", "Chassis", target),)
    start = f"the tunnel from {source} to {target} is missing"
    if target not in {row.name for row in evidence.chassis()}:
        return Cause(
            f"{start}: {target} is no chassis any more", rows, (f"start ovn-controller on {target}",)
        )
    mine, other = {e.type for e in ours}, {e.type for e in theirs}
    if not mine & other:
        have = listed(sorted(mine)) or "nothing"
        want = listed(sorted(other)) or "nothing"
        return Cause(
            f"{start}: {target} offers {want}, {source} offers {have}, and they have none in common",
            (*rows, RowRef("SB", "Chassis", source)),
            (_set_encap(f"type={have.replace(' and ', ',')}", target),),
        )
    shared = {e.ip for e in ours} & {e.ip for e in theirs}
    if shared:
        return Cause(
            f"{start}: both say that their tunnel endpoint is {listed(sorted(shared))}",
            rows,
            (_set_encap("ip=ADDRESS", target),),
        )
    hypervisor = evidence.hypervisors.get(source)
    trouble, change = ("", ()) if hypervisor is None else controller_trouble(evidence, hypervisor)
    return Cause(both(start, trouble), rows, change)


def _set_encap(what: str, place: str) -> str:
    return f"ovs-vsctl set Open_vSwitch . external_ids:ovn-encap-{what}   on {place}"


def out_of_step(evidence: Evidence, hypervisor: Hypervisor) -> Cause:
    """A hypervisor does otherwise than the southbound says, for no other reason that is seen."""
    name = hypervisor.name
    trouble, change = controller_trouble(evidence, hypervisor)
    if not trouble:
        trouble, change = northd_trouble(evidence)
        if not trouble:
            change = (f"ovn-appctl -t ovn-controller recompute   on {name}",)
    return Cause(
        both(f"the flows of {name} are not what the southbound asks for", trouble),
        (RowRef("SB", "Chassis_Private", name),),
        change,
    )

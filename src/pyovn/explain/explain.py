"""From evidence and a question to an ``Explanation``.

The logical network first, then the hypervisors from the sender's interface on, then the comparison of both.
A question that makes no sense raises ``EvidenceError``; everything else is explained, what is missing too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.explain import bindings, northbound
from pyovn.explain.constraints import MicroflowError, parse_microflow
from pyovn.explain.evidence import EvidenceError
from pyovn.explain.logical import Walk
from pyovn.explain.microflow import format_microflow
from pyovn.explain.model import Explanation, Fate, RowRef, Verdict
from pyovn.explain.packet import key_of, with_field
from pyovn.explain.physical import Journey
from pyovn.explain.trace import find_datapath
from pyovn.explain.verdicts import Comparison
from pyovn.logical.errors import LflowError
from pyovn.logical.parse import parse_expr
from pyovn.ovn.ports import LOCALNET, LOCALPORT

if TYPE_CHECKING:
    from pyovn.explain.evidence import Evidence, Hypervisor
    from pyovn.explain.microflow import Microflow
    from pyovn.explain.network import Datapath
    from pyovn.schemas import vswitch as vs

DEFAULT_TTL: Final = 64
_VLAN_PRESENT: Final = 0x1000


def explain(
    evidence: Evidence, text: str, *, datapath: str | None = None, on: str | None = None
) -> Explanation:
    """Explain the packet of a microflow.

    ``datapath`` is needed when the microflow has no inport; ``on`` is the hypervisor on which a packet from
    a localnet or a localport starts, the first that has one if it is None.
    """
    try:
        where, flow = _parse(evidence, text, datapath)
    except _AbsentError as absence:
        return absence.explanation(evidence, text)
    sender = where.name_of(flow.get("reg14", 0))
    asked = flow
    where, flow = _container(evidence, where, flow)
    inport = where.name_of(flow.get("reg14", 0))
    found = Explanation(text, format_microflow(flow), where.shown, inport)
    if inport != sender:
        found.warnings.append(f"a frame from {sender} with that VLAN tag is from {inport}, a container in it")
    elif flow is not asked:
        found.warnings.append(f"with that VLAN tag {inport}'s frames leave the VM, and lose it there")
    found.steps += northbound.steps(evidence, where, inport, flow)
    walk = Walk(evidence)
    walk.run(where, flow)
    found.steps += walk.steps
    source = _start(evidence, found, where, inport, flow, on)
    journey = None
    if source is not None:
        hypervisor, interface = source
        journey = Journey(evidence)
        journey.start(hypervisor, interface, _key(evidence, inport, flow))
        found.steps += journey.steps
        found.hops += journey.hops
        found.warnings += [visit.trouble for visit in journey.visits if visit.trouble]
    if not any(v.fate is Fate.DROPPED for v in found.verdicts):
        place = "" if source is None else source[0].name
        comparison = Comparison(evidence, walk.leaves, journey, place)
        found.verdicts += comparison.verdicts()
        for beyond in comparison.beyond:
            found.steps += beyond.steps
            found.hops += beyond.hops
    found.sources += _sources(evidence, journey)
    found.warnings += evidence.trouble
    found.warnings += northbound.warnings(evidence, where, inport, flow, walk.unserved)
    if not found.verdicts:
        reason = (
            "nobody else is on the switch" if not walk.leaves or walk.leaves[0].port else "nothing sends it"
        )
        found.verdicts.append(Verdict(Fate.DROPPED, "", where.shown, "", reason))
    return found


def _parse(evidence: Evidence, text: str, name: str | None) -> tuple[Datapath, Microflow]:
    network = evidence.network
    try:
        expr = parse_expr(text, address_sets=network.address_sets, port_groups=network.port_groups)
    except LflowError as error:
        raise EvidenceError(f"the microflow cannot be read: {error}") from error
    datapath, complaint = find_datapath(network, name, expr)
    if datapath is None:
        raise _no_datapath(evidence, complaint.strip())
    unknown: list[str] = []

    def key_of_port(port: str) -> int | None:
        key = datapath.key_of(port)
        if key is None:
            unknown.append(port)
        return key

    try:
        flow = parse_microflow(expr, key_of_port)
    except MicroflowError as error:
        raise EvidenceError(f"the microflow names no single packet: {error}") from error
    if unknown:
        raise EvidenceError(f"{datapath.shown} has no port {unknown[0]}")
    if not flow.get("reg14"):
        raise EvidenceError("the microflow has no inport: where does the packet come from?")
    if flow.get("eth_type", 0) in {0x800, 0x86DD}:
        flow.setdefault("nw_ttl", DEFAULT_TTL)
    return datapath, flow


class _AbsentError(EvidenceError):
    """The port that it comes from is in the northbound only."""

    def __init__(self, port: str) -> None:
        super().__init__(port)
        self.port = port

    def explanation(self, evidence: Evidence, text: str) -> Explanation:
        """Nothing comes from there."""
        cause = bindings.unbound(evidence, self.port)
        row = evidence.port(self.port)
        switch = None if row is None else evidence.switch_of(row)
        place = "" if switch is None else switch.name
        found = Explanation(text, "", place, self.port)
        if cause is not None:
            reason = f"nothing comes from {self.port}: {cause.reason}"
            found.verdicts.append(Verdict(Fate.DROPPED, "", place, "", reason, cause.rows, cause.change))
        return found


def _no_datapath(evidence: Evidence, complaint: str) -> EvidenceError:
    """What ovn-trace says, in our words; a port of the northbound may be missing in the southbound."""
    quoted = complaint.split('"')
    if len(quoted) == 3 and evidence.port(quoted[1]) is not None:
        return _AbsentError(quoted[1])
    if len(quoted) == 3:
        what = "logical port" if "port" in quoted[0] else "logical switch or router"
        return EvidenceError(f'there is no {what} "{quoted[1]}"')
    return EvidenceError("the microflow has no inport, and no datapath is given")


def _sources(evidence: Evidence, journey: Journey | None) -> list[str]:
    found = [f"reasons of logical flows: {evidence.why_source}"] if evidence.why_source else []
    kinds: dict[str, list[str]] = {}
    for visit in [] if journey is None else journey.visits:
        name = visit.hypervisor.name
        if visit.hypervisor.source and name not in kinds.setdefault(visit.hypervisor.source, []):
            kinds[visit.hypervisor.source].append(name)
    return found + [
        f"OpenFlow of {', '.join(sorted(names))}: {kind}" for kind, names in sorted(kinds.items())
    ]


def _container(evidence: Evidence, where: Datapath, flow: Microflow) -> tuple[Datapath, Microflow]:
    """Whose frame it really is: with a container's tag it is the container's, and has no tag from then on."""
    sender, tci = where.name_of(flow.get("reg14", 0)), flow.get("vlan_tci", 0)
    if not tci & _VLAN_PRESENT:
        return where, flow
    for binding in evidence.bindings():
        # From the container itself the tag is its own, too: that is how its frames leave the VM.
        if sender in {binding.parent_port, binding.logical_port} and binding.tag == tci & 0xFFF:
            home = evidence.network.datapath_of_port(binding.logical_port)
            if home is not None:
                return home, {**flow, "vlan_tci": 0, "reg14": binding.tunnel_key}
    return where, flow


def _start(
    evidence: Evidence, found: Explanation, where: Datapath, inport: str, flow: Microflow, on: str | None
) -> tuple[Hypervisor, vs.Interface] | None:
    """Where the packet enters; adds a verdict when it cannot."""
    del flow
    port = where.ports.get(inport)
    kind = "" if port is None else port.type
    if on is not None and on not in evidence.hypervisors:
        raise EvidenceError(
            f"there is no hypervisor {on}; there are: {', '.join(sorted(evidence.hypervisors))}"
        )
    if kind in {LOCALNET, LOCALPORT}:
        entry = _anywhere(evidence, inport, kind, on)
        if entry is None:
            found.verdicts.append(_no_entry(inport, kind, on))
        return entry
    cause = bindings.unbound(evidence, inport)
    if cause is not None:
        found.verdicts.append(
            Verdict(
                Fate.DROPPED, "", where.shown, "", f"nothing comes from {inport}: {cause.reason}",
                cause.rows, cause.change,
            )
        )  # fmt: skip
        return None
    binding = evidence.binding(inport)
    place = evidence.reach(evidence.chassis_of(inport) or "")
    if place is None or binding is None:
        return None
    interface = place.interface_for(binding.parent_port or inport)
    if place.vswitch is not None and interface is None:
        found.verdicts.append(_vanished(evidence, inport, place))
        return None
    return None if interface is None else (place, interface)


def _no_entry(inport: str, kind: str, on: str | None) -> Verdict:
    """No hypervisor that could be asked has this localnet or localport."""
    way = "no patch port to a physical network" if kind == LOCALNET else "no interface"
    return Verdict(
        Fate.DROPPED, "", on or "", "", f"nothing comes from {inport}: {on or 'no hypervisor in reach'} has "
        f"{way if on else way.removeprefix('no ')} for it",
    )  # fmt: skip


def _vanished(evidence: Evidence, inport: str, place: Hypervisor) -> Verdict:
    """The southbound says that a port is bound where no interface has it."""
    trouble, change = bindings.controller_trouble(evidence, place)
    reason = f"nothing comes from {inport}: it is bound on {place.name}, which has no interface for it"
    return Verdict(
        Fate.DROPPED, "", place.name, "", f"{reason}: {trouble}" if trouble else reason,
        (RowRef("SB", "Port_Binding", inport),), change,
    )  # fmt: skip


def _anywhere(
    evidence: Evidence, inport: str, kind: str, on: str | None
) -> tuple[Hypervisor, vs.Interface] | None:
    """Every hypervisor may have a localport and a localnet's patch port."""
    for name in [on] if on is not None else sorted(evidence.hypervisors):
        hypervisor = evidence.reach(name)
        assert hypervisor is not None
        if kind == LOCALPORT:
            interface = hypervisor.interface_for(inport)
        else:
            wanted = f"patch-{hypervisor.bridge}-to-{inport}"
            interface = next((i for i in hypervisor.interfaces() if i.name == wanted), None)
        if interface is not None:
            return hypervisor, interface
    return None


def _key(evidence: Evidence, inport: str, flow: Microflow) -> int:
    """The frame as it comes in by the interface: a container's and a tagged localnet's have a tag."""
    key = key_of(flow)
    binding = evidence.binding(inport)
    if binding is not None and binding.tag is not None and not flow.get("vlan_tci"):
        key = with_field(key, "vlan_tci", _VLAN_PRESENT | binding.tag)
        key = with_field(key, "vlan_tpid", 0x8100)
    return key

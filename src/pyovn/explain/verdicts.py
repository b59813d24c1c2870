"""What became of each copy: what the logical network wants, compared with what the hypervisors do.

A copy that the logical network drops has its reason there.  One that it delivers has to arrive: if it does
not, the first thing that is wrong on its way is the reason, from the sender's interface to the receiver's.
A copy that arrives where no logical flow sends it is a verdict, too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pyovn.explain import bindings
from pyovn.explain.evidence import rows
from pyovn.explain.logical import BEYOND, DELIVERED, DROPPED, RETURNED
from pyovn.explain.model import Fate, RowRef, Verdict
from pyovn.explain.packet import field
from pyovn.explain.physical import Journey
from pyovn.explain.reasons import Cause, dropped, inport, lsp, verdict
from pyovn.explain.text import mac_text
from pyovn.logical.actions_controller import Code
from pyovn.ovn.ports import LOCALNET, LOCALPORT
from pyovn.schemas import vswitch as vs
from pyovn.vswitch.flowkey import HEADER_BITS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyovn.explain.evidence import Evidence, Hypervisor
    from pyovn.explain.logical import Leaf
    from pyovn.explain.physical import Arrival

SERVED: Final = frozenset((Code.PUT_FDB, Code.ND_NA, Code.ND_NA_ROUTER))
"""What pyovn's ovn-controller does with packets that come to it."""

_REPLIES: Final = {Code.ND_NA: "neighbour advertisements", Code.ND_NA_ROUTER: "neighbour advertisements"}


class Comparison:
    """The verdicts of one packet."""

    def __init__(self, evidence: Evidence, leaves: list[Leaf], journey: Journey | None, source: str) -> None:
        self.evidence = evidence
        self.leaves = leaves
        self.journey = journey
        self.source = source
        """The hypervisor that the packet starts on."""
        self.beyond: list[Journey] = []
        """What goes on beyond physical networks."""
        self._left = [] if journey is None else list(journey.arrivals)

    def verdicts(self) -> Iterator[Verdict]:
        """In the order in which the logical network has its copies; what is unexpected last."""
        many = len(self.leaves) > 1
        for leaf in self.leaves:
            if leaf.kind == DELIVERED:
                yield self._wanted(leaf)
            elif leaf.kind == RETURNED and many:
                continue  # a flood leaves its sender out
            elif leaf.kind in {DROPPED, RETURNED, BEYOND}:
                yield verdict(self.evidence, leaf)
        for arrival in self._left:
            if not arrival.physical:
                yield self._unexpected(arrival)

    # -- what the logical network delivers ---------------------------------------------------------

    def _wanted(self, leaf: Leaf) -> Verdict:
        assert leaf.event.port is not None
        port, kind = leaf.event.port.name, leaf.event.port.type
        arrival = self._take(port)
        if arrival is not None:
            return self._arrived(leaf, arrival, kind)
        if leaf.answered and self.journey is not None and self.journey.answers:
            return self._by_controller(port)
        place = self.evidence.chassis_of(port)
        if self.journey is not None and place is not None and place != self.source:
            found = self._over_localnet(leaf, place)
            if found is not None:
                return found
        if place is not None and place in self._unreached():
            return Verdict(Fate.UNKNOWN, port, "", "", f"{place} is out of reach")
        cause = self._lost(leaf, port, kind)
        if cause is None:
            return Verdict(Fate.UNKNOWN, port, "", "", self._silence())
        return Verdict(Fate.DROPPED, port, "", "", cause.reason, cause.rows, cause.change)

    def _silence(self) -> str:
        """Why nothing can be said."""
        troubles = [visit.trouble for visit in self.journey.visits if visit.trouble] if self.journey else []
        return troubles[0] if troubles else "the hypervisor that it comes from is out of reach"

    def _unreached(self) -> set[str]:
        """Hypervisors to which a copy was sent, and of which nothing is known."""
        sent = () if self.journey is None else self.journey.crossings
        return {c.target for c in sent if self.evidence.hypervisors[c.target].vswitch is None}

    def _take(self, port: str) -> Arrival | None:
        found = next((a for a in self._left if a.port == port), None)
        if found is not None:
            self._left.remove(found)
        return found

    def _arrived(self, leaf: Leaf, arrival: Arrival, kind: str) -> Verdict:
        if kind == LOCALNET or arrival.physical:
            return Verdict(Fate.LEFT, arrival.port, arrival.place, arrival.interface)
        if leaf.answered:
            reason = f"{leaf.event.datapath.shown} answers{self._for_whom(leaf)}"
            return Verdict(Fate.ANSWERED, arrival.port, arrival.place, arrival.interface, reason)
        twice = bindings.claims(self.evidence, arrival.port)
        others = bindings.rivals(self.evidence, arrival.port) if twice else []
        change = [f"ovs-vsctl remove Interface {i} external_ids iface-id   on {place}" for i, place in others]
        rows = (RowRef("SB", "Port_Binding", arrival.port),) if twice else ()
        return Verdict(
            Fate.DELIVERED, arrival.port, arrival.place, arrival.interface, twice, rows, tuple(change)
        )

    def _for_whom(self, leaf: Leaf) -> str:
        """The packet is the answer by now: its sender is whom it is given for."""
        name = self.evidence.port_with_mac(leaf.event.datapath, mac_text(leaf.event.packet.get("eth_src", 0)))
        return f" for {name}" if name else ""

    def _by_controller(self, port: str) -> Verdict:
        assert self.journey is not None
        answer = self.journey.answers[0]
        what = _REPLIES.get(answer.code, f"answers ({answer.code.name})")
        if answer.ours and answer.code not in SERVED:
            reason = f"not served yet: pyovn's ovn-controller on {answer.place} does not make {what}"
            return Verdict(Fate.DROPPED, port, answer.place, "", reason)
        return Verdict(
            Fate.ANSWERED, port, answer.place, "", f"ovn-controller of {answer.place} makes {what}"
        )

    # -- what gets lost ------------------------------------------------------------------------------

    def _lost(self, leaf: Leaf, port: str, kind: str) -> Cause | None:
        """The first thing that is wrong on the way to a port."""
        evidence, journey = self.evidence, self.journey
        told = None if journey is None else self._dropped_on_the_way(leaf, port)
        if told is not None:
            return told
        if kind == LOCALNET:
            return self._no_mapping(port, self.source)
        cause = bindings.unbound(evidence, port)
        if cause is not None:
            return cause
        if journey is None:
            return None
        blocked = self._blocked(port)
        if blocked is not None:
            return blocked
        for visit in journey.visits:
            if visit.trouble:
                rows = (RowRef("VS", "Open_vSwitch", visit.hypervisor.name),)
                return Cause(visit.trouble, rows) if "not running" in visit.trouble else None
        place = evidence.chassis_of(port)
        if place is not None and place != self.source:
            return self._from_localport(leaf) or self._remote(leaf, place)
        hypervisor = evidence.hypervisors.get(self.source)
        return None if hypervisor is None else bindings.out_of_step(evidence, hypervisor)

    def _dropped_on_the_way(self, leaf: Leaf, port: str) -> Cause | None:
        """A hypervisor's flow for a logical flow that drops: it knows the rules better than we do.

        So it is with port security, which its own tables carry out: ovn-trace takes frames of any type for
        allowed, and hypervisors let pass what has the addresses and nothing else.
        """
        assert self.journey is not None
        for hit in (hit for visit in self.journey.visits for hit in visit.reading.hits if hit.is_drop):
            flow = self.evidence.flow_of_cookie(leaf.event.datapath, hit.cookie) if hit.cookie else None
            if flow is None:
                continue
            pipeline, found = flow
            keys = field(hit.key, "metadata"), field(hit.key, "reg15")
            if pipeline == "ingress" or self.evidence.port_by_keys(*keys) == port:
                event = replace(leaf.event, pipeline=pipeline, table=found.table, flow=found)
                return dropped(self.evidence, replace(leaf, kind=DROPPED, event=event))
        return None

    def _from_localport(self, leaf: Leaf) -> Cause | None:
        """What a localport sends does not leave its hypervisor (ovn-nb(5))."""
        name = inport(leaf)
        binding = self.evidence.binding(name)
        if binding is None or binding.type != LOCALPORT:
            return None
        return Cause(f"{name} is a localport: what it sends stays on {self.source}", (lsp(name),))

    def _blocked(self, port: str) -> Cause | None:
        """An interface that is down."""
        assert self.journey is not None
        for place, name in self.journey.blocked:
            hypervisor = self.evidence.hypervisors[place]
            interface = next((i for i in hypervisor.interfaces() if i.name == name), None)
            if interface is None or interface.external_ids.get("iface-id") != port:
                continue
            note = self.journey.blocked[place, name]
            if "input port" in note:
                continue
            state = "administratively down" if interface.admin_state == "down" else "down"
            return Cause(
                f"interface {name} of {port} on {place} is {state}",
                (RowRef("VS", "Interface", name),),
                (f"ip link set {name} up   on {place}",),
            )
        return None

    def _remote(self, leaf: Leaf, place: str) -> Cause | None:
        """Between two hypervisors."""
        evidence, journey = self.evidence, self.journey
        assert journey is not None
        for crossing in journey.crossings:
            if crossing.target == place:
                if crossing.trouble:
                    return Cause(crossing.trouble, (RowRef("SB", "Chassis", place),), crossing.change)
                return bindings.out_of_step(evidence, evidence.hypervisors[place])
        net = next((p.name for p in leaf.event.datapath.ports.values() if p.type == LOCALNET), None)
        if net is not None:
            return self._no_mapping(net, self.source)
        source = evidence.hypervisors[self.source]
        interface = next(
            (i for i in source.interfaces() if source.owner_of(i, "ovn-chassis-id").startswith(f"{place}@")),
            None,
        )
        if interface is None:
            return bindings.tunnel_missing(evidence, self.source, place)
        if (self.source, interface.name) in journey.blocked or (interface.ofport or -1) <= 0:
            return Cause(
                f"the tunnel {interface.name} from {self.source} to {place} is down",
                (RowRef("VS", "Interface", interface.name),),
                (f"ip link, ip route and the firewall between {self.source} and {place}",),
            )
        return bindings.out_of_step(evidence, source)

    def _over_localnet(self, leaf: Leaf, place: str) -> Verdict | None:
        """The switch has a physical network, and what is elsewhere is beyond it: ask at the other end."""
        net = next((p.name for p in leaf.event.datapath.ports.values() if p.type == LOCALNET), None)
        left = next((a for a in self._left if a.physical and a.port == net), None)
        if net is None or left is None or left.place == place:
            return None
        there = self.evidence.reach(place)
        carried = f"by the physical network of {net}, if it carries it from {self.source}'s {left.interface}"
        entry = None if there is None else _patch(there, net)
        if there is None or entry is None:
            cause = self._no_mapping(net, place)
            if cause is None:
                return Verdict(Fate.UNKNOWN, leaf.port, place, "", carried)
            return Verdict(Fate.DROPPED, leaf.port, place, "", cause.reason, cause.rows, cause.change)
        beyond = Journey(self.evidence)
        beyond.start(there, entry, left.key & HEADER_BITS)
        self.beyond.append(beyond)
        arrived = next((a for a in beyond.arrivals if a.port == leaf.port), None)
        if arrived is None:
            cause = bindings.out_of_step(self.evidence, there)
            return Verdict(Fate.DROPPED, leaf.port, place, "", cause.reason, cause.rows, cause.change)
        self._left = [a for a in self._left if a is not left]
        return Verdict(Fate.DELIVERED, leaf.port, place, arrived.interface, carried)

    def _no_mapping(self, port: str, place: str) -> Cause | None:
        """Why a hypervisor has no way onto a physical network."""
        binding = self.evidence.binding(port)
        hypervisor = self.evidence.hypervisors.get(place)
        if binding is None or hypervisor is None:
            return None
        network = binding.options.get("network_name", "")
        if not network:
            return Cause(
                f"localnet {port} says no network: options:network_name is not set",
                (lsp(port),),
                (f"ovn-nbctl lsp-set-options {port} network_name=NETWORK",),
            )
        text = hypervisor.settings.get("ovn-bridge-mappings", "")
        mapped = dict(pair.strip().split(":", 1) for pair in text.split(",") if ":" in pair)
        bridge, mappings = mapped.get(network), "external_ids:ovn-bridge-mappings"
        if bridge is None:
            return Cause(
                f"{place} has no way onto {network}, the network of {port}: "
                f"{'no bridge is mapped to it' if text else 'it has no ovn-bridge-mappings'}",
                (RowRef("VS", "Open_vSwitch", place),),
                (f"ovs-vsctl set Open_vSwitch . {mappings}={network}:BRIDGE   on {place}",),
            )
        if bridge not in {row.name for row in rows(hypervisor.vswitch, vs.Bridge)}:
            return Cause(
                f"{place} maps {network}, the network of {port}, to {bridge}, and has no such bridge",
                (RowRef("VS", "Open_vSwitch", place),),
                (f"ovs-vsctl add-br {bridge}   on {place}",),
            )
        return bindings.out_of_step(self.evidence, hypervisor)

    # -- what nobody asked for ---------------------------------------------------------------------

    def _unexpected(self, arrival: Arrival) -> Verdict:
        hypervisor = self.evidence.hypervisors[self.source]
        cause = bindings.out_of_step(self.evidence, hypervisor)
        reason = f"no logical flow sends it there: {cause.reason}"
        return Verdict(
            Fate.DELIVERED, arrival.port, arrival.place, arrival.interface, reason, cause.rows, cause.change
        )


def _patch(hypervisor: Hypervisor, localnet: str) -> vs.Interface | None:
    """The patch port by which frames of a localnet come in."""
    wanted = f"patch-{hypervisor.bridge}-to-{localnet}"
    return next((i for i in hypervisor.interfaces() if i.name == wanted), None)

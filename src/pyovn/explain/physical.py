"""The way through the hypervisors: OpenFlow tables, tunnels, patch ports, interfaces.

Each hypervisor's switch is asked what it does with the packet (``ofproto/trace``), and what it sends into a
tunnel is asked of the hypervisor at the other end, with the metadata that the tunnel carries
(ovn-architecture(7), "Architectural Physical Life Cycle of a Packet").  So this is what *does* happen,
where ``logical`` is what should; ``verdicts`` compares the two.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pyovn.explain import packet as pkt
from pyovn.explain.evidence import EvidenceError
from pyovn.explain.model import Hop, Layer, RowRef, Step
from pyovn.explain.oftrace import Reading, question, read
from pyovn.logical.actions_controller import Code, code_of
from pyovn.ovn.oftables import OPENFLOW_TABLES
from pyovn.vswitch.flowkey import HEADER_BITS, SLOTS

if TYPE_CHECKING:
    from pyovn.explain.evidence import Evidence, Hypervisor
    from pyovn.explain.oftrace import Hit, Sending
    from pyovn.schemas import vswitch as vs

MOST_VISITS: Final = 64
"""Hypervisors in a row; more is a loop."""
TUNNELS: Final = ("geneve", "vxlan", "stt", "gre")


@dataclass(frozen=True, slots=True)
class Arrival:
    """A copy that left a hypervisor by an interface that is no tunnel."""

    place: str
    interface: str
    port: str
    """The logical port."""
    bridge: str
    key: int
    """The frame, as a flow key."""
    physical: bool = False
    """Onto a physical network."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """A copy that was sent into a tunnel."""

    source: str
    interface: str
    kind: str
    local: str
    remote: str
    target: str
    """The chassis at the other end; empty: nobody's address."""
    port: int
    """The key of the logical port, or group, that it is for."""
    trouble: str = ""
    """Why it does not get in at the other end; empty when it does."""
    change: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """A copy that went to a controller to be answered or learnt from."""

    place: str
    code: Code
    ours: bool
    """The controller is pyovn's."""


@dataclass(slots=True)
class Visit:
    """The packet at one hypervisor."""

    hypervisor: Hypervisor
    bridge: str
    interface: str
    key: int
    reading: Reading = field(default_factory=Reading)
    trouble: str = ""
    """Why the switch could not be asked."""


class Journey:
    """All hypervisors that a packet comes by."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.steps: list[Step] = []
        self.hops: list[Hop] = []
        self.visits: list[Visit] = []
        self.arrivals: list[Arrival] = []
        self.crossings: list[Crossing] = []
        self.answers: list[Answer] = []
        self.blocked: dict[tuple[str, str], str] = {}
        """(hypervisor, interface): why its output was skipped."""
        self._waiting: deque[Visit] = deque()

    def start(self, hypervisor: Hypervisor, interface: vs.Interface, key: int) -> None:
        """A frame comes in by an interface; follow it to all its ends."""
        self._enter(hypervisor, interface, key)
        while self._waiting and len(self.visits) < MOST_VISITS:
            self._visit(self._waiting.popleft())

    def _enter(self, hypervisor: Hypervisor, interface: vs.Interface, key: int) -> None:
        key = pkt.with_field(key, "in_port", interface.ofport or 0)
        self._waiting.append(Visit(hypervisor, hypervisor.bridge, interface.name, key))

    def _visit(self, visit: Visit) -> None:
        self.visits.append(visit)
        hypervisor = visit.hypervisor
        if not any(hop.place == hypervisor.name and hop.direction == "in" for hop in self.hops):
            self.hops.append(Hop(hypervisor.name, visit.interface, "in", pkt.frame_of(visit.key)))
        if hypervisor.trace is None:
            visit.trouble = f"the switch of {hypervisor.name} cannot be asked"
            return
        try:
            text = hypervisor.trace(visit.bridge, question(visit.key))
        except EvidenceError as error:
            visit.trouble = str(error)
            return
        visit.reading = read(text, visit.key)
        sent: dict[int, list[Sending]] = {}
        for sending in visit.reading.sendings:
            sent.setdefault(id(sending.hit), []).append(sending)
        for hit in visit.reading.hits:
            self.steps.append(self._step(visit, hit))
            for sending in sent.get(id(hit), ()):
                self._send(visit, sending)

    # -- steps ---------------------------------------------------------------------------------

    def _step(self, visit: Visit, hit: Hit) -> Step:
        why, rows = self._why(visit.hypervisor, hit)
        return Step(
            Layer.OPENFLOW,
            visit.hypervisor.name,
            f"{hit.bridge}, in by {visit.interface}" if hit.bridge == visit.bridge else hit.bridge,
            hit.match if hit.priority is not None else "no flow matches",
            detail=tuple(hit.actions),
            why=why,
            rows=rows,
            table=hit.table,
            priority=hit.priority,
            match=hit.match,
            flow=f"{hit.cookie:#x}" if hit.cookie else "",
            notable=not hit.is_passage and not (hit.priority is None and hit.table >= _HELPERS),
        )

    def _why(self, hypervisor: Hypervisor, hit: Hit) -> tuple[str, tuple[RowRef, ...]]:
        """What the flow is there for: the row whose UUID its cookie begins, else what is known of tables."""
        if hit.bridge != hypervisor.bridge:
            return "", ()
        if hit.cookie:
            named = self.evidence.row_of_cookie(hit.cookie)
            why = self._derivation(hypervisor, hit)
            if named is not None:
                return why or named[1], (named[0],)
            return why, ()
        return _PURPOSES.get(hit.table, ""), ()

    @staticmethod
    def _derivation(hypervisor: Hypervisor, hit: Hit) -> str:
        """What the controller says of a flow with this cookie in this table."""
        if hypervisor.why is None:
            return ""
        for line in hypervisor.why(hit.cookie):
            head, _, rest = line.partition(": ")
            if f"table={hit.table}," in head.replace(" ", "") or (hit.table == 0 and "table=" not in head):
                return rest.rpartition(" (")[0]
        return ""

    # -- outputs -------------------------------------------------------------------------------

    def _send(self, visit: Visit, sending: Sending) -> None:
        if sending.port is None:
            code = code_of(sending.userdata)
            if code is not None:
                ours = visit.hypervisor.why is not None
                self.answers.append(Answer(visit.hypervisor.name, code[0], ours))
            return
        hypervisor = visit.hypervisor
        if sending.normal:
            self._leave(visit, sending, sending.bridge, sending.bridge)
            return
        interface = hypervisor.interfaces_of(sending.bridge).get(sending.port)
        if interface is None or interface.type == "patch":
            return
        skipped = next((note for note in sending.notes if "skipping output" in note), "")
        if skipped:
            self.blocked[hypervisor.name, interface.name] = skipped
            return
        if interface.type in TUNNELS:
            self._tunnel(visit, sending, interface)
        elif sending.bridge != hypervisor.bridge:
            self._leave(visit, sending, interface.name, sending.bridge)
        else:
            port = self.evidence.port_by_keys(
                pkt.field(sending.key, "metadata"), pkt.field(sending.key, "reg15")
            ) or interface.external_ids.get("iface-id", "")
            self.arrivals.append(Arrival(hypervisor.name, interface.name, port, sending.bridge, sending.key))
            self._hop(hypervisor.name, interface.name, sending.key)
            self._out(visit, f"out by {interface.name}, to {port or 'nobody'}")

    def _leave(self, visit: Visit, sending: Sending, interface: str, bridge: str) -> None:
        """A bridge of a physical network forwards it."""
        name = visit.hypervisor.name
        port = self._localnet(visit, bridge)
        if port is None:
            return
        self.arrivals.append(Arrival(name, interface, port, bridge, sending.key, physical=True))
        tag = pkt.field(sending.key, "vlan_tci")
        vlan = f", VLAN {tag & 0xFFF}" if tag & 0x1000 else ""
        self._hop(name, interface, sending.key)
        self._out(visit, f"onto the physical network of {port} by {interface}{vlan}")

    def _localnet(self, visit: Visit, bridge: str) -> str | None:
        """The localnet port whose patch led to a bridge."""
        for interface in visit.hypervisor.interfaces_of(bridge).values():
            if interface.type == "patch":
                owner = visit.hypervisor.owner_of(interface, "ovn-localnet-port")
                if owner:
                    return owner
        return None

    def _tunnel(self, visit: Visit, sending: Sending, interface: vs.Interface) -> None:
        source, evidence = visit.hypervisor, self.evidence
        remote = interface.options.get("remote_ip", "")
        owner = source.owner_of(interface, "ovn-chassis-id").partition("@")[0].partition("%")[0]
        target = owner or evidence.chassis_at(remote) or ""
        kind = interface.type
        local = next((e.ip for e in evidence.encaps(source.name) if e.type == kind), "")
        key = sending.key
        wire = pkt.encapsulated(kind, key, local, remote)
        self.hops.append(Hop(source.name, interface.name, "out", pkt.frame_of(key), wire))
        vni = pkt.field(key, "tun_id") & 0xFFFFFF
        ports = pkt.field(key, "tun_metadata0")
        carried = f"VNI {vni}" + (f", ports {ports >> 16} to {ports & 0xFFFF}" if kind == "geneve" else "")
        self.steps.append(
            Step(
                Layer.WIRE, source.name, f"{kind} to {target or remote}", f"{local or '?'} -> {remote}",
                detail=(carried,), why=f"out by {interface.name}",
            )
        )  # fmt: skip
        port = ports & 0xFFFF if kind == "geneve" else pkt.field(key, "reg15")
        trouble, change = self._cross(source, target, local, remote, kind, key)
        self.crossings.append(
            Crossing(source.name, interface.name, kind, local, remote, target, port, trouble, change)
        )

    def _cross(
        self, source: Hypervisor, target: str, local: str, remote: str, kind: str, key: int
    ) -> tuple[str, tuple[str, ...]]:
        """Go on at the other end; else why not, and what to do."""
        evidence = self.evidence
        if evidence.is_cut(local, remote):
            return (
                f"the link between {source.name} ({local}) and {target} ({remote}) is cut",
                (f"pyovn sandbox mend {source.name} {target}",),
            )
        there = evidence.reach(target)
        if there is None:
            return f"no hypervisor has the tunnel endpoint {remote}", ()
        if there.vswitch is None:
            return f"{target} is out of reach", ()
        back = _tunnel_back(there, kind, {e.ip for e in evidence.encaps(source.name)} | {local})
        if back is None:
            return (
                f"{target} has no {kind} tunnel back to {source.name} ({local}), and drops what comes in",
                (f"look at ovn-controller on {target}",),
            )
        headers = key & HEADER_BITS
        for name in ("tun_id", "tun_metadata0"):
            headers |= key & SLOTS[name].mask
        if kind == "vxlan":
            headers &= ~SLOTS["tun_metadata0"].mask
        headers = pkt.with_field(headers, "tun_src", _ipv4(local))
        headers = pkt.with_field(headers, "tun_dst", _ipv4(remote))
        self._enter(there, back, headers)
        return "", ()

    def _hop(self, place: str, interface: str, key: int) -> None:
        self.hops.append(Hop(place, interface, "out", pkt.frame_of(key)))

    def _out(self, visit: Visit, what: str) -> None:
        place = visit.hypervisor.name
        self.steps.append(Step(Layer.WIRE, place, f"{visit.bridge}, in by {visit.interface}", what))


_TABLES: Final = OPENFLOW_TABLES["23.03"]
_HELPERS: Final = _TABLES.log_to_phy + 1
"""From here on are tables that actions ask and come back from."""

_PURPOSES: Final = {
    _TABLES.phy_to_log: "gives a frame its datapath and its ports",
    _TABLES.output_large_pkt_detect: "the ingress pipeline is done",
    _TABLES.output_large_pkt_process: "on to the tunnels",
    _TABLES.remote_output: "sends to ports on other chassis",
    _TABLES.local_output: "sends to ports here",
    _TABLES.check_loopback: "the egress pipeline starts with clean registers",
    _TABLES.save_inport: "may it go back where it came from?",
    _TABLES.log_to_phy: "from logical port to interface",
}
"""Of flows without a cookie; elsewhere the flow's row says more (ovn-architecture(7))."""


def _tunnel_back(there: Hypervisor, kind: str, addresses: set[str]) -> vs.Interface | None:
    for interface in there.interfaces_of(there.bridge).values():
        if interface.type == kind and interface.options.get("remote_ip") in addresses:
            return interface if (interface.ofport or -1) > 0 else None
    return None


def _ipv4(text: str) -> int:
    octets = text.split(".")
    if len(octets) != 4 or not all(octet.isdecimal() for octet in octets):
        return 0
    return int.from_bytes(bytes(int(octet) & 255 for octet in octets), "big")

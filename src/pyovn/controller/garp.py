"""Announcements: on a physical network, where a VM is.

ovn-architecture(7), "Localnet".  The switches of a physical network have learnt the MAC of a VM where it was
before, and a peer may have the MAC of another VM for its IP.  So a chassis that has a VIF of a logical switch
with a localnet here says so: with a gratuitous ARP for the port's first IPv4 address, or a RARP request
for a port without one, as VM monitors do.  It enters the logical switch at the port, like a frame of the
VM, so the VMs there hear it, too.  ``FIRST`` seconds after the port has come, and again after pauses that
double: at 1, 3, 7, 15 and 31 s, as Debian's ovn-controller 23.03 does.  Nothing depends on their arrival.

A port whose MAC, address or place in the pipeline has changed is announced anew.  Not announced: ports
of containers, whose VM speaks for them, ports that only have ``unknown`` addresses, and second addresses.

RFC 5944 section 4.6 (gratuitous ARP), RFC 903 (RARP).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pyovn.controller.port_security import parse_rule
from pyovn.ovn import registers as reg
from pyovn.wire.openflow import messages as ofp
from pyovn.wire.openflow.actions import PORT_CONTROLLER, Resubmit, SetField
from pyovn.wire.openflow.fields import FIELDS
from pyovn.wire.packet import Arp, Ethernet
from pyovn.wire.packet.link import ETH_ARP, ETH_RARP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyovn.controller.model import LocalPort, Model
    from pyovn.incremental import Derived
    from pyovn.ovsdb.values import UUID
    from pyovn.sim.runtime import Runtime, Timer

FIRST: Final = 1.0
"""Seconds from a port's coming to its first announcement."""
LONGEST: Final = 16.0
"""The last pause between two announcements."""

_BROADCAST: Final = 0xFFFF_FFFF_FFFF
_ARP_REQUEST: Final = 1
_RARP_REQUEST: Final = 3


@dataclass(frozen=True, slots=True)
class Announcement:
    """That ``mac``, and with it ``ip``, is at a logical port here."""

    binding: UUID
    datapath: int
    port: int
    """Tunnel keys."""
    mac: int
    ip: int | None

    def frame(self) -> bytes:
        """What is sent."""
        if self.ip is not None:
            arp = Arp(_ARP_REQUEST, self.mac, self.ip, 0, self.ip)
            return Ethernet(_BROADCAST, self.mac, ETH_ARP).build(arp.build())
        rarp = Arp(_RARP_REQUEST, self.mac, 0, self.mac, 0)
        return Ethernet(_BROADCAST, self.mac, ETH_RARP).build(rarp.build())

    def packet_out(self, ingress: int) -> ofp.PacketOut:
        """The frame, into the logical switch at the port; ``ingress`` is the pipeline's first table."""
        enter = (
            SetField(FIELDS[reg.LOG_DATAPATH], self.datapath),
            SetField(FIELDS[reg.LOG_INPORT], self.port),
            Resubmit(ingress),
        )
        return ofp.PacketOut(enter, self.frame(), PORT_CONTROLLER)


def declare(model: Model) -> Derived[LocalPort, Announcement]:
    """What there is to announce."""

    def announcements(port: LocalPort) -> Iterator[tuple[Announcement, str]]:
        if not port.is_vif or model.localnets.one(port.datapath) is None:
            return
        binding = model.binding_by_name.one(port.name)
        datapath = model.datapath_by_uuid.one(port.datapath)
        if binding is None or datapath is None:
            return
        first = next(filter(None, map(parse_rule, sorted(binding.mac))), None)
        if first is not None:
            ip = int(first.ipv4[0].ip) if first.ipv4 else None
            why = "a physical network is here to learn where the port is"
            yield Announcement(port.binding, datapath.tunnel_key, port.key, first.mac, ip), why

    return model.engine.derive("announcements", model.local_ports, announcements)


class Announcer:
    """Sends what ``declare`` gives, in its time; ``send`` tells whether there is a switch."""

    def __init__(self, runtime: Runtime, ingress: int, send: Callable[[ofp.PacketOut], bool]) -> None:
        self._runtime = runtime
        self._ingress = ingress
        self._send = send
        self._timers: dict[Announcement, Timer] = {}
        """Those that are still to be sent."""

    def insert(self, announcement: Announcement) -> None:
        """A port has come."""
        self._later(announcement, FIRST, FIRST * 2)

    def remove(self, announcement: Announcement) -> None:
        """A port has gone; most often it was announced often enough."""
        timer = self._timers.pop(announcement, None)
        if timer is not None:
            timer.cancel()

    def change(self, announcement: Announcement, mask: int) -> None:
        """Announcements are values: they do not change."""

    def stop(self) -> None:
        """Say nothing more."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _later(self, announcement: Announcement, delay: float, pause: float) -> None:
        """Send after ``delay``, and again after ``pause``; what finds no switch is tried again."""

        def due() -> None:
            del self._timers[announcement]
            if not self._send(announcement.packet_out(self._ingress)):
                self._later(announcement, FIRST, pause)
            elif pause <= LONGEST:
                self._later(announcement, pause, pause * 2)

        self._timers[announcement] = self._runtime.call_later(delay, due)

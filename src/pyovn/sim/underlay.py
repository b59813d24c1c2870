"""The physical network between hypervisors, as far as tunnels see it: IP addresses and datagrams.

A switch attaches under its tunnel endpoint's address and gets every datagram sent there: the payload
of the outer UDP header, that is the Geneve or VXLAN header and the inner frame (RFC 8926, section 3).
Like the network it stands for it may lose: a datagram to an address where nobody is, or across a link
that was cut, is counted and gone; nobody is told.  Order between two endpoints is kept.

Not here: the outer Ethernet, IP and UDP headers, fragments, and ports other than the tunnel's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.sim.runtime import Runtime

    Receive = Callable[[str, bytes], None]
    """Called with the sender's address and the payload."""


class Underlay:
    """One network; ``delivered`` and ``lost`` count datagrams, ``in_flight`` those under way."""

    __slots__ = ("_cut", "_endpoints", "_runtime", "delay", "delivered", "in_flight", "lost")

    def __init__(self, runtime: Runtime, delay: float = 0.0) -> None:
        """Make a network on which each datagram takes ``delay`` seconds."""
        self._runtime = runtime
        self._endpoints: dict[str, Receive] = {}
        self._cut: set[frozenset[str]] = set()
        self.delay = delay
        self.delivered = 0
        self.lost = 0
        self.in_flight = 0

    def attach(self, ip: str, receive: Receive) -> None:
        """Give what is sent to ``ip`` to ``receive``; raises ``ValueError`` when ``ip`` is taken."""
        if ip in self._endpoints:
            raise ValueError(f"{ip} is attached to the underlay already")
        self._endpoints[ip] = receive

    def detach(self, ip: str) -> None:
        """Take ``ip`` off the network; what is on its way there is lost."""
        self._endpoints.pop(ip, None)

    def send(self, src_ip: str, dst_ip: str, payload: bytes) -> None:
        """Send one datagram; it is delivered, or lost, in a later callback."""

        def arrive() -> None:
            receive = self._endpoints.get(dst_ip)
            self.in_flight -= 1
            # Asked on arrival: a link that is cut loses what is on it.
            if receive is None or (self._cut and frozenset((src_ip, dst_ip)) in self._cut):
                self.lost += 1
                return
            self.delivered += 1
            receive(src_ip, payload)

        self.in_flight += 1
        if self.delay > 0:
            self._runtime.call_later(self.delay, arrive)
        else:
            self._runtime.call_soon(arrive)

    def cut(self, a: str, b: str) -> None:
        """Lose everything between ``a`` and ``b``, in both directions."""
        self._cut.add(frozenset((a, b)))

    def is_cut(self, a: str, b: str) -> bool:
        """Whether the link between ``a`` and ``b`` is cut."""
        return frozenset((a, b)) in self._cut

    def mend(self, a: str, b: str) -> None:
        """Undo ``cut``; harmless when nothing was cut."""
        self._cut.discard(frozenset((a, b)))

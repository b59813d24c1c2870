"""What connects the parts of a deployment, to be cut and mended by name.

Two kinds of link: the underlay between two hypervisors, over which tunnels go, and the way of a daemon to a
database.  A link has two ends, in any order; an end is

* a hypervisor (``hv1``): its tunnels;
* ``central``: the databases of the central node.  Between a hypervisor and ``central`` is the way of its
  ovn-controller to the southbound;
* a daemon: ``ovn-northd``, ``hv1/ovn-controller``, ``hv1/ovs-vswitchd``;
* a database: ``nb``, ``sb``, ``ovn`` (that of 2015), ``hv1/db``.  ``central`` stands for all but the last.

A link that was cut stays so whatever dies and comes back at its ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.ovsdb.local import Line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pyovn.ovsdb.server import Server
    from pyovn.sim.underlay import Underlay

CENTRAL: Final = "central"
NB, SB, OVN = "nb", "sb", "ovn"
_OF_CENTRAL: Final = frozenset({NB, SB, OVN})

Link = tuple[str, str]


class LinkError(Exception):
    """There is no such link; the message says what there is."""


def place_of(database: str) -> str:
    """Where a database is: ``central`` or a hypervisor."""
    return CENTRAL if database in _OF_CENTRAL else database.partition("/")[0]


class Links:
    """All links; ``addresses()`` gives the underlay address of each hypervisor."""

    def __init__(self, underlay: Underlay, addresses: Callable[[], Mapping[str, str]]) -> None:
        self._underlay = underlay
        self._addresses = addresses
        self._lines: dict[Link, Line] = {}
        self._servers: dict[str, Server] = {}
        self._cut_tunnels: set[Link] = set()

    # -- lines ---------------------------------------------------------------------------------

    def line(self, daemon: str, database: str) -> Line:
        """The way of ``daemon`` to ``database``."""
        line = self._lines.get((daemon, database))
        if line is None:
            line = self._lines[daemon, database] = Line(self._servers.get(place_of(database)))
        return line

    def serve(self, place: str, server: Server | None) -> None:
        """Lead all lines to the databases of ``place`` to ``server``, or to nobody."""
        if server is None:
            self._servers.pop(place, None)
        else:
            self._servers[place] = server
        for (_, database), line in tuple(self._lines.items()):
            if place_of(database) == place:
                line.lead_to(server)

    def forget(self, hypervisor: str) -> None:
        """The hypervisor is gone, and what led to it or from it."""
        address = self._addresses()[hypervisor]
        for link in [link for link in self._cut_tunnels if hypervisor in link]:
            other = link[0] if link[1] == hypervisor else link[1]
            self._underlay.mend(address, self._addresses()[other])
            self._cut_tunnels.discard(link)
        for link in [link for link in self._lines if any(end.startswith(f"{hypervisor}/") for end in link)]:
            del self._lines[link]

    # -- cutting and mending -------------------------------------------------------------------

    def cut(self, one: str, other: str) -> None:
        """Cut a link; raises ``LinkError``."""
        tunnel = self._tunnel(one, other)
        if tunnel is not None:
            self._underlay.cut(*(self._addresses()[name] for name in tunnel))
            self._cut_tunnels.add(tunnel)
            return
        for link in self._links(one, other):
            self._lines[link].cut()

    def mend(self, one: str, other: str) -> None:
        """Mend a link, also one that is whole; raises ``LinkError``."""
        tunnel = self._tunnel(one, other)
        if tunnel is not None:
            self._underlay.mend(*(self._addresses()[name] for name in tunnel))
            self._cut_tunnels.discard(tunnel)
            return
        for link in self._links(one, other):
            self._lines[link].mend()

    def lines(self) -> list[Link]:
        """The ways of daemons to databases, sorted; each is a link that ``cut`` and ``mend`` take."""
        return sorted(link for link in self._lines if link[0])

    def cut_lines(self) -> list[Link]:
        """The ways of daemons to databases that are cut, sorted."""
        return sorted(link for link, line in self._lines.items() if line.is_cut and link[0])

    def cut_links(self) -> list[Link]:
        """What is cut, sorted."""
        return sorted(self._cut_tunnels) + self.cut_lines()

    def _tunnel(self, one: str, other: str) -> Link | None:
        """The two hypervisors, if that is what the ends are."""
        if one == other:
            raise LinkError(f"a link has two ends, and {one} is one")
        known = self._addresses()
        return (min(one, other), max(one, other)) if one in known and other in known else None

    def _links(self, one: str, other: str) -> list[Link]:
        """The lines between two ends."""
        found = [
            link
            for daemon, database in ((one, other), (other, one))
            for link in self._lines
            if link[0] == self._daemon_end(daemon)
            and database in {link[1], CENTRAL if link[1] in _OF_CENTRAL else link[1]}
        ]
        if not found:
            raise LinkError(f"there is no link between {one} and {other}; {self._what_there_is()}")
        return found

    def _daemon_end(self, end: str) -> str:
        """A hypervisor's link to the central node is its ovn-controller's."""
        return f"{end}/ovn-controller" if end in self._addresses() else end

    def _what_there_is(self) -> str:
        names = list(self._addresses())
        tunnels = [f"{names[0]} {names[1]}"] if len(names) > 1 else []
        lines = [" ".join(link) for link in self.lines()]
        shown = [*tunnels, *lines]
        return f"there are: {', '.join(shown[:8])}{', ...' if len(shown) > 8 else ''}"

"""Tags of container ports: the VLAN by which a VM tells its containers apart.

ovn-nb(5), Logical_Switch_Port, ``tag_request`` and ``tag``.  A request for a number is granted as it is; a
request for 0 is for any number that no other container of the same parent has, and what was allotted once
stays in ``tag``, from where it is read back after a restart.  Without a request ``tag`` is the CMS's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from pyovn.schemas import northbound as nb
from pyovn.sync.wants import Existing, want

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyovn.incremental import Allotment
    from pyovn.northd.model import Item, Model
    from pyovn.ovsdb.values import UUID

FIRST, LAST = 1, 4095
ANY: Final = 0
"""A tag_request for any number that is free."""


class Tagged(NamedTuple):
    """A container port that has a tag or is to get one."""

    port: UUID
    parent: str
    tag: int | None


class Tags:
    """``of(port)`` reads a tag inside of a derivation."""

    def __init__(self, model: Model) -> None:
        self._model = model

        def containers(port: nb.LogicalSwitchPort) -> Iterator[tuple[Tagged, str]]:
            if not port.parent_name:
                return
            asked = port.tag_request
            tag = asked or port.tag
            if tag is not None or asked == ANY:
                yield Tagged(port.uuid, port.parent_name, tag), "a container in a VM"

        self._numbers: Allotment[Tagged, str] = model.engine.allot(
            "tags",
            model.engine.derive("containers", model.special_ports, containers),
            lambda tagged: [(tagged.parent, (tagged.port, tagged.tag))],
            lambda _parent: (FIRST, LAST),
        )

        def granted(port: nb.LogicalSwitchPort) -> Iterator[tuple[Item, str]]:
            if port.tag_request is not None:
                tag = self.of(port)
                if tag is not None:
                    row = Existing(port.uuid)
                    yield want(nb.LogicalSwitchPort.TABLE, row, tag=tag), "the tag that was asked for"

        model.want_nb("tags_granted", model.special_ports, granted)

    def of(self, port: nb.LogicalSwitchPort) -> int | None:
        """The tag of a port; None if it has none."""
        asked = port.tag_request
        if asked is None:
            return port.tag
        if asked != ANY:
            return asked
        return self._numbers.number(port.parent_name, port.uuid) if port.parent_name else port.tag

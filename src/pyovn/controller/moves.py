"""What comes and goes in a pass, noted for after it: inputs cannot be changed while derivations run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyovn.controller.model import LocalPort
    from pyovn.ovsdb.values import UUID


class Takeovers:
    """Notes bindings that are claimed."""

    __slots__ = ("claimed",)

    def __init__(self) -> None:
        self.claimed: list[UUID] = []

    def insert(self, element: Any) -> None:
        """A row of a claim is wanted."""
        if dict(element.columns).get("chassis") is not None:
            self.claimed.append(element.key.uuid)

    def remove(self, element: Any) -> None:
        """A claim that was granted or is given up is told by ``Moves``."""

    def change(self, element: Any, mask: int) -> None:
        """Wants are values: they do not change."""


class Moves:
    """Notes the ports that came and left."""

    __slots__ = ("came", "left")

    def __init__(self) -> None:
        """A port is here."""
        self.came: list[LocalPort] = []
        self.left: list[LocalPort] = []

    def insert(self, element: LocalPort) -> None:
        """A port is here."""
        self.came.append(element)

    def remove(self, element: LocalPort) -> None:
        """A port is here no more."""
        self.left.append(element)

    def change(self, element: LocalPort, mask: int) -> None:
        """Ports are values: they do not change."""

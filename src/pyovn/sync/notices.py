"""What a daemon tells about what it cannot do: lines that come and go with their causes.

Each cause is a key of some *source*, a ``Noted`` dict, and is rendered as one line.  Only what was touched is
rendered again, so thousands of standing notices cost a pass nothing.  Two causes may have the same line: it
is told once, and taken back with the last of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyovn.incremental import Noted

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from pyovn.incremental import Relation


class Notices:
    """``watch`` sources, then ask for ``news`` once per pass and for ``lines`` when a person asks."""

    def __init__(self) -> None:
        self._sources: list[tuple[Noted[Any, Any], Callable[[Any], str | None]]] = []
        self._lines: dict[tuple[int, Hashable], str] = {}
        """The line of each cause, by the number of its source and its key."""
        self._counts: dict[str, int] = {}
        self._told: dict[str, bool] = {}
        """Lines that came or went since ``news``, and whether they stood then."""

    def watch(self, source: Noted[Any, Any], render: Callable[[Any], str | None]) -> None:
        """Tell about the keys of ``source``; ``render`` makes a key's line (None: not worth one)."""
        self._sources.append((source, render))

    def follow(self, relation: Relation[Any]) -> None:
        """Tell about the elements of ``relation``, each by its ``str``."""
        present: Noted[Any, None] = Noted()
        relation.subscribe(_Present(present))
        self.watch(present, str)

    def start_over(self) -> None:
        """Forget all sources: what the next ones do not say goes."""
        for line in self._lines.values():
            self._count(line, -1)
        self._lines.clear()
        self._sources.clear()

    def lines(self) -> list[str]:
        """All that stands, source by source."""
        self._refresh()
        found = sorted((number, line) for (number, _key), line in self._lines.items())
        return list(dict.fromkeys(line for _number, line in found))

    def news(self) -> tuple[list[str], list[str]]:
        """(what has come, what has gone) since the last call, sorted."""
        self._refresh()
        if not self._told:
            return [], []
        told, self._told = self._told, {}
        came = sorted(line for line, stood in told.items() if not stood and line in self._counts)
        went = sorted(line for line, stood in told.items() if stood and line not in self._counts)
        return came, went

    def _refresh(self) -> None:
        for number, (source, render) in enumerate(self._sources):
            for key in source.take_touched():
                line = render(key) if key in source else None
                before = self._lines.get((number, key))
                if line == before:
                    continue
                if before is not None:
                    self._count(before, -1)
                    del self._lines[number, key]
                if line is not None:
                    self._count(line, 1)
                    self._lines[number, key] = line

    def _count(self, line: str, change: int) -> None:
        before = self._counts.get(line, 0)
        self._told.setdefault(line, before > 0)
        if before + change:
            self._counts[line] = before + change
        else:
            del self._counts[line]


class _Present:
    """Puts the elements of a relation into a ``Noted``."""

    __slots__ = ("_into",)

    def __init__(self, into: Noted[Any, None]) -> None:
        self._into = into

    def insert(self, element: Any) -> None:
        self._into[element] = None

    def remove(self, element: Any) -> None:
        del self._into[element]

    def change(self, element: Any, mask: int) -> None:
        """Notices are values: they do not change."""

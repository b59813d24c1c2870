"""Values of an OVSDB column: atoms, sets and maps, and their JSON form (RFC 7047 section 5.1).

One representation serves server, client, replica and derivations, so that a value decoded once is
shared by all of them.  The shape depends on the column's type only:

=====================================  ====================================================
type                                   Python value
=====================================  ====================================================
scalar (min 1, max 1, no value type)   the atom: ``int float bool str UUID``
optional (min 0, max 1, no value)      the atom, or ``None`` for the empty set
set (max > 1)                          ``frozenset`` of atoms
map (has a value type)                 ``FrozenMap`` from atom to atom
=====================================  ====================================================

All values are immutable and hashable.  ``UUID`` is a ``str``, so it costs no more than the text
that travels on the wire, yet is told from a string.  This module knows nothing of schemas; the JSON
conversion that depends on a type is ``ColumnType.from_json`` and ``to_json`` in ``schema``.
"""

from __future__ import annotations

import re
from typing import Any, Final, NoReturn, TypeVar

_UUID_PATTERN: Final = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")

ID: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""An <id> of RFC 7047 section 3.1: names of tables, columns, locks, and of UUIDs within a transaction."""

K = TypeVar("K")
V = TypeVar("V")


class UUID(str):
    """A row's name: 36 characters in lower case, as in ``["uuid", TEXT]``."""

    __slots__ = ()

    @staticmethod
    def parse(text: str) -> UUID:
        """Check ``text`` and fold it to lower case; raises ``ValueError``."""
        if not _UUID_PATTERN.fullmatch(text):
            raise ValueError(f'"{text}" is not a valid UUID')
        return UUID(text.lower())

    @staticmethod
    def is_valid(text: str) -> bool:
        """Tell whether ``text`` has the form of a UUID."""
        return _UUID_PATTERN.fullmatch(text) is not None

    def __repr__(self) -> str:
        return f"UUID({str.__str__(self)!r})"


ZERO_UUID: Final = UUID("00000000-0000-0000-0000-000000000000")


class FrozenMap(dict[K, V]):
    """A map value: a ``dict`` that is hashable because nothing can change it."""

    __slots__ = ("_hash",)
    _hash: int

    def __hash__(self) -> int:  # type: ignore[override]  # dict is unhashable, this one is a value
        try:
            return self._hash
        except AttributeError:
            self._hash = hash(frozenset(self.items()))
            return self._hash

    def _refuse(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise TypeError("a map value is immutable")

    __setitem__ = __delitem__ = clear = pop = popitem = setdefault = update = _refuse
    __ior__ = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return (FrozenMap, (dict(self),))


EMPTY_SET: Final[frozenset[Any]] = frozenset()
EMPTY_MAP: Final[FrozenMap[Any, Any]] = FrozenMap()

Atom = int | float | bool | str | UUID
Value = Atom | None | frozenset[Any] | FrozenMap[Any, Any]


def atom_to_json(atom: Atom) -> Any:
    """RFC 7047 <atom>: a UUID becomes ``["uuid", TEXT]``, every other atom is itself."""
    return ["uuid", str(atom)] if isinstance(atom, UUID) else atom


def sort_key(atom: Atom) -> Any:
    """Order atoms of one type as ovsdb-server prints them: numbers by value, the rest by text."""
    return atom


def value_to_json(value: Value) -> Any:
    """RFC 7047 <value> of a value whose shape tells its type; sets and maps come out sorted.

    A set of one element is written as the bare atom, as ovsdb-server does.
    """
    kind = type(value)
    if kind is str or kind is int:  # nearly all
        return value
    if value is None:
        return ["set", []]
    if isinstance(value, frozenset):
        if len(value) == 1:
            (atom,) = value
            return atom_to_json(atom)
        return ["set", [atom_to_json(atom) for atom in sorted(value, key=sort_key)]]
    if isinstance(value, FrozenMap):
        return [
            "map",
            [
                [k if type(k) is str else atom_to_json(k), v if type(v) is str else atom_to_json(v)]
                for k, v in sorted(value.items())
            ],
        ]
    return atom_to_json(value)

"""From the JSON of monitor updates to native column values, as fast as Python goes.

For every column of the server's schema there is a ``Codec``: two functions chosen once by the column's
type, so that nothing is decided again per value.

* ``decode`` turns RFC 7047's <value> (section 5.1) into the shapes of ``values``;
* ``patch`` applies the difference of a ``modify`` in <table-updates2> (ovsdb-server(7), section
  4.1.14): a single value is replaced, of two sets the elements that only one of them has are left, and
  of two maps the pairs of the difference replace, add, or (when equal) remove.

Values that are likely to come again (strings, row names, small sets) are shared through an ``Interner``,
which is a cache and no more: it may forget at any time.

The server is believed as to constraints: it has checked them.  JSON of the wrong form raises one of
``MALFORMED``; ``replica`` turns that into its own error.  Checked conversion of what people and clients
write is ``datum``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pyovn.ovsdb.values import EMPTY_MAP, EMPTY_SET, UUID, FrozenMap, Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.ovsdb.schema import ColumnType

MALFORMED: Final = (TypeError, ValueError, KeyError, IndexError, AttributeError)
"""What decoding JSON of an unexpected form raises."""

_INTERN_LIMIT: Final = 1 << 17
_SHORT: Final = 100
_SMALL: Final = 4
_ABSENT: Final = object()


class Interner:
    """One object per repeated value, kinds apart, for a UUID equals the string of its text."""

    __slots__ = ("_sets", "_strings", "_uuids")

    def __init__(self) -> None:
        self._strings: dict[str, str] = {}
        self._uuids: dict[str, UUID] = {}
        self._sets: dict[str, dict[frozenset[Any], frozenset[Any]]] = {}

    def string(self, text: Any) -> str:
        """``text``, or the equal string that was seen before."""
        if len(text) > _SHORT:
            return text  # type: ignore[no-any-return]
        found = self._strings.get(text)
        if found is not None:
            return found
        if len(self._strings) > _INTERN_LIMIT:
            self._strings.clear()
        self._strings[text] = text
        return text  # type: ignore[no-any-return]

    def uuid(self, text: str) -> UUID:
        """The row name ``text``."""
        found = self._uuids.get(text)
        if found is None:
            if len(self._uuids) > _INTERN_LIMIT:
                self._uuids.clear()
            found = self._uuids[text] = UUID(text)
        return found

    def sets(self, kind: str) -> dict[frozenset[Any], frozenset[Any]]:
        """The small sets of atoms of one type."""
        return self._sets.setdefault(kind, {})


class Codec(NamedTuple):
    """How one column is read."""

    decode: Callable[[Any], Value]
    patch: Callable[[Any, Any], Value] | None
    """New value from the old one and the difference; None where the difference is the new value."""


def _atom_decoder(kind: str, interner: Interner) -> Callable[[Any], Any] | None:
    """The function from JSON to an atom; None where JSON's own value is the atom."""
    if kind == "uuid":
        uuid = interner.uuid
        return lambda json: uuid(json[1])
    if kind == "string":
        return interner.string
    if kind == "real":
        return float
    return None


def _optional_decoder(atom: Callable[[Any], Any] | None, is_uuid: bool) -> Callable[[Any], Value]:
    """``["set", []]``, ``["set", [atom]]`` or the bare atom."""

    def decode(json: Any) -> Value:
        if type(json) is list and (not is_uuid or json[0] == "set"):
            if not json[1]:
                return None
            json = json[1][0]
        return json if atom is None else atom(json)  # type: ignore[no-any-return]

    return decode


def _set_decoder(atom: Callable[[Any], Any] | None, kind: str, interner: Interner) -> Callable[[Any], Value]:
    is_uuid = kind == "uuid"
    seen = interner.sets(kind)

    def decode(json: Any) -> Value:
        if type(json) is list and (not is_uuid or json[0] == "set"):
            json = json[1]
            if not json:
                return EMPTY_SET
            value = frozenset(json if atom is None else map(atom, json))
        else:
            value = frozenset((json if atom is None else atom(json),))
        if len(value) > _SMALL:
            return value
        if len(seen) > _INTERN_LIMIT:
            seen.clear()
        return seen.setdefault(value, value)

    return decode


def _map_decoder(
    key: Callable[[Any], Any] | None, value: Callable[[Any], Any] | None
) -> Callable[[Any], Value]:
    def decode(json: Any) -> Value:
        pairs = json[1]
        if not pairs:
            return EMPTY_MAP
        if key is None:
            if value is None:
                return FrozenMap(pairs)
            return FrozenMap([(k, value(v)) for k, v in pairs])
        if value is None:
            return FrozenMap([(key(k), v) for k, v in pairs])
        return FrozenMap([(key(k), value(v)) for k, v in pairs])

    return decode


def _patch_set(old: frozenset[Any], difference: frozenset[Any]) -> Value:
    return old ^ difference


def _patch_map(old: FrozenMap[Any, Any], difference: FrozenMap[Any, Any]) -> Value:
    merged = dict(old)
    for key, value in difference.items():
        if merged.get(key, _ABSENT) == value:
            del merged[key]
        else:
            merged[key] = value
    return FrozenMap(merged) if merged else EMPTY_MAP


def as_it_is(json: Any) -> Value:
    """Decode a value that is JSON's own; who decodes many need not call it."""
    return json  # type: ignore[no-any-return]


def codec(kind: ColumnType, interner: Interner) -> Codec:
    """The functions for a column of type ``kind``."""
    key = _atom_decoder(kind.key.type, interner)
    many = kind.max > 1
    if kind.value is not None:
        decode = _map_decoder(key, _atom_decoder(kind.value.type, interner))
        return Codec(decode, _patch_map if many else None)
    if many:
        return Codec(_set_decoder(key, kind.key.type, interner), _patch_set)
    if kind.min == 0:
        return Codec(_optional_decoder(key, kind.key.type == "uuid"), None)
    return Codec(key or as_it_is, None)

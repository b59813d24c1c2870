"""Values from JSON, checked against a column's type (RFC 7047 section 5.1), and back.

A ``Datum`` is a column type made ready for use: parsing, checking and differencing as closures that
were chosen once from the type, so no value asks what its type is.  ``datum(type)`` makes one per type
and keeps it; ``value_from_json`` is the same for a caller that has a type only.

Named UUIDs (``["named-uuid", NAME]``) are looked up in the mapping that is passed in; a transaction
passes one that invents a UUID for a name it has not met yet.  Without a mapping they are refused.

The wording of errors is part of the protocol in practice: it is what ovsdb-server says.
"""

from __future__ import annotations

import math
from functools import cache
from sys import intern
from typing import TYPE_CHECKING, Any, Final

from pyovn.ovsdb.errors import ConstraintViolationError, OvsdbError, syntax_error
from pyovn.ovsdb.schema import INTEGER_MAX, INTEGER_MIN, UNLIMITED, BaseType, ColumnType
from pyovn.ovsdb.setdelta import delta
from pyovn.ovsdb.text import atom_text, real_text, type_text
from pyovn.ovsdb.values import ID, UUID, Atom, FrozenMap, Value, atom_to_json, value_to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Names = Mapping[str, UUID] | None
    AtomParser = Callable[[Any, Names], Any]
    Parser = Callable[[Any, Names], Value]

_EXPECT_UUID: Final = 'expected ["uuid", <string>]'
_EXPECT_SET: Final = 'expected ["set", <array>]'
_EXPECT_MAP: Final = 'expected ["map", <array>]'
_PAIR: Final = 2
_UUIDS_KEPT: Final = 1 << 14

_uuids: dict[str, UUID] = {}
"""UUIDs that were referred to of late: thousands of rows refer to the same, and share it."""


# Atoms


def _string(json: Any, _names: Names) -> str:
    if type(json) is not str:
        raise syntax_error("expected string", json)
    return json


def _boolean(json: Any, _names: Names) -> bool:
    if type(json) is not bool:
        raise syntax_error("expected boolean", json)
    return json


def _integer(json: Any, _names: Names) -> int:
    if type(json) is float and json.is_integer():
        json = int(json)
    if type(json) is not int or not INTEGER_MIN <= json <= INTEGER_MAX:
        raise syntax_error("expected integer", json)
    return json


def _real(json: Any, _names: Names) -> float:
    if type(json) is int:
        return float(json)
    if type(json) is not float or not math.isfinite(json):
        raise syntax_error("expected real", json)
    return json


def _new_uuid(text: str, json: list[Any]) -> UUID:
    try:
        uuid = UUID.parse(text)
    except ValueError as error:
        raise syntax_error(str(error), json) from None
    if len(_uuids) >= _UUIDS_KEPT:
        _uuids.clear()
    _uuids[uuid] = uuid
    return uuid


def _uuid(json: Any, names: Names) -> UUID:
    if type(json) is not list or len(json) != _PAIR or type(json[1]) is not str:
        raise syntax_error(_EXPECT_UUID, json)
    kind, text = json
    if kind == "uuid":
        return _uuids.get(text) or _new_uuid(text, json)
    if kind == "named-uuid" and names is not None:
        if ID.fullmatch(text) is None:
            raise syntax_error("named-uuid string is not a valid <id>", json)
        return names[text]
    raise syntax_error(_EXPECT_UUID, json)


_ATOM_PARSERS: Final[dict[str, AtomParser]] = {
    "string": _string,
    "boolean": _boolean,
    "integer": _integer,
    "real": _real,
    "uuid": _uuid,
}


# Constraints of atoms


def _enum_check(base: BaseType) -> Callable[[Any], None]:
    allowed = frozenset(base.enum or ())
    listed = ", ".join(map(atom_text, sorted(allowed)))

    def check(atom: Any) -> None:
        if atom not in allowed:
            raise ConstraintViolationError(f"{atom_text(atom)} is not one of the allowed values ([{listed}])")

    return check


def _range_check(base: BaseType) -> Callable[[Any], None]:
    show = real_text if base.type == "real" else str
    low, high = base.min, base.max

    def check(atom: Any) -> None:
        if (low is None or atom >= low) and (high is None or atom <= high):
            return
        if low is not None and high is not None:
            span = f"{show(low)} to {show(high)}"
            raise ConstraintViolationError(f"{show(atom)} is not in the valid range {span} (inclusive)")
        if low is not None:
            raise ConstraintViolationError(f"{show(atom)} is less than minimum allowed value {show(low)}")
        raise ConstraintViolationError(
            f"{show(atom)} is greater than maximum allowed value {show(high or 0)}"
        )

    return check


def _length_check(base: BaseType) -> Callable[[Any], None]:
    low = base.min_length or 0
    high = UNLIMITED if base.max_length is None else base.max_length

    def check(atom: Any) -> None:
        length = len(atom)
        if length < low:
            raise ConstraintViolationError(
                f'"{atom}" length {length} is less than minimum allowed length {low}'
            )
        if length > high:
            raise ConstraintViolationError(
                f'"{atom}" length {length} is greater than maximum allowed length {high}'
            )

    return check


@cache
def atom_check(base: BaseType) -> Callable[[Any], None] | None:
    """A function that raises if an atom breaks a constraint of ``base``; None if there is no constraint."""
    if base.enum is not None:
        return _enum_check(base)
    if base.min is not None or base.max is not None:
        return _range_check(base)
    if base.min_length is not None or base.max_length is not None:
        return _length_check(base)
    return None


@cache
def atom_parser(base: BaseType) -> AtomParser:
    """A function from JSON to an atom of ``base``, constraints included."""
    parse, check = _ATOM_PARSERS[base.type], atom_check(base)
    if check is None:
        return parse

    def checked(json: Any, names: Names) -> Any:
        atom = parse(json, names)
        check(atom)
        return atom

    return checked


# Values


def _check_count(what: str, kind: ColumnType, count: int, json: Any) -> None:
    if kind.min <= count <= kind.max:
        return
    if kind.min == kind.max == 1:
        wanted = "exactly one member"
    elif kind.max == UNLIMITED:
        wanted = f"{kind.min} or more members"
    else:
        wanted = f"{kind.min} to {kind.max} members"
    raise syntax_error(f"{what} must have {wanted} but {count} are present", json)


def _set_atoms(kind: ColumnType, json: list[Any], names: Names, atom: AtomParser) -> frozenset[Any]:
    if len(json) != _PAIR or type(json[1]) is not list:
        raise syntax_error(_EXPECT_SET, json)
    members = json[1]
    _check_count("set", kind, len(members), json)
    atoms = frozenset([atom(member, names) for member in members])
    if len(atoms) != len(members):
        raise OvsdbError("ovsdb error", "set contains duplicate")
    return atoms


def _single_parser(kind: ColumnType) -> Parser:
    atom = atom_parser(kind.key)

    def parse(json: Any, names: Names) -> Value:
        if type(json) is list and json and json[0] == "set":
            for only in _set_atoms(kind, json, names, atom):
                return only  # type: ignore[no-any-return]  # an atom of the key's type
            return None
        return atom(json, names)  # type: ignore[no-any-return]  # an atom of the key's type

    return parse


def _set_parser(kind: ColumnType) -> Parser:
    atom = atom_parser(kind.key)

    def parse(json: Any, names: Names) -> Value:
        if type(json) is list and json and json[0] == "set":
            return _set_atoms(kind, json, names, atom)
        return frozenset((atom(json, names),))

    return parse


def _map_parser(kind: ColumnType, value: BaseType) -> Parser:
    key_atom, value_atom = atom_parser(kind.key), atom_parser(value)
    text_keys = kind.key.type == "string"

    def parse(json: Any, names: Names) -> Value:
        if type(json) is not list or len(json) != _PAIR or json[0] != "map" or type(json[1]) is not list:
            raise syntax_error(_EXPECT_MAP, json)
        pairs = json[1]
        _check_count("map", kind, len(pairs), json)
        found = {}
        for pair in pairs:
            if type(pair) is not list or len(pair) != _PAIR:
                raise syntax_error("expected 2-element array", pair)
            key = key_atom(pair[0], names)
            found[intern(key) if text_keys else key] = value_atom(pair[1], names)
        if len(found) != len(pairs):
            raise OvsdbError("ovsdb error", "map contains duplicate key")
        return FrozenMap(found)

    return parse


def set_difference(old: Any, new: Any) -> Value:
    """Elements of only one of two sets (ovsdb-server(7), section 4.1.14)."""
    added, removed = delta(old, new)
    return added | removed if removed else added


def set_patched(old: Any, difference: Any) -> Value:
    """``new`` from ``old`` and ``set_difference(old, new)``."""
    return old ^ difference  # type: ignore[no-any-return]  # both are frozensets


def map_difference(old: Any, new: Any) -> Value:
    """Pairs of only one of two maps, and of ``new`` where both have the key (section 4.1.14)."""
    found = {key: value for key, value in old.items() if key not in new}
    found.update((key, value) for key, value in new.items() if key not in old or old[key] != value)
    return FrozenMap(found)


def map_patched(old: Any, difference: Any) -> Value:
    """``new`` from ``old`` and ``map_difference(old, new)``."""
    result = dict(old)
    for key, value in difference.items():
        if key in result and result[key] == value:
            del result[key]
        else:
            result[key] = value
    return FrozenMap(result)


def _replacement(_old: Any, new: Any) -> Value:
    return new  # type: ignore[no-any-return]  # the difference between single values is the new one


class Datum:
    """A column type made ready for use."""

    def __init__(self, kind: ColumnType) -> None:
        self.type = kind
        self.default = kind.default()
        self.is_single = kind.max == 1 and kind.value is None
        self.parse: Parser
        self.difference: Callable[[Any, Any], Value] = _replacement
        self.patched: Callable[[Any, Any], Value] = _replacement
        if kind.value is not None:
            self.parse = _map_parser(kind, kind.value)
            if kind.max > 1:
                self.difference, self.patched = map_difference, map_patched
        elif kind.max > 1:
            self.parse = _set_parser(kind)
            self.difference, self.patched = set_difference, set_patched
        else:
            self.parse = _single_parser(kind)
        self.checks = (atom_check(kind.key), None if kind.value is None else atom_check(kind.value))
        self.default_error = self._find_default_error()

    def _find_default_error(self) -> OvsdbError | None:
        """Why a row cannot be inserted without this column, or None."""
        try:
            self.check(self.default)
        except OvsdbError as error:
            return error
        return None

    def parse_difference(self, json: Any) -> Value:
        """Parse what ``difference`` yields, which may have more elements than a value may."""
        if self.type.max == 1:
            return self.parse(json, None)
        return datum(ColumnType(self.type.key, self.type.value, 0, UNLIMITED)).parse(json, None)

    def check(self, value: Value) -> None:
        """Check constraints of the atoms of a value that did not come through ``parse``."""
        of_key, of_value = self.checks
        if of_key is not None:
            for atom in self.type.atoms(value):
                of_key(atom)
        if of_value is not None and isinstance(value, FrozenMap):
            for atom in value.values():
                of_value(atom)

    def check_count(self, value: Value) -> None:
        """Check how many elements a value has that did not come through ``parse``."""
        count = len(self.type.atoms(value))
        if not self.type.min <= count <= self.type.max:
            raise ConstraintViolationError(f"Attempted to store {count} elements in {type_text(self.type)}.")


@cache
def datum(kind: ColumnType) -> Datum:
    """The ``Datum`` of a type."""
    return Datum(kind)


def value_from_json(kind: ColumnType, json: Any, named: Mapping[str, UUID] | None = None) -> Value:
    """Parse RFC 7047 <value>; raises ``OvsdbError``, for a broken constraint also ``ConstraintError``."""
    return datum(kind).parse(json, named)


__all__ = ["Atom", "Datum", "atom_to_json", "datum", "value_from_json", "value_to_json"]

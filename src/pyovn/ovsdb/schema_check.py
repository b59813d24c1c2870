"""What is wrong with a schema, member by member, in the words of ovsdb-server (RFC 7047 section 3.2).

``DatabaseSchema.from_json`` believes what it is given, as a client may believe its server.  A schema that
a user or a client of ours wrote is not believed: ``check_schema`` looks at every member's presence, type
and range before anything is made of it.  The tables below are the grammar; they are data with one reader.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from pyovn.ovsdb.datum import datum
from pyovn.ovsdb.errors import OvsdbError, syntax_error
from pyovn.ovsdb.schema import UNLIMITED, BaseType, ColumnType
from pyovn.ovsdb.values import ID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Kind = str | tuple[str, ...]
    Members = dict[str, tuple[Kind, bool]]

_VERSION: Final = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")

_SCHEMA: Final[Members] = {
    "name": ("id", True),
    "version": ("string", False),
    "cksum": ("string", False),
    "tables": ("object", True),
}
_TABLE: Final[Members] = {
    "columns": ("object", True),
    "maxRows": ("integer", False),
    "isRoot": ("boolean", False),
    "indexes": ("array", False),
}
_COLUMN: Final[Members] = {
    "mutable": ("boolean", False),
    "ephemeral": ("boolean", False),
    "type": (("string", "object"), True),
}
_TYPE: Final[Members] = {
    "key": (("string", "object"), True),
    "value": (("string", "object"), False),
    "min": ("integer", False),
    "max": (("integer", "string"), False),
}
_BASE: Final[Members] = {"type": ("string", True), "enum": ("any", False)}
_LIMITS: Final[dict[str, Members]] = {
    "integer": {"minInteger": ("integer", False), "maxInteger": ("integer", False)},
    "real": {"minReal": ("number", False), "maxReal": ("number", False)},
    "boolean": {},
    "string": {"minLength": ("integer", False), "maxLength": ("integer", False)},
    "uuid": {"refTable": ("id", False)},
}

_IS_KIND: Final[dict[str, Callable[[Any], bool]]] = {
    "any": lambda _value: True,
    "id": lambda value: isinstance(value, str) and ID.fullmatch(value) is not None,
    "string": lambda value: isinstance(value, str),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
}


def _check_members(json: Any, members: Members, subject: str) -> None:
    lead = f"Parsing {subject} failed: "
    if not isinstance(json, dict):
        raise syntax_error(lead + "Object expected.")
    for name, (kinds, required) in members.items():
        if name not in json:
            if required:
                raise syntax_error(f"{lead}Required '{name}' member is missing.", json)
            continue
        if not any(_IS_KIND[kind](json[name]) for kind in ((kinds,) if isinstance(kinds, str) else kinds)):
            raise syntax_error(f"{lead}Type mismatch for member '{name}'.", json)
    for name in json:
        if name not in members:
            raise syntax_error(f"{lead}Member '{name}' is present but not allowed here.", json)


def _check_names(names: Any, json: Any) -> None:
    for name in names:
        if name.startswith("_"):
            raise syntax_error('names beginning with "_" are reserved', json)
        if not ID.fullmatch(name):
            raise syntax_error("name must be a valid id", json)


def check_schema(json: Any) -> None:
    """Raise ``OvsdbError`` unless ``json`` is a <database-schema>."""
    _check_members(json, _SCHEMA, "database schema")
    version = json.get("version")
    if version is not None and not _VERSION.fullmatch(version):
        raise syntax_error(f'schema version "{version}" not in format x.y.z', json)
    for name, table in json["tables"].items():
        _check_names((name,), json)
        _check_table(name, table)
    for table in json["tables"].values():
        for name, column in table["columns"].items():
            for role, target in _references(column["type"]):
                if target not in json["tables"]:
                    raise OvsdbError(
                        "syntax error", f"column {name} {role} refers to undefined table {target}"
                    )


def _references(kind: Any) -> Iterator[tuple[str, str]]:
    if isinstance(kind, dict):
        for role in ("key", "value"):
            base = kind.get(role)
            if isinstance(base, dict) and "refTable" in base:
                yield role, base["refTable"]


def _check_table(name: str, json: Any) -> None:
    _check_members(json, _TABLE, f"table schema for table {name}")
    if json.get("maxRows", 1) < 1:
        raise syntax_error("maxRows must be at least 1", json)
    columns = json["columns"]
    if not columns:
        raise syntax_error("table must have at least one column", json)
    for column, schema in columns.items():
        _check_names((column,), json)
        _check_column(column, schema)
    for index in json.get("indexes", ()):
        is_list = isinstance(index, list) and all(isinstance(column, str) for column in index)
        if not is_list or len(set(index)) != len(index):
            raise syntax_error("array of distinct column names expected", index)
        for column in index:
            if column not in columns:
                raise syntax_error(f"{column} is not a valid column name", index)
        if not index:
            raise syntax_error("index must have at least one column", json)
        for column in index:
            if columns[column].get("ephemeral"):
                raise syntax_error(f"ephemeral columns (such as {column}) may not be indexed", json)


def _check_column(name: str, json: Any) -> None:
    _check_members(json, _COLUMN, f"schema for column {name}")
    kind = json["type"]
    if isinstance(kind, str):
        _check_base(kind)
        return
    _check_members(kind, _TYPE, "ovsdb type")
    _check_base(kind["key"])
    if "value" in kind:
        _check_base(kind["value"])
    low, high = _count(kind.get("min", 1)), _count(kind.get("max", 1))
    if not (low <= 1 <= high):
        raise syntax_error("ovsdb type fails constraint checks", kind)


def _count(json: Any) -> int:
    if json == "unlimited":
        return UNLIMITED
    if isinstance(json, str) or not 0 <= json < UNLIMITED:
        raise syntax_error("bad min or max value", json)
    return int(json)


def _check_base(json: Any) -> None:
    if isinstance(json, str):
        _check_atomic(json)
        return
    kind = json.get("type")
    members = dict(_BASE)
    if isinstance(kind, str):
        _check_atomic(kind)
        if "enum" not in json:
            members |= _LIMITS[kind]
            if "refTable" in json:
                members["refType"] = ("id", False)
    _check_members(json, members, "ovsdb type")
    if "enum" in json:
        datum(ColumnType(BaseType(json["type"]), None, 1, UNLIMITED)).parse(json["enum"], None)
    _check_limits(json)
    reference = json.get("refType", "strong")
    if reference not in {"strong", "weak"}:
        raise syntax_error(f'refType must be "strong" or "weak" (not "{reference}")', json)


def _check_atomic(name: str) -> None:
    if name not in _LIMITS:
        raise syntax_error(f'"{name}" is not an atomic-type', name)


def _check_limits(json: dict[str, Any]) -> None:
    for member in ("minLength", "maxLength"):
        if not 0 <= json.get(member, 0) <= UNLIMITED:
            raise syntax_error(f"{member} out of valid range 0 to {UNLIMITED}", json[member])
    for kind in ("Integer", "Real", "Length"):
        low, high = json.get("min" + kind), json.get("max" + kind)
        if low is not None and high is not None and low > high:
            raise syntax_error(f"min{kind} exceeds max{kind}", json)

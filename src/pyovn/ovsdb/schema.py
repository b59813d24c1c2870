"""Database schemas: types, columns and tables, and their JSON form (RFC 7047 sections 3.2 and 5.1).

A schema is data that the server sends and the client believes: what stands in ``schemas`` is what
this release of pyovn was written against, what arrives here is what a peer really has.  Every class
is an immutable value; ``from_json`` checks, ``to_json`` writes the canonical form, and the two are
inverse to each other.

Not here: how rows are stored or changed (``engine``), nor typed access to columns (``schemas``).
"""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple

from pyovn.ovsdb.values import EMPTY_MAP, EMPTY_SET, UUID, ZERO_UUID, Atom, FrozenMap, Value, atom_to_json

AtomicType = Literal["integer", "real", "boolean", "string", "uuid"]
UNLIMITED: Final = 0xFFFFFFFF

INTEGER_MIN: Final = -(2**63)
INTEGER_MAX: Final = 2**63 - 1

_DEFAULT_ATOM: Final[dict[str, Atom]] = {
    "integer": 0,
    "real": 0.0,
    "boolean": False,
    "string": "",
    "uuid": ZERO_UUID,
}


class SchemaError(ValueError):
    """The JSON is not a database schema; the message says where and why."""


class ConstraintError(ValueError):
    """A value of the right JSON form breaks a constraint of its type (enum, range, length, count)."""


class BaseType(NamedTuple):
    """RFC 7047 <base-type>: an atomic type and its constraints."""

    type: AtomicType
    enum: tuple[Atom, ...] | None = None
    min: int | float | None = None
    max: int | float | None = None
    min_length: int | None = None
    max_length: int | None = None
    ref_table: str | None = None
    ref_type: Literal["strong", "weak"] = "strong"

    @staticmethod
    def from_json(json: Any) -> BaseType:
        """Parse an atomic type name or the object form; raises ``SchemaError``."""
        if isinstance(json, str):
            json = {"type": json}
        if not isinstance(json, dict) or json.get("type") not in _DEFAULT_ATOM:
            raise SchemaError(f"{json!r} is not a base type")
        known = {"type", "enum", "minInteger", "maxInteger", "minReal", "maxReal", "minLength", "maxLength"}
        unknown = set(json) - known - {"refTable", "refType"}
        if unknown:
            raise SchemaError(f"base type has unexpected member {min(unknown)!r}")
        kind: AtomicType = json["type"]
        enum = json.get("enum")
        if enum is not None:
            enum = tuple(sorted(enum[1])) if isinstance(enum, list) and enum[:1] == ["set"] else (enum,)
        return BaseType(
            type=kind,
            enum=enum,
            min=json.get("minInteger", json.get("minReal")),
            max=json.get("maxInteger", json.get("maxReal")),
            min_length=json.get("minLength"),
            max_length=json.get("maxLength"),
            ref_table=json.get("refTable"),
            ref_type=json.get("refType", "strong"),
        )

    def to_json(self) -> Any:
        """The shortest form: a bare name when there is no constraint."""
        json: dict[str, Any] = {"type": self.type}
        if self.enum is not None:
            members = [atom_to_json(a) for a in self.enum]
            json["enum"] = members[0] if len(members) == 1 else ["set", members]
        suffix = "Real" if self.type == "real" else "Integer"
        limits = (
            ("min" + suffix, self.min),
            ("max" + suffix, self.max),
            ("minLength", self.min_length),
            ("maxLength", self.max_length),
        )
        json.update({name: value for name, value in limits if value is not None})
        if self.ref_table is not None:
            json["refTable"] = self.ref_table
            if self.ref_type != "strong":
                json["refType"] = self.ref_type
        return self.type if len(json) == 1 else json

    def default(self) -> Atom:
        """The atom that a column without a value holds (RFC 7047 section 5.2.1), allowed or not."""
        return _DEFAULT_ATOM[self.type]


class ColumnType(NamedTuple):
    """RFC 7047 <type>: a key type, an optional value type, and how many."""

    key: BaseType
    value: BaseType | None = None
    min: int = 1
    max: int = 1

    @staticmethod
    def from_json(json: Any) -> ColumnType:
        """Parse an atomic type name or the object form; raises ``SchemaError``."""
        if isinstance(json, str):
            return ColumnType(BaseType.from_json(json))
        if not isinstance(json, dict) or "key" not in json:
            raise SchemaError(f"{json!r} is not a column type")
        unknown = set(json) - {"key", "value", "min", "max"}
        if unknown:
            raise SchemaError(f"column type has unexpected member {min(unknown)!r}")
        low, high = json.get("min", 1), json.get("max", 1)
        high = UNLIMITED if high == "unlimited" else high
        if low not in {0, 1} or not isinstance(high, int) or high < max(low, 1):
            raise SchemaError(f"column type has min {low!r} and max {high!r}")
        value = json.get("value")
        return ColumnType(
            BaseType.from_json(json["key"]),
            None if value is None else BaseType.from_json(value),
            low,
            high,
        )

    def to_json(self) -> Any:
        """The shortest form: a bare name for an unconstrained scalar."""
        key = self.key.to_json()
        if self.is_scalar:
            if isinstance(key, str):
                return key
            return {"key": key}
        json: dict[str, Any] = {"key": key}
        if self.value is not None:
            json["value"] = self.value.to_json()
        if self.min != 1:
            json["min"] = self.min
        if self.max != 1:
            json["max"] = "unlimited" if self.max == UNLIMITED else self.max
        return json

    @property
    def is_map(self) -> bool:
        """A map has a value type."""
        return self.value is not None

    @property
    def is_scalar(self) -> bool:
        """Exactly one atom."""
        return self.value is None and self.min == 1 and self.max == 1

    @property
    def is_optional(self) -> bool:
        """One atom or none."""
        return self.value is None and self.min == 0 and self.max == 1

    @property
    def is_set(self) -> bool:
        """A set that may hold more than one atom."""
        return self.value is None and self.max > 1

    def default(self) -> Value:
        """The value of a column that was never written (RFC 7047 section 5.2.1)."""
        if self.is_scalar:
            return self.key.default()
        if self.value is not None:
            if self.min == 0:
                return EMPTY_MAP
            return FrozenMap({self.key.default(): self.value.default()})
        if self.min == 0:
            return None if self.max == 1 else EMPTY_SET
        return frozenset((self.key.default(),))

    def atoms(self, value: Value) -> frozenset[Any] | FrozenMap[Any, Any]:
        """View ``value`` as the set (or map) that RFC 7047 says every value is."""
        if isinstance(value, frozenset | FrozenMap):
            return value
        return EMPTY_SET if value is None else frozenset((value,))

    def shape(self, atoms: frozenset[Any]) -> Value:
        """Inverse of ``atoms`` for a type without a value type; the count is the caller's to check."""
        if self.max > 1:
            return atoms
        for atom in atoms:
            return atom  # type: ignore[no-any-return]
        return None

    def references(self, value: Value) -> list[tuple[str, str, UUID]]:
        """The row references within ``value`` as (table, ``strong|weak``, UUID)."""
        found: list[tuple[str, str, UUID]] = []
        key, val = self.key, self.value
        if key.ref_table is not None:
            found.extend((key.ref_table, key.ref_type, atom) for atom in self.atoms(value))
        if val is not None and val.ref_table is not None and isinstance(value, FrozenMap):
            found.extend((val.ref_table, val.ref_type, atom) for atom in value.values())
        return found


class ColumnSchema(NamedTuple):
    """RFC 7047 <column-schema>."""

    name: str
    type: ColumnType
    ephemeral: bool = False
    mutable: bool = True

    @staticmethod
    def from_json(name: str, json: Any) -> ColumnSchema:
        """Parse the object form; raises ``SchemaError``."""
        if not isinstance(json, dict) or "type" not in json:
            raise SchemaError(f"column {name}: {json!r} is not a column schema")
        try:
            kind = ColumnType.from_json(json["type"])
        except SchemaError as error:
            raise SchemaError(f"column {name}: {error}") from error
        return ColumnSchema(name, kind, json.get("ephemeral", False), json.get("mutable", True))

    def to_json(self) -> Any:
        """Only what differs from the defaults."""
        json: dict[str, Any] = {"type": self.type.to_json()}
        if self.ephemeral:
            json["ephemeral"] = True
        if not self.mutable:
            json["mutable"] = False
        return json


class TableSchema(NamedTuple):
    """RFC 7047 <table-schema>; ``columns`` leaves out the implicit ``_uuid`` and ``_version``."""

    name: str
    columns: dict[str, ColumnSchema]
    is_root: bool = False
    max_rows: int = UNLIMITED
    indexes: tuple[tuple[str, ...], ...] = ()

    @staticmethod
    def from_json(name: str, json: Any) -> TableSchema:
        """Parse the object form; raises ``SchemaError``."""
        if not isinstance(json, dict) or not isinstance(json.get("columns"), dict):
            raise SchemaError(f"table {name}: {json!r} is not a table schema")
        try:
            columns = {c: ColumnSchema.from_json(c, j) for c, j in json["columns"].items()}
        except SchemaError as error:
            raise SchemaError(f"table {name}: {error}") from error
        indexes = tuple(tuple(index) for index in json.get("indexes", ()))
        for index in indexes:
            for column in index:
                if column not in columns:
                    raise SchemaError(f"table {name}: index on unknown column {column}")
        return TableSchema(name, columns, json.get("isRoot", False), json.get("maxRows", UNLIMITED), indexes)

    def to_json(self) -> Any:
        """Only what differs from the defaults."""
        json: dict[str, Any] = {"columns": {c.name: c.to_json() for c in self.columns.values()}}
        if self.is_root:
            json["isRoot"] = True
        if self.max_rows != UNLIMITED:
            json["maxRows"] = self.max_rows
        if self.indexes:
            json["indexes"] = [list(index) for index in self.indexes]
        return json


class DatabaseSchema(NamedTuple):
    """RFC 7047 <database-schema>."""

    name: str
    version: str
    tables: dict[str, TableSchema]
    cksum: str | None = None

    @staticmethod
    def from_json(json: Any) -> DatabaseSchema:
        """Parse the object form and check that references name tables; raises ``SchemaError``.

        When no table is a root, every table is (RFC 7047 section 3.2 on ``isRoot``).
        """
        if not isinstance(json, dict) or not isinstance(json.get("tables"), dict):
            raise SchemaError("not a database schema: no tables")
        if not isinstance(json.get("name"), str):
            raise SchemaError("not a database schema: no name")
        tables = {t: TableSchema.from_json(t, j) for t, j in json["tables"].items()}
        if all(table.is_root for table in tables.values()):  # which is what it means when none is
            tables = {name: table._replace(is_root=False) for name, table in tables.items()}
        for table in tables.values():
            for column in table.columns.values():
                for base in (column.type.key, column.type.value):
                    if base is not None and base.ref_table is not None and base.ref_table not in tables:
                        where = f"table {table.name}: column {column.name}"
                        raise SchemaError(f"{where} refers to unknown table {base.ref_table}")
        return DatabaseSchema(json["name"], json.get("version", ""), tables, json.get("cksum"))

    def to_json(self) -> Any:
        """The form of an ``.ovsschema`` file and of ``get_schema``."""
        json: dict[str, Any] = {"name": self.name}
        if self.version:
            json["version"] = self.version
        if self.cksum is not None:
            json["cksum"] = self.cksum
        json["tables"] = {t.name: t.to_json() for t in self.tables.values()}
        return json

    def is_root(self, table: str) -> bool:
        """Whether rows of ``table`` live without being referred to."""
        return self.tables[table].is_root or not any(t.is_root for t in self.tables.values())

"""A schema with every kind of column, and short ways to write operations; shared by the engine's tests."""

from __future__ import annotations

from typing import Any

from pyovn.ovsdb.engine import Database
from pyovn.ovsdb.schema import DatabaseSchema

Json = dict[str, Any]

SCHEMA: Json = {
    "name": "T",
    "version": "1.0.0",
    "tables": {
        "Root": {
            "isRoot": True,
            "columns": {
                "name": {"type": "string"},
                "kids": {"type": {"key": {"type": "uuid", "refTable": "Kid"}, "min": 0, "max": "unlimited"}},
                "friends": {
                    "type": {
                        "key": {"type": "uuid", "refTable": "Kid", "refType": "weak"},
                        "min": 0,
                        "max": "unlimited",
                    }
                },
                "best": {
                    "type": {
                        "key": {"type": "uuid", "refTable": "Root", "refType": "weak"},
                        "min": 0,
                        "max": 2,
                    }
                },
                "must": {
                    "type": {
                        "key": {"type": "uuid", "refTable": "Plain", "refType": "weak"},
                        "min": 0,
                        "max": 1,
                    }
                },
                "by_key": {
                    "type": {
                        "key": "string",
                        "value": {"type": "uuid", "refTable": "Kid"},
                        "min": 0,
                        "max": "unlimited",
                    }
                },
            },
        },
        "Kid": {
            "columns": {
                "name": {"type": "string"},
                "next": {"type": {"key": {"type": "uuid", "refTable": "Kid"}, "min": 0, "max": 1}},
            },
            "indexes": [["name"]],
        },
        "Pair": {
            "isRoot": True,
            "columns": {
                "a": {"type": "integer"},
                "b": {"type": {"key": "string", "min": 0, "max": "unlimited"}},
            },
            "indexes": [["a", "b"]],
            "maxRows": 4,
        },
        "Plain": {
            "isRoot": True,
            "columns": {
                "name": {"type": "string"},
                "i": {"type": "integer"},
                "r": {"type": "real"},
                "b": {"type": "boolean"},
                "u": {"type": "uuid"},
                "si": {"type": {"key": "integer", "min": 0, "max": "unlimited"}},
                "s3": {"type": {"key": "integer", "min": 1, "max": 3}},
                "m": {"type": {"key": "string", "value": "integer", "min": 0, "max": 3}},
                "oi": {"type": {"key": {"type": "integer", "maxInteger": 50}, "min": 0, "max": 1}},
                "os": {
                    "type": {"key": {"type": "string", "enum": ["set", ["a", "b", "c"]]}, "min": 0, "max": 1}
                },
                "len": {
                    "type": {"key": {"type": "string", "minLength": 2, "maxLength": 4}, "min": 0, "max": 1}
                },
                "rr": {"type": {"key": {"type": "real", "minReal": -1.5, "maxReal": 2.5}}},
                "fixed": {"type": "integer", "mutable": False},
                "eph": {"type": "integer", "ephemeral": True},
            },
        },
        "Choice": {
            "isRoot": True,
            "columns": {"e": {"type": {"key": {"type": "integer", "enum": ["set", [1, 2, 3]]}}}},
        },
    },
}


def make() -> Database:
    return Database(DatabaseSchema.from_json(SCHEMA))


def uuid(number: int) -> str:
    return f"{number:08x}-0000-4000-8000-000000000000"


def ref(number: int) -> list[str]:
    return ["uuid", uuid(number)]


def refs(*numbers: int) -> list[Any]:
    return ["set", [ref(n) for n in numbers]]


def insert(table: str, number: int | None = None, **row: Any) -> Json:
    op: Json = {"op": "insert", "table": table, "row": row}
    if number is not None:
        op["uuid"] = uuid(number)
    return op


def update(table: str, *where: Any, **row: Any) -> Json:
    return {"op": "update", "table": table, "where": list(where), "row": row}


def delete(table: str, *where: Any) -> Json:
    return {"op": "delete", "table": table, "where": list(where)}


def mutate(table: str, *mutations: Any, where: tuple[Any, ...] = ()) -> Json:
    return {"op": "mutate", "table": table, "where": list(where), "mutations": [list(m) for m in mutations]}


def select(table: str, *where: Any, columns: list[str] | None = None) -> Json:
    op: Json = {"op": "select", "table": table, "where": list(where)}
    if columns is not None:
        op["columns"] = columns
    return op


def run(database: Database, *operations: Json) -> list[Any]:
    """Results of a transaction that must not fail."""
    outcome = database.transact(operations)
    assert outcome.error is None, outcome.error.to_json()
    return outcome.results


def fail(database: Database, *operations: Any) -> Json:
    """The error of a transaction that must fail."""
    outcome = database.transact(operations)
    assert outcome.error is not None, outcome.results
    error: Json = outcome.error.to_json()
    assert error in outcome.results
    return error


def rows(database: Database, table: str, *columns: str) -> list[Json]:
    """The rows of a table, in a fixed order."""
    found: list[Json] = run(database, select(table, columns=list(columns)))[0]["rows"]
    return sorted(found, key=str)


def dump(database: Database) -> dict[str, Any]:
    """All that there is."""
    return {
        table: rows(database, table, "_uuid", *schema.columns)
        for table, schema in database.schema.tables.items()
    }

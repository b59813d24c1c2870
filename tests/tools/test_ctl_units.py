"""The ctl grammar, values, names and model, without a server."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyovn.ovsdb.schema import UNLIMITED, BaseType, ColumnType, DatabaseSchema
from pyovn.ovsdb.values import UUID, FrozenMap
from pyovn.tools.ctl import conditions, grammar, naming, text
from pyovn.tools.ctl.context import Symbols
from pyovn.tools.ctl.errors import CtlError
from pyovn.tools.ctl.model import Model, Row

JSON_SET = {"min": 0, "max": "unlimited"}
SCHEMA = DatabaseSchema.from_json(
    {
        "name": "Test",
        "version": "1.0.0",
        "tables": {
            "Root": {
                "isRoot": True,
                "columns": {
                    "name": {"type": "string"},
                    "kids": {
                        "type": {"key": {"type": "uuid", "refTable": "Kid"}, "min": 0, "max": "unlimited"}
                    },
                    "ids": {"type": {"key": "string", "value": "string", "min": 0, "max": "unlimited"}},
                },
            },
            "Kid": {
                "columns": {"name": {"type": "string"}, "number": {"type": {"key": "integer", "min": 0}}}
            },
            "Knight_Table": {"columns": {"name": {"type": "string"}}},
        },
    }
)
ROOT = UUID("11111111-0000-4000-8000-000000000000")
KID = UUID("22222222-0000-4000-8000-000000000000")
SET: dict[str, Any] = {"min": 0, "max": UNLIMITED}


def fresh_model() -> tuple[Model, Row]:
    model = Model(SCHEMA)
    root = Row(
        SCHEMA.tables["Root"], ROOT, {"name": "r", "kids": frozenset([KID]), "ids": FrozenMap({"a": "1"})}
    )
    model.tables = {
        "Root": {ROOT: root},
        "Kid": {KID: Row(SCHEMA.tables["Kid"], KID, {"name": "k", "number": 1})},
    }
    return model, root


atoms = {
    "integer": st.integers(-(2**63), 2**63 - 1),
    "boolean": st.booleans(),
    "string": st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    "uuid": st.uuids().map(lambda u: UUID(str(u))),
    "real": st.floats(allow_nan=False, allow_infinity=False).map(lambda x: float(f"{x:.15g}")),
}
base_types: Any = st.sampled_from(sorted(atoms))


@settings(max_examples=150, deadline=None)
@given(base_types, st.data())
def test_a_printed_set_reads_back(kind: Any, data: st.DataObject) -> None:
    column = ColumnType(BaseType(kind), **SET)
    value = data.draw(st.frozensets(atoms[kind], max_size=4))
    assert text.parse_value(column, text.format_value(column, value)) == value


@settings(max_examples=150, deadline=None)
@given(base_types, base_types, st.data())
def test_a_printed_map_reads_back(key: Any, value: Any, data: st.DataObject) -> None:
    column = ColumnType(BaseType(key), BaseType(value), **SET)
    pairs = FrozenMap(data.draw(st.dictionaries(atoms[key], atoms[value], max_size=4)))
    assert text.parse_value(column, text.format_value(column, pairs)) == pairs


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from('ab1 ,="[]{}:!<>@\\'), max_size=12), st.booleans())
def test_any_text_is_a_value_or_an_error(words: str, is_map: bool) -> None:
    column = ColumnType(BaseType("string"), BaseType("string") if is_map else None, **SET)
    try:
        value = text.parse_value(column, words)
    except CtlError:
        return
    assert text.parse_value(column, text.format_value(column, value)) == value


@settings(max_examples=100, deadline=None)
@given(st.frozensets(st.integers(0, 3)), st.frozensets(st.integers(0, 3)))
def test_relations_agree_with_each_other(a: frozenset[int], b: frozenset[int]) -> None:
    order = conditions.compare(a, b)
    assert conditions.compare(b, a) == -order
    assert conditions.holds("=", a, b) == conditions.holds("{=}", a, b) == (a == b)
    assert conditions.holds("{in}", a, b) == conditions.holds("{<=}", a, b)
    assert conditions.holds("<", a, b) + conditions.holds("=", a, b) + conditions.holds(">", a, b) == 1


def verbs() -> dict[str, grammar.Verb]:
    def run(_context: object, _command: object) -> None:
        """Nothing."""

    return {
        "one": grammar.Verb("one", 1, 1, run, options="--flag --value= --maybe?"),
        "none": grammar.Verb("none", 0, 0, run),
    }


def test_a_line_falls_into_commands() -> None:
    line = ["one", "x", "--", "--flag", "--value=3", "one", "y", "--", "none"]
    commands = grammar.parse_line(verbs(), line, {"--maybe": None})
    assert [(c.name, c.arguments, c.options) for c in commands] == [
        ("one", ("x",), {"--maybe": None}),
        ("one", ("y",), {"--flag": None, "--value": "3"}),
        ("none", (), {}),
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ([], "missing command name (use --help for help)"),
        (["two"], "unknown command 'two'; use --help for help"),
        (["one"], "'one' command requires at least 1 arguments"),
        (["none", "x"], "'none' command takes at most 0 arguments"),
        (["--flag=1", "one", "x"], "'--flag' option on 'one' does not accept an argument"),
        (["--value", "one", "x"], "missing argument to '--value' option on 'one' command"),
        (["--flag", "none"], "'none' command has no '--flag' option"),
    ],
)
def test_lines_that_make_no_sense(line: list[str], message: str) -> None:
    with pytest.raises(CtlError) as error:
        grammar.parse_line(verbs(), line, {})
    assert str(error.value) == message


def test_names_may_be_abbreviated_while_they_are_unique() -> None:
    assert naming.find_table(SCHEMA, "ro").name == "Root"
    assert naming.find_table(SCHEMA, "knight-t").name == "Knight_Table"
    assert naming.find_column(SCHEMA.tables["Kid"], "NU").name == "number"
    with pytest.raises(CtlError, match='"k" matches multiple table names: Kid, Knight_Table'):
        naming.find_table(SCHEMA, "k")


def test_a_record_is_found_by_name_uuid_and_prefix() -> None:
    model, root = fresh_model()
    ids: naming.RecordIds = {"Root": (naming.RecordId("Root", "name"), naming.RecordId("Root", "ids", "a"))}
    for record in ("r", ROOT, ROOT.upper(), "1111", "11111111-0"):
        assert naming.find_row(model, ids, "Root", record) is root
    assert naming.find_row(model, ids, "Root", "1") is root
    assert naming.find_row(model, ids, "Root", "111", must_exist=False) is None
    with pytest.raises(CtlError, match='no row "zz" in table Root'):
        naming.find_row(model, ids, "Root", "zz")


def test_what_a_line_changes_is_one_transaction() -> None:
    model, root = fresh_model()
    kid = model.insert("Kid")
    kid.put("name", "new")
    root.insert_atoms("kids", [kid.uuid])
    root.delete_atoms("kids", [KID])
    root.insert_atoms("ids", [("a", "2")])
    root.verify("name")
    root.put("name", "s")
    assert root.atoms("kids") == [kid.uuid]
    operations, inserted = model.operations()
    assert [row.uuid for row in inserted] == [kid.uuid]
    name = operations[1]["uuid-name"]
    where = [["_uuid", "==", ["uuid", ROOT]]]
    assert operations == [
        {
            "op": "wait", "timeout": 0, "table": "Root", "where": where, "columns": ["name"], "until": "==",
            "rows": [{"name": "r"}],
        },
        {"op": "insert", "table": "Kid", "row": {"name": "new"}, "uuid-name": name},
        {"op": "update", "table": "Root", "where": where, "row": {"name": "s"}},
        {
            "op": "mutate", "table": "Root", "where": where,
            "mutations": [
                ["ids", "delete", ["set", ["a"]]],
                ["ids", "insert", ["map", [["a", "2"]]]],
                ["kids", "delete", ["set", [["uuid", KID]]]],
                ["kids", "insert", ["set", [["named-uuid", name]]]],
            ],
        },
    ]  # fmt: skip


def test_what_is_undone_leaves_no_trace() -> None:
    model, root = fresh_model()
    row = model.insert("Kid")
    root.insert_atoms("kids", [row.uuid])
    root.delete_atoms("kids", [row.uuid])
    model.delete(row)
    root.put("name", "x")
    root.put("name", "r")
    assert not any(op["op"] in {"insert", "update"} for op in model.operations()[0])
    assert model.find("Kid", row.uuid) is None


def test_symbols_stand_for_rows_before_and_after_their_creation() -> None:
    symbols = Symbols()
    before = symbols.refer("@a", "strong")
    assert symbols.define("@a") == before
    with pytest.raises(CtlError, match="may only be specified on one --id option"):
        symbols.define("@a")
    symbols.refer("@b", "strong")
    with pytest.raises(CtlError, match='row id "@b" is referenced but never created'):
        symbols.check("test")

from __future__ import annotations

import os
import random
import subprocess
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from engine_kit import SCHEMA, delete, dump, insert, make, mutate, ref, run, update, uuid

from pyovn.ovsdb.journal import Journal, JournalError, create, read_records, read_schema
from pyovn.ovsdb.schema import DatabaseSchema

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pyovn.ovsdb.engine import Database

NOW = 1_795_340_663.733


def opened(path: Path, warnings: list[str] | None = None) -> tuple[Journal, Database]:
    journal = Journal(str(path), lambda: NOW, (warnings if warnings is not None else []).append)
    return journal, journal.open(random.Random(1))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "t.db"
    create(str(path), DatabaseSchema.from_json(SCHEMA))
    return path


def fill(database: Database) -> None:
    run(
        database,
        {"op": "comment", "comment": "hé\ny"},
        insert("Plain", 1, name="a", s3=["set", [1, 2]], r=1.5, eph=3, m=["map", [["x", 1]]]),
        insert("Plain", 2, name="b"),
        insert("Root", 3, kids=ref(4)),
        insert("Kid", 4, name="kid"),
    )
    run(database, update("Plain", ["name", "==", "b"], s3=["set", [5, 6]], r=0.1))
    run(database, update("Plain", ["name", "==", "b"], s3=0, name="", oi=4))
    run(database, mutate("Plain", ("m", "insert", ["map", [["y", 2]]]), ("oi", "delete", 4)))
    run(database, mutate("Root", ("kids", "delete", ref(4))))


def without_ephemeral(database: Database) -> Any:
    found = dump(database)
    for row in found["Plain"]:
        del row["eph"]
    return found


def test_what_was_committed_is_read_back(path: Path) -> None:
    journal, database = opened(path)
    fill(database)
    before = without_ephemeral(database)
    journal.close()
    journal, database = opened(path)
    assert without_ephemeral(database) == before
    assert {row["eph"] for row in dump(database)["Plain"]} == {0}
    run(database, delete("Plain"))
    journal.close()
    assert dump(opened(path)[1])["Plain"] == []


def test_records_are_as_ovsdb5_says(path: Path) -> None:
    journal, database = opened(path)
    run(database, {"op": "comment", "comment": "c"}, insert("Plain", 1, name="a", si=["set", [1, 2]], eph=3))
    run(database, update("Plain", eph=4))
    run(database, mutate("Plain", ("si", "insert", 9), ("si", "delete", 1)))
    run(database, delete("Plain"))
    journal.close()
    records = [json for _end, json in read_records(str(path))]
    assert records[0] == SCHEMA | {"tables": records[0]["tables"]}
    common = {"_date": 1_795_340_663_733, "_is_diff": True}
    assert records[1:] == [
        {"Plain": {uuid(1): {"name": "a", "si": ["set", [1, 2]]}}, "_comment": "c", **common},
        {"Plain": {uuid(1): {"si": ["set", [1, 9]]}}, **common},
        {"Plain": {uuid(1): None}, **common},
    ]
    assert read_schema(str(path)).name == "T"


def test_a_torn_last_record_is_dropped_at_every_length(path: Path) -> None:
    journal, database = opened(path)
    run(database, insert("Pair", 1, a=1))
    whole = journal.size
    run(database, insert("Pair", 2, a=2))
    journal.close()
    text = path.read_bytes()
    for size in range(whole + 1, len(text)):
        path.write_bytes(text[:size])
        warnings: list[str] = []
        journal, database = opened(path, warnings)
        assert len(dump(database)["Pair"]) == 1
        assert f"offset {whole}" in warnings[0]
        journal.close()
        assert path.stat().st_size == whole


@pytest.mark.parametrize("needle", [b"OVSDB JSON", b'"a":1', b"\n{"])
def test_damage_in_the_middle_is_refused_with_its_offset(path: Path, needle: bytes) -> None:
    journal, database = opened(path)
    start = journal.size
    run(database, insert("Pair", 1, a=1))
    run(database, insert("Pair", 2, a=2))
    journal.close()
    text = bytearray(path.read_bytes())
    text[text.index(needle, start)] ^= 1
    path.write_bytes(text)
    with pytest.raises(JournalError, match=f"offset {start}"):
        opened(path)


def test_an_empty_file_and_a_strange_one_are_refused(tmp_path: Path) -> None:
    for text in (b"", b"SQLite format 3\n", b"OVSDB CLUSTER 3 " + b"0" * 40 + b"\n{}\n"):
        (tmp_path / "x").write_bytes(text)
        with pytest.raises(JournalError):
            opened(tmp_path / "x")


def test_compaction_keeps_contents_mode_and_goes_on(path: Path) -> None:
    path.chmod(0o600)
    journal, database = opened(path)
    fill(database)
    before = without_ephemeral(database)
    journal.compact()
    run(database, insert("Pair", 1, a=1))
    journal.close()
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(list(read_records(str(path)))) == 3
    _journal, database = opened(path)
    run(database, delete("Pair"))
    assert without_ephemeral(database) == before


def test_a_file_is_opened_once(path: Path) -> None:
    journal, _database = opened(path)
    with pytest.raises(BlockingIOError):
        opened(path)
    Journal(str(path), lambda: NOW).open(random.Random(1), read_only=True)
    journal.close()
    opened(path)[0].close()


def test_durable_transactions_are_forced_to_the_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _journal, database = opened(path)
    forced: list[int] = []
    monkeypatch.setattr(os, "fsync", forced.append)
    run(database, insert("Pair", 1, a=1))
    assert not forced
    run(database, insert("Pair", 2, a=2), {"op": "commit", "durable": True})
    assert len(forced) == 1


@pytest.mark.peers
def test_debians_tools_read_what_we_write(path: Path, peer: Callable[[str], str]) -> None:
    tool = peer("ovsdb-tool")
    journal, database = opened(path)
    fill(database)
    expected = without_ephemeral(database)
    for _round in range(2):
        journal.close()
        selects = [{"op": "select", "table": table, "where": []} for table in expected]
        query = msgspec.json.encode(["T", *selects])
        text = subprocess.run(
            [tool, "query", str(path), query.decode()], check=True, capture_output=True
        ).stdout
        for table, answer in zip(expected, msgspec.json.decode(text), strict=True):
            for row in answer["rows"]:
                row.pop("_version")
                row.pop("eph", None)
            by_name = {row["_uuid"][1]: row for row in answer["rows"]}
            assert by_name == {row["_uuid"][1]: row for row in expected[table]}
        journal, database = opened(path)
        journal.compact()


@pytest.mark.peers
def test_we_read_what_debians_tool_writes(tmp_path: Path, peer: Callable[[str], str]) -> None:
    tool = peer("ovsdb-tool")
    path = tmp_path / "c.db"
    (tmp_path / "schema").write_bytes(msgspec.json.encode(SCHEMA))
    subprocess.run([tool, "create", str(path), str(tmp_path / "schema")], check=True)
    scripts = [
        [insert("Plain", 1, name="a", si=["set", [1, 2]], m=["map", [["x", 1]]]),
         insert("Root", 3, kids=ref(4)), insert("Kid", 4, name="k")],
        [mutate("Plain", ("si", "insert", 9), ("si", "delete", 1), ("m", "insert", ["map", [["y", 2]]])),
         update("Root", name="r")],
        [insert("Pair", 5, a=3), update("Plain", r=0.5, os="b")],
    ]  # fmt: skip
    for script in scripts:
        text = msgspec.json.encode(["T", *script]).decode()
        subprocess.run([tool, "transact", str(path), text], check=True, capture_output=True)
    expected = make()
    for script in scripts:
        run(expected, *script)
    journal, database = opened(path)
    assert dump(database) == dump(expected)
    journal.close()
    subprocess.run([tool, "compact", str(path)], check=True)
    assert dump(opened(path)[1]) == dump(expected)

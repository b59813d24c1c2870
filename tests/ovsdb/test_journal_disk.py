"""What a disk can do to a journal: fail at any call, lose what was not synced, be cut off."""

from __future__ import annotations

import contextlib
import hashlib
import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from engine_kit import SCHEMA, dump, insert, run

from pyovn.ovsdb.conversion import converted
from pyovn.ovsdb.disk import Disk
from pyovn.ovsdb.journal import COMPACT_SOONEST, Journal, JournalError, create, read_records
from pyovn.ovsdb.journal_file import record, recover
from pyovn.ovsdb.schema import DatabaseSchema

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pyovn.ovsdb.engine import Database, Outcome


class FaultyDisk(Disk):
    """Counts calls, remembers their order, and fails at one of them, or from it on."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.fail_at = -1
        self.fail_on = False

    def _call(self, name: str) -> None:
        number = len(self.calls)
        self.calls.append(name)
        if number == self.fail_at or (self.fail_on and 0 <= self.fail_at <= number):
            raise OSError(28, "No space left on device")

    def write(self, descriptor: int, data: bytes, offset: int) -> None:
        try:
            self._call("write")
        except OSError:
            super().write(descriptor, data[: len(data) // 2], offset)
            raise
        super().write(descriptor, data, offset)

    def open(self, path: str, *, new: bool = False) -> int:
        self._call("open")
        return super().open(path, new=new)

    def sync(self, descriptor: int) -> None:
        self._call("sync")
        super().sync(descriptor)

    def truncate(self, descriptor: int, size: int) -> None:
        self._call("truncate")
        super().truncate(descriptor, size)

    def replace(self, new: str, path: str) -> None:
        self._call("replace")
        super().replace(new, path)

    def sync_directory(self, path: str) -> None:
        self._call("sync_directory")
        super().sync_directory(path)


class Clock:
    now = 1_795_340_663.733

    def __call__(self) -> float:
        return self.now


def opened(path: Path, disk: Disk, clock: Clock | None = None) -> tuple[Journal, Database]:
    journal = Journal(str(path), clock or Clock(), disk=disk)
    return journal, journal.open(random.Random(1))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "t.db"
    create(str(path), DatabaseSchema.from_json(SCHEMA))
    return path


def add(database: Database, number: int, *, durable: bool = False) -> Outcome:
    commit = {"op": "commit", "durable": durable}
    return database.transact([insert("Plain", number, name=f"n{number}"), commit])


def contents(path: Path) -> Any:
    journal, database = opened(path, Disk())
    found = dump(database)
    journal.close()
    return found


def test_durable_is_synced_before_the_reply_and_before_anybody_hears_of_it(path: Path) -> None:
    disk = FaultyDisk()
    _journal, database = opened(path, disk)
    disk.calls.clear()
    database.followers.append(lambda _commit: disk.calls.append("told"))
    add(database, 1)
    assert disk.calls == ["write", "told"]
    disk.calls.clear()
    add(database, 2, durable=True)
    assert disk.calls == ["write", "sync", "told"]


def test_a_compacted_file_is_synced_before_it_gets_the_name_and_the_directory_after(path: Path) -> None:
    disk = FaultyDisk()
    journal, database = opened(path, disk)
    add(database, 1)
    disk.calls.clear()
    journal.compact()
    assert disk.calls[-3:] == ["sync", "replace", "sync_directory"]
    assert "write" not in disk.calls[disk.calls.index("sync") :]


def compact(journal: Journal) -> None:
    journal.compact()


def convert(journal: Journal) -> None:
    result = converted(journal.database, journal.database.schema)
    journal.replace(result, "converted")
    journal.database.adopt(result)


@pytest.mark.parametrize("rewrite", [compact, convert])
@pytest.mark.parametrize("fail_on", [False, True], ids=["once", "for-good"])
def test_a_failure_at_any_call_loses_nothing_that_was_acknowledged(
    path: Path, rewrite: Callable[[Journal], None], fail_on: bool
) -> None:
    whole = path.read_bytes()
    for fail_at in range(40):
        path.write_bytes(whole)
        disk = FaultyDisk()
        journal, database = opened(path, disk)
        disk.calls.clear()
        disk.fail_at, disk.fail_on = fail_at, fail_on
        for number in range(1, 4):
            add(database, number, durable=number == 2)
        with contextlib.suppress(OSError):
            rewrite(journal)
        for number in range(4, 7):
            add(database, number, durable=number == 5)
        if not fail_on:
            disk.fail_at = -1
            assert add(database, 7).error is None, "one failure does not stop the service"
        known = dump(database)
        journal.close()
        found = contents(path)
        if fail_on:  # what was refused cannot be taken out of the file either
            assert all(row in found["Plain"] for row in known["Plain"])
        else:
            assert found == known, (fail_at, disk.calls)
        assert not path.with_name("t.db.tmp").exists()
    assert fail_at > len(disk.calls) or fail_on


def test_after_a_failed_sync_the_file_is_written_anew(path: Path) -> None:
    disk = FaultyDisk()
    journal, database = opened(path, disk)
    add(database, 1)
    disk.calls.clear()
    disk.fail_at = 1
    outcome = add(database, 2, durable=True)
    assert outcome.results[-1]["error"] == "I/O error"
    assert len(dump(database)["Plain"]) == 1
    add(database, 3)
    assert disk.calls.count("replace") == 1, "nobody knows what the disk has of the old file"
    journal.close()
    assert [row["name"] for row in contents(path)["Plain"]] == ["n1", "n3"]


def test_what_is_committed_between_the_steps_of_a_compaction_is_kept(path: Path) -> None:
    journal, database = opened(path, Disk())
    run(database, *[insert("Plain", number, name=f"n{number}") for number in range(1, 1001)])
    journal.begin_compaction()
    number = 1000
    steps = 0
    while not journal.step():
        steps += 1
        if number < 1010:
            number += 1
            add(database, number)
            run(database, {"op": "delete", "table": "Plain", "where": [["name", "==", f"n{number - 999}"]]})
    assert steps > 5
    assert len(list(read_records(str(path)))) == 2 + 20
    known = dump(database)
    add(database, 5000)
    journal.close()
    found = contents(path)
    assert len(found["Plain"]) == 1001
    found["Plain"] = [row for row in found["Plain"] if row["name"] != "n5000"]
    assert found == known


@pytest.mark.parametrize("extra", range(24))
def test_the_schema_is_filled_up_to_meet_the_rows_whatever_its_length(tmp_path: Path, extra: int) -> None:
    for base in (70, 970, 9_970):
        name = "n" * (base + extra)
        schema = {"name": name, "version": "1.0.0", "tables": {"T": {"columns": {"c": {"type": "string"}}}}}
        path = tmp_path / f"{base}"
        create(str(path), DatabaseSchema.from_json(schema))
        journal, database = opened(path, Disk())
        for count in (1, 10, 100):
            run(database, *[insert("T", c="x") for _ in range(count)])
            journal.compact()
            assert len(list(read_records(str(path)))) == 2
        journal.close()
        assert len(contents(path)["T"]) == 111


def test_compaction_is_due_by_the_rule_of_the_man_page(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    journal, database = opened(path, Disk(), clock)
    for number in range(1, 100):
        add(database, number)
    clock.now += 10 * COMPACT_SOONEST
    monkeypatch.setattr("pyovn.ovsdb.journal.COMPACT_SIZE", 0)
    assert not journal.is_due(), "fewer than 100 commits"
    add(database, 100)
    assert journal.is_due()
    clock.now -= 9.5 * COMPACT_SOONEST
    assert not journal.is_due(), "less than ten minutes since the file was opened"
    monkeypatch.undo()
    clock.now += 9.5 * COMPACT_SOONEST
    assert not journal.is_due(), "too small"
    clock.now += 86_400
    assert journal.is_due(), "a day is enough"
    journal.compact()
    assert not journal.is_due()


def test_zeros_at_the_end_are_a_torn_tail_and_not_damage(path: Path) -> None:
    journal, database = opened(path, Disk())
    add(database, 1)
    journal.close()
    size = path.stat().st_size
    with path.open("ab") as file:
        file.write(b"\0" * 5000)
    assert len(contents(path)["Plain"]) == 1
    assert path.stat().st_size == size


def test_what_precedes_damage_is_saved_by_the_command_that_the_error_names(path: Path) -> None:
    journal, database = opened(path, Disk())
    for number in range(1, 5):
        add(database, number)
    good = list(read_records(str(path)))[2][0]
    journal.close()
    text = bytearray(path.read_bytes())
    text[good + 70] ^= 1
    path.write_bytes(text)
    with pytest.raises(JournalError, match=f"ovsdb-tool recover {path} NEW-FILE.*offset {good}"):
        opened(path, Disk())
    target = path.with_name("saved.db")
    count, fault = recover(str(path), str(target))
    assert count == 3
    assert "SHA-1" in fault
    assert [row["name"] for row in contents(target)["Plain"]] == ["n1", "n2"]
    with pytest.raises(FileExistsError):
        recover(str(path), str(target))


@pytest.mark.parametrize(
    "line",
    [b"[]\n", b"3\n", b"{\n", b'{"Plain":3}\n', b'{"Plain":{"x":{}}}\n', b'{"Plain":{"%s":{"i":"x"}}}\n'],
)
def test_records_of_the_wrong_form_are_refused(path: Path, line: bytes) -> None:
    body = line.replace(b"%s", b"00000001-0000-4000-8000-000000000000")
    head = record({})
    digest = hashlib.sha1(body).hexdigest().encode()
    assert head.startswith(b"OVSDB JSON ")
    with path.open("ab") as file:
        file.write(b"OVSDB JSON %d %s\n%s" % (len(body), digest, body) + head)
    with pytest.raises(JournalError, match="offset"):
        contents(path)


def test_counts_of_calls_do_not_grow_with_the_database(path: Path) -> None:
    disk = FaultyDisk()
    _journal, database = opened(path, disk)
    run(database, *[insert("Plain", number, name=f"n{number}") for number in range(1, 2001)])
    disk.calls.clear()
    add(database, 3000, durable=True)
    assert Counter(disk.calls) == {"write": 1, "sync": 1}

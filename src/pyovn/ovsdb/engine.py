"""A database in memory: transactions in, changes out (RFC 7047 section 4.1.3).

``Database(schema).transact(operations)`` runs one request.  Either every operation succeeds and the
result can be written (``writer``) and becomes true, or nothing has happened.  Who follows the database
(monitors, local replicas) is in ``followers`` and hears of each commit, in order, before ``transact``
returns.  There is no clock, no socket and no file here: randomness and the writer are passed in.

``_version`` is computed from the row's UUID and the serial number of the transaction that wrote it, so
it costs no memory and still is a fresh UUID for every new version of every row.

Not here: JSON-RPC and sessions (``server``), what followers make of changes (``monitors``, ``local``).
"""

from __future__ import annotations

import random as random_module
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pyovn.ovsdb import setdelta
from pyovn.ovsdb.authority import ROOT, Authority, Rights
from pyovn.ovsdb.errors import OvsdbError
from pyovn.ovsdb.operations import Blocked, Execution, execute
from pyovn.ovsdb.store import Row, Table, make_tables
from pyovn.ovsdb.transaction import ChangeSet, RowChange, Transaction
from pyovn.ovsdb.values import UUID

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyovn.ovsdb.schema import DatabaseSchema

__all__ = ["ChangeSet", "Commit", "Database", "Outcome", "Row", "RowChange", "Table"]

_VERSION_4: Final = 0x4 << 76
_VARIANT: Final = 0x8 << 60
_KEEP: Final = (1 << 128) - 1 - (0xF << 76) - (0xC << 60)
_ODD: Final = 0x9E3779B97F4A7C15F39CC0605CEDC835


def _uuid_of(number: int) -> UUID:
    digits = f"{number & _KEEP | _VERSION_4 | _VARIANT:032x}"
    return UUID(f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}")


@dataclass(slots=True)
class Commit:
    """One transaction that has happened, as the journal and followers see it."""

    id: UUID
    changes: ChangeSet
    comment: str
    durable: bool


@dataclass(slots=True)
class Outcome:
    """What came of a request."""

    results: list[Any]
    """One result per operation; after a failed one null, after a failed commit one error more."""
    commit: Commit | None = None
    """None when nothing has changed."""
    error: OvsdbError | None = None
    blocked: bool = False
    """A ``wait`` may yet come true: run the request again when the database has changed."""
    timeout: int | None = None
    """Milliseconds until a blocked request is to be run again in any case."""

    @property
    def changes(self) -> ChangeSet:
        """What has changed."""
        return [] if self.commit is None else self.commit.changes


def _nobody_holds(_lock: str) -> bool:
    return False


@dataclass(slots=True)
class Database:
    """See the module."""

    schema: DatabaseSchema
    random: random_module.Random = field(default_factory=random_module.SystemRandom)
    writer: Callable[[Commit], None] | None = None
    """Makes a commit last; called before it becomes true.  An ``OSError`` from it refuses the commit."""
    refusal: str | None = None
    """Why transactions may not write, with ``{operation}`` in it; None when they may."""
    followers: list[Callable[[Commit], None]] = field(default_factory=list)
    on_converted: list[Callable[[], None]] = field(default_factory=list)
    """Called when the schema has become another one: what was known of ``tables`` holds no more."""
    tables: dict[str, Table] = field(init=False)
    serial: int = 0
    _salt: int = field(init=False)

    def __post_init__(self) -> None:
        self.tables = make_tables(self.schema)
        self._salt = self.random.getrandbits(128)

    @property
    def name(self) -> str:
        """The schema's name."""
        return self.schema.name

    def new_uuid(self) -> UUID:
        """A random UUID."""
        return _uuid_of(self.random.getrandbits(128))

    def version(self, row: Row) -> UUID:
        """The row's ``_version``."""
        return _uuid_of((int(row.uuid.replace("-", ""), 16) ^ self._salt) + row.serial * _ODD)

    def transact(
        self,
        operations: Sequence[Any],
        *,
        holds_lock: Callable[[str], bool] = _nobody_holds,
        elapsed: int = 0,
        authority: Authority = ROOT,
    ) -> Outcome:
        """Run a request; ``elapsed`` ms have passed since it came, when it was blocked before."""
        run = self._execution(holds_lock, elapsed, authority)
        results: list[Any] = []
        count = len(operations)
        self._predefine(run, operations)
        try:
            for number, operation in enumerate(operations, 1):
                results.append(execute(run, operation, number, count, self.tables))
        except Blocked as wait:
            return Outcome(results, blocked=True, timeout=wait.timeout)
        except OvsdbError as error:
            results.append(error.to_json())
            results.extend([None] * (count - len(results)))
            return Outcome(results, error=error.forget_where())
        try:
            return Outcome(results, self._commit(run))
        except OvsdbError as error:
            results.append(error.to_json())
            return Outcome(results, error=error.forget_where())

    def _execution(self, holds_lock: Callable[[str], bool], elapsed: int, authority: Authority) -> Execution:
        transaction = Transaction(self.tables, self.serial + 1)
        rights = None if authority == ROOT else Rights(authority, self.tables)
        return Execution(transaction, self.new_uuid, self.version, holds_lock, self._refuse, rights, elapsed)

    @staticmethod
    def _predefine(run: Execution, operations: Sequence[Any]) -> None:
        """Let a name be used before the insertion that gives it a chosen UUID."""
        for op in operations:
            if isinstance(op, dict) and "uuid" in op and isinstance(name := op.get("uuid-name"), str):
                uuid = op["uuid"]
                if isinstance(uuid, str) and UUID.is_valid(uuid) and name not in run.symbols:
                    run.symbols[name] = UUID.parse(uuid)

    def _refuse(self, operation: str) -> OvsdbError | None:
        if self.refusal is None:
            return None
        return OvsdbError("not allowed", self.refusal.format(operation=operation))

    def _commit(self, run: Execution) -> Commit | None:
        changes = run.transaction.settle()
        if not changes:
            return None
        commit = Commit(self.new_uuid(), changes, "\n".join(run.comments), run.durable)
        self._write(commit)
        self._make_true(run.transaction, commit)
        return commit

    def _write(self, commit: Commit) -> None:
        if self.writer is not None:
            try:
                self.writer(commit)
            except OSError as error:
                raise OvsdbError("I/O error", f"cannot write the transaction: {error}") from error

    def _make_true(self, transaction: Transaction, commit: Commit) -> None:
        transaction.apply(commit.changes)
        self.serial = transaction.serial
        for follower in tuple(self.followers):
            follower(commit)
        setdelta.forget()

    def replace(self, change: Callable[[Transaction], None], *, written: bool = False) -> Commit | None:
        """Change rows from within the program: for the journal's replay, ``_Server`` and backups.

        Constraints between rows are kept, ``refusal`` does not apply, and ``writer`` if ``written``.
        """
        transaction = Transaction(self.tables, self.serial + 1)
        change(transaction)
        changes = transaction.settle()
        if not changes:
            return None
        commit = Commit(self.new_uuid(), changes, "", durable=False)
        if written:
            self._write(commit)
        self._make_true(transaction, commit)
        return commit

    def adopt(self, other: Database) -> None:
        """Take over schema and contents of a database that nobody follows; tells ``on_converted``."""
        self.schema, self.tables = other.schema, other.tables
        self.serial = other.serial
        for convert in tuple(self.on_converted):
            convert()

"""Verbs for whom a database server (or a bridge) talks to, and with which TLS keys.

The three programs have the same verbs under different names: targets are rows that one row refers to
(``NB_Global.connections``, ``SB_Global.connections``, ``Open_vSwitch.manager_options``,
``Bridge.controller``); TLS keys are the one row of table SSL.  Setting replaces all rows.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from pyovn.tools.ctl.errors import warn
from pyovn.tools.ctl.grammar import MANY, Command, Verb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyovn.tools.ctl.context import Context, Needs
    from pyovn.tools.ctl.model import Row

METHODS: Final = ("ssl:", "tcp:", "unix:", "pssl:", "ptcp:", "punix:")
ROLE: Final = "role="
ACCESS: Final = {"read-only": True, "read-write": False}


class Place(NamedTuple):
    """Where targets are kept: rows of ``table``, referred to by ``owner.column``."""

    owner: str
    column: str
    table: str
    module: str
    """The name under which doubtful targets are reported."""
    access: bool = False
    """Whether ``read-only``, ``read-write`` and ``role=ROLE`` may stand between targets."""


def need_targets(place: Place, needs: Needs) -> None:
    """Ask for what the functions below read."""
    needs.add(place.owner, place.column)
    needs.add(place.table, "target", *(("read_only", "role") if place.access else ()))


def targets(context: Context, place: Place, owner: Row) -> list[Row]:
    """The rows that ``owner`` refers to, by target."""
    rows = [context.model.find(place.table, uuid) for uuid in owner.atoms(place.column)]
    return sorted((row for row in rows if row is not None), key=lambda row: row.text("target"))


def print_targets(context: Context, place: Place, owner: Row, command: Command) -> None:
    """One target per line; owners verify what they print, as C does."""
    owner.verify(place.column)
    for line in sorted(_describe(place, row) for row in targets(context, place, owner)):
        command.write(line)


def _describe(place: Place, row: Row) -> str:
    target = row.text("target")
    if not place.access:
        return target
    access = "read-only" if row.get("read_only") else "read-write"
    return f'{access} role="{row.text("role")}" {target}'


def delete_targets(context: Context, place: Place, owner: Row) -> None:
    """Delete all targets."""
    owner.verify(place.column)
    for row in targets(context, place, owner):
        context.model.delete(row)
    owner.put(place.column, frozenset())


def insert_targets(
    context: Context, place: Place, owner: Row, words: Sequence[str], probe: str | None
) -> None:
    """Replace the targets by those named in ``words``; ``probe`` is the idle time in ms before a probe."""
    delete_targets(context, place, owner)
    uuids = []
    read_only, role = False, ""
    for word in words:
        if place.access and word in ACCESS:
            read_only = ACCESS[word]
            continue
        if place.access and word.startswith(ROLE):
            role = word.removeprefix(ROLE)
            continue
        if not word.startswith(METHODS):
            warn(place.module, f'target type "{word}" is possibly erroneous')
        row = context.model.insert(place.table)
        row.put("target", word)
        if place.access:
            row.put("read_only", read_only)
            row.put("role", role)
        if probe is not None:
            row.put("inactivity_probe", _integer(probe))
        uuids.append(row.uuid)
    owner.put(place.column, frozenset(uuids))


def _integer(text: str) -> int:
    """The number that ``text`` begins with, as C reads it; words are 0, which is no probe at all."""
    match = re.match(r"\s*[+-]?\d+", text)
    return 0 if match is None else int(match[0])


def connection_verbs(place: Place, noun: str) -> tuple[Verb, ...]:
    """``get-NOUN``, ``del-NOUN`` and ``set-NOUN`` on the singleton row of ``place.owner``."""

    def need(needs: Needs, _command: Command) -> None:
        need_targets(place, needs)

    def owner(context: Context) -> Row:
        row = context.model.first(place.owner)
        assert row is not None
        return row

    def run_get(context: Context, command: Command) -> None:
        print_targets(context, place, owner(context), command)

    def run_delete(context: Context, _command: Command) -> None:
        delete_targets(context, place, owner(context))

    def run_set(context: Context, command: Command) -> None:
        probe = command.options.get("--inactivity-probe")
        insert_targets(context, place, owner(context), command.arguments, probe)

    return (
        Verb(f"get-{noun}", 0, 0, run_get, need),
        Verb(f"del-{noun}", 0, 0, run_delete, need),
        Verb(f"set-{noun}", 1, MANY, run_set, need, options="--inactivity-probe=", syntax="TARGET..."),
    )


_SSL_LINES: Final = (
    ("Private key", "private_key"),
    ("Certificate", "certificate"),
    ("CA Certificate", "ca_cert"),
)
_SSL_ARGUMENTS: Final = ("private_key", "certificate", "ca_cert", "ssl_protocols", "ssl_ciphers")


def ssl_verbs(owner_table: str, high: int) -> tuple[Verb, ...]:
    """``get-ssl``, ``del-ssl`` and ``set-ssl``, which takes up to ``high`` arguments."""

    def need(needs: Needs, _command: Command) -> None:
        needs.add(owner_table, "ssl")
        needs.add("SSL", *_SSL_ARGUMENTS, "bootstrap_ca_cert")

    def run_get(context: Context, command: Command) -> None:
        row = context.model.first("SSL")
        if row is None:
            return
        row.verify(*(column for _, column in _SSL_LINES), "bootstrap_ca_cert")
        for label, column in _SSL_LINES:
            command.write(f"{label}: {row.text(column)}")
        command.write(f"Bootstrap: {'true' if row.get('bootstrap_ca_cert') else 'false'}")

    def run_delete(context: Context, _command: Command) -> None:
        for row in list(context.model.rows("SSL")):
            context.model.delete(row)
        owner = context.model.first(owner_table)
        assert owner is not None
        owner.put("ssl", None)

    def run_set(context: Context, command: Command) -> None:
        run_delete(context, command)
        row = context.model.insert("SSL")
        for column, argument in zip(_SSL_ARGUMENTS, command.arguments, strict=False):
            row.put(column, argument)
        row.put("bootstrap_ca_cert", command.given("--bootstrap"))
        owner = context.model.first(owner_table)
        assert owner is not None
        owner.put("ssl", row.uuid)

    return (
        Verb("get-ssl", 0, 0, run_get, need),
        Verb("del-ssl", 0, 0, run_delete, need),
        Verb(
            "set-ssl",
            3,
            high,
            run_set,
            need,
            options="--bootstrap",
            syntax="PRIVATE-KEY CERTIFICATE CA-CERT" + (" [SSL-PROTOS [SSL-CIPHERS]]" if high > 3 else ""),
        ),
    )

"""Active-backup in mixed pairs: ours behind Debian's ovsdb-server, and Debian's behind ours."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from server_kit import DEBIANS, OURS, ServerProcess, run, wait_until

from certificates import Authority
from ports import free_port
from pyovn.schemas.northbound import NORTHBOUND
from pyovn.schemas.southbound import SOUTHBOUND

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Peer = Callable[[str], str]

pytestmark = pytest.mark.peers
SCHEMAS = (NORTHBOUND.schema, SOUTHBOUND.schema)


def dump(peer: Peer, server: ServerProcess, database: str) -> str:
    return run(peer("ovsdb-client"), "--timeout=10", "--no-headings", "dump", server.remote, database)


def same(peer: Peer, one: ServerProcess, other: ServerProcess) -> bool:
    return all(dump(peer, one, schema.name) == dump(peer, other, schema.name) for schema in SCHEMAS)


def nbctl(peer: Peer, server: ServerProcess, *words: str, check: bool = True) -> str:
    return run(peer("ovn-nbctl"), f"--db={server.remote}", "--timeout=10", *words, check=check)


@pytest.mark.parametrize(("active_kind", "backup_kind"), [(OURS, DEBIANS), (DEBIANS, OURS), (OURS, OURS)])
def test_a_backup_follows_refuses_and_takes_over(
    short_tmp: Path, peer: Peer, active_kind: str, backup_kind: str
) -> None:
    active = ServerProcess(active_kind, peer, short_tmp / "a", SCHEMAS)
    backup = ServerProcess(backup_kind, peer, short_tmp / "b", SCHEMAS, f"--sync-from={active.remote}")
    try:
        nbctl(peer, active, "ls-add", "s0", "--", "lsp-add", "s0", "p0", "--", "lsp-add", "s0", "p1")
        wait_until(lambda: same(peer, active, backup), backup)
        nbctl(peer, active, "lsp-del", "p1", "--", "acl-add", "s0", "to-lport", "1", "ip4", "drop")
        wait_until(lambda: same(peer, active, backup), backup)
        assert "p0" in nbctl(peer, backup, "lsp-list", "s0")
        assert backup.command("ovsdb-server/sync-status") == (
            f"state: backup\nreplicating: {active.remote}\ndatabase: OVN_Northbound, OVN_Southbound\n"
        )
        delete = {"op": "delete", "table": "Logical_Switch", "where": []}
        request = json.dumps(["OVN_Northbound", delete])
        answer = run(peer("ovsdb-client"), "--timeout=10", "transact", backup.remote, request)
        assert json.loads(answer) == [
            {
                "details": "delete operation not allowed when database server is in read only mode",
                "error": "not allowed",
            }
        ]
        active.stop()
        backup.command("ovsdb-server/disconnect-active-ovsdb-server")
        nbctl(peer, backup, "ls-add", "s1")
        active.start(f"--sync-from={backup.remote}")
        wait_until(lambda: same(peer, active, backup), active)
        assert "s1" in nbctl(peer, active, "ls-list")
    finally:
        active.stop()
        backup.stop()


@pytest.mark.parametrize(("active_kind", "backup_kind"), [(OURS, DEBIANS), (DEBIANS, OURS)])
def test_excluded_tables(short_tmp: Path, peer: Peer, active_kind: str, backup_kind: str) -> None:
    active = ServerProcess(active_kind, peer, short_tmp / "a", SCHEMAS)
    options = (
        f"--sync-from={active.remote}",
        "--sync-exclude-tables=OVN_Northbound:Meter,OVN_Northbound:ACL",
    )
    backup = ServerProcess(backup_kind, peer, short_tmp / "b", SCHEMAS, *options)
    try:
        nbctl(peer, active, "ls-add", "s0", "--", "meter-add", "m", "drop", "1", "kbps")
        wait_until(lambda: "s0" in nbctl(peer, backup, "ls-list"), backup)
        assert "m" not in nbctl(peer, backup, "meter-list")
        excluded = "OVN_Northbound:ACL,OVN_Northbound:Meter"
        assert backup.command("ovsdb-server/get-sync-exclude-tables") == excluded + "\n"
        assert backup.command("ovsdb-server/sync-status").endswith(f"exclude: {excluded}\n")
        backup.command("ovsdb-server/set-sync-exclude-tables", "OVN_Northbound:DNS")
        wait_until(lambda: "m" in nbctl(peer, backup, "meter-list"), backup)
    finally:
        active.stop()
        backup.stop()


@pytest.mark.parametrize(("active_kind", "backup_kind"), [(OURS, DEBIANS), (DEBIANS, OURS)])
def test_over_tls(short_tmp: Path, tmp_path: Path, peer: Peer, active_kind: str, backup_kind: str) -> None:
    authority, port = Authority(tmp_path, "ca"), free_port()
    listen = (f"--remote=pssl:{port}:127.0.0.1", *authority.options("active"))
    active = ServerProcess(active_kind, peer, short_tmp / "a", SCHEMAS, *listen)
    follow = (f"--sync-from=ssl:127.0.0.1:{port}", *authority.options("backup"))
    backup = ServerProcess(backup_kind, peer, short_tmp / "b", SCHEMAS, *follow)
    try:
        nbctl(peer, active, "ls-add", "s0")
        wait_until(lambda: same(peer, active, backup), backup)
    finally:
        active.stop()
        backup.stop()

"""Active-backup on the command line and on the control socket (ovsdb-server(1), "Active-Backup Commands")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyovn.daemon.unixctl import CommandError
from pyovn.ovsdb.replication import ExcludeError, Replication, format_excluded, parse_excluded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyovn.daemon.main import Daemon
    from pyovn.ovsdb.server import Server


class Backup:
    """The ``Replication`` of a program, with its options and commands."""

    def __init__(self, daemon: Daemon, server: Server) -> None:
        self._daemon = daemon
        self.replication = Replication(
            daemon.runtime,
            server,
            daemon.log.module("replication").line,
            daemon.log.module("reconnect").line,
        )

    def start(self) -> None:
        """Do what the command line says; raises ``ValueError``."""
        line, replication = self._daemon.command_line, self.replication
        replication.active_server = line.value("sync-from") or ""
        replication.excluded = parse_excluded(line.value("sync-exclude-tables") or "")
        if replication.active_server and "active" not in line:
            replication.connect()

    def register(self) -> None:
        """Add the control commands."""
        commands: tuple[tuple[str, str, int, Callable[[Sequence[str]], str | None]], ...] = (
            ("set-active-ovsdb-server", "SERVER", 1, self._set_active),
            ("get-active-ovsdb-server", "", 0, lambda _args: self.replication.active_server),
            ("connect-active-ovsdb-server", "", 0, self._connect),
            ("disconnect-active-ovsdb-server", "", 0, lambda _args: self.replication.disconnect()),
            ("set-active-ovsdb-server-probe-interval", "MSECS", 1, self._set_probe_interval),
            ("set-sync-exclude-tables", "DB:TABLE[,DB:TABLE]...", 1, self._exclude),
            (
                "get-sync-exclude-tables",
                "",
                0,
                lambda _args: f"{format_excluded(self.replication.excluded)}\n",
            ),
            ("sync-status", "", 0, lambda _args: self.replication.status()),
        )
        for name, usage, count, handler in commands:
            self._daemon.control.register(f"ovsdb-server/{name}", usage, count, count, handler)

    def _set_active(self, args: Sequence[str]) -> None:
        self.replication.active_server = args[0]

    def _connect(self, _args: Sequence[str]) -> None:
        if not self.replication.active_server:
            raise CommandError("Unable to connect: active server is not specified.")
        self.replication.connect()

    def _set_probe_interval(self, args: Sequence[str]) -> None:
        try:
            milliseconds = int(args[0])
        except ValueError:
            raise CommandError("Invalid probe interval, integer value expected") from None
        self.replication.set_probe_interval(max(0, milliseconds) / 1000)

    def _exclude(self, args: Sequence[str]) -> None:
        try:
            self.replication.exclude(parse_excluded(args[0]))
        except ExcludeError as error:
            raise CommandError(str(error)) from error

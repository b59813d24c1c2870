"""The program ``ovsdb-server`` (ovsdb-server(1)): database files, remotes and control commands.

What is served: standalone database files; passive and active remotes, with TLS or without, by hand or from
a database (``db:``); backups of another server.  Clusters, relays and the recording of sessions are refused
with a message that says so.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING, Final

from pyovn.daemon.main import DaemonSpec, StartError, run
from pyovn.daemon.options import Option
from pyovn.daemon.unixctl import CommandError, Deferred
from pyovn.dbserver.backup import Backup
from pyovn.dbserver.keys import Keys
from pyovn.dbserver.tlog import TableLog
from pyovn.ovsdb.dbsource import SourceError
from pyovn.ovsdb.hosting import Files
from pyovn.ovsdb.journal import JournalError
from pyovn.ovsdb.journal_file import ClusteredError
from pyovn.ovsdb.remotes import RemoteError, Remotes
from pyovn.ovsdb.server import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pyovn.daemon.main import Daemon

_NOT_SERVED: Final = {
    "record": "recording of sessions is what Open vSwitch's own ovsdb-server does",
    "replay": "replaying of sessions is what Open vSwitch's own ovsdb-server does",
}
_RELAY: Final = "relay:"
_UNKNOWN: Final = "Failed to find the database."
_POLL: Final = 0.02
"""Seconds between two looks whether the command of --run has ended."""

OPTIONS: Final = (
    Option("remote", "", "required", "connect or listen to REMOTE", "REMOTE"),
    Option("no-dbs", "", "none", "do not open the default database"),
    Option("disable-file-column-diff", "", "none", ""),
    Option("run", "", "required", "run COMMAND, then exit", "COMMAND"),
    Option("sync-from", "", "required", "be a backup of the server at SERVER", "SERVER"),
    Option("sync-exclude-tables", "", "required", "exclude these from replication", "DB:TABLE[,DB:TABLE]..."),
    Option("active", "", "none", "with --sync-from, start as active server"),
    Option("record", "", "optional", ""),
    Option("replay", "", "optional", ""),
)


class Program:
    """A running ovsdb-server."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        logger = daemon.log.module("ovsdb_server")
        write = {"dbg": logger.dbg, "info": logger.info, "warn": logger.warn, "err": logger.err}

        def log(level: str, text: str) -> None:
            write[level]("%s", text)

        def log_client(level: str, text: str) -> None:
            log("dbg" if level == "info" else level, text)

        self.server = Server(daemon.runtime)
        self.server.log = log_client
        self.files = Files(self.server, log)
        sockets = daemon.log.module("socket_util")
        self.remotes = Remotes(
            daemon.runtime,
            self.server,
            log,
            lambda text: sockets.info("%s", text),
            daemon.log.module("reconnect").line,
        )
        self._keys: Keys | None = None
        self._backup = Backup(daemon, self.server)

    def start(self) -> None:
        """Do what the command line says; raises ``StartError``."""
        line = self._daemon.command_line
        for name, why in _NOT_SERVED.items():
            if name in line:
                raise StartError(f"--{name}: {why}")
        default = () if "no-dbs" in line else (os.path.join(self._daemon.directories.db, "conf.db"),)  # noqa: PTH118  # a string for messages
        try:
            for path in line.arguments or default:
                self._open(path)
            self._keys = Keys(self._daemon.runtime, self.server)
            self._backup.start()
            for remote in line.values("remote"):
                self.remotes.add(remote)
        except (JournalError, OSError, ValueError, RemoteError, SourceError) as error:
            self.remotes.close()
            self.server.close()
            raise StartError(_text(error)) from error
        self.register()
        self._backup.register()
        TableLog(self._daemon, self.server).register()
        self._daemon.on_exit(self.stop)
        command = line.value("run")
        if command is not None:
            self._run(command)

    def _run(self, command: str) -> None:
        """Serve for as long as a shell's command runs, and end as well as it does."""
        process = subprocess.Popen(command, shell=True)  # noqa: S602  # a command line is what is asked for

        def look() -> None:
            status = process.poll()
            if status is None:
                self._daemon.runtime.call_later(_POLL, look)
            else:
                self._daemon.exit_status = min(abs(status), 1)
                self._daemon.exit()

        look()

    def stop(self) -> None:
        """Close remotes and files."""
        self._backup.replication.close()
        self.remotes.close()
        self.server.close()

    def _open(self, path: str) -> None:
        """Serve a database file; raises what ``Files.open`` does."""
        if path.startswith(_RELAY):
            raise ValueError(f"{path}: relays are what Open vSwitch's own ovsdb-server does")
        try:
            self.files.open(os.path.join(self._daemon.directory, path))  # noqa: PTH118  # a string for messages
        except FileNotFoundError as error:
            raise ValueError(f"I/O error: {path}: open failed ({error.strerror})") from error

    # Control commands

    def register(self) -> None:
        """Add the control commands."""
        commands: tuple[tuple[str, str, int, int, Callable[[Sequence[str]], str | Deferred | None]], ...] = (
            ("list-dbs", "", 0, 0, self._list_dbs),
            ("add-db", "DB", 1, 1, self._add_db),
            ("remove-db", "DB", 1, 1, self._remove_db),
            ("compact", "[DB]", 0, 1, self._compact),
            ("reconnect", "", 0, 0, self._reconnect),
            ("list-remotes", "", 0, 0, self._list_remotes),
            ("add-remote", "REMOTE", 1, 1, self._add_remote),
            ("remove-remote", "REMOTE", 1, 1, self._remove_remote),
            ("get-db-storage-status", "DB", 1, 1, self._storage_status),
            ("memory-trim-on-compaction", "on|off", 1, 1, self._trim_memory),
        )
        for name, usage, low, high, handler in commands:
            self._daemon.control.register(f"ovsdb-server/{name}", usage, low, high, handler)
        self._daemon.control.memory.append(self._memory)

    def _memory(self) -> Mapping[str, int]:
        hosted = self.server.databases.values()
        return {
            "cells": sum(len(t.rows) * len(t.columns) for h in hosted for t in h.database.tables.values()),
            "monitors": sum(len(session.monitors) for session in self.server.sessions),
            "sessions": len(self.server.sessions),
        }

    def _list_dbs(self, _args: Sequence[str]) -> str:
        return "".join(f"{name}\n" for name in sorted(self.server.databases))

    def _add_db(self, args: Sequence[str]) -> None:
        try:
            self._open(args[0])
        except (JournalError, OSError, ValueError) as error:
            raise CommandError(_text(error)) from error
        self._databases_changed()

    def _databases_changed(self) -> None:
        """What databases said of remotes and keys may be gone, or there again."""
        if self._keys is not None:
            self._keys.refresh()
        self.remotes.refresh()
        self._backup.replication.refresh()

    def _known(self, name: str, unknown: str = "no database by that name", reserved: str = "") -> str:
        if name not in self.files.journals:
            is_ours = name in self.server.databases
            raise CommandError(reserved if is_ours and reserved else unknown)
        return name

    def _trim_memory(self, args: Sequence[str]) -> None:
        """Let freed memory go back to the system after every compaction, or as the allocator decides."""
        if args[0] not in {"on", "off"}:
            raise CommandError("invalid argument")
        self.files.compacted = _trim if args[0] == "on" else None

    def _remove_db(self, args: Sequence[str]) -> None:
        name = self._known(args[0], _UNKNOWN, "Cannot remove reserved database.")
        self.server.remove_database(name)
        self._databases_changed()

    def _compact(self, args: Sequence[str]) -> Deferred:
        """Compact in the background; the answer comes when all is done."""
        names = (
            [self._known(args[0], reserved="cannot compact built-in databases")]
            if args
            else list(self.files.journals)
        )
        answer = Deferred()
        left, failures = len(names), []

        def done(name: str, error: OSError | None) -> None:
            nonlocal left
            left -= 1
            if error is not None:
                failures.append(f"{name}: {_text(error)}")
            if left == 0:
                if failures:
                    answer.fail("\n".join(failures))
                else:
                    answer.resolve()

        for name in names:
            self.files.compact(self.files.journals[name], partial(done, name))
        if not names:
            answer.resolve()
        return answer

    def _storage_status(self, args: Sequence[str]) -> str:
        self._known(args[0], _UNKNOWN)
        return "status: ok\n"

    def _reconnect(self, _args: Sequence[str]) -> None:
        for session in tuple(self.server.sessions):
            session.drop("reconnect")

    def _list_remotes(self, _args: Sequence[str]) -> str:
        return "".join(f"{name}\n" for name in self.remotes.names)

    def _add_remote(self, args: Sequence[str]) -> None:
        try:
            self.remotes.add(args[0])
        except (RemoteError, OSError) as error:
            raise CommandError(_text(error)) from error

    def _remove_remote(self, args: Sequence[str]) -> None:
        try:
            self.remotes.remove(args[0])
        except KeyError:
            raise CommandError("no such remote") from None


def _trim() -> None:
    """Give pages that are free back to the system (malloc_trim(3)), where the C library can."""
    import ctypes  # who never asks for this does without

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _text(error: Exception) -> str:
    """What went wrong, in one line."""
    if isinstance(error, ClusteredError):
        return f"{error}: clusters are what Open vSwitch's own ovsdb-server does"
    if isinstance(error, OSError) and error.filename:
        return f"I/O error: {error.filename}: {error.strerror}"
    return str(error)


def start(daemon: Daemon) -> Program:
    """Start a server within ``daemon``; the sandbox uses what it returns."""
    program = Program(daemon)
    program.start()
    return program


def _start(daemon: Daemon) -> None:
    start(daemon)


SPEC: Final = DaemonSpec(
    name="ovsdb-server",
    family="ovs",
    summary="Open vSwitch database server",
    start=_start,
    usage="[OPTIONS] [DATABASE...]",
    own_options=OPTIONS,
    max_args=-1,
)


def main() -> None:
    """Run the program."""
    sys.exit(run(SPEC))


if __name__ == "__main__":
    main()

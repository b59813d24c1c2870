"""Debian's ctl programs and ours, each on a database of its own, given the same command lines.

Row UUIDs differ between the two databases, so output and contents are compared after each UUID is replaced
by a label made of its row's contents.  The order of rows in C's output is that of a hash table: where
the lines differ in order only, they count as equal.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from pyovn.ovsdb.blocking import BlockingClient
from pyovn.tools.ctl.errors import Console
from pyovn.tools.ctl.program import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pyovn.tools.ctl.program import Program

_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_LOG = re.compile(r"^\d{4}-\d\d-\d\dT[0-9:.]+Z\|\d+\|", re.MULTILINE)
_LIST = re.compile(r"\[([^\[\]\n]*)\]")
_SHORT = re.compile(r">[0-9a-f]{8}<")
_REFERENCES = re.compile(r'(?:\["uuid","row\d+"\],)+\["uuid","row\d+"\]')
_REFERENCE = re.compile(r'\["uuid","row\d+"\]')
_INDEX = re.compile(r"  First row, .*?\.  Second row, .*?\.(?=\")")
"""Which of two rows the server names first depends on their UUIDs."""
_PAIRS = re.compile(r"\{([^{}\n]*)\}")


class Outcome(NamedTuple):
    status: int
    stdout: str
    stderr: str


class Side:
    """One database server with one database."""

    def __init__(self, directory: Path, peer: Callable[[str], str], database: str, schema: str) -> None:
        self.socket = directory / "db.sock"
        self.database = database
        self.pidfile = directory / "server.pid"
        directory.mkdir()
        subprocess.run([peer("ovsdb-tool"), "create", directory / "db", schema], check=True)
        command = [
            peer("ovsdb-server"),
            "--detach",
            "--no-chdir",
            f"--pidfile={self.pidfile}",
            "-vconsole:off",
        ]
        command += [f"--remote=punix:{self.socket}", f"--unixctl={directory / 'ctl'}", str(directory / "db")]
        subprocess.run(command, check=True)

    @property
    def remote(self) -> str:
        return f"unix:{self.socket}"

    def stop(self) -> None:
        os.kill(int(self.pidfile.read_text()), 15)

    def contents(self) -> dict[str, dict[str, dict[str, Any]]]:
        """All rows by table and UUID."""
        with BlockingClient(self.remote) as client:
            schema = client.get_schema(self.database)
            replica = client.fetch(self.database, dict.fromkeys(schema.tables))
        return {
            name: {str(uuid): dict(zip(table.columns, row, strict=True)) for uuid, row in table.rows.items()}
            for name, table in replica.tables.items()
        }

    def labels(self) -> dict[str, str]:
        """UUIDs to labels; rows of the same contents share one."""
        found = {}
        for table, rows in self.contents().items():
            for uuid, row in rows.items():
                cells = " ".join(f"{c}={_plain(row[c])}" for c in sorted(row))
                found[uuid] = f"<{table} {cells}>"
        return found


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return str(sorted((str(k), _UUID.sub("*", str(v))) for k, v in value.items()))
    if isinstance(value, frozenset):
        return str(sorted(_UUID.sub("*", str(v)) for v in value))
    return _UUID.sub("*", str(value))


def _sorted_items(match: re.Match[str]) -> str:
    return match[0][0] + ", ".join(sorted(match[1].split(", "))) + match[0][-1]


def canonical(text: str, labels: dict[str, str]) -> str:
    """``text`` without what differs between two databases by nature."""
    text = _INDEX.sub("  (two rows)", _LOG.sub("", text))
    names = {label: f"row{i}" for i, label in enumerate(sorted(set(labels.values())))}
    text = _UUID.sub(lambda m: names.get(labels.get(m[0], ""), "row?"), text)
    text = _REFERENCES.sub(lambda m: ",".join(sorted(_REFERENCE.findall(m[0]))), _SHORT.sub("><", text))
    return _PAIRS.sub(_sorted_items, _LIST.sub(_sorted_items, text))


class Twin:
    """The two sides, and the programs to run on them."""

    def __init__(
        self, directory: Path, peer: Callable[[str], str], program: Program, schema: str, options: str = ""
    ) -> None:
        self.program = program
        self.peer_program = peer(program.name)
        self.options = shlex.split(options)
        self.theirs = Side(directory / "theirs", peer, program.database, schema)
        self.ours = Side(directory / "ours", peer, program.database, schema)
        self.difference = ""
        """How the databases differed after the last line, to tell which line made a difference."""

    def stop(self) -> None:
        self.theirs.stop()
        self.ours.stop()

    def run_theirs(self, line: str) -> Outcome:
        command = [self.peer_program, f"--db={self.theirs.remote}", *self.options, *shlex.split(line)]
        environ = {k: v for k, v in os.environ.items() if not k.startswith(("OVS_", "OVN_"))}
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20, env=environ)
        return Outcome(done.returncode, done.stdout, done.stderr)

    def run_ours(self, line: str) -> Outcome:
        return run_here(self.program, [f"--db={self.ours.remote}", *self.options, *shlex.split(line)])

    def compare(self, line: str) -> str:
        """Run ``line`` on both sides; what differs, or nothing."""
        before = self.theirs.labels(), self.ours.labels()
        theirs, ours = self.run_theirs(line), self.run_ours(line)
        labels = self.theirs.labels(), self.ours.labels()
        problems = []
        if theirs.status != ours.status:
            problems.append(f"exit status {ours.status}, not {theirs.status}")
        for name in ("stdout", "stderr"):
            wanted = canonical(getattr(theirs, name), before[0] | labels[0])
            actual = canonical(getattr(ours, name), before[1] | labels[1])
            if sorted(wanted.split("\n")) != sorted(actual.split("\n")):
                problems.append(f"{name}:\n{actual}\nnot:\n{wanted}")
        only_ours = Counter(labels[1].values()) - Counter(labels[0].values())
        only_theirs = Counter(labels[0].values()) - Counter(labels[1].values())
        difference = f"database has {sorted(only_ours)}\nnot {sorted(only_theirs)}"
        if (only_ours or only_theirs) and difference != self.difference:
            problems.append(difference)
        self.difference = difference
        return f"$ {self.program.name} {line}\n" + "\n".join(problems) + "\n" if problems else ""

    def compare_all(self, lines: str) -> None:
        """Run every line of ``lines``; fails with all differences."""
        wanted = [line for line in lines.strip().splitlines() if line.strip()]
        problems = [problem for problem in map(self.compare, wanted) if problem]
        assert not problems, "\n".join(problems)


def run_here(program: Program, argv: list[str]) -> Outcome:
    """Run one of our programs in this process."""
    Console.quiet = False
    out, err = io.StringIO(), io.StringIO()
    real, sys.stdout, sys.stderr = (sys.stdout, sys.stderr), out, err
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main(program, argv)
    except SystemExit as exit_:
        status = exit_.code if isinstance(exit_.code, int) else 1
    finally:
        sys.stdout, sys.stderr = real
    return Outcome(status, out.getvalue(), err.getvalue())

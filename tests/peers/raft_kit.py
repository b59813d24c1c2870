"""A Raft cluster of Debian's ovsdb-servers on this machine, whose members can be killed."""

from __future__ import annotations

import re
import shutil
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from process_kit import NORTHBOUND, ServerProcess, run, until

from ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DATABASE: Final = "OVN_Northbound"
SIZE: Final = 3


class Cluster:
    """Three members of one database.  ``members`` keep their ports through deaths."""

    def __init__(
        self, peer: Callable[[str], str], directory: Path, schema: str = NORTHBOUND, database: str = DATABASE
    ) -> None:
        self._peer = peer
        self._directory = directory
        self._schema = schema
        self._database = database
        self.members: list[ServerProcess] = []
        self._silent: ServerProcess | None = None

    def start(self) -> None:
        """Make the cluster and wait until all of its members are in it."""
        tool = self._peer("ovsdb-tool")
        if not self.members:
            self.members = [
                ServerProcess(
                    self._peer("ovsdb-server"), self._directory, (self._file(number),), name=f"m{number}"
                )
                for number in range(SIZE)
            ]
        addresses = [f"tcp:127.0.0.1:{free_port()}" for _ in self.members]
        run(tool, "create-cluster", self._file(0), self._schema, addresses[0])
        for number, address in enumerate(addresses[1:], 1):
            run(tool, "join-cluster", self._file(number), self._database, address, addresses[0])
        for member in self.members:
            member.start()
        self.await_members()

    def _file(self, number: int) -> Path:
        return self._directory / f"m{number}.db"

    @property
    def remotes(self) -> str:
        return ",".join(member.tcp for member in self.members)

    @contextmanager
    def frozen(self, member: ServerProcess) -> Iterator[None]:
        """A member that does nothing for a while, and then learns what it has missed."""
        member.tell(signal.SIGSTOP)
        self._silent = member
        try:
            yield
        finally:
            self._silent = None
            member.tell(signal.SIGCONT)
            self.await_members()

    def status(self, member: ServerProcess) -> str:
        """cluster/status, empty when the member is dead or frozen."""
        if member is self._silent:
            return ""
        return run(
            self._peer("ovs-appctl"), "-t", member.control, "cluster/status", self._database, check=False
        )

    def leader(self) -> ServerProcess:
        """The member that leads; waits for an election."""
        found: list[ServerProcess] = []

        def look() -> bool:
            found[:] = [m for m in self.members if re.search(r"^Role: leader$", self.status(m), re.MULTILINE)]
            return len(found) == 1

        until(look, lambda _seconds: None)
        return found[0]

    def follower(self) -> ServerProcess:
        leader = self.leader()
        return next(member for member in self.members if member is not leader)

    def await_members(self) -> None:
        """Until every member is in the cluster and knows the leader."""

        def joined(member: ServerProcess) -> bool:
            text = self.status(member)
            return "Status: cluster member" in text and "Leader: unknown" not in text

        until(lambda: all(map(joined, self.members)), lambda _seconds: None)

    def kill(self, member: ServerProcess) -> None:
        """As a power failure would."""
        member.stop(signal.SIGKILL)

    def heal(self, member: ServerProcess) -> None:
        """Start a dead member again."""
        member.start()
        self.await_members()

    def rebuild(self) -> None:
        """Throw the database away and make another one at the same addresses."""
        self.stop()
        for number in range(SIZE):
            self._file(number).unlink()
            lock = self._directory / f".m{number}.db.~lock~"
            lock.unlink(missing_ok=True)
        self.start()

    def stop(self) -> None:
        for member in self.members:
            member.stop()

    def clean(self) -> None:
        self.stop()
        shutil.rmtree(self._directory, ignore_errors=True)

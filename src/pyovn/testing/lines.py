"""Command lines of our database tools, carried out in process on a deployment's databases.

The lines are those of the programs, options such as ``--wait=hv`` too, run by what the programs' daemon mode
is made of (``tools.ctl.served``).  A line that waits lets virtual time pass.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

from pyovn.daemon.unixctl import CommandError
from pyovn.schemas.northbound import NORTHBOUND
from pyovn.schemas.southbound import SOUTHBOUND
from pyovn.schemas.vswitch import OPEN_VSWITCH
from pyovn.tools.ctl.served import Service
from pyovn.tools.nbctl.program import PROGRAM as NBCTL
from pyovn.tools.sbctl.program import PROGRAM as SBCTL
from pyovn.tools.vsctl.program import PROGRAM as VSCTL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyovn.sandbox.deployment import Deployment
    from pyovn.schemas.columns import Database
    from pyovn.sim.virtual import VirtualRuntime
    from pyovn.tools.ctl.program import Program

PATIENCE: Final = 60.0
"""Virtual seconds that a line may take."""


class LineError(AssertionError):
    """A command line that failed; the message is the program's own."""


def words_of(line: Sequence[str]) -> list[str]:
    """The words of a command line, given as one text, as a shell would read it, or word by word."""
    return shlex.split(line[0]) if len(line) == 1 else list(line)


class Lines:
    """Runs lines."""

    def __init__(self, runtime: VirtualRuntime, deployment: Deployment) -> None:
        self._runtime = runtime
        self._deployment = deployment
        self._services: dict[str, Service] = {}

    def nbctl(self, *line: str) -> str:
        """A line of ovn-nbctl."""
        return self._run(NBCTL, "nb", NORTHBOUND, line)

    def sbctl(self, *line: str) -> str:
        """A line of ovn-sbctl."""
        return self._run(SBCTL, "sb", SOUTHBOUND, line)

    def vsctl(self, hypervisor: str, *line: str) -> str:
        """A line of ovs-vsctl on a hypervisor."""
        self._deployment.hypervisor(hypervisor)
        return self._run(VSCTL, f"{hypervisor}/db", OPEN_VSWITCH, line)

    def _run(self, program: Program, name: str, database: Database, line: Sequence[str]) -> str:
        words = words_of(line)
        service = self._services.get(name) or self._begin(program, name, database)
        got: list[tuple[bool, str]] = []
        try:
            service.run(words).when_settled(lambda accepted, text: got.append((accepted, text)))
        except CommandError as error:
            raise LineError(f"{program.name}: {error}") from None
        if not self._runtime.run_until(lambda: bool(got), PATIENCE):
            for job in list(service.jobs):
                job.fail("given up")
            raise LineError(
                f"{program.name} {shlex.join(words)}: not done after {PATIENCE:g} s of virtual time"
            )
        accepted, text = got[0]
        if not accepted:
            raise LineError(f"{program.name}: {text}")
        return text

    def _begin(self, program: Program, name: str, database: Database) -> Service:
        columns = {table: tuple(row.columns) for table, row in database.schema.tables.items()}
        client = self._deployment.client(name, database, columns)
        service = self._services[name] = Service(self._runtime, program, client, lambda _words: None)
        client.start()
        return service

    def close(self) -> None:
        """Stop following the databases."""
        for service in self._services.values():
            service.client.stop()
        self._services.clear()

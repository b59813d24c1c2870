"""The process that hosts a sandbox: a deployment in a directory, and control commands for it.

Started by ``main`` as ``python -m pyovn.sandbox.host DIRECTORY HYPERVISORS [--no-2015] [FILE]`` with a pipe
as standard input; it writes one line when everything is ready and lives until the pipe is closed, however
its parent ends.  With a FILE it begins with what was saved there.

Its control commands (``ovs-appctl -t sandbox ...``, or ``pyovn sandbox ...``) are those of ``verbs``; beside
them ``notices`` tells what does not fit together.
"""

from __future__ import annotations

import os
import sys
import traceback
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Final

from pyovn.daemon import collector
from pyovn.daemon.main import DaemonSpec
from pyovn.daemon.process import CRASHED
from pyovn.daemon.unixctl import CommandError
from pyovn.sandbox import claims
from pyovn.sandbox.deployment import Deployment, DeploymentError
from pyovn.sandbox.hosting import HostedMakers
from pyovn.sandbox.links import CENTRAL, LinkError
from pyovn.sandbox.saved import SavedError, read
from pyovn.sandbox.verbs import VERBS
from pyovn.schemas.ovn2015 import OVN_2015
from pyovn.sim.address import reason
from pyovn.sim.real import RealRuntime

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyovn.daemon.main import Daemon
    from pyovn.daemon.unixctl import Deferred
    from pyovn.sandbox.deployment import Hypervisor
    from pyovn.sandbox.saved import Saved
    from pyovn.sim.runtime import Runtime

READY: Final = "ready"
NO_2015: Final = "--no-2015"


class Host:
    """A hosted deployment and its control commands."""

    JOIN_TIMEOUT: Final = 30.0
    """Seconds within which all hypervisors have joined."""

    def __init__(
        self,
        runtime: Runtime,
        directory: str,
        hypervisors: int,
        saved: Saved | None = None,
        *,
        names2015: bool = True,
    ) -> None:
        self.runtime = runtime
        self.makers = HostedMakers(runtime, directory)
        self.deployment: Deployment
        self.daemon = daemon = self.makers.daemon(runtime, CENTRAL, SPEC)
        for verb in VERBS:
            if verb.handler:
                module, _, function = verb.handler.partition(":")
                handler = getattr(import_module(f"pyovn.sandbox.{module}"), function)
                daemon.control.register(
                    verb.name, verb.usage, verb.least, verb.most, partial(self._run, handler)
                )
        daemon.control.register("notices", "", 0, 0, self._notices)
        if saved is not None:
            self._restore(saved)
            return
        self.deployment = Deployment(runtime, self.makers, names2015=names2015)
        for number in range(1, hypervisors + 1):
            self.deployment.add_hypervisor(f"hv{number}")

    def is_ready(self) -> bool:
        """Every hypervisor is a chassis and its controller has a switch, as far as its daemons live."""
        return all(
            h.controller.connection_status == "connected" and h.controller.model.our_chassis() is not None
            for h in self.deployment.hypervisors.values()
            if self._can_join(h)
        )

    def _can_join(self, hypervisor: Hypervisor) -> bool:
        """Nothing that it takes is dead or cut off."""
        mine = f"{hypervisor.name}/"
        return all(
            slot.is_running for slot in (*hypervisor.daemons(), self.deployment.ovsdb_server)
        ) and not any(link[0].startswith(mine) for link in self.deployment.links.cut_links())

    def replace(self, saved: Saved) -> None:
        """Have another deployment in the place of the one that is there."""
        self.deployment.close()
        for name in self.deployment.hypervisors:
            self.makers.remove(name)
        self.makers.reset()
        self._restore(saved)

    def _restore(self, saved: Saved) -> None:
        self.makers.seeds = dict(saved.databases)
        names2015 = (CENTRAL, OVN_2015.name) in saved.databases
        self.deployment = deployment = Deployment(self.runtime, self.makers, names2015=names2015)
        for name, ip in saved.manifest.hypervisors.items():
            deployment.add_hypervisor(name, restored_ip=ip)
        # Nothing has run yet of what was started: the dead have done nothing, and no link was used.
        for place, name in saved.manifest.dead:
            deployment.kill(place, name)
        for link in saved.manifest.cut:
            deployment.links.cut(*link)

    def _run(
        self, handler: Callable[[Host, Sequence[str]], str | Deferred], args: Sequence[str]
    ) -> str | Deferred:
        """What cannot be done is the command's error, not the host's."""
        try:
            return handler(self, args)
        except (DeploymentError, LinkError, SavedError, ValueError) as error:
            raise CommandError(str(error)) from error

    def _notices(self, _args: Sequence[str]) -> str:
        return "".join(f"{line}\n" for line in claims.notices(self.deployment))


def _start(_daemon: Daemon) -> None:
    """A sandbox is started by ``main`` below, never by ``daemon.run``."""


SPEC: Final = DaemonSpec(name="sandbox", family="ovn", summary="pyovn sandbox", start=_start)


def main(argv: Sequence[str]) -> int:
    """Host a sandbox until standard input is closed."""
    flags = {NO_2015} & set(argv)
    directory, hypervisors, *file = [word for word in argv if word not in flags]
    runtime = RealRuntime()
    collector.relax(runtime.call_later)
    try:
        saved = read(file[0], runtime.random) if file else None
        host = Host(runtime, directory, int(hypervisors), saved, names2015=not flags)
    except (DeploymentError, LinkError, SavedError) as error:
        print(str(error), flush=True)
        return 1
    except OSError as error:
        print(f"{error.filename or directory}: {reason(error)}", flush=True)
        return 1
    if not runtime.run_until(host.is_ready, Host.JOIN_TIMEOUT):
        print(f"the sandbox did not become ready within {Host.JOIN_TIMEOUT:g} s", flush=True)
        return 1
    print(READY, flush=True)
    runtime.loop.add_reader(sys.stdin.fileno(), lambda: None if os.read(0, 4096) else runtime.stop())
    status = 0
    try:
        runtime.run_forever()
    except Exception:  # noqa: BLE001 - the sandbox ends here; those who ask why find the reason in its log
        host.daemon.log.module("main").emer("%s", traceback.format_exc().rstrip())
        print(f"the sandbox has ended by a defect; its log is {directory}/sandbox.log", file=sys.stderr)
        status = CRASHED
    host.makers.close()
    runtime.close()
    return status


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

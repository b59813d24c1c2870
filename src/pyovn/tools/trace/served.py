"""ovn-trace as a daemon, which keeps a copy of the southbound and traces packets on request.

The control command ``trace`` takes options, perhaps a datapath, and a microflow (ovn-trace(8), "DAEMON
MODE").  What packets meet is built from the copy when it is asked for, and kept until the copy changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyovn.daemon import options as opt
from pyovn.daemon.main import Daemon, DaemonSpec
from pyovn.daemon.main import run as run_daemon
from pyovn.daemon.unixctl import MANY, CommandError, Deferred
from pyovn.explain.network import TABLES, Network
from pyovn.explain.trace import trace
from pyovn.ovsdb.client import Client
from pyovn.schemas.southbound import SOUTHBOUND
from pyovn.tools.ctl.errors import Console, warn
from pyovn.tools.trace.asked import MODULE, TRACE, QuestionError, forms_of, friendly_names, world_of

if TYPE_CHECKING:
    from collections.abc import Sequence


def serve(
    arguments: Sequence[str], options: tuple[opt.Option, ...], remote: str, *, leader_only: bool
) -> int:
    """Be the daemon; the starter's exit status."""
    spec = DaemonSpec(
        name="ovn-trace",
        family="ovn",
        summary="OVN trace utility",
        start=lambda daemon: _start(daemon, remote, leader_only=leader_only),
        own_options=options,
    )
    return run_daemon(spec, ["ovn-trace", *arguments])


def _start(daemon: Daemon, remote: str, *, leader_only: bool) -> None:
    Console.sink = lambda module, text, level: daemon.log.module(module).line(level.lower(), text)
    client = Client(
        daemon.runtime,
        remote,
        SOUTHBOUND.name,
        TABLES,
        leader_only=leader_only,
        expected=SOUTHBOUND.schema,
    )
    client.log = daemon.log.module("reconnect").line
    service = Service(client)
    daemon.control.register("trace", "[OPTIONS] [DATAPATH] MICROFLOW", 1, MANY, service.run)
    daemon.on_exit(client.stop)
    client.start()


class Service:
    """Answers ``trace``; a question that comes before the copy is there waits for it."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._networks: dict[bool, Network] = {}
        """By whether friendly names are used."""
        self._waiting: list[tuple[Sequence[str], Deferred]] = []
        client.on_changes = lambda _changes: self._changed()
        client.on_state = lambda _client: self._changed()

    def run(self, words: Sequence[str]) -> str | Deferred:
        """The command ``trace``."""
        if self._client.state == "live":
            return self._answer(words)
        answer = Deferred()
        self._waiting.append((words, answer))
        return answer

    def _changed(self) -> None:
        self._networks.clear()
        if self._client.state != "live":
            return
        waiting, self._waiting = self._waiting, []
        for words, answer in waiting:
            try:
                answer.resolve(self._answer(words))
            except CommandError as error:
                answer.fail(str(error))

    def _answer(self, words: Sequence[str]) -> str:
        try:
            line = opt.parse(words, TRACE, in_order=True)
            world = world_of(line)
        except opt.OptionError:
            raise CommandError("unknown option") from None
        except QuestionError as error:
            raise CommandError(str(error)) from None
        if len(line.arguments) not in {1, 2}:
            raise CommandError("one or two non-option arguments are required")
        *name, microflow = line.arguments
        network = self._network(friendly=friendly_names(line))
        return trace(network, name[0] if name else None, microflow, forms_of(line), world)

    def _network(self, *, friendly: bool) -> Network:
        network = self._networks.get(friendly)
        if network is None:
            network = Network(self._client.replica, friendly_names=friendly, warn=_warn)
            self._networks[friendly] = network
        return network


def _warn(text: str) -> None:
    warn(MODULE, text)

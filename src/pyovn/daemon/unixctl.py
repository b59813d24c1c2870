"""The control socket of a daemon: commands by name with text arguments, and text answers.

The protocol is JSON-RPC 1.0 on a unix stream: ``{"id", "method", "params": [strings]}``, answered by a
text ``result`` or a text ``error`` (ovs-appctl(8)).  A connection's commands run one after the other; one
whose handler returns a ``Deferred`` holds up the rest of its own connection and nobody else's.

Handlers get the arguments and return the answer, or raise ``CommandError`` with what went wrong.  Any other
exception is a defect of that handler: it is logged with its traceback and answered with an error, and the
daemon goes on, because a question must not take the network down.

Every server brings the commands that all daemons have: list-commands, version, vlog/*, coverage/* and
memory/show.  ``exit`` is registered by ``main``, which knows how to end.  The blocking client for tools is
``ctlclient``.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pyovn.daemon.ctlclient import ControlError, control_request, find_socket
from pyovn.daemon.log import Log, LogSpecError
from pyovn.wire import jsonrpc
from pyovn.wire.jsontext import use_msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pyovn.sim.runtime import Listener, Runtime, Stream

    Handler = Callable[[Sequence[str]], "str | Deferred | None"]

use_msgspec()

__all__ = [
    "CommandError",
    "ControlError",
    "ControlServer",
    "Deferred",
    "control_request",
    "find_socket",
]

MAX_REQUEST: Final = 64 << 20
"""Bytes of one command: ``ovn-nbctl``'s ``run`` takes long lists."""

NO_SOCKET: Final = "none"
"""``--unixctl=none`` (ovsdb-server(1)): no control socket."""

MANY: Final = 1 << 31
"""As ``max_args``: any number."""


class CommandError(Exception):
    """A command that was refused; the text goes to whoever asked."""


class Deferred:
    """An answer that comes later.  The one who made it calls ``resolve`` or ``fail``, once."""

    __slots__ = ("_answer", "_send")

    def __init__(self) -> None:
        """Make an answer that nobody waits for yet."""
        self._answer: tuple[bool, str] | None = None
        self._send: Callable[[bool, str], None] | None = None

    def resolve(self, text: str = "") -> None:
        """Answer with a result."""
        self._settle(True, text)

    def fail(self, text: str) -> None:
        """Answer with an error."""
        self._settle(False, text)

    def when_settled(self, send: Callable[[bool, str], None]) -> None:
        """Call ``send`` with the answer as soon as there is one; the server's side."""
        self._send = send
        if self._answer is not None:
            send(*self._answer)

    def _settle(self, accepted: bool, text: str) -> None:
        assert self._answer is None, "answered twice"
        self._answer = accepted, text
        if self._send is not None:
            self._send(accepted, text)


class Command(NamedTuple):
    """One registered command; ``usage`` describes its arguments, empty hides nothing."""

    usage: str
    min_args: int
    max_args: int
    handler: Handler


class ControlServer:
    """Listens at ``path`` and runs commands."""

    def __init__(
        self, runtime: Runtime, path: str, program: str, *, version: str = "", log: Log | None = None
    ) -> None:
        """Listen at once; raises ``OSError``.  ``log`` is the daemon's, for the vlog commands.

        At the path ``NO_SOCKET`` nobody listens: the commands are there, for who shares the process.
        """
        self.path = path
        self.commands: dict[str, Command] = {}
        self.coverage: dict[str, int] = {}
        """Events by name, counted by whoever has something to count."""
        self.memory: list[Callable[[], Mapping[str, int]]] = []
        """Functions that tell what a part of the daemon holds, in things, not in bytes."""
        self._version = version or program
        self._log = log if log is not None else Log(program)
        self._connections: set[_Connection] = set()
        self._register_common()
        self._listener: Listener | None = None
        if path == NO_SOCKET:
            return
        try:
            self._listener = runtime.listen(f"punix:{path}", self._accept)
        except OSError as error:
            raise OSError(
                error.errno, f"{path}: could not initialize control socket ({error.strerror})"
            ) from error

    def register(self, name: str, usage: str, min_args: int, max_args: int, handler: Handler) -> None:
        """Add a command; a later one of the same name replaces it."""
        self.commands[name] = Command(usage, min_args, max_args, handler)

    def close(self) -> None:
        """Stop listening, remove the socket file, and close connections after what was answered."""
        if self._listener is not None:
            self._listener.close()
        for connection in list(self._connections):
            connection.stream.close()
        self._connections.clear()

    def run(self, name: str, args: Sequence[str]) -> str | Deferred:
        """Run one command; raises ``CommandError``."""
        command = self.commands.get(name)
        if command is None:
            raise CommandError(
                f'"{name}" is not a valid command (use "list-commands" to see a list of valid commands)'
            )
        if len(args) < command.min_args:
            raise CommandError(f'"{name}" command requires at least {command.min_args} arguments')
        if len(args) > command.max_args:
            raise CommandError(f'"{name}" command takes at most {command.max_args} arguments')
        try:
            return command.handler(args) or ""
        except CommandError:
            raise
        except Exception as error:  # handlers are isolated from the daemon here, and only here
            import traceback  # most daemons never need it

            self._log.module("unixctl").err('"%s" command failed: %s', name, traceback.format_exc().rstrip())
            kind = type(error).__name__
            raise CommandError(f'"{name}" command failed: {kind} (the log says more)') from error

    def _accept(self, stream: Stream) -> None:
        self._connections.add(_Connection(self, stream, self._connections.discard))

    def _register_common(self) -> None:
        log = self._log
        self.register("list-commands", "", 0, 0, lambda _: self._list_commands())
        self.register("version", "", 0, 0, lambda _: self._version)
        self.register("coverage/show", "", 0, 0, lambda _: self._show_coverage())
        self.register("coverage/read-counter", "COUNTER", 1, 1, self._read_counter)
        self.register("memory/show", "", 0, 0, lambda _: self._show_memory())
        self.register("vlog/set", "{spec | PATTERN:destination:pattern}", 0, MANY, self._set_levels)
        self.register("vlog/list", "", 0, 0, lambda _: log.format_levels())
        self.register("vlog/list-pattern", "", 0, 0, lambda _: log.format_patterns())
        self.register("vlog/reopen", "", 0, 0, self._reopen_log)
        self.register("vlog/close", "", 0, 0, lambda _: log.close_file())
        for name, enabled in (("vlog/enable-rate-limit", True), ("vlog/disable-rate-limit", False)):
            self.register(name, "[module]...", 0, MANY, self._rate_limits(enabled))

    def _list_commands(self) -> str:
        lines = [f"  {name:<23s} {command.usage}\n" for name, command in sorted(self.commands.items())]
        return "The available commands are:\n" + "".join(lines)

    def _show_coverage(self) -> str:
        counters = sorted(self.coverage.items())
        lines = [f"{name:<24s} total: {count}\n" for name, count in counters if count]
        never = sum(1 for _, count in counters if not count)
        return "Event coverage:\n" + "".join(lines) + f"{never} events never hit\n"

    def _read_counter(self, args: Sequence[str]) -> str:
        if args[0] not in self.coverage:
            raise CommandError("No such counter")
        return str(self.coverage[args[0]])

    def _show_memory(self) -> str:
        held: dict[str, int] = {}
        for report in self.memory:
            held.update(report())
        return " ".join(f"{name}:{count}" for name, count in sorted(held.items()))

    def _set_levels(self, args: Sequence[str]) -> None:
        try:
            for spec in args or ("dbg",):
                self._log.set_spec(spec)
        except LogSpecError as error:
            raise CommandError(str(error)) from error

    def _reopen_log(self, _args: Sequence[str]) -> None:
        if self._log.file_name is None:
            raise CommandError("Logging to file not configured")
        try:
            self._log.reopen_file()
        except OSError as error:
            raise CommandError(error.strerror or str(error)) from error

    def _rate_limits(self, enabled: bool) -> Handler:
        def handle(args: Sequence[str]) -> None:
            try:
                self._log.set_rate_limits(list(args), enabled=enabled)
            except LogSpecError as error:
                raise CommandError(str(error)) from error

        return handle


class _Connection:
    """One client: its commands wait for each other."""

    def __init__(self, server: ControlServer, stream: Stream, forget: Callable[[_Connection], None]) -> None:
        self.stream = stream
        self._server = server
        self._forget = forget
        self._decoder = jsonrpc.Decoder(MAX_REQUEST)
        self._waiting: deque[Any] = deque()
        self._busy = False
        stream.on_data = self._receive
        stream.on_close = self._close

    def _close(self, _reason: str) -> None:
        self._waiting.clear()
        self._forget(self)

    def _receive(self, data: bytes) -> None:
        try:
            self._waiting.extend(self._decoder.feed(data))
        except jsonrpc.JsonRpcError:
            self._hang_up()
            return
        self._go_on()

    def _hang_up(self) -> None:
        self.stream.close()
        self._close("malformed request")

    def _go_on(self) -> None:
        while self._waiting and not self._busy:
            self._run(self._waiting.popleft())

    def _run(self, message: object) -> None:
        if not isinstance(message, dict) or message.get("id") is None or "method" not in message:
            self._hang_up()
            return
        identity, method, args = message["id"], message["method"], message.get("params")
        if not isinstance(args, list) or not all(isinstance(arg, str) for arg in args):
            self._reply(identity, False, f'"{method}" command has non-string argument')
            return
        try:
            answer = self._server.run(str(method), args)
        except CommandError as error:
            self._reply(identity, False, str(error))
            return
        if isinstance(answer, str):
            self._reply(identity, True, answer)
            return
        self._busy = True
        later = False

        def settled(accepted: bool, text: str) -> None:
            self._busy = False
            self._reply(identity, accepted, text)
            if later:
                self._go_on()

        answer.when_settled(settled)
        later = True

    def _reply(self, identity: object, accepted: bool, text: str) -> None:
        body = text if not text or text.endswith("\n") else text + "\n"
        message = jsonrpc.response(identity, body) if accepted else jsonrpc.error(identity, body)
        self.stream.write(jsonrpc.encode(message))

"""The controllers that a bridge is told of: rows of table ``Controller`` (ovs-vswitchd.conf.db(5)).

A *primary* controller is one to which the switch connects (``tcp:``, ``ssl:``, ``unix:``); it gets
packet-ins and the like from the start, and a bridge that has one obeys it alone.  A *service* controller is
a place where the switch listens (``ptcp:``, ``pssl:``, ``punix:``).  A target of neither kind is logged and
left alone, and so is a socket outside the run directory, which a remote user of the database might name.

What a bridge without a controller does, and one that has lost its controllers, is in ``fail_mode``:
``standalone`` switches like NORMAL, at once without controllers and after ``FAIL_OPEN_AFTER`` seconds
without a connection, by a flow above all others that no dump shows; ``secure`` does as its flows say.

Here are rows, timers and connections; what is said on a connection is ``connection``'s.
"""

from __future__ import annotations

import os.path
from typing import TYPE_CHECKING, Final

from pyovn.ovsdb.reconnect import MAX_BACKOFF, Action, Reconnect
from pyovn.ovsdb.values import FrozenMap
from pyovn.wire.openflow import messages as msg

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pyovn.ovsdb.values import UUID, Value
    from pyovn.sim.runtime import Listener, Runtime, Stream, Timer
    from pyovn.vswitch.confdb import ControllerRow
    from pyovn.vswitch.connection import Connection
    from pyovn.vswitch.ofserver import OpenFlowServer

PROBE: Final = 5.0
FAIL_OPEN_AFTER: Final = 3 * PROBE
_ACTIVE: Final = ("tcp:", "ssl:", "unix:", "mem:")
_PASSIVE: Final = ("ptcp:", "pssl:", "punix:")
_ROLES: Final = {msg.ROLE_EQUAL: "other", msg.ROLE_MASTER: "master", msg.ROLE_SLAVE: "slave"}


class Primary:
    """A controller to which the switch connects, again and again."""

    def __init__(self, owner: Controllers, row: ControllerRow) -> None:
        self.owner = owner
        self.target = row.target
        self.connection: Connection | None = None
        self.since: float | None = None
        self.last_error = ""
        self._timer: Timer | None = None
        self._ended = False
        self._fsm = Reconnect((row.target,), PROBE)
        self.configure(row)
        self._fsm.start(owner.runtime.now())
        self._step()

    def configure(self, row: ControllerRow) -> None:
        """Take over the row's times (in ms)."""
        self._fsm.probe_interval = PROBE if row.inactivity_probe is None else row.inactivity_probe / 1000
        self._fsm.max_backoff = MAX_BACKOFF if row.max_backoff is None else row.max_backoff / 1000

    @property
    def state(self) -> str:
        """The word for it in the row's ``status``."""
        return self._fsm.state

    def _step(self) -> None:
        """Do what is due, and come back when something else is."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._ended:
            return
        now = self.owner.runtime.now()
        action = self._fsm.run(now)
        if action is Action.CONNECT:
            self._log("info", "connecting...")
            self.owner.runtime.connect(self.target, self._connected, self._failed)
        elif action is Action.PROBE and self.connection is not None:
            self.connection.send(msg.EchoRequest())
        elif action is Action.GIVE_UP:
            self._give_up(self._fsm.describe())
            return
        deadline = self._fsm.deadline()
        if deadline is not None:
            self._timer = self.owner.runtime.call_later(max(0.0, deadline - now), self._step)

    def _connected(self, stream: Stream) -> None:
        if self._ended or self.connection is not None:
            stream.close()
            return
        self._fsm.connected(self.owner.runtime.now())
        self.connection = self.owner.server.accept(stream, primary=True)
        self.connection.on_end = self._lost
        self.connection.on_heard = self._heard
        self._step()

    def _heard(self) -> None:
        now = self.owner.runtime.now()
        self._fsm.received(now)
        if self.since is None and self.connection is not None and self.connection.version:
            self._log("info", "connected")
            self.since, self.last_error = now, ""
            self._fsm.serving(now)
            self.owner.changed()

    def _failed(self, reason: str) -> None:
        if not self._ended:
            self._log("warn", f"connection failed ({reason})")
            self._after(reason)

    def _give_up(self, reason: str) -> None:
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.close()
        self._log("err", reason)
        self._after(reason)

    def _lost(self, reason: str) -> None:
        self._log("info", f"connection closed by peer ({reason})" if reason else "connection closed by peer")
        self._after(reason)

    def _after(self, reason: str) -> None:
        self.connection = None
        self.since, self.last_error = None, reason
        self._fsm.lost(self.owner.runtime.now())
        self.owner.changed()
        self._step()

    def reconnect(self) -> None:
        """Leave the controller, if it is there, and connect to it again."""
        if self.connection is not None:
            self._give_up("connection dropped by request")

    def _log(self, level: str, text: str) -> None:
        self.owner.log(level, f"{self.owner.name}<->{self.target}: {text}")

    def close(self) -> None:
        """End it for good."""
        self._ended = True
        self._fsm.stop()
        self._step()
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class Controllers:
    """The controllers of one bridge; ``changed`` is called when any of them comes or goes."""

    def __init__(
        self,
        name: str,
        runtime: Runtime,
        server: OpenFlowServer,
        rundir: str,
        log: Callable[[str, str], None],
    ) -> None:
        self.name = name
        self.runtime = runtime
        self.server = server
        self.rundir = rundir
        self.log = log
        self.on_change: Callable[[], None] = _nothing
        self.primaries: dict[str, Primary] = {}
        self._services: dict[str, Listener] = {}
        self._refused: set[str] = set()
        self._disconnected_since = 0.0

    def follow(self, rows: Mapping[UUID, ControllerRow]) -> bool:
        """Have exactly the controllers of ``rows``; tells whether the first came or the last went."""
        had = bool(self.primaries)
        targets = {row.target: row for row in rows.values()}
        for target in [t for t in self.primaries if t not in targets]:
            self.log("info", f'{self.name}: removed primary controller "{target}"')
            self.primaries.pop(target).close()
        for target in [t for t in self._services if t not in targets]:
            self.log("info", f'{self.name}: removed service controller "{target}"')
            self._services.pop(target).close()
        self._refused &= targets.keys()
        for target, row in targets.items():
            if target in self.primaries:
                self.primaries[target].configure(row)
            elif target not in self._services and target not in self._refused:
                self._add(target, row)
        if had != bool(self.primaries):
            self._disconnected_since = self.runtime.now()
            return True
        return False

    def _add(self, target: str, row: ControllerRow) -> None:
        kind = target.partition(":")[0]
        if not target.startswith((*_ACTIVE, *_PASSIVE)) or target == f"{kind}:":
            self._refuse("warn", target, f'{self.name}: unsupported controller "{target}"')
            return
        if kind in {"unix", "punix"} and not self._permitted(target.partition(":")[2]):
            verb = "Not connecting to socket controller" if kind == "unix" else "Not listening on socket"
            where = f"{kind}:{self.rundir}/{self.name}.controller"
            self._refuse(
                "err",
                target,
                f'bridge {self.name}: {verb} "{target}" due to possibility for remote exploit.  Instead, '
                f'specify socket in permitted directory "{where}" or connect to "unix:{self.rundir}/'
                f'{self.name}.mgmt" (which is always available without special configuration).',
            )
            return
        if target.startswith(_ACTIVE):
            self.log("info", f'{self.name}: added primary controller "{target}"')
            self.primaries[target] = Primary(self, row)
            return
        try:
            self._services[target] = self.runtime.listen(target, self.server.serve)
        except OSError as e:
            self._refuse("err", target, f"failed to listen on {target}: {e.strerror or e}")
            return
        self.log("info", f'{self.name}: added service controller "{target}"')

    def _permitted(self, path: str) -> bool:
        """Sockets of controllers stand in the run directory and bear the bridge's name."""
        return os.path.normpath(path) == path and path.startswith(f"{self.rundir}/{self.name}.controller")

    def _refuse(self, level: str, target: str, text: str) -> None:
        self._refused.add(target)
        self.log(level, text)

    def changed(self) -> None:
        """A controller was reached or lost."""
        if not self.connected:
            self._disconnected_since = min(self._disconnected_since or self.runtime.now(), self.runtime.now())
        else:
            self._disconnected_since = 0.0
        self.on_change()

    def reconnect(self) -> None:
        """Leave all controllers and connect to them again."""
        for primary in self.primaries.values():
            primary.reconnect()

    @property
    def connected(self) -> bool:
        """Whether any primary controller is there."""
        return any(primary.since is not None for primary in self.primaries.values())

    def fail_open_in(self) -> float | None:
        """Seconds until a standalone bridge is to switch by itself; None when it is not to."""
        if not self.primaries or self.connected:
            return None
        return max(0.0, self._disconnected_since + FAIL_OPEN_AFTER - self.runtime.now())

    def columns(self, target: str) -> dict[str, Value]:
        """What the row of a controller is told."""
        primary = self.primaries.get(target)
        if primary is None:
            return {"is_connected": False, "role": None, "status": FrozenMap()}
        status = {"state": primary.state}
        role = None
        if primary.since is not None and primary.connection is not None:
            role = _ROLES[primary.connection.role]
        elif primary.last_error:
            status["last_error"] = primary.last_error
        return {"is_connected": primary.since is not None, "role": role, "status": FrozenMap(status)}

    def close(self) -> None:
        """End all."""
        for primary in self.primaries.values():
            primary.close()
        for listener in self._services.values():
            listener.close()
        self.primaries.clear()
        self._services.clear()


def _nothing() -> None:
    """Stand in for a listener that nobody has set."""

"""The daemon: three databases in, two out.

The northbound and the southbound are today's; the third is ``OVN``, the database of 2015, which is wholly
derived but for the names that others write into ``Bindings.chassis`` (see ``bindings``).  Everything is
level-triggered and nothing is remembered outside of the databases, so a restart with nothing to change
sends nothing, and the death of a peer delays and loses nothing.

One of several is active: the holder of the lock ``ovn_compat2015`` on the OVN database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyovn.compat2015 import bindings, chassis, pipeline
from pyovn.compat2015.model import NB_INPUTS, OLD_INPUTS, SB_INPUTS, Model
from pyovn.compat2015.pace import Pace
from pyovn.incremental import Engine, UpstreamError
from pyovn.ovsdb.values import value_to_json
from pyovn.schemas import ovn2015 as old
from pyovn.schemas import southbound as sb
from pyovn.sync.inputs import Inputs, wanted_columns
from pyovn.sync.loop import Loop
from pyovn.sync.notices import Notices
from pyovn.sync.provenance import why_rows
from pyovn.sync.reconcile import Managed, Reconciler

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.incremental import Node
    from pyovn.ovsdb.replica import Change
    from pyovn.ovsdb.requests import Reply
    from pyovn.sim.runtime import Runtime
    from pyovn.sync.database import DatabaseClient
    from pyovn.sync.operations import Operation

LOCK: Final = "ovn_compat2015"

NB_COLUMNS: Final = wanted_columns(NB_INPUTS)
SB_COLUMNS: Final = wanted_columns(SB_INPUTS)
OVN_COLUMNS: Final = wanted_columns((*OLD_INPUTS, old.Encap, old.Pipeline))
"""What the three clients have to monitor."""

NB_REQUIRED: Final = {"Logical_Switch": ("name", "ports"), "Logical_Switch_Port": ("name", "addresses")}
SB_REQUIRED: Final = {
    "Chassis": ("name", "encaps", "other_config"),
    "Chassis_Private": ("name",),
    "Port_Binding": ("logical_port", "chassis"),
}
OVN_REQUIRED: Final = {
    "Bindings": ("logical_port", "chassis"),
    "Pipeline": ("logical_datapath", "table_id", "priority", "match", "actions"),
}
"""What cannot be done without in their schemas."""

SOUTHBOUND: Final = (
    Managed(
        sb.Encap,
        lambda row: bindings.ELSEWHERE if row.chassis_name == bindings.ELSEWHERE else None,
        collected=True,
    ),
    Managed(sb.Chassis, lambda row: row.name if row.name == bindings.ELSEWHERE else None),
    Managed(sb.PortBinding),
)
OVN: Final = (
    Managed(old.Encap, chassis.identify_encap, collected=True),
    Managed(old.Chassis, lambda row: row.name),
    Managed(old.Bindings, lambda row: row.logical_port),
    Managed(old.Pipeline, pipeline.identify),
)
"""How the tables of the two databases are kept that are written to."""


class Compat2015:
    """``log(level, text)`` gets what operators read."""

    def __init__(
        self,
        runtime: Runtime,
        nb_client: DatabaseClient,
        sb_client: DatabaseClient,
        ovn_client: DatabaseClient,
        log: Callable[[str, str], None],
    ) -> None:
        self._nb, self._sb, self._ovn = nb_client, sb_client, ovn_client
        self._log = log
        self._waiting: list[Callable[[], None]] = []
        """Who is to be told when nothing is left to do."""
        self.engine = Engine()
        self.model = model = Model(self.engine)
        self._bindings = bindings.Bindings(model)
        chassis.declare(model)
        pipeline.declare(model)
        self.sb_reconciler = Reconciler(sb_client, SOUTHBOUND, runtime.random)
        self.ovn_reconciler = Reconciler(ovn_client, OVN, runtime.random)
        for reconciler, relations in (
            (self.sb_reconciler, model.output_sb),
            (self.ovn_reconciler, model.output_ovn),
        ):
            for relation in relations:
                reconciler.follow(relation)
        self._notices = Notices()
        self._notices.follow(self._bindings.notices)
        self._notices.watch(self.engine.failures, self._failed)
        self.sb_reconciler.tell(self._notices)
        self.ovn_reconciler.tell(self._notices)
        self._loop = Loop(runtime, self._step, log)
        self._pace = Pace(runtime, self._loop.wake)
        self._follow(nb_client, model.northbound, None)
        self._follow(sb_client, model.southbound, self.sb_reconciler)
        self._follow(ovn_client, model.ovn2015, self.ovn_reconciler)
        ovn_client.on_lock = self._lock_changed

    def _follow(self, client: DatabaseClient, inputs: Inputs, reconciler: Reconciler | None) -> None:
        """Take in what a client reports."""

        def changed(changes: list[Change]) -> None:
            inputs.apply(changes)
            if reconciler is not None:
                reconciler.actual(changes)
            self._pace.wake()

        def state_changed(_client: Any) -> None:
            if client.state == "live" and reconciler is not None:
                reconciler.reconnected()
            self._loop.wake()

        client.on_changes = changed
        client.on_state = state_changed

    # -- running -------------------------------------------------------------------------------

    def start(self) -> None:
        """Connect to the databases and ask for the lock."""
        self._ovn.lock(LOCK)
        for client in (self._nb, self._sb, self._ovn):
            client.start()

    def stop(self) -> None:
        """Disconnect; the databases stay as they are."""
        self._loop.stop()
        self._pace.stop()
        for client in (self._nb, self._sb, self._ovn):
            client.stop()

    @property
    def status(self) -> str:
        """``active`` or ``standby``."""
        return "active" if self._ovn.has_lock(LOCK) else "standby"

    def _lock_changed(self, name: str, held: bool) -> None:
        if name == LOCK:
            self._log("info", f"ovn-compat2015 is now {'active' if held else 'on standby'}")
            self._loop.wake()

    def _step(self) -> None:
        """One pass.  Without all three databases nothing is known, and without the lock nothing is ours."""
        if any(client.state != "live" for client in (self._nb, self._sb, self._ovn)):
            return
        if not self._ovn.has_lock(LOCK) or self._is_writing:
            return
        self._pace.begin()
        self.engine.settle()
        self._loop.tell_news(*self._notices.news())
        self.sb_reconciler.flush(self._written, self._guards())
        self.ovn_reconciler.flush(self._written, [{"op": "assert", "lock": LOCK}])
        if not self._is_writing:
            self._pace.end()
            waiting, self._waiting = self._waiting, []
            for done in waiting:
                done()

    @property
    def _is_writing(self) -> bool:
        """Whether an answer is awaited, upon which the next pass follows."""
        return self.sb_reconciler.in_flight or self.ovn_reconciler.in_flight

    def _written(self, error: str | None) -> None:
        if not self._is_writing:
            self._pace.end()
        if error is None:
            self._loop.succeeded()
            self._pace.wake()
        else:
            self._loop.written(error)

    def sync(self, done: Callable[[], None]) -> None:
        """Call ``done`` when what the databases hold now has been taken in, and what follows is written."""
        left = [self._nb, self._sb, self._ovn]

        def answered(_reply: Reply) -> None:
            left.pop()
            if not left:
                self._waiting.append(done)
                self._pace.wake()

        for client in tuple(left):
            client.transact([{"op": "comment", "comment": "sync"}], answered)

    def _guards(self) -> list[Operation]:
        """Nothing is written if a controller has written meanwhile: the claims are decided anew then."""
        return [
            {
                "op": "wait",
                "timeout": 0,
                "table": sb.PortBinding.TABLE,
                "where": [["_uuid", "==", ["uuid", str(claim.binding)]]],
                "columns": ["chassis"],
                "until": "==",
                "rows": [{"chassis": value_to_json(claim.held)}],
            }
            for claim in bindings.pending(self._bindings.claims)
        ]

    # -- telling -------------------------------------------------------------------------------

    def _failed(self, node: Node) -> str | None:
        """A derivation that raises; those that only read it are left out."""
        error = self.engine.failures[node]
        return None if isinstance(error, UpstreamError) else f"{node.label()}: {error}"

    def notices(self) -> list[str]:
        """What has no effect, and what failed; one line each."""
        return self._notices.lines()

    def why(self, prefix: str) -> list[str]:
        """Why the rows of the OVN database whose UUID starts with ``prefix`` are there."""
        return why_rows(self._ovn, self.ovn_reconciler, OVN_COLUMNS, prefix, {})

"""The daemon: two databases in, two databases out, and the lock that makes one of several active.

Order of events: both replicas are live; the keys of what exists are adopted from the southbound; one
pass derives everything; the difference is sent.  From then on each burst of changes is one pass and at
most one transaction per database.

Only the holder of the lock ``ovn_northd`` on the southbound writes (ovn-northd(8), "Active-Standby for
High Availability"), and each transaction there asserts the lock, so that a former holder cannot write late.
Without the lock nothing is derived: keys that a standby gave out would not be those that the active one
gives out.  Who gets the lock back goes on where it was, unless the southbound shows that somebody else
has given out keys meanwhile; then it starts over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyovn import __version__
from pyovn.incremental import Engine
from pyovn.northd import (
    admission,
    arp_nd,
    datapaths,
    fdb,
    globals,  # noqa: A004  the module is about NB_Global and SB_Global
    l2_lookup,
    leftovers,
    multicast,
    passthrough,
    port_status,
    ports,
    progress,
    provider,
    rbac,
    telling,
    unserved,
    virtual,
    vtep,
)
from pyovn.northd.duplicates import Duplicates
from pyovn.northd.features import CT_LB_RELATED, CT_MARK, MAC_BINDING_TIMESTAMP
from pyovn.northd.model import GLOBAL, NB_INPUTS, SB_INPUTS, LogicalFlow, Model, identify_flow
from pyovn.northd.routers import Routers, identify_group, members_of
from pyovn.northd.tags import Tags
from pyovn.ovsdb.replica import Change
from pyovn.ovsdb.values import FrozenMap
from pyovn.schemas import northbound as nb
from pyovn.schemas import southbound as sb
from pyovn.sync.auditing import Auditor
from pyovn.sync.inputs import wanted_columns
from pyovn.sync.loop import Loop
from pyovn.sync.notices import Notices
from pyovn.sync.provenance import why_rows
from pyovn.sync.reconcile import Managed, Reconciler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pyovn.incremental import Reason
    from pyovn.ovsdb.values import UUID
    from pyovn.sim.runtime import Runtime
    from pyovn.sync.database import DatabaseClient
    from pyovn.sync.wants import RowItem

LOCK: Final = "ovn_northd"

NB_COLUMNS = wanted_columns(NB_INPUTS)
"""What the northbound client has to monitor."""

SB_COLUMNS = {
    **wanted_columns(
        (
            *SB_INPUTS,
            sb.DatapathBinding,
            sb.LogicalDPGroup,
            sb.LogicalFlow,
            sb.MulticastGroup,
            sb.AddressSet,
            sb.RBACPermission,
            sb.RBACRole,
            sb.HAChassisGroup,
            sb.HAChassis,
        )
    ),
    **leftovers.COLUMNS,
}
"""What the southbound client has to monitor."""


class Northd:
    """``log(level, text)`` gets what operators read."""

    def __init__(
        self,
        runtime: Runtime,
        nb_client: DatabaseClient,
        sb_client: DatabaseClient,
        log: Callable[[str, str], None],
    ) -> None:
        self._runtime = runtime
        self._nb, self._sb = nb_client, sb_client
        self._log = log
        self.paused = False
        self._following = False
        """Whether what the replicas report is taken in; not before the keys can be adopted."""
        self._was_away = False
        """Whether somebody else may have had the lock since the last pass."""
        self._leftovers = leftovers.Leftovers(sb_client)
        self._notices = Notices()
        self._declare()
        self._loop = Loop(runtime, self._step, log)
        self.auditor = Auditor(runtime, lambda: self.engine, self._loop.wake, log)
        nb_client.on_changes = self._nb_changed
        sb_client.on_changes = self._sb_changed
        nb_client.on_state = lambda client: self._state_changed(client, self.nb_reconciler)
        sb_client.on_state = lambda client: self._state_changed(client, self.sb_reconciler)
        sb_client.on_lock = self._lock_changed

    def _declare(self) -> None:
        """All features, in the order in which they need each other."""
        self.engine = Engine()
        self.model = Model(self.engine)
        self.nb_reconciler = Reconciler(self._nb, _NB_MANAGED, self._runtime.random)
        self.sb_reconciler = Reconciler(self._sb, self._sb_managed(), self._runtime.random)
        model = self.model
        self.datapath_keys = datapaths.declare(model)
        tags = Tags(model)
        routers = Routers(model)
        self.port_keys = ports.declare(model, tags, routers)
        routers.declare(self.port_keys)
        members = multicast.declare(model)
        admission.declare(model)
        vtep.declare(model)
        fdb.declare(model)
        provider.declare(model)
        arp_nd.declare(model)
        virtual.declare(model)
        passthrough.declare(model)
        duplicates = Duplicates(model, l2_lookup.declare(model, members))
        port_status.declare(model)
        self._seen = progress.declare(model)
        settings = globals.declare(model)
        rbac.declare(model)
        self._notices.start_over()
        telling.watch(self._notices, model, unserved.declare(model), duplicates)
        telling.watch_datapath_keys(self._notices, model, self.datapath_keys)
        telling.watch_port_keys(self._notices, model, self.port_keys)
        self.sb_reconciler.tell(self._notices)
        self.nb_reconciler.tell(self._notices)
        settings.put("northd", globals.fresh_settings(self._runtime.random, f"pyovn {__version__}"))

    def _sb_managed(self) -> tuple[Managed, ...]:
        return (
            Managed(sb.SBGlobal, lambda _row: GLOBAL),
            Managed(sb.AddressSet, lambda row: row.name),
            Managed(sb.RBACPermission, rbac.identify_permission),
            Managed(sb.RBACRole, rbac.identify_role),
            Managed(
                sb.DatapathBinding,
                datapaths.identify,
                releasing=True,
                leftovers=self._leftovers.of_datapath,
            ),
            Managed(sb.HAChassis, lambda row: row.uuid, collected=True),
            Managed(sb.HAChassisGroup, identify_group),
            Managed(sb.LogicalDPGroup, lambda row: row.uuid, releasing=True),
            Managed(
                sb.PortBinding,
                lambda row: row.logical_port,
                annotate=ports.annotate,
                releasing=True,
                leftovers=self._leftovers.of_port,
            ),
            Managed(sb.MulticastGroup, multicast.identify),
            Managed(sb.LogicalFlow, identify_flow, annotate=self._hints),
        )

    # -- running -------------------------------------------------------------------------------

    def start(self) -> None:
        """Connect to both databases and ask for the lock."""
        self._sb.lock(LOCK)
        self._nb.start()
        self._sb.start()

    def stop(self) -> None:
        """Disconnect; the databases stay as they are."""
        self._loop.stop()
        self._nb.stop()
        self._sb.stop()

    def pause(self) -> None:
        """Derive nothing and write nothing until ``resume``."""
        self.paused = True

    def resume(self) -> None:
        """Go on after ``pause``."""
        self.paused = False
        self._loop.wake()

    @property
    def status(self) -> str:
        """``active``, ``standby`` or ``paused``, as ``ovn-appctl status`` says it."""
        if self.paused:
            return "paused"
        return "active" if self._sb.has_lock(LOCK) else "standby"

    def _nb_changed(self, changes: list[Change]) -> None:
        if self._following:
            self.model.northbound.apply(changes)
            self.nb_reconciler.actual(changes)
        self._loop.wake()

    def _sb_changed(self, changes: list[Change]) -> None:
        if self._following:
            self.model.southbound.apply(changes)
            self.sb_reconciler.actual(changes)
        self._loop.wake()

    def _state_changed(self, client: DatabaseClient, reconciler: Reconciler) -> None:
        if client.state == "live":
            reconciler.reconnected()
        elif client is self._sb:
            self._was_away = True
        self._loop.wake()

    def _lock_changed(self, name: str, held: bool) -> None:
        if name == LOCK:
            self._was_away = self._was_away or not held
            self._log(
                "info",
                "ovn-northd lock acquired. This ovn-northd instance is now active."
                if held
                else "ovn-northd lock lost. This ovn-northd instance is now on standby.",
            )
            self._loop.wake()

    def _step(self) -> None:
        """One pass.  Without both databases nothing is known, and without the lock nothing is ours."""
        if self.paused or self._nb.state != "live" or self._sb.state != "live":
            return
        if not self._sb.has_lock(LOCK):
            self._was_away = True
            return
        if self._was_away and self._following and not self._keys_are_ours():
            self._log("info", "another ovn-northd has written to the southbound: starting over")
            self._declare()
            self._following = False
        self._was_away = False
        if not self._following:
            self._begin()
        self._note_times()
        self._fit_keys()
        self.engine.settle()
        self._loop.tell_news(*self._notices.news())
        self.sb_reconciler.flush(self._loop.written, [{"op": "assert", "lock": LOCK}])
        self.nb_reconciler.flush(self._loop.written)

    # -- starting over what is there -----------------------------------------------------------

    def _begin(self) -> None:
        """Take in both databases, and take over keys and groups, before the first pass."""
        self._following = True
        for client, apply, reconciler in (
            (self._nb, self.model.northbound.apply, self.nb_reconciler),
            (self._sb, self.model.southbound.apply, self.sb_reconciler),
        ):
            changes = [
                Change(name, uuid, None, values)
                for name, table in client.replica.tables.items()
                for uuid, values in table.rows.items()
            ]
            apply(changes)
            reconciler.actual(changes)
        self._fit_keys()
        for datapath in self._datapath_rows():
            datapaths.adopt(self.datapath_keys, datapath)
        for owner, binding in self._port_rows():
            ports.adopt(self.port_keys, binding, owner)
        self.engine.settle()
        self._adopt_groups()

    def _fit_keys(self) -> None:
        """When the first VXLAN chassis comes or the last one goes, the room for keys is another."""
        space = self.model.features.keys()
        if space != self.model.key_space:
            self.model.key_space = space
            self._log("info", f"tunnel keys of datapaths go to {space.datapath_local.last}")
            self.datapath_keys.respan()
            self.port_keys.respan()

    def _datapath_rows(self) -> Iterator[sb.DatapathBinding]:
        for uuid, values in self._sb.replica.table("Datapath_Binding").rows.items():
            yield sb.DatapathBinding(uuid, values)

    def _port_rows(self) -> Iterator[tuple[UUID, sb.PortBinding]]:
        """Port_Binding rows, each with the northbound UUID of its datapath."""
        northbound_of = {row.uuid: datapaths.identify(row) for row in self._datapath_rows()}
        for uuid, values in self._sb.replica.table("Port_Binding").rows.items():
            binding = sb.PortBinding(uuid, values)
            owner = northbound_of.get(binding.datapath)
            if owner is not None:
                yield owner, binding

    def _keys_are_ours(self) -> bool:
        """Whether every key in the southbound is one that we have given out."""
        return all(datapaths.agrees(self.datapath_keys, row) for row in self._datapath_rows()) and all(
            ports.agrees(self.port_keys, binding, owner) for owner, binding in self._port_rows()
        )

    def _adopt_groups(self) -> None:
        """A group's row does not tell its class; the flows that refer to it do."""
        groups: dict[tuple[Any, ...], Any] = {}
        for relation in self.model.output_sb:
            for item in relation.elements():
                if isinstance(item, LogicalFlow) and item.group is not None:
                    groups[item[2:]] = item.group
        for uuid, values in self._sb.replica.table("Logical_Flow").rows.items():
            key = identify_flow(sb.LogicalFlow(uuid, values))
            group = groups.get(key[2:])
            if group is not None and key[1] is not None:
                self.sb_reconciler.adopt(group.table, group.key, key[1])
        for candidate, uuid in members_of(self._sb):
            self.sb_reconciler.adopt("HA_Chassis", candidate, uuid)
        for reconciler, relations in (
            (self.sb_reconciler, self.model.output_sb),
            (self.nb_reconciler, self.model.output_nb),
        ):
            for relation in relations:
                reconciler.follow(relation)

    # -- telling -------------------------------------------------------------------------------

    def _note_times(self) -> None:
        """When a counter has a new value, note the time: derivations read no clock."""
        for counter, client, row_class, column_name in (
            ("nb_cfg", self._nb, nb.NBGlobal, "nb_cfg"),
            ("sb_cfg", self._sb, sb.SBGlobal, "nb_cfg"),
        ):
            for uuid, values in client.replica.table(row_class.TABLE).rows.items():
                value = getattr(row_class(uuid, values), column_name)
                note = self._seen.peek(counter)
                if note is None:
                    self._seen.put(counter, (value, None))
                elif note.value != value:
                    self._seen.put(counter, (value, int(self._runtime.wall() * 1000)))

    def notices(self) -> list[str]:
        """What is configured and has no effect, and what failed; one line each."""
        return self._notices.lines()

    def _hints(self, item: RowItem, reasons: list[Reason]) -> Mapping[str, Any]:
        """external_ids of a new flow: stage-name, stage-hint, source, as ovn-sb(5) describes them."""
        ids = {"stage-name": item.stage} if isinstance(item, LogicalFlow) else {}
        for reason in reasons[:1]:
            ids["source"] = self.model.sources.get(reason.derivation, reason.derivation)
            key = getattr(reason.owner, "key", None)
            if isinstance(key, str):
                ids["stage-hint"] = key[:8]
        return {"external_ids": FrozenMap(ids)}

    def chassis_features(self) -> list[str]:
        """What all chassis have and what some lack, for ``debug/chassis-features-list``."""
        names = {"ct_no_masked_label": CT_MARK, "ct_lb_related": CT_LB_RELATED}
        names["mac_binding_timestamp"] = MAC_BINDING_TIMESTAMP
        has = self.model.features.all_have
        return [f"{name + ':':<23}{str(has(feature)).lower()}" for name, feature in names.items()]

    def why(self, prefix: str) -> list[str]:
        """Why the southbound rows whose UUID starts with ``prefix`` are there; for ``flow/why``."""
        tables = ("Logical_Flow", "Port_Binding", "Multicast_Group", "Datapath_Binding")
        return why_rows(self._sb, self.sb_reconciler, tables, prefix, self.model.sources)


_NB_MANAGED: Final = (
    Managed(nb.NBGlobal, lambda _row: GLOBAL, shared=frozenset({"options"})),
    Managed(nb.LogicalSwitchPort),
)

"""The daemon: the hypervisor's database and the southbound in, rows and flows out.

Order of events (the rule of DESIGN: nothing is deleted on half a picture):

1. the local database is loaded; it names this chassis and the southbound's remote;
2. the southbound is followed with conditions; each pass may ask for more, until the last change of
   conditions is answered and nothing new is asked for;
3. zones and tunnel numbers are read back, the bridge's flows are read back;
4. from then on each burst of changes is one pass, at most one transaction per database and at most one
   bundle.

When the switch confirms a pass, the ports and the nb_cfg of that pass become ``installed``: input of the
next pass, which writes ``up``, ``ovn-installed`` and Chassis_Private.nb_cfg.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyovn.controller import bridge, chassis, fdb, interest, localnet, port_security
from pyovn.controller.binding import Binding
from pyovn.controller.bridge import OWNER, adopt, identify_interface, identify_port
from pyovn.controller.lflow import LogicalFlows
from pyovn.controller.model import SB_INPUTS, SELF, VS_INPUTS, Config, LocalPort, Model
from pyovn.controller.ofswitch import Switch
from pyovn.controller.physical import Physical
from pyovn.controller.zones import PREFIX, Zones
from pyovn.incremental import Engine
from pyovn.ovsdb.replica import Change
from pyovn.schemas import southbound as sb
from pyovn.schemas import vswitch as vs
from pyovn.sync import tlskeys
from pyovn.sync.flowtable import FlowTable
from pyovn.sync.inputs import wanted_columns
from pyovn.sync.loop import Loop
from pyovn.sync.reconcile import Managed, Reconciler
from pyovn.sync.wants import Element, Existing, want

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pyovn.incremental import Reason
    from pyovn.ovsdb.values import UUID
    from pyovn.sim.runtime import Runtime
    from pyovn.sync.database import DatabaseClient
    from pyovn.sync.wants import RowItem
    from pyovn.wire.openflow.flow import Flow

INTERFACE = vs.Interface.TABLE
VS_COLUMNS = {**wanted_columns(VS_INPUTS), **tlskeys.COLUMNS}
SB_COLUMNS = wanted_columns(SB_INPUTS)


class Controller:
    """``connect_sb(remote)`` gives a client for ``SB_COLUMNS`` that begins with ``interest.NOTHING``.

    ``rundir`` is where the bridges' management sockets are; ``log(level, text)`` is for operators.
    """

    def __init__(
        self,
        runtime: Runtime,
        vs_client: DatabaseClient,
        connect_sb: Callable[[str], DatabaseClient],
        *,
        rundir: str,
        hostname: str,
        log: Callable[[str, str], None],
    ) -> None:
        self._runtime = runtime
        self._vs = vs_client
        self._connect_sb = connect_sb
        self._rundir = rundir
        self._hostname = hostname
        self._log = log
        self._sb: DatabaseClient | None = None
        self._followed: tuple[str | None, str | None] = (None, None)
        """The southbound's remote and the integration bridge."""
        self._stopped: Callable[[], None] | None = None
        self._loop = Loop(runtime, self._step, log)
        self.flow_table = FlowTable()
        self.switch = Switch(runtime, self.flow_table, log)
        self.switch.on_state = self._loop.wake
        self.switch.on_read = self._flows_read
        self.switch.on_synced = self._synced
        self._learning = fdb.Learning(self._loop.wake)
        self.switch.on_message = self._learning.packet
        vs_client.on_changes = self._vs_changed
        vs_client.on_state = self._vs_state
        self._config: Config | None = None
        self._names: set[str] = set()
        """All names that this chassis has had: rows under an old one are ours to delete."""
        self._build()

    def _build(self) -> None:
        """Engine, features and reconcilers; the southbound's reconciler comes with its client."""
        self.engine = Engine()
        self.model = Model(self.engine)
        self._conditions = interest.declare(self.model)
        self._asked: dict[str, Any] | None = None
        self.zones = Zones(self.model)
        chassis.declare(self.model)
        self.tunnels = bridge.declare(self.model)
        self.binding = Binding(self.model)
        self.lflows = LogicalFlows(self.model)
        self.physical = Physical(self.model, self.zones, self.tunnels)
        port_security.declare(self.model)
        localnet.declare(self.model)
        fdb.declare(self.model)
        self.model.process.put(
            SELF, (self._hostname, self._stopped is not None, 0, 0, frozenset(self._names))
        )
        self.vs_reconciler = Reconciler(self._vs, self._vs_managed(), self._runtime.random)
        self.sb_reconciler: Reconciler | None = None
        self._adopted = False
        self._complete = False
        self._snapshot: tuple[list[LocalPort], int | None] = ([], None)
        self._moves = _Moves()
        self._deleted: list[UUID] = []
        self.model.local_ports.subscribe(self._moves)

    # -- which rows are ours -------------------------------------------------------------------

    def _bridge_name(self) -> str | None:
        config = self.model.config()
        return None if config is None else config.bridge

    def _vs_managed(self) -> tuple[Managed, ...]:
        ids = frozenset({"external_ids"})
        return (
            Managed(
                vs.Interface,
                lambda row: identify_interface(row, self._bridge_name()),
                shared=ids,
                collected=True,
            ),
            Managed(vs.Port, lambda row: identify_port(row, self._bridge_name()), holder=("Bridge", "ports")),
            Managed(
                vs.Bridge,
                lambda row: row.name if row.name == self._bridge_name() else None,
                annotate=self._new_bridge,
                shared=ids | {"ports"},
                collected=True,
            ),
            Managed(vs.OpenVSwitch, shared=ids | {"bridges"}),
        )

    def _new_bridge(self, _item: RowItem, _reasons: list[Reason]) -> Mapping[str, Any]:
        """A bridge that we make lets nothing through until there are flows."""
        root = next(iter(self.model.vswitch.table(vs.OpenVSwitch).peek_all()), None)
        kind = root.external_ids.get("ovn-bridge-datapath-type", "") if root is not None else ""
        return {"fail_mode": "secure", "datapath_type": kind}

    def _sb_managed(self) -> tuple[Managed, ...]:
        ours = self._names
        return (
            Managed(
                sb.Encap,
                lambda row: (row.chassis_name, row.type, row.ip) if row.chassis_name in ours else None,
                collected=True,
            ),
            Managed(sb.Chassis, lambda row: row.name if row.name in ours else None),
            Managed(sb.ChassisPrivate, lambda row: row.name if row.name in ours else None),
            Managed(sb.PortBinding),
        )

    # -- running -------------------------------------------------------------------------------

    def start(self) -> None:
        """Connect to the hypervisor's database; everything else follows from what it says."""
        self._vs.start()

    def stop(self) -> None:
        """Disconnect and leave everything as it is, as a crash would."""
        self._loop.stop()
        self.switch.stop()
        self._vs.stop()
        if self._sb is not None:
            self._sb.stop()

    def exit(self, done: Callable[[], None]) -> None:
        """Release ports, remove our chassis and tunnels, then stop (ovn-controller(8), ``exit``)."""
        self._stopped = done
        self._put_process(exiting=True)
        self._loop.wake()

    def recompute(self) -> None:
        """Compare everything with what is there once more; with nothing wrong, nothing is sent."""
        self.vs_reconciler.reindex()
        if self.sb_reconciler is not None:
            self.sb_reconciler.reindex()
        self.switch.read_again()
        self._loop.wake()

    @property
    def connection_status(self) -> str:
        """``connected`` when the southbound and the switch are."""
        sb_live = self._sb is not None and self._sb.state == "live"
        return "connected" if sb_live and self.switch.state == "ready" else "not connected"

    def _vs_changed(self, changes: list[Change]) -> None:
        self.model.vswitch.apply(changes)
        self.vs_reconciler.actual(changes)
        self._deleted += [c.uuid for c in changes if c.table == INTERFACE and c.new is None]
        self._loop.wake()

    def _sb_changed(self, changes: list[Change]) -> None:
        self.model.southbound.apply(changes)
        if self.sb_reconciler is not None:
            self.sb_reconciler.actual(changes)
        self._loop.wake()

    def _vs_state(self, client: DatabaseClient) -> None:
        """A database that comes back may be another one: what it refused is tried again."""
        if client.state != "live":
            self.vs_reconciler.reconnected()
        self._loop.wake()

    def _sb_state(self, client: DatabaseClient) -> None:
        """As above."""
        if client.state != "live" and self.sb_reconciler is not None:
            self.sb_reconciler.reconnected()
        self._loop.wake()

    def _step(self) -> None:
        """One pass."""
        if self._vs.state != "live":
            return
        self._follow_remote()
        client = self._sb
        if client is None or client.state != "live":
            return
        self._complete = self._ask_for_more(client)
        if self._complete and not self._adopted and self.switch.answered:
            self._adopt()
        if not self._adopted:
            return
        self.engine.settle()
        if self._note_moves():
            self.engine.settle()
        self._loop.tell(self.notices())
        self._write()
        self._learning.write(client)
        self._send_flows()

    def _follow_remote(self) -> None:
        """Connect to the southbound that the hypervisor's database names (``ovn-remote``)."""
        config = self.model.config()
        root = next(iter(self.model.vswitch.table(vs.OpenVSwitch).peek_all()), None)
        remote = root.external_ids.get("ovn-remote") if root is not None and config is not None else None
        if config != self._config:
            self._config = config
            if config is not None:
                self._names.add(config.chassis)
                self._put_process()
            self.vs_reconciler.reindex()
            if self.sb_reconciler is not None:
                self.sb_reconciler.reindex()
        self.switch.set_address(None if config is None else f"unix:{self._rundir}/{config.bridge}.mgmt")
        followed = (remote, None if config is None else config.bridge)
        if followed == self._followed:
            return
        self._followed = followed
        if self._sb is not None:
            self._sb.stop()
            self._sb = None
            self._begin_again()
        if remote is not None:
            client = self._sb = self._connect_sb(remote)
            self.sb_reconciler = Reconciler(client, self._sb_managed(), self._runtime.random)
            for relation in self.model.output_sb:
                self.sb_reconciler.follow(relation)
            client.on_changes = self._sb_changed
            client.on_state = self._sb_state
            client.start()

    def _begin_again(self) -> None:
        """Another southbound or bridge: as after a start, what is here is adopted once all is known."""
        self.flow_table = FlowTable()
        self._build()
        contents = self._vs.replica.tables.items()
        self._vs_changed(
            [Change(name, uuid, None, row) for name, table in contents for uuid, row in table.rows.items()]
        )
        self.switch.set_table(self.flow_table)

    def _ask_for_more(self, client: DatabaseClient) -> bool:
        """Adjust the conditions; True at the fixed point."""
        wanted = self._conditions()
        if wanted != self._asked:
            before = self._asked or {}
            client.set_conditions({t: c for t, c in wanted.items() if before.get(t) != c})
            self._asked = wanted
            return False
        return client.conditions_settled

    def _flows_read(self, flows: list[Flow]) -> None:
        """The switch tells its flows: before the first pass, take over the ids in them."""
        if not self._adopted:
            self.lflows.conjunctions.adopt(flows)

    def _adopt(self) -> None:
        """Read back what we allotted and reported before; then follow what is wanted."""
        self._adopted = True
        config = self.model.config()
        for port in self.model.vswitch.table(vs.Port).peek_all():
            adopt(self.tunnels.numbers, port)
        zones = [
            (row.name, key.removeprefix(PREFIX), value)
            for row in self.model.vswitch.table(vs.Bridge).peek_all()
            if config is not None and row.name == config.bridge
            for key, value in row.external_ids.items()
            if key.startswith(PREFIX)
        ]
        for _bridge, name, value in zones:
            if value.isdecimal():
                self.zones.adopt(name, int(value))
        self._find_old_names()
        self.binding.adopt(self.model.our_chassis())
        for private in self.model.southbound.table(sb.ChassisPrivate).peek_all():
            if config is not None and private.name == config.chassis:
                self._put_process(nb_cfg=private.nb_cfg, at=private.nb_cfg_timestamp)
        self.engine.settle()
        self._note_moves()
        self.engine.settle()
        for relation in self.model.output_vs:
            self.vs_reconciler.follow(relation)
        for relation in self.model.output_flows:
            self.flow_table.follow(relation)
        known = {name for name, _zone in self.zones.listing()}
        stale = [
            Element("Bridge", bridge, "external_ids", (PREFIX + name, value))
            for bridge, name, value in zones
            if name not in known
        ]
        for element in (*self.binding.leftovers(), *stale):
            self._disown(element)
        self._leave_other_bridges()

    def _disown(self, element: Element) -> None:
        """Wanted by the process before this one: what was wanted and is not any more is removed."""
        self.vs_reconciler.came(element, self.model.output_vs[0])
        self.vs_reconciler.went(element)

    def _leave_other_bridges(self) -> None:
        """Take our tunnels out of what was the integration bridge before ``ovn-bridge`` was changed."""
        config, vswitch = self.model.config(), self.model.vswitch
        tunnels = {port.uuid for port in vswitch.table(vs.Port).peek_all() if OWNER in port.external_ids}
        for row in vswitch.table(vs.Bridge).peek_all():
            stray = tunnels.intersection(row.ports)
            if stray and config is not None and row.name != config.bridge:
                self.vs_reconciler.came(want("Bridge", Existing(row.uuid)), self.model.output_vs[0])
                for port in stray:
                    self._disown(Element("Bridge", Existing(row.uuid), "ports", port))

    def _find_old_names(self) -> None:
        """A chassis of this host with our tunnel endpoint is ourselves under an old system-id: it goes.

        Its Encap row would keep ours out for ever (type and IP are unique).  On another host the same
        endpoint is a mistake in the configuration, and not ours to decide.
        """
        config = self.model.config()
        process = self.model.process.peek(SELF)
        if config is None or process is None or self.sb_reconciler is None:
            return
        hostname = config.hostname or process.hostname
        ours = set(chassis.encaps_of(config))
        taken = {e.uuid for e in self.model.southbound.table(sb.Encap).peek_all() if (e.type, e.ip) in ours}
        for row in self.model.southbound.table(sb.Chassis).peek_all():
            if row.name not in self._names and row.hostname == hostname and not taken.isdisjoint(row.encaps):
                self._log("info", f"chassis {row.name} was this hypervisor's before system-id was changed")
                self._names.add(row.name)
        self._put_process()
        self.sb_reconciler.reindex()

    def _note_moves(self) -> bool:
        """Tell ``binding`` which ports came and went in this pass; True if that is news to it."""
        before = self.engine.revision
        for port in self._moves.left:
            self.binding.went(port)
            self._log("info", f"{port.name} is no longer bound here (OpenFlow port {port.ofport})")
        for port in self._moves.came:
            self.binding.came(port)
            self._log("info", f"{port.name} is bound here (OpenFlow port {port.ofport})")
        for interface in self._deleted:
            self.binding.interface_gone(interface)
        self._moves.left.clear()
        self._moves.came.clear()
        self._deleted.clear()
        return self.engine.revision != before

    def _write(self) -> None:
        reconcilers = [self.sb_reconciler] if self.sb_reconciler is not None else []
        if self._complete:
            reconcilers.append(self.vs_reconciler)
        sent = [reconciler.flush(self._loop.written) or reconciler.in_flight for reconciler in reconcilers]
        if self._stopped is not None and self._complete and not any(sent):
            done, self._stopped = self._stopped, None
            self.stop()
            done()

    # -- flows ---------------------------------------------------------------------------------

    def _send_flows(self) -> None:
        """Bring the switch in step; what it confirms becomes input."""
        if self._complete and self.switch.is_idle:
            # What is being claimed has no flows yet: that nb_cfg is reached is told after the answer.
            claiming = self.sb_reconciler is not None and self.sb_reconciler.in_flight
            rows = self.model.southbound.table(sb.SBGlobal).peek_all()
            nb_cfg = None if claiming else max((row.nb_cfg for row in rows), default=0)
            self._snapshot = (list(self.model.local_ports.elements()), nb_cfg)
            self.switch.sync()

    def _synced(self) -> None:
        """Everything wanted when the snapshot was taken is installed."""
        ports, nb_cfg = self._snapshot
        now = int(self._runtime.wall() * 1000)
        before = self.engine.revision
        self.binding.confirmed(ports, now)
        process = self.model.process.peek(SELF)
        if process is not None and nb_cfg is not None and process.nb_cfg != nb_cfg:
            self._put_process(nb_cfg=nb_cfg, at=now)
        if self.engine.revision != before:
            self._loop.wake()

    def _put_process(self, *, exiting: bool | None = None, nb_cfg: int | None = None, at: int = 0) -> None:
        old = self.model.process.peek(SELF)
        assert old is not None
        hostname, was_exiting, old_cfg, old_at, _names = old.values
        self.model.process.put(
            SELF,
            (
                hostname,
                was_exiting if exiting is None else exiting,
                old_cfg if nb_cfg is None else nb_cfg,
                old_at if nb_cfg is None else at,
                frozenset(self._names),
            ),
        )

    # -- telling -------------------------------------------------------------------------------

    def notices(self) -> list[str]:
        """What does not work and why, one line each."""
        lines = [f"{node.label()}: {error}" for node, error in self.engine.root_failures().items()]
        lines += [
            f"refused by the switch: {flow} ({why})" for flow, why in self.flow_table.refusals().items()
        ]
        return sorted(lines)


class _Moves:
    """Notes the ports that came and left; inputs cannot be changed while a pass runs."""

    __slots__ = ("came", "left")

    def __init__(self) -> None:
        self.came: list[LocalPort] = []
        self.left: list[LocalPort] = []

    def insert(self, element: LocalPort) -> None:
        self.came.append(element)

    def remove(self, element: LocalPort) -> None:
        self.left.append(element)

    def change(self, element: LocalPort, mask: int) -> None:
        """Ports are values: they do not change."""

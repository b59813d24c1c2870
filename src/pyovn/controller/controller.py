"""The daemon: the hypervisor's database and the southbound in, rows and flows out.

Order of events (the rule of DESIGN: nothing is deleted on half a picture):

1. the local database is loaded; it names this chassis and the southbound's remote;
2. the southbound is followed with conditions; each pass may ask for more, until the last change of
   conditions is answered and nothing new is asked for;
3. what the process before this one allotted is taken over (``adoption``), and the bridge's flows are read;
4. from then on each burst of changes is one pass, at most one transaction per database and at most one
   bundle.  A southbound that is away stops only what is written to it: the hypervisor goes on with the last
   complete picture, and a switch that comes back empty gets its flows.

When the switch confirms a pass, the ports and the nb_cfg of that pass become ``installed``: input of the
next pass, which writes ``up``, ``ovn-installed`` and Chassis_Private.nb_cfg.  A port of which the switch
has refused a flow is not called up; nb_cfg goes on, because the rest works and ``notices`` tell the reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyovn.controller import (
    bridge,
    chassis,
    fdb,
    garp,
    interest,
    localnet,
    port_security,
    refusals,
    replies,
    virtual,
)
from pyovn.controller.adoption import Adoption
from pyovn.controller.binding import Binding
from pyovn.controller.complaints import Complaints
from pyovn.controller.lflow import LogicalFlows
from pyovn.controller.model import ENCAP_TYPES, SB_INPUTS, SELF, VS_INPUTS, Config, LocalPort, Model
from pyovn.controller.moves import Moves, Takeovers
from pyovn.controller.ofswitch import Switch
from pyovn.controller.ownership import sb_managed, vs_managed
from pyovn.controller.physical import Physical
from pyovn.controller.rivals import Rivals
from pyovn.controller.zones import Zones
from pyovn.incremental import Engine
from pyovn.ovsdb.replica import Change
from pyovn.schemas import southbound as sb
from pyovn.schemas import vswitch as vs
from pyovn.sync import tlskeys
from pyovn.sync.auditing import Auditor
from pyovn.sync.flowtable import FlowTable
from pyovn.sync.inputs import wanted_columns
from pyovn.sync.loop import Loop
from pyovn.sync.reconcile import Reconciler
from pyovn.wire.openflow import messages as ofp

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.ovsdb.values import UUID
    from pyovn.sim.runtime import Runtime, Timer
    from pyovn.sync.database import DatabaseClient
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
        system_id: str = "",
    ) -> None:
        self._runtime = runtime
        self._vs = vs_client
        self._connect_sb = connect_sb
        self._rundir = rundir
        self._hostname = hostname
        self._system_id = system_id
        self._log = log
        self._sb: DatabaseClient | None = None
        self._followed: tuple[str | None, str | None] = (None, None)
        """The southbound's remote and the integration bridge."""
        self._datapath_id: str | None = None
        """The integration bridge's, as the switch wrote it: with it there is a socket to connect to."""
        self._stopped: Callable[[], None] | None = None
        self._has_left = False
        """The last pass of an exit is done: what is left to do is to write what it wants."""
        self.paused = False
        """Nothing is derived or written; connections stay."""
        self._live: set[Reconciler] = set()
        """Those whose database is there."""
        self._loop = Loop(runtime, self._step, log)
        self.flow_table = FlowTable()
        self.switch = Switch(runtime, self.flow_table, log)
        self.switch.on_state = self._loop.wake
        self.switch.on_read = self._flows_read
        self.switch.on_synced = self._synced
        self._learning = fdb.Learning(self._loop.wake)
        self._announced = virtual.Announced(self._loop.wake)
        self.switch.on_message = self._message
        vs_client.on_changes = self._vs_changed
        vs_client.on_state = lambda client: self._state_changed(client, self.vs_reconciler)
        self._config: Config | None = None
        self.recomputes = 0
        self._report_delay: float = 0
        self._rivals = Rivals(runtime)
        self._patience: Timer | None = None
        self._announcer: garp.Announcer | None = None
        self._unborn: set[UUID] = set()
        """Patches and tunnels to which the switch has not given a port number, nor said that it cannot."""
        self._names: set[str] = set()
        """All names that this chassis has had: rows under an old one are ours to delete."""
        self._build()
        self.auditor = Auditor(runtime, lambda: self.engine, self._loop.wake, log)

    def _build(self) -> None:
        """Engine, features and reconcilers; the southbound's reconciler comes with its client."""
        self.engine = Engine()
        self.model = Model(self.engine, system_id=self._system_id)
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
        self._announce()
        virtual.declare(self.model, self.binding)
        self._complaints = Complaints(self.model, self.binding)
        self.model.process.put(
            SELF, (self._hostname, self._stopped is not None, 0, 0, frozenset(self._names))
        )
        self.vs_reconciler = Reconciler(
            self._vs, vs_managed(self.model, self._bridge_name), self._runtime.random
        )
        self.sb_reconciler: Reconciler | None = None
        self._adopted = False
        self._complete = False
        self._was_in_step = False
        """The switch has had all that is wanted once."""
        self._snapshot: tuple[list[LocalPort], int | None, dict[str, int]] = ([], None, {})
        """What is true once the switch is in step: ports here, nb_cfg, zones that were flushed."""
        self._moves = Moves()
        self._deleted: list[UUID] = []
        self.model.local_ports.subscribe(self._moves)
        self._takeovers = Takeovers()
        self.binding.claims.subscribe(self._takeovers)

    def _announce(self) -> None:
        """From now on, the ports of this model; those of the one before are not spoken of any more."""
        if self._announcer is not None:
            self._announcer.stop()
        ingress = self.model.profile.oftables.log_ingress
        self._announcer = garp.Announcer(self._runtime, ingress, self.switch.send)
        garp.declare(self.model).subscribe(self._announcer)

    def _bridge_name(self) -> str | None:
        config = self.model.config()
        return None if config is None else config.bridge

    # -- running -------------------------------------------------------------------------------

    def start(self) -> None:
        """Connect to the hypervisor's database; everything else follows from what it says."""
        self._vs.start()

    def stop(self) -> None:
        """Disconnect and leave everything as it is, as a crash would."""
        self._loop.stop()
        if self._announcer is not None:
            self._announcer.stop()
        self.switch.stop()
        self._vs.stop()
        if self._sb is not None:
            self._sb.stop()

    def exit(self, done: Callable[[], None]) -> None:
        """Release ports, remove our chassis and tunnels, then stop (ovn-controller(8), ``exit``).

        As with C's, flows, patches and what interfaces are told stay: the switch goes on forwarding here.
        """
        if not self._adopted and (self._sb is None or self._sb.state != "live"):
            self.stop()  # nothing of what is there is known to be ours
            self._runtime.call_soon(done)
            return
        self._stopped = done
        self.paused = False
        self._put_process(exiting=True)
        self._loop.wake()

    def pause(self) -> None:
        """Derive and write nothing until ``resume``."""
        self.paused = True

    def resume(self) -> None:
        """Catch up with what has changed meanwhile."""
        self.paused = False
        self._loop.wake()

    def recompute(self) -> None:
        """Compare everything with what is there once more; with nothing wrong, nothing is sent."""
        self.recomputes += 1
        self.vs_reconciler.reindex()
        if self.sb_reconciler is not None:
            self.sb_reconciler.reindex()
        self.switch.read_again()
        self._loop.wake()

    def reset_cluster_state(self) -> None:
        """Follow a southbound cluster that was rebuilt: connect as if for the first time."""
        self._followed = (None, None)
        self._loop.wake()

    def delay_reports(self, seconds: float) -> None:
        """Report an nb_cfg so long after it was reached (``debug/delay-nb-cfg-report``)."""
        self._report_delay = seconds

    @property
    def passes(self) -> int:
        """How often something was derived."""
        return self._loop.runs

    @property
    def connection_status(self) -> str:
        """``connected`` when the southbound and the switch are."""
        sb_live = self._sb is not None and self._sb.state == "live"
        return "connected" if sb_live and self.switch.state == "ready" else "not connected"

    def _vs_changed(self, changes: list[Change]) -> None:
        self.model.vswitch.apply(changes)
        self.vs_reconciler.actual(changes)
        for table, uuid, _old, new in changes:
            if table == INTERFACE and new is None:
                self._deleted.append(uuid)
            if table == INTERFACE and new is not None and _is_unborn(vs.Interface(uuid, new)):
                self._unborn.add(uuid)
            elif table == INTERFACE:
                self._unborn.discard(uuid)
        self._loop.wake()

    def _sb_changed(self, changes: list[Change]) -> None:
        if self._sb is not None:
            encaps = self._sb.replica.table(sb.Encap.TABLE).rows
            self._rivals.observe(changes, encaps, self._config, self._own_hostname())
        self.model.southbound.apply(changes)
        if self.sb_reconciler is not None:
            self.sb_reconciler.actual(changes)
        self._loop.wake()

    def _own_hostname(self) -> str:
        return (self._config.hostname if self._config is not None else "") or self._hostname

    def _state_changed(self, client: DatabaseClient, reconciler: Reconciler | None) -> None:
        """A database that comes back may be another one: what it refused is tried again."""
        if reconciler is not None and client.state != "live":
            self._live.discard(reconciler)
        elif reconciler is not None and reconciler not in self._live:
            self._live.add(reconciler)
            reconciler.reconnected()
        self._loop.wake()

    def _step(self) -> None:
        """One pass."""
        if self.paused or self._vs.state != "live":
            return
        if self._has_left:
            self._write()
            return
        self._follow_remote()
        client = self._sb
        if client is not None and client.state == "live":
            self._complete = self._ask_for_more(client)
            if self._complete:
                self._forget_names(client)
            if self._complete and not self._adopted and self.switch.answered:
                self._adopt()
        if not self._adopted:
            self._loop.tell(self.notices())
            return
        self.engine.settle()
        if self._note_moves():
            self.engine.settle()
        self._loop.tell(self.notices())
        self._has_left = self._stopped is not None and self._complete
        self._write()
        if not self._has_left:
            self._send_flows()

    def _follow_remote(self) -> None:
        """Connect to the southbound that the hypervisor's database names (``ovn-remote``)."""
        config = self.model.config()
        remote = (self.model.setting("ovn-remote") or None) if config is not None else None
        if config != self._config:
            self._rename(self._config, config)
            self._config = config
            if config is not None:
                self.switch.set_probe_interval(config.openflow_probe)
                if self._sb is not None and config.southbound_probe is not None:
                    self._sb.set_probe_interval(config.southbound_probe)
                self._names.add(config.chassis)
                self._put_process()
            self.vs_reconciler.reindex()
            if self.sb_reconciler is not None:
                self.sb_reconciler.reindex()
        self.switch.set_address(None if config is None else f"unix:{self._rundir}/{config.bridge}.mgmt")
        self._meet_bridge(config)
        followed = (remote, None if config is None else config.bridge)
        if followed == self._followed:
            return
        self._followed = followed
        if self._sb is not None:
            self._sb.stop()
            self._sb = None
            self._live.clear()
            self._begin_again()
        if remote is not None:
            client = self._sb = self._connect_sb(remote)
            self.sb_reconciler = Reconciler(client, sb_managed(self._names), self._runtime.random)
            for relation in self.model.output_sb:
                self.sb_reconciler.follow(relation)
            if config is not None and config.southbound_probe is not None:
                client.set_probe_interval(config.southbound_probe)
            client.on_changes = self._sb_changed
            client.on_state = lambda client: self._state_changed(client, self.sb_reconciler)
            client.start()

    def _meet_bridge(self, config: Config | None) -> None:
        """A bridge that we wanted is made a moment later: connect then, and not after the next pause."""
        row = None if config is None else self.model.bridge_by_name.one(config.bridge)
        there = None if row is None else row.datapath_id
        if there != self._datapath_id:
            self._datapath_id = there
            if there is not None:
                self.switch.hurry()

    def _rename(self, before: Config | None, after: Config | None) -> None:
        """Another system-id: rows under the one before are ours to delete, unless another host uses it."""
        if before is not None and (after is None or after.chassis != before.chassis):
            if self._rivals.are_there:
                self._names.discard(before.chassis)
            self._rivals.begin_again()

    def _forget_names(self, client: DatabaseClient) -> None:
        """Rows of a former name that come back once they are gone are somebody else's."""
        config = self._config
        if config is None or len(self._names) < 2 or not self._adopted:
            return
        tables = (sb.Chassis, sb.ChassisPrivate)
        there = {row(u, v).name for row in tables for u, v in client.replica.table(row.TABLE).rows.items()}
        gone = self._names - there - {config.chassis}
        if gone:
            self._names -= gone
            self._put_process()

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
        """Adjust the conditions; True at the fixed point.

        A server that knows no conditions has sent everything already, and is asked for nothing.
        """
        wanted = self._conditions()
        if wanted != self._asked:
            before = self._asked or {}
            client.set_conditions({t: c for t, c in wanted.items() if before.get(t) != c})
            self._asked = wanted
        return client.conditions_settled

    def _flows_read(self, flows: list[Flow]) -> None:
        """The switch tells its flows: before the first pass, take over the ids in them."""
        if not self._adopted:
            self.lflows.conjunctions.adopt(flows)

    def _adopt(self) -> None:
        """Take over what is here; only when that is done may anything be written or deleted."""
        assert self.sb_reconciler is not None
        adoption = Adoption(self.model, self.zones, self.tunnels, self.binding, self._log)
        adoption.read_back()
        self._names |= adoption.former_names(self._names)
        self._put_process(reported=adoption.reported())
        self.sb_reconciler.reindex()
        self.engine.settle()
        self._note_moves()
        self.engine.settle()
        adoption.leave_behind(self.vs_reconciler)
        # All that could fail is done, and may be done twice; following may not.
        for relation in self.model.output_vs:
            self.vs_reconciler.follow(relation)
        for relation in self.model.output_flows:
            self.flow_table.follow(relation)
        self._adopted = True

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
        for uuid in self._takeovers.claimed:
            self._log_takeover(uuid)
        self._takeovers.claimed.clear()
        self._moves.left.clear()
        self._moves.came.clear()
        self._deleted.clear()
        self.zones.note_moves()
        return self.engine.revision != before

    def _log_takeover(self, uuid: UUID) -> None:
        binding = self.model.bindings.peek(uuid)
        if binding is not None and binding.chassis is not None:
            holder = self.model.southbound.table(sb.Chassis).peek(binding.chassis)
            before = "another chassis" if holder is None else holder.name
            self._log("info", f"{binding.logical_port} is taken over from {before}: an interface is here")

    def _gives_way(self) -> bool:
        """Whether another host that uses our name has its turn; we come back by ourselves."""
        pause = self._rivals.give_way()
        if pause > 0 and self._patience is None:

            def back() -> None:
                self._patience = None
                self._loop.wake()

            self._patience = self._runtime.call_later(pause, back)
        return pause > 0

    def _write(self) -> None:
        client = self._sb
        live = client is not None and client.state == "live"
        reconcilers = []
        if client is not None and self.sb_reconciler is not None and live and not self._gives_way():
            reconcilers.append(self.sb_reconciler)
            self._learning.write(client)
            if self._stopped is None:
                self._announced.write(client, self._chassis_uuid(client))
        if self._complete:
            reconcilers.append(self.vs_reconciler)
        sent = [reconciler.flush(self._loop.written) or reconciler.in_flight for reconciler in reconcilers]
        if self._stopped is not None and live and self._complete and not any(sent):
            done, self._stopped = self._stopped, None
            self.stop()
            done()

    def _chassis_uuid(self, client: DatabaseClient) -> UUID | None:
        """Our Chassis row as it is now."""
        name = None if self._config is None else self._config.chassis
        rows = client.replica.table(sb.Chassis.TABLE).rows.items()
        return next((uuid for uuid, cells in rows if sb.Chassis(uuid, cells).name == name), None)

    # -- flows ---------------------------------------------------------------------------------

    def _message(self, message: object) -> None:
        """A message of the switch: a packet to answer, or one to learn from."""
        answer = replies.reply(message)
        if answer is not None:
            self.switch.send(answer)
        else:
            self._learning.packet(message)
            self._announced.packet(message)

    def _send_flows(self) -> None:
        """Bring the switch in step; what it confirms becomes input."""
        if self._complete and self.switch.is_idle:
            # What is being claimed, and a patch or tunnel that the switch has not made, has no flows yet:
            # that nb_cfg is reached is told after the answer.
            making = self.vs_reconciler.in_flight or bool(self._unborn)
            claiming = self.sb_reconciler is not None and self.sb_reconciler.in_flight
            if claiming and not self._was_in_step:
                return  # after an exit, flows of ports that are claimed again stand: they stay
            rows = self.model.southbound.table(sb.SBGlobal).peek_all()
            nb_cfg = None if claiming or making else max((row.nb_cfg for row in rows), default=0)
            zones = self.zones.unclean()
            self._snapshot = (list(self.model.local_ports.elements()), nb_cfg, zones)
            for zone in zones.values():
                self.switch.send(ofp.CtFlushZone(zone))
            self.switch.sync()

    def _synced(self) -> None:
        """Everything wanted when the snapshot was taken is installed, but for what was refused."""
        self._was_in_step = True
        ports, nb_cfg, zones = self._snapshot
        held_back = refusals.concerned(self.model, self.flow_table.refusals(), ports)
        now = int(self._runtime.wall() * 1000)
        before = self.engine.revision
        self.zones.cleaned(zones)
        self.binding.confirmed([port for port in ports if port not in held_back], now)
        process = self.model.process.peek(SELF)
        if process is not None and nb_cfg is not None and process.nb_cfg != nb_cfg:
            if self._report_delay:
                self._runtime.call_later(self._report_delay, lambda: self._report(nb_cfg, now))
            else:
                self._put_process(reported=(nb_cfg, now))
        if self.engine.revision != before:
            self._loop.wake()

    def _report(self, nb_cfg: int, at: int) -> None:
        self._put_process(reported=(nb_cfg, at))
        self._loop.wake()

    def _put_process(self, *, exiting: bool | None = None, reported: tuple[int, int] | None = None) -> None:
        old = self.model.process.peek(SELF)
        assert old is not None
        hostname, was_exiting, nb_cfg, at, _names = old.values
        if exiting is None:
            exiting = was_exiting
        if reported is not None:
            nb_cfg, at = reported
        self.model.process.put(SELF, (hostname, exiting, nb_cfg, at, frozenset(self._names)))

    # -- telling -------------------------------------------------------------------------------

    def notices(self) -> list[str]:
        """What does not work and why, one line each."""
        lines = self._complaints.lines()
        if self._config is not None and self._rivals.are_there:
            lines.append(self._rivals.line(self._config.chassis))
        if not lines:  # what the databases refuse is most often a consequence of the above
            for reconciler in (self.vs_reconciler, self.sb_reconciler):
                lines += reconciler.notices() if reconciler is not None else ()
        lines += [f"{node.label()}: {error}" for node, error in self.engine.root_failures().items()]
        lines += refusals.notices(self.model, self.binding, self.flow_table)
        if self.switch.trouble is not None:
            lines.append(self.switch.trouble)
        return sorted(lines)

    def status(self) -> list[str]:
        """``notices``, and what is not there just now: for who asks, not for the log."""
        lines = self.notices()
        client = self._sb
        if client is not None and client.state != "live":
            why = "" if client.trouble is None else f": {client.trouble}"
            lines.append(f"no connection to the southbound {client.remote}{why}")
        bridge = self._bridge_name()
        if self.switch.state != "ready" and bridge is not None and self.model.bridge_by_name.one(bridge):
            lines.append(f"no connection to the switch's bridge {bridge}: {self.switch.state}")
        return lines


def _is_unborn(row: vs.Interface) -> bool:
    return row.ofport is None and (row.type == "patch" or row.type in ENCAP_TYPES)

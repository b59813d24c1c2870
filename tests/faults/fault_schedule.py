"""One random schedule: a history of changes with faults in between, and what must hold in the end.

All choices come from one generator, seeded by the schedule's number, so the number is the schedule.  A daemon
may be killed between any two callbacks, and of what it had sent only a part may arrive; it is started anew on
what is in its databases.  Connections break, messages are late by different times, the underlay is cut.

In the end (and sometimes in the middle) faults stop.  When time has run until everything is confirmed:

* every daemon that derives is where a fresh one would begin (``fault_scratch``);
* ports are bound where they are plugged, and up; frames arrive exactly where they must;
* nothing is written any more, to no database and to no switch.

All the time no frame arrives where policy forbids it (``fault_policy``), and no daemon's pass raises.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fault_policy import BROADCAST, Policy, Port, Probe
from fault_scratch import Fresh, flows, fresh_southbound, southbound

from deployment_lab import BROADCAST as EVERYBODY
from deployment_lab import Lab, arp_request, datagram, ip, ip_text, mac, mac_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.ovsdb.engine import Commit
    from pyovn.sandbox.lifecycle import DaemonSlot

HYPERVISORS = ("hv1", "hv2")
SWITCHES = ("red", "blue")
VMS = (1, 2, 3, 4, 5)
PLUGGED = {1: "hv1", 2: "hv2", 3: "hv1", 4: "hv2"}
SECURITY = ("", "mac", "ip")

PATIENCE = 90.0
"""Virtual seconds in which everything must be settled once faults have stopped."""
QUIET = 25.0
"""Virtual seconds in which nothing may be written afterwards: longer than any period or pause."""


class ViolationError(AssertionError):
    """Something that must hold does not."""


def boot(*, wire: bool) -> Schedule:
    """Two hypervisors and four ports, settled: what every schedule begins with."""
    lab = Lab(*HYPERVISORS, wire=wire)
    schedule = Schedule(lab)
    for name in SWITCHES:
        lab.switch(name)
    for number, place in PLUGGED.items():
        schedule.put_port(number, Port(SWITCHES[number % 2], SECURITY[number % 3]))
        lab.plug(place, number)
        schedule.plugged.add((place, number))
    lab.sync()
    lab.runtime.advance(5)
    schedule.policy.settled()
    return schedule


class Schedule:
    """A deployment and what has been done to it."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.random = random.Random(0)
        self.policy = Policy()
        self.plugged: set[tuple[str, int]] = set()
        self.trace: list[str] = []
        self._probes: list[Probe] = []
        self._cuts: set[tuple[str, str]] = set()
        self._lines_seen = 0
        self._actions: list[tuple[int, Callable[[], None]]] = [
            (6, self._create),
            (4, self._delete),
            (4, self._secure),
            (4, self._enable),
            (2, self._unknown),
            (3, self._change_switch),
            (2, self._count),
            (6, self._plug),
            (4, self._unplug),
            (4, self._move),
            (10, self._kill),
            (8, self._start),
            (8, self._sever),
            (3, self._cut_underlay),
            (4, self._mend_underlay),
            (4, self._weather),
            (14, self._probe),
        ]

    # -- running -------------------------------------------------------------------------------

    def run(self, seed: int, actions: int) -> None:
        """The whole of schedule ``seed``; raises ``ViolationError``."""
        self.random = random.Random(seed)
        self.lab.runtime.random.seed(seed)
        weights, verbs = zip(*self._actions, strict=True)
        halfway = self.random.randrange(actions) if self.random.random() < 0.25 else None
        for number in range(actions):
            self.random.choices(verbs, weights)[0]()
            self._pass_time()
            if number == halfway:
                self._calm()
        self._calm()
        self._all_is_as_wanted()

    def note(self, text: str) -> None:
        """For whoever reads how it came about."""
        self.trace.append(f"{self.lab.runtime.now():9.3f}  {text}")

    def _pass_time(self) -> None:
        """A few callbacks, or some time."""
        runtime = self.lab.runtime
        if self.random.random() < 0.6:
            steps, until = self.random.randrange(40), runtime.now() + 1.0
            while steps and runtime.step(until):
                steps -= 1
        else:
            until = runtime.now() + self.random.choice((0.0, 0.01, 0.3, 1.0, 4.0))
            while runtime.step(until):
                pass
        self._look()

    def _look(self) -> None:
        """Nothing that happened so far may be wrong."""
        for delivery in self.lab.deployment.deliveries:
            receiver = int(delivery.logical_port.removeprefix("vm"))
            probe = self._probes[int.from_bytes(delivery.frame[-4:], "big")]
            if delivery.frame == probe.frame:
                reason = self.policy.forbids(probe, receiver)
            elif probe.asked and delivery.frame[12:14] == b"\x08\x06" and delivery.frame[20:22] == b"\0\2":
                reason = self.policy.forbids_answer(probe, receiver)
            else:
                reason = f"nobody sent it so: {delivery.frame!r}"
            if reason is not None:
                raise ViolationError(
                    f"{delivery.logical_port} on {delivery.hypervisor} got {probe}: {reason}"
                )
        self.lab.deployment.deliveries.clear()
        lines = self.lab.makers.lines
        for position in range(self._lines_seen, len(lines)):
            if "Traceback" in lines[position][2]:
                raise ViolationError("\n".join(line[2] for line in lines[position:]))
        self._lines_seen = len(lines)

    # -- the cloud system and the hypervisors ----------------------------------------------------

    def _running(self, place: str) -> bool:
        return self.lab.deployment.daemon(place, "ovsdb-server").is_running

    def _write(self, place: str, *operations: dict[str, Any]) -> None:
        """One transaction, of which others hear when their time comes."""
        outcome = self.lab.database(place).transact(list(operations))
        assert outcome.error is None, outcome.results

    def put_port(self, number: int, port: Port) -> None:
        """Make VM ``number``'s port so."""
        name = f"vm{number}"
        before = self.policy.ports.get(number)
        rule = {"": ["set", []], "mac": mac_text(number), "ip": f"{mac_text(number)} {ip_text(number)}"}
        addresses = [f"{mac_text(number)} {ip_text(number)}", *(["unknown"] if port.unknown else [])]
        row = {"addresses": ["set", addresses], "port_security": rule[port.security], "enabled": port.enabled}
        join = {"op": "mutate", "table": "Logical_Switch", "where": [["name", "==", port.switch]]}
        if before is None:
            self._write(
                "nb",
                {
                    "op": "insert",
                    "table": "Logical_Switch_Port",
                    "uuid-name": "p",
                    "row": {**row, "name": name},
                },
                {**join, "mutations": [["ports", "insert", ["named-uuid", "p"]]]},
            )
        else:
            where = [["name", "==", name]]
            self._write("nb", {"op": "update", "table": "Logical_Switch_Port", "where": where, "row": row})
        self.policy.put(number, port)

    def _drop_port(self, number: int) -> dict[str, Any]:
        table = self.lab.database("nb").tables["Logical_Switch_Port"]
        place = table.by_name["name"].position
        uuid = next(u for u, row in table.rows.items() if row.values[place] == f"vm{number}")
        mutation = ["ports", "delete", ["uuid", str(uuid)]]
        return {"op": "mutate", "table": "Logical_Switch", "where": [], "mutations": [mutation]}

    def _some_port(self) -> int | None:
        """A port that is there, while the cloud system can write."""
        if not self.policy.ports or not self._running("central"):
            return None
        return self.random.choice(sorted(self.policy.ports))

    def _create(self) -> None:
        missing = sorted(set(VMS) - self.policy.ports.keys())
        if missing and self._running("central"):
            number = self.random.choice(missing)
            port = Port(self.random.choice(SWITCHES), self.random.choice(SECURITY))
            self.note(f"create vm{number}: {port}")
            self.put_port(number, port)

    def _delete(self) -> None:
        number = self._some_port()
        if number is not None:
            self.note(f"delete vm{number}")
            self._write("nb", self._drop_port(number))
            self.policy.put(number, None)

    def _change(self, **values: Any) -> None:
        number = self._some_port()
        if number is not None:
            port = replace(self.policy.ports[number], **values)
            self.note(f"change vm{number}: {port}")
            self.put_port(number, port)

    def _secure(self) -> None:
        self._change(security=self.random.choice(SECURITY))

    def _enable(self) -> None:
        self._change(enabled=self.random.random() < 0.6)

    def _unknown(self) -> None:
        self._change(unknown=self.random.random() < 0.5)

    def _change_switch(self) -> None:
        """Another port of the same name, on another switch, in the same transaction or in the next one."""
        number = self._some_port()
        if number is None:
            return
        port = self.policy.ports[number]
        other = replace(port, switch=next(name for name in SWITCHES if name != port.switch))
        self.note(f"vm{number} goes to switch {other.switch}")
        self._write("nb", self._drop_port(number))
        self.policy.put(number, None)
        self.put_port(number, other)

    def _count(self) -> None:
        if self._running("central"):
            self.note("nb_cfg")
            self._write(
                "nb", {"op": "mutate", "table": "NB_Global", "where": [], "mutations": [["nb_cfg", "+=", 1]]}
            )

    def _plug(self) -> None:
        place, number = self.random.choice(HYPERVISORS), self.random.choice(VMS)
        elsewhere = any(other == number and host != place for host, other in self.plugged)
        # That two hypervisors run one VM is a mistake, and must do no harm; it is made rarely.
        if not elsewhere or self.random.random() < 0.2:
            self._plug_at(place, number)

    def _plug_at(self, place: str, number: int) -> None:
        if (place, number) in self.plugged or not self._running(place):
            return
        self.note(f"plug vm{number} on {place}")
        ids = ["map", [["iface-id", f"vm{number}"]]]
        name = f"vif{number}"
        self._write(
            place,
            {
                "op": "insert", "table": "Interface", "uuid-name": "i",
                "row": {"name": name, "external_ids": ids},
            },
            {
                "op": "insert", "table": "Port", "uuid-name": "p",
                "row": {"name": name, "interfaces": ["named-uuid", "i"]},
            },
            {
                "op": "mutate", "table": "Bridge", "where": [["name", "==", "br-int"]],
                "mutations": [["ports", "insert", ["named-uuid", "p"]]],
            },
        )  # fmt: skip
        self.plugged.add((place, number))

    def _unplug(self) -> None:
        if self.plugged:
            self._unplug_at(*self.random.choice(sorted(self.plugged)))

    def _unplug_at(self, place: str, number: int) -> None:
        if not self._running(place):
            return
        self.note(f"unplug vm{number} from {place}")
        uuid = self.lab.deployment.hypervisor(place).port(f"vif{number}")
        mutation = ["ports", "delete", ["uuid", str(uuid)]]
        self._write(place, {"op": "mutate", "table": "Bridge", "where": [], "mutations": [mutation]})
        self.plugged.discard((place, number))

    def _move(self) -> None:
        """A VM goes from one hypervisor to the other; for a moment it may be on none, or on both."""
        if not self.plugged:
            return
        place, number = self.random.choice(sorted(self.plugged))
        target = next(name for name in HYPERVISORS if name != place)
        if not (self._running(place) and self._running(target)):
            return
        steps = [(self._unplug_at, place), (self._plug_at, target)]
        if self.random.random() < 0.5:
            steps.reverse()
        for step, where in steps:
            step(where, number)
            if self.random.random() < 0.5:
                self._pass_time()
                if not (self._running(place) and self._running(target)):
                    return

    # -- faults --------------------------------------------------------------------------------

    def _daemons(self, *, running: bool) -> list[DaemonSlot[Any]]:
        return [slot for slot in self.lab.deployment.daemons() if slot.is_running is running]

    def _kill(self) -> None:
        alive = self._daemons(running=True)
        if alive:
            slot = self.random.choice(alive)
            self.note(f"kill {slot}")
            slot.kill()

    def _start(self) -> None:
        dead = self._daemons(running=False)
        if dead:
            slot = self.random.choice(dead)
            self.note(f"start {slot}")
            slot.start()

    def _sever(self) -> None:
        """A connection ends: a stream, or a line of a daemon without streams, which is mended in time."""
        links = self.lab.deployment.links
        lines = links.lines()
        if not self.lab.makers.wire and self.random.random() < 0.7:
            daemon, database = self.random.choice(lines)
            if (daemon, database) in self._cuts:
                self.note(f"mend {daemon} {database}")
                links.mend(daemon, database)
                self._cuts.discard((daemon, database))
            else:
                self.note(f"cut {daemon} {database}")
                links.cut(daemon, database)
                self._cuts.add((daemon, database))
            return
        streams = self.lab.runtime.connections()
        if streams:
            stream = self.random.choice(streams)
            self.note(f"sever a connection to {stream.peer}")
            stream.sever()

    def _cut_underlay(self) -> None:
        self.note("cut the underlay")
        self.lab.deployment.links.cut(*HYPERVISORS)

    def _mend_underlay(self) -> None:
        self.lab.deployment.links.mend(*HYPERVISORS)

    def _weather(self) -> None:
        """Other delays from now on."""
        chosen = self.random
        disturbance = self.lab.runtime.disturbance
        disturbance.arriving = lambda count: chosen.randint(0, count)
        kinds: dict[str, Callable[[], float]] = {
            "calm": lambda: 0.0,
            "short": lambda: chosen.uniform(0.0, 0.02),
            "uneven": lambda: chosen.choice((0.0, 0.001, 0.1, 1.0)),
            "hiccups": lambda: 0.0 if chosen.random() < 0.95 else chosen.uniform(1.0, 20.0),
        }
        kind = chosen.choice(sorted(kinds))
        self.note(f"delays: {kind}")
        disturbance.delay = kinds[kind]

    def _probe(self) -> None:
        """A VM sends a frame, honest or forged."""
        senders = [
            (place, number)
            for place, number in sorted(self.plugged)
            if self.lab.deployment.daemon(place, "ovs-vswitchd").is_running
            and self.lab.deployment.hypervisor(place).switch.port(f"vif{number}") is not None
        ]
        for place, number in senders:
            if self.random.random() < 0.6:
                self._send(place, number)

    def _send(self, place: str, number: int) -> None:
        forged = self.random.choice(("", "", "mac", "ip"))
        others = [n for n in VMS if n != number]
        target = self.random.choice(list[int | str]((BROADCAST, BROADCAST, *others)))
        other = self.random.choice(others)
        source = mac(other) if forged == "mac" else mac(number)
        source_ip = ip(other) if forged == "ip" else ip(number)
        asked = other if target == BROADCAST and forged != "mac" and self.random.random() < 0.3 else 0
        if asked:
            frame = arp_request(number, other, spa=source_ip)
        else:
            to = EVERYBODY if target == BROADCAST else target
            assert isinstance(to, int)
            frame = datagram(number, to, src=source, spa=source_ip)
        frame += len(self._probes).to_bytes(4, "big")  # after the packet's end, and in answers, too
        self._probes.append(Probe(number, place, target, source, source_ip, asked, frame))
        self.lab.deployment.send(place, f"vif{number}", frame)

    # -- the end -------------------------------------------------------------------------------

    def _calm(self) -> None:
        """Faults stop, and time runs until every change is confirmed by everybody."""
        self.note("faults stop")
        lab = self.lab
        lab.runtime.disturbance.delay = lambda: 0.0
        self._mend_underlay()
        for link in sorted(self._cuts):
            lab.deployment.links.mend(*link)
        self._cuts.clear()
        for slot in self._daemons(running=False):
            slot.start()
        self._count()

        def reached() -> bool:
            row = lab.database("nb").transact([{"op": "select", "table": "NB_Global", "where": []}])
            values = row.results[0]["rows"][0]
            return bool(values["hv_cfg"] == values["nb_cfg"])

        lab.runtime.advance(PATIENCE / 3)
        if not lab.runtime.run_until(reached, PATIENCE):
            raise ViolationError(f"the hypervisors do not catch up: {lab.notices()}")
        lab.runtime.advance(3)
        self._look()
        self.note(f"settled; plugged: {sorted(self.plugged)}; bound: {lab.bindings()}")
        self.policy.settled()

    def _all_is_as_wanted(self) -> None:
        self._nothing_is_sent()
        self._ports_are_bound()
        self._northd_is_right()
        self._flows_are_right()
        self._frames_arrive()

    def _nothing_is_sent(self) -> None:
        lab = self.lab
        written: list[Commit] = []
        for place in ("nb", "sb", *HYPERVISORS):
            lab.database(place).followers.append(written.append)
        mods = [lab.watch(name).flow_mods for name in HYPERVISORS]
        lab.runtime.advance(QUIET)
        for place in ("nb", "sb", *HYPERVISORS):
            lab.database(place).followers.remove(written.append)
        if written or any(mods):
            sent = [repr(mod) for of_one in mods for mod in of_one]
            raise ViolationError("\n".join(["settled, and still at work:", *_changes(written), *sent]))

    def _ports_are_bound(self) -> None:
        bindings = self.lab.bindings()
        if set(bindings) != {f"vm{number}" for number in self.policy.ports}:
            raise ViolationError(f"ports {sorted(self.policy.ports)} have bindings {bindings}")
        for number in self.policy.ports:
            places = {place for place, other in self.plugged if other == number}
            chassis, up = bindings[f"vm{number}"], self.lab.up(number)
            nb_up = self.lab.row("nb", "Logical_Switch_Port", name=f"vm{number}")["up"] is True
            if (chassis not in places) if places else chassis is not None:
                raise ViolationError(f"vm{number} is plugged on {places or 'nothing'} and bound to {chassis}")
            if up is not bool(places) or nb_up is not up:
                raise ViolationError(
                    f"vm{number} is plugged on {places or 'nothing'}; up: sb {up}, nb {nb_up}"
                )

    def _northd_is_right(self) -> None:
        wanted, found = fresh_southbound(self.lab), southbound(self.lab.database("sb"))
        for table, rows in found.items():
            if rows != wanted[table]:
                more = [row for row in rows if row not in wanted[table]]
                less = [row for row in wanted[table] if row not in rows]
                raise ViolationError(
                    f"{table}: northd has {more or rows}, and would have {less or wanted[table]}"
                )

    def _flows_are_right(self) -> None:
        fresh = Fresh(self.lab)
        for name in HYPERVISORS:
            wanted, found = fresh.flows(name), flows(self.lab.deployment, name)
            if wanted != found:
                more, less = found - wanted, wanted - found
                lines = [f"- {line}" for line in sorted(more)] + [f"+ {line}" for line in sorted(less)]
                written = _changes(fresh.written)
                raise ViolationError("\n".join([f"flows of {name}, and of a fresh one:", *lines, *written]))
        if fresh.written:
            raise ViolationError("\n".join(["daemons that start anew write:", *_changes(fresh.written)]))

    def _frames_arrive(self) -> None:
        """From each bound VM to all and to each, exactly where policy says."""
        bound = {int(name.removeprefix("vm")): place for name, place in self.lab.bindings().items() if place}
        ports = self.policy.ports
        for number, place in sorted(bound.items()):
            peers = [
                other
                for other in sorted(bound)
                if other != number
                and ports[number].enabled
                and ports[other].enabled
                and ports[other].switch == ports[number].switch
            ]
            wanted = sorted((str(bound[other]), f"vm{other}") for other in peers)
            found = self.lab.frames(str(place), number, datagram(number, EVERYBODY))
            if found != wanted:
                raise ViolationError(f"a broadcast of vm{number} on {place} reached {found}, not {wanted}")
            for other in peers:
                found = self.lab.frames(str(place), number, datagram(number, other))
                if found != [(str(bound[other]), f"vm{other}")]:
                    raise ViolationError(f"a frame of vm{number} to vm{other} reached {found}")


def _changes(commits: list[Commit]) -> list[str]:
    """What was written, a line for each row: the columns that are others now."""
    lines = []
    for commit in commits:
        for table, uuid, old, new in commit.changes:
            columns = [
                f"{c.name}: {old and old.values[c.position]!r} -> {new and new.values[c.position]!r}"
                for c in table.columns
                if (old and old.values[c.position]) != (new and new.values[c.position])
            ]
            lines.append(f"{table.name} {uuid}: {', '.join(columns)}")
    return lines

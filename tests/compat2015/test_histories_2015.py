"""Random histories: what is derived step by step equals what a new daemon derives from the same databases."""

from __future__ import annotations

import os
from typing import Any

from compat_kit import Old, texts
from hypothesis import given, settings
from hypothesis import strategies as st

from pyovn.compat2015.bindings import ELSEWHERE

SWITCHES, PORTS, CHASSIS = ("s0", "s1"), ("p0", "p1", "p2"), ("c0", "c1")
MACS = st.frozensets(
    st.sampled_from(["00:00:00:00:00:01", "0:0:0:0:0:2 10.0.0.2", "unknown", "bad"]), max_size=3
)
STEPS = st.one_of(
    st.tuples(st.just("switch"), st.sampled_from(SWITCHES)),
    st.tuples(st.just("no switch"), st.sampled_from(SWITCHES)),
    st.tuples(st.just("port"), st.sampled_from(SWITCHES), st.sampled_from(PORTS), MACS, MACS),
    st.tuples(st.just("no port"), st.sampled_from(PORTS)),
    st.tuples(st.just("change"), st.sampled_from(PORTS), MACS, MACS),
    st.tuples(st.just("type"), st.sampled_from(PORTS), st.sampled_from(["", "localnet"])),
    st.tuples(st.just("acl"), st.sampled_from(SWITCHES), st.just("drop"), st.integers(0, 2)),
    st.tuples(st.just("no acls"), st.sampled_from(SWITCHES)),
    st.tuples(st.just("chassis"), st.sampled_from(CHASSIS)),
    st.tuples(st.just("no chassis"), st.sampled_from(CHASSIS)),
    st.tuples(st.just("bind"), st.sampled_from(PORTS), st.sampled_from([*CHASSIS, None])),
    st.tuples(st.just("claim"), st.sampled_from(PORTS), st.sampled_from(["", "host", ELSEWHERE, *CHASSIS])),
    st.tuples(st.just("restart")),
)  # fmt: skip


class Player:
    """Does the steps; one that cannot be done now is left out."""

    def __init__(self) -> None:
        self.old = Old()
        self._settles = True

    def play(self, step: tuple[Any, ...], *, settles: bool) -> None:
        self._settles = settles
        name, *arguments = step
        getattr(self, "do_" + name.replace(" ", "_"))(*arguments)

    def write(self, place: str, *operations: dict[str, Any]) -> None:
        self.old.database(place).transact(list(operations))
        if self._settles:
            self.old.runtime.settle()

    def uuid(self, place: str, table: str, name: str, column: str = "name") -> list[str] | None:
        database = self.old.database(place).tables[table]
        at = database.by_name[column].position
        return next((["uuid", str(u)] for u, row in database.rows.items() if row.values[at] == name), None)

    def do_switch(self, name: str) -> None:
        if self.uuid("nb", "Logical_Switch", name) is None:
            self.write("nb", {"op": "insert", "table": "Logical_Switch", "row": {"name": name}})

    def do_no_switch(self, name: str) -> None:
        self.write("nb", {"op": "delete", "table": "Logical_Switch", "where": [["name", "==", name]]})

    def do_port(self, switch: str, name: str, macs: frozenset[str], security: frozenset[str]) -> None:
        """A port may move from switch to switch."""
        port = self.uuid("nb", "Logical_Switch_Port", name)
        operations: list[dict[str, Any]] = []
        if port is None:
            row = {"name": name, "addresses": texts(*macs), "port_security": texts(*security)}
            insert = {"op": "insert", "table": "Logical_Switch_Port", "uuid-name": "p", "row": row}
            operations, port = [insert], ["named-uuid", "p"]
        take = {
            "op": "mutate",
            "table": "Logical_Switch",
            "where": [],
            "mutations": [["ports", "delete", port]],
        }
        give = {**take, "where": [["name", "==", switch]], "mutations": [["ports", "insert", port]]}
        self.write("nb", *operations, take, give)

    def do_no_port(self, name: str) -> None:
        port = self.uuid("nb", "Logical_Switch_Port", name)
        if port is not None:
            mutations = [["ports", "delete", port]]
            self.write("nb", {"op": "mutate", "table": "Logical_Switch", "where": [], "mutations": mutations})

    def update_port(self, name: str, **columns: Any) -> None:
        where = [["name", "==", name]]
        self.write("nb", {"op": "update", "table": "Logical_Switch_Port", "where": where, "row": columns})

    def do_change(self, name: str, macs: frozenset[str], security: frozenset[str]) -> None:
        self.update_port(name, addresses=texts(*macs), port_security=texts(*security))

    def do_type(self, name: str, kind: str) -> None:
        self.update_port(name, type=kind)

    def do_acl(self, switch: str, action: str, priority: int) -> None:
        row = {"priority": priority, "match": "ip4", "action": action, "direction": "to-lport"}
        self.write(
            "nb",
            {"op": "insert", "table": "ACL", "uuid-name": "a", "row": row},
            {
                "op": "mutate", "table": "Logical_Switch", "where": [["name", "==", switch]],
                "mutations": [["acls", "insert", ["named-uuid", "a"]]],
            },
        )  # fmt: skip

    def do_no_acls(self, switch: str) -> None:
        where = [["name", "==", switch]]
        self.write(
            "nb", {"op": "update", "table": "Logical_Switch", "where": where, "row": {"acls": texts()}}
        )

    def do_chassis(self, name: str) -> None:
        """c0 has a controller, the other has none."""
        encap = {"type": "geneve", "ip": f"10.0.0.{name[1:]}", "chassis_name": name}
        row = {"name": name, "encaps": ["named-uuid", "e"]}
        self.write(
            "sb",
            {"op": "insert", "table": "Encap", "uuid-name": "e", "row": encap},
            {"op": "insert", "table": "Chassis", "row": row},
            *([{"op": "insert", "table": "Chassis_Private", "row": {"name": name}}] if name == "c0" else []),
        )

    def do_no_chassis(self, name: str) -> None:
        tables = ("Chassis", "Chassis_Private")
        self.write("sb", *({"op": "delete", "table": t, "where": [["name", "==", name]]} for t in tables))

    def do_bind(self, port: str, chassis: str | None) -> None:
        """What a controller does; it releases only what it has."""
        uuid = None if chassis is None else self.uuid("sb", "Chassis", chassis)
        elsewhere = self.uuid("sb", "Chassis", ELSEWHERE)
        if uuid is None and (chassis is not None or elsewhere is not None):
            return
        where = [["logical_port", "==", port]]
        row = {"chassis": texts() if uuid is None else uuid}
        self.write("sb", {"op": "update", "table": "Port_Binding", "where": where, "row": row})

    def do_claim(self, port: str, name: str) -> None:
        where = [["logical_port", "==", port]]
        self.write("ovn", {"op": "update", "table": "Bindings", "where": where, "row": {"chassis": name}})

    def do_restart(self) -> None:
        self.old.restart_compat()

    # -- what it has come to -------------------------------------------------------------------

    def result(self) -> Any:
        old = self.old
        encaps = {row["_uuid"][1]: (row["type"], row["ip"]) for row in old.rows("ovn", "Encap")}
        return {
            "pipeline": sorted(
                (row["logical_datapath"], row["table_id"], row["priority"], row["match"], row["actions"])
                for row in old.rows("ovn", "Pipeline")
            ),
            "bindings": sorted(
                (row["logical_port"], row["chassis"], row["logical_datapath"], repr(row["mac"]))
                for row in old.rows("ovn", "Bindings")
            ),
            "chassis": sorted((row["name"], encaps[row["encaps"][1]]) for row in old.rows("ovn", "Chassis")),
            "up": sorted((row["name"], row["up"]) for row in old.rows("nb", "Logical_Switch_Port")),
            "bound": old.bindings(),
        }

    def scratch(self) -> Any:
        """A new daemon that finds the names and nothing else."""
        self.old.kill_compat()
        blank = {"mac": texts(), "logical_datapath": ["uuid", "00000000-0000-0000-0000-000000000000"]}
        self.old.transact(
            "ovn",
            {"op": "delete", "table": "Pipeline", "where": []},
            {"op": "delete", "table": "Chassis", "where": []},
            {"op": "update", "table": "Bindings", "where": [], "row": blank},
        )
        self.old.start_compat()
        return self.result()


@settings(deadline=None, max_examples=400 if os.environ.get("PYOVN_PROFILE") == "acceptance" else 40)
@given(st.lists(st.tuples(STEPS, st.booleans()), max_size=25))
def test_any_history_ends_like_a_fresh_start(history: list[tuple[tuple[Any, ...], bool]]) -> None:
    player = Player()
    for step, settles in history:
        player.play(step, settles=settles)
    player.old.runtime.advance(2)
    found = player.result()
    assert player.old.compat.engine.root_failures() == {}
    assert_coherent(found)
    assert player.old.restart_compat() == ([], [])
    assert player.scratch() == found


def assert_coherent(found: Any) -> None:
    """A port is up exactly if somebody has it, and Bindings names who."""
    named = {port: chassis for port, chassis, *_rest in found["bindings"]}
    controllers = {name for name, _encap in found["chassis"]} - {"c1"}
    for port, up in found["up"]:
        holder = found["bound"].get(port)
        if holder is None:
            assert named[port] not in controllers
        elif holder == ELSEWHERE:
            assert named[port] not in {"", *controllers}
        else:
            assert named[port] == holder
        assert up == (holder is not None)

"""Random histories of the northbound through one northd end where a fresh northd begins."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from northd_kit import NB, World, mac, row

PORT_NAMES = st.sampled_from(["p1", "p2", "p3", "p4"])
SWITCH_NAMES = st.sampled_from(["s1", "s2", "s3"])
ADDRESSES = st.frozensets(
    st.sampled_from([mac(1), mac(2), f"{mac(3)} 10.0.0.3", "unknown", "dynamic", "bad", ""]), max_size=2
)
PORT_COLUMNS = st.fixed_dictionaries(
    {},
    optional={
        "addresses": ADDRESSES,
        "port_security": st.frozensets(st.sampled_from([mac(1), mac(2)])),
        "enabled": st.booleans(),
        "type": st.sampled_from(["", "router", "localnet", "localport", "virtual"]),
        "parent_name": st.sampled_from(["p1", "p2", "nobody"]),
        "tag": st.integers(1, 3),
        "options": st.dictionaries(
            st.sampled_from(["requested-tnl-key", "x"]), st.sampled_from(["1", "2", "7"])
        ),
        "external_ids": st.dictionaries(st.sampled_from(["neutron:port_name", "b"]), st.just("v")),
    },
)
SWITCH_COLUMNS = st.fixed_dictionaries(
    {},
    optional={
        "other_config": st.dictionaries(
            st.sampled_from(["requested-tnl-key", "vlan-passthru"]), st.sampled_from(["1", "2", "true"])
        ),
        "external_ids": st.dictionaries(st.sampled_from(["neutron:network_name"]), st.just("n")),
    },
)
State = dict[str, tuple[dict[str, Any], dict[str, dict[str, Any]]]]
"""Switches by name: their columns and their ports; a port is on one switch."""


@st.composite
def states(draw: st.DrawFn) -> State:
    state: State = {
        name: (draw(SWITCH_COLUMNS), {}) for name in draw(st.lists(SWITCH_NAMES, unique=True, max_size=3))
    }
    for name in draw(st.lists(PORT_NAMES, unique=True)) if state else ():
        state[draw(st.sampled_from(sorted(state)))][1][name] = draw(PORT_COLUMNS)
    return state


def bring(world: World, state: State, *, one_by_one: bool) -> None:
    """Make the northbound so: rows that stay are updated, one transaction per switch or one for all."""
    there = {r["name"]: u for u, r in world.rows(NB, "Logical_Switch").items()}
    ports = {r["name"]: u for u, r in world.rows(NB, "Logical_Switch_Port").items()}
    operations: list[dict[str, Any]] = [
        {"op": "update", "table": "Logical_Switch", "where": [], "row": {"ports": ["set", []]}}
    ]
    operations += [
        {"op": "delete", "table": "Logical_Switch", "where": [["name", "==", name]]}
        for name in there
        if name not in state
    ]
    blank_switch: dict[str, Any] = {"other_config": {}, "external_ids": {}}
    blank_port: dict[str, Any] = {"addresses": frozenset(), "port_security": frozenset(), "enabled": None}
    blank_port |= {"type": "", "parent_name": None, "tag": None, "options": {}, "external_ids": {}}
    for name, (columns, members) in state.items():
        refs = []
        for port, port_columns in members.items():
            cells = row({**blank_port, **port_columns, "name": port})
            if port in ports:
                where = [["name", "==", port]]
                operations.append(
                    {"op": "update", "table": "Logical_Switch_Port", "where": where, "row": cells}
                )
                refs.append(["uuid", str(ports[port])])
            else:
                insert = {"op": "insert", "table": "Logical_Switch_Port", "uuid-name": port, "row": cells}
                operations.append(insert)
                refs.append(["named-uuid", port])
        cells = row({**blank_switch, **columns, "name": name}) | {"ports": ["set", refs]}
        if name in there:
            where = [["name", "==", name]]
            operations.append({"op": "update", "table": "Logical_Switch", "where": where, "row": cells})
        else:
            operations.append({"op": "insert", "table": "Logical_Switch", "row": cells})
    if one_by_one:
        for name in sorted(set(there) & set(state))[:1]:
            world.remove_switch(name)
            return bring(world, state, one_by_one=False)
    world.nb(*operations)
    return None


def result(world: World) -> Any:
    """All but what is random and ``up``, which is the controllers' once the row is there."""
    found = world.southbound()
    del found["addresses"]
    for columns in found["ports"].values():
        del columns["up"]
    return found


@settings(deadline=None, max_examples=25)
@given(st.lists(states(), min_size=1, max_size=5), st.booleans(), st.sampled_from([None, 0, 1, 2]))
def test_any_history_ends_like_a_fresh_start(
    history: list[State], one_by_one: bool, restart: int | None
) -> None:
    world = World()
    for number, state in enumerate(history):
        bring(world, state, one_by_one=one_by_one)
        if number == restart:
            world.restart()
    fresh = World()
    bring(fresh, history[-1], one_by_one=False)
    assert result(world) == result(fresh)
    assert without_keys(world) == without_keys(fresh)
    assert not [line for line in world.log if "failed" in line]
    keys = [(r["datapath"], r["tunnel_key"]) for r in world.find("Port_Binding")]
    assert len(keys) == len(set(keys))
    for number, requested in ((r["tunnel_key"], r["options"]) for r in world.find("Port_Binding")):
        assert number > 0, requested
    assert world.restart().sent == []


def without_keys(world: World) -> list[str]:
    """Notices; whose key request is denied depends on who came first."""
    return [line for line in world.northd.notices() if "tunnel key" not in line]


@settings(deadline=None, max_examples=10)
@given(st.lists(states(), min_size=2, max_size=5), st.booleans())
def test_a_restart_after_any_step_sends_nothing(history: list[State], one_by_one: bool) -> None:
    """Killed after each step, where what is there was made by several northds."""
    world = World()
    for state in history:
        bring(world, state, one_by_one=one_by_one)
        before = world.southbound(), world.tunnel_keys()
        assert world.restart().sent == []
        assert (world.southbound(), world.tunnel_keys()) == before

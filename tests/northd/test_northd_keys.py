"""Tunnel keys over random histories: unique, in range, stable while a row lives, a freed one last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from northd_kit import SB, World, port

if TYPE_CHECKING:
    from pyovn.ovsdb.values import UUID

SWITCHES = ("s0", "s1")
NAMES = tuple(f"p{n}" for n in range(5))
FIRST_MULTICAST = 32_768
"""Keys of multicast groups begin here, those of ports end before it; with VXLAN both have 12 bits."""
VXLAN_DATAPATHS, VXLAN_PORTS = 4_096, 2_048
Step = tuple[str, int]
"""What happens, and to which port."""

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["toggle", "toggle", "toggle", "switch", "vxlan", "kill"]),
        st.integers(0, len(NAMES) * len(SWITCHES) - 1),
    ),
    min_size=1,
    max_size=24,
)


def vxlan(world: World) -> None:
    """A chassis that has only VXLAN comes, or goes."""
    if world.find("Chassis"):
        world.sb({"op": "delete", "table": "Chassis", "where": []})
        return
    encap = {"type": "vxlan", "ip": "192.0.2.9", "chassis_name": "hv9"}
    world.sb(
        {"op": "insert", "table": "Encap", "uuid-name": "e", "row": encap},
        {"op": "insert", "table": "Chassis", "row": {"name": "hv9", "encaps": ["named-uuid", "e"]}},
    )


def take(world: World, step: Step) -> None:
    what, number = step
    switch, name = SWITCHES[number % 2], f"{SWITCHES[number % 2]}-{NAMES[number // 2]}"
    keys = world.tunnel_keys()
    if what == "vxlan":
        vxlan(world)
    elif what == "kill":
        assert world.restart().sent == []
    elif what == "switch" and switch in keys:
        world.remove_switch(switch)
    elif switch not in keys:
        world.add_switch(switch)
    elif name in keys:
        world.remove_port(name)
    else:
        world.nb(*port(switch, name))


def in_range(world: World) -> None:
    narrow = bool(world.find("Chassis"))
    for row in world.find("Datapath_Binding"):
        assert 0 < row["tunnel_key"] < (VXLAN_DATAPATHS if narrow else 1 << 24)
    for row in world.find("Port_Binding"):
        assert 0 < row["tunnel_key"] < (VXLAN_PORTS if narrow else FIRST_MULTICAST)


def keys_of(world: World) -> dict[UUID, tuple[object, int]]:
    """By the row's UUID: within what it is unique, and its key."""
    found: dict[UUID, tuple[object, int]] = {
        u: ("", r["tunnel_key"]) for u, r in world.rows(SB, "Datapath_Binding").items()
    }
    found.update((u, (r["datapath"], r["tunnel_key"])) for u, r in world.rows(SB, "Port_Binding").items())
    return found


@settings(deadline=None, max_examples=40)
@given(STEPS)
def test_keys_of_any_history(steps: list[Step]) -> None:
    world = World()
    before = keys_of(world)
    for step in steps:
        take(world, step)
        now = keys_of(world)
        assert len(set(now.values())) == len(now)
        assert all(now[uuid] == key for uuid, key in before.items() if uuid in now)
        in_range(world)
        before = now


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(0, len(NAMES) - 1), min_size=1, max_size=30))
def test_a_freed_key_is_not_given_out_while_there_are_fresh_ones(toggles: list[int]) -> None:
    """One northd, and far fewer ports than keys: no key comes twice."""
    world = World()
    world.add_switch("s0")
    given_out: set[int] = set()
    for number in toggles:
        name = NAMES[number]
        if name in world.tunnel_keys():
            world.remove_port(name)
        else:
            world.add_port("s0", name)
            key = world.tunnel_keys()[name]
            assert key not in given_out
            given_out.add(key)

"""Tunnel keys over random histories: unique, in range, stable while a row lives, a freed one last."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st
from northd_kit import SB, World, insert, port, update

from pyovn.northd import features, model
from pyovn.ovn.keys import GENEVE_KEYS, VXLAN_KEYS, KeyRange

if TYPE_CHECKING:
    from pyovn.ovsdb.values import UUID

ACCEPTANCE = os.environ.get("PYOVN_PROFILE") == "acceptance"
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


# -- where keys are few ----------------------------------------------------------------------------

WIDE = GENEVE_KEYS._replace(datapath_local=KeyRange(1, 6), port=KeyRange(1, 6))
NARROW = VXLAN_KEYS._replace(datapath_local=KeyRange(1, 3), port=KeyRange(1, 3))
OWNERS = {"datapath": ("s0", "s1", "s2", "r0", "r1"), "port": ("p0", "p1", "p2", "p3", "p4")}
"""Who may want a key: five where there are six, or three as long as there is VXLAN; the ports are on s0."""
MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("toggle"), st.sampled_from(sum(OWNERS.values(), ())), st.just(0)),
        st.tuples(st.just("toggle"), st.sampled_from(OWNERS["port"]), st.just(0)),
        st.tuples(st.just("ask"), st.sampled_from(sum(OWNERS.values(), ())), st.integers(0, 7)),
        st.tuples(st.sampled_from(["vxlan", "vxlan", "kill"]), st.just(""), st.just(0)),
    ),
    min_size=20,
    max_size=60,
)


class Book:
    """What has to be true of the keys of one pool, from step to step."""

    def __init__(self) -> None:
        self.keys: dict[str, int] = {}
        self._freed: dict[int, int] = {}
        """When a number was freed that this northd has seen in use."""
        self._step = 0

    def killed(self) -> None:
        """What was freed before is not known to the next one."""
        self._freed.clear()

    def turn(self, owners: dict[str, int], keys: dict[str, int], last: int) -> None:
        """After a step: who wants a key and which, who has which, and the highest that there is."""
        before, self.keys = self.keys, keys
        held = set(keys.values())
        assert len(held) == len(keys)
        assert keys.keys() <= owners.keys()
        assert all(1 <= key <= last for key in held)
        assert keys.keys() == owners.keys() or held == set(range(1, last + 1)), (
            "somebody goes without, for nothing"
        )
        by_key = {key: owner for owner, key in keys.items()}
        for owner, wanted in owners.items():
            if 1 <= wanted <= last:
                assert owners[by_key[wanted]] == wanted, f"{owner} asked for {wanted}"
            key = before.get(owner)
            if key is not None and key <= last and keys.get(owner) != key:
                for_another = by_key.get(key) is not None and owners[by_key[key]] == key
                assert for_another or keys[owner] == wanted, f"{owner} lost {key}"
        self._step += 1
        self._in_order(before, {owner for owner in keys if owners[owner] != keys[owner]}, last)

    def _in_order(self, before: dict[str, int], without_asking: set[str], last: int) -> None:
        """Numbers that nobody asked for: those never used come first, then the one freed the longest ago."""
        gone = set(before.values()) - {key for owner, key in self.keys.items() if before.get(owner) == key}
        self._freed.update(dict.fromkeys(gone, self._step))
        given = {self.keys[owner] for owner in without_asking if before.get(owner) != self.keys[owner]}
        taken = set(self.keys.values())
        age = {key: self._freed.get(key, 0) for key in range(1, last + 1)}
        left = [age[key] for key in age if key not in taken]
        assert not given or not left or max(age[key] for key in given) <= min(left)
        for key in taken:
            self._freed.pop(key, None)


class Few:
    """A world, and a book for each pool."""

    def __init__(self) -> None:
        self.world = World()
        self.there: dict[str, int] = {}
        self.books = {"datapath": Book(), "port": Book()}

    def move(self, what: str, owner: str, number: int) -> None:
        """One step."""
        world, is_port = self.world, owner.startswith("p")
        if what == "vxlan":
            vxlan(world)
        elif what == "kill":
            assert world.restart().sent == []
            for book in self.books.values():
                book.killed()
        elif what == "ask" and owner in self.there:
            self.there[owner] = number
            self.ask(owner, number)
        elif what == "toggle" and owner in self.there:
            self.remove(owner, is_port=is_port)
        elif what == "toggle" and (not is_port or "s0" in self.there):
            self.there[owner] = 0
            if is_port:
                world.add_port("s0", owner)
            else:
                world.nb(insert("Logical_Router" if owner.startswith("r") else "Logical_Switch", name=owner))
        self.look()

    def ask(self, owner: str, number: int) -> None:
        table = {"p": "Logical_Switch_Port", "s": "Logical_Switch", "r": "Logical_Router"}[owner[0]]
        column = "other_config" if owner[0] == "s" else "options"
        self.world.nb(update(table, owner, **{column: {"requested-tnl-key": str(number)} if number else {}}))

    def remove(self, owner: str, *, is_port: bool) -> None:
        del self.there[owner]
        if is_port:
            self.world.remove_port(owner)
            return
        table = "Logical_Router" if owner.startswith("r") else "Logical_Switch"
        self.world.nb({"op": "delete", "table": table, "where": [["name", "==", owner]]})
        if owner == "s0":
            self.there = {name: number for name, number in self.there.items() if not name.startswith("p")}
            self.books["port"] = Book()

    def look(self) -> None:
        """Write both books."""
        self.world.runtime.advance(2)  # a datapath that has lost its key goes at the second try
        space = NARROW if self.world.find("Chassis") else WIDE
        keys = self.world.tunnel_keys()
        for pool, last in (("datapath", space.datapath_local.last), ("port", space.port.last)):
            owners = {name: number for name, number in self.there.items() if name in OWNERS[pool]}
            if pool == "datapath" or "s0" in keys:
                self.books[pool].turn(owners, {name: keys[name] for name in owners if name in keys}, last)
            else:
                self.books[pool] = Book()  # its datapath has no key: nobody sees those of its ports


@settings(deadline=None, max_examples=1_000 if ACCEPTANCE else 15)
@given(MOVES)
def test_keys_where_they_are_few(moves: list[tuple[str, str, int]]) -> None:
    """All rules hold when keys run out, are asked for, and when their range shrinks and grows."""
    with (
        patch.multiple(features, GENEVE_KEYS=WIDE, VXLAN_KEYS=NARROW),
        patch.object(model, "GENEVE_KEYS", WIDE),
    ):
        few = Few()
        for move in moves:
            few.move(*move)
        assert not [line for line in few.world.log if line.startswith("err")]
        assert few.world.restart().sent == []

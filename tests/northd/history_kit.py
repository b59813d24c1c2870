"""A northbound as data, and a player that brings two databases from one state to the next.

A ``State`` names things by symbols: what they are, which columns they have, and whose children they are.
The player knows what it has written and turns a state into *changes*, one per thing that differs; a change is
one transaction, or part of one, and the order of changes does not matter: each makes what it needs first.

UUIDs of northbound rows tell their symbol, in the order of symbols, so that two worlds can be compared and
so that what is decided by the order of UUIDs is decided alike in both.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from northd_kit import NB, SB, mutate, row

from pyovn.ovsdb.values import UUID

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Mapping

    from northd_kit import Operation, World


class Of(NamedTuple):
    """As a column's value: the UUID of a thing."""

    symbol: str


class Thing(NamedTuple):
    """A row.  ``homes`` are the (symbol, column) that it is a child of; a port may be on two switches."""

    table: str
    columns: Mapping[str, Any]
    homes: tuple[tuple[str, str], ...] = ()


class Claim(NamedTuple):
    """What a controller says of a binding: its chassis by symbol, and whether the port is up."""

    chassis: str
    up: bool


class State(NamedTuple):
    """``claims`` are by the name of the logical port."""

    things: dict[str, Thing]
    claims: dict[str, Claim]


EMPTY: Final = State({}, {})

SYMBOLS: Final = (
    *("s1", "s2", "s3", "r1", "r2", "g1", "g2"),
    *("p1", "p2", "p3", "p4", "rp1", "rp2"),
    *("gw1", "gw2", "hc1", "hc2", "nat1", "global", "c1", "c2", "cp1"),
)
"""All that there may be."""

_PORT: Final[Mapping[str, Any]] = {
    "type": "", "options": {}, "parent_name": None, "tag_request": None, "addresses": frozenset(),
    "port_security": frozenset(), "enabled": None, "external_ids": {},
}  # fmt: skip
BLANK: Final[Mapping[str, Mapping[str, Any]]] = {
    "Logical_Switch": {"name": "", "other_config": {}, "external_ids": {}},
    "Logical_Switch_Port": _PORT,
    "Logical_Router": {"name": "", "enabled": None, "options": {}, "external_ids": {}},
    "Logical_Router_Port": {
        "mac": "", "networks": frozenset(), "peer": None, "options": {}, "ha_chassis_group": None,
        "external_ids": {},
    },
    "Gateway_Chassis": {"name": "", "chassis_name": "", "priority": 0},
    "HA_Chassis_Group": {"name": ""},
    "HA_Chassis": {"chassis_name": "", "priority": 0},
    "NAT": {"type": "snat", "external_ip": "", "logical_ip": "", "external_mac": None, "logical_port": None},
    "Chassis": {"name": "", "hostname": "", "other_config": {}, "encaps": frozenset()},
    "Chassis_Private": {"name": "", "nb_cfg": 0},
}  # fmt: skip
"""The columns that histories write, and what they are when a state does not name them."""

SOUTHBOUND: Final = frozenset({"Chassis", "Chassis_Private"})
CHILDREN: Final = frozenset({
    "Logical_Switch_Port", "Logical_Router_Port", "Gateway_Chassis", "HA_Chassis", "NAT",
})  # fmt: skip
"""Tables whose rows go when nothing refers to them."""
UNIQUE: Final = frozenset(
    {"Logical_Switch_Port", "Logical_Router_Port", "Gateway_Chassis", "HA_Chassis_Group"}
)
"""Tables in which a name stands once."""
_MARK: Final = "-0000-4000-8000-"


def uuid_of(symbol: str, generation: int) -> UUID:
    """The UUID of the ``generation``-th row that a symbol stands for."""
    return UUID(f"{SYMBOLS.index(symbol):08x}{_MARK}{generation:012x}")


def told_by(uuid: str) -> tuple[str, int] | None:
    """The symbol and the generation of a UUID of ours."""
    head, mark, tail = uuid.partition(_MARK)
    return (SYMBOLS[int(head, 16)], int(tail, 16)) if mark else None


class Player:
    """Writes to a world.

    ``renew``: what changes is deleted and made anew; ``again``: everything that is so is said once more.
    """

    def __init__(self, world: World, rng: random.Random, *, renew: bool = False, again: bool = False) -> None:
        self.world = world
        self.things: dict[str, Thing] = {}
        """What is in the databases, but for the transaction that is being put together."""
        self._rng = rng
        self._renew, self._again = renew, again
        self._uuids: dict[str, UUID] = {}
        self._generations = itertools.count(1)
        self._made: set[str] = set()
        self._operations: dict[str, list[Operation]] = {NB: [], SB: []}

    def differing(self, to: State) -> list[str]:
        """The symbols of what is not so."""
        return [s for s in SYMBOLS if self.things.get(s) != to.things.get(s)]

    # -- one change ----------------------------------------------------------------------------

    def make(self, symbol: str, to: State) -> None:
        """Make one thing so, and before it what it needs."""
        if symbol in self._made:
            return
        self._made.add(symbol)
        wanted = to.things.get(symbol)
        if wanted is None:
            if symbol in self.things:
                self._remove(symbol)
            return
        for other in self._needed(symbol, wanted):
            self.make(other, to)
        here = self.things.get(symbol)
        if here is not None and self._renew and here != wanted and symbol != "global":
            self._remove(symbol)
            here = None
        self.things[symbol] = wanted
        if here is None:
            self._insert(symbol, wanted)
        else:
            self._update(symbol, here, wanted)
        for home, column in (
            wanted.homes if here is None or self._again else set(wanted.homes) - set(here.homes)
        ):
            self._adopt(home, column, "insert", symbol)
        for home, column in set(() if here is None else here.homes) - set(wanted.homes):
            self._adopt(home, column, "delete", symbol)
        if here is None:
            for other, thing in to.things.items():
                if other in self.things and self.things[other] != thing and symbol in _referred_to(thing):
                    self._made.discard(other)
                    self.make(other, to)

    def _needed(self, symbol: str, wanted: Thing) -> Iterator[str]:
        """Who has the name now, and what the thing refers to and is not there."""
        if wanted.table in UNIQUE:
            for other, thing in list(self.things.items()):
                same = thing.table == wanted.table and thing.columns["name"] == wanted.columns["name"]
                if same and other != symbol:
                    yield other
        for other in _referred_to(wanted):
            if other not in self.things:
                yield other

    def _insert(self, symbol: str, wanted: Thing) -> None:
        if symbol == "global":  # northd makes the row
            ((self._uuids[symbol], found),) = self.world.rows(NB, "NB_Global").items()
            self._update(symbol, Thing("NB_Global", {**found, "options": {}}), wanted)
            return
        uuid = self._uuids[symbol] = uuid_of(symbol, next(self._generations))
        cells = self._row(wanted.columns)
        self._say(wanted.table, {"op": "insert", "table": wanted.table, "uuid": str(uuid), "row": cells})

    def _update(self, symbol: str, here: Thing, wanted: Thing) -> None:
        where = self._where(symbol)
        old, new = ({**BLANK.get(t.table, {}), **t.columns} for t in (here, wanted))
        if symbol == "global":
            lost, options = set(old.pop("options", {})), new.pop("options", {})
            for mutator, argument in (
                ("delete", ["set", sorted(lost)]),
                ("insert", ["map", [*map(list, options.items())]]),
            ):
                self._say(NB, mutate("NB_Global", where, "options", mutator, argument))
        columns = {c: v for c, v in new.items() if self._again or old.get(c) != v}
        if "encaps" in columns:
            columns["name"] = new["name"]
        if columns:
            cells = self._row(columns)
            self._say(wanted.table, {"op": "update", "table": wanted.table, "where": where, "row": cells})

    def _remove(self, symbol: str) -> None:
        thing = self.things.pop(symbol)
        for other, referring in list(self.things.items()):
            blank = {c: None for c, v in referring.columns.items() if v == Of(symbol)}
            if blank:
                cells, where = row(blank), self._where(other)
                self._say(
                    referring.table, {"op": "update", "table": referring.table, "where": where, "row": cells}
                )
            homes = tuple(home for home in referring.homes if home[0] != symbol)
            self.things[other] = referring._replace(columns={**referring.columns, **blank}, homes=homes)
        if thing.table in CHILDREN:
            for home, column in thing.homes:
                self._adopt(home, column, "delete", symbol)
        elif symbol != "global":
            self._say(thing.table, {"op": "delete", "table": thing.table, "where": self._where(symbol)})
        else:
            self._update(symbol, thing, Thing("NB_Global", GLOBAL_BLANK))

    def _adopt(self, home: str, column: str, mutator: str, symbol: str) -> None:
        if home in self.things:
            table = self.things[home].table
            self._say(
                table, mutate(table, self._where(home), column, mutator, ["uuid", str(self._uuids[symbol])])
            )

    def _where(self, symbol: str) -> list[Any]:
        return [["_uuid", "==", ["uuid", str(self._uuids[symbol])]]]

    def _row(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """Cells as JSON; sets in any order, and encaps as rows of their own."""
        cells: dict[str, Any] = {}
        for column, value in columns.items():
            if column == "encaps":
                refs = [["named-uuid", f"e{next(self._generations)}"] for _encap in value]
                for ref, (kind, ip) in zip(refs, sorted(value), strict=True):
                    encap = {"type": kind, "ip": ip, "chassis_name": columns["name"]}
                    self._say(SB, {"op": "insert", "table": "Encap", "uuid-name": ref[1], "row": encap})
                cells[column] = ["set", refs]
            elif isinstance(value, Of):
                cells[column] = ["uuid", str(self._uuids[value.symbol])]
            else:
                cells.update(row({column: value}))
                if isinstance(value, frozenset | dict):
                    self._rng.shuffle(cells[column][1])
        if self._rng.random() < 0.5:
            cells = dict(reversed(cells.items()))
        return cells

    def _say(self, table: str, operation: Operation) -> None:
        self._operations[SB if table in SOUTHBOUND or table == SB else NB].append(operation)

    # -- transactions --------------------------------------------------------------------------

    def commit(self) -> bool:
        """Write what has been put together, one transaction per database; False if it is nothing."""
        self._made.clear()
        said = False
        for database, operations in self._operations.items():
            if operations:
                said = True
                outcome = self.world.server.databases[database].database.transact(operations)
                assert outcome.error is None, (outcome.error, operations)
                self._operations[database] = []
        while True:
            lost = [s for s, t in self.things.items() if t.table in CHILDREN and not t.homes]
            if not lost:
                return said
            for symbol in lost:
                del self.things[symbol]
            for symbol, thing in self.things.items():
                self.things[symbol] = thing._replace(homes=tuple(h for h in thing.homes if h[0] not in lost))

    def take_tags_back(self) -> None:
        """Without a request ``tag`` is the CMS's, who takes back what was granted for one."""
        taken = [
            {
                "op": "update",
                "table": "Logical_Switch_Port",
                "where": self._where(symbol),
                "row": {"tag": ["set", []]},
            }
            for symbol, thing in self.things.items()
            if thing.table == "Logical_Switch_Port" and thing.columns.get("tag_request") is None
        ]
        outcome = self.world.server.databases[NB].database.transact(taken)
        assert outcome.error is None, outcome.error

    def claim(self, to: State) -> bool:
        """Do as the controllers do, who give bindings a chassis and ``up``; False if all have theirs."""
        operations = []
        for uuid, binding in self.world.rows(SB, "Port_Binding").items():
            said = to.claims.get(binding["logical_port"])
            if said is None or said.chassis not in self.things or binding["type"] in NOBODYS:
                chassis, up = None, False
            else:
                chassis, up = self._uuids[said.chassis], said.up
            if (binding["chassis"], binding["up"] is True) != (chassis, up):
                cells = {"chassis": ["set", []] if chassis is None else ["uuid", str(chassis)], "up": up}
                where = [["_uuid", "==", ["uuid", str(uuid)]]]
                operations.append({"op": "update", "table": "Port_Binding", "where": where, "row": cells})
        if operations:
            outcome = self.world.server.databases[SB].database.transact(operations)
            assert outcome.error is None, outcome.error
        return bool(operations)


GLOBAL_BLANK: Final = {"nb_cfg": 0, "ipsec": False, "options": {}}
NOBODYS: Final = frozenset({"patch", "localnet", "localport"})
"""Types of bindings that no chassis claims."""


def _referred_to(thing: Thing) -> set[str]:
    return {home for home, _column in thing.homes} | {
        v.symbol for v in thing.columns.values() if isinstance(v, Of)
    }

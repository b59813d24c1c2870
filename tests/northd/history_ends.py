"""Where every way of playing a history has to end.

It is what a northd makes from scratch that is given the allotted keys; it is the same for all plans but for
what was allotted; keys are unique and in range; a restart sends nothing; and the audit finds nothing.
"""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING, Any, Final

from history_kit import told_by
from history_plans import Plan, play
from northd_kit import NB, SB, World, value

from pyovn.ovsdb.values import UUID

if TYPE_CHECKING:
    from collections.abc import Iterator

    from history_kit import State

RANDOM: Final = {"mac_prefix", "svc_monitor_mac"}
TIMES: Final = {"nb_cfg_timestamp", "sb_cfg_timestamp", "hv_cfg_timestamp"}
_OURS: Final = re.compile(r"[0-9a-f]{8}-0000-4000-8000-[0-9a-f]{12}")


class Contents:
    """Rows of both databases as text, with names for UUIDs; ``allotted``: including what was allotted."""

    def __init__(self, world: World, *, allotted: bool) -> None:
        self._allotted = allotted
        self._rows = {
            db: {t: world.rows(db, t) for t in world.server.databases[db].database.tables} for db in (NB, SB)
        }
        self._at = {
            uuid: (t, r)
            for tables in self._rows.values()
            for t, rows in tables.items()
            for uuid, r in rows.items()
        }
        self._granted = {
            r["name"] for r in self._rows[NB]["Logical_Switch_Port"].values() if r["tag_request"] == 0
        }
        self.lines = {
            f"{db}.{table}": sorted(self._lines(table, rows))
            for db, tables in self._rows.items()
            for table, rows in tables.items()
        }
        self.lines["notices"] = sorted(
            self._text(line)
            for line in world.northd.notices()
            if allotted or not ("tunnel key" in line and "is no tunnel key" not in line)
        )  # fmt: skip

    def _lines(self, table: str, rows: dict[UUID, dict[str, Any]]) -> Iterator[str]:
        if table == "Logical_DP_Group":
            used = {row["logical_dp_group"] for row in self._rows[SB]["Logical_Flow"].values()}
            yield from (f"{uuid} is used by no flow" for uuid in rows.keys() - used)
            return
        for row in rows.values():
            if table == "Logical_Flow":
                group = self._rows[SB]["Logical_DP_Group"].get(row["logical_dp_group"])
                for datapath in [row["logical_datapath"]] if group is None else group["datapaths"]:
                    stage = row["external_ids"].get("stage-name")
                    flow = {
                        **row,
                        "logical_dp_group": None,
                        "logical_datapath": datapath,
                        "external_ids": stage,
                    }
                    yield self._line(table, flow)
            else:
                yield self._line(table, row)

    def _line(self, table: str, row: dict[str, Any]) -> str:
        return ", ".join(
            f"{column}={self._plain(cell)}"
            for column, cell in sorted(row.items())
            if column not in TIMES and (self._allotted or not self._is_allotted(table, column, row))
        )

    def _is_allotted(self, table: str, column: str, row: dict[str, Any]) -> bool:
        if column == "tunnel_key":
            return table in {"Datapath_Binding", "Port_Binding"}
        return column == "tag" and row.get("name", row.get("logical_port")) in self._granted

    def _plain(self, cell: Any) -> str:
        if isinstance(cell, dict):
            pairs = sorted((k, v) for k, v in cell.items() if self._allotted or k not in RANDOM)
            return "{" + ", ".join(f"{self._plain(k)}: {self._plain(v)}" for k, v in pairs) + "}"
        if isinstance(cell, frozenset):
            return "{" + ", ".join(sorted(map(self._plain, cell))) + "}"
        if isinstance(cell, UUID):
            return self._named(cell)
        return self._text(cell) if isinstance(cell, str) else repr(cell)

    def _named(self, uuid: UUID) -> str:
        """A row by what it is about."""
        if told_by(uuid):
            return self._text(uuid)
        table, row = self._at.get(uuid, ("?", {}))
        if table == "Datapath_Binding":
            ids = row["external_ids"]
            return self._text(ids.get("logical-switch") or ids.get("logical-router") or "?")
        for column in ("logical_port", "name"):
            if column in row:
                return f"{table} {row[column]}"
        return f"{table}({self._line(table, row)})"

    def _text(self, text: str) -> str:
        if not self._allotted and "svc_monitor_mac" not in text:
            return _OURS.sub(lambda found: (told_by(found[0]) or ("?", 0))[0], text)
        return str(text)

    def equals(self, other: Contents) -> None:
        """Raise with what one has and the other has not."""
        found = []
        for table, lines in self.lines.items():
            others = list(other.lines[table])
            for line in lines:
                if line in others:
                    others.remove(line)
                else:
                    found.append(f"{table} has: {line}")
            found += [f"{table} lacks: {line}" for line in others]
        assert not found, "\n".join(found)


NORTHDS: Final = {
    "up": None,
    "sb_cfg": 0,
    "hv_cfg": 0,
    "nb_cfg_timestamp": 0,
    "sb_cfg_timestamp": 0,
    "hv_cfg_timestamp": 0,
}
"""What northd writes into the northbound, beyond what was allotted."""
KEPT: Final[dict[str, tuple[str, ...]]] = {
    "Datapath_Binding": ("tunnel_key", "external_ids"),
    "Port_Binding": ("logical_port", "datapath", "tunnel_key", "chassis", "up"),
}
"""Of the southbound what a northd from scratch is given: keys, and what controllers have written."""
OTHERS: Final = ("Encap", "Chassis", "Chassis_Private")


def scratch(world: World, rng: random.Random) -> World:
    """A new northd on the same northbound that knows of the southbound the keys only."""
    found = World(idle=True)
    for database in (NB, SB):
        operations = []
        for table, columns in world.server.databases[database].database.tables.items():
            if database == SB and table not in KEPT and table not in OTHERS:
                continue
            kept = KEPT.get(table, tuple(c.name for c in columns.columns)) if database == SB else None
            for uuid, row in world.rows(database, table).items():
                wanted = {c: v for c, v in row.items() if kept is None or c in kept}
                if database == NB:
                    wanted = {c: NORTHDS.get(c, v) for c, v in wanted.items()}
                    if table == "NB_Global":
                        options = dict(wanted["options"].items())
                        wanted["options"] = {
                            k: v
                            for k, v in options.items()
                            if k not in {"max_tunid", "northd_internal_version"}
                        }
                operations.append({"op": "insert", "table": table, "uuid": str(uuid), "row": _cells(wanted)})
        rng.shuffle(operations)
        outcome = found.server.databases[database].database.transact(operations)
        assert outcome.error is None, outcome.error
    found.daemon = found.start()
    found.runtime.advance(60)
    return found


def _cells(row: dict[str, Any]) -> dict[str, Any]:
    def cell(native: Any) -> Any:
        if isinstance(native, UUID):
            return ["uuid", str(native)]
        if isinstance(native, frozenset):
            return ["set", [cell(v) for v in native]]
        return value(native)

    return {column: cell(native) for column, native in row.items() if native is not None}


def reference(history: list[State]) -> Contents:
    """How every plan has to end, but for what is allotted."""
    return Contents(play(history[-1:], Plan(), 0), allotted=False)


def check(world: World, wanted: Contents, seed: int) -> None:
    """What holds after every plan; ``seed`` is for the order in which the one from scratch meets the rows."""
    assert not [line for line in world.log if line.startswith("err") or "failed" in line], world.log
    Contents(world, allotted=False).equals(wanted)
    fresh = scratch(world, random.Random(seed))
    Contents(world, allotted=True).equals(Contents(fresh, allotted=True))
    assert not [line for line in fresh.log if line.startswith("err") or "failed" in line], fresh.log
    keys_are_good(world)
    assert world.northd.auditor.run().splitlines()[1].startswith("0 differences found")
    before = raw(world)
    assert world.restart().sent == []
    assert raw(world) == before


def raw(world: World) -> Any:
    """Both databases, to the last UUID."""
    return {(db, t): world.rows(db, t) for db in (NB, SB) for t in world.server.databases[db].database.tables}


def keys_are_good(world: World) -> None:
    """Unique and in range."""
    narrow = any(row["type"] == "vxlan" for row in world.rows(SB, "Encap").values())
    datapaths = [row["tunnel_key"] for row in world.find("Datapath_Binding")]
    ports = [(row["datapath"], row["tunnel_key"]) for row in world.find("Port_Binding")]
    assert len(set(datapaths)) == len(datapaths)
    assert len(set(ports)) == len(ports)
    assert all(0 < key < (1 << 12 if narrow else 1 << 24) for key in datapaths)
    assert all(0 < key < (1 << 11 if narrow else 1 << 15) for _datapath, key in ports)
    tags = [
        (r["parent_name"], r["tag"])
        for r in world.rows(NB, "Logical_Switch_Port").values()
        if r["tag_request"] == 0
    ]
    assert len(set(tags)) == len(tags) or any(tag is None for _parent, tag in tags)

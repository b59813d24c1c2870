"""nb_cfg, sb_cfg, hv_cfg: how far a change has come (ovn-nb(5), NB_Global, "Status").

* SB_Global.nb_cfg is NB_Global.nb_cfg, written in the same transaction as everything derived from the
  northbound at that point;
* NB_Global.sb_cfg is what SB_Global.nb_cfg says *after* that transaction: it comes back through the
  replica, so it can never be ahead of the flows;
* NB_Global.hv_cfg is the least Chassis_Private.nb_cfg.  It is a fold, so each of 1,000 chassis that
  reports costs the same.

Timestamps are inputs: the daemon notes when it saw a value (``Seen``); nothing here reads a clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyovn.incremental import Record, column
from pyovn.northd.model import GLOBAL
from pyovn.schemas import northbound as nb
from pyovn.schemas import southbound as sb
from pyovn.sync.wants import want

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyovn.incremental import Table
    from pyovn.northd.model import Item, Model


class Seen(Record):
    """When the daemon first saw a value of a counter; the key is the counter's name."""

    __slots__ = ()
    value = column(0, "value")
    at = column(1, "at")
    """Milliseconds since 1970; None for a value that was there when this process started."""


def declare(model: Model) -> Table[Seen]:
    """Write the counters; returns the table in which the daemon notes times."""
    engine = model.engine
    seen = engine.table("seen", Seen)
    seen_by_counter = engine.index("seen_by_counter", seen, lambda s: [s.key])
    sb_global = engine.index("sb_global", model.southbound.table(sb.SBGlobal), lambda _row: [GLOBAL])
    reports = engine.fold(
        "chassis_reports",
        model.southbound.table(sb.ChassisPrivate),
        lambda c: [(GLOBAL, (c.nb_cfg, c.nb_cfg_timestamp, c.uuid))],
        empty=_no_reports,
        add=_add_report,
        take=_take_report,
        view=_least_report,
    )

    def at(counter: str, value: int) -> int | None:
        note = seen_by_counter.one(counter)
        return note.at if note is not None and note.value == value else None

    def forward(row: nb.NBGlobal) -> Iterator[tuple[Item, str]]:
        yield want("SB_Global", GLOBAL, nb_cfg=row.nb_cfg), "the southbound has caught up with this"

    def backward(row: nb.NBGlobal) -> Iterator[tuple[Item, str]]:
        southbound = sb_global.one(GLOBAL)
        columns: dict[str, Any] = {}
        asked_at = at("nb_cfg", row.nb_cfg)
        if asked_at is not None:
            columns["nb_cfg_timestamp"] = asked_at
        if southbound is not None:
            columns["sb_cfg"] = southbound.nb_cfg
            written_at = at("sb_cfg", southbound.nb_cfg)
            if written_at is not None:
                columns["sb_cfg_timestamp"] = written_at
        least = reports.value(GLOBAL)
        if least is not None:
            columns["hv_cfg"], columns["hv_cfg_timestamp"] = least
        elif southbound is not None:
            columns["hv_cfg"] = southbound.nb_cfg
        if columns:
            yield want("NB_Global", GLOBAL, **columns), "how far the change has come"

    nb_rows = model.northbound.table(nb.NBGlobal)
    model.want_sb("progress_forward", nb_rows, forward)
    model.want_nb("progress_backward", nb_rows, backward)
    return seen


def _no_reports() -> dict[int, dict[Any, int]]:
    return {}


def _add_report(reports: dict[int, dict[Any, int]], value: tuple[int, int, Any]) -> dict[int, dict[Any, int]]:
    cfg, timestamp, chassis = value
    reports.setdefault(cfg, {})[chassis] = timestamp
    return reports


def _take_report(
    reports: dict[int, dict[Any, int]], value: tuple[int, int, Any]
) -> dict[int, dict[Any, int]]:
    cfg, _timestamp, chassis = value
    there = reports[cfg]
    del there[chassis]
    if not there:
        del reports[cfg]
    return reports


def _least_report(reports: dict[int, dict[Any, int]]) -> tuple[int, int] | None:
    """The least nb_cfg of any chassis and when the last of those reported it.

    There are as many distinct counters as there are changes under way, not as there are chassis.
    """
    if not reports:
        return None
    least = min(reports)
    return least, max(reports[least].values())

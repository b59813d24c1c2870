"""What northd writes into NB_Global and SB_Global about itself and for everyone.

``mac_prefix`` and ``svc_monitor_mac`` are chosen once per deployment and kept in NB_Global.options
(ovn-nb(5)); SB_Global.options repeats the northbound's options for the controllers, with northd's
version.  The address set ``svc_monitor_mac`` lets flows name the monitor's address without repeating it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyovn.incremental import Record, column
from pyovn.northd.model import GLOBAL
from pyovn.ovsdb.values import FrozenMap
from pyovn.sync.wants import Element, want

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from pyovn.incremental import Table
    from pyovn.northd.model import Item, Model

PREFIX: Final = "mac_prefix"
MONITOR: Final = "svc_monitor_mac"
VERSION: Final = "northd_internal_version"


class Settings(Record):
    """What this process brings along: values to use where the northbound has none yet."""

    __slots__ = ()
    mac_prefix = column(0, "mac_prefix")
    svc_monitor_mac = column(1, "svc_monitor_mac")
    version = column(2, "version")


def fresh_settings(rng: random.Random, version: str) -> tuple[str, str, str]:
    """Values for ``Settings``: locally administered unicast addresses, as ovn-nb(5) wants them."""
    prefix = [rng.randrange(256) & 0xFC | 2, rng.randrange(256), rng.randrange(256)]
    monitor = [rng.randrange(256) & 0xFC | 2] + [rng.randrange(256) for _ in range(5)]
    return ":".join(f"{b:02x}" for b in prefix), ":".join(f"{b:02x}" for b in monitor), version


def declare(model: Model) -> Table[Settings]:
    """Write options; returns the table for the process's ``Settings``."""
    settings = model.engine.table("settings", Settings)
    nb_global = model.nb_global

    def options(setting: Settings) -> dict[str, str]:
        row = nb_global.one(GLOBAL)
        there: dict[str, str] = dict(row.options) if row is not None else {}
        there.setdefault(PREFIX, setting.mac_prefix)
        there.setdefault(MONITOR, setting.svc_monitor_mac)
        there["max_tunid"] = str(model.features.keys().datapath_local.last)
        there[VERSION] = setting.version
        return there

    def northbound(setting: Settings) -> Iterator[tuple[Item, str]]:
        yield want("NB_Global", GLOBAL), "the northbound has one NB_Global row"
        for key, value in options(setting).items():
            yield Element("NB_Global", GLOBAL, "options", (key, value)), "an option that northd keeps"

    def southbound(setting: Settings) -> Iterator[tuple[Item, str]]:
        row = nb_global.one(GLOBAL)
        columns: dict[str, Any] = {"options": FrozenMap(options(setting))}
        if row is not None:
            columns["ipsec"] = row.ipsec
        yield want("SB_Global", GLOBAL, **columns), "controllers read the options here"
        monitor = options(setting)[MONITOR]
        yield (
            want("Address_Set", MONITOR, name=MONITOR, addresses=frozenset([monitor])),
            "flows name the monitor's address",
        )

    model.want_nb("globals_nb", settings, northbound)
    model.want_sb("globals_sb", settings, southbound)
    return settings

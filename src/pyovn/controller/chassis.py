"""Our own rows in the southbound: Chassis, Encap, Chassis_Private.

ovn-architecture(7), "Chassis Setup"; ovn-sb(5), Chassis.  They are there as long as the controller runs;
on ``exit`` they go, on a crash they stay, because the switch still forwards.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, Final

from pyovn.controller.model import ENCAP_TYPES, SELF, Config, Model, Process
from pyovn.ovsdb.values import FrozenMap
from pyovn.sync.wants import Ref, want

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyovn.schemas import southbound as sb

FEATURES: Final = {
    "port-up-notif": "true",
    "ct-no-masked-label": "true",
    "mac-binding-timestamp": "true",
    "ovn-ct-lb-related": "true",
}
"""What northd may expect of this controller (profile 23.03)."""

_PASSED_ON: Final = (
    "ovn-bridge-mappings",
    "ovn-cms-options",
    "ovn-chassis-mac-mappings",
    "ovn-limit-lflow-cache",
    "ovn-memlimit-lflow-cache-kb",
    "ovn-trim-limit-lflow-cache",
    "ovn-trim-timeout-ms",
    "ovn-trim-wmark-perc-lflow-cache",
)
"""Settings that the chassis row shows as they are."""


def declare(model: Model) -> None:
    """Write our rows."""

    def rows(process: Process) -> Iterator[tuple[Any, str]]:
        config = model.config()
        if config is None or process.exiting:
            return
        encaps = list(encaps_of(config))
        if not encaps:
            return
        for kind, ip in encaps:
            yield (
                want(
                    "Encap",
                    (config.chassis, kind, ip),
                    type=kind,
                    ip=ip,
                    chassis_name=config.chassis,
                    options=FrozenMap({"csum": config.encap_csum}),
                ),
                "ovn-encap-type and ovn-encap-ip",
            )
        yield (
            want(
                "Chassis",
                config.chassis,
                name=config.chassis,
                hostname=config.hostname or process.hostname,
                encaps=frozenset(Ref("Encap", (config.chassis, *encap)) for encap in encaps),
                other_config=FrozenMap(_other_config(model, config)),
                transport_zones=config.transport_zones,
            ),
            "this hypervisor is a chassis",
        )
        yield (
            want(
                "Chassis_Private",
                config.chassis,
                name=config.chassis,
                chassis=Ref("Chassis", config.chassis),
                nb_cfg=process.nb_cfg,
                nb_cfg_timestamp=process.nb_cfg_timestamp,
            ),
            "how far this hypervisor has come",
        )

    model.want(model.output_sb, "chassis_rows", model.process, rows)


def encaps_of(config: Config) -> Iterator[tuple[str, str]]:
    """(type, IP) of each encapsulation that is configured and that we can set up."""
    for kind in ENCAP_TYPES:
        if kind in config.encap_types:
            for ip in config.encap_ips:
                if _is_address(ip):
                    yield kind, ip


def in_one_zone(config: Config, chassis: sb.Chassis) -> bool:
    """Whether a chassis and we are in a transport zone together; those that name none are in one, too."""
    ours, others = config.transport_zones, chassis.transport_zones
    return not ours.isdisjoint(others) if ours or others else True


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _other_config(model: Model, config: Config) -> dict[str, str]:
    root, setting = model.root.one(SELF), model.setting
    bridge = model.bridge_by_name.one(config.bridge)
    other = {
        **FEATURES,
        "datapath-type": bridge.datapath_type if bridge is not None else "",
        "iface-types": ",".join(sorted(root.iface_types)) if root is not None else "",
        "is-interconn": _true(setting("ovn-is-interconn")),
        "ovn-enable-lflow-cache": _true(setting("ovn-enable-lflow-cache") or "true"),
        "ovn-monitor-all": "true" if config.monitor_all else "false",
    }
    return other | {key: setting(key) for key in _PASSED_ON}


def _true(text: str) -> str:
    return "true" if text == "true" else "false"

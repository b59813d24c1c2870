"""What is in the northbound and not served yet, so that nobody waits for a silent nothing.

A relation of plain sentences; the daemon logs each once when it comes and once when it goes, and
``status`` lists them.  When a feature is built its line here goes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pyovn.northd.addresses import is_dynamic, mistake_in, mistake_in_security
from pyovn.northd.model import requested_key
from pyovn.ovn.ports import EXTERNAL, NORTHBOUND_TYPES, ROUTER, chassisredirect_name
from pyovn.schemas import northbound as nb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyovn.incremental import Derived
    from pyovn.northd.model import Model
    from pyovn.ovsdb.values import FrozenMap


class Notice(NamedTuple):
    """One thing that somebody configured and that has no effect."""

    subject: str
    reason: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.reason}"


_SWITCH_FEATURES = {
    "acls": "ACLs are not served",
    "load_balancer": "load balancers are not served",
    "load_balancer_group": "load balancers are not served",
    "dns_records": "DNS is not served",
    "qos_rules": "QoS is not served",
    "forwarding_groups": "forwarding groups are not served",
}


_TYPES = frozenset({ROUTER, EXTERNAL})
"""Types of which the rows are written and no flows."""


def declare(model: Model) -> list[Derived[Any, Notice]]:
    """The relations of notices."""

    def switch(row: nb.LogicalSwitch) -> Iterator[tuple[Notice, str]]:
        for name, reason in _SWITCH_FEATURES.items():
            if getattr(row, name):
                yield Notice(f"switch {row.name or row.uuid}", reason), "not served"
        yield from key_request(f"switch {row.name or row.uuid}", row.other_config)

    def key_request(subject: str, options: FrozenMap[str, str]) -> Iterator[tuple[Notice, str]]:
        text = options.get("requested-tnl-key")
        if text is not None and requested_key(options) is None:
            yield Notice(subject, f'requested-tnl-key "{text}" is no tunnel key'), "a mistake"

    def router(row: nb.LogicalRouter) -> Iterator[tuple[Notice, str]]:
        yield Notice(f"router {row.name or row.uuid}", "only its rows are served, no flows"), "not served"

    def router_port(row: nb.LogicalRouterPort) -> Iterator[tuple[Notice, str]]:
        for name in (row.name, chassisredirect_name(row.name)):
            if model.port_by_name.one(name) is not None:
                reason = f'has no binding "{name}": that is the name of a switch port'
                yield Notice(f"router port {row.name}", reason), "a mistake"

    def port(row: nb.LogicalSwitchPort) -> Iterator[tuple[Notice, str]]:
        subject = f"port {row.name}"
        if row.type not in NORTHBOUND_TYPES:
            yield Notice(subject, f'unknown type "{row.type}"'), "a mistake"
        elif row.type in _TYPES:
            yield Notice(subject, f'type "{row.type}" is not served'), "not served"
        yield from key_request(subject, row.options)
        if row.dhcpv4_options is not None or row.dhcpv6_options is not None:
            yield Notice(subject, "DHCP is not served"), "not served"
        for address in row.addresses:
            mistake = mistake_in(address)
            if mistake is not None:
                yield Notice(subject, f'address "{address}" is not understood: {mistake}'), "a mistake"
            elif is_dynamic(address):
                yield Notice(subject, "dynamic addresses are not served"), "not served"
        for element in row.port_security:
            mistake = mistake_in_security(element)
            if mistake is not None:
                reason = f'port security "{element}" is not understood: {mistake}'
                yield Notice(subject, reason), "a mistake"
        if row.parent_name and model.port_by_name.one(row.parent_name) is None:
            yield Notice(subject, f'parent "{row.parent_name}" does not exist'), "a mistake"
        if model.switch_of_port.one(row.uuid) is None:
            yield Notice(subject, "is on no switch"), "a mistake"

    engine = model.engine
    return [
        engine.derive("unserved_switches", model.switches, switch),
        engine.derive("unserved_routers", model.routers, router),
        engine.derive("unserved_router_ports", model.northbound.table(nb.LogicalRouterPort), router_port),
        engine.derive("unserved_ports", model.ports, port),
    ]

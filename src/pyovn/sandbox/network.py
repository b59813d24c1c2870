"""What the northbound says of logical ports, and where in a deployment they are.

A VM's port is an interface (``iface-id``); a container's port is a VLAN tag on its parent's interface
(ovn-nb(5), Logical_Switch_Port, ``parent_name`` and ``tag``).  Both are a ``Place``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyovn.northd.addresses import Addresses, addresses_of
from pyovn.sandbox.deployment import DeploymentError
from pyovn.schemas.northbound import NORTHBOUND

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyovn.sandbox.deployment import Deployment


@dataclass(frozen=True, slots=True)
class LogicalPort:
    """A Logical_Switch_Port; ``addresses`` are those with a MAC, dynamic ones too."""

    name: str
    type: str
    addresses: tuple[Addresses, ...]
    parent: str | None
    tag: int | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a port's frames enter and leave: an interface, and the tag they have there."""

    hypervisor: str
    interface: str
    tag: int | None


def logical_ports(deployment: Deployment) -> dict[str, LogicalPort]:
    """All logical switch ports, by name."""
    table = deployment.central.databases[NORTHBOUND.name].database.tables["Logical_Switch_Port"]
    columns = ("name", "type", "addresses", "dynamic_addresses", "parent_name", "tag")
    places = [table.by_name[column].position for column in columns]
    found = {}
    for row in table.rows.values():
        name, kind, texts, dynamic, parent, tag = (row.values[place] for place in places)
        found[str(name)] = LogicalPort(
            str(name), str(kind), tuple(_addresses(texts, dynamic)), _text(parent), _number(tag)
        )
    return found


def _addresses(texts: Any, dynamic: Any) -> Iterator[Addresses]:
    for text in [*sorted(texts if isinstance(texts, frozenset) else [texts]), dynamic]:
        found = addresses_of(text) if isinstance(text, str) else None
        if found is not None:
            yield found


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) else None


def logical_port(deployment: Deployment, name: str) -> LogicalPort:
    """Look one up; raises ``DeploymentError``."""
    found = logical_ports(deployment).get(name)
    if found is None:
        raise DeploymentError(f"there is no logical port {name}")
    return found


def address_of(deployment: Deployment, name: str) -> Addresses:
    """The first address with a MAC of a logical port; raises ``DeploymentError``."""
    port = logical_port(deployment, name)
    if not port.addresses:
        raise DeploymentError(
            f"logical port {name} has no Ethernet address: ovn-nbctl lsp-set-addresses {name} 'MAC IP'"
        )
    return port.addresses[0]


def place_of(deployment: Deployment, name: str) -> Place:
    """Where a logical port is; raises ``DeploymentError`` when it is plugged nowhere."""
    port = logical_ports(deployment).get(name)
    if port is None or port.parent is None:
        return Place(*deployment.find(name), None)
    return Place(*deployment.find(port.parent), port.tag)

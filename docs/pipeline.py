"""Write the pipeline tables: what every stage and every OpenFlow table decides, and in which module.

Nothing here is typed by hand.  A small network that uses every feature is derived in virtual time, and each
flow is asked for the rule behind it; so the tables say what the code does, in the code's own one-line
reasons.  ``--check`` fails when docs/architecture.md is not up to date.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from page import refresh

from pyovn.northd.model import LogicalFlow
from pyovn.ovn.stages import DatapathKind, Pipeline, Profile
from pyovn.sandbox.deployment import Deployment
from pyovn.sim.virtual import VirtualRuntime

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PORTS: Final[tuple[dict[str, Any], ...]] = (
    {"name": "vm1", "addresses": "00:00:00:00:00:01 10.0.0.1 fd00::1", "port_security": "00:00:00:00:00:01"},
    {"name": "vm2", "addresses": "00:00:00:00:00:02 10.0.0.2", "port_security": "00:00:00:00:00:02 10.0.0.2"},
    {"name": "wild", "addresses": "unknown"},
    {"name": "off", "addresses": "00:00:00:00:00:03", "enabled": False},
    {"name": "box", "parent_name": "vm1", "tag": 42, "addresses": "00:00:00:00:00:04"},
    {"name": "meta", "type": "localport", "addresses": "00:00:00:00:00:05 10.0.0.5"},
    {"name": "wire", "type": "localnet", "addresses": "unknown", "options": {"network_name": "physnet"}},
    {"name": "tor", "type": "vtep", "addresses": "unknown"},
    {"name": "vip", "type": "virtual", "options": {"virtual-ip": "10.0.0.9", "virtual-parents": "vm1,vm2"}},
    {"name": "slow", "addresses": "00:00:00:00:00:06", "options": {"qdisc_queue_id": "1"}},
)
"""A port for each rule that some port makes northd use."""

PLUGGED: Final = (("hv1", "vm1"), ("hv1", "wild"), ("hv1", "meta"), ("hv2", "vm2"))
MAPPINGS: Final = "physnet:br-phys"


def _value(value: Any) -> Any:
    """A column as RFC 7047 writes it."""
    return ["map", [list(item) for item in value.items()]] if isinstance(value, dict) else value


def network() -> Deployment:
    """Two hypervisors and a switch with ``PORTS``, after everything has been derived."""
    runtime = VirtualRuntime(seed=1)
    deployment = Deployment(runtime)
    runtime.settle()
    for name in ("hv1", "hv2"):
        deployment.add_hypervisor(name)
    runtime.advance(1)
    rows = [
        {"op": "insert", "table": "Logical_Switch_Port", "uuid-name": f"p{number}", "row": row}
        for number, row in enumerate({key: _value(value) for key, value in port.items()} for port in PORTS)
    ]
    ports = ["set", [["named-uuid", f"p{number}"] for number in range(len(PORTS))]]
    switch = {"op": "insert", "table": "Logical_Switch", "row": {"name": "sw0", "ports": ports}}
    deployment.transact([*rows, switch])
    for hypervisor, port in PLUGGED:
        deployment.plug(hypervisor, f"if-{port}", port)
    _map_localnet(deployment)
    runtime.advance(3)
    return deployment


def _map_localnet(deployment: Deployment) -> None:
    """Give hv1 a bridge for the localnet."""
    database = deployment.hypervisors["hv1"].server.databases["Open_vSwitch"].database
    bridge = {"op": "insert", "table": "Bridge", "uuid-name": "b", "row": {"name": "br-phys"}}
    root = {
        "op": "mutate",
        "table": "Open_vSwitch",
        "where": [],
        "mutations": [
            ["bridges", "insert", ["named-uuid", "b"]],
            ["external_ids", "insert", ["map", [["ovn-bridge-mappings", MAPPINGS]]]],
        ],
    }
    outcome = database.transact([bridge, root])
    failed = [result for result in outcome.results if result and "error" in result]
    if failed:
        raise SystemExit(f"the network cannot be made: {failed}")


# -- logical stages ------------------------------------------------------------------------------


def logical_reasons(deployment: Deployment) -> dict[str, set[tuple[int, str, str]]]:
    """By stage name: (priority, why, module) of the flows in it."""
    model = deployment.northd.model
    found: dict[str, set[tuple[int, str, str]]] = {}
    for relation in model.output_sb:
        for item in relation.elements():
            if isinstance(item, LogicalFlow):
                for reason in relation.why(item):
                    module = model.sources[reason.derivation].partition(":")[0]
                    found.setdefault(item.stage, set()).add((item.priority, reason.why, module))
    return found


def logical_table(profile: Profile, reasons: dict[str, set[tuple[int, str, str]]]) -> Iterator[str]:
    """Markdown: the two pipelines of a switch."""
    for pipeline in Pipeline:
        yield f"### Logical switch, {pipeline.value}"
        yield ""
        yield "| table | OpenFlow | stage | what its flows say, by priority | module |"
        yield "| --- | --- | --- | --- | --- |"
        for stage in profile.pipeline(DatapathKind.SWITCH, pipeline).values():
            lines = reasons.get(stage.name, set())
            modules = ", ".join(sorted({f"`{module}`" for _, _, module in lines}))
            said = _by_priority((priority, why) for priority, why, _ in lines)
            yield f"| {stage.table} | {stage.openflow_table} | `{stage.name}` | {said} | {modules} |"
        yield ""


def _by_priority(lines: Iterable[tuple[int, str]]) -> str:
    """One line a priority, each reason once."""
    by_priority: dict[int, set[str]] = {}
    for priority, why in lines:
        by_priority.setdefault(priority, set()).add(why)
    return "<br>".join(
        f"**{priority}** {' · '.join(sorted(by_priority[priority]))}"
        for priority in sorted(by_priority, reverse=True)
    )


# -- OpenFlow tables -----------------------------------------------------------------------------


def openflow_reasons(deployment: Deployment) -> dict[int, set[tuple[int, str, str]]]:
    """By OpenFlow table: (priority, why, derivation) of what the controllers add to the logical flows."""
    found: dict[int, set[tuple[int, str, str]]] = {}
    for hypervisor in deployment.hypervisors.values():
        for relation in hypervisor.controller.model.output_flows:
            for flow in relation.elements():
                for reason in relation.why(flow):
                    found.setdefault(flow.table, set()).add((flow.priority, reason.why, reason.derivation))
    return found


def openflow_table(profile: Profile, reasons: dict[int, set[tuple[int, str, str]]]) -> Iterator[str]:
    """Markdown: the tables around the logical pipelines."""
    tables = profile.oftables
    logical = {"log_ingress", "log_egress"}
    named = {number: name for name, number in tables._asdict().items() if name not in logical}
    yield "### OpenFlow tables around them"
    yield ""
    yield "| OpenFlow | name | what its flows say, by priority | derivation |"
    yield "| --- | --- | --- | --- |"
    for number in sorted(number for number in named if number in reasons):
        lines = reasons[number]
        who = ", ".join(sorted({f"`{derivation}`" for _, _, derivation in lines}))
        said = _by_priority((priority, why) for priority, why, _ in lines)
        yield f"| {number} | `{named[number]}` | {said} | {who} |"


def tables() -> str:
    """All tables."""
    deployment = network()
    profile = deployment.northd.model.profile
    lines = [
        *logical_table(profile, logical_reasons(deployment)),
        *openflow_table(profile, openflow_reasons(deployment)),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(refresh("architecture.md", "pipeline", tables()))

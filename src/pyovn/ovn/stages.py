"""The stages of the logical pipelines, declared once per profile as ordered names.

A profile is the release whose controllers are served.  A stage's number is its place in its list,
so a release that inserts a stage moves all that follow, here and in everything that asks by name.
ovn-northd(8), "Logical Flow Table Structure", describes what each stage is for.

Four pipelines: a logical switch and a logical router have an ingress and an egress pipeline each.
The SB's Logical_Flow row carries ``pipeline`` and ``table_id``; its ``external_ids:stage-name`` is
the stage's full name, for example ``ls_in_l2_lkup``.

>>> PROFILE_2303.switch_in["l2_lkup"].table
25
"""

from __future__ import annotations

from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from pyovn.ovn.oftables import OPENFLOW_TABLES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyovn.ovn.oftables import OpenFlowTables


class DatapathKind(Enum):
    """What a logical datapath is."""

    SWITCH = "switch"
    ROUTER = "router"


class Pipeline(Enum):
    """The direction of a pipeline; the values are those of ``Logical_Flow.pipeline``."""

    INGRESS = "ingress"
    EGRESS = "egress"


class Stage(NamedTuple):
    """One stage: ``name`` as in external_ids:stage-name, ``table`` as in ``table_id``."""

    name: str
    kind: DatapathKind
    pipeline: Pipeline
    table: int
    openflow_table: int


_LAYOUT: Final[dict[str, dict[str, str]]] = {
    "23.03": {
        "ls_in": """check_port_sec apply_port_sec lookup_fdb put_fdb pre_acl pre_lb pre_stateful
            acl_hint acl qos_mark qos_meter lb_aff_check lb lb_aff_learn pre_hairpin nat_hairpin
            hairpin acl_after_lb stateful arp_rsp dhcp_options dhcp_response dns_lookup dns_response
            external_port l2_lkup l2_unknown""",
        "ls_out": """pre_acl pre_lb pre_stateful acl_hint acl qos_mark qos_meter stateful
            check_port_sec apply_port_sec""",
        "lr_in": """admission lookup_neighbor learn_neighbor ip_input unsnat defrag lb_aff_check
            dnat lb_aff_learn ecmp_stateful nd_ra_options nd_ra_response ip_routing_pre ip_routing
            ip_routing_ecmp policy policy_ecmp arp_resolve chk_pkt_len larger_pkts gw_redirect
            arp_request""",
        "lr_out": "chk_dnat_local undnat post_undnat snat post_snat egr_loop delivery",
    },
    "26.03": {
        "ls_in": """check_port_sec apply_port_sec mirror lookup_fdb put_fdb pre_acl pre_lb
            pre_stateful acl_hint acl_eval acl_sample acl_action qos ct_extract lb_aff_check lb
            lb_aff_learn pre_hairpin nat_hairpin hairpin acl_after_lb_eval acl_after_lb_sample
            acl_after_lb_action pre_network_function stateful network_function arp_rsp dhcp_options
            dhcp_response dns_lookup dns_response external_port l2_lkup l2_unknown""",
        "ls_out": """lookup_fdb put_fdb pre_acl pre_lb pre_stateful acl_hint acl_eval acl_sample
            acl_action mirror qos pre_network_function stateful network_function check_port_sec
            apply_port_sec""",
        "lr_in": """admission lookup_neighbor learn_neighbor ip_input dhcp_relay_req unsnat
            post_unsnat defrag ct_extract lb_aff_check dnat lb_aff_learn ecmp_stateful nd_ra_options
            nd_ra_response ip_routing_pre ip_routing ip_routing_ecmp policy policy_ecmp
            dhcp_relay_resp_chk dhcp_relay_resp arp_resolve chk_pkt_len larger_pkts gw_redirect
            network_id arp_request ecmp_stateful_egr""",
        "lr_out": "chk_dnat_local undnat post_undnat snat post_snat egr_loop delivery",
    },
}

_PIPELINES: Final = {
    "ls_in": (DatapathKind.SWITCH, Pipeline.INGRESS),
    "ls_out": (DatapathKind.SWITCH, Pipeline.EGRESS),
    "lr_in": (DatapathKind.ROUTER, Pipeline.INGRESS),
    "lr_out": (DatapathKind.ROUTER, Pipeline.EGRESS),
}

PROFILE_NAMES: Final = tuple(_LAYOUT)


class Profile:
    """A release's stages and OpenFlow tables.  ``Profile("23.03")``; equal names are equal profiles."""

    __slots__ = ("name", "oftables", "router_in", "router_out", "stages", "switch_in", "switch_out")

    name: str
    oftables: OpenFlowTables
    switch_in: Mapping[str, Stage]
    switch_out: Mapping[str, Stage]
    router_in: Mapping[str, Stage]
    router_out: Mapping[str, Stage]
    stages: Mapping[str, Stage]

    def __init__(self, name: str) -> None:
        layout = _LAYOUT.get(name)
        if layout is None:
            raise ValueError(f'no profile "{name}"; there are: {", ".join(PROFILE_NAMES)}')
        self.name = name
        self.oftables = OPENFLOW_TABLES[name]
        self.switch_in = self._pipeline("ls_in", layout)
        self.switch_out = self._pipeline("ls_out", layout)
        self.router_in = self._pipeline("lr_in", layout)
        self.router_out = self._pipeline("lr_out", layout)
        pipelines = (self.switch_in, self.switch_out, self.router_in, self.router_out)
        self.stages = MappingProxyType({stage.name: stage for p in pipelines for stage in p.values()})

    def _pipeline(self, prefix: str, layout: dict[str, str]) -> Mapping[str, Stage]:
        kind, pipeline = _PIPELINES[prefix]
        tables = self.oftables
        first = tables.log_ingress if pipeline is Pipeline.INGRESS else tables.log_egress
        return MappingProxyType(
            {
                name: Stage(f"{prefix}_{name}", kind, pipeline, number, first + number)
                for number, name in enumerate(layout[prefix].split())
            }
        )

    def pipeline(self, kind: DatapathKind, pipeline: Pipeline) -> Mapping[str, Stage]:
        """The stages of one pipeline, in order, by short name."""
        if kind is DatapathKind.SWITCH:
            return self.switch_in if pipeline is Pipeline.INGRESS else self.switch_out
        return self.router_in if pipeline is Pipeline.INGRESS else self.router_out

    def openflow_table(self, pipeline: str, table: int) -> int:
        """The OpenFlow table of a Logical_Flow row's ``pipeline`` and ``table_id``."""
        return self.oftables.ingress(table) if pipeline == "ingress" else self.oftables.egress(table)

    def pipeline_size(self, pipeline: str) -> int:
        """How many tables ``pipeline`` can have before the next OpenFlow tables begin."""
        tables = self.oftables
        if pipeline == "ingress":
            return tables.output_init - tables.log_ingress
        return tables.save_inport - tables.log_egress

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Profile) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f'Profile("{self.name}")'


PROFILE_2303: Final = Profile("23.03")
PROFILE_2603: Final = Profile("26.03")

"""Stages that no configured feature uses: on to the next.

Every stage of the profile has a flow for every packet, or the packet would stop there.  The stages of
features that are not served yet (ACLs, load balancers, DHCP, DNS ...) are listed here as data, with what
ovn-northd(8) has in them on a switch that does not use the feature; when a feature gets its module, its
lines move there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.northd.admission import ALL_SWITCHES
from pyovn.northd.features import CT_MARK
from pyovn.northd.model import LogicalFlow, Model, logical_flow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyovn.sync.wants import Ref

_MONITOR: Final = "$svc_monitor_mac"
_NEIGHBOUR: Final = "nd || nd_rs || nd_ra || mldv1 || mldv2"
_NEIGHBOUR_ACL: Final = "nd || nd_ra || nd_rs || mldv1 || mldv2"
_ON: Final = "next;"
_COMMIT: Final = "ct_commit { ct_mark.blocked = 0; }; next;"
_COMMIT_LABEL: Final = "ct_commit { ct_mark.blocked = 0; ct_label.label = reg3; }; next;"

INGRESS: Final[tuple[tuple[str, int, str, str, str], ...]] = (
    ("pre_acl", 110, f"eth.dst == {_MONITOR}", _ON, "health checks are no tenant's traffic"),
    ("pre_acl", 0, "1", _ON, "no ACL needs connection tracking"),
    ("pre_lb", 110, f"eth.dst == {_MONITOR}", _ON, "health checks are no tenant's traffic"),
    ("pre_lb", 110, "eth.mcast", _ON, "multicast is not balanced"),
    ("pre_lb", 110, _NEIGHBOUR, _ON, "neighbour discovery is not balanced"),
    ("pre_lb", 110, "reg0[16] == 1", _ON, "a stateless ACL has let it pass"),
    ("pre_lb", 0, "1", _ON, "no load balancer"),
    ("pre_stateful", 110, "reg0[2] == 1", "ct_lb_mark;", "an earlier stage asked for address translation"),
    ("pre_stateful", 100, "reg0[0] == 1", "ct_next;", "an earlier stage asked for connection tracking"),
    ("pre_stateful", 0, "1", _ON, "nobody asked for connection tracking"),
    ("acl_hint", 65535, "1", _ON, "no ACL"),
    ("acl", 65535, "1", _ON, "no ACL"),
    ("acl", 65532, _NEIGHBOUR_ACL, _ON, "neighbour discovery is always allowed"),
    ("qos_mark", 0, "1", _ON, "no QoS rule"),
    ("qos_meter", 0, "1", _ON, "no QoS rule"),
    ("lb_aff_check", 0, "1", _ON, "no load balancer"),
    ("lb", 0, "1", _ON, "no load balancer"),
    ("lb_aff_learn", 0, "1", _ON, "no load balancer"),
    ("pre_hairpin", 0, "1", _ON, "no load balancer"),
    ("nat_hairpin", 0, "1", _ON, "no load balancer"),
    ("hairpin", 0, "1", _ON, "no load balancer"),
    ("acl_after_lb", 65532, _NEIGHBOUR_ACL, _ON, "neighbour discovery is always allowed"),
    ("acl_after_lb", 0, "1", _ON, "no ACL"),
    ("stateful", 100, "reg0[1] == 1 && reg0[13] == 0", _COMMIT, "an earlier stage asked for a commit"),
    ("stateful", 100, "reg0[1] == 1 && reg0[13] == 1", _COMMIT_LABEL, "and for a label"),
    ("stateful", 0, "1", _ON, "nothing to commit"),
    ("dhcp_options", 0, "1", _ON, "no DHCP"),
    ("dhcp_response", 0, "1", _ON, "no DHCP"),
    ("dns_lookup", 0, "1", _ON, "no DNS"),
    ("dns_response", 0, "1", _ON, "no DNS"),
    ("external_port", 0, "1", _ON, "no external port"),
    (
        "l2_lkup",
        110,
        f"eth.dst == {_MONITOR} && (tcp || icmp || icmp6)",
        "handle_svc_check(inport);",
        "an answer to a health check",
    ),
)
"""(stage, priority, match, actions, why) of the ingress pipeline."""

EGRESS: Final[tuple[tuple[str, int, str, str, str], ...]] = (
    ("pre_acl", 110, f"eth.src == {_MONITOR}", _ON, "health checks are no tenant's traffic"),
    ("pre_acl", 0, "1", _ON, "no ACL needs connection tracking"),
    ("pre_lb", 110, "eth.mcast", _ON, "multicast is not balanced"),
    ("pre_lb", 110, f"eth.src == {_MONITOR}", _ON, "health checks are no tenant's traffic"),
    ("pre_lb", 110, _NEIGHBOUR, _ON, "neighbour discovery is not balanced"),
    ("pre_lb", 110, "reg0[16] == 1", _ON, "a stateless ACL has let it pass"),
    ("pre_lb", 0, "1", _ON, "no load balancer"),
    ("pre_stateful", 110, "reg0[2] == 1", "ct_lb_mark;", "an earlier stage asked for address translation"),
    ("pre_stateful", 100, "reg0[0] == 1", "ct_next;", "an earlier stage asked for connection tracking"),
    ("pre_stateful", 0, "1", _ON, "nobody asked for connection tracking"),
    ("acl_hint", 65535, "1", _ON, "no ACL"),
    ("acl", 65535, "1", _ON, "no ACL"),
    ("acl", 65532, _NEIGHBOUR_ACL, _ON, "neighbour discovery is always allowed"),
    ("qos_mark", 0, "1", _ON, "no QoS rule"),
    ("qos_meter", 0, "1", _ON, "no QoS rule"),
    ("stateful", 100, "reg0[1] == 1 && reg0[13] == 0", _COMMIT, "an earlier stage asked for a commit"),
    ("stateful", 100, "reg0[1] == 1 && reg0[13] == 1", _COMMIT_LABEL, "and for a label"),
    ("stateful", 0, "1", _ON, "nothing to commit"),
)
"""(stage, priority, match, actions, why) of the egress pipeline."""


def declare(model: Model) -> None:
    """One flow of the class of all switches for each line."""
    profile = model.profile

    def flows(switch_class: str, where: Ref) -> Iterator[tuple[LogicalFlow, str]]:
        if switch_class != ALL_SWITCHES:
            return
        marks = model.features.all_have(CT_MARK)
        for stages, lines in ((profile.switch_in, INGRESS), (profile.switch_out, EGRESS)):
            for name, priority, match, actions, why in lines:
                understood = actions if marks else _with_labels(actions)
                yield logical_flow(where, stages[name], priority, match, understood), why

    model.want_class_flows("passthrough", flows)


def _with_labels(actions: str) -> str:
    """The same for a chassis that keeps its verdicts in ct_label instead of ct_mark."""
    return actions.replace("ct_mark.blocked", "ct_label.blocked").replace("ct_lb_mark", "ct_lb")

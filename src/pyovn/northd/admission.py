"""Admission: what may enter a switch from a port and leave it to one.

ovn-northd(8), Logical Switch Datapaths, ingress tables 0 and 1, egress tables 8 and 9.  Whether a frame
meets a port's security addresses is the controllers' to check (``check_in_port_sec``, from the SB column
``port_security``); here stands when they check and what happens to a frame that fails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyovn.northd.model import Item, LogicalFlow, Model, is_enabled, logical_flow, quoted
from pyovn.ovn.ports import EXTERNAL
from pyovn.ovn.registers import SWITCH_BITS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyovn.schemas import northbound as nb
    from pyovn.sync.wants import Ref

ALL_SWITCHES = "switch"
"""The class of every switch."""

TAGS_DROPPED = "switch-drop-tagged"
"""The class of switches that drop frames with a VLAN tag."""


def declare(model: Model) -> None:
    """Classes, and the flows of admission."""
    ingress, egress = model.profile.switch_in, model.profile.switch_out
    check, apply_in = ingress["check_port_sec"], ingress["apply_port_sec"]
    check_out, apply_out = egress["check_port_sec"], egress["apply_port_sec"]
    failed = SWITCH_BITS["port_sec_drop"]

    def classes(switch: nb.LogicalSwitch) -> Iterator[str]:
        yield ALL_SWITCHES
        if switch.other_config.get("vlan-passthru") != "true":
            yield TAGS_DROPPED

    def flows(switch_class: str, where: Ref) -> Iterator[tuple[LogicalFlow, str]]:
        if switch_class == TAGS_DROPPED:
            yield (
                logical_flow(where, check, 100, "vlan.present", "drop;"),
                "a tag would be taken for a container's",
            )
        if switch_class != ALL_SWITCHES:
            return
        yield (
            logical_flow(where, check, 100, "eth.src[40]", "drop;"),
            "no station sends from a multicast address",
        )
        yield (
            logical_flow(where, check, 50, "1", f"{failed} = check_in_port_sec(); next;"),
            "the sender's addresses are checked by its chassis",
        )
        yield logical_flow(where, apply_in, 50, f"{failed} == 1", "drop;"), "the sender is an impostor"
        yield logical_flow(where, apply_in, 0, "1", "next;"), "the sender may send"
        yield (
            logical_flow(where, check_out, 100, "eth.mcast", f"{failed} = 0; next;"),
            "broadcast and multicast are for everyone",
        )
        yield (
            logical_flow(where, check_out, 0, "1", f"{failed} = check_out_port_sec(); next;"),
            "the receiver's addresses are checked by its chassis",
        )
        yield logical_flow(where, apply_out, 50, f"{failed} == 1", "drop;"), "not an address of the receiver"
        yield logical_flow(where, apply_out, 0, "1", "output;"), "the receiver may receive"

    def disabled(port: nb.LogicalSwitchPort) -> Iterator[tuple[Item, str]]:
        datapath = model.datapath_of(port)
        if datapath is not None and not is_enabled(port) and port.type != EXTERNAL:
            match = f"inport == {quoted(port.name)}"
            yield logical_flow(datapath, check, 100, match, f"{failed} = 1; next;"), "the port is disabled"

    model.classify(classes)
    model.want_class_flows("admission", flows)
    model.want_sb("admission_disabled", model.special_ports, disabled)

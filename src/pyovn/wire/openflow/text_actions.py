"""Actions as ovs-ofctl prints them in OpenFlow 1.5 (ovs-actions(7)); ``parse_actions`` is in ``text_parse``.

One printer per type of action, in a table.  Port numbers are shown by name when a mapping is given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyovn.wire.openflow import actions as act
from pyovn.wire.openflow.text_values import c_hex, format_ipv4, format_ipv6, format_port, format_value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Names = Mapping[int, str] | None
    Printer = Callable[[Any, Names], str]

REASONS: Final = {
    0: "no_match",
    1: "action",
    2: "invalid_ttl",
    3: "action_set",
    4: "group",
    5: "packet_out",
}
ALGS: Final = {21: "ftp", 69: "tftp"}


def format_subfield(subfield: act.Subfield) -> str:
    """``NXM_NX_REG0[]``, ``NXM_NX_REG0[3]`` or ``NXM_NX_REG0[0..15]``."""
    field, ofs, bits = subfield.field, subfield.ofs, subfield.bits
    if ofs == 0 and bits == field.bits:
        return f"{field.nxm}[]"
    return f"{field.nxm}[{ofs}]" if bits == 1 else f"{field.nxm}[{ofs}..{ofs + bits - 1}]"


def format_actions(actions: tuple[act.Action, ...], names: Names = None, version: int = 6) -> str:
    """``drop`` for the empty list, else the actions joined by commas.

    Actions are spelt as ``version`` carries them: 1.0 has ``load`` and ``mod_*`` and no ``set_field``, 1.3
    and 1.4 have ``load`` for a part of a field.
    """
    if not actions:
        return "drop"
    printers = _BY_VERSION.get(version, _PRINTERS)
    return ",".join([printers[type(action)](action, names) for action in actions])


_OLD_NAMES: Final[Mapping[str, str]] = {
    "eth_src": "mod_dl_src",
    "eth_dst": "mod_dl_dst",
    "ip_src": "mod_nw_src",
    "ip_dst": "mod_nw_dst",
    "ip_dscp": "mod_nw_tos",
    "nw_tos": "mod_nw_tos",
    "vlan_pcp": "mod_vlan_pcp",
    **{
        f"{protocol}_{side}": f"mod_tp_{side}"
        for protocol in ("tcp", "udp", "sctp")
        for side in ("src", "dst")
    },
}


def _set_field_10(action: act.SetField, names: Names) -> str:
    field, mask = action.field, action.field.full if action.mask is None else action.mask
    old = _OLD_NAMES.get(field.name)
    if old is not None and mask == field.full:
        if field.name == "ip_dscp":
            return f"{old}:{action.value << 2}"
        return f"{old}:{format_value(field, action.value, mask)}"
    if field.name == "vlan_vid" and mask == field.full and action.value & 0x1000:
        return f"mod_vlan_vid:{action.value & 0xFFF}"
    if field.form == "metadata":
        return _set_field(action, names)
    return _loads(action, mask)


def _loads(action: act.SetField, mask: int) -> str:
    """``load`` actions for the bits of a mask, one for each run."""
    loads = []
    for ofs, bits in act.runs(mask):
        name = format_subfield(act.Subfield(action.field, ofs, bits))
        loads.append(f"load:{c_hex(action.value >> ofs & (1 << bits) - 1)}->{name}")
    return ",".join(loads)


def _output(action: act.Output, names: Names) -> str:
    port = action.port
    if port == act.PORT_CONTROLLER:
        return f"CONTROLLER:{action.max_len}"
    text = format_port(port, names)
    return f"output:{text}" if port < act.PORT_MAX else text


def _output_truncated(action: act.OutputTruncated, names: Names) -> str:
    return f"output(port={format_port(action.port, names)},max_len={action.max_len})"


def _resubmit(action: act.Resubmit, names: Names) -> str:
    port = "" if action.port is None else format_port(action.port, names)
    if action.table is None:
        return f"resubmit:{port or 'IN_PORT'}" if not action.with_ct else f"resubmit({port},,ct)"
    return f"resubmit({port},{action.table}{',ct' if action.with_ct else ''})"


def _set_field(action: act.SetField, _names: Names) -> str:
    field = action.field
    if field.name == "vlan_vid":
        value = str(action.value) if action.mask is None else f"{action.value:#x}/{action.mask:#x}"
    else:
        value = format_value(field, action.value, field.full if action.mask is None else action.mask)
    return f"set_field:{value}->{field.name}"


def _controller(action: act.Controller, _names: Names) -> str:
    parts = []
    if action.reason != act.REASON_ACTION:
        parts.append(f"reason={REASONS.get(action.reason, action.reason)}")
    if action.max_len != 0xFFFF:
        parts.append(f"max_len={action.max_len}")
    if action.controller_id:
        parts.append(f"id={action.controller_id}")
    if action.userdata:
        parts.append(f"userdata={action.userdata.hex('.')}")
    if action.pause:
        parts.append("pause")
    if action.meter is not None:
        parts.append(f"meter_id={action.meter}")
    if not parts or (len(parts) == 1 and action.max_len != 0xFFFF):
        return f"CONTROLLER:{action.max_len}"
    return f"controller({','.join(parts)})"


def _nat(nat: act.Nat) -> str:
    if not nat.flags:
        return "nat"
    parts = ["src" if nat.flags & act.NAT_SRC else "dst"] if nat.flags & 3 else []
    if parts and (nat.ip_min is not None or nat.port_min is not None):
        parts[0] += "=" + _nat_range(nat)
    parts += [
        name
        for bit, name in (
            (act.NAT_PERSISTENT, "persistent"),
            (act.NAT_HASH, "hash"),
            (act.NAT_RANDOM, "random"),
        )
        if nat.flags & bit
    ]
    return f"nat({','.join(parts)})"


def _nat_range(nat: act.Nat) -> str:
    text = ""
    if nat.ip_min is not None:
        form = format_ipv4 if nat.version == 4 else format_ipv6
        bracket = nat.version == 6 and nat.port_min is not None
        ends = [form(end) for end in (nat.ip_min, nat.ip_max) if end is not None]
        text = "-".join([f"[{end}]" if bracket else end for end in ends])
    if nat.port_min is not None:
        text += f":{nat.port_min}"
        if nat.port_max is not None:
            text += f"-{nat.port_max}"
    return text


def _ct(action: act.Ct, names: Names, version: int = 6) -> str:
    parts = [name for name, given in (("commit", action.commit), ("force", action.force)) if given]
    if action.table is not None:
        parts.append(f"table={action.table}")
    if isinstance(action.zone, act.Subfield):
        parts.append(f"zone={format_subfield(action.zone)}")
    elif action.zone:
        parts.append(f"zone={action.zone}")
    if action.nat is not None:
        parts.append(_nat(action.nat))
    if action.actions:
        parts.append(f"exec({format_actions(action.actions, names, version)})")
    if action.alg:
        parts.append(f"alg={ALGS.get(action.alg, action.alg)}")
    return f"ct({','.join(parts)})"


def _sample(action: act.Sample, names: Names) -> str:
    text = (
        f"sample(probability={action.probability},collector_set_id={action.collector_set},"
        f"obs_domain_id={action.domain},obs_point_id={action.point}"
    )
    if action.port is not None:
        text += f",sampling_port={format_port(action.port, names)}"
    return text + ("", ",ingress", ",egress")[action.direction] + ")"


def _write_metadata(action: act.WriteMetadata, _names: Names) -> str:
    text = f"write_metadata:{c_hex(action.value)}"
    return text if action.mask == 0xFFFFFFFFFFFFFFFF else f"{text}/{c_hex(action.mask)}"


def _dec_ttl(action: act.DecTtl, _names: Names) -> str:
    # Without ids the action means the one controller with id 0, and is then printed bare.
    return "dec_ttl" if not action.ids or action.ids == (0,) else f"dec_ttl({','.join(map(str, action.ids))})"


def _fin_timeout(action: act.FinTimeout, _names: Names) -> str:
    parts = [f"idle_timeout={action.idle_timeout}"] if action.idle_timeout else []
    parts += [f"hard_timeout={action.hard_timeout}"] if action.hard_timeout else []
    return f"fin_timeout({','.join(parts)})"


def _note(action: act.Note, _names: Names) -> str:
    return f"note:{action.data.hex('.')}"


_PRINTERS: Final[Mapping[type, Printer]] = {
    act.Output: _output,
    act.OutputField: lambda a, _: f"output:{format_subfield(a.source)}",
    act.OutputTruncated: _output_truncated,
    act.Group: lambda a, _: f"group:{a.id}",
    act.SetQueue: lambda a, _: f"set_queue:{a.queue}",
    act.PopQueue: lambda _a, _: "pop_queue",
    act.Resubmit: _resubmit,
    act.SetField: _set_field,
    act.Move: lambda a, _: f"move:{format_subfield(a.src)}->{format_subfield(a.dst)}",
    act.Push: lambda a, _: f"push:{format_subfield(a.subfield)}",
    act.Pop: lambda a, _: f"pop:{format_subfield(a.subfield)}",
    act.Controller: _controller,
    act.Conjunction: lambda a, _: f"conjunction({a.id},{a.clause + 1}/{a.n})",
    act.Ct: _ct,
    act.CtClear: lambda _a, _: "ct_clear",
    act.Nat: lambda a, _: _nat(a),
    act.Clone: lambda a, names: f"clone({format_actions(a.actions, names)})",
    act.Note: _note,
    act.PushVlan: lambda a, _: f"push_vlan:0x{a.ethertype:04x}",
    act.PopVlan: lambda _a, _: "pop_vlan",
    act.SetVlanVid: lambda a, _: f"mod_vlan_vid:{a.vid}",
    act.SetVlanPcp: lambda a, _: f"mod_vlan_pcp:{a.pcp}",
    act.Enqueue: lambda a, names: f"enqueue:{format_port(a.port, names)}:{a.queue}",
    act.DecTtl: _dec_ttl,
    act.CheckPktLarger: lambda a, _: f"check_pkt_larger({a.length})->{format_subfield(a.destination)}",
    act.DeleteField: lambda a, _: f"delete_field:{a.field.name}",
    act.FinTimeout: _fin_timeout,
    act.Exit: lambda _a, _: "exit",
    act.Learn: lambda a, _: f"learn({a.body.hex('.')})",
    act.Sample: _sample,
    act.Unknown: lambda a, _: f"unknown({a.raw.hex('.')})",
    act.GotoTable: lambda a, _: f"goto_table:{a.table}",
    act.Meter: lambda a, _: f"meter:{a.id}",
    act.WriteMetadata: _write_metadata,
    act.ClearActions: lambda _a, _: "clear_actions",
    act.WriteActions: lambda a, names: f"write_actions({format_actions(a.actions, names)})",
}


def _ct_10(action: act.Ct, names: Names) -> str:
    return _ct(action, names, 1)


_PRINTERS_10: Final[Mapping[type, Printer]] = {
    **_PRINTERS,
    act.SetField: _set_field_10,
    act.PopVlan: lambda _a, _: "strip_vlan",
    act.Clone: lambda a, names: f"clone({format_actions(a.actions, names, 1)})",
    act.GotoTable: lambda a, _: f"resubmit(,{a.table})",
    act.Ct: _ct_10,
}


def _set_field_13(action: act.SetField, names: Names) -> str:
    if action.mask is None or action.mask == action.field.full or action.field.form == "metadata":
        return _set_field(action, names)
    return _loads(action, action.mask)


def _ct_13(action: act.Ct, names: Names) -> str:
    return _ct(action, names, 4)


_PRINTERS_13: Final[Mapping[type, Printer]] = {
    **_PRINTERS,
    act.SetField: _set_field_13,
    act.Clone: lambda a, names: f"clone({format_actions(a.actions, names, 4)})",
    act.Ct: _ct_13,
}
_BY_VERSION: Final = {1: _PRINTERS_10, 4: _PRINTERS_13, 5: _PRINTERS_13}

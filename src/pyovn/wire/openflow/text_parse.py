"""Reading ovs-ofctl's action syntax (ovs-actions(7)): one parser per keyword, in a table.

Old spellings become what OpenFlow 1.5 carries: ``load:`` and most of ``mod_*`` a ``SetField``.  What some of
them mean depends on the flow's match (``actions.in_context``).  Actions of ovs-actions(7) that are not served
are refused by name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pyovn.wire.openflow import actions as act
from pyovn.wire.openflow.fields import field as field_named
from pyovn.wire.openflow.text_actions import ALGS, REASONS
from pyovn.wire.openflow.text_match import split_words
from pyovn.wire.openflow.text_values import TextError, number, parse_ipv4, parse_ipv6, parse_port, parse_value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Ports = Mapping[str, int] | None
    Actions = tuple[act.Action, ...]

NOT_SERVED: Final = frozenset({
    "learn", "bundle", "bundle_load", "multipath", "push_mpls", "pop_mpls", "set_mpls_label", "set_mpls_tc",
    "set_mpls_ttl", "dec_mpls_ttl", "encap", "decap", "dec_nsh_ttl", "debug_recirc", "debug_slow",
})  # fmt: skip
"""Actions of Open vSwitch 3.1 without a parser: whoever types one has made no mistake."""

_SUBFIELD: Final = re.compile(r"\s*([A-Za-z0-9_]+)(?:\[(?:(\d+)(?:\.\.(\d+))?)?\])?\s*")


def parse_subfield(text: str) -> act.Subfield:
    """``NXM_NX_REG0[0..15]``, ``reg0[3]``, ``reg0[]`` or ``reg0``."""
    found = _SUBFIELD.fullmatch(text)
    if found is None:
        raise TextError(f"{text}: invalid syntax for a subfield")
    field = field_named(found[1])
    if found[2] is None:
        return act.Subfield(field, 0, field.bits)
    first = int(found[2])
    last = first if found[3] is None else int(found[3])
    if first > last or last >= field.bits:
        raise TextError(f"{text}: bits {first}..{last} do not fit {field.bits}-bit field {field.name}")
    return act.Subfield(field, first, last - first + 1)


def parse_actions(text: str, ports: Ports = None) -> Actions:
    """``"set_field:1->reg0,resubmit(,40)"`` to a tuple; ``drop`` is the empty one."""
    actions: list[act.Action] = []
    words = split_words(text)
    for key, value in words:
        keyword = key.lower()
        parser = _PARSERS.get(keyword)
        if parser is not None:
            actions.extend(parser(value, ports))
        elif keyword == "drop":
            if len(words) > 1:
                raise TextError('"drop" must not be accompanied by any other action or instruction')
        else:
            try:
                port = parse_port(key, ports)
            except TextError:
                if keyword in NOT_SERVED:
                    raise TextError(f"action {key} is Open vSwitch's and not served yet") from None
                raise TextError(f"unknown action {key}") from None
            actions.append(_output_to(port))
    return tuple(actions)


def _output_to(port: int) -> act.Action:
    return act.Output(port, 0xFFFF if port == act.PORT_CONTROLLER else 0)


def _inside(text: str) -> str:
    """The text between the outer parentheses; unparenthesised text as it is."""
    if text.startswith("("):
        if not text.endswith(")"):
            raise TextError(f"{text}: missing parenthesis")
        return text[1:-1]
    return text


def _options(text: str) -> dict[str, str]:
    return dict(split_words(_inside(text)))


def _arrow(text: str) -> tuple[str, str]:
    left, arrow, right = text.rpartition("->")
    if not arrow:
        raise TextError(f"{text}: missing `->'")
    return left, right


def _output(text: str, ports: Ports) -> Actions:
    if text.startswith("("):
        options = _options(text)
        return (
            act.OutputTruncated(
                parse_port(options.get("port", ""), ports), number(options.get("max_len", "0"))
            ),
        )
    if "[" in text:
        return (act.OutputField(parse_subfield(text)),)
    return (_output_to(parse_port(text, ports)),)


def _resubmit(text: str, ports: Ports) -> Actions:
    if not text.startswith("("):
        return (act.Resubmit(None, _resubmit_port(text, ports)),)
    port, _, rest = _inside(text).partition(",")
    table, _, ct = rest.partition(",")
    if ct.strip() not in ("", "ct"):
        raise TextError(f"{text}: unknown parameter")
    return (
        act.Resubmit(
            number(table) if table.strip() else None,
            _resubmit_port(port, ports),
            with_ct=ct.strip() == "ct",
        ),
    )


def _resubmit_port(text: str, ports: Ports) -> int | None:
    if not text:
        return None
    port = parse_port(text, ports)
    return None if port == act.PORT_IN_PORT else port


def _set_field(text: str, ports: Ports) -> Actions:
    value_text, name = _arrow(text)
    field = field_named(name.strip())
    if not field.writable:
        raise TextError(f"{name} is read-only")
    value, mask = parse_value(field, value_text, ports)
    return (act.SetField(field, value, None if mask == field.full else mask),)


def _load(text: str, _ports: Ports) -> Actions:
    value, name = _arrow(text)
    return (act.load(number(value), parse_subfield(name)),)


def _move(text: str, _ports: Ports) -> Actions:
    source, destination = (parse_subfield(side) for side in _arrow(text))
    if source.bits != destination.bits:
        raise TextError(
            f"{text}: source field is {source.bits} bits wide but destination is {destination.bits} bits wide"
        )
    return (act.Move(source, destination),)


def _modify(name: str) -> Callable[[str, Ports], Actions]:
    def parse(text: str, ports: Ports) -> Actions:
        field = field_named(name)
        value, _ = parse_value(field, text, ports)
        return (act.SetField(field, value),)

    return parse


def _vlan_vid(text: str, _ports: Ports) -> Actions:
    vid = number(text)
    if vid > 0xFFF:
        raise TextError(f"{text}: not a valid VLAN VID")
    return (act.SetVlanVid(vid),)


def _vlan_pcp(text: str, _ports: Ports) -> Actions:
    pcp = number(text)
    if pcp > 7:
        raise TextError(f"{text}: not a valid VLAN PCP")
    return (act.SetVlanPcp(pcp),)


def _mod_tos(text: str, _ports: Ports) -> Actions:
    return (act.SetField(field_named("ip_dscp"), number(text) >> 2),)


def _enqueue(text: str, ports: Ports) -> Actions:
    port, _, queue = _inside(text).replace(",", ":").partition(":")
    return (act.Enqueue(parse_port(port, ports), number(queue)),)


def _controller(text: str, _ports: Ports) -> Actions:
    if not text or text.isdigit():
        return (act.Output(act.PORT_CONTROLLER, int(text) if text else 0xFFFF),)
    options = _options(text)
    reasons = {name: code for code, name in REASONS.items()}
    try:
        action = act.Controller(
            number(options.pop("max_len", "65535")),
            bytes.fromhex(options.pop("userdata", "").replace(".", " ")),
            number(options.pop("id", "0")),
            reasons[options.pop("reason", "action")],
            pause=options.pop("pause", None) is not None,
            meter=number(options.pop("meter_id")) if "meter_id" in options else None,
        )
    except (KeyError, ValueError) as error:
        raise TextError(f"controller({text}): {error}") from error
    if options:
        raise TextError(f"unknown key {min(options)} parsing controller action")
    if action == act.Controller(action.max_len):
        return (act.Output(act.PORT_CONTROLLER, action.max_len),)
    return (action,)


def _conjunction(text: str, _ports: Ports) -> Actions:
    found = re.fullmatch(r"\(\s*(\w+)\s*,\s*(\d+)\s*/\s*(\d+)\s*\)", text)
    if found is None:
        raise TextError(f"{text}: syntax error in conjunction")
    clause, count = int(found[2]), int(found[3])
    if not 2 <= count <= 64 or not 1 <= clause <= count:
        raise TextError(f"{text}: conjunction must have 2 to 64 clauses")
    return (act.Conjunction(number(found[1]), clause - 1, count),)


def _ct(text: str, ports: Ports) -> Actions:
    commit = force = False
    table: int | None = None
    zone: int | act.Subfield = 0
    nat: act.Nat | None = None
    inner: Actions = ()
    alg = 0
    for key, value in split_words(_inside(text)):
        if key == "commit":
            commit = True
        elif key == "force":
            force = True
        elif key == "table":
            table = number(value)
        elif key == "zone":
            zone = number(value) if value[:1].isdigit() else parse_subfield(value)
        elif key == "nat":
            nat = _nat(value)
        elif key == "exec":
            inner = parse_actions(_inside(value), ports)
        elif key == "alg":
            alg = next((code for code, name in ALGS.items() if name == value), -1)
            alg = number(value) if alg < 0 else alg
        else:
            raise TextError(f'invalid argument to "ct" action: `{key}\'')
    return (act.Ct(commit, force, table, zone, nat, inner, alg),)


_NAT_FLAGS: Final = {"persistent": act.NAT_PERSISTENT, "hash": act.NAT_HASH, "random": act.NAT_RANDOM}


def _nat(text: str) -> act.Nat:
    flags = 0
    limits: tuple[int, int | None, int | None, int | None, int | None] = (0, None, None, None, None)
    for key, value in split_words(_inside(text)):
        if key in ("src", "dst"):
            flags |= act.NAT_SRC if key == "src" else act.NAT_DST
            if value:
                limits = _nat_range(value)
        elif key in _NAT_FLAGS:
            flags |= _NAT_FLAGS[key]
        else:
            raise TextError(f'invalid argument to "nat": `{key}\'')
    return act.Nat(flags, *limits)


_NAT_RANGE: Final = re.compile(
    r"(?:\[(?P<b1>[^]]+)\](?:-\[(?P<b2>[^]]+)\])?|(?P<v6a>[0-9a-fA-F:]*:[0-9a-fA-F.:]*:[^-]*|[0-9a-fA-F]*::[^-]*)"
    r"(?:-(?P<v6b>[^-]+))?|(?P<v4a>[0-9.]+)(?:-(?P<v4b>[0-9.]+))?)?(?::(?P<p1>\d+)(?:-(?P<p2>\d+))?)?"
)


def _nat_range(text: str) -> tuple[int, int | None, int | None, int | None, int | None]:
    found = _NAT_RANGE.fullmatch(text)
    if found is None:
        raise TextError(f"{text}: invalid NAT range")
    first6, last6 = found["b1"] or found["v6a"], found["b2"] or found["v6b"]
    ports = (int(found["p1"]) if found["p1"] else None, int(found["p2"]) if found["p2"] else None)
    if first6:
        return (6, parse_ipv6(first6), parse_ipv6(last6) if last6 else None, *ports)
    if found["v4a"]:
        return (4, parse_ipv4(found["v4a"]), parse_ipv4(found["v4b"]) if found["v4b"] else None, *ports)
    return (0, None, None, *ports)


def _dec_ttl(text: str, _ports: Ports) -> Actions:
    return (act.DecTtl(tuple([number(each) for each in _inside(text).split(",") if each.strip()])),)


def _note(text: str, _ports: Ports) -> Actions:
    try:
        data = bytes.fromhex(text.replace(".", ""))
    except ValueError as error:
        raise TextError(f"{text}: bad hex digit in `note' argument") from error
    # Six bytes fit the action's own header; more come in eights (nicira-ext's note).
    return (act.Note(data.ljust(6 + (max(len(data) - 6, 0) + 7) // 8 * 8, b"\0")),)


def _check_pkt_larger(text: str, _ports: Ports) -> Actions:
    left, right = _arrow(text)
    return (act.CheckPktLarger(number(_inside(left)), parse_subfield(right)),)


def _fin_timeout(text: str, _ports: Ports) -> Actions:
    options = _options(text)
    return (
        act.FinTimeout(number(options.get("idle_timeout", "0")), number(options.get("hard_timeout", "0"))),
    )


def _sample(text: str, ports: Ports) -> Actions:
    options = _options(text)
    port = options.get("sampling_port")
    return (
        act.Sample(
            number(options.get("probability", "0")),
            number(options.get("collector_set_id", "0")),
            number(options.get("obs_domain_id", "0")),
            number(options.get("obs_point_id", "0")),
            None if port is None else parse_port(port, ports),
            1 if "ingress" in options else 2 if "egress" in options else 0,
        ),
    )


def _write_metadata(text: str, _ports: Ports) -> Actions:
    value, mask = parse_value(field_named("metadata"), text)
    return (act.WriteMetadata(value, mask),)


_PARSERS: Final[Mapping[str, Callable[[str, Ports], Actions]]] = {
    "output": _output,
    "resubmit": _resubmit,
    "set_field": _set_field,
    "load": _load,
    "move": _move,
    "push": lambda text, _: (act.Push(parse_subfield(text)),),
    "pop": lambda text, _: (act.Pop(parse_subfield(text)),),
    "controller": _controller,
    "conjunction": _conjunction,
    "ct": _ct,
    "ct_clear": lambda _text, _: (act.CtClear(),),
    "clone": lambda text, ports: (act.Clone(parse_actions(_inside(text), ports)),),
    "note": _note,
    "group": lambda text, _: (act.Group(number(text)),),
    "enqueue": _enqueue,
    "set_queue": lambda text, _: (act.SetQueue(number(text)),),
    "pop_queue": lambda _text, _: (act.PopQueue(),),
    "push_vlan": lambda text, _: (act.PushVlan(number(text)),),
    "pop_vlan": lambda _text, _: (act.PopVlan(),),
    "strip_vlan": lambda _text, _: (act.PopVlan(),),
    "dec_ttl": _dec_ttl,
    "check_pkt_larger": _check_pkt_larger,
    "delete_field": lambda text, _: (act.DeleteField(field_named(text)),),
    "fin_timeout": _fin_timeout,
    "exit": lambda _text, _: (act.Exit(),),
    "sample": _sample,
    "goto_table": lambda text, _: (act.GotoTable(number(text)),),
    "meter": lambda text, _: (act.Meter(number(text)),),
    "write_metadata": _write_metadata,
    "clear_actions": lambda _text, _: (act.ClearActions(),),
    "write_actions": lambda text, ports: (act.WriteActions(parse_actions(_inside(text), ports)),),
    "set_tunnel": _modify("tun_id"),
    "set_tunnel64": _modify("tun_id"),
    "mod_vlan_vid": _vlan_vid,
    "set_vlan_vid": _vlan_vid,
    "mod_vlan_pcp": _vlan_pcp,
    "set_vlan_pcp": _vlan_pcp,
    "mod_dl_src": _modify("eth_src"),
    "mod_dl_dst": _modify("eth_dst"),
    "mod_nw_src": _modify("ip_src"),
    "mod_nw_dst": _modify("ip_dst"),
    "mod_nw_tos": _mod_tos,
    "mod_nw_ecn": _modify("nw_ecn"),
    "mod_nw_ttl": _modify("nw_ttl"),
    "mod_tp_src": _modify("tcp_src"),
    "mod_tp_dst": _modify("tcp_dst"),
}

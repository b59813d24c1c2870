"""Actions of logical flows: text to values, values to text, and to OpenFlow (ovn-sb(5), ``actions``).

``STATEMENTS`` tells what reads an action that begins with its name, ``RESULTS`` one that assigns a
function's result.  To add an action, write it in its family's module and name it here.
``NOT_SERVED`` holds the documented actions that are still missing, so that a flow with one of them
is told apart from a flow that nobody can read.  Those of ``actions_unserved`` can be read, and no more.

Values depend on the text alone and are remembered.  The empty tuple is ``drop;``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.logical import actions_controller as controller
from pyovn.logical import actions_ct as ct
from pyovn.logical import actions_field as fields
from pyovn.logical import actions_flow as flow
from pyovn.logical import actions_lookup as lookup
from pyovn.logical import actions_nat as nat
from pyovn.logical import actions_packet as packet
from pyovn.logical import actions_reply as reply
from pyovn.logical import actions_report as report
from pyovn.logical import actions_unserved as unserved
from pyovn.logical.actions_base import Action, EncodeContext, Reader, not_served
from pyovn.logical.ast import Expr, all_of
from pyovn.logical.errors import ActionError
from pyovn.logical.lexer import END, ID, Tokens
from pyovn.logical.parse import parse_text
from pyovn.logical.symbols import SYMBOLS, SymbolTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pyovn.logical.ast import FieldRef
    from pyovn.wire.openflow.actions import Action as OpenFlowAction

STATEMENTS: Final[dict[str, Callable[[Reader], Action]]] = {
    "next": flow.read_next,
    "output": flow.read_output,
    "clone": flow.read_clone,
    "push": fields.read_push,
    "pop": fields.read_pop,
    "ct_next": ct.read_ct_next,
    "ct_commit": ct.read_ct_commit,
    "ct_lb": ct.read_ct_lb,
    "ct_lb_mark": ct.read_ct_lb_mark,
    "ct_clear": ct.read_ct_clear,
    "ct_commit_nat": nat.read_commit_nat,
    "ct_snat_to_vip": nat.read_snat_to_vip,
    "set_queue": packet.read_set_queue,
    "log": report.read_log,
    "bind_vport": report.read_bind_vport,
    "get_arp": lookup.read_get_arp,
    "get_nd": lookup.read_get_nd,
    **{name: nat.reader_of(name) for name in nat.NAT_ACTIONS},
    **{name: reply.reader_of(name) for name in reply.REPLIES},
    **{name: controller.reader_of(name) for name in controller.HANDLERS},
    **unserved.STATEMENTS,
}

RESULTS: Final[dict[str, Callable[[Reader, str, FieldRef, int], Action]]] = {
    **dict.fromkeys(lookup.QUESTIONS, lookup.read_question),
    "get_fdb": lookup.read_get_fdb,
    "check_pkt_larger": packet.read_check_pkt_larger,
    "dns_lookup": report.read_dns_lookup,
    **unserved.RESULTS,
}

_NOT_SERVED: Final = """
sample ct_commit_to_zone ct_lb_mark_local
dhcp_relay_req_chk dhcp_relay_resp_chk mac_cache_use ct_nw_dst ct_ip6_dst ct_tp_dst ct_proto
get_remote_fdb flood_remote ct_state_save mirror
"""
NOT_SERVED: Final = frozenset(_NOT_SERVED.split())

_CACHE_SIZE: Final = 20_000
_parsed: dict[str, tuple[Action, ...]] = {}


def parse_actions(text: str, symtab: SymbolTable = SYMBOLS) -> tuple[Action, ...]:
    """The actions; raises ``ActionError``."""
    found = _parsed.get(text) if symtab is SYMBOLS else None
    if found is None:
        found = _read_all(Reader(Tokens(text, ActionError), _block, symtab))
        if len(_parsed) >= _CACHE_SIZE:
            _parsed.clear()
        if symtab is SYMBOLS:
            _parsed[text] = found
    return found


def format_actions(actions: Iterable[Action]) -> str:
    """The canonical text; parsing it gives equal actions."""
    return " ".join(map(str, actions)) or "drop;"


def encode_actions(actions: Iterable[Action], ctx: EncodeContext) -> tuple[OpenFlowAction, ...]:
    """The OpenFlow actions; raises ``ActionError`` for what the context does not allow."""
    out: list[OpenFlowAction] = []
    for action in actions:
        action.encode(ctx, out)
    return tuple(out)


def prerequisites(actions: Iterable[Action]) -> Expr | None:
    """What the actions demand of a packet beside the flow's match; None: nothing."""
    texts = dict.fromkeys([needs for action in actions if (needs := action.needs)])
    if not texts:
        return None
    return all_of([parse_text(text) for text in texts])


def _read_all(reader: Reader) -> tuple[Action, ...]:
    actions = _block(reader)
    if reader.tokens.kind != END:
        raise reader.tokens.error("expecting an action")
    return actions


def _block(reader: Reader) -> tuple[Action, ...]:
    """Statements up to a closing brace or the end; ``drop;`` stands alone."""
    tokens = reader.tokens
    if tokens.kind == ID and tokens.value == "drop":
        tokens.at += 1
        tokens.expect(";")
        if tokens.kind not in (END, "}"):
            raise tokens.error("expecting nothing after `drop;'")
        return ()
    found: list[Action] = []
    while tokens.kind not in (END, "}"):
        found.append(_statement(reader))
        tokens.expect(";")
    return tuple(found)


def _statement(reader: Reader) -> Action:
    tokens = reader.tokens
    start = tokens.at
    name = tokens.value
    if tokens.kind != ID or not isinstance(name, str):
        raise tokens.error("expecting an action")
    after = tokens.peek()
    if after not in ("=", "<->", "["):
        read = STATEMENTS.get(name)
        if read is not None:
            tokens.at += 1
            return read(reader)
        if name == "ip.ttl" and after == "--":
            tokens.at += 2
            return fields.DecrementTtl()
        if name == "drop":
            raise tokens.error("`drop;' must be the only action")
    if name in NOT_SERVED:
        raise not_served(tokens, name)
    if name in unserved.OVN_FIELDS and after == "=":
        tokens.at += 2
        return unserved.read_frag_mtu(reader, name)
    if name not in reader.symtab:
        raise tokens.error(f"{name} is no action and no field")
    target = reader.field()
    if not (tokens.accept("=") or tokens.accept("<->")):
        raise tokens.error("expecting `=' or `<->'")
    function = tokens.value
    if tokens.kind == ID and isinstance(function, str) and function not in reader.symtab:
        return _result(reader, function, target, start)
    return fields.read_assignment(reader, target, start)


def _result(reader: Reader, function: str, target: FieldRef, start: int) -> Action:
    tokens = reader.tokens
    read = RESULTS.get(function)
    if read is None:
        if function in NOT_SERVED:
            raise not_served(tokens, function)
        raise tokens.error(f"{function} is no function and no field")
    if tokens.kinds[tokens.at - 1] != "=":
        raise tokens.error("a function's result is assigned by `='")
    tokens.at += 1
    return read(reader, function, target, start)


__all__ = [
    "NOT_SERVED",
    "RESULTS",
    "STATEMENTS",
    "Action",
    "EncodeContext",
    "encode_actions",
    "format_actions",
    "parse_actions",
    "prerequisites",
]

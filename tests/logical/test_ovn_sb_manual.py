"""The language of logical flows, item by item as ovn-sb(5) has it: read, printed back, refused with a reason.

The same texts, and some twenty questions about every symbol, then go into flows of a southbound
database that Debian's ovn-trace reads: what it refuses, it warns of.  Ours must refuse the same, but
for ``ACCEPTED_BY_C``.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from typing import TYPE_CHECKING, Final

import pytest
from manual_kit import ACTIONS, MATCHES, SYMBOL_ACTIONS, SYMBOL_MATCHES, actions_of, matches_of

from pyovn.logical.actions import NOT_SERVED, RESULTS, STATEMENTS, format_actions, parse_actions
from pyovn.logical.ast import format_expr
from pyovn.logical.errors import LflowError
from pyovn.logical.parse import parse_expr, parse_text
from pyovn.logical.symbols import SYMBOLS
from pyovn.ovsdb.blocking import BlockingClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SETS: Final = {"as": ["10.0.0.1"], "pg_ip4": ["10.0.0.2"], "pg_ip6": ["fd00::2"]}
GROUPS: Final = {"pg": ["p1"]}

DOCUMENTED: Final = [
    "reg0",
    "reg1",
    "reg2",
    "reg3",
    "reg4",
    "reg5",
    "reg6",
    "reg7",
    "reg8",
    "reg9",
    "xxreg0",
    "xxreg1",
    "inport",
    "outport",
    "flags.loopback",
    "pkt.mark",
    "eth.src",
    "eth.dst",
    "eth.type",
    "vlan.tci",
    "vlan.vid",
    "vlan.pcp",
    "vlan.present",
    "ip.proto",
    "ip.dscp",
    "ip.ecn",
    "ip.ttl",
    "ip.frag",
    "ip4.src",
    "ip4.dst",
    "ip6.src",
    "ip6.dst",
    "ip6.label",
    "arp.op",
    "arp.spa",
    "arp.tpa",
    "arp.sha",
    "arp.tha",
    "rarp.op",
    "rarp.spa",
    "rarp.tpa",
    "rarp.sha",
    "rarp.tha",
    "tcp.src",
    "tcp.dst",
    "tcp.flags",
    "udp.src",
    "udp.dst",
    "sctp.src",
    "sctp.dst",
    "icmp4.type",
    "icmp4.code",
    "icmp6.type",
    "icmp6.code",
    "nd.target",
    "nd.sll",
    "nd.tll",
    "ct_mark",
    "ct_label",
    "ct_state",
    "ct.trk",
    "ct.new",
    "ct.est",
    "ct.rel",
    "ct.rpl",
    "ct.inv",
    "ct.dnat",
    "ct.snat",
    "eth.bcast",
    "eth.mcast",
    "ip4",
    "ip4.src_mcast",
    "ip4.mcast",
    "ip6",
    "ip",
    "icmp4",
    "icmp6",
    "icmp",
    "ip.is_frag",
    "ip.later_frag",
    "ip.first_frag",
    "arp",
    "rarp",
    "nd",
    "nd_ns",
    "nd_na",
    "nd_rs",
    "nd_ra",
    "tcp",
    "udp",
    "sctp",
]
"""The symbols of ovn-sb(5), Logical_Flow Table, ``match``."""

UNDOCUMENTED_FOR_23_03: Final = frozenset(
    [
        "ct_commit_to_zone",
        "ct_lb_mark_local",
        "dhcp_relay_req_chk",
        "dhcp_relay_resp_chk",
        "mac_cache_use",
        "ct_nw_dst",
        "ct_ip6_dst",
        "ct_tp_dst",
        "ct_proto",
        "get_remote_fdb",
        "flood_remote",
        "ct_state_save",
        "mirror",
    ]
)
"""Actions of later releases, which a 23.03 does not know either."""

ACCEPTED_BY_C: Final = (
    # ovn-sb(5) asks for a comparison.  Debian's ovn-trace dies of a segmentation fault when it evaluates
    # such a match on a field that is not 0.
    (r"!\S+", "expecting a comparison"),
    # A constant wider than the bits that are named can never be equal to them.
    (r"tcp\.src\[0\.\.1\] == 4", "does not fit"),
    # There is no order to a set; C takes one that happens to have one member.
    (r"ip4\.src < \$as", "a set can only"),
    # ovn-sb(5) has nothing but assignments to ct_mark and ct_label there.
    (r"ct_commit \{ (next|ct_commit); \};", "can only contain assignments"),
    # A port has 16 bits.
    (r"ct_dnat\(192\.0\.2\.1, 70000\);", "between 1 and 65535"),
    # ovn-sb(5): the answer is a port.
    (r"reg0 = get_fdb\(eth\.src\);", "gives a port"),
    # ovn-sb(5): "ip.ttl must assigned as a whole"; the same holds for all fields that OpenFlow cannot mask.
    (r"(ip|icmp4|icmp6|arp|rarp)\.(dscp|ecn|ttl|type|code|op) = 1/1;", "can only be set as a whole"),
)
"""What Debian's ovn-trace reads and we refuse: a pattern of texts and a part of our error."""


def error_of(read: Callable[[str], object], text: str) -> str:
    try:
        read(text)
    except LflowError as error:
        return str(error)
    return ""


def read_match(text: str) -> None:
    """As a flow's match: printed back it is the same, and its sets and groups are there."""
    expr = parse_text(text)
    assert parse_text(format_expr(expr)) == expr
    parse_expr(text, address_sets=SETS, port_groups=GROUPS)


def read_actions(text: str) -> None:
    """As a flow's actions: printed back they are the same."""
    actions = parse_actions(text)
    assert parse_actions(format_actions(actions)) == actions


def check(read: Callable[[str], object], text: str, wanted: str) -> None:
    found = error_of(read, text)
    if not wanted:
        assert not found
    else:
        assert wanted in found
        place = re.search(r"\(character (\d+), at ", found)
        assert place is not None
        assert 1 <= int(place[1]) <= len(text) + 1


@pytest.mark.parametrize(("text", "wanted"), MATCHES)
def test_matches(text: str, wanted: str) -> None:
    check(read_match, text, wanted)


@pytest.mark.parametrize(("text", "wanted"), ACTIONS)
def test_actions(text: str, wanted: str) -> None:
    check(read_actions, text, wanted)


def test_the_documented_symbols_are_there() -> None:
    assert [name for name in DOCUMENTED if name not in SYMBOLS] == []
    assert len(DOCUMENTED) == len(set(DOCUMENTED))


@pytest.mark.parametrize("name", [symbol.name for symbol in SYMBOLS])
def test_every_symbol_good_and_bad(name: str) -> None:
    for read, texts in ((read_match, matches_of(SYMBOLS[name])), (read_actions, actions_of(SYMBOLS[name]))):
        errors = [error_of(read, text) for text in texts]
        assert all("(character " in error for error in errors if error)
        assert any(errors)
        if read is read_match:
            assert not all(errors)


def test_every_action_good_and_bad() -> None:
    def texts(name: str, *, good: bool) -> list[str]:
        word = re.compile(rf"(?<![\w.]){re.escape(name)}(?![\w.])")
        return [text for text, error in ACTIONS if word.search(text) and (not error) == good]

    served = {*STATEMENTS, *RESULTS}
    assert [
        name for name in sorted(served) if not texts(name, good=True) or not texts(name, good=False)
    ] == []
    missing = sorted(NOT_SERVED - UNDOCUMENTED_FOR_23_03)
    assert [name for name in missing if not texts(name, good=False)] == []


CASES: Final = [
    *[(read_match, text) for text in dict.fromkeys([*[text for text, _ in MATCHES], *SYMBOL_MATCHES])],
    *[(read_actions, text) for text in dict.fromkeys([*[text for text, _ in ACTIONS], *SYMBOL_ACTIONS])],
]


OPTIONS: Final = (
    ("DHCP_Options", "offerip", 0, "ipv4"),
    ("DHCP_Options", "router", 3, "ipv4"),
    ("DHCPv6_Options", "ia_addr", 5, "ipv6"),
)
"""The DHCP options that the cases name: Debian's asks the southbound for them."""


@pytest.fixture(scope="module")
def warnings(tmp_path_factory: pytest.TempPathFactory, peer: Callable[[str], str]) -> Iterator[str]:
    """What Debian's ovn-trace says of a southbound with a flow for each case."""
    directory = tmp_path_factory.mktemp("manual")
    schema = "/usr/share/ovn/ovn-sb.ovsschema"
    subprocess.run([peer("ovsdb-tool"), "create", directory / "sb.db", schema], check=True)
    remote = f"unix:{directory}/db.sock"
    server = [peer("ovsdb-server"), "--detach", "--no-chdir", f"--pidfile={directory}/pid", "-vconsole:off"]
    server += [f"--unixctl={directory}/ctl", f"--remote=p{remote}", str(directory / "sb.db")]
    subprocess.run(server, check=True)
    try:
        with BlockingClient(remote, timeout=60) as client:
            reply = client.transact("OVN_Southbound", list(rows()))
            assert reply.error is None, reply
        command = [peer("ovn-trace"), f"--db={remote}", "dp", 'inport == "p1"']
        yield subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stderr
    finally:
        os.kill(int((directory / "pid").read_text()), signal.SIGTERM)


def rows() -> Iterator[dict[str, object]]:
    def insert(table: str, row: dict[str, object], **more: object) -> dict[str, object]:
        return {"op": "insert", "table": table, "row": row, **more}

    dp = ["named-uuid", "dp"]
    names = ["map", [["name", "dp"]]]
    yield insert("Datapath_Binding", {"tunnel_key": 1, "external_ids": names}, **{"uuid-name": "dp"})
    yield insert("Port_Binding", {"datapath": dp, "logical_port": "p1", "tunnel_key": 1})
    for name, addresses in SETS.items():
        yield insert("Address_Set", {"name": name, "addresses": ["set", addresses]})
    for name, ports in GROUPS.items():
        yield insert("Port_Group", {"name": name, "ports": ["set", ports]})
    for table, name, code, kind in OPTIONS:
        yield insert(table, {"name": name, "code": code, "type": kind})
    for priority, (read, text) in enumerate(CASES):
        match, actions = (text, "next;") if read is read_match else ("1", text)
        # Table 1 is never entered: this is about reading, not about what the flows do.
        flow = {"logical_datapath": dp, "pipeline": "ingress", "table_id": 1, "priority": priority}
        yield insert("Logical_Flow", {**flow, "match": match, "actions": actions})


@pytest.mark.peers
def test_debian_refuses_the_same(warnings: str) -> None:
    differences = []
    excepted = set()
    for read, text in CASES:
        what = "expression" if read is read_match else "actions"
        theirs = f"|WARN|{text}: parsing {what} failed" in warnings
        ours = error_of(read, text)
        if theirs == bool(ours) or "not served yet" in ours:
            continue
        known = next((row for row in ACCEPTED_BY_C if re.fullmatch(row[0], text) and row[1] in ours), None)
        if known is None or theirs:
            differences.append((text, "refused" if theirs else "accepted", ours))
        else:
            excepted.add(known)
    assert differences == []
    assert excepted == set(ACCEPTED_BY_C)

"""Parsing, printing, and that generated matches mean what the expression means."""

from __future__ import annotations

import random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from logical_expressions import GROUPS, PORTS, RESIDENT, SETS, Generator, accepted

from pyovn.logical.ast import format_expr, references
from pyovn.logical.errors import ExprError
from pyovn.logical.evaluate import evaluate
from pyovn.logical.parse import expand, is_nominal, parse_expr, parse_text
from pyovn.logical.symbols import PREDICATE, SYMBOLS
from pyovn.logical.to_matches import ExprMatch, conjunctions, to_matches
from pyovn.wire.openflow.fields import FIELDS


def matches_of(text: str) -> tuple[ExprMatch, ...]:
    expr = parse_expr(text, address_sets=SETS, port_groups=GROUPS)
    return to_matches(expr, PORTS.get, RESIDENT.__contains__)


@settings(max_examples=max(150, settings().max_examples), deadline=None)
@given(st.integers(0, 2**63))
def test_printing_and_parsing_again_gives_the_same(seed: int) -> None:
    text = Generator(random.Random(seed)).expression()
    expr = parse_text(text)
    printed = format_expr(expr)
    assert parse_text(printed) == expr
    assert format_expr(parse_text(printed)) == printed


@settings(max_examples=max(250, settings().max_examples), deadline=None)
@given(st.integers(0, 2**63))
def test_matches_accept_exactly_the_packets_on_which_the_expression_is_true(seed: int) -> None:
    generator = Generator(random.Random(seed))
    text = generator.expression()
    expr = expand(parse_text(text), SETS, GROUPS)
    try:
        matches = to_matches(expr, PORTS.get, RESIDENT.__contains__)
    except ExprError:
        assume(condition=False)
        return
    for each in matches:
        assert each.match.missing_prerequisite() is None
    for _ in range(30):
        packet = generator.packet()
        assert accepted(matches, packet) == evaluate(expr, packet, PORTS.get, RESIDENT.__contains__), text


@pytest.mark.parametrize(
    ("text", "flows"),
    [
        ("1", 1),
        ("0", 0),
        ("ip6.dst != {2001:db8::/64, 2001:db8:1::/64, fd00::/64}", 141),
        ("ip4.src != 10.0.0.1", 32),
        ("ip4 && tcp.dst != {22, 80, 443}", 28),
        ("ip4.src == {10.0.0.1, 10.0.0.2} && tcp.dst == {80, 443}", 4),
        ("ip4.src == {10.0.0.1, 10.0.0.2, 10.0.0.3} && tcp.dst == {1, 2, 3}", 7),
        ("ip4.src == $x && ip4.dst == $x && tcp.dst == {1, 2}", 9),
        ("tcp.dst == {1, 2, 3} && ip.ttl == {1, 2}", 12),
        ('inport == "p1" && eth.src == 00:00:00:00:00:01', 1),
        ('inport == "elsewhere"', 0),
        ("inport == @g", 2),
        ("inport == @empty || ip4", 1),
        ("tcp.src == $a || tcp.src == 7", 8),
        ("udp && (udp.dst == 53 || udp.dst == 67)", 4),
        ("ip4.src == $empty", 0),
        ("ip4.src != $empty", 1),
        ("reg0[0] && !reg0[0]", 0),
        ("xxreg0 == 1 && reg3 == 1", 1),
    ],
)
def test_number_of_flows(text: str, flows: int) -> None:
    assert len(matches_of(text)) == flows


def test_a_complement_adds_to_other_fields_and_does_not_multiply() -> None:
    many = "{" + ", ".join(f"10.{i}.0.0/16" for i in range(1, 100)) + "}"
    matches = matches_of(f"ip4.src != {many} && ip4.dst == {many} && tcp.dst == {{1, 2, 3}}")
    assert len(matches) < 150
    assert conjunctions(matches) == 1


def some(pattern: str, number: int) -> str:
    """A set of ``number`` constants that differ in the last part."""
    return "{" + ", ".join(pattern.format(n, n // 250, n % 250) for n in range(1, number + 1)) + "}"


HOSTS = "10.{1}.{2}.7"
NETS = "2001:db8:{0:x}::/64"
PORT = "{0}"
THOUSAND = some(HOSTS, 1000)
TEN = some(PORT, 10)


@pytest.mark.parametrize(
    ("text", "most"),
    [
        # Complements: of one field one set of prefixes, of two fields added by a conjunction
        (f"ip6.dst != {some(NETS, 3)}", 200),
        (f"ip6.dst != {some(NETS, 10)}", 220),
        (f"ip6.src != {some(NETS, 3)} && ip6.dst != {some(NETS, 3)}", 200),
        (f"ip4.src != {some(HOSTS, 3)} && ip4.dst != {some(HOSTS, 3)}", 100),
        (f"ip4.src != {some(HOSTS, 3)} && ip4.dst == {some(HOSTS, 3)}", 60),
        (f"!(ip4.src == {some(HOSTS, 3)} && ip4.dst == {some(HOSTS, 3)})", 100),
        (f"eth.src != {some('02:00:00:00:00:{0:02x}', 3)}", 50),
        (f"ip4.src != {some(HOSTS, 100)}", 9 * 100),
        (f"ip4.src != {THOUSAND}", 9 * 1000),
        (
            "ip4.src != {10.0.0.1, 10.0.0.2} && ip4.src != {10.0.0.3, 10.1.0.0/16} && ip4.src != 10.9.0.0/24",
            60,
        ),
        (f"tcp.src != {some(PORT, 20)} && tcp.dst != {some(PORT, 20)}", 300),
        (f"ip4.src != {some(HOSTS, 10)} && 1000 <= tcp.dst <= 60000", 130),
        # Sets over several fields
        (f"ip4.src == {THOUSAND} && ip4.dst == {THOUSAND}", 2001),
        (
            f"ip4.src == {THOUSAND} && ip4.dst == {THOUSAND} && tcp.dst == {some(PORT, 100)}",
            2101,
        ),
        (
            f"(ip4.src == {some(HOSTS, 100)} || ip4.dst == {some(HOSTS, 100)}) && tcp.dst == {TEN}",
            222,
        ),
        (
            "ip4.src == {10.0.0.0/8, 10.0.0.0/16, 10.0.0.1} && ip4.dst == {10.0.0.0/8, 10.0.0.1}",
            7,
        ),
        # Ranges: at most 30 prefixes for each family of addresses
        ("1 <= tcp.dst <= 65534", 2 * 30),
        ("ip4 && 1 <= tcp.dst <= 65534 && 1 <= tcp.src <= 65534", 2 * 30 + 1),
        (f"1024 <= tcp.dst <= 49151 && ip4.src == {some(HOSTS, 100)}", 110),
    ],
    ids=lambda value: value[:60] if isinstance(value, str) else str(value),
)
def test_sets_and_complements_do_not_blow_up(text: str, most: int) -> None:
    """Each field is solved on its own, and fields are added by conjunctions, not multiplied."""
    assert 0 < len(matches_of(text)) <= most


def test_conjunctions_are_numbered_from_the_base() -> None:
    text = (
        "(ip4.src == {1.0.0.1, 1.0.0.2, 1.0.0.3} && tcp.dst == {1, 2, 3}) || "
        "(ip4.src == {1.0.0.1, 1.0.0.4, 1.0.0.5} && udp.dst == {1, 2, 3})"
    )
    matches = matches_of(text)
    assert conjunctions(matches) == 2
    ends = [m.with_base(10)[0].exact("conj_id") for m in matches if m.conjunction is not None]
    assert ends == [10, 11]
    parts = [c for m in matches for c in m.with_base(10)[1]]
    assert {(c.id, c.clause, c.n) for c in parts} == {(10, 0, 2), (10, 1, 2), (11, 0, 2), (11, 1, 2)}


def test_conjunctive_flows_with_one_match_are_one_flow() -> None:
    text = (
        "(ip4.src == {1.0.0.1, 1.0.0.2, 1.0.0.3} && tcp.dst == {1, 2, 3}) || "
        "(ip4.src == {1.0.0.1, 1.0.0.4, 1.0.0.5} && tcp.dst == {1, 4, 5})"
    )
    matches = matches_of(text)
    assert len({m.match for m in matches if m.clauses}) == len([m for m in matches if m.clauses])
    shared = [m for m in matches if len(m.clauses) == 2]
    assert len(shared) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"expecting a constant \(character 1, at the end\)"),
        ("ip4 &&", r"expecting a constant \(character 7, at the end\)"),
        ("tcp.src == 80 && ip4 || ip6", r"need parentheses when used together \(character 22"),
        ("!tcp.src == 80", r"operand of `!' needs parentheses \(character 1"),
        ("tcp.src", r"tcp.src has 16 bits: expecting a comparison"),
        ("!ip4", r"ip4 is nominal.*\(character 2"),
        ("ip4 == 0", r"ip4 is nominal"),
        ('inport != "a"', r"only be tested for equality"),
        ("!(eth.type == 5)", r"only be tested for equality"),
        ("ip.proto > 5", r"only `==' and `!='"),
        ("eth.type[1] == 1", r"nominal: it has no subfields"),
        ("ip4[1] == 1", r"is a predicate: it has no subfields"),
        ("ip4 == 2", r"can only be compared with 0 or 1"),
        ("tcp.src[16] == 1", r"not within the 16 bits"),
        ("tcp.src[3..2] == 1", r"not within the 16 bits"),
        ("tcp.src == 65536", r"65536 does not fit the 16 bits"),
        ("ip4.src == fd00::1", r"does not fit the 32 bits"),
        ('tcp.src == "a"', r"not with \"a\""),
        ("inport == 5", r"a port's name or a port group, not with 5"),
        ("tcp.src == {}", r"needs a member"),
        ("tcp.src < {1, 2}", r"a set can only be compared"),
        ("tcp.src < 1/1", r"a masked constant can only"),
        ("1 < tcp.src > 5", r"a range reads"),
        ("tcp.src < 5 < 6", r"a range has the constants outside"),
        ("foo.bar == 1", r"foo.bar is no field or predicate"),
        ("(ip4", r"expecting `\)'"),
        ("ip4)", r"expecting the end"),
        ("ip4.src == 10.0.0.0/33", r"at most 32 bits"),
        ("ip4.src == 999.0.0.1", r"bad constant"),
        ("is_chassis_resident(p1)", r"quoted name"),
        ("ip4 /* open", r"comment is not closed"),
        ('inport == "open', r"string is not closed"),
        ("ip4 & ip6", r"`&&' is \(character 5"),
        ("ip4.src == ^VIP", r"template variable is not expanded"),
        ("ip4.src == $none", r"there is no address set \"none\" \(character 12"),
        ("inport == @none", r"there is no port group \"none\" \(character 11"),
        ("tcp.src[0] == $a", r"does not fit the 1 bits"),
        ("(" * 200 + "ip4" + ")" * 200, r"nested too deeply"),
    ],
)
def test_errors_name_place_and_expectation(text: str, message: str) -> None:
    with pytest.raises(ExprError, match=message):
        parse_expr(text, address_sets=SETS, port_groups=GROUPS)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("reg0[2]==1", "reg0[2]"),
        ("ct.est == 0", "!ct.est"),
        ("!(ct.est != 0)", "!ct.est"),
        ("ip.first_frag == 0", "!ip.first_frag"),
        ("ip.first_frag != 0", "ip.first_frag"),
        ("80 == tcp.src", "tcp.src == 80"),
        ("1 < tcp.src <= 5", "tcp.src > 1 && tcp.src <= 5"),
        ("!(1 < tcp.src <= 5)", "tcp.src <= 1 || tcp.src > 5"),
        ('!(inport != "a")', 'inport == "a"'),
        ('inport == {"a" "b",}', 'inport == {"a", "b"}'),
        ("((ip4 && tcp) && udp) || arp", "(ip4 && tcp && udp) || arp"),
        ("!(ct.est && (ct.new || !ct.rel))", "!ct.est || (!ct.new && ct.rel)"),
        ("eth.src == 0:1:2:3:4:5/ff:ff:ff:0:0:0 // x", None),
        ("eth.dst == 01:00:00:00:00:00/01:00:00:00:00:00", "eth.dst == 01:00:00:00:00:00/01:00:00:00:00:00"),
        ("ip6.dst == ff02:0::1:ff00:0000/104", "ip6.dst == ff02::1:ff00:0/104"),
        ("ip4.dst == 10.0.0.0/255.255.255.0", "ip4.dst == 10.0.0.0/24"),
        ("ip4.dst == 10.0.0.0/255.0.255.0", "ip4.dst == 10.0.0.0/255.0.255.0"),
        ("ip6.dst == ::ffff:10.0.0.1", "ip6.dst == ::ffff:10.0.0.1"),
        ("tcp.src == 0xFF", "tcp.src == 0xff"),
        ("ip4.dst == 10.0.0.1/8", "ip4.dst == 10.0.0.0/8"),
        ("tcp.src == 5/4", "tcp.src == 4/4"),
        ("ip4.src == $a && inport == @g", "ip4.src == $a && inport == @g"),
        ('inport == "a\\"b"', 'inport == "a\\"b"'),
        ("/* a */ ip4 // b", "ip4"),
    ],
)
def test_canonical_text(text: str, canonical: str | None) -> None:
    if canonical is None:
        with pytest.raises(ExprError):
            parse_text(text)
        return
    printed = format_expr(parse_text(text))
    if "ffff:10" not in text:
        assert printed == canonical
    assert parse_text(printed) == parse_text(text)


def test_references() -> None:
    expr = parse_text('(ip4.src == $a || inport == {"x", @g}) && is_chassis_resident("y")')
    found = references(expr)
    assert found.address_sets == {"a"}
    assert found.port_groups == {"g"}
    assert found.ports == {"x"}
    assert found.residents == {"y"}


def test_symbols_fit_their_openflow_fields() -> None:
    for symbol in SYMBOLS:
        if symbol.kind == PREDICATE:
            parse_text(symbol.expansion)
            continue
        field = FIELDS[symbol.base]
        assert symbol.ofs + symbol.width <= field.bits
        assert symbol.whole == (symbol.width == field.bits)
        if symbol.level == "ordinal":
            assert field.maskable
        if symbol.prerequisites:
            parse_text(symbol.prerequisites)


NEGATABLE = [s.name for s in SYMBOLS if s.kind == PREDICATE and not is_nominal(s)]


@pytest.mark.parametrize("name", NEGATABLE)
@pytest.mark.parametrize(
    "packet", [{}, {"eth_type": 0x800}, {"eth_type": 0x86DD}, {"eth_type": 0x800, "ip_frag": 3}]
)
def test_a_negated_predicate_is_true_of_every_other_packet(name: str, packet: dict[str, int]) -> None:
    """Also of packets that lack its prerequisites: it is shorthand for an expression."""
    negation = parse_text(f"!{name}")
    assert evaluate(negation, packet) != evaluate(parse_text(name), packet)

"""Random expressions and packets for the properties of the language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyovn.logical.lexer import Constant
from pyovn.logical.parse import is_nominal
from pyovn.logical.symbols import NOMINAL, PREDICATE, SYMBOLS, Symbol
from pyovn.wire.openflow.fields import FIELDS, Field

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable

    from pyovn.logical.to_matches import ExprMatch

PORTS = {"p1": 1, "p2": 2, "p3": 3, "_MC_flood": 32768}
RESIDENT = {"p1"}
GROUPS = {"g": ["p1", "p3", "elsewhere"], "empty": []}
SETS = {
    "a": ["1", "2", "3"],
    "b": ["0x4/0x6", "1"],
    "empty": [],
    "x": ["1.0.0.1", "1.0.0.2", "1.0.0.3"],
}

FIELD_SYMBOLS = [s for s in SYMBOLS if s.kind != PREDICATE]
PREDICATES = [s for s in SYMBOLS if s.kind == PREDICATE]
NEGATED = {"==": "!=", "!=": "=="}
TYPES = {"eth_type": (0x800, 0x86DD, 0x806, 0x8035), "nw_proto": (1, 2, 6, 17, 58, 132)}


class Generator:
    """Texts over few symbols and few values, so that terms meet, contradict and overlap."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.symbols = rng.sample(FIELD_SYMBOLS, 4)
        self.predicates = rng.sample(PREDICATES, 2)
        self.constants: list[tuple[Symbol, int]] = []

    def expression(self, depth: int = 3, *, negate: bool = False) -> str:
        rng = self.rng
        if depth == 0 or rng.random() < 0.25:
            return self.term(negate=negate)
        if rng.random() < 0.2:
            return f"!({self.expression(depth - 1, negate=not negate)})"
        word = rng.choice((" && ", " || "))
        return word.join(f"({self.expression(depth - 1, negate=negate)})" for _ in range(rng.randint(2, 3)))

    def term(self, *, negate: bool) -> str:
        rng = self.rng
        kind = rng.random()
        if kind < 0.03:
            return rng.choice("01")
        if kind < 0.08:
            return f'{rng.choice(("", "!"))}is_chassis_resident("{rng.choice(("p1", "p2"))}")'
        if kind < 0.25:
            return self.predicate(negate=negate)
        return self.comparison(negate=negate)

    def predicate(self, *, negate: bool) -> str:
        symbol = self.rng.choice(self.predicates)
        if is_nominal(symbol):
            return f"!{symbol.name}" if negate else symbol.name
        return self.rng.choice(("", "!")) + symbol.name

    def comparison(self, *, negate: bool) -> str:
        rng = self.rng
        symbol = rng.choice(self.symbols)
        if symbol.string:
            name = rng.choice(('"p1"', '"p2"', '{"p1", "p3"}', "@g", "@empty", '"elsewhere"', '"none"'))
            return f"{symbol.name} {'!=' if negate else '=='} {name}"
        ofs, width = 0, symbol.width
        name = symbol.name
        if symbol.level != NOMINAL and rng.random() < 0.4:
            width = rng.randint(1, min(8, symbol.width))
            ofs = rng.randint(0, symbol.width - width)
            name = f"{name}[{ofs}..{ofs + width - 1}]"
        if symbol.level == NOMINAL:
            return f"{name} {'!=' if negate else '=='} {self.values(symbol, ofs, width, masks=False)}"
        op = rng.choice(("==", "!=", "==", "<", "<=", ">", ">="))
        if op in NEGATED:
            return f"{name} {op} {self.values(symbol, ofs, width, masks=True)}"
        value = self.value(symbol, ofs, width)
        if op == "<" and rng.random() < 0.5:
            return f"{self.value(symbol, ofs, width)} <= {name} < {value}"
        return f"{name} {op} {value}"

    def values(self, symbol: Symbol, ofs: int, width: int, *, masks: bool) -> str:
        rng = self.rng
        if masks and width >= 3 and rng.random() < 0.15:
            return rng.choice(("$a", "$b", "$empty"))
        found = []
        for _ in range(rng.choice((1, 1, 2, 3))):
            value = self.value(symbol, ofs, width)
            if masks and rng.random() < 0.3:
                mask = rng.getrandbits(width)
                found.append(str(Constant(value & mask, mask, "hex")))
            else:
                found.append(str(value))
        return found[0] if len(found) == 1 else f"{{{', '.join(found)}}}"

    def value(self, symbol: Symbol, ofs: int, width: int) -> int:
        rng = self.rng
        typical = TYPES.get(symbol.base)
        if typical:
            return rng.choice(typical)
        value = rng.choice((0, 1, 2, (1 << width) - 1, rng.getrandbits(width), rng.getrandbits(width)))
        value &= (1 << width) - 1
        self.constants.append((symbol, value << ofs))
        return value

    def packet(self) -> dict[str, int]:
        """Values near those that the expressions so far have named."""
        rng = self.rng
        packet = {s.base: rng.getrandbits(FIELDS[s.base].bits) for s in FIELD_SYMBOLS}
        for base, values in TYPES.items():
            packet[base] = rng.choice(values)
        packet["ct_state"] = rng.getrandbits(8)
        packet["reg14"] = rng.choice((0, 1, 2, 3))
        packet["reg15"] = rng.choice((0, 1, 2, 3, 32768))
        packet["icmpv6_type"] = rng.choice((130, 133, 134, 135, 136, 143))
        packet["icmpv6_code"] = rng.choice((0, 0, 1))
        packet["nw_ttl"] = rng.choice((255, 255, 1))
        for symbol, value in self.constants:
            if rng.random() < 0.6:
                mask = ((1 << symbol.width) - 1) << symbol.ofs
                near = (value + rng.choice((0, 0, 1, -1))) << symbol.ofs
                packet[symbol.base] = (packet[symbol.base] & ~mask) | (near & mask)
        return packet


def reader(packet: dict[str, int]) -> Callable[[Field], int]:
    """The value of an OpenFlow field, registers within wider ones included."""
    flat = {FIELDS[name]: value for name, value in packet.items()}
    for field, value in list(flat.items()):
        for view in field.views:
            flat[view.field] = value >> view.ofs & (1 << view.bits) - 1
    return flat.__getitem__


def accepted(matches: Iterable[ExprMatch], packet: dict[str, int]) -> bool:
    """What a switch would decide, conjunctions included (ovs-fields(7), conj_id)."""
    read = reader(packet)
    hit: dict[int, set[int]] = {}
    sizes: dict[int, int] = {}
    ends = []
    plain = False
    for each in matches:
        if any((read(field) ^ value) & mask for field, value, mask in each.match.items()):
            continue
        if each.conjunction is not None:
            ends.append(each.conjunction)
        elif each.clauses:
            for number, clause, n in each.clauses:
                hit.setdefault(number, set()).add(clause)
                sizes[number] = n
        else:
            plain = True
    return plain or any(number in hit and len(hit[number]) == sizes[number] for number in ends)

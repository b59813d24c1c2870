"""Values as people write and read them (ovs-vsctl(8), "Database Values").

``parse_value`` and ``format_value`` are inverse on every value of a type.  Reading is lenient (``yes``
is a boolean, ``1-3`` three integers, brackets optional); writing is not: strings are quoted
whenever a reader could take them for something else.

Errors are ``CtlError`` with the wording of the C programs, because scripts compare it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from pyovn.ovsdb.schema import INTEGER_MAX, INTEGER_MIN, UNLIMITED, BaseType, ColumnType
from pyovn.ovsdb.values import UUID, Atom, FrozenMap, Value, sort_key
from pyovn.tools.ctl.errors import CtlError

if TYPE_CHECKING:
    from collections.abc import Callable

    Symbol = Callable[[str, str], UUID]

DELIMITERS: Final = frozenset(":=, []{}!<>")
_WORD: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")
_WORD_START: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
_BOOLEANS: Final = {"true": True, "yes": True, "on": True, "1": True}
_BOOLEANS_FALSE: Final = frozenset(("false", "no", "off", "0"))
RANGE_LIMIT: Final = 4096
_ESCAPES: Final = {
    '"': '\\"',
    "\\": "\\\\",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    **{chr(c): f"\\u{c:04x}" for c in range(0x20) if chr(c) not in "\b\f\n\r\t"},
}


# Writing


def needs_quotes(text: str) -> bool:
    """Whether ``text`` unquoted would not be read as this very string."""
    return (
        not text
        or text[0] not in _WORD_START
        or not _WORD.issuperset(text)
        or text in {"true", "false"}
        or UUID.is_valid(text)
    )


def quote(text: str) -> str:
    """A JSON string whose only escapes are those that JSON demands."""
    return '"' + "".join(_ESCAPES.get(c, c) for c in text) + '"'


def format_atom(atom: Atom) -> str:
    """One atom; strings are quoted when they need it."""
    if isinstance(atom, UUID):
        return str(atom)
    if isinstance(atom, str):
        return quote(atom) if needs_quotes(atom) else atom
    return format_bare_atom(atom)


def format_bare_atom(atom: Atom) -> str:
    """One atom without any quotes."""
    if isinstance(atom, bool):
        return "true" if atom else "false"
    if isinstance(atom, float):
        return f"{atom:.15g}"
    return str(atom)


def format_value(kind: ColumnType, value: Value) -> str:
    """The form of ``list`` and ``get``."""
    if isinstance(value, FrozenMap):
        pairs = (f"{format_atom(k)}={format_atom(value[k])}" for k in sorted(value, key=sort_key))
        return "{" + ", ".join(pairs) + "}"
    atoms = kind.atoms(value)
    text = ", ".join(map(format_atom, sorted(atoms, key=sort_key)))
    return f"[{text}]" if kind.max > 1 or not atoms else text


def format_bare(kind: ColumnType, value: Value) -> str:
    """The form of ``--data=bare``: for scripts, no punctuation."""
    if isinstance(value, FrozenMap):
        return " ".join(
            f"{format_bare_atom(k)}={format_bare_atom(value[k])}" for k in sorted(value, key=sort_key)
        )
    return " ".join(map(format_bare_atom, sorted(kind.atoms(value), key=sort_key)))


def format_json(value: Any) -> str:
    """Compact JSON text of an OVSDB value or of any JSON, members sorted as OVS sorts them."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


# Reading


def scan_token(text: str, start: int) -> int:
    """The end of the token at ``start``: delimiters end it, except between double quotes."""
    position, quoted, end = start, False, len(text)
    while position < end:
        char = text[position]
        if quoted:
            if char == "\\" and position + 1 < end:
                position += 1
            elif char == '"':
                quoted = False
        elif char == '"':
            quoted = True
        elif char in DELIMITERS:
            break
        position += 1
    if quoted:
        raise CtlError(f"{text[start:]}: quoted string extends past end of argument")
    return position


def _unquote(token: str) -> str:
    if len(token) < 2 or token[-1] != '"':
        raise CtlError(f"{token}: missing quote at end of quoted string")
    try:
        value = json.loads(token, strict=False)
    except ValueError:
        escape = next((token[i : i + 2] for i in range(1, len(token) - 1) if token[i] == "\\"), "")
        if escape and escape[1] not in '"\\/bfnrtu':
            raise CtlError(f"{token}: bad escape {escape}") from None
        raise CtlError(f"{token}: missing quote at end of quoted string") from None
    assert isinstance(value, str)
    return value


def _parse_integer(token: str) -> tuple[int, ...]:
    digits = token.removeprefix("-")
    if digits.isascii() and digits.isdigit():
        value = int(token)
        if INTEGER_MIN <= value <= INTEGER_MAX:
            return (value,)
    low, dash, high = token.partition("-")
    if dash and low.isascii() and low.isdigit() and high.isascii() and high.isdigit():
        if int(high) < int(low):
            raise CtlError(f'"{token}" is not a valid range. Range end cannot be before start.')
        return (int(low), int(high))
    raise CtlError(f'"{token}" is not a valid integer or range')


def _parse_uuid(token: str, ref_type: str, symbol: Symbol | None) -> UUID:
    if token.startswith("@") and symbol is not None:
        return symbol(token, ref_type)
    try:
        return UUID.parse(token)
    except ValueError as error:
        raise CtlError(str(error)) from None


def _parse_token(base: BaseType, token: str, symbol: Symbol | None) -> tuple[Atom, ...]:
    """The atom, or the two ends of a range of integers."""
    atoms: tuple[Atom, ...]
    match base.type:
        case "integer":
            atoms = _parse_integer(token)
        case "real":
            try:
                atoms = (float(token),)
            except ValueError:
                raise CtlError(f'"{token}" is not a valid real number') from None
        case "boolean":
            if token in _BOOLEANS:
                atoms = (True,)
            elif token in _BOOLEANS_FALSE:
                atoms = (False,)
            else:
                raise CtlError(f'"{token}" is not a valid boolean (use "true" or "false")')
        case "uuid":
            atoms = (_parse_uuid(token, base.ref_type, symbol),)
        case _:
            if not token:
                raise CtlError('An empty string is not valid as input; use "" to represent the empty string')
            atoms = (_unquote(token) if token[0] == '"' else token,)
    for atom in atoms:
        check_constraints(base, atom)
    return atoms


def parse_atom(base: BaseType, token: str, symbol: Symbol | None = None) -> Atom:
    """One atom from the whole of ``token``."""
    atoms = _parse_token(base, token, symbol)
    if len(atoms) > 1:
        raise CtlError(f'"{token}" is not a valid integer')
    return atoms[0]


def check_constraints(base: BaseType, atom: Atom) -> None:
    """Raise ``CtlError`` when ``atom`` is outside of what the schema allows."""
    if base.enum is not None and atom not in base.enum:
        allowed = ", ".join(format_atom(a) for a in sorted(base.enum, key=sort_key))
        shown = quote(atom) if atom == "" and isinstance(atom, str) else format_atom(atom)
        raise CtlError(f"constraint violation: {shown} is not one of the allowed values ([{allowed}])")
    if isinstance(atom, str):
        size = len(atom)
        if base.min_length is not None and size < base.min_length:
            raise CtlError(
                f'constraint violation: "{atom}" length {size} is less than '
                f"minimum allowed length {base.min_length}"
            )
        if base.max_length is not None and size > base.max_length:
            raise CtlError(
                f'constraint violation: "{atom}" length {size} is greater than '
                f"maximum allowed length {base.max_length}"
            )
        return
    low, high = base.min, base.max
    if (low is None or atom >= low) and (high is None or atom <= high):
        return
    shown = format_bare_atom(atom)
    if low is not None and high is not None:
        raise CtlError(f"constraint violation: {shown} is not in the valid range {low} to {high} (inclusive)")
    if low is not None:
        raise CtlError(f"constraint violation: {shown} is less than minimum allowed value {low}")
    raise CtlError(f"constraint violation: {shown} is greater than maximum allowed value {high}")


def describe_type(kind: ColumnType) -> str:
    """A type in English, for error messages."""
    if kind.is_scalar:
        return kind.key.type
    if kind.max == UNLIMITED:
        count = f"{kind.min} or more " if kind.min else ""
    elif kind.min:
        count = f"{kind.min} to {kind.max} "
    else:
        count = f"up to {kind.max} "
    if kind.value is not None:
        return f"map of {count}({kind.key.type}, {kind.value.type}) pairs"
    return f"set of {count}{kind.key.type}s"


def _skip_spaces(text: str, position: int) -> int:
    while position < len(text) and text[position] == " ":
        position += 1
    return position


def parse_value(kind: ColumnType, text: str, symbol: Symbol | None = None) -> Value:
    """A column's value; ``symbol`` gives ``@name`` its UUID where UUIDs are expected."""
    brackets = "{}" if kind.is_map else "[]"
    position = _skip_spaces(text, 0)
    close = brackets[1] if text[position : position + 1] == brackets[0] else ""
    position += len(close)
    keys: list[Atom] = []
    values: list[Atom] = []
    comma = False
    while True:
        position = _skip_spaces(text, position)
        char = text[position : position + 1]
        if not char:
            if close:
                raise CtlError(f'{text}: missing "{close}" at end of data')
            break
        if close and char == close:
            if _skip_spaces(text, position + 1) < len(text):
                raise CtlError(f'{text}: trailing garbage after "{close}"')
            break
        if char == "," and keys and not comma:
            comma = True
            position += 1
            continue
        if char in DELIMITERS:
            raise CtlError(f'{text}: unexpected "{char}" parsing {describe_type(kind)}')
        comma = False
        position = _parse_element(kind, text, position, symbol, keys, values)
    return _assemble(kind, text, keys, values)


def _parse_element(
    kind: ColumnType,
    text: str,
    start: int,
    symbol: Symbol | None,
    keys: list[Atom],
    values: list[Atom],
) -> int:
    """Append one atom, pair or range to ``keys`` (and ``values``); the position after it."""
    end = scan_token(text, start)
    if kind.value is None:
        atoms = _parse_token(kind.key, text[start:end], symbol)
        if len(atoms) > 1:
            low, high = atoms
            assert isinstance(low, int)
            assert isinstance(high, int)
            if high - low >= RANGE_LIMIT:
                raise CtlError(f'"{text[start:end]}" has more than {RANGE_LIMIT} elements')
            keys.extend(range(low, high + 1))
        else:
            keys.extend(atoms)
        return end
    key = parse_atom(kind.key, text[start:end], symbol)
    if text[end : end + 1] != "=":
        # A message about the end of the text stops where C's string does, at its NUL.
        rest = f'{text[end]}" expecting "="' if end < len(text) else ""
        raise CtlError(f'{text}: syntax error at "{rest}')
    start = end + 1
    end = scan_token(text, start)
    keys.append(key)
    values.append(parse_atom(kind.value, text[start:end], symbol))
    return end


def _assemble(kind: ColumnType, text: str, keys: list[Atom], values: list[Atom]) -> Value:
    if not kind.min <= len(keys) <= kind.max:
        bound, number = ("minimum", kind.min) if len(keys) < kind.min else ("maximum", kind.max)
        raise CtlError(f"{text}: {len(keys)} value(s) specified but the {bound} number is {number}")
    if kind.is_map:
        pairs = dict(zip(keys, values, strict=True))
        if len(pairs) < len(keys):
            raise CtlError(f"{text}: map contains duplicate key")
        return FrozenMap(pairs)
    atoms = frozenset(keys)
    if len(atoms) < len(keys):
        raise CtlError(f"{text}: set contains duplicate value")
    return kind.shape(atoms)

"""Tokens of match expressions and actions (ovn-sb(5), Logical_Flow Table, "Constants", "Miscellaneous").

Both columns share one lexical syntax: names with dots, decimal and hexadecimal integers, IPv4, IPv6
and Ethernet addresses, each with an optional ``/mask`` in the same form (or a prefix length for
IP), JSON strings, ``$address_set``, ``@port_group``, operators, and two kinds of comments.

One compiled pattern does the work.  A constant keeps the form it was written in, so that printing
gives it back: ``Constant.form`` says which.  A mask is written after the value without space and is
part of the constant; bits of the value that it does not cover are dropped, as C does (10.0.0.1/8).

Not here: what a name means (``symbols``) and how wide a constant may be (``parse``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Final

import msgspec

from pyovn.logical.errors import LflowError

if TYPE_CHECKING:
    from collections.abc import Callable

DECIMAL: Final = "decimal"
HEX: Final = "hex"
MAC: Final = "mac"
IPV4: Final = "ipv4"
IPV6: Final = "ipv6"

ID: Final = "name"
CONSTANT: Final = "constant"
STRING: Final = "string"
ADDRESS_SET: Final = "address set"
PORT_GROUP: Final = "port group"
END: Final = "end"
"""Kinds of tokens; an operator's kind is its own text."""

_MAC = r"[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}(?![0-9a-fA-F:])"
_IPV4 = r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![\w.])"
_IPV6 = r"(?=[0-9a-fA-F]*:[0-9a-fA-F]*:)[0-9a-fA-F:]+(?:(?:\.[0-9]{1,3}){3})?"
_HEX = r"0[xX][0-9a-fA-F]+"
_DECIMAL = r"[0-9]+"

_TOKEN: Final = re.compile(
    rf"""(?P<skip>(?:[ \t\r\n]+|//[^\n]*|/\*[^\n]*?\*/)+)
    |(?P<mac>{_MAC}(?:/{_MAC})?)
    |(?P<ipv6>{_IPV6}(?:/(?:{_IPV6}|{_DECIMAL}))?)
    |(?P<ipv4>{_IPV4}(?:/(?:{_IPV4}|{_DECIMAL}))?)
    |(?P<hex>{_HEX}(?:/{_HEX})?)(?![\w])
    |(?P<decimal>{_DECIMAL}(?:/{_DECIMAL})?)(?![\w])
    |(?P<id>[A-Za-z_][A-Za-z0-9_.]*)
    |(?P<set>\$[A-Za-z0-9_.]+)
    |(?P<group>@[A-Za-z0-9_.]+)
    |(?P<string>"(?:[^"\\\n]|\\.)*")
    |(?P<op><->|--|&&|\|\||==|!=|<=|>=|\.\.|[()\[\]{{}}<>!,;=:-])
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Constant:
    """An integer with the bits that matter; ``mask`` None: all of them."""

    value: int
    mask: int | None = None
    form: str = DECIMAL

    def width(self) -> int:
        """How many bits are needed to hold it."""
        return max(self.value, self.mask or 0).bit_length()

    def __str__(self) -> str:
        if self.mask is None:
            return format_integer(self.value, self.form)
        return f"{format_integer(self.value, self.form)}/{_format_mask(self.mask, self.form)}"


def format_integer(value: int, form: str) -> str:
    """``value`` in one of the forms of constants."""
    if form == DECIMAL:
        return str(value)
    if form == MAC:
        return value.to_bytes(6, "big").hex(":")
    if form == IPV4:
        return str(IPv4Address(value))
    if form == IPV6:
        return str(IPv6Address(value))
    return hex(value)


def _format_mask(mask: int, form: str) -> str:
    bits = {IPV4: 32, IPV6: 128}.get(form)
    if bits is not None:
        inverse = mask ^ ((1 << bits) - 1)
        if inverse & (inverse + 1) == 0:
            return str(bits - inverse.bit_length())
    return format_integer(mask, form)


_VALUE: Final[dict[str, Callable[[str], int]]] = {
    DECIMAL: int,
    HEX: lambda text: int(text, 16),
    IPV4: lambda text: int(IPv4Address(text)),
    IPV6: lambda text: int(IPv6Address(text)),
    MAC: lambda text: int(text.replace(":", ""), 16),
}


@lru_cache(maxsize=16384)
def _constant(text: str, form: str) -> Constant:
    """Raises ``ValueError`` that says what is wrong."""
    value_text, slash, mask_text = text.partition("/")
    if form == DECIMAL and any(len(part) > 1 and part[0] == "0" for part in (value_text, mask_text)):
        raise ValueError("a decimal number has no leading zeros")
    value = _VALUE[form](value_text)
    if not slash:
        return Constant(value, None, form)
    bits = {IPV4: 32, IPV6: 128}.get(form)
    if bits is not None and mask_text.isdecimal():
        length = int(mask_text)
        if length > bits:
            raise ValueError(f"a prefix of {form} has at most {bits} bits")
        mask = (1 << bits) - (1 << (bits - length))
    else:
        mask = _VALUE[form](mask_text)
    return Constant(value & mask, mask, form)


@lru_cache(maxsize=65536)
def address_constant(text: str) -> Constant | None:
    """An element of an Address_Set; None when it is no address.

    Addresses come from the database as they are.  As in C a bad one is left out, so that it does not
    take the rest of the set away.
    """
    found = _TOKEN.fullmatch(text.strip())
    if found is None or found.lastgroup not in _VALUE:
        return None
    try:
        return _constant(found.group(), found.lastgroup)
    except ValueError:
        return None


class Tokens:
    """The tokens of a text, and a place among them.

    ``kinds[at]`` and ``values[at]`` are the current token; reading past the end stays at ``END``.
    ``error`` builds the exception of the language that is being read.
    """

    __slots__ = ("at", "error_class", "kinds", "starts", "text", "values")

    def __init__(self, text: str, error_class: type[LflowError] = LflowError) -> None:
        self.text = text
        self.error_class = error_class
        self.at = 0
        self.kinds: list[str] = []
        self.values: list[object] = []
        self.starts: list[int] = []
        self._scan()

    def _scan(self) -> None:
        text, position, end = self.text, 0, len(self.text)
        kinds, values, starts = self.kinds, self.values, self.starts
        match = _TOKEN.match
        while position < end:
            found = match(text, position)
            if found is None:
                raise self.error_class(_explain(text, position), text, position)
            group = found.lastgroup
            if group != "skip":
                word = found.group()
                starts.append(position)
                if group == "id":
                    kinds.append(ID)
                    values.append(word)
                elif group == "op":
                    kinds.append(word)
                    values.append(word)
                elif group == "string":
                    kinds.append(STRING)
                    values.append(self._string(word, position))
                elif group == "set":
                    kinds.append(ADDRESS_SET)
                    values.append(word[1:])
                elif group == "group":
                    kinds.append(PORT_GROUP)
                    values.append(word[1:])
                else:
                    kinds.append(CONSTANT)
                    values.append(self._constant(word, group or "", position))
            position = found.end()
        kinds.append(END)
        values.append("")
        starts.append(end)

    def _constant(self, word: str, form: str, position: int) -> Constant:
        try:
            return _constant(word, form)
        except ValueError as error:
            raise self.error_class(f"bad constant: {error}", self.text, position) from None

    def _string(self, word: str, position: int) -> str:
        if "\\" not in word:
            return word[1:-1]
        try:
            return msgspec.json.decode(word, type=str)
        except msgspec.DecodeError as error:
            raise self.error_class(f"bad string: {error}", self.text, position) from None

    @property
    def kind(self) -> str:
        """The current token's kind."""
        return self.kinds[self.at]

    @property
    def value(self) -> object:
        """The current token's value."""
        return self.values[self.at]

    @property
    def position(self) -> int:
        """Where the current token starts."""
        return self.starts[self.at]

    def peek(self, ahead: int = 1) -> str:
        """The kind of a later token."""
        at = self.at + ahead
        return self.kinds[at] if at < len(self.kinds) else END

    def accept(self, kind: str) -> bool:
        """Step over the current token when it is of ``kind``."""
        if self.kinds[self.at] == kind:
            if kind != END:
                self.at += 1
            return True
        return False

    def expect(self, kind: str, expectation: str = "") -> None:
        """Step over a token that must be there."""
        if not self.accept(kind):
            raise self.error(f"expecting {expectation or chr(96) + kind + chr(39)}")

    def take(self) -> object:
        """The current token's value; step over it."""
        value = self.values[self.at]
        if self.kinds[self.at] != END:
            self.at += 1
        return value

    def name(self, expectation: str) -> str:
        """A name that must be there."""
        if self.kinds[self.at] != ID:
            raise self.error(f"expecting {expectation}")
        return str(self.take())

    def integer(self, expectation: str) -> int:
        """A decimal or hexadecimal integer that must be there, without a mask."""
        value = self.value
        if not isinstance(value, Constant) or value.mask is not None or value.form not in (DECIMAL, HEX):
            raise self.error(f"expecting {expectation}")
        self.at += 1
        return value.value

    def error(self, message: str, at: int | None = None) -> LflowError:
        """An error at token ``at`` (default: the current one), to be raised by the caller."""
        return self.error_class(message, self.text, self.starts[self.at if at is None else at])


def _explain(text: str, position: int) -> str:
    if text.startswith("/*", position):
        return "a comment is not closed on its line"
    if text[position] == '"':
        return "a string is not closed"
    if text[position] == "^":
        return "a template variable is not expanded"
    if text[position] in "&|":
        return f"`{text[position]}' alone is no operator; `{text[position] * 2}' is"
    return "no token of the language starts here"

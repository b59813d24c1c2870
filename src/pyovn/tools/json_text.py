"""JSON from people, and what is wrong with it in the words of the C programs.

Well-formed text is simply decoded.  Only text that is not is read again, character by character, to
find the message that the C programs print, such as ``line 0, column 4, byte 4: invalid keyword 'x'``.
A position is that of the character that completed the faulty token, counted from 0; lines too.

``json_line`` writes numbers as those programs do: 15 digits, and no fraction where there is none.  What they
have read as JSON they show a little differently from what they have taken as values of columns: whole
numbers are integers then, with all their digits (``as_read``).
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from pyovn.ovsdb.schema import INTEGER_MAX, INTEGER_MIN
from pyovn.tools.ctl.text import quote
from pyovn.wire import jsontext

if TYPE_CHECKING:
    from collections.abc import Callable

_KEYWORDS: Final = frozenset(("true", "false", "null"))
_SPACE: Final = frozenset(" \t\r\n")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_ESCAPES: Final = frozenset('"\\/bfnrt')
_SURROGATE: Final = re.compile(r"[dD][89abAB]")


class JsonTextError(ValueError):
    """Text that is not a JSON object or array; the message says where."""


def parse_text(text: bytes) -> Any:
    """The value of ``text``; raises ``JsonTextError``."""
    try:
        value = jsontext.decode(text)
    except jsontext.JsonTextError as error:
        raise JsonTextError(explain(text) or str(error)) from error
    if b"\\u" in text and (fault := explain(text)):  # half a surrogate pair passes in Python
        raise JsonTextError(fault)
    if not isinstance(value, list | dict):
        raise JsonTextError(explain(text))
    return value


def json_line(value: Any) -> str:
    """Compact JSON text, members sorted."""
    if _is_plain(value):
        return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, dict):
        return "{" + ",".join(f"{quote(key)}:{json_line(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(json_line, value)) + "]"
    return str(value)


def _is_plain(value: Any) -> bool:
    """Whether there is no number in ``value`` that the standard library writes in another way."""
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return not isinstance(value, float)


def as_read(value: Any) -> Any:
    """``value`` with its numbers as the C programs have them after reading them from JSON."""
    if isinstance(value, dict):
        return {key: as_read(member) for key, member in value.items()}
    if isinstance(value, list):
        return [as_read(element) for element in value]
    if isinstance(value, float) and value.is_integer() and INTEGER_MIN <= value <= INTEGER_MAX:
        return int(value)
    if isinstance(value, int) and not INTEGER_MIN <= value <= INTEGER_MAX:
        return float(value)
    return value


class _FaultError(Exception):
    """Found at the character that is looked at."""


def explain(data: bytes) -> str:
    """What is wrong with ``data``; empty if nothing is."""
    text = data.decode("latin-1")  # columns count bytes
    reader = _Reader()
    position = 0
    try:
        for char in text:
            reader.feed(char)
            position += 1
        if reader.is_in_word:
            reader.feed(" ")
            position += 1
        reader.finish()
    except _FaultError as fault:
        before = text[:position]
        column = position - (before.rfind("\n") + 1)
        return f"line {before.count(chr(10))}, column {column}, byte {position}: {fault}"
    return ""


class _Reader:
    """Characters to tokens, tokens to structure; keeps no values."""

    def __init__(self) -> None:
        self._word = ""
        self._in_string = False
        self._stack: list[str] = []
        self._expects: Callable[[str], None] = self._beginning

    @property
    def is_in_word(self) -> bool:
        """Whether a number or keyword may go on."""
        return bool(self._word) and not self._in_string

    def feed(self, char: str) -> None:
        """Take the next character."""
        if self._in_string:
            self._string(char)
        elif self.is_in_word and self._continues(char):
            self._word += char
        else:
            if self._word:
                word, self._word = self._word, ""
                self._finish_word(word)
            self._first(char)

    def finish(self) -> None:
        """Take the end."""
        if self._in_string:
            raise _FaultError("unexpected end of input in quoted string")
        if self._expects == self._beginning:
            raise _FaultError("empty input stream")
        if self._expects != self._end:
            raise _FaultError("unexpected end of input")

    # Words and signs

    def _continues(self, char: str) -> bool:
        if "a" <= self._word[0] <= "z":
            return "a" <= char <= "z"
        return char in ".eE+-" or (char.isascii() and char.isdigit())

    def _first(self, char: str) -> None:
        if char in _SPACE:
            return
        if char in "[]{},:":
            self._expects(char)
        elif char == '"':
            self._in_string, self._word = True, ""
        elif "a" <= char <= "z" or "0" <= char <= "9" or char == "-":
            self._word = char
        else:
            shown = f"'{char}'" if char.isascii() and char.isprintable() else f"U+{ord(char):04x}"
            raise _FaultError(f"invalid character {shown}")

    def _string(self, char: str) -> None:
        is_escaped = (len(self._word) - len(self._word.rstrip("\\"))) % 2 == 1
        if char == '"' and not is_escaped:
            self._in_string = False
            word, self._word = self._word, ""
            _check_string(word)
            self._expects("string")
        elif char < " ":
            raise _FaultError(f"U+{ord(char):04X} must be escaped in quoted string")
        else:
            self._word += char

    def _finish_word(self, word: str) -> None:
        if "a" <= word[0] <= "z":
            if word not in _KEYWORDS:
                raise _FaultError(f"invalid keyword '{word}'")
        else:
            _check_number(word)
        self._expects("value")

    # Structure

    def _beginning(self, sign: str) -> None:
        if sign not in "[{":
            raise _FaultError("syntax error at beginning of input")
        self._open(sign)

    def _open(self, sign: str) -> None:
        self._stack.append(sign)
        self._expects = self._first_element if sign == "[" else self._first_member

    def _close(self) -> None:
        self._stack.pop()
        self._after_value()

    def _after_value(self) -> None:
        if not self._stack:
            self._expects = self._end
        else:
            self._expects = self._next_element if self._stack[-1] == "[" else self._next_member

    def _end(self, _token: str) -> None:
        raise _FaultError("trailing garbage at end of input")

    def _value(self, sign: str) -> None:
        if sign in {"string", "value"}:
            self._after_value()
        elif sign in "[{":
            self._open(sign)
        else:
            raise _FaultError("syntax error expecting value")

    def _first_element(self, sign: str) -> None:
        if sign == "]":
            self._close()
        else:
            self._value(sign)

    def _next_element(self, sign: str) -> None:
        if sign == ",":
            self._expects = self._value
        elif sign == "]":
            self._close()
        else:
            raise _FaultError("syntax error expecting ']' or ','")

    def _first_member(self, sign: str) -> None:
        if sign == "}":
            self._close()
        else:
            self._member(sign)

    def _member(self, sign: str) -> None:
        if sign != "string":
            raise _FaultError("syntax error parsing object expecting string")
        self._expects = self._colon

    def _colon(self, sign: str) -> None:
        if sign != ":":
            raise _FaultError("syntax error parsing object expecting ':'")
        self._expects = self._value

    def _next_member(self, sign: str) -> None:
        if sign == ",":
            self._expects = self._member
        elif sign == "}":
            self._close()
        else:
            raise _FaultError("syntax error expecting '}' or ','")


def _check_number(word: str) -> None:
    digits = word.removeprefix("-")
    if not digits[:1].isdigit():
        raise _FaultError("'-' must be followed by digit")
    if digits[0] == "0" and digits[1:2].isdigit():
        raise _FaultError("leading zeros not allowed")
    whole, point, fraction = digits.partition(".")
    if point and whole.isdigit() and not fraction[:1].isdigit():
        raise _FaultError("decimal point must be followed by digit")
    exponent = re.fullmatch(r"[0-9]+(?:\.[0-9]+)?[eE][+-]?(.*)", digits)
    if exponent and not exponent[1][:1].isdigit():
        raise _FaultError("exponent must contain at least one digit")
    if not _NUMBER.fullmatch(word):
        raise _FaultError("syntax error in number")
    if abs(float(word)) == float("inf"):
        raise _FaultError("number outside valid range")


def _check_string(text: str) -> None:
    position = 0
    while (position := text.find("\\", position)) >= 0:
        letter = text[position + 1]
        if letter == "u":
            position = _check_code(text, position)
        elif letter in _ESCAPES:
            position += 2
        else:
            raise _FaultError(f"bad escape \\{letter}")


def _check_code(text: str, position: int) -> int:
    digits = text[position + 2 : position + 6]
    if len(digits) < 4:
        raise _FaultError("quoted string ends within \\u escape")
    try:
        code = int(digits, 16)
    except ValueError:
        raise _FaultError("malformed \\u escape") from None
    if code == 0:
        raise _FaultError("null bytes not supported in quoted strings")
    if _SURROGATE.match(digits):
        if not re.match(r"\\u[dD][c-fC-F][0-9a-fA-F]{2}", text[position + 6 :]):
            raise _FaultError("malformed escaped surrogate pair")
        return position + 12
    return position + 6

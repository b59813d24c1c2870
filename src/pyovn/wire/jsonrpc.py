"""JSON-RPC 1.0 over a byte stream: messages in, messages out, no I/O (RFC 7047 section 4).

OVSDB puts one JSON value after the other on the wire, without length, separator or newline, so the
end of a message is known only from its brackets.  ``Decoder`` finds it in one pass over the bytes,
whatever the pieces they arrive in:

* a read that holds exactly one small message goes straight to the JSON parser;
* otherwise each piece is stripped to its brackets by ``bytes`` methods that run in C, which tells
  whether a message can end in it at all; only a piece in which one ends is walked token by token.

Every byte is looked at a bounded number of times, hence a message of many megabytes in small reads
costs what it costs in one.  Depth and size are limited, so a hostile peer gets an error, not our
memory or our stack.  Strings with null bytes are refused, as by C's peers, who could not follow a
database with one, nor read its file (RFC 7047 section 3.1: they "SHOULD NOT be used").  The result does
not depend on how the stream is cut (a property in the tests).

Messages are plain dicts here, because that is what the wire holds; the sessions above turn them into
something typed.  Not here: what a method means, nor who answers whom.
"""

from __future__ import annotations

import re
from typing import Any, Final

from pyovn.wire.jsontext import JsonTextError, decode, encode

__all__ = ["Decoder", "JsonRpcError", "encode", "error", "notification", "request", "response"]

MAX_DEPTH: Final = 500
"""Brackets within brackets; OVSDB's own messages stay below 20."""

MAX_BYTES: Final = 1 << 30
"""Default limit of one message: the contents of a large southbound database fit."""

_PIECE: Final = 1 << 16
_REDUCTIONS: Final = 24

_ESCAPE: Final = re.compile(rb"\\.", re.DOTALL)
_SPACE: Final = re.compile(rb"[ \t\r\n]*")
_OUTSIDE: Final = re.compile(rb'["{}\[\]\\]')
_INSIDE: Final = re.compile(rb'["\\]')
_AS_BRACES: Final = bytes.maketrans(b"[]", b"{}")
_NOT_BRACKETS: Final = bytes(code for code in range(256) if code not in b"[]{}")
_OPENING: Final = frozenset(b"[{")
_CLOSING: Final = frozenset(b"]}")
_QUOTE: Final = ord('"')
_BACKSLASH: Final = ord("\\")
_NULL: Final = b"\\u0000"
_NULL_ESCAPE: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
"""The escape itself, and not the text of one after an escaped backslash."""
_ESCAPED: Final = b"\0"
"""Stands for an escape while a piece is skimmed; JSON has no NUL of its own."""


class JsonRpcError(ValueError):
    """The stream is not JSON, or breaks a limit; the connection is of no use any more.

    ``values`` holds what was decoded from the same ``feed`` before the fault.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.values: list[Any] = []


def _parse(text: bytes) -> Any:
    if _NULL in text and _NULL_ESCAPE.search(text):
        raise JsonRpcError("null bytes are not supported in strings")
    try:
        return decode(text)
    except JsonTextError as error:
        raise JsonRpcError(f"not JSON: {error}") from error


class Decoder:
    """Cuts a byte stream into JSON objects and arrays, the only values that delimit themselves."""

    __slots__ = ("_depth", "_escaped", "_held", "_in_string", "_max_bytes", "_pieces")

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._pieces: list[bytes] = []
        self._held = 0
        self._depth = 0
        self._in_string = False
        self._escaped = False

    @property
    def pending(self) -> int:
        """Bytes held of a message whose end has not come."""
        return self._held

    def forget(self) -> None:
        """Let go of a message whose end will not come."""
        self._pieces.clear()
        self._held = 0

    def feed(self, data: bytes) -> list[Any]:
        """Take the next bytes; the values that they complete, in order.  Raises ``JsonRpcError``."""
        if not self._pieces and len(data) <= self._max_bytes:
            value = self._whole(data)
            if value is not None:
                return [value]
        values: list[Any] = []
        try:
            if len(data) <= _PIECE:
                self._take(data, values)
            else:
                for start in range(0, len(data), _PIECE):
                    self._take(data[start : start + _PIECE], values)
        except JsonRpcError as error:
            error.values = values
            raise
        return values

    @staticmethod
    def _whole(data: bytes) -> Any:
        """``data`` as one value if it is clearly one and cannot be too deep, else None."""
        if data[:1] != b"{" or data[-1:] not in {b"}", b"\n"}:
            return None
        if data.count(b"{") + data.count(b"[") > MAX_DEPTH or _NULL in data:
            return None
        try:
            return decode(data)
        except JsonTextError:
            return None  # several messages, or a part of one: the long way tells, also what is wrong

    def _take(self, piece: bytes, values: list[Any]) -> None:
        if self._depth == 0 or not self._skim(piece):
            self._walk(piece, values)
        else:
            self._keep(piece)

    def _keep(self, piece: bytes) -> None:
        self._held += len(piece)
        if self._held > self._max_bytes:
            raise JsonRpcError(f"message is longer than {self._max_bytes} bytes")
        self._pieces.append(piece)

    def _skim(self, piece: bytes) -> bool:
        """Pass over a piece in which no message ends; False (and no effect) if one may."""
        rest = piece[1:] if self._escaped else piece
        escaped = self._escaped and not piece
        if b"\\" in rest:
            rest = _ESCAPE.sub(_ESCAPED, rest)
            escaped = rest.endswith(b"\\")
        parts = rest.split(b'"')
        outside = b"".join(parts[self._in_string :: 2])
        if b"\\" in outside or _ESCAPED in outside:
            return False  # a backslash outside of a string: an error, which the long way tells
        brackets = outside.translate(_AS_BRACES, _NOT_BRACKETS)
        for _round in range(_REDUCTIONS):
            shorter = brackets.replace(b"{}", b"")
            if len(shorter) == len(brackets):
                break
            brackets = shorter
        else:
            return False
        closing = brackets.count(b"}")
        opening = len(brackets) - closing
        if closing >= self._depth or self._depth + opening + _REDUCTIONS > MAX_DEPTH:
            return False
        self._depth += opening - closing
        self._in_string ^= len(parts) % 2 == 0
        self._escaped = escaped
        return True

    def _walk(self, piece: bytes, values: list[Any]) -> None:
        """Go from token to token, and cut where the depth returns to zero."""
        start = position = 0
        end = len(piece)
        depth, in_string = self._depth, self._in_string
        if self._escaped and end:
            position = 1
            self._escaped = False
        while True:
            if depth == 0:
                start = position = _SPACE.match(piece, position).end()  # type: ignore[union-attr]  # matches the empty string too
                if position == end:
                    break
                if piece[position] not in _OPENING:
                    raise JsonRpcError(f"a message cannot begin with {piece[position : position + 1]!r}")
            found = (_INSIDE if in_string else _OUTSIDE).search(piece, position)
            if found is None:
                break
            position = found.end()
            token = piece[position - 1]
            if token == _QUOTE:
                in_string = not in_string
            elif in_string:
                if position == end:
                    self._escaped = True
                    break
                position += 1
            elif token == _BACKSLASH:
                raise JsonRpcError("a backslash outside of a string")
            elif token in _CLOSING:
                depth -= 1
                if depth == 0:
                    self._keep(piece[start:position])
                    values.append(self._finish())
            else:
                depth += 1
                if depth > MAX_DEPTH:
                    raise JsonRpcError(f"brackets are nested deeper than {MAX_DEPTH}")
        self._depth, self._in_string = depth, in_string
        if start < end and depth:
            self._keep(piece[start:])

    def _finish(self) -> Any:
        text = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._held = 0
        return _parse(text)


def request(id: object, method: str, params: object) -> dict[str, Any]:  # noqa: A002  # JSON-RPC's own word
    """A call that wants an answer under ``id``."""
    return {"id": id, "method": method, "params": params}


def response(id: object, result: object) -> dict[str, Any]:  # noqa: A002  # JSON-RPC's own word
    """The answer to the request ``id``."""
    return {"id": id, "result": result, "error": None}


def error(id: object, error: object) -> dict[str, Any]:  # noqa: A002  # JSON-RPC's own word
    """The refusal of the request ``id``."""
    return {"id": id, "result": None, "error": error}


def notification(method: str, params: object) -> dict[str, Any]:
    """A call that nobody answers."""
    return {"id": None, "method": method, "params": params}

"""JSON text, by msgspec in programs that live long and by the standard library in tools.

Importing msgspec takes as long as half of a tool's whole run, which scripts feel; decoding with it is
five times faster, which servers feel.  So it is loaded by who asks for it (``use_msgspec``, at the import
of a server or a client) and by the first text that is worth it; until then ``json`` serves.

Both give the same values; what differs is refused here: NaN and infinities are no JSON.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

WORTH_IT: Final = 1 << 17
"""Bytes from which loading msgspec is cheaper than doing without."""


class JsonTextError(ValueError):
    """The text is not JSON."""


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse)
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _plain_encode(value: Any) -> bytes:
    return _ENCODER.encode(value).encode()


def _plain_decode(text: bytes) -> Any:
    if len(text) >= WORTH_IT:
        use_msgspec()
        return _decode(text)
    try:
        return _DECODER.decode(text.decode())
    except (ValueError, RecursionError) as error:
        raise JsonTextError(str(error)) from error


_encode: Callable[[Any], bytes] = _plain_encode
_decode: Callable[[bytes], Any] = _plain_decode


def use_msgspec() -> None:
    """Decode and encode by msgspec from now on."""
    global _encode, _decode  # noqa: PLW0603  the one switch of this module
    import msgspec

    def plain(value: Any) -> str:
        """Subclasses of ``str`` (``ovsdb.values.UUID``) travel as what they are."""
        if isinstance(value, str):
            return str(value)
        raise TypeError(f"{type(value).__name__} has no JSON form")

    fast = msgspec.json.Decoder().decode

    def decode_fast(text: bytes) -> Any:
        try:
            return fast(text)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise JsonTextError(str(error)) from error

    _encode = msgspec.json.Encoder(enc_hook=plain).encode
    _decode = decode_fast


def encode(value: Any) -> bytes:
    """The shortest text of a value."""
    return _encode(value)


def decode(text: bytes) -> Any:
    """The value of a text; raises ``JsonTextError``."""
    return _decode(text)

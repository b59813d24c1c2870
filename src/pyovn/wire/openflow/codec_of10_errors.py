"""The errors of OpenFlow 1.0: 1.5's codes as 1.0 numbers them, or as Open vSwitch's vendor errors."""

from __future__ import annotations

import struct
from typing import Final

from pyovn.wire.openflow import messages as ofp

_VENDOR_ERROR: Final = 0xB0C2
_NICIRA: Final = 0x2320
_EXPERIMENTER: Final = 0xFFFF
_EXPERIMENTER_ERRORS: Final = 511
_UNENCODABLE: Final = (1, 521)
_STANDARD_ERRORS: Final = {
    (0, 0): (0, 0),
    (0, 1): (0, 1),
    **{(1, code): (1, code) for code in range(9)},
    **{(2, code): (2, code) for code in range(9)},
    (5, 1): (3, 0),
    (5, 3): (3, 1),
    (5, 4): (3, 2),
    (5, 6): (3, 4),
    (7, 0): (4, 0),
    (7, 1): (4, 1),
}
"""Errors of 1.5 that 1.0 has, too."""

_VENDOR_ERRORS: Final = {
    **{(6, code): (6, code) for code in range(17)},
    (2, 9): (2, 9),
    (4, 0): (1, 256),
    (4, 6): (1, 257),
    (4, 7): (1, 258),
    (4, 8): (1, 259),
    (4, 9): (1, 260),
    (4, 10): (1, 261),
    (4, 5): (1, 262),
    (5, 2): (1, 512),
    (1, 9): (1, 512),
    (11, 2): (1, 513),
    (1, 11): (1, 514),
    (16, 1): (1, 517),
    (16, 5): (1, 518),
    (16, 3): (1, 519),
    (2, 10): (1, 522),
    (2, 13): (1, 523),
    (2, 14): (1, 524),
    (2, 15): (1, 525),
    (3, 1): (2, 257),
    (5, 7): (3, 258),
}
"""Errors of 1.5 that Open vSwitch's envelope carries in 1.0; what neither table has cannot be said there."""

_STANDARD_LATER: Final = {old: new for new, old in _STANDARD_ERRORS.items()}
_VENDOR_LATER: Final = {old: new for new, old in _VENDOR_ERRORS.items()}


def encode_error(error: ofp.Error) -> bytes:
    """Body of OFPT_ERROR."""
    key = (error.type, error.code)
    standard = _STANDARD_ERRORS.get(key)
    if standard is not None:
        return struct.pack("!HH", *standard) + error.data
    if error.type == _EXPERIMENTER:
        inner = (1, error.code + _EXPERIMENTER_ERRORS)
    else:
        inner = _VENDOR_ERRORS.get(key, _UNENCODABLE)
    return struct.pack("!HHIHH", _VENDOR_ERROR, 0, _NICIRA, *inner) + error.data


def decode_error(body: bytes) -> ofp.Error:
    """Body of OFPT_ERROR."""
    kind, code = struct.unpack_from("!HH", body)
    if kind == _VENDOR_ERROR and len(body) >= 12:
        vendor, inner, number = struct.unpack_from("!IHH", body, 4)
        known = _VENDOR_LATER.get((inner, number))
        if known is not None:
            return ofp.Error(*known, body[12:])
        return ofp.Error(_EXPERIMENTER, number - _EXPERIMENTER_ERRORS & 0xFFFF, body[12:], vendor)
    kind, code = _STANDARD_LATER.get((kind, code), (kind, code))
    return ofp.Error(kind, code, body[4:])

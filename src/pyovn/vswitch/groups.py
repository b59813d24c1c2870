"""OpenFlow groups: several lists of actions of which all, one, or the first live one applies.

The bucket of a ``select`` group is chosen by a hash over the packet's addresses, protocol and ports
(ovs-ofctl(8), ``selection_method``), the same for both directions of a connection, and by weight.
The hash is a plain function of those fields, so the choice can be cached with them.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from pyovn.vswitch.flowkey import SLOTS, mask_of

if TYPE_CHECKING:
    from pyovn.vswitch.program import Program
    from pyovn.vswitch.translate import Translation
    from pyovn.wire.openflow.multiparts import GroupEntry

ALL: Final = 0
SELECT: Final = 1
INDIRECT: Final = 2
FAST_FAILOVER: Final = 3

_PAIRS: Final = tuple(
    (SLOTS[a], SLOTS[b])
    for a, b in (
        ("eth_src", "eth_dst"),
        ("ip_src", "ip_dst"),
        ("ipv6_src", "ipv6_dst"),
        ("tp_src", "tp_dst"),
    )
)
_HASHED: Final = mask_of(
    "eth_src",
    "eth_dst",
    "eth_type",
    "ip_src",
    "ip_dst",
    "ipv6_src",
    "ipv6_dst",
    "ip_proto",
    "tp_src",
    "tp_dst",
)
_PROTO: Final = SLOTS["ip_proto"]


class Bucket:
    """One list of actions.  ``watch_port`` None: always live."""

    __slots__ = ("id", "program", "watch_port", "weight")

    def __init__(self, number: int, weight: int, watch_port: int | None, program: Program) -> None:
        self.id = number
        self.weight = weight
        self.watch_port = watch_port
        self.program = program


class SwitchGroup:
    """A group; ``entry`` is what it was made from, for dumps."""

    __slots__ = ("buckets", "created", "entry", "id", "kind")

    def __init__(
        self, number: int, kind: int, buckets: tuple[Bucket, ...], entry: GroupEntry, now: float
    ) -> None:
        self.id = number
        self.kind = kind
        self.buckets = buckets
        self.entry = entry
        self.created = now

    def choose(self, x: Translation) -> list[tuple[int, Program]]:
        """The buckets that apply to the packet, as (bucket id, program)."""
        buckets = self.buckets
        if self.kind == ALL:
            return [(b.id, b.program) for b in buckets]
        live = [b for b in buckets if _is_live(x, b)]
        if self.kind == SELECT:
            live = [b for b in live if b.weight]
            if len(live) > 1:
                x.wc |= _HASHED
                live = [_pick(live, flow_hash(x.key))]
        if not live:
            x.note("no live bucket")
            return []
        return [(live[0].id, live[0].program)]


def _is_live(x: Translation, bucket: Bucket) -> bool:
    if bucket.watch_port is None:
        return True
    port = x.pipeline.ports.get(bucket.watch_port)
    return port is not None and port.usable


def _pick(buckets: list[Bucket], number: int) -> Bucket:
    number %= sum(b.weight for b in buckets)
    for bucket in buckets:
        number -= bucket.weight
        if number < 0:
            return bucket
    raise AssertionError("the remainder is less than the sum of the weights")


def flow_hash(key: int) -> int:
    """A hash of a connection, equal for both of its directions."""
    total = _PROTO.read(key)
    for a, b in _PAIRS:
        total = total << 128 | a.read(key) ^ b.read(key)
    return zlib.crc32(total.to_bytes(72, "big"))

"""OpenFlow groups: several lists of actions of which all, one, or the first live one applies.

The bucket of a ``select`` group is chosen by a hash over the packet's addresses, protocol and ports
(ovs-ofctl(8), ``selection_method``), the same for both directions of a connection, and by weight.
The hash is a plain function of those fields, so the choice can be cached with them.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from pyovn.vswitch.flowkey import SLOTS, mask_of
from pyovn.wire.openflow.actions import PORT_NONE
from pyovn.wire.openflow.multiparts import ANY_GROUP

if TYPE_CHECKING:
    from pyovn.vswitch.program import Program
    from pyovn.vswitch.translate import Translation
    from pyovn.wire.openflow.multiparts import GroupEntry

ALL: Final = 0
SELECT: Final = 1
INDIRECT: Final = 2
FAST_FAILOVER: Final = 3

MAX_LIVENESS: Final = 128
"""Groups that watch groups, as deep as Open vSwitch follows them."""

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

    __slots__ = ("bytes", "id", "packets", "program", "used", "watch_group", "watch_port", "weight")

    def __init__(
        self, number: int, weight: int, watch_port: int | None, watch_group: int | None, program: Program
    ) -> None:
        self.packets = self.bytes = 0
        self.used = 0.0
        self.watch_group = watch_group
        self.id = number
        self.weight = weight
        self.watch_port = watch_port
        self.program = program


class SwitchGroup:
    """A group; ``entry`` is what it was made from, for dumps."""

    __slots__ = ("buckets", "bytes", "created", "entry", "id", "kind", "packets", "used")

    def __init__(
        self, number: int, kind: int, buckets: tuple[Bucket, ...], entry: GroupEntry, now: float
    ) -> None:
        self.id = number
        self.packets = self.bytes = 0
        self.used = now
        self.kind = kind
        self.buckets = buckets
        self.entry = entry
        self.created = now

    def choose(self, x: Translation) -> list[Bucket]:
        """The buckets that apply to the packet."""
        buckets = self.buckets
        if self.kind == ALL:
            return list(buckets)
        live = [b for b in buckets if _is_live(x, b)]
        if self.kind == SELECT:
            live = [b for b in live if b.weight]
            if len(live) > 1:
                x.wc |= _HASHED
                live = [_pick(live, flow_hash(x.key))]
        if not live:
            x.note("no live bucket")
            return []
        return [live[0]]


def _is_live(x: Translation, bucket: Bucket, depth: int = 0) -> bool:
    """A bucket lives with the port or the group that it watches; one that watches nothing always does."""
    if bucket.watch_port is not None and bucket.watch_port != PORT_NONE:
        port = x.pipeline.ports.get(bucket.watch_port)
        return port is not None and port.usable
    if bucket.watch_group is not None and bucket.watch_group != ANY_GROUP:
        group = x.pipeline.groups.get(bucket.watch_group)
        if group is None or depth >= MAX_LIVENESS:
            return False
        return any(_is_live(x, inner, depth + 1) for inner in group.buckets)
    return True


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

"""NAT of routers: ``ct_dnat``, ``ct_snat``, both ``_in_czone``, ``ct_commit_nat``, ``ct_snat_to_vip``.

Without arguments an action undoes what a committed connection had done; with an address, and ports
after a comma, it translates and commits.  All but ``ct_snat_to_vip`` go on in the next table.

DNAT and SNAT have zones of their own (ovn-architecture(7), "conntrack zone fields for routers"); the
common zone is the DNAT zone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pyovn.logical.actions_base import Action, EncodeContext, Reader
from pyovn.logical.actions_ct import tracking_zone
from pyovn.logical.lexer import CONSTANT, IPV4, IPV6, Constant
from pyovn.ovn import registers
from pyovn.wire.openflow.actions import NAT_DST, NAT_SRC, Ct, Nat, Resubmit, Subfield
from pyovn.wire.openflow.fields import FIELDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.wire.openflow.actions import Action as OpenFlowAction

_DNAT_ZONE: Final = Subfield(FIELDS[registers.LOG_DNAT_ZONE], 0, 16)
_SNAT_ZONE: Final = Subfield(FIELDS[registers.LOG_SNAT_ZONE], 0, 16)

_KINDS: Final = {
    "ct_dnat": (NAT_DST, _DNAT_ZONE),
    "ct_snat": (NAT_SRC, _SNAT_ZONE),
    "ct_dnat_in_czone": (NAT_DST, _DNAT_ZONE),
    "ct_snat_in_czone": (NAT_SRC, _DNAT_ZONE),
}
NAT_ACTIONS: Final = tuple(_KINDS)


@dataclass(frozen=True, slots=True)
class CtNat(Action):
    """One of ``NAT_ACTIONS``; ``address`` None: undo.  Ports are a range, 0 where not given."""

    name: str
    address: Constant | None = None
    first_port: int = 0
    last_port: int = 0

    @property
    def needs(self) -> str:
        """Only IP is tracked."""
        return "ip"

    def __str__(self) -> str:
        if self.address is None:
            return f"{self.name};"
        ports = ""
        if self.first_port:
            ports = f",{self.first_port}"
            if self.last_port:
                ports += f"-{self.last_port}"
        return f"{self.name}({self.address}{ports});"

    def encode(self, ctx: EncodeContext, out: list[OpenFlowAction], /) -> None:
        """A ct with nat that goes on in the next table."""
        flag, zone = _KINDS[self.name]
        address = self.address
        if address is None:
            nat = Nat()
        else:
            nat = Nat(
                flag,
                4 if address.form == IPV4 else 6,
                address.value,
                None,
                self.first_port or None,
                self.last_port or None,
            )
        out.append(Ct(commit=address is not None, table=ctx.jump(None, None), zone=zone, nat=nat))


@dataclass(frozen=True, slots=True)
class CtCommitNat(Action):
    """``ct_commit_nat``."""

    @property
    def needs(self) -> str:
        """Only IP is tracked."""
        return "ip"

    def __str__(self) -> str:
        return "ct_commit_nat;"

    def encode(self, ctx: EncodeContext, out: list[OpenFlowAction], /) -> None:
        """A committing ct with nat that goes on in the next table."""
        out.append(Ct(commit=True, table=ctx.jump(None, None), zone=tracking_zone(ctx), nat=Nat()))


@dataclass(frozen=True, slots=True)
class CtSnatToVip(Action):
    """``ct_snat_to_vip``: a helper table has a flow for each VIP."""

    def __str__(self) -> str:
        return "ct_snat_to_vip;"

    def encode(self, ctx: EncodeContext, out: list[OpenFlowAction], /) -> None:
        """A resubmit to the helper table."""
        out.append(Resubmit(ctx.profile.oftables.ct_snat_hairpin))


def reader_of(name: str) -> Callable[[Reader], Action]:
    """The function that reads what follows ``name``."""

    def read(reader: Reader) -> Action:
        tokens = reader.tokens
        if not tokens.accept("("):
            return CtNat(name)
        address = tokens.value
        if tokens.kind != CONSTANT or not isinstance(address, Constant) or address.form not in (IPV4, IPV6):
            raise tokens.error("expecting an IPv4 or IPv6 address")
        if address.mask is not None:
            raise tokens.error("expecting an address without a mask")
        tokens.at += 1
        first = last = 0
        if tokens.accept(","):
            first = _port(reader)
            if tokens.accept("-"):
                start = tokens.at
                last = _port(reader)
                if last <= first:
                    raise tokens.error(f"a range of ports goes up: expecting a port above {first}", start)
        tokens.expect(")")
        return CtNat(name, address, first, last)

    return read


def _port(reader: Reader) -> int:
    tokens = reader.tokens
    start = tokens.at
    port = tokens.integer("a port")
    if not 0 < port < 1 << 16:
        raise tokens.error("a port lies between 1 and 65535", start)
    return port


def read_commit_nat(_reader: Reader) -> Action:
    """After ``ct_commit_nat``."""
    return CtCommitNat()


def read_snat_to_vip(_reader: Reader) -> Action:
    """After ``ct_snat_to_vip``."""
    return CtSnatToVip()

"""Tunnel ports: Geneve (RFC 8926) and VXLAN (RFC 7348) over an underlay network.

A tunnel port is where a virtual network leaves a hypervisor.  Towards the underlay its frames get a
tunnel header with the virtual network's number (``tun_id``) and, for Geneve, options; the mapping
between options and ``tun_metadata`` fields is the bridge's TLV table, which OVN's controllers set
(``ovs-ofctl(8)``, "add-tlv-map").  From the underlay the header selects the port: by sender and key
first, then by one of them, then any port of the kind whose ``remote_ip`` and ``key`` are ``flow``
(ovs-vswitchd.conf.db(5), "Tunnel Options").

The payload here is that of the outer UDP datagram; the rest of the outer headers belongs to the
underlay.  A Geneve header tells itself from a VXLAN header by its protocol field.

Invariants: an address is attached to the underlay while at least one tunnel port uses it.
Not here: routes, ARP on the underlay, IPv6 endpoints, IPsec.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final, NamedTuple

from pyovn.vswitch.flowkey import SLOTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pyovn.sim.underlay import Underlay
    from pyovn.vswitch.ports import SwitchPort

KINDS: Final = ("geneve", "vxlan")
_ETHERNET_IN_GENEVE: Final = 0x6558
_CRITICAL: Final = 0x80
_TUN_ID, _TUN_DST, _TUN_SRC = SLOTS["tun_id"], SLOTS["tun_dst"], SLOTS["tun_src"]
_TUN_METADATA = SLOTS["tun_metadata0"]
_VNI: Final = (1 << 24) - 1


class TunnelConfig(NamedTuple):
    """The options of a tunnel interface; ``None`` for an address or key means ``flow``."""

    kind: str
    remote: str | None
    local: str | None
    in_key: int | None
    out_key: int | None

    @staticmethod
    def parse(kind: str, options: Mapping[str, str]) -> TunnelConfig:
        """Read the ``options`` column; raises ``ValueError`` with the reason."""
        remote = options.get("remote_ip")
        if not remote:
            raise ValueError(f"{kind} type requires valid 'remote_ip' argument")
        key = options.get("key", "0")
        return TunnelConfig(
            kind,
            _address(remote, "remote_ip"),
            _address(options["local_ip"], "local_ip") if options.get("local_ip") else None,
            _key(options.get("in_key", key)),
            _key(options.get("out_key", key)),
        )


def _address(text: str, name: str) -> str | None:
    if text == "flow":
        return None
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        raise ValueError(f"bad {name} {text!r}") from None


def _key(text: str) -> int | None:
    if text == "flow":
        return None
    try:
        return int(text, 0) & _VNI
    except ValueError:
        raise ValueError(f"bad tunnel key {text!r}") from None


class TlvMapping(NamedTuple):
    """A Geneve option that ``tun_metadata<index>`` stands for."""

    option_class: int
    option_type: int
    option_len: int
    index: int


def encode_geneve(vni: int, options: bytes, frame: bytes) -> bytes:
    """A Geneve datagram's payload (RFC 8926 section 3.4)."""
    flags = 0x40 if any(_is_critical(options)) else 0
    head = bytes((len(options) // 4, flags)) + _ETHERNET_IN_GENEVE.to_bytes(2, "big")
    return head + (vni << 8).to_bytes(4, "big") + options + frame


def _is_critical(options: bytes) -> list[bool]:
    return [kind & _CRITICAL != 0 for _, kind, _ in split_options(options)]


def encode_option(option_class: int, option_type: int, data: bytes) -> bytes:
    """One Geneve option (RFC 8926 section 3.5); ``data`` is a multiple of 4 bytes."""
    return option_class.to_bytes(2, "big") + bytes((option_type, len(data) // 4)) + data


def split_options(data: bytes) -> list[tuple[int, int, bytes]]:
    """(class, type, data) of each Geneve option; raises ``ValueError`` on a wrong length."""
    found = []
    at = 0
    while at < len(data):
        size = 4 * (data[at + 3] & 0x1F)
        if at + 4 + size > len(data):
            raise ValueError("a Geneve option ends beyond the header")
        found.append((int.from_bytes(data[at : at + 2], "big"), data[at + 2], data[at + 4 : at + 4 + size]))
        at += 4 + size
    return found


def encode_vxlan(vni: int, frame: bytes) -> bytes:
    """A VXLAN datagram's payload (RFC 7348 section 5)."""
    return b"\x08\0\0\0" + (vni << 8).to_bytes(4, "big") + frame


def decode(payload: bytes) -> tuple[str, int, list[tuple[int, int, bytes]], bytes]:
    """(kind, VNI, options, inner frame); raises ``ValueError``."""
    if len(payload) < 8:
        raise ValueError("a tunnel header needs 8 bytes")
    vni = int.from_bytes(payload[4:7], "big")
    if int.from_bytes(payload[2:4], "big") == _ETHERNET_IN_GENEVE:
        if payload[0] >> 6:
            raise ValueError(f"Geneve version {payload[0] >> 6}")
        end = 8 + 4 * (payload[0] & 0x3F)
        if len(payload) < end:
            raise ValueError("the Geneve options are cut short")
        return "geneve", vni, split_options(payload[8:end]), payload[end:]
    if payload[0] & 0x08:
        return "vxlan", vni, [], payload[8:]
    raise ValueError("neither Geneve nor VXLAN")


def _ip_int(address: str) -> int:
    return int(ipaddress.IPv4Address(address))


class Tunnels:
    """The tunnel ports of a switch.

    ``tlv_of(port)`` gives the TLV table of the port's bridge; ``deliver(port, frame, metadata)`` takes
    what came in.  ``dropped`` counts datagrams that no port wanted or that were malformed.
    """

    def __init__(
        self,
        underlay: Underlay | None,
        deliver: Callable[[SwitchPort, bytes, int], None],
        tlv_of: Callable[[SwitchPort], Mapping[int, TlvMapping]],
    ) -> None:
        self.dropped = 0
        self.local_ips: tuple[str, ...] = ()
        self._underlay = underlay
        self._deliver = deliver
        self._tlv_of = tlv_of
        self._ports: dict[SwitchPort, TunnelConfig] = {}
        self._by_header: dict[tuple[str, str | None, int | None], SwitchPort] = {}
        self._attached: set[str] = set()

    def add(self, port: SwitchPort, config: TunnelConfig) -> None:
        """Make ``port`` a tunnel; raises ``ValueError`` when another one has the same header."""
        header = (config.kind, config.remote, config.in_key)
        if self._by_header.setdefault(header, port) is not port:
            other = self._by_header[header].name
            raise ValueError(f"{port.name}: attempting to add tunnel port with same config as port '{other}'")
        self._ports[port] = config
        port.is_tunnel = True
        port.transmit = lambda frame, key: self._send(port, config, frame, key)
        self._attach()

    def remove(self, port: SwitchPort) -> None:
        """Forget a port; harmless when it is no tunnel."""
        config = self._ports.pop(port, None)
        if config is not None:
            del self._by_header[config.kind, config.remote, config.in_key]
            self._attach()

    def config(self, port: SwitchPort) -> TunnelConfig | None:
        """The options of a tunnel port."""
        return self._ports.get(port)

    def set_local(self, addresses: tuple[str, ...]) -> None:
        """The addresses of this hypervisor on the underlay; the first is used to send from."""
        if addresses != self.local_ips:
            self.local_ips = addresses
            self._attach()

    def close(self) -> None:
        """Leave the underlay."""
        self._ports.clear()
        self._by_header.clear()
        self._attach()

    def _attach(self) -> None:
        """Be on the underlay under exactly the addresses that are in use."""
        wanted: set[str] = set()
        if self._ports and self._underlay is not None:
            wanted = set(self.local_ips) | {c.local for c in self._ports.values() if c.local is not None}
        assert self._underlay is not None or not wanted, "no addresses without an underlay"
        for address in sorted(self._attached - wanted):
            self._underlay.detach(address)  # type: ignore[union-attr]  # asserted above
            self._attached.discard(address)
        for address in sorted(wanted - self._attached):
            self._underlay.attach(address, self._receive)  # type: ignore[union-attr]  # asserted above
            self._attached.add(address)

    def _send(self, port: SwitchPort, config: TunnelConfig, frame: bytes, key: int) -> None:
        remote = config.remote
        if remote is None:
            flow_remote = _TUN_DST.read(key)
            remote = str(ipaddress.IPv4Address(flow_remote)) if flow_remote else None
        local = config.local or (self.local_ips[0] if self.local_ips else None)
        if remote is None or local is None or self._underlay is None:
            self.dropped += 1
            return
        vni = (_TUN_ID.read(key) if config.out_key is None else config.out_key) & _VNI
        if config.kind == "vxlan":
            payload = encode_vxlan(vni, frame)
        else:
            payload = encode_geneve(vni, self._options(port, key), frame)
        self._underlay.send(local, remote, payload)

    def _options(self, port: SwitchPort, key: int) -> bytes:
        value = _TUN_METADATA.read(key)
        mapping = self._tlv_of(port).get(0)
        if mapping is None or not value:
            return b""
        data = (value & (1 << 8 * mapping.option_len) - 1).to_bytes(mapping.option_len, "big")
        return encode_option(mapping.option_class, mapping.option_type, data)

    def _receive(self, source: str, payload: bytes) -> None:
        try:
            kind, vni, options, frame = decode(payload)
        except ValueError:
            self.dropped += 1
            return
        port = self._select(kind, source, vni)
        if port is None:
            self.dropped += 1
            return
        metadata = _ip_int(source) << _TUN_SRC.offset | vni << _TUN_ID.offset
        config = self._ports[port]
        local = config.local or (self.local_ips[0] if self.local_ips else None)
        if local is not None:
            metadata |= _ip_int(local) << _TUN_DST.offset
        mapping = self._tlv_of(port).get(0)
        for option_class, option_type, data in options:
            if mapping is not None and (option_class, option_type) == mapping[:2]:
                metadata |= (int.from_bytes(data, "big") & _TUN_METADATA.ones) << _TUN_METADATA.offset
            elif option_type & _CRITICAL:
                # RFC 8926 section 3.5: a critical option that is not understood drops the packet.
                self.dropped += 1
                return
        self._deliver(port, frame, metadata)

    def _select(self, kind: str, source: str, vni: int) -> SwitchPort | None:
        ports = self._by_header
        for remote, key in ((source, vni), (source, None), (None, vni), (None, None)):
            port = ports.get((kind, remote, key))
            if port is not None:
                return port
        return None

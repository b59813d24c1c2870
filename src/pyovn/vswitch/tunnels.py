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
from pyovn.wire.packet import Geneve, GeneveOption, PacketError, Vxlan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pyovn.sim.underlay import Underlay
    from pyovn.vswitch.ports import SwitchPort

KINDS: Final = ("geneve", "vxlan")
_ETHERNET_IN_GENEVE: Final = b"\x65\x58"
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
            _address(remote, f"bad {kind} 'remote_ip'"),
            _address(options["local_ip"], f"bad {kind} 'local_ip'") if options.get("local_ip") else None,
            _key(options.get("in_key", key)),
            _key(options.get("out_key", key)),
        )


def _address(text: str, refusal: str) -> str | None:
    if text == "flow":
        return None
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        raise ValueError(refusal) from None


def _key(text: str) -> int | None:
    if text == "flow":
        return None
    try:
        return int(text, 0) & _VNI
    except ValueError:
        raise ValueError(f"bad tunnel key {text!r}") from None


class TlvMapping(NamedTuple):
    """A Geneve option that ``tun_metadata<number>`` stands for."""

    option_class: int
    option_type: int
    length: int
    number: int


def decode(payload: bytes) -> tuple[str, int, tuple[GeneveOption, ...], bytes]:
    """(kind, VNI, options, inner frame) of a datagram; raises ``PacketError``."""
    if payload[2:4] == _ETHERNET_IN_GENEVE:
        geneve, frame = Geneve.parse(payload)
        return "geneve", geneve.vni, geneve.options, frame
    vxlan, frame = Vxlan.parse(payload)
    return "vxlan", vxlan.vni, (), frame


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
        self.taken: set[str] = set()
        """Addresses of ours that somebody else has on the underlay: nothing arrives for us there."""

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
        if addresses != self.local_ips or self.taken:
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
        self.taken.clear()
        for address in sorted(wanted - self._attached):
            try:
                self._underlay.attach(address, self._receive)  # type: ignore[union-attr]  # asserted above
            except ValueError:  # another hypervisor has it; the next call of ``set_local`` tries again
                self.taken.add(address)
            else:
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
            payload = Vxlan(vni).build(frame)
        else:
            payload = Geneve(vni, self._options(port, key)).build(frame)
        self._underlay.send(local, remote, payload)

    def _options(self, port: SwitchPort, key: int) -> tuple[GeneveOption, ...]:
        value = _TUN_METADATA.read(key)
        mapping = self._tlv_of(port).get(0)
        if mapping is None or not value:
            return ()
        data = (value & (1 << 8 * mapping.length) - 1).to_bytes(mapping.length, "big")
        return (GeneveOption(mapping.option_class, mapping.option_type, data),)

    def _receive(self, source: str, payload: bytes) -> None:
        try:
            kind, vni, options, frame = decode(payload)
        except PacketError:
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
        for option in options:
            if mapping is not None and (option.option_class, option.type) == mapping[:2]:
                value = int.from_bytes(option.data, "big")
                metadata |= (value & _TUN_METADATA.ones) << _TUN_METADATA.offset
            elif option.type & _CRITICAL:
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

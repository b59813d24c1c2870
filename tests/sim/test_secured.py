"""TLS over streams in virtual time, with certificates made for the test."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from certificates import Authority
from pyovn.sim.secured import HANDSHAKE_TIMEOUT, SecuredRuntime
from pyovn.sim.tlsfiles import TlsFiles
from pyovn.sim.virtual import VirtualRuntime

if TYPE_CHECKING:
    from pathlib import Path

    from pyovn.sim.runtime import Stream


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki"), "ca")


class World:
    """A server that echoes and a client, each with its own keys, on one network."""

    def __init__(self, server: TlsFiles, client: TlsFiles) -> None:
        self.network = VirtualRuntime()
        self.server = SecuredRuntime(self.network, server)
        self.client = SecuredRuntime(self.network, client)
        self.log: list[str] = []
        self.server.log = lambda level, text: self.log.append(f"server {level}: {text}")
        self.client.log = lambda level, text: self.log.append(f"client {level}: {text}")
        self.accepted: list[Stream] = []
        self.received = b""
        self.ends: list[str] = []
        self.failures: list[str] = []
        self.streams: list[Stream] = []
        self.listener = self.server.listen("pssl:0:127.0.0.1", self._accept)
        self.address = f"ssl:127.0.0.1:{self.listener.address.split(':')[1]}"

    def _accept(self, stream: Stream) -> None:
        self.accepted.append(stream)
        stream.on_data = stream.write
        stream.on_close = lambda why: self.ends.append(f"server: {why}")

    def connect(self) -> None:
        def connected(stream: Stream) -> None:
            self.streams.append(stream)
            stream.on_data = self._receive
            stream.on_close = lambda why: self.ends.append(f"client: {why}")

        self.client.connect(self.address, connected, self.failures.append)
        self.network.settle()

    def _receive(self, data: bytes) -> None:
        self.received += data


def test_bytes_go_both_ways_and_each_side_knows_the_others_name(authority: Authority) -> None:
    world = World(authority.files("server"), authority.files("hv1"))
    assert world.listener.address.startswith("pssl:")
    world.connect()
    assert world.accepted[0].identity == "hv1"
    assert world.accepted[0].peer.startswith("ssl:")
    assert world.streams[0].identity == "server"
    data = bytes(range(256)) * 4096
    world.streams[0].write(data)
    world.network.settle()
    assert world.received == data
    assert world.streams[0].backlog() == 0
    world.streams[0].close()
    world.network.settle()
    assert world.ends == ["server: connection closed by peer"]
    assert world.log == []


def test_a_stranger_is_refused_by_either_side(authority: Authority, tmp_path: Path) -> None:
    strangers = Authority(tmp_path, "other")
    world = World(authority.files("server"), strangers.files("evil", ca_cert=authority.certificate))
    world.connect()
    assert world.accepted == []
    assert any("SSL_accept: certificate verify failed" in line for line in world.log)
    world = World(strangers.files("server", ca_cert=authority.certificate), authority.files("hv1"))
    world.connect()
    assert world.failures == ["Protocol error"]
    assert any("client warn" in line and "certificate verify failed" in line for line in world.log)


def test_no_keys_no_connection_but_the_listener_stands(authority: Authority) -> None:
    world = World(TlsFiles(), TlsFiles())
    world.connect()
    assert world.failures == ["Protocol not available"]
    assert world.log == ["client err: Private key must be configured to use SSL"]
    world.client.files = authority.files("hv1")
    world.connect()
    assert world.failures[1:] == ["Protocol error"]
    world.server.files = authority.files("server")
    world.connect()
    assert len(world.accepted) == 1


def test_without_verification_a_peer_has_no_name(authority: Authority, tmp_path: Path) -> None:
    strangers = Authority(tmp_path, "other")
    world = World(authority.files("server", ca_cert="none"), strangers.files("x", ca_cert="none"))
    world.connect()
    assert world.accepted[0].identity is None


def test_renewed_files_are_read_again(authority: Authority, tmp_path: Path) -> None:
    files = authority.files("hv1")
    copies = TlsFiles(str(tmp_path / "k"), str(tmp_path / "c"), files.ca_cert)
    for name in ("hv1", "hv2"):
        source = authority.files(name)
        shutil.copy(source.private_key, copies.private_key)
        shutil.copy(source.certificate, copies.certificate)
        if name == "hv1":
            world = World(authority.files("server"), copies)
        world.connect()
    assert [stream.identity for stream in world.accepted] == ["hv1", "hv2"]


def test_the_first_peer_tells_its_ca(authority: Authority, tmp_path: Path) -> None:
    ours = authority.files("hv1")
    learned = tmp_path / "learned.pem"
    client = TlsFiles(ours.private_key, ours.certificate, str(learned), bootstrap=True)
    world = World(authority.files("server", ca_cert="none"), client)
    world.connect()
    assert "no self-signed certificate" in world.log[0]
    assert world.failures == ["Protocol error"]
    world = World(authority.files("server", ca_cert="none", peer_ca_cert=authority.certificate), client)
    world.connect()
    assert world.log == [f"client info: successfully bootstrapped CA cert to {learned}"]
    world.connect()
    assert len(world.streams) == 1
    assert world.streams[0].identity == "server"


def test_a_server_without_a_ca_lets_nobody_in(authority: Authority, tmp_path: Path) -> None:
    learned = str(tmp_path / "learned.pem")
    world = World(authority.files("server", ca_cert=learned, bootstrap=True), authority.files("hv1"))
    world.connect()
    assert world.accepted == []
    assert world.log[0].endswith(f"{learned} does not exist, and a client cannot provide it")


@pytest.mark.parametrize(
    ("server", "client", "meets"),
    [("TLSv1.2", "", True), ("TLSv1.3", "TLSv1.2", False), ("TLSv1.2,TLSv1.3", "TLSv1.3", True)],
)
def test_versions(authority: Authority, server: str, client: str, meets: bool) -> None:
    world = World(authority.files("server", protocols=server), authority.files("hv1", protocols=client))
    world.connect()
    assert bool(world.streams) is meets


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"protocols": "SSLv9"}, "SSLv9: SSL protocol not recognized"),
        ({"ciphers": "nonsense"}, "SSL_CTX_set_cipher_list"),
        ({"private_key": "/nowhere"}, "/nowhere: No such file"),
        ({"ca_cert": "/nowhere"}, "/nowhere: No such file"),
    ],
)
def test_keys_that_are_of_no_use_are_named(authority: Authority, change: dict[str, Any], words: str) -> None:
    world = World(authority.files("server"), authority.files("hv1", **change))
    world.connect()
    assert world.failures == ["Protocol error"]
    assert words in world.log[0]


def test_noise_and_silence_are_dropped(authority: Authority) -> None:
    world = World(authority.files("server"), authority.files("hv1"))
    streams: list[Stream] = []
    carrier = world.address.replace("ssl:", "tcp:")
    for _ in range(2):
        world.network.connect(carrier, streams.append, world.failures.append)
    world.network.settle()
    streams[0].on_data = lambda _data: None
    streams[0].on_close = lambda _why: world.ends.append("noise")
    streams[1].on_data = lambda _data: None
    streams[1].on_close = lambda _why: world.ends.append("silence")
    streams[0].write(b'{"id":0,"method":"list_dbs","params":[]}')
    world.network.settle()
    assert world.ends == ["noise"]
    world.network.advance(HANDSHAKE_TIMEOUT)
    assert world.ends == ["noise", "silence"]
    assert "handshake timed out" in world.log[-1]
    assert world.accepted == []

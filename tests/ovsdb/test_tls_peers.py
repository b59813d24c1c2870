"""TLS, roles and active remotes between Debian's programs and ours, in every combination."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
from typing import TYPE_CHECKING

import pytest
from server_kit import BIN, BOTH, DEBIANS, OURS, ServerProcess, program, run, wait_until

from certificates import Authority
from ports import free_port
from pyovn.schemas.northbound import NORTHBOUND
from pyovn.schemas.southbound import SOUTHBOUND
from pyovn.schemas.vswitch import OPEN_VSWITCH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Peer = Callable[[str], str]
    Start = Callable[..., ServerProcess]

pytestmark = pytest.mark.peers
CONNECTIONS = "--remote=db:OVN_Southbound,SB_Global,connections"
KEYS = tuple(
    f"--{option}=db:OVN_Southbound,SSL,{column}"
    for option, column in {
        "private-key": "private_key",
        "certificate": "certificate",
        "ca-cert": "ca_cert",
        "ssl-protocols": "ssl_protocols",
        "ssl-ciphers": "ssl_ciphers",
    }.items()
)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki"), "ca")


@pytest.fixture
def start(short_tmp: Path, peer: Peer) -> Iterator[Start]:
    running: list[ServerProcess] = []

    def begin(whose: str, *words: str, name: str = "s") -> ServerProcess:
        schemas = (NORTHBOUND.schema, SOUTHBOUND.schema)
        running.append(ServerProcess(whose, peer, short_tmp / name, schemas, *words))
        return running[-1]

    yield begin
    for server in running:
        server.stop()


def transact(whose: str, peer: Peer, remote: str, keys: tuple[str, ...], *operations: object) -> str:
    request = json.dumps(["OVN_Southbound", *operations])
    client = program(whose, "ovsdb-client", peer)
    return run(client, "--timeout=10", *keys, "transact", remote, request, check=False)


@pytest.mark.parametrize(("server", "client"), [(OURS, OURS), (OURS, DEBIANS), (DEBIANS, OURS)])
def test_who_is_signed_is_let_in(
    start: Start, peer: Peer, authority: Authority, tmp_path: Path, server: str, client: str
) -> None:
    port = free_port()
    start(server, f"--remote=pssl:{port}:127.0.0.1", *authority.options("server"))
    remote = f"ssl:127.0.0.1:{port}"
    select = {"op": "select", "table": "SB_Global", "where": []}
    assert transact(client, peer, remote, authority.options("hv1"), select) == '[{"rows":[]}]\n'
    strangers = Authority(tmp_path, "other")
    evil = strangers.files("evil", ca_cert=authority.certificate)
    keys: tuple[str, ...] = ("-p", evil.private_key, "-c", evil.certificate, "-C", evil.ca_cert)
    assert "rows" not in transact(client, peer, remote, keys, select)
    assert "Protocol error" in transact(client, peer, remote, strangers.options("evil"), select)
    learned = tmp_path / "learned.pem"
    keys = ("-p", authority.files("hv1").private_key, "-c", authority.files("hv1").certificate)
    with contextlib.suppress(AssertionError):  # Debian's client stops after it has learned the CA
        transact(client, peer, remote, (*keys, f"--bootstrap-ca-cert={learned}"), select)
    assert learned.exists()
    assert transact(client, peer, remote, (*keys, "-C", str(learned)), select) == '[{"rows":[]}]\n'


def test_the_servers_answer_alike_to_clients_with_a_role(
    start: Start, peer: Peer, authority: Authority
) -> None:
    """northd of each kind writes the role; the requests and their answers are the same."""
    answers = []
    for whose in BOTH:
        server = start(whose, CONNECTIONS, *KEYS, name=whose)
        northd = subprocess.Popen(
            [program(whose, "ovn-northd", peer), "-vconsole:off", f"--unixctl={server.directory}/northd.ctl",
             f"--ovnnb-db={server.remote}", f"--ovnsb-db={server.remote}"],
        )  # fmt: skip
        try:
            port = free_port()
            sbctl = (peer("ovn-sbctl"), f"--db={server.remote}", "--timeout=10")
            run(peer("ovn-nbctl"), f"--db={server.remote}", "--timeout=10", "--wait=sb", "init")
            files = authority.files("server")
            run(*sbctl, "set-ssl", files.private_key, files.certificate, files.ca_cert)
            run(*sbctl, "--", "set-connection", "role=ovn-controller", f"pssl:{port}:127.0.0.1")
            remote = f"ssl:127.0.0.1:{port}"
            wait_until(lambda: "OVN_Southbound" in _list(peer, remote, authority), server)  # noqa: B023  # used at once
            role = run(*sbctl, "--format=csv", "--columns=table,authorization,insert_delete,update", "list",
                       "RBAC_Permission")  # fmt: skip
            answers.append((sorted(role.splitlines()), _ask(peer, remote, authority)))
        finally:
            northd.terminate()
            northd.wait()
    assert answers[0] == answers[1]


def _list(peer: Peer, remote: str, authority: Authority) -> str:
    keys = authority.options("hv1")
    return run(peer("ovsdb-client"), "--timeout=5", *keys, "list-dbs", remote, check=False)


def _ask(peer: Peer, remote: str, authority: Authority) -> list[str]:
    """What hv1 and hv2 are told, one after the other."""

    def chassis(name: str) -> list[object]:
        encap = {"chassis_name": name, "ip": "1.1.1.1", "type": "geneve"}
        return [
            {"op": "insert", "table": "Encap", "uuid-name": "e", "row": encap},
            {"op": "insert", "table": "Chassis", "row": {"name": name, "encaps": ["named-uuid", "e"]}},
        ]

    def change(kind: str, table: str, *where: object, **members: object) -> dict[str, object]:
        return {"op": kind, "table": table, "where": list(where), **members}

    hv1 = ["name", "==", "hv1"]
    requests: list[tuple[str, list[object]]] = [
        ("hv2", chassis("hv1")),
        ("hv1", chassis("hv1")),
        ("hv1", [change("update", "Chassis", hv1, row={"nb_cfg": 4})]),
        ("hv1", [change("update", "Chassis", hv1, row={"hostname": "x"})]),
        ("hv2", [change("update", "Chassis", hv1, row={"nb_cfg": 4})]),
        ("hv2", [change("update", "Chassis", row={"nb_cfg": 4})]),
        ("hv2", [change("update", "Chassis", ["name", "==", "no"], row={"hostname": ""})]),
        ("hv2", [change("update", "DNS", row={})]),
        ("hv1", [change("mutate", "Chassis", hv1, mutations=[["nb_cfg", "+=", 1]])]),
        ("hv1", [change("mutate", "Chassis", hv1, mutations=[["hostname", "nonsense", 1]])]),
        ("hv2", [change("mutate", "Chassis", hv1, mutations=[["nb_cfg", "+=", 1]])]),
        ("hv1", [change("mutate", "SB_Global", mutations=[])]),
        ("hv2", [change("delete", "Chassis", hv1)]),
        ("hv2", [change("delete", "DNS")]),
        ("hv2", [change("delete", "BFD")]),
        ("hv2", [{"op": "insert", "table": "DNS", "row": {}}]),
        ("hv2", [{"op": "insert", "table": "FDB", "row": {"mac": "a", "dp_key": 1, "port_key": 1}}]),
        ("hv2", [{"op": "insert", "table": "FDB", "row": {"nonsense": "a"}}]),
        ("hv1", [change("delete", "Chassis", hv1), {"op": "comment", "comment": "x"}]),
    ]
    uuid = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
    return [
        uuid.sub("UUID", transact(DEBIANS, peer, remote, authority.options(who), *operations))
        for who, operations in requests
    ]


@pytest.mark.parametrize("client", BOTH)
@pytest.mark.parametrize("family", ["tcp", "ssl"])
def test_our_server_connects_to_a_client_that_waits(
    start: Start, peer: Peer, authority: Authority, family: str, client: str
) -> None:
    port = free_port()
    keys = authority.options("hv1") if family == "ssl" else ()
    waiting = subprocess.Popen(
        [
            program(client, "ovsdb-client", peer),
            "--timeout=20",
            *keys,
            "list-dbs",
            f"p{family}:{port}:127.0.0.1",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    start(OURS, f"--remote={family}:127.0.0.1:{port}", *authority.options("server"))
    output, _ = waiting.communicate(timeout=20)
    assert output.split() == ["OVN_Northbound", "OVN_Southbound", "_Server"]


@pytest.mark.parametrize(("server", "controller"), [(OURS, DEBIANS), (DEBIANS, OURS), (OURS, OURS)])
def test_a_controller_with_a_role_serves_its_chassis(
    start: Start, peer: Peer, authority: Authority, short_tmp: Path, server: str, controller: str
) -> None:
    """ovn-controller takes its keys from the hypervisor's database and registers as the role lets it."""
    central = start(server, CONNECTIONS, *KEYS)
    port = free_port()
    hypervisor = ServerProcess(OURS, peer, short_tmp / "hv", [OPEN_VSWITCH.schema])
    processes = []
    environment = {name: str(short_tmp / "hv") for name in ("OVS_RUNDIR", "OVN_RUNDIR", "OVN_LOGDIR")}
    try:
        files, ours = authority.files("server"), authority.files("hv1")
        northd = ("ovn-northd", f"--ovnnb-db={central.remote}", f"--ovnsb-db={central.remote}")
        processes.append(_start(program(OURS, northd[0], peer), *northd[1:], env=environment))
        run(peer("ovn-nbctl"), f"--db={central.remote}", "--timeout=10", "--wait=sb", "init")
        sbctl = (peer("ovn-sbctl"), f"--db={central.remote}", "--timeout=10")
        run(*sbctl, "set-ssl", files.private_key, files.certificate, files.ca_cert)
        run(*sbctl, "--", "set-connection", "role=ovn-controller", f"pssl:{port}:127.0.0.1")
        vsctl = (peer("ovs-vsctl"), f"--db={hypervisor.remote}", "--no-wait")
        run(*vsctl, "init", "--", "set-ssl", ours.private_key, ours.certificate, ours.ca_cert)
        ids = {"system-id": "hv1", "ovn-remote": f"ssl:127.0.0.1:{port}", "ovn-encap-type": "geneve",
               "ovn-encap-ip": "127.0.0.1"}  # fmt: skip
        run(*vsctl, "set", "open", ".", *(f'external_ids:{k}="{v}"' for k, v in ids.items()),
            "--", "add-br", "br-int")  # fmt: skip
        processes.append(_start(program(OURS, "ovs-vswitchd", peer), hypervisor.remote, env=environment))
        processes.append(
            _start(program(controller, "ovn-controller", peer), hypervisor.remote, env=environment)
        )
        wait_until(lambda: "hv1" in run(*sbctl, "--bare", "--columns=name", "list", "Chassis"), central, 20)
        wait_until(
            lambda: "true" in run(*sbctl, "--bare", "--columns=is_connected", "list", "Connection"), central
        )
        nbctl = (peer("ovn-nbctl"), f"--db={central.remote}", "--timeout=20")
        run(*nbctl, "ls-add", "s0", "--", "lsp-add", "s0", "p0")
        run(*vsctl, "add-port", "br-int", "v0", "--", "set", "interface", "v0", "type=dummy",
            "external_ids:iface-id=p0")  # fmt: skip
        run(*nbctl, "wait-until", "Logical_Switch_Port", "p0", "up=true")
        run(*nbctl, "--wait=hv", "sync")
        run(*vsctl, "set", "open", ".", "external_ids:ovn-encap-ip=127.0.0.2")
        wait_until(lambda: "127.0.0.2" in run(*sbctl, "--bare", "--columns=ip", "list", "Encap"), central)
    finally:
        for process in processes:
            process.terminate()
            process.wait()
        hypervisor.stop()


def _start(name: str, *words: str, env: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["/usr/bin/env", *(f"{k}={v}" for k, v in env.items()), name, "-vconsole:off", *words]
    )


def test_tools_of_ours_over_tls(start: Start, authority: Authority) -> None:
    port = free_port()
    start(OURS, f"--remote=pssl:{port}:127.0.0.1", *authority.options("server"))
    words = (f"--db=ssl:127.0.0.1:{port}", *authority.options("hv1"), "--timeout=10")
    run(str(BIN / "ovn-nbctl"), *words, "ls-add", "s0")
    assert "s0" in run(str(BIN / "ovn-nbctl"), *words, "ls-list")
    refused = run(str(BIN / "ovn-nbctl"), words[0], "ls-list", check=False)
    assert "Private key must be configured to use SSL" in refused
    assert "database connection failed (Protocol not available)" in refused

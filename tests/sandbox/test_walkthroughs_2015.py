"""The two articles of April 2015, command by command, in today's sandbox, as an ordinary user.

Commands are given to a shell as the articles have them; where an article names a UUID, that of the row here
is put in its place.  A person waits before looking; the tests wait for what they are about to look at.

ovsdb-client has changed in one thing since, in C as here: it prints a name with a hyphen without quotes.
"""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from pyovn.sandbox.main import running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SYSTEM_ID = "56b18105-5706-46ef-80c4-ff20979ab068"
WAIT = 20_000


class Shell:
    """What is typed, and what is printed."""

    def __init__(self, environ: dict[str, str]) -> None:
        self.environ = environ

    def __call__(self, line: str) -> str:
        done = subprocess.run(
            line, shell=True, env=self.environ, capture_output=True, text=True, check=False, timeout=60
        )
        assert (done.returncode, done.stderr) == (0, ""), (line, done.stdout, done.stderr)
        return done.stdout

    def table(self, line: str, name: str) -> list[dict[str, str]]:
        """The rows of one of the tables that a command prints."""
        return parse(self(line), name)

    def until(self, table: str, where: list[Any], **columns: Any) -> None:
        """Wait, in the server, for a row of OVN."""
        operation = {
            "op": "wait", "timeout": WAIT, "table": table, "where": [where],
            "columns": list(columns), "until": "==", "rows": [columns],
        }  # fmt: skip
        assert self(f"ovsdb-client transact '{json.dumps(['OVN', operation])}'") == "[{}]\n"


def parse(text: str, name: str) -> list[dict[str, str]]:
    """The rows of the table ``name`` in the output of ``ovsdb-client dump``; blank lines are passed over."""
    lines = iter(text.split("\n"))
    for line in lines:
        if line == f"{name} table":
            break
    else:
        raise AssertionError(f"no table {name} in {text}")
    head, dashes = next(lines), next(lines)
    spans, at = [], 0
    for width in map(len, dashes.split()):
        spans.append(slice(at, at + width))
        at += width + 1
    names = [head[span].strip() for span in spans]
    rows = []
    for line in lines:
        if line.endswith(" table"):
            break
        if line.strip():
            rows.append(dict(zip(names, (line[span].strip() for span in spans), strict=True)))
    return rows


def columns(rows: list[dict[str, str]], *names: str) -> set[tuple[str, ...]]:
    return {tuple(row[name] for name in names) for row in rows}


@pytest.fixture
def sandbox(short_tmp: Path) -> Iterator[Shell]:
    """``make sandbox SANDBOXFLAGS="-o"``, with one hypervisor as in 2015."""
    with running(str(short_tmp / "s"), 1) as environ:
        yield Shell(environ)


def test_the_article_of_8_april(sandbox: Shell) -> None:
    sandbox("ovn-nbctl lswitch-add sw0")
    sandbox("ovn-nbctl lswitch-add sw1")
    switches = [line.split() for line in sandbox("ovn-nbctl lswitch-list").splitlines()]
    assert sorted(name for _uuid, name in switches) == ["(sw0)", "(sw1)"]
    assert {len(uuid) for uuid, _name in switches} == {36}
    sandbox("ovn-nbctl lport-add sw0-port0 sw0")
    sandbox("ovn-nbctl lport-add sw0-port1 sw0")
    ports = [line.split() for line in sandbox("ovn-nbctl lport-list sw0").splitlines()]
    assert sorted(name for _uuid, name in ports) == ["(sw0-port0)", "(sw0-port1)"]
    assert sandbox("ovn-nbctl lport-list sw1") == ""

    for port in ("sw0-port0", "sw0-port1"):
        sandbox.until("Bindings", ["logical_port", "==", port], chassis="")
    shown = ("chassis", "logical_port", "mac", "parent_port", "tag")
    bindings = sandbox.table("ovsdb-client dump OVN", "Bindings")
    assert columns(bindings, *shown) == {
        ('""', "sw0-port0", "[]", "[]", "[]"),
        ('""', "sw0-port1", "[]", "[]", "[]"),
    }
    assert sandbox("ovn-nbctl lport-get-up sw0-port0") == "down\n"

    uuid = next(row["_uuid"] for row in bindings if row["logical_port"] == "sw0-port0")
    transaction = (
        '["OVN",{"op":"update","table":"Bindings","where":[["_uuid","==",["uuid","UUID"]]],'
        '"row":{"chassis":"hostname"}}]'
    ).replace("UUID", uuid)
    assert sandbox(f"ovsdb-client transact '{transaction}'") == '[{"count":1}]\n'
    bindings = sandbox.table("ovsdb-client dump OVN", "Bindings")
    assert columns(bindings, *shown) == {
        ("hostname", "sw0-port0", "[]", "[]", "[]"),
        ('""', "sw0-port1", "[]", "[]", "[]"),
    }
    sandbox("ovn-nbctl --timeout=60 wait-until Logical_Switch_Port sw0-port0 up=true")
    assert sandbox("ovn-nbctl lport-get-up sw0-port0") == "up\n"
    assert sandbox("ovn-nbctl lport-get-up sw0-port1") == "down\n"


def test_the_articles_neutron_networks(sandbox: Shell) -> None:
    """What the article shows of the networks that Neutron made: switches by UUID, and their external ids."""
    sandbox("ovn-nbctl lswitch-add neutron-2637f01e")
    uuid, name = sandbox("ovn-nbctl lswitch-list").split()
    assert name == "(neutron-2637f01e)"
    sandbox(f"ovn-nbctl lswitch-set-external-id {uuid} neutron:network_name private")
    assert sandbox(f"ovn-nbctl lswitch-get-external-id {uuid}") == "neutron:network_name=private\n"
    sandbox(f"ovn-nbctl lport-add ff07588c-4b11-4ec8-b7c5-1be64fc0ebac {uuid}")
    port, name = sandbox(f"ovn-nbctl lport-list {uuid}").split()
    assert name == "(ff07588c-4b11-4ec8-b7c5-1be64fc0ebac)"
    assert sandbox(f"ovn-nbctl lport-get-up {port}") == "down\n"
    assert sandbox("ovn-nbctl lport-get-up ff07588c-4b11-4ec8-b7c5-1be64fc0ebac") == "down\n"


ARTICLE = r"""
Pipeline table
match                          priority table_id actions                                                                 logical_datapath
------------------------------ -------- -------- ----------------------------------------------------------------------- ------------------------------------
"eth.src[40]"                  100      0        drop                                                                    843a9a4a-8afc-41e2-bea1-5fa58874e109
vlan.present                   100      0        drop                                                                    843a9a4a-8afc-41e2-bea1-5fa58874e109
"inport == \"sw0-port1\""      50       0        resubmit                                                                843a9a4a-8afc-41e2-bea1-5fa58874e109
"inport == \"sw0-port2\""      50       0        resubmit                                                                843a9a4a-8afc-41e2-bea1-5fa58874e109
"1"                            0        0        drop                                                                    843a9a4a-8afc-41e2-bea1-5fa58874e109

"eth.dst[40]"                  100      1        "outport = \"sw0-port2\"; resubmit; outport = \"sw0-port1\"; resubmit;" 843a9a4a-8afc-41e2-bea1-5fa58874e109
"eth.dst == 00:00:00:00:00:01" 50       1        "outport = \"sw0-port1\"; resubmit;"                                    843a9a4a-8afc-41e2-bea1-5fa58874e109
"eth.dst == 00:00:00:00:00:02" 50       1        "outport = \"sw0-port2\"; resubmit;"                                    843a9a4a-8afc-41e2-bea1-5fa58874e109

"1"                            0        2        resubmit                                                                843a9a4a-8afc-41e2-bea1-5fa58874e109

"outport == \"sw0-port1\""     50       3        "output(\"sw0-port1\")"                                                 843a9a4a-8afc-41e2-bea1-5fa58874e109
"outport == \"sw0-port2\""     50       3        "output(\"sw0-port2\")"                                                 843a9a4a-8afc-41e2-bea1-5fa58874e109
"""  # noqa: E501  the article's lines


def test_the_article_of_21_april(sandbox: Shell) -> None:
    # What ovs-sandbox tells ovn-controller.
    sandbox(f"ovs-vsctl set open . external-ids:system-id={SYSTEM_ID}")
    sandbox('ovs-vsctl set open . external-ids:ovn-remote=unix:"$sandbox"/db.sock')
    sandbox("ovs-vsctl set open . external-ids:ovn-encap-type=vxlan")
    sandbox("ovs-vsctl set open . external-ids:ovn-encap-ip=127.0.0.1")
    sandbox("ovs-vsctl --may-exist add-br br-int")
    sandbox.until("Chassis", ["name", "==", SYSTEM_ID], name=SYSTEM_ID)
    sandbox.until("Encap", ["type", "==", "vxlan"], ip="127.0.0.1")
    (chassis,) = sandbox.table("ovsdb-client dump OVN Chassis", "Chassis")
    (encap,) = sandbox.table("ovsdb-client dump OVN Encap", "Encap")
    assert (chassis["name"], chassis["gateway_ports"]) == (f'"{SYSTEM_ID}"', "{}")
    assert chassis["encaps"] == f"[{encap['_uuid']}]"
    assert (encap["ip"], encap["options"], encap["type"]) == ('"127.0.0.1"', "{}", "vxlan")
    shown = sandbox("ovsdb-client dump OVN_Southbound Chassis encaps gateway_ports name")
    assert columns(parse(shown, "Chassis"), "name", "gateway_ports") == {(f'"{SYSTEM_ID}"', "{}")}

    # A port appears on the local switch.
    port = "d03aa502-0d76-4c1e-8877-43778088c55c"
    sandbox("ovn-nbctl lswitch-add net -- lport-add net " + port)
    sandbox(f"ovs-vsctl add-port br-int tap0 -- set Interface tap0 external-ids:iface-id={port}")
    sandbox.until("Bindings", ["logical_port", "==", port], chassis=SYSTEM_ID)
    bindings = sandbox.table("ovsdb-client dump OVN_Southbound", "Bindings")
    assert columns(bindings, "chassis", "logical_port", "mac", "parent_port", "tag") == {
        (f'"{SYSTEM_ID}"', f'"{port}"', "[]", "[]", "[]")
    }
    sandbox(f"ovn-nbctl --timeout=60 wait-until Logical_Switch_Port {port} up=true")
    assert sandbox(f"ovn-nbctl lport-get-up {port}") == "up\n"
    sandbox("ovs-vsctl del-port tap0 && ovn-nbctl lswitch-del net")

    # The Pipeline table.
    sandbox("ovn-nbctl lswitch-add sw0")
    sandbox("ovn-nbctl lport-add sw0 sw0-port1 ")
    sandbox("ovn-nbctl lport-add sw0 sw0-port2 ")
    sandbox("ovn-nbctl lport-set-macs sw0-port1 00:00:00:00:00:01")
    sandbox("ovn-nbctl lport-set-macs sw0-port2 00:00:00:00:00:02")
    sandbox.until("Bindings", ["logical_port", "==", "sw0-port2"], mac="00:00:00:00:00:02")
    listing = sandbox.table("ovsdb-client dump OVN_Southbound Pipeline", "Pipeline")
    compared = ("table_id", "priority", "match", "actions")
    assert len(listing) == 11
    assert columns(listing, *compared) == columns(parse(ARTICLE, "Pipeline"), *compared)
    switch, _name = sandbox("ovn-nbctl lswitch-list").split()
    assert columns(listing, "logical_datapath") == {(switch,)}

    # Admission, broadcast, unicast and egress are what frames meet, too.
    for number in (1, 2):
        sandbox(
            f"ovs-vsctl add-port br-int vif{number}"
            f" -- set Interface vif{number} external-ids:iface-id=sw0-port{number}"
        )
    sandbox("ovn-nbctl --wait=hv --timeout=60 sync")
    sandbox("ovn-nbctl --timeout=60 wait-until Logical_Switch_Port sw0-port2 up=true")
    sandbox("ovn-nbctl --timeout=60 wait-until Logical_Switch_Port sw0-port1 up=true")
    for target in ("broadcast", "sw0-port2"):
        said = sandbox(f"pyovn sandbox send sw0-port1 {target}").splitlines()
        assert [line.partition(" on ")[0] for line in said] == ["delivered to sw0-port2"]
    spoofed = sandbox("pyovn sandbox send sw0-port1 sw0-port2 01:00:00:00:00:01")
    assert spoofed == "delivered nowhere\n"


def test_the_names_of_2015_show_what_they_showed(sandbox: Shell) -> None:
    sandbox("ovn-nbctl lswitch-add sw0 -- lport-add sw0 vm -- lport-set-macs vm unknown 00:00:00:00:00:01")
    sandbox("ovn-nbctl lport-add sw0 box vm 42")
    switch = sandbox("ovn-nbctl lswitch-list").split()[0]
    assert sandbox("ovn-nbctl --2015 show").splitlines() == [
        f"    lswitch {switch} (sw0)",
        "        lport box",
        "            parent: vm, tag:42",
        "        lport vm",
        "            macs: 00:00:00:00:00:01 unknown",
    ]
    assert sandbox("ovn-nbctl show").startswith(f"switch {switch} (sw0)\n    port ")
    assert sandbox("ovn-nbctl lport-get-parent box; ovn-nbctl lport-get-tag box") == "vm\n42\n"
    sandbox.until("Bindings", ["logical_port", "==", "box"], parent_port="vm", tag=42)


def test_a_name_without_effect_is_told(sandbox: Shell) -> None:
    sandbox("ovn-nbctl lswitch-add sw0 -- lport-add sw0 ln -- lsp-set-type ln localport")
    sandbox.until("Bindings", ["logical_port", "==", "ln"], chassis="")
    where = [["logical_port", "==", "ln"]]
    update = {"op": "update", "table": "Bindings", "where": where, "row": {"chassis": "hostname"}}
    sandbox(f"ovsdb-client transact '{json.dumps(['OVN', update])}'")
    sandbox("ovn-appctl -t ovn-compat2015 sync")
    assert sandbox("pyovn status") == (
        'Bindings of ln: a port of type "localport" is not bound to "hostname"\n'
    )


@pytest.mark.peers
def test_debians_client_dumps_the_same(sandbox: Shell, peer: Callable[[str], str]) -> None:
    sandbox("ovn-nbctl lswitch-add sw0 -- lport-add sw0 p -- lport-set-macs p 00:00:00:00:00:01")
    sandbox.until("Bindings", ["logical_port", "==", "p"], mac="00:00:00:00:00:01")
    theirs = sandbox(f'{peer("ovsdb-client")} dump unix:"$sandbox"/db.sock OVN')
    assert sandbox("ovsdb-client dump OVN") == theirs


def test_without_the_database_of_2015(short_tmp: Path) -> None:
    with running(str(short_tmp / "s"), 1, names2015=False) as environ:
        done = subprocess.run(
            ["ovsdb-client", "dump", "OVN"], env=environ, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (1, 'ovsdb-client: No table "OVN" found.\n')
        assert not (short_tmp / "s" / "ovn-compat2015.pid").exists()
        shell = Shell(environ)
        sb = shell("ovsdb-client dump unix:$sandbox/ovnsb_db.sock OVN_Southbound")
        assert "Pipeline table" not in sb

"""The verbs of a sandbox, in virtual time: what they do, and what they say of what cannot be done."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import msgspec
import pytest

from pyovn.sandbox import saved
from pyovn.sandbox.verbs import VERBS

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox_bench import Bench


UNADDRESSED = "logical port vm4 has no Ethernet address: ovn-nbctl lsp-set-addresses vm4 'MAC IP'"
DAEMONS_OF_HV1 = "hv1 is a hypervisor: name one of its daemons: ovsdb-server, ovs-vswitchd, ovn-controller"
DAEMONS_OF_CENTRAL = "ovsdb-server, ovn-northd, ovn-compat2015"
STABLE = ("Port_Binding", "Datapath_Binding", "Chassis")
"""Tables of the southbound that a restored sandbox has as they were."""


@pytest.fixture
def net(bench: Bench) -> Bench:
    """vm1 on hv1, vm2 on hv2, container c1 in vm1 with VLAN 42; vm3 is nowhere and vm4 has no address."""
    rows: list[dict[str, object]] = [{"op": "insert", "table": "Logical_Switch", "row": {"name": "sw0"}}]
    ports: list[dict[str, object]] = [
        {"name": f"vm{n}", "addresses": f"00:00:00:00:00:0{n} 10.0.0.{n}"} for n in (1, 2, 3)
    ]
    ports += [
        {"name": "vm4"},
        {"name": "c1", "parent_name": "vm1", "tag": 42, "addresses": "00:00:00:00:00:11 10.0.0.11 fd00::11"},
    ]
    for number, row in enumerate(ports):
        rows += [
            {"op": "insert", "table": "Logical_Switch_Port", "uuid-name": f"p{number}", "row": row},
            {
                "op": "mutate", "table": "Logical_Switch", "where": [],
                "mutations": [["ports", "insert", ["named-uuid", f"p{number}"]]],
            },
        ]  # fmt: skip
    bench.host.deployment.transact(rows)
    bench.runtime.advance(1)
    for command in ("plug hv1 vif1 vm1", "plug hv2 vm2"):
        assert bench.does(*command.split()) == (True, "")
    bench.runtime.advance(2)
    return bench


def test_every_verb_has_its_function_and_its_help() -> None:
    assert len({verb.name for verb in VERBS}) == len(VERBS)
    for verb in VERBS:
        assert verb.help().startswith(f"usage: pyovn sandbox {verb.name}")
        if verb.handler:
            module, _, function = verb.handler.partition(":")
            assert callable(getattr(import_module(f"pyovn.sandbox.{module}"), function))


def test_status_shows_what_is_and_what_is_wrong(net: Bench) -> None:
    net.does("plug", "hv2", "odd", "nosuch")
    net.does("plug", "hv1", "vm3")
    net.runtime.advance(1)
    net.does("kill", "hv2", "ovs-vswitchd")
    net.does("cut", "hv2", "hv1")
    shown = (
        "central: all daemons run\n"
        "hv1 (192.168.0.1): all daemons run\n"
        "    vif1: vm1 (up)\n"
        "    vm3: vm3 (up)\n"
        "hv2 (192.168.0.2): dead: ovs-vswitchd\n"
        "    odd: nosuch (no such logical port)\n"
        "    vm2: vm2 (up)\n"
        "cut: hv1 - hv2\n"
    )
    assert net.does("status") == (True, shown)


def test_a_port_on_two_hypervisors_is_said_until_one_is_gone(net: Bench) -> None:
    said = "vm1 is claimed by hv1 (vif1) too: unplug one, or use pyovn sandbox move\n"
    assert net.does("plug", "hv2", "twin", "vm1") == (True, said)
    net.runtime.advance(1)
    holder = net.host.deployment.bound_on("vm1")
    notice = (
        f"logical port vm1 is claimed by hv1 (vif1) and hv2 (twin): it is bound on {holder}; "
        "unplug all but one\n"
    )
    assert net.does("notices") == (True, notice)
    assert net.does("status")[1].endswith(notice)
    assert net.does("move", "vm1", "hv2") == (False, "vm1 is on hv2 already") or holder == "hv1"
    net.does("unplug", "hv1", "vif1")
    assert net.does("notices") == (True, "")


def test_a_vm_moves_and_deliveries_follow(net: Bench) -> None:
    assert net.does("move", "vm1", "hv2") == (True, "vm1 has moved from hv1 (vif1) to hv2 (vif1)\n")
    net.runtime.advance(1)
    assert net.host.deployment.bindings()["vm1"] == ("hv2", True)
    assert "vif1" not in net.interfaces("hv1")
    said = "delivered to vm1 on hv2 (vif1): 00:00:00:00:00:02 -> 00:00:00:00:00:01, 55 bytes\n"
    assert net.does("send", "vm2", "vm1") == (True, said)
    assert net.does("move", "vm1", "hv1", "vif9")[1] == "vm1 has moved from hv2 (vif1) to hv1 (vif9)\n"


def test_no_frame_is_lost_to_the_others_while_a_vm_moves(net: Bench) -> None:
    """Before, during and after the move each frame arrives once or twice, and never nowhere."""
    deployment = net.host.deployment
    moved: list[bool] = []
    answer = net.ask("move vm1 hv2")
    answer.when_settled(lambda accepted, _text: moved.append(accepted))
    while not moved:
        before = len(deployment.deliveries)
        deployment.send("hv2", "vm2", b"\0\0\0\0\0\1" + b"\0\0\0\0\0\2" + b"\x88\xb5" + bytes(46))
        net.runtime.advance(0.005)
        arrived = deployment.deliveries[before:]
        assert arrived, "lost on the way"
        assert {delivery.logical_port for delivery in arrived} == {"vm1"}
    assert moved == [True]


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        ("move vm1 hv1", "vm1 is on hv1 already"),
        ("move vm1 hv9", "there is no hypervisor hv9; there are: hv1, hv2"),
        ("move vm3 hv1", "no hypervisor has an interface for logical port vm3"),
        ("unplug vm3", "no hypervisor has an interface for logical port vm3"),
        ("unplug hv1 nosuch", "hv1 has no port nosuch"),
        ("unplug hv1 br-int", "br-int is no VM's: hv1 has it for itself"),
        ("unplug hv1 ovn-hv2-0", "ovn-hv2-0 is no VM's: hv1 has it for itself"),
        ("send vm1 0102", "0102 is no logical port, and no frame: that is 14 bytes or more"),
        ("kill hv1", DAEMONS_OF_HV1),
        ("kill hv3", f"there is no daemon hv3 on central; there are: {DAEMONS_OF_CENTRAL}"),
        ("ping vm1 vm3", "no hypervisor has an interface for logical port vm3"),
        ("ping vm1 vm9", "no hypervisor has an interface for logical port vm9"),
        ("ping vm4 vm1", UNADDRESSED),
        ("ping vm1 fd00::11", "vm1 and fd00::11 have no addresses of one IP version"),
        ("send vm1 vm4", UNADDRESSED),
        ("send vm1 vm2 --vlan=x", "--vlan=x is no option of send; there is --vlan=VID"),
        ("send vm1 vm2 --vlan=4096", "4096 is no VLAN: that is 0 to 4095"),
        ("send vm1 00:00:00:00:00:xx", "00:00:00:00:00:xx is not an Ethernet address"),
        ("send vm1", "what is to be sent from vm1?  A destination, a frame, or a microflow"),
        ("send vm1 a b c", "c is one word too many"),
        ("start hv1 ovs-vswitchd", "ovs-vswitchd of hv1 is running already"),
        ("kill hv9 nosuch", "there is no hypervisor hv9; there are: hv1, hv2"),
        ("cut hv1 hv1", "a link has two ends, and hv1 is one"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_one_message(net: Bench, command: str, refusal: str) -> None:
    assert net.does(*command.split()) == (False, refusal)


def test_frames_of_containers_have_their_tag(net: Bench) -> None:
    to_vm2 = "delivered to vm2 on hv2 (vm2): 00:00:00:00:00:11 -> 00:00:00:00:00:02, 55 bytes\n"
    where = "vm1 on hv1 (vif1) with VLAN 42, that is c1"
    to_c1 = f"delivered to {where}: 00:00:00:00:00:02 -> 00:00:00:00:00:11, 59 bytes\n"
    assert net.does("send", "c1", "vm2") == (True, to_vm2)
    assert net.does("send", "vm1", "vm2", "c1", "--vlan=42") == (True, to_vm2)
    assert net.does("send", "vm2", "c1") == (True, to_c1)
    assert net.does("send", "vm1", "vm2", "--vlan=43") == (True, "delivered nowhere\n")
    frame = "000000000002" + "000000000001" + "88b5" + "00" * 46
    said = "delivered to vm2 on hv2 (vm2): 00:00:00:00:00:01 -> 00:00:00:00:00:02, 60 bytes\n"
    assert net.does("send", "vm1", frame) == (True, said)


def test_what_a_cut_tunnel_loses_is_said(net: Bench) -> None:
    net.does("cut", "hv1", "hv2")
    assert net.does("send", "vm1", "vm2") == (True, "1 lost between hypervisors\n")


def test_ping_says_each_step_and_what_was_missing(net: Bench) -> None:
    accepted, text = net.does("ping", "vm1", "vm2")
    assert accepted
    assert text.splitlines()[0] == "vm1 (10.0.0.1) -> vm2 (10.0.0.2): answered"
    assert "    vm1 sent echo request 10.0.0.1 -> 10.0.0.2: arrived at vm2 on hv2\n" in text
    assert net.does("ping", "c1", "vm2")[0]
    assert net.does("ping", "vm2", "10.0.0.11")[0]
    said = (
        "vm1 (10.0.0.1) -> 10.0.0.99 (10.0.0.99): no answer: vm1 does not learn who has 10.0.0.99\n"
        "    vm1 sent who has 10.0.0.99?: arrived at c1 on hv1, vm2 on hv2\n"
    )
    assert net.does("ping", "vm1", "10.0.0.99") == (False, said)
    net.does("cut", "hv1", "hv2")
    accepted, text = net.does("ping", "vm1", "vm2")
    assert not accepted
    assert text.splitlines()[0].endswith(
        "no answer: what vm1 sent last arrived at no VM (echo request 10.0.0.1 -> 10.0.0.2)"
    )
    assert net.does("send", "vm2", "vm2") == (True, "delivered nowhere\n"), "VMs are silent after a ping"


def test_a_hypervisor_is_removed_and_a_chassis_that_stays_is_named(net: Bench) -> None:
    net.does("kill", "hv2", "ovn-controller")
    said = "the chassis hv2 is still in the southbound: ovn-sbctl chassis-del hv2\n"
    assert net.does("remove-hypervisor", "hv2") == (True, said)
    assert net.does("remove-hypervisor", "hv1") == (True, "")
    assert net.does("list") == (True, "")


# -- saved and restored ------------------------------------------------------------------------


def test_a_sandbox_is_saved_and_comes_back_as_it_was(net: Bench, tmp_path: Path) -> None:
    file = str(tmp_path / "net.pyovn")
    net.does("cut", "hv1", "hv2")
    net.does("cut", "hv1", "central")
    net.does("kill", "hv2", "ovn-controller")
    assert net.does("save", file) == (True, "")
    before = net.does("status"), net.does("list")
    keys = [sorted(map(repr, net_rows(net, table))) for table in STABLE]
    net.does("mend", "hv1", "hv2")
    net.does("add-hypervisor", "hv3")
    net.does("unplug", "vm1")
    net.host.deployment.transact([{"op": "delete", "table": "Logical_Switch", "where": []}])
    net.runtime.advance(2)
    assert net.does("restore", file) == (True, "")
    assert (net.does("status"), net.does("list")) == before
    assert [sorted(map(repr, net_rows(net, table))) for table in STABLE] == keys
    assert not (net.directory / "hv3").exists()
    assert sorted(path.name for path in (net.directory / "bin").iterdir()) == ["hv1", "hv2"]
    for command in ("mend hv1 hv2", "mend hv1 central", "start hv2 ovn-controller"):
        assert net.does(*command.split()) == (True, "")
    net.runtime.advance(3)
    assert net.does("ping", "vm1", "vm2")[0]
    assert net.does("add-hypervisor", "hv3") == (True, "")
    assert "hv3 (192.168.0.3)" in net.does("list")[1]


def net_rows(net: Bench, table: str) -> list[object]:
    found = net.host.deployment.central.databases["OVN_Southbound"].database.tables[table]
    return [(uuid, row.values) for uuid, row in found.rows.items()]


def test_a_file_that_cannot_be_used_is_one_message_and_changes_nothing(net: Bench, tmp_path: Path) -> None:
    good = tmp_path / "good"
    net.does("save", str(good))
    data = good.read_bytes()
    before = net.does("status")

    def refusal(name: str, content: bytes) -> str:
        file = tmp_path / name
        file.write_bytes(content)
        accepted, text = net.does("restore", str(file))
        assert not accepted
        assert text.startswith(f"{file} ")
        assert "\n" not in text
        assert net.does("status") == before
        return text.removeprefix(f"{file} ")

    for size in (0, 1, 100, len(data) // 2, len(data) - 1):
        assert refusal("cut", data[:size]).startswith("is damaged, or no saved sandbox: ")
    middle = len(data) // 2
    flipped = data[:middle] + bytes((data[middle] ^ 0xFF,)) + data[middle + 1 :]
    assert refusal("flipped", flipped).startswith("is damaged")
    assert refusal("text", b"hello\n" * 100).startswith("is damaged, or no saved sandbox")
    contents = saved.read(str(good), net.runtime.random)
    manifest = contents.manifest

    def rewritten(**changes: object) -> bytes:
        saved.write(
            str(tmp_path / "new"),
            saved.Saved(msgspec.structs.replace(manifest, **changes), contents.databases),
        )
        return (tmp_path / "new").read_bytes()

    assert refusal("newer", rewritten(version=2, pyovn="9.9")) == (
        "was saved in version 2 of the format, by pyovn 9.9; this is pyovn 0.1.0, which reads version 1"
    )
    assert refusal("other", rewritten(format="tar of somebody")) == "is no saved sandbox"
    assert refusal("lacking", rewritten(hypervisors={"hv7": "192.168.0.7"})) == (
        "is damaged: it lacks the database Open_vSwitch of hv7"
    )
    broken = dict(contents.databases)
    broken["hv1", "Open_vSwitch"] = broken["hv1", "Open_vSwitch"][:-10]
    saved.write(str(tmp_path / "new"), saved.Saved(manifest, broken))
    assert refusal("torn", (tmp_path / "new").read_bytes()).startswith("is damaged: hv1/Open_vSwitch.db: ")


def test_a_place_that_cannot_be_written_is_one_message(net: Bench, tmp_path: Path) -> None:
    target = tmp_path / "nowhere" / "file"
    assert net.does("save", str(target)) == (False, f"{target} cannot be written: No such file or directory")
    assert net.does("save", "/dev/full/x") == (False, "/dev/full/x cannot be written: Not a directory")
    assert net.does("restore", str(target)) == (False, f"{target} cannot be read: No such file or directory")


def test_a_disk_that_is_full_leaves_the_file_that_was_there(
    net: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    net.does("save", str(file))
    before = file.read_bytes()

    def fail(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(saved, "_add", fail)
    assert net.does("save", str(file)) == (False, f"{file} cannot be written: No space left on device")
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("file")] == ["file"]

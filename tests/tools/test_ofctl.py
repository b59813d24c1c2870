from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pyovn.tools import ofctl
from pyovn.tools.ofctl_connection import UnreachableError, address_of

sys.path.insert(0, str(Path(__file__).parents[1] / "wire"))  # the dummy switch is the wire's peer, too
from switch_peer import PeerSwitch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GOLDEN = Path(__file__).parents[1] / "wire" / "data" / "ovn-flows.txt"

Run = tuple[int, str, str]


@pytest.fixture(scope="module")
def switch(peer: Callable[[str], str]) -> Iterator[PeerSwitch]:
    with tempfile.TemporaryDirectory(prefix="pyovn") as directory:
        found = PeerSwitch(peer, Path(directory))
        yield found
        found.stop()


def ours(rundir: object, *arguments: str, version: str = "OpenFlow15") -> Run:
    program = "import sys; from pyovn.tools.ofctl import main; main(sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", program, *_with(version, arguments)],
        env={**os.environ, "OVS_RUNDIR": str(rundir)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def _with(version: str, arguments: tuple[str, ...]) -> tuple[str, ...]:
    """The version as an option; OpenFlow 1.0 is what both speak without one."""
    return arguments if version == "OpenFlow10" else ("-O", version, *arguments)


def theirs(switch: PeerSwitch, *arguments: str, version: str = "OpenFlow15") -> Run:
    done = subprocess.run(
        [switch.peer("ovs-ofctl"), *_with(version, arguments)],
        env=switch.environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


VOLATILE = re.compile(
    r"duration=[\d.]+s|idle_age=\d+(?:, hard_age=\d+)?|xid=0x[0-9a-f]+|^\d{4}-.*\n",
    re.MULTILINE,
)


def plain(run: Run) -> Run:
    """Without what differs from run to run: durations, ages and how many requests came before."""
    return run[0], VOLATILE.sub("#", run[1]), VOLATILE.sub("#", run[2])


CHANGES = (
    ("add-flow", "br", "in_port=p1,priority=5 actions=output:p2,gen"),
    (
        "add-flow",
        "br",
        "table=3,cookie=0x1,idle_timeout=50,importance=7,send_flow_rem,in_port=1 actions=drop",
    ),
    ("add-flow", "br", "tcp,tp_dst=80 actions=resubmit(,4)"),
    ("mod-flows", "br", "in_port=1,table=3,actions=output:1,CONTROLLER:33"),
    ("--strict", "mod-flows", "br", "tcp,tp_dst=80,actions=output:2"),
    ("del-flows", "br", "cookie=1/-1"),
    ("--bundle", "add-flow", "br", "table=9,ip actions=dec_ttl,output:1"),
    ("add-group", "br", "group_id=1,type=select,bucket=weight:100,actions=output:1,bucket=weight=0,output:2"),
    ("--may-create", "mod-group", "br", "group_id=7,type=all,bucket=output:1"),
    ("insert-buckets", "br", "group_id=7,command_bucket_id=last,bucket=bucket_id=9,actions=output:2"),
    ("add-tlv-map", "br", "{class=0x102,type=0x80,len=4}->tun_metadata0"),
    ("replace-flows", "br", str(GOLDEN)),
    ("--strict", "del-flows", "br", "table=40,priority=0"),
    ("packet-out", "br", "in_port=1,packet=50540000000150540000000208000000,actions=output:2"),
    ("packet-out", "br", "1", "output:2", "505400000001505400000002080000"),
    ("mod-port", "br", "p1", "down"),
    ("mod-port", "br", "p1", "up"),
    ("del-groups", "br"),
    ("del-flows", "br"),
)
REFUSED_TWICE = ("add-group", "insert-buckets", "add-tlv-map")
LOOKS = (
    ("show", "br"),
    ("dump-flows", "br"),
    ("--names", "--no-stats", "dump-flows", "br"),
    ("dump-flows", "br", "table=0"),
    ("dump-flows", "br", "out_port=2"),
    ("dump-aggregate", "br"),
    ("dump-groups", "br"),
    ("dump-groups", "br", "7"),
    ("dump-ports-desc", "br"),
    ("dump-ports-desc", "br", "p1"),
    ("dump-tlv-map", "br"),
    ("dump-desc", "br"),
    ("dump-tables", "br"),
    ("dump-group-stats", "br"),
    ("dump-group-features", "br"),
    ("--names", "dump-groups", "br"),
    ("--sort", "dump-flows", "br"),
    ("get-frags", "br"),
    ("diff-flows", "br", str(GOLDEN)),
    ("probe", "br"),
)
REFUSALS = (
    ("add-flow", "br", "actions=group:77"),
    ("--bundle", "add-flow", "br", "in_port=1,actions=group:77"),
    ("add-flow", "br", "in_port=1"),
    ("add-flow", "br", "foo=1,actions=drop"),
    ("add-flow", "br", "in_port=1,actions=frobnicate"),
    ("add-flow", "br", "reg0=0x1ffffffff,actions=drop"),
    ("add-flow", "br", "reg0=zz,actions=drop"),
    ("add-flow", "br", "ct_state=+foo,actions=drop"),
    ("add-flow", "br", "actions=move:NXM_NX_REG0[]->NXM_NX_REG1[0..3]"),
    ("del-flows", "br", "cookie=0x4"),
    ("del-flows", "br", "nonsense"),
    ("mod-group", "br", "group_id=9,type=all,bucket=output:1"),
    ("add-flow", "br", "cookie=1/3,actions=drop"),
    ("mod-port", "br", "nope", "down"),
    ("packet-out", "br", "1", "2", "zz"),
    ("set-frags", "br", "sideways"),
    ("dump-flows", "nobr"),
    ("dump-flows", "unix:/nowhere"),
    ("add-flow", "br"),
    ("frob", "br"),
    (),
)


@pytest.mark.peers
@pytest.mark.parametrize("version", ["OpenFlow10", "OpenFlow13", "OpenFlow15"])
def test_changes_and_looks_are_those_of_the_c_program(switch: PeerSwitch, version: str) -> None:
    def c(*arguments: str) -> Run:
        return plain(theirs(switch, *arguments, version=version))

    for clean in ("del-flows", "del-groups", "del-tlv-map"):
        assert theirs(switch, clean, "br")[0] == 0
    for change in CHANGES:
        if change[0] == "insert-buckets" and version == "OpenFlow13":
            continue  # which came with 1.5; Open vSwitch's extension of 1.0 has them
        if change[0] == "replace-flows" and version == "OpenFlow10":
            continue  # C finds no form of 1.0 for these flows, though it has one
        assert plain(ours(switch.directory, *change, version=version)) == (0, "", ""), change
        shown = c("dump-flows", "br"), c("dump-groups", "br")
        if change[0] not in REFUSED_TWICE:
            assert c(*change) == (0, "", "")
            # The C program's change on top of ours changes nothing: both did the same.
            again = c("dump-flows", "br"), c("dump-groups", "br")
            assert [sorted(run[1].splitlines()) for run in again] == [
                sorted(run[1].splitlines()) for run in shown
            ], change
        if change[0] in ("replace-flows", "--may-create", "mod-flows"):
            for look in LOOKS:
                if look[0] == "diff-flows" and version != "OpenFlow15":
                    continue  # C takes load and set_field of the same bits for different
                mine, wanted = plain(ours(switch.directory, *look, version=version)), c(*look)
                # Of differing flows the C program tells in the order of its hash table.
                assert sorted(mine[1].splitlines()) == sorted(wanted[1].splitlines()), look
                assert (mine[::2] if look[0] == "diff-flows" else mine) == (
                    wanted[::2] if look[0] == "diff-flows" else wanted
                ), look


@pytest.mark.peers
@pytest.mark.parametrize("arguments", REFUSALS, ids=" ".join)
def test_refusals_are_worded_as_the_c_program_words_them(
    switch: PeerSwitch, arguments: tuple[str, ...]
) -> None:
    for version in ("OpenFlow10", "OpenFlow15"):
        mine = plain(ours(switch.directory, *arguments, version=version))
        assert mine == plain(theirs(switch, *arguments, version=version))


PARSED = (
    "actions=drop", "ip,actions=1", "reg0=1,actions=1", "tun_id=1,actions=1", "table=3,actions=1",
    "actions=load:1->NXM_NX_REG0[]", "actions=goto_table:3", "actions=group:1", "actions=mod_vlan_vid:7",
    "metadata=1,actions=1", "sctp,sctp_src=4,actions=1", "ip,nw_ttl=3,actions=1", "actions=write_metadata:1",
    "dl_src=01:00:00:00:00:00/01:00:00:00:00:00,actions=1", "send_flow_rem,check_overlap,actions=1",
    "conj_id=3,actions=drop", "ipv6,ipv6_src=::1,actions=1", "actions=enqueue:1:2", "actions=set_queue:3",
    "vlan_tci=0x1123,actions=1", "udp,actions=mod_tp_src:5,mod_nw_src:1.2.3.4,mod_dl_dst:02:00:00:00:00:01",
)  # fmt: skip


@pytest.mark.peers
def test_what_a_flow_needs_is_told_as_the_c_program_tells_it(switch: PeerSwitch) -> None:
    for text in PARSED:
        mine = plain(ours(switch.directory, "parse-flow", text, version="OpenFlow10"))
        assert mine == plain(theirs(switch, "parse-flow", text, version="OpenFlow10")), text
    for text in ("actions=push_vlan:0x8100,set_field:4101->vlan_vid,output:1", "actions=meter:1"):
        mine = plain(ours(switch.directory, "add-flow", "br", text, version="OpenFlow10"))
        assert mine == plain(theirs(switch, "add-flow", "br", text, version="OpenFlow10")), text


FRAME = "50540000000a50540000000908004500002800010000400166cd0a0000010a0000020800f7ff" + "00" * 18
MARK = "in_port=3,packet=ffffffffffff0200000000010806,actions=controller(userdata=00)"
MONITORED = (
    ("add-flow", "br", "table=2,send_flow_rem,reg1=3,tcp,actions=output:1"),
    ("mod-flows", "br", "table=2,tcp,actions=output:2"),
    ("del-flows", "br", "table=2,tcp"),
    (
        "packet-out",
        "br",
        f"in_port=1,packet={FRAME},actions=set_field:5->reg2,controller(userdata=01.02)",
    ),
    ("packet-out", "br", "in_port=2,packet=ffffffffffff0200000000010806,actions=controller(userdata=ff)"),
)


@pytest.mark.peers
@pytest.mark.parametrize(
    "arguments",
    [
        ("monitor", "br", "65535"),
        ("monitor", "br", "65535", "watch:"),
        ("-P", "nxm", "monitor", "br", "128", "watch:!initial,table=2"),
        ("-P", "standard", "monitor", "br", "128"),
        ("-O", "OpenFlow15", "monitor", "br", "128", "watch:"),
    ],
    ids=" ".join,
)
def test_monitors_say_the_same(switch: PeerSwitch, arguments: tuple[str, ...]) -> None:
    theirs(switch, "del-flows", "br")
    theirs(switch, "add-flow", "br", "table=2,reg4=1,actions=output:2")
    program = "import sys; from pyovn.tools.ofctl import main; main(sys.argv[1:])"
    commands = ([switch.peer("ovs-ofctl"), *arguments], [sys.executable, "-c", program, *arguments])
    env = {**os.environ, "OVS_RUNDIR": str(switch.directory)}
    running = [
        subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for command in commands
    ]
    try:
        # Only what comes after every program has heard a mark is compared, up to another packet.
        for process in running:
            _mark_until_heard(switch, process)
        for change in MONITORED:
            assert theirs(switch, *change)[0] == 0
        said = [_until_packet(process, "in_port=2") for process in running]
    finally:
        for process in running:
            process.terminate()
            process.wait(10)
            assert process.stderr is not None
            process.stderr.close()
    assert said[1] == said[0]
    assert len(said[0]) > 3


def _mark_until_heard(switch: PeerSwitch, process: subprocess.Popen[str]) -> None:
    thread = threading.Thread(target=_until_packet, args=(process, "in_port=3"))
    thread.start()
    while thread.is_alive():
        theirs(switch, "packet-out", "br", MARK)
        thread.join(0.05)


def _until_packet(process: subprocess.Popen[str], mark: str) -> list[str]:
    """Lines up to a packet with ``mark`` in its head, less what differs from run to run and other packets."""
    assert process.stderr is not None
    lines: list[str] = []
    for line in process.stderr:
        text = re.sub(r"duration[\d.]+s|\(xid=0x[0-9a-f]+\)|idle_age=\d+", "#", line.rstrip())
        lines.append(text)
        if not text.startswith("arp"):
            continue
        if any(mark in each for each in lines[-3:]):
            break
        while "total_len" not in lines.pop():
            pass
    return lines


@pytest.mark.peers
def test_files_of_flows(switch: PeerSwitch, tmp_path: Path) -> None:
    file = tmp_path / "flows"
    file.write_text("in_port=1 actions=drop\n# comment\n\ndelete in_port=3\ntable=4,actions=resubmit(,5)\n")
    theirs(switch, "del-flows", "br")
    assert ours(switch.directory, "add-flows", "br", str(file)) == (0, "", "")
    assert ours(switch.directory, "--no-stats", "dump-flows", "br")[1].splitlines() == [
        " in_port=1 actions=drop",
        " table=4, actions=resubmit(,5)",
    ]
    file.write_text("in_port=1 actions=drop\nbad\n")
    assert plain(ours(switch.directory, "add-flows", "br", str(file))) == plain(
        theirs(switch, "add-flows", "br", str(file))
    )
    assert ours(switch.directory, "--sort=in_port", "dump-flows", "br")[0] == 0


def test_without_a_switch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UnreachableError, match="nobr is not a bridge or a socket"):
        address_of("nobr", str(tmp_path))
    assert address_of("tcp:1.2.3.4:6653", "") == "tcp:1.2.3.4:6653"
    ofctl.main(["--version"])
    assert capsys.readouterr().out.startswith("ovs-ofctl (pyovn) ")
    ofctl.main(["--help"])
    assert "dump-flows SWITCH" in capsys.readouterr().out
    ofctl.main(["parse-flow", "tcp,tp_dst=80,actions=1"])
    assert capsys.readouterr().out.endswith("ADD tcp,tp_dst=80 actions=output:1\n")
    with pytest.raises(SystemExit):
        ofctl.main(["-O", "OpenFlow11", "show", "br"])
    assert "OpenFlow 1.0 and 1.3 to 1.5 are" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        ofctl.main(["-O", "OpenFlow17", "show", "br"])
    assert 'Unknown OpenFlow version: "OpenFlow17"' in capsys.readouterr().err

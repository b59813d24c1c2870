from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
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


def ours(rundir: object, *arguments: str) -> Run:
    program = "import sys; from pyovn.tools.ofctl import main; main(sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env={**os.environ, "OVS_RUNDIR": str(rundir)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def theirs(switch: PeerSwitch, *arguments: str) -> Run:
    done = subprocess.run(
        [switch.peer("ovs-ofctl"), "-O", "OpenFlow15", *arguments],
        env=switch.environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


VOLATILE = re.compile(r"duration=[\d.]+s|idle_age=\d+|xid=0x[0-9a-f]+|^\d{4}-.*\n", re.MULTILINE)


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
    ("dump-flows", "nobr"),
    ("dump-flows", "unix:/nowhere"),
    ("add-flow", "br"),
    ("frob", "br"),
    ("-O", "OpenFlow17", "show", "br"),
    (),
)


@pytest.mark.peers
def test_changes_and_looks_are_those_of_the_c_program(switch: PeerSwitch) -> None:
    for change in CHANGES:
        assert plain(ours(switch.directory, "-O", "OpenFlow15", *change)) == (0, "", ""), change
        if change[0] not in (
            "add-group",
            "insert-buckets",
            "add-tlv-map",
        ):  # these are refused the second time
            shown = theirs(switch, "dump-flows", "br"), theirs(switch, "dump-groups", "br")
            assert plain(theirs(switch, *change)) == (0, "", "")
            # The C program's change on top of ours changes nothing: both did the same.
            again = theirs(switch, "dump-flows", "br"), theirs(switch, "dump-groups", "br")
            assert [sorted(plain(run)[1].splitlines()) for run in again] == [
                sorted(plain(run)[1].splitlines()) for run in shown
            ]
        if change[0] in ("replace-flows", "--may-create", "mod-flows"):
            for look in LOOKS:
                mine, c = plain(ours(switch.directory, *look)), plain(theirs(switch, *look))
                # Of differing flows the C program tells in the order of its hash table.
                assert sorted(mine[1].splitlines()) == sorted(c[1].splitlines()), look
                assert (mine if look[0] != "diff-flows" else mine[::2]) == (
                    c if look[0] != "diff-flows" else c[::2]
                ), look


@pytest.mark.peers
@pytest.mark.parametrize("arguments", REFUSALS, ids=" ".join)
def test_refusals_are_worded_as_the_c_program_words_them(
    switch: PeerSwitch, arguments: tuple[str, ...]
) -> None:
    assert plain(ours(switch.directory, *arguments)) == plain(theirs(switch, *arguments))


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
        ofctl.main(["-O", "OpenFlow13", "show", "br"])
    assert "only OpenFlow15" in capsys.readouterr().err

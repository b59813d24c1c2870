"""ovn-nbctl beside Debian's: the same lines, the same output, the same database."""

# ruff: noqa: E501 - a command line is one line

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest
from ctl_twin import Twin

from pyovn.tools.ctl.program import GENERAL_VERBS
from pyovn.tools.nbctl.program import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.peers
SCHEMA = "/usr/share/ovn/ovn-nb.ovsschema"

BASIC = """
init
ls-add sw0
ls-add sw0
--may-exist ls-add sw0
-- --add-duplicate ls-add dup -- --add-duplicate ls-add dup
ls-list
ls-del dup
ls-del nope
--if-exists ls-del nope
ls-del 12345678-1234-1234-1234-123456789abc
--may-exist ls-add
--add-duplicate ls-add
--may-exist --add-duplicate ls-add x
ls-add
lsp-add dup x
foo
ls-add a b
ls-add a --b
ls-del
--foo ls-add x
-- --foo ls-add x
--wait=foo show
-- --if-exists ls-add x
-- --may-exist=3 ls-add x
--timeout=abc ls-list
-t 0 ls-list
-t 5 ls-list
--db
--dry-run ls-add dry
--dry-run=3 ls-list
--no ls-list
--no-l ls-list
-x ls-list
-- ls-list --
ls-list -- -- ls-list
--
--may-exist -- ls-add sw0
-- --if-exists --if-exists ls-del b
-- --columns list logical_switch
-- -t 5 ls-list
lsp-list nope
lsp-get-tag nope
show nope
show sw0
get-ssl
"""
PORTS = """
ls-add sw0 -- ls-add sw1
lsp-add sw0 p1 -- lsp-add sw0 p2 -- lsp-add sw0 c1 p1 5
lsp-add sw0 p1
lsp-add nope p9
--may-exist lsp-add sw0 p1
--may-exist lsp-add sw1 p1
--may-exist lsp-add sw0 p1 p2 3
--may-exist lsp-add sw0 c1
--may-exist lsp-add sw0 c1 p1 6
--may-exist lsp-add sw0 c1 p2 5
--may-exist lsp-add sw0 c1 p1 5
lsp-add sw0 x p1
lsp-add sw0 x p1 99999
lsp-add sw0 x p1 abc
lsp-add sw0 x p1 -1
lsp-list sw0
lsp-get-parent c1
lsp-get-parent p1
lsp-get-tag c1
lsp-get-ls p1
lsp-get-ls sw0
show
lsp-set-addresses p1 "00:00:00:00:00:01 10.0.0.1" unknown dynamic router
lsp-get-addresses p1
lsp-set-addresses p1 foo
lsp-set-addresses p1 10.0.0.1
lsp-set-addresses p1 "unknown x"
lsp-set-addresses p1 ""
lsp-set-addresses p1 "00:00:00:00:00:01 10.0.0.1 fd00::1"
lsp-set-addresses p2 "00:00:00:00:00:02 10.0.0.1"
lsp-set-addresses p2 "00:00:00:00:00:02 fd00::1"
lsp-set-addresses p2 "00:00:00:00:00:02 10.0.0.2 10.0.0.1"
lsp-set-addresses p2 "00:00:00:00:00:02 10.0.0.300"
lsp-set-addresses p2 "dynamic 10.0.0.1"
lsp-set-addresses p2 80:fa:5b:06:72:b7 unknown
lsp-set-addresses p2
lsp-set-addresses p2 "  80:fa:5b:06:72:b7 10.0.0.9/24"
show sw0
lsp-set-port-security p1 00:00:00:00:00:01 b a a
lsp-get-port-security p1
lsp-set-port-security p1
lsp-get-port-security p1
lsp-get-up p1
lsp-get-enabled p1
lsp-set-enabled p1 DISABLED
lsp-get-enabled p1
lsp-set-enabled p1 enabled
lsp-set-enabled p1 foo
lsp-set-type p1 foo
lsp-set-type p1 patch
lsp-set-type p1 localnet
lsp-get-type p1
lsp-get-type p2
lsp-set-options p1 network_name=phys a=b=c foo =x
lsp-get-options p1
lsp-set-options p1
lsp-get-options p1
show sw0
lsp-set-type p1 ""
lsp-del p2
lsp-del p2
--if-exists lsp-del p2
lsp-del 12345678-1234-1234-1234-123456789abc
lsp-list sw0
ls-del sw0
show
sync
"""
GENERAL = """
ls-add c0 -- lsp-add c0 cp0 -- lsp-add c0 cp1 -- ls-add c1
set logical_switch_port cp0 tag=5 external_ids:a=1 external_ids:b=2 addresses=x,y
set logical_switch_port cp1 addresses=x external_ids:a=2
get logical_switch_port cp0 tag external_ids:a addresses up name
get logical_switch_port cp0 tag:x
get logical_switch_port cp0 external_ids:zz
--if-exists get logical_switch_port cp0 external_ids:zz
--if-exists get logical_switch_port nope name
--if-exists --id=@p get logical_switch_port cp0
get logical_switch_port nope name
get log c0 name
get foo c0 name
get logical_switch c0 nam
get logical_switch c0 o
get logical-switch c0 OTHER-config
get logical_switch c0 _uuid name
get logical_switch c0 _version
get logical_switch c0 name=3
get logical_switch c0 external_ids:a:b
get Logical_Switch . name
get nb . nb_cfg
get nb_global . options:foo
list logical_switch
list logical_switch c0
list logical_switch_port
list logical_switch nope
--if-exists list logical_switch_port nope cp0
list ssl
get ssl . ca_cert
--if-exists clear ssl . ca_cert
--columns=name,_uuid list logical_switch c0
--columns=_uuid,name,foo list logical_switch
--columns= list logical_switch
--columns=name, list logical_switch
--format=table --columns=name,ports list logical_switch
--format=table list logical_switch c0
--format=csv --columns=name,ports list logical_switch
-f json --columns=name,ports list logical_switch c0
-f json --pretty --columns=name,external_ids list logical_switch_port cp0
-f html --columns=name,external_ids,_uuid list logical_switch_port cp0
--bare --columns=name,addresses,external_ids list logical_switch_port cp0
-d json --columns=name,addresses,external_ids,tag list logical_switch_port cp0
-d bare -f csv --columns=name,addresses,external_ids,tag list logical_switch_port cp0
-d json -f table --columns=name,addresses list logical_switch_port cp0
--no-headings -f table --columns=name,addresses list logical_switch_port cp0
--no-headings --columns=name,addresses list logical_switch_port cp0
--max-column-width=5 -f table --columns=name,addresses,external_ids list logical_switch_port cp0
-f foo list logical_switch
-d foo list logical_switch
--columns=name list logical_switch c0 -- --columns=name list logical_switch_port cp0
-f csv --columns=name list logical_switch c0 -- --columns=name list logical_switch_port cp0
--oneline ls-add osw -- get logical_switch c0 name other_config -- comment 'a\\b' -- --columns=name list logical_switch c0
-f table list ssl
-f json list ssl
-f html list ssl
add logical_switch_port cp0 addresses z x
add logical_switch_port cp0 external_ids a=zz c=d
add logical_switch_port cp0 external_ids a
add logical_switch_port cp0 external_ids:a b
add logical_switch_port cp0 tag 6
add logical_switch_port cp0 tag 5
add logical_switch_port cp1 enabled true
remove logical_switch_port cp0 addresses x y nope
remove logical_switch_port cp0 external_ids a=5 b
remove logical_switch_port cp0 tag 5
remove nb_global . nb_cfg 0
clear logical_switch_port cp0 external_ids addresses
clear nb_global . nb_cfg
clear nb_global . foo
set nb_global . nb_cfg=a
set nb_global . nb_cfg
set nb_global . nb_cfg:x=1
set nb_global . nb_cfg=1,2
set nb_global . options=1
set nb_global . options:a=b options:c='"d e"'
set nb_global . options:"x y"='[]'
get nb_global . options options:a options:c
set nb_global . connections=[]
set logical_switch_port cp0 _uuid=x
set logical_switch_port cp0 tag=4096
set logical_switch_port cp0 tag=1-3
set logical_switch_port cp0 tag=[7]
set logical_switch_port cp0 tag=
set logical_switch_port cp0 name
set logical_switch_port cp0 =x
set logical_switch_port cp0 p=x
set logical_switch_port cp0
set logical_switch_port cp0 up=yes enabled=off
--if-exists set logical_switch_port nope name=1
create nb_global foo=1
create foo
create logical_switch name=xx
create logical_switch_port name=yy
create logical_switch_port name=yy addresses=@zz
create logical_switch_port dhcpv4_options=@zz
create acl direction=x
create acl priority=99999
create meter_band rate=0
create meter bands=[]
create logical_router_policy nexthops=1,2
-- --id=@m create meter name=m unit=kbps bands=@b -- --id=@b create meter_band action=drop rate=5
-- --id=@m create meter name=m2 unit=x bands=@b
-- --id=foo create dhcp_options cidr=x
-- --id=12345678-1234-1234-1234-123456789abc create dhcp_options cidr=10.0.0.0/24
-- --id=@a create dhcp_options cidr=x -- --id=@a create dhcp_options cidr=y
list dhcp_options 1234
set logical_switch_port cp0 dhcpv4_options=12345678-1234-1234-1234-123456789abc
get dhcp_options cp0 cidr
-- --id=@p create logical_switch_port name=np -- add logical_switch c0 ports @p
-- --id=@p create logical_switch_port name=nq
-- --id=@c get logical_switch c0 -- --id=@q create logical_switch_port name=nr -- add logical_switch c1 ports @q
destroy logical_switch nope
--if-exists destroy logical_switch nope
destroy logical_switch xx
--all destroy logical_switch foo
--all --if-exists destroy logical_switch
destroy logical_switch
--all destroy meter
wait-until logical_switch_port cp1 name=cp1
wait-until logical_switch_port cp1
wait-until logical_switch_port cp1 foo=1
set logical_switch_port cp0 name=x -- get logical_switch_port cp0 name
set logical_switch_port cp0 name=x -- get logical_switch_port x name
add logical_switch_port x addresses q -- get logical_switch_port x addresses
ls-add q1 -- get logical_switch q1 name
ls-add q2 -- ls-add q2
ls-add q3 -- ls-list
comment hello world
set logical_switch c0 external_ids:"neutron:network_name"=foo
get logical_switch foo name
show c0
-- --add-duplicate ls-add dup -- --add-duplicate ls-add dup
list logical_switch dup
"""
FIND = """
ls-add c0 -- lsp-add c0 cp0 -- lsp-add c0 cp1 -- lsp-add c0 cp2
set logical_switch_port cp0 tag=5 external_ids:a=1 external_ids:b=2 addresses=x,y
set logical_switch_port cp1 addresses=x external_ids:a=2
"""
CONDITIONS = [
    "tag=5",
    "tag!=5",
    "tag<5",
    "tag<6",
    "tag>4",
    "tag>=5",
    "tag<=5",
    "tag=[]",
    "tag!=[]",
    "tag{=}5",
    "tag{!=}5",
    "tag{<=}5",
    "tag{<}5",
    "tag{>=}5",
    "tag{>}5",
    "tag{in}5,6",
    "tag{not-in}5",
    "tag{not-in}6",
    "addresses=x",
    "addresses=y,x",
    "addresses{<=}x,y,z",
    "addresses{<}x,y",
    "addresses{>=}x",
    "addresses{>}x",
    "addresses{in}x",
    "addresses{not-in}y",
    "addresses<x,y",
    "addresses>x",
    "external_ids:a=1",
    "external_ids:a!=1",
    "external_ids:a<2",
    "external_ids:a{=}1",
    "external_ids:a{!=}1",
    "external_ids:zz=1",
    "external_ids:zz{=}[]",
    "external_ids:zz{!=}1",
    "external_ids:a{in}1,2",
    "external_ids:a{not-in}1",
    "external_ids{>=}a=1",
    "external_ids=a=1,b=2",
    "external_ids:b!=2",
    "external_ids:b{<=}2",
    "external_ids:b{>=}2",
    "external_ids:a",
    "name",
    "name~x",
    "tag{foo}5",
    "foo=1",
    "name:x=1",
    "external_ids:a={}",
    "external_ids:a=1,2",
    "_uuid=1",
    "name<cp1",
    "tag=x",
    "external_ids{in}a=1,b=2",
    "external_ids<a=2",
    "external_ids>a=1",
    "name>=cp1",
    "enabled=[]",
    "up=false",
]
VALUES = """
addresses=a:b|addresses=[a, b c,d]|addresses=a b c|addresses="a b","c\\\\"d\\\\u00e9"|addresses=a,a|addresses=[a
addresses=a]|addresses=[]|addresses=""|addresses=a!b|addresses=true,1,1.5,a.b,a-b,_x,9a|addresses=[a]b
addresses=[a,]|addresses=a,,b|addresses=,a|addresses=a ,b|addresses= a|addresses={|addresses=a=b|addresses=[,]
external_ids=a=b,c=d|external_ids={a=b c=d}|external_ids=a=b a=c|external_ids=a|external_ids=a:b
external_ids=1,2|external_ids={}|external_ids={a=b|external_ids:a=b:c|external_ids:a="b:c"|external_ids:a=[]
external_ids:"a b"="c d"|external_ids:a=b,c|external_ids:=b|external_ids=a=b,|external_ids={a=b}c
external_ids={a=b,,c=d}|external_ids=a==b|external_ids=a=|external_ids={a=b]|external_ids=[a=b]
external_ids:a="b|external_ids:a="b"c|external_ids:a=""|external_ids:a=b c|tag={5}|tag=5,|tag=5-1|tag=1-
tag=a:b|tag=1.5|tag=99999999999999999999|tag=0x10|tag=-5|enabled={}|enabled=[true]|enabled=true,false
dhcpv4_options=x|dhcpv4_options=12345678-1234-1234-1234-123456789abz|name=a b|name="a b"|name=a"b|name="a
name=[a]|name={a}|name=[]|name="\\\\x"|name=\u00e9|name+=3|name:=3|name<3|na me=x|NAME=x|parent-name=x|up=x
external_ids={a="=",b=":"}|name="true"|name="5"|addresses="\\\\u0001\\\\n\\\\t/"
""".strip()


@pytest.fixture
def twin(tmp_path: Path, peer: Callable[[str], str]) -> Iterator[Twin]:
    twin = Twin(tmp_path, peer, PROGRAM, SCHEMA)
    yield twin
    twin.stop()


@pytest.mark.parametrize("lines", [BASIC, PORTS, GENERAL], ids=["basic", "ports", "general"])
def test_same_lines_same_effect(twin: Twin, lines: str) -> None:
    twin.compare_all(lines)


def test_conditions(twin: Twin) -> None:
    twin.compare_all(FIND)
    quoted = [shlex.quote(condition) for condition in CONDITIONS]
    twin.compare_all("\n".join(f"--bare --columns=name find logical_switch_port {c}" for c in quoted))


def test_values(twin: Twin) -> None:
    twin.compare_all("ls-add sw")
    values = [v for line in VALUES.splitlines() for v in line.split("|")]
    twin.compare_all(
        "\n".join(
            f"-- --id=@x create logical_switch_port name=v{i} {shlex.quote(v)} -- add logical_switch sw ports @x"
            for i, v in enumerate(values)
        )
    )
    twin.compare_all(
        "list logical_switch_port\n-d json list logical_switch_port\n--bare list logical_switch_port"
    )


def test_what_shells_ask_for(twin: Twin) -> None:
    """``--commands`` and ``--options``: verbs in one form with their options, and every global option."""

    def asked(what: str) -> tuple[set[str], set[str]]:
        theirs, ours = twin.run_theirs(what), twin.run_ours(what)
        assert theirs.status == ours.status == 0
        return set(theirs.stdout.splitlines()), set(ours.stdout.splitlines())

    theirs, ours = asked("--commands")
    general = {verb.name for verb in GENERAL_VERBS}
    assert {line for line in theirs if line.split(",")[1] in general} == {
        line for line in ours if line.split(",")[1] in general
    }
    assert {line.split(",")[1] for line in theirs} <= {line.split(",")[1] for line in ours}
    theirs, ours = asked("--options")
    assert theirs - ours == set()

"""The verbs of ovs-vsctl beside Debian's that test_vsctl_peers.py lacks, and the corners of all of them."""

# ruff: noqa: E501 - a command line is one line

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import test_vsctl_peers
from ctl_twin import Twin

from pyovn.tools.vsctl.program import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"

BONDS = r"""
add-br br0 -- add-br br1 -- add-port br0 p1 -- add-bond br0 bond0 e1 e2
add-bond-iface
add-bond-iface bond0
add-bond-iface bond0 e3 e4
add-bond-iface bond0 e3
add-bond-iface bond0 e3
-- --may-exist add-bond-iface bond0 e3
-- --may-exist add-bond-iface p1 e3
-- --if-exists add-bond-iface p1 e3
-- --may-exist=1 add-bond-iface p1 e3
add-bond-iface p1 e3
add-bond-iface bond0 p1
-- --may-exist add-bond-iface bond0 p1
-- --may-exist add-bond-iface bond0 br1
-- --may-exist add-bond-iface bond0 br0
add-bond-iface bond0 bond0
add-bond-iface nope x
-- --may-exist add-bond-iface nope e3
add-bond-iface br0 x
add-bond-iface br0 br0
add-bond-iface p1 p2
list-ifaces br0
iface-to-br p2
-- add-bond-iface p1 p3 -- list-ifaces br0 -- del-bond-iface p3 -- list-ifaces br0
del-bond-iface
del-bond-iface a b c
del-bond-iface e3
del-bond-iface bond0 e3
del-bond-iface e3
-- --if-exists del-bond-iface e3
-- --if-exists del-bond-iface bond0 e3
-- --if-exists del-bond-iface nope e3
-- --if-exists del-bond-iface nope e1
del-bond-iface p1 e1
del-bond-iface nope e1
del-bond-iface br0 br0
del-bond-iface br0
del-bond-iface br0 e1
del-bond-iface p1 p2
del-bond-iface p1
del-bond-iface p1 p1
del-bond-iface bond0 e1
del-bond-iface bond0 e2
add-br f0 br0 5 -- add-bond f0 bf x y
get port bf tag
add-bond-iface f0 zz
add-bond-iface bf f0
add-bond-iface bf zz
list-ifaces f0
del-bond-iface f0
del-bond-iface f0 f0
del-bond-iface bf x
add-bond br0 b5 i1 i2 lacp=active bond_mode=balance-tcp
add-bond br0 b6 i3 i4 lacp=maybe
add-bond br0 b6 i3 i3
add-bond br0 b6
add-bond br0 b6 i3
add-bond br0 b6 lacp=active i3
add-bond br0 "" i3 i4
-- --fake-iface add-bond br0 b7 i7 i8 tag=3 trunks=1,2
--columns=name,tag,trunks,bond_fake_iface list port b7
-- --may-exist add-bond br0 b7 i8 i7
-- --may-exist add-bond br1 b7 i8 i7
-- --may-exist add-bond br0 b7 i7 i8 i9
-- --may-exist add-bond br0 p1 p1 i9
show
"""

ATTACH = r"""
add-br br0 -- add-br br1 -- add-br f0 br0 7
add-aa-mapping
add-aa-mapping br0 1
add-aa-mapping br0 1 2 3
get-aa-mapping br0
del-aa-mapping br0 1 2
add-aa-mapping br0 1 2
get-aa-mapping br0
add-aa-mapping br0 1 3
add-aa-mapping br0 20 5
add-aa-mapping br0 300 +5
get-aa-mapping br0
add-aa-mapping br0 5 x
add-aa-mapping br0 y 7
add-aa-mapping br0 "" 7
add-aa-mapping br0 16777216 7
add-aa-mapping br0 8 4096
add-aa-mapping br0 -1 9
add-aa-mapping nope 1 9
add-aa-mapping nope x 9
add-aa-mapping f0 100 9
get-aa-mapping f0
get-aa-mapping nope
get-aa-mapping br1
get-aa-mapping br0 br1
list autoattach
list autoattach br0
del-aa-mapping br0 1
del-aa-mapping br0 1 9
del-aa-mapping br0 1 2
del-aa-mapping br0 1 2
del-aa-mapping br0 99 99
del-aa-mapping br0 z z
del-aa-mapping br1 1 2
del-aa-mapping br1 z 2
del-aa-mapping nope 1 2
get-aa-mapping br0
set autoattach br0 system_name=me mappings:7=8
get-aa-mapping br0
clear bridge br0 auto_attach
get-aa-mapping br0
list autoattach
"""

DATAPATHS = r"""
list-dp-cap
list-dp-cap nope
list-zone-tp
list-zone-tp nope
add-zone-tp
add-zone-tp system zone=1
add-zone-tp system zone=1 icmp_first=1
del-zone-tp system zone=1
-- --id=@d create datapath datapath_version=1 -- set open . datapaths:system=@d
list-dp-cap system
set datapath . capabilities:recirc=true
list-dp-cap system
list-dp-cap system x
list-zone-tp system
list-zone-tp system x
add-zone-tp system zone=1 icmp_first=1 icmp_reply=2
list-zone-tp system
add-zone-tp system zone=1 icmp_first=3
-- --may-exist add-zone-tp system zone=1 icmp_first=3
list-zone-tp system
add-zone-tp system zone=2 icmp_first=3
add-zone-tp system zone=4 foo=1
add-zone-tp system zone=4 =1
add-zone-tp system zone=4 icmp_first=-1
add-zone-tp system zone=65536 icmp_first=1
add-zone-tp system zone=-1 icmp_first=1
add-zone-tp system zone=31 udp_first=7 tcp_close=1 icmp_reply=4
add-zone-tp system zone=100 udp_first=7 icmp_reply=4
-- add-zone-tp system zone=40 udp_first=77 -- add-zone-tp system zone=41 udp_first=77
add-zone-tp nope zone=1 icmp_first=1
list-zone-tp system
list ct_zone
--columns=timeouts list ct_timeout_policy
-- --id=@z create ct_zone external_ids:a=b -- set datapath . ct_zones:50=@z
list-zone-tp system
--oneline list-zone-tp system
del-zone-tp
del-zone-tp system
del-zone-tp system zone=1 x
del-zone-tp system zone=1
del-zone-tp system zone=1
-- --if-exists del-zone-tp system zone=1
-- --may-exist del-zone-tp system zone=1
del-zone-tp nope zone=1
-- --if-exists del-zone-tp nope zone=1
list datapath system
list datapath
"""

RESET = r"""
emer-reset
emer-reset x
add-br br0 -- add-br br1 -- add-port br0 p1 tag=3 -- add-br f0 br0 9
set bridge br0 other-config:hwaddr=00:00:00:00:00:01 other-config:a=b external_ids:x=y -- set-fail-mode br0 secure -- set-controller br0 tcp:1.1.1.1
set bridge br1 other-config:disable-in-band=true protocols=OpenFlow15
set port p1 other_config:a=b external_ids:q=r -- set interface p1 other_config:c=d ingress_policing_rate=5 type=internal
set open . other_config:z=1 external_ids:p=q -- set-manager ptcp:1 -- set-ssl a b c
-- --id=@n create netflow targets='"1.2.3.4:5"' -- --id=@s create sflow targets='"1.2.3.4:6"' -- --id=@i create ipfix targets='"1.2.3.4:6"' other_config:m=n -- set bridge br0 netflow=@n sflow=@s ipfix=@i
-- --id=@m create mirror name=mm select_all=true -- set bridge br0 mirrors=@m
-- --id=@q create qos type=linux-htb other_config:a=b queues:0=@q0 -- --id=@q0 create queue other_config:max-rate=5 -- set port p1 qos=@q
set port br0 other_config:a=b -- set interface br0 other_config:a=b
-- set bridge br0 flow_tables:0=@t -- --id=@t create flow_table name=t0
show
--dry-run emer-reset
emer-reset
show
list open
list bridge
list port
list qos
emer-reset
-- --id=@i create ipfix targets='"1.2.3.4:6"' -- --id=@b get bridge br0 -- create flow_sample_collector_set id=1 bridge=@b ipfix=@i
list flow_sample_collector_set 1
emer-reset
list flow_sample_collector_set
"""

CORNERS = r"""
nope
list-br -- nope
add-br
add-br a b c d
-- --if-exists add-br a
-- --may-exist --may-exist add-br a
--
-- -- list-br
add-br "a b"
add-br "x/y"
list-br
del-br "a b" -- --if-exists del-br "x/y"
add-br br0 -- add-br br0
add-br br0 -- add-br f1 br0 -1
add-br br0 -- add-br f1 br0 1
add-br f2 br0 4096
add-br f2 br0 4095
add-br f3 br0 0
add-br f4 br0 1
-- --may-exist add-br f1 br0 1
-- --may-exist add-br f1 nope 1
br-to-vlan f3
br-to-parent f2
-- --real list-br
-- --fake list-br
br-exists f1
br-exists nope
br-exists
-- br-exists nope -- list-br
-- list-br -- br-exists nope -- add-br nope
br-exists nope
list-br
br-set-external-id nope a b
br-set-external-id br0 a
br-set-external-id br0 a b -- br-get-external-id br0
br-set-external-id br0 a c -- br-get-external-id br0 a
br-set-external-id br0 c d
br-get-external-id br0
br-get-external-id br0 zz
br-get-external-id f1 zz
br-set-external-id f1 k v -- br-get-external-id f1
br-get-external-id f1
br-get-external-id f1 k
br-set-external-id f1 k
br-get-external-id f1
get port f1 external_ids
list-ports f1
add-port br0 p0 tag=1
list-ports f1
list-ports br0
port-to-br p0
iface-to-br p0
add-port f1 pp
add-port f1 pq tag=2
get port pq tag
add-port br0 p1 type=internal
add-port br0 p1 tag=abc
add-port br0 p1 other_config:a=b external_ids:c=d
get port p1 other_config external_ids
add-port br0 p2 --
add-port br0 p3 other_config:a
add-port br0 p3 nope=1
add-port br0 p3 tag:1=2
add-port br0 p3 interfaces=@a
-- add-port br0 p3 -- set interface p3 type=patch options:peer=p4 -- add-port br0 p4 -- set interface p4 type=patch options:peer=p3
show
del-port br0 pp
del-port f1 p0
del-port f1 nope
-- --if-exists del-port f1 nope
-- --if-exists del-port nope nope
del-port nope nope
del-port nope br0
del-port f1 br0
-- --if-exists del-port nope br0
-- --with-iface del-port nope nope
-- --with-iface del-port br0 p1
-- --if-exists del-port br0 br0
-- --with-iface del-port br0
-- --if-exists --with-iface del-port f1
del-port
del-port a b c
set-controller br0
set-controller nope tcp:1.1.1.1
set-controller br0 tcp:1.1.1.1 tcp:2.2.2.2 ssl:3.3.3.3 unix:/a pssl: ptcp: punix:/b foo:bar
get-controller br0
get-controller nope
get-controller f1
set-controller f1 tcp:1.1.1.1
del-controller f1
del-controller nope
-- --inactivity-probe=5 set-controller br0 tcp:1.1.1.1
get controller br0 inactivity_probe target
-- --inactivity-probe set-controller br0 tcp:1.1.1.1
-- --inactivity-probe=x set-controller br0 tcp:1.1.1.1
-- set-controller br0 tcp:1.1.1.1 tcp:1.1.1.1
get-controller br0
del-controller br0
del-controller br0
get-fail-mode nope
set-fail-mode nope secure
set-fail-mode br0
set-fail-mode br0 Secure
set-fail-mode br0 standalone
get-fail-mode f1
get-fail-mode br0
del-fail-mode f1
del-fail-mode br0
get-fail-mode br0
set-manager
set-manager tcp:1.1.1.1 ssl:2.2.2.2 ptcp:6640
get-manager
-- --inactivity-probe=7 set-manager tcp:1.1.1.1
get manager tcp\:1.1.1.1 inactivity_probe
get manager . inactivity_probe
set-manager tcp:1.1.1.1 tcp:1.1.1.1
get-manager x
del-manager x
del-manager
set-ssl a b
set-ssl a b c
get-ssl
-- --bootstrap set-ssl a b c
get-ssl
list ssl
del-ssl
get-ssl
del-ssl
init x
init
show
show bridge
"""

GENERAL = r"""
add-br br0 -- add-port br0 p1 tag=3 -- add-port br0 p2 -- set interface p1 external_ids:iface-id=one
list
list nope
list b
list i
list Bridge br0 br0
list bridge nope
-- --if-exists list bridge nope
--columns=name list port p1 p2
--columns=name,nope list port p1
--columns=name,tag --format=table list port p1
--columns=name,tag -f csv list port p1
--columns=name,tag -f html list port p1
--columns=name,tag -f json list port p1
--columns=name,tag -f list list port p1
--columns=name,tag -f nope list port p1
--columns=name,tag -f table --no-headings list port p1
--columns=name,tag -f table -d bare list port p1
--columns=name,external_ids -f table -d json list interface p1
--columns=name,external_ids -d nope list interface p1
--columns=name,external_ids --bare list interface p1
--columns=name,external_ids --max-column-width=4 -f table list interface p1
--columns=name --oneline list port p1 -- get port p1 tag -- list-ports br0
--oneline list-ports br0 -- init -- get port p1 tag name
find port tag=3
--columns=name find port tag=3
--columns=name find port tag!=3
--columns=name find port tag{>=}3
--columns=name find port tag{in}3,4
--columns=name find interface external_ids:iface-id=one
--columns=name find interface external_ids:iface-id!=one
--columns=name find interface external_ids:iface-id{!=}one
find port nope=3
find port tag
find port tag=x
get port p1
get port p1 nope
get port p1 tag name
get port p1 tag:1
get interface p1 external_ids:iface-id
get interface p1 external_ids:nope
-- --if-exists get interface p1 external_ids:nope
-- --if-exists get interface nope external_ids:nope
-- --id=@p get port p1 -- --id=@m create mirror name=m select_src_port=@p -- set bridge br0 mirrors=@m
get mirror m name select_all
-- --id=@m get mirror m -- remove bridge br0 mirrors @m
list mirror
set port p1
set port p1 tag
set port p1 tag=x
set port p1 tag=4096
set port p1 tag=[]
set port p1 trunks=1,2,3 -- get port p1 trunks
set port p1 name=zz
set port p1 _uuid=1
set port nope tag=1
-- --if-exists set port nope tag=1
set interface p1 options:a=1 options:b=2 -- get interface p1 options
set interface p1 options={c=3} -- get interface p1 options
set interface p1 type="a b"
add port p1 trunks 4 5 -- get port p1 trunks
add port p1 trunks 4096
add port p1 tag 5
add port p1 tag 6
add interface p1 options a=b c=d
get interface p1 options
add interface p1 options a=c
get interface p1 options
add interface p1 options a
-- --if-exists add port nope trunks 4
add port nope trunks 4
remove port p1 trunks 4 9 -- get port p1 trunks
remove interface p1 options a=zz -- get interface p1 options
remove interface p1 options a -- get interface p1 options
remove interface p1 options c=d
remove port p1 name p1
remove port p1 interfaces x
-- --if-exists remove port nope trunks 4
clear port p1 trunks tag -- get port p1 trunks tag
clear port p1 name
clear port p1 interfaces
clear port p1 nope
clear port nope tag
-- --if-exists clear port nope tag
clear port p1
create
create port
create port name=x
create queue dscp=5
create queue dscp=64
create queue nope=64
-- --id=@a create queue dscp=5 -- --id=@a create queue dscp=6
-- --id=a create queue dscp=5
-- --id=@a create queue dscp=5
-- set port p1 qos=@q -- --id=@q create qos type=linux-htb other-config:max-rate=1000000 queues:0=@n -- --id=@n create queue other-config:min-rate=1000
list qos p1
list queue
destroy qos
destroy qos nope
-- --if-exists destroy qos nope
destroy qos p1
-- destroy qos p1 -- clear port p1 qos
-- --all destroy queue
-- --all destroy queue x
-- --all --if-exists destroy queue
destroy port p1
destroy bridge br0
list-br
wait-until port p1
wait-until port p1 tag=[] name=p1
wait-until port p1 nope=1
wait-until nope p1
wait-until port
-- wait-until bridge br0 -- get bridge br0 name
comment
comment a b c
comment a -- set port p1 tag=9 -- comment "x y"
--no-wait comment
--dry-run set port p1 tag=8 -- get port p1 tag
get port p1 tag
-t 5 get port p1 tag
--timeout=0 get port p1 tag
--timeout=-1 get port p1 tag
--timeout=abc get port p1 tag
--retry get port p1 tag
--no-syslog get port p1 tag
-vconsole:off get port p1 tag
get port p1 tag -- --if-exists
get port p1 tag --if-exists
set port p1 tag=4 --if-exists
list-ports br0 --if-exists
"""

LISTS = {
    "bonds": BONDS,
    "attach": ATTACH,
    "datapaths": DATAPATHS,
    "reset": RESET,
    "corners": CORNERS,
    "general": GENERAL,
}
"""
What is left out, and why: Debian's program reads what is no number as some number (VLANs, zones, timeouts), which here
is an error; its del-aa-mapping loses mappings besides the one that is named; its zone commands do not see what
earlier ones of a line did; and its ``add`` keeps the value of a key that is there when another command of the line reads
the record, and replaces it otherwise, where ours always replaces it.
"""


@pytest.fixture
def twin(tmp_path: Path, peer: Callable[[str], str]) -> Iterator[Twin]:
    twin = Twin(tmp_path, peer, PROGRAM, SCHEMA, "--no-wait")
    yield twin
    twin.stop()


@pytest.mark.peers
@pytest.mark.parametrize("name", LISTS)
def test_same_lines_same_effect(twin: Twin, name: str) -> None:
    twin.compare_all(LISTS[name])


def test_the_lists_have_every_verb() -> None:
    lists = (*LISTS.values(), test_vsctl_peers.BRIDGES, test_vsctl_peers.DATABASE)
    words = {word for lines in lists for word in lines.split()}
    assert {verb.name for verb in PROGRAM.verbs} - words == set()

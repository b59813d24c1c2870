"""ovs-vsctl beside Debian's: the same lines, the same output, the same database."""

# ruff: noqa: E501 - a command line is one line

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ctl_twin import Twin

from pyovn.tools.vsctl.program import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.peers
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
BRIDGES = """
init
show
add-br br0
add-br br0
--may-exist add-br br0
list-br
add-port br0 eth0
add-port br0 eth0
--may-exist add-port br0 eth0
add-br br1
--may-exist add-port br1 eth0
add-port brX eth0
add-port brX eth9
add-port br0 br0
add-port br0 ""
add-br ""
list-ports br0
list-ifaces br0
list-ports x
list-ports br0 x
port-to-br eth0
port-to-br x
port-to-br br0
iface-to-br eth0
iface-to-br br0
iface-to-br x
add-port br0 eth1 tag=9 trunks=1,2 -- set interface eth1 type=internal
add-port br0 eth2 foo=1
add-port br0 eth2 tag
add-port br0 eth2 tag=1 tag=2
-- add-port br0 px -- add-port br0 px
show
del-port br1 eth0
del-port br1 nope
del-port nobr eth0
--if-exists del-port nobr eth0
del-port eth2
del-port x
--if-exists del-port x
--with-iface del-port x
--if-exists --with-iface del-port x
del-port br0 br0
del-port br0
del-br x
--if-exists del-br x
br-exists br0
br-exists x
br-to-vlan br0
br-to-vlan x
br-to-parent br0
br-set-external-id br0 k v
br-get-external-id br0 k
br-get-external-id br0
br-set-external-id br0 k
br-get-external-id br0 k
br-get-external-id x
get-controller br0
set-controller br0 tcp:1.2.3.4 ptcp:6653
get-controller br0
show
--inactivity-probe=100 set-controller br0 tcp:1.1.1.1
get controller br0 inactivity_probe
del-controller br0
get-controller br0
set-controller br0 foo
get-fail-mode br0
set-fail-mode br0 secure
get-fail-mode br0
set-fail-mode br0 foo
show
del-fail-mode br0
add-bond br0 bond0 e1 e2
list-ports br0
list-ifaces br0
iface-to-br e1
add-bond br0 bond0 e1 e2
--may-exist add-bond br0 bond0 e1 e2
--may-exist add-bond br0 bond0 e1 e3
--may-exist add-port br0 bond0
add-bond br0 bond1 e1
add-bond br0 bond1 e1 e7
add-bond br0 bond1 eth0 e7
add-bond br0 bond1 br1 e7
--fake-iface add-bond br0 bond2 a b lacp=active
get port bond2 bond_fake_iface lacp
--with-iface del-port a
add-br f0 br0 10
list-br
--fake list-br
--real list-br
--real --fake list-br
list-br --real
br-to-vlan f0
br-to-parent f0
add-port f0 fp
add-port br0 tp tag=10
list-ports f0
list-ports br0
list-ifaces f0
port-to-br fp
port-to-br f0
del-port br0 fp
del-port f0 eth1
del-port f0
add-br f1 br0 10
add-br f1 br0 99999
add-br f1 f0 11
add-br f1 br0
add-br f1 nope 3
--may-exist add-br f0 br0 10
--may-exist add-br f0 br0 11
--may-exist add-br f0
--may-exist add-br br0 f0 5
--may-exist add-br new nobr 5
--may-exist add-port br0 fp
--may-exist add-port f0 fp tag=7
get port fp tag
add-br tp
add-br eth1
br-set-external-id f0 a b
br-get-external-id f0
br-get-external-id f0 a
get port f0 external_ids fake_bridge tag
set-controller f0 tcp:1.1.1.1
get-controller f0
get-fail-mode f0
set-fail-mode f0 secure
show
del-br f0
list-ports br0
-- del-port eth1 -- get port eth1 tag
add-br b2 -- list-br
add-port b2 x -- list-ports b2 -- port-to-br x -- del-port x -- list-ports b2 -- del-br b2 -- list-br
del-br br0
show
list port
list interface
"""
DATABASE = """
set open . external_ids:system-id=hv1 external_ids:ovn-remote=unix:/x/y.sock -- add-br br-int -- set bridge br-int fail-mode=secure other-config:disable-in-band=true
get open . external_ids
set open . ovs_version=3.1
show
list open
list br
list interface br-int
list Bridge-
get bri br-int STP_ENABLE
set bridge br-int fail_mode=x
set bridge br-int flood_vlans=1-10
get bridge br-int flood_vlans
set bridge br-int flood_vlans=1-10,5
set bridge br-int flood_vlans=1-9999
set bridge br-int flow_tables:x=@a
set bridge br-int flow_tables:300=12345678-1234-1234-1234-123456789abc
set bridge br-int flow_tables=1=2
set bridge br-int protocols=OpenFlow10,OpenFlow99
set bridge br-int protocols=OpenFlow10,OpenFlow15
-- --id=@t create flow_table name=t0 -- set bridge br-int flow_tables:0=@t
list flow_table t0
set interface br-int mtu_request=1
set interface br-int ofport_request=99999
set port br-int tag=4096
add-port br-int pg -- set interface pg type=geneve options:remote_ip=1.2.3.4 options:key=flow options:csum=true
show
--id=@p create port name=pp interfaces=@i -- --id=@i create interface name=pp -- add bridge br-int ports @p
create port name=xx interfaces=@zz
--id=@x create interface name=abc
-- --id=@q create qos type=linux-htb queues:0=@q0 -- --id=@q0 create queue other_config:max-rate=5
list queue
list qos
-- --id=@q create qos type=linux-htb -- set port pp qos=@q
get qos pp type
get qos br-int type
get netflow br-int targets
-- --id=@n create netflow targets='"1.2.3.4:5"' -- set bridge br-int netflow=@n
get netflow br-int targets
clear bridge br-int netflow
get queue 1 dscp
-- --id=12345678-1234-1234-1234-123456789abc create qos type=x
list qos 1234
destroy qos 1234
--all destroy qos
find interface type=geneve
--columns=name find interface options:key=flow
remove bridge br-int protocols
remove bridge br-int protocols OpenFlow10
set-manager ptcp:6640:127.0.0.1
get-manager
show
--inactivity-probe=5 set-manager foo
list manager
del-manager
get-manager
get-ssl
set-ssl a b c d
--bootstrap set-ssl a b c
get-ssl
del-ssl
--dry-run add-br zz
--oneline list-br
--timeout=3 list-br
-t x list-br
--retry list-br
wait-until bridge br-int name=br-int
list-br foo
show foo
"""


@pytest.fixture
def twin(tmp_path: Path, peer: Callable[[str], str]) -> Iterator[Twin]:
    twin = Twin(tmp_path, peer, PROGRAM, SCHEMA, "--no-wait")
    yield twin
    twin.stop()


@pytest.mark.parametrize("lines", [BRIDGES, DATABASE], ids=["bridges", "database"])
def test_same_lines_same_effect(twin: Twin, lines: str) -> None:
    twin.compare_all(lines)

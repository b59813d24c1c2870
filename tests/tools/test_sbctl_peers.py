"""ovn-sbctl beside Debian's: the same lines, the same output, the same database."""

# ruff: noqa: E501 - a command line is one line

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from ctl_twin import Side, Twin

from pyovn.tools.sbctl.program import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.peers
SCHEMA = "/usr/share/ovn/ovn-sb.ovsschema"
LINES = """
init
show
chassis-add c1 geneve,vxlan 1.2.3.4
chassis-add c1 geneve 1.2.3.4
--may-exist chassis-add c1 geneve 1.2.3.4
chassis-add c2 foo 1.2.3.4
chassis-add c2 geneve,geneve 1.2.3.5
set chassis c1 hostname=here
show
-- --id=@d create datapath_binding tunnel_key=1 external_ids:name=sw0 -- create port_binding logical_port=p1 datapath=@d tunnel_key=1
create port_binding logical_port=p2 datapath=@nope tunnel_key=1
lsp-bind p1 c1
lsp-bind p1 c2
--may-exist lsp-bind p1 c2
--may-exist lsp-bind p1 c1
list port_binding p1
show
lsp-bind nope c1
lsp-bind p1 nope
lsp-unbind p1
lsp-unbind p1
--if-exists lsp-unbind nope
lsp-unbind nope
chassis-del c1
chassis-del c1
--if-exists chassis-del c1
show
-- --id=@e create datapath_binding tunnel_key=2 external_ids:name=sw1 -- create logical_flow logical_datapath=@e pipeline=ingress table_id=0 priority=50 match=1 actions='"next;"' external_ids:stage-name=ls_in_x -- create logical_flow logical_datapath=@e pipeline=ingress table_id=0 priority=100 match=eth.mcast actions='"drop;"' external_ids:stage-name=ls_in_x -- create logical_flow logical_datapath=@e pipeline=egress table_id=12 priority=65535 match=1 actions='"output;"' external_ids:stage-name=ls_out_a_very_long_stage
dump-flows
lflow-list sw1
lflow-list nope
lflow-list sw1 zz
dump-flows sw1 0x1234567
--stats lflow-list sw1
count-flows
count-flows sw1
count-flows sw0
count-flows nope
--foo lflow-list
-- --id=@g create logical_dp_group datapaths=[] -- create logical_flow logical_dp_group=@g pipeline=ingress table_id=0 priority=5 match=1 actions='"next;"'
lflow-list
get datapath sw0 tunnel_key
list datapath_binding sw1
get-connection
set-connection role=foo read-only ptcp:6642 read-write ptcp:6643 tcp:1
list connection
get-connection
del-connection
set-connection foo
--inactivity-probe=30000 set-connection ptcp:6642
get-connection
list connection
set-ssl a b c d e
get-ssl
list ssl
get ssl . certificate
del-ssl
get-ssl
-- --id=@h create datapath_binding tunnel_key=7 external_ids:name=sw7 -- create ip_multicast datapath=@h -- --id=@p create port_binding datapath=@h logical_port=p7 tunnel_key=1 -- create multicast_group datapath=@h name=_MC_flood tunnel_key=32768 ports=@p -- create mac_binding logical_port=p7 ip=1.1.1.1 mac='"00:00:00:00:00:09"' datapath=@h
create load_balancer name=lb 'vips:"1.1.1.1:80"="2.2.2.2:80"' 'vips:"1.1.1.2"="2.2.2.2"' protocol=tcp
create load_balancer name=empty
--vflows lflow-list
-- --vflows lflow-list sw7
-- --vflows=unix:/x lflow-list sw0
-- --ovs=unix:/nowhere lflow-list sw1
-- --ovs=nowhere lflow-list sw1
-- --id=@h create datapath_binding tunnel_key=8 external_ids:name=sw8 -- --id=@g create logical_dp_group datapaths=@h -- create load_balancer name=grouped datapath_group=@g vips:"1.1.1.3"="2.2.2.2"
-- --vflows lflow-list sw8
-- --vflows lflow-list sw7
chassis-add ch-none '' 1.2.3.4
chassis-add ch-doubled geneve,,geneve 1.2.3.4
chassis-add ch-gone geneve 1.2.3.5
lsp-bind p7 ch-gone
chassis-del ch-gone
get port_binding p7 up chassis
lsp-unbind p7
get port_binding p7 up chassis
-- --all --if-exists destroy load_balancer x
ip-multicast-flush sw7
ip-multicast-flush
ip-multicast-flush nope
ip-multicast-flush a b
list ip_multicast
sync
--wait=sb init
get sb . nb_cfg
set sb . options:x=y
list sb
"""


@pytest.fixture
def twin(tmp_path: Path, peer: Callable[[str], str]) -> Iterator[Twin]:
    twin = Twin(tmp_path, peer, PROGRAM, SCHEMA)
    yield twin
    twin.stop()


def test_same_lines_same_effect(twin: Twin) -> None:
    twin.compare_all(LINES)


def test_flows_by_uuid(twin: Twin) -> None:
    flow = "create logical_flow pipeline=ingress table_id=0 priority=5 match=1 actions='\"next;\"'"
    datapath = "-- --id=@d create datapath_binding tunnel_key=1 external_ids:name=sw0"
    uuid = "12345678-1234-1234-1234-123456789abc"
    twin.compare_all(
        f"{datapath} -- --id={uuid} {flow} logical_datapath=@d\n"
        "lflow-list 12345\nlflow-list 0x12345678\nlflow-list sw0 12\n--uuid lflow-list\n--uuid dump-flows sw0 99\n"
        f"lflow-list {uuid}"
    )


def test_openflow_flows_of_a_switch(
    short_tmp: Path, twin: Twin, peer: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OVS_RUNDIR", str(short_tmp))
    switch = Side(short_tmp / "vs", peer, "Open_vSwitch", "/usr/share/openvswitch/vswitch.ovsschema")
    ovs_vsctl = [peer("ovs-vsctl"), f"--db={switch.remote}", "-t", "20"]
    subprocess.run([*ovs_vsctl, "--no-wait", "init"], check=True)
    command = [
        peer("ovs-vswitchd"),
        "--detach",
        "--no-chdir",
        f"--pidfile={short_tmp}/v.pid",
        "-vconsole:off",
    ]
    subprocess.run([*command, "--enable-dummy=override", "--disable-system", switch.remote], check=True)
    try:
        protocols = "protocols=OpenFlow10,OpenFlow13,OpenFlow15"
        add = ["add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=dummy", protocols]
        subprocess.run([*ovs_vsctl, *add], check=True)
        uuid = "12345678-1234-1234-1234-123456789abc"
        flow = f"-- --id={uuid} create logical_flow logical_datapath=@d pipeline=ingress table_id=0 priority=5 match=1 actions='\"next;\"'"
        twin.compare_all(f"{flow} -- --id=@d create datapath_binding tunnel_key=1 external_ids:name=sw0")
        for text in (
            "table=8,priority=50,reg14=0x1,metadata=0x1,actions=resubmit(,9)",
            "table=9,priority=7,ip,nw_src=10.0.0.0/24,actions=load:0x1->NXM_NX_REG13[]",
            "table=10,priority=7,actions=drop",
        ):
            add_flow = [peer("ovs-ofctl"), "-O", "OpenFlow15", "add-flow", f"unix:{short_tmp}/br0.mgmt"]
            subprocess.run([*add_flow, f"cookie=0x12345678,{text}"], check=True)
        twin.compare_all(
            f"-- --ovs=unix:{short_tmp}/br0.mgmt lflow-list\n-- --ovs=unix:{short_tmp}/br0.mgmt --vflows lflow-list sw0"
        )
    finally:
        os.kill(int((short_tmp / "v.pid").read_text()), 15)
        switch.stop()

"""ovn-sbctl beside Debian's: the same lines, the same output, the same database."""

# ruff: noqa: E501 - a command line is one line

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ctl_twin import Twin

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

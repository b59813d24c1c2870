"""Every verb of ovn-nbctl beside Debian's: one list of command lines, good and bad, in one database."""

# ruff: noqa: E501 - a command line is one line

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ctl_twin import Twin

from pyovn.tools.ctl.late import LateFunction
from pyovn.tools.nbctl.program import PROGRAM
from pyovn.tools.nbctl.verbs import VERBS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SCHEMA = "/usr/share/ovn/ovn-nb.ovsschema"

RULES_AND_GROUPS = r"""
ls-add sw0 -- ls-add sw1 -- lsp-add sw0 p1 -- lsp-add sw0 p2 -- lsp-add sw1 p3
pg-add
pg-add pg0
pg-add pg0
pg-add pg1 p1 p2
pg-add pg2 p1 nope
pg-add sw1
pg-set-ports pg0 p1 p3
pg-set-ports nope p1
pg-set-ports pg0 nope
pg-set-ports pg0
pg-set-ports 12345678-1234-1234-1234-123456789abc p1
--columns=name,ports list port_group
pg-del pg1
pg-del pg1
pg-del 12345678-1234-1234-1234-123456789abc
acl-add sw0 from-lport 1000 ip4 allow
acl-add sw0 from-lport 1000 ip4 drop
-- --may-exist acl-add sw0 from-lport 1000 ip4 drop
acl-add sw0 to-lport 1000 ip4 drop
acl-add sw0 to 1001 ip6 drop
acl-add sw0 t 1 ip6 drop
acl-add sw0 from 2 ip6 drop
acl-add sw0 foo 2 ip6 drop
acl-add sw0 from-lportx 2 ip6 drop
acl-add sw0 "" 2 ip6 drop
acl-add sw0 to-lport -1 ip6 drop
acl-add sw0 to-lport 32768 ip6 drop
acl-add sw0 to-lport 1x ip6 drop
acl-add sw0 to-lport abc ip6 drop
acl-add sw0 to-lport 10 ip6 pass
acl-add sw0 to-lport 10 ip6 allow-related
acl-add sw0 to-lport 11 ip6 allow-stateless
acl-add sw0 to-lport 12 ip6 reject
acl-add sw0 to-lport 12 ip6 reject extra
acl-add sw0 foo -1 ip6 pass
acl-add nope to-lport 12 ip6 reject
acl-add sw1 to-lport 12 ip6 reject
-- --type=foo acl-add sw1 to-lport 12 ip6 reject
-- --type=switch acl-add sw1 to-lport 12 ip6 reject
-- --type=port-group acl-add sw1 to-lport 12 ip6 reject
-- --type=port-group acl-add nope to-lport 12 ip6 reject
-- --type=switch acl-add nope to-lport 12 ip6 reject
-- --log acl-add sw0 from-lport 20 a drop
-- --name=n1 acl-add sw0 from-lport 21 a drop
-- --severity=alert --name=n2 --meter=m1 acl-add sw0 from-lport 22 a drop
-- --severity=foo acl-add sw0 from-lport 23 a drop
-- --severity= acl-add sw0 from-lport 23 a drop
-- --meter=m1 acl-add sw0 from-lport 24 a drop
-- --label=5 acl-add sw0 from-lport 25 a allow-related
-- --label=5 acl-add sw0 from-lport 26 a drop
-- --label=0x10 acl-add sw0 from-lport 27 a allow-related
-- --label=4294967296 acl-add sw0 from-lport 27 a allow
-- --label=x acl-add sw0 from-lport 27 a allow
-- --label=-1 acl-add sw0 from-lport 27 a allow
-- --apply-after-lb acl-add sw0 from-lport 28 a allow
-- --apply-after-lb --label=7 --log acl-add sw0 to-lport 28 a allow-related
-- --name=0123456789012345678901234567890123456789012345678901234567890123456789 acl-add sw0 from-lport 29 a drop
acl-add pg0 from-lport 1 "ip4 && tcp" allow-related
acl-add pg0 to-lport 65535 "ip4 && tcp" allow-related
acl-list sw0
acl-list pg0
acl-list nope
acl-list sw1
-- --type=switch acl-list sw1
acl-list 12345678-1234-1234-1234-123456789abc
list acl
acl-del sw0 to-lport 12
acl-del sw0 to-lport x ip6
acl-del sw0 to-lport 12 nope
acl-del sw0 to-lport 12 ip6
acl-del sw0 foo
acl-del sw0 to-lport
acl-list sw0
acl-del sw0
acl-list sw0
acl-del nope
-- --type=switch acl-del sw1
-- --foo acl-del sw1
qos-add sw0 from-lport 100 ip4 dscp=10
qos-add sw0 from-lport 100 ip4 dscp=11
-- --may-exist qos-add sw0 from-lport 100 ip4 dscp=11
qos-add sw0 to-lport 101 ip4 rate=100
qos-add sw0 to-lport 102 ip4 rate=100 burst=1000
qos-add sw0 to-lport 103 ip4 rate=100 burst=1000 dscp=5
qos-add sw0 to-lport 104 ip4 dscp=5 rate=100 burst=1000
qos-add sw0 to-lport 105 ip4
qos-add sw0 to-lport 105 ip4 burst=10
qos-add sw0 to-lport 105 ip4 dscp=64
qos-add sw0 to-lport 105 ip4 dscp=-1
qos-add sw0 to-lport 105 ip4 dscp=x
qos-add sw0 to-lport 105 ip4 dscp=
qos-add sw0 to-lport 106 ip4 dscp=0
qos-add sw0 to-lport 105 ip4 rate=0
qos-add sw0 to-lport 105 ip4 rate=4294967296
qos-add sw0 to-lport 105 ip4 rate=1x
qos-add sw0 to-lport 107 ip4 rate=1 burst=0
qos-add sw0 to-lport 107 ip4 rate=1 burst=4294967296
qos-add sw0 to-lport 107 ip4 foo=1
qos-add sw0 x 107 ip4 dscp=1
qos-add sw0 to-lport 107000 ip4 dscp=1
qos-add nope to-lport 107 ip4 dscp=1
qos-add sw0 to-lport 107 ip4 dscp=1 a b c
qos-list sw0
qos-list nope
qos-del sw0 to-lport 101
qos-del sw0 to-lport 101 ip6
qos-del sw0 to-lport 101 ip4
qos-del sw0 from-lport
qos-del sw0 12345678-1234-1234-1234-123456789abc
qos-del sw0 12345678-1234-1234-1234-123456789abc 5
qos-del sw0 12345678-1234-1234-1234-123456789abc 5 ip4
qos-del sw0 foo
qos-list sw0
qos-del sw0
qos-del nope
qos-list sw0
meter-add m1 drop 100 kbps
meter-add m1 drop 100 kbps
-- --may-exist meter-add m1 drop 100 kbps
-- --may-exist meter-add m1 drop 200 pktps 5
meter-add m2 drop 100 pktps 50
-- --fair meter-add m3 drop 100 pktps
-- --fair --may-exist meter-add m1 drop 100 kbps
meter-add m4 pass 100 pktps
meter-add m4 drop 0 pktps
meter-add m4 drop 4294967296 pktps
meter-add m4 drop 10 foo
meter-add m4 drop 10 kbps -1
meter-add m4 drop 10 kbps 0
meter-add m5 drop x kbps
meter-add m5 drop 5 kbps 4294967296
meter-add __m drop 5 kbps
meter-list
meter-del m1
meter-del nope
meter-list
meter-del
meter-list
--fair meter-list
mirror-add m1 gre 1 from-lport 10.0.0.1
mirror-add m1 gre 1 from-lport 10.0.0.1
-- --may-exist mirror-add m1 gre 1 from-lport 10.0.0.1
-- --may-exist mirror-add m1 erspan 2 to-lport 10.0.0.2
mirror-add m2 erspan 0x5 to-lport fd00::1
mirror-add m3 foo 1 to-lport 10.0.0.1
mirror-add m3 gre x to-lport 10.0.0.1
mirror-add m3 gre -1 to-lport 10.0.0.1
mirror-add m3 gre 1 foo 10.0.0.1
mirror-add m3 gre 1 to 10.0.0.1
mirror-add m3 gre 1 from-lport x
mirror-add m3 gre 1 both 10.0.0.1
mirror-list
lsp-attach-mirror p1 m1
lsp-attach-mirror p1 m1
-- --may-exist lsp-attach-mirror p1 m1
lsp-attach-mirror p1 m2
lsp-attach-mirror nope m2
lsp-attach-mirror p1 nope
lsp-attach-mirror p1 12345678-1234-1234-1234-123456789abc
lsp-detach-mirror p1 m1
lsp-detach-mirror p1 m1
lsp-detach-mirror p1 nope
lsp-detach-mirror nope m1
mirror-del m1
mirror-del nope
mirror-list
mirror-del
mirror-list
copp-add c0 arp m1
copp-add c0 arp m2
copp-add c0 bfd m2
copp-add c0 foo m2
copp-add c1 dns m1
copp-list c0
copp-list nope
ls-copp-add c0 sw0
ls-copp-add nope sw0
ls-copp-add c0 nope
lr-add lr0
lr-copp-add c0 lr0
lr-copp-add nope lr0
lr-copp-add c0 nope
copp-del c0 dns
copp-del c0 arp
copp-list c0
copp-del c1
copp-del nope
copp-del c0
copp-list c0
copp-add "" arp m2
fwd-group-add fg0 sw0 10.0.0.1 00:00:00:00:00:01 p1 p2
fwd-group-add fg0 sw0 10.0.0.1 00:00:00:00:00:01 p1 p2
-- --liveness fwd-group-add fg1 sw1 10.0.0.1 00:00:00:00:00:01 p3
fwd-group-add fg2 sw0 10.0.0.1 00:00:00:00:00:01 p3
fwd-group-add fg2 sw0 10.0.0.1 00:00:00:00:00:01 nope
fwd-group-add fg2 sw0 10.0.0 00:00:00:00:00:01 p1
fwd-group-add fg2 sw0 fd00::1 00:00:00:00:00:01 p1
fwd-group-add fg2 sw0 10.0.0.1 00:00:00:00:00 p1
fwd-group-add fg2 sw0 10.0.0.1 01:00:00:00:00:01 p1
fwd-group-add fg2 nope 10.0.0.1 00:00:00:00:00:01 p1
fwd-group-list
fwd-group-list sw0
fwd-group-list nope
fwd-group-del fg0
fwd-group-del fg0
-- --if-exists fwd-group-del fg0
fwd-group-list
"""

ROUTERS = r"""
ls-add sw0 -- ls-add sw1 -- lsp-add sw0 p1 -- lsp-add sw0 p2 -- lsp-add sw1 p3
lr-add lr0
lr-add lr1
lr-add lr1
-- --may-exist lr-add lr1
-- --add-duplicate lr-add lrd
-- --add-duplicate lr-add lrd
-- --may-exist --add-duplicate lr-add lr1
-- --may-exist lr-add
-- --add-duplicate lr-add
lr-add
lr-list
lr-del lrd
lr-del nope
-- --if-exists lr-del nope
lrp-add lr0 rp0 00:00:00:00:01:01 10.0.0.1/24
lrp-add lr0 rp0 00:00:00:00:01:01 10.0.0.1/24
-- --may-exist lrp-add lr0 rp0 00:00:00:00:01:01 10.0.0.1/24
-- --may-exist lrp-add lr1 rp0 00:00:00:00:01:01 10.0.0.1/24
-- --may-exist lrp-add lr0 rp0 00:00:00:00:01:02 10.0.0.1/24
-- --may-exist lrp-add lr0 rp0 00:00:00:00:01:01 10.0.0.2/24
-- --may-exist lrp-add lr0 rp0 00:00:00:00:01:01 10.0.0.1/24 fd00::1/64
-- --may-exist lrp-add lr0 rp0 00:00:00:00:01:01 10.0.0.1/24 peer=foo
-- --may-exist lrp-add lr0 rp0 00:00:00:00:01:01 10.0.0.1/25
-- --may-exist lrp-add lr0 rp0 00:00:00:00:01:01 foo
-- --may-exist lrp-add lr0 rp0 xx 10.0.0.1/24
lrp-add lr0 rp1 00:00:00:00:01:02 10.0.1.1/24 fd00::1/64 peer=rp9
lrp-add lr0 rp2 00:00:00:00:01:03
lrp-add lr0 rp2 00:00:00:00:01:03 peer=x
lrp-add lr0 rp2 xx 10.0.2.1/24
lrp-add lr0 rp2 00:00:00:00:01:03 10.0.2.1
lrp-add lr0 rp3 00:00:00:00:01:04 10.0.300.1/24
lrp-add lr0 rp3 00:00:00:00:01:04 foo
lrp-add lr0 rp3 00:00:00:00:01:04 10.0.3.1/33
lrp-add lr0 rp3 00:00:00:00:01:04 10.0.3.1/24 10.0.3.1/24
lrp-add lr0 rp4 00:00:00:00:01:05 10.0.4.1/24 peer=a options:foo=bar enabled=false
lrp-add lr0 rp5 00:00:00:00:01:06 10.0.5.1/24 nope=a
lrp-add lr0 rp5 00:00:00:00:01:06 10.0.5.1/24 peer=a 10.0.6.1/24
lrp-add nope rp5 00:00:00:00:01:06 10.0.5.1/24
-- --may-exist lrp-add lr0 rp1 00:00:00:00:01:02 fd00::1/64 10.0.1.1/24 peer=rp9
-- --may-exist lrp-add lr0 rp1 00:00:00:00:01:02 fd00::1/64 10.0.1.1/24 peer=rp8
-- --may-exist lrp-add lr0 rp1 00:00:00:00:01:02 fd00::1/64 10.0.1.1/24
lrp-list lr0
lrp-list nope
lrp-get-enabled rp0
lrp-get-enabled rp4
lrp-set-enabled rp0 disabled
lrp-get-enabled rp0
lrp-set-enabled rp0 Enabled
lrp-set-enabled rp0 foo
lrp-set-enabled nope enabled
lrp-get-enabled nope
lrp-set-options rp0 a=b c=d
lrp-set-options rp0 a
lrp-set-options nope a=b
list logical_router_port rp0
lrp-set-options rp0
lrp-set-redirect-type rp0 bridged
lrp-get-redirect-type rp0
lrp-get-redirect-type rp1
lrp-set-redirect-type rp0 foo
lrp-set-redirect-type rp0 overlay
lrp-get-redirect-type nope
lrp-set-gateway-chassis rp0 ch1
lrp-set-gateway-chassis rp0 ch2 20
lrp-set-gateway-chassis rp0 ch3 32768
lrp-set-gateway-chassis rp0 ch3 -1
lrp-set-gateway-chassis rp0 ch3 a
lrp-set-gateway-chassis rp0 ch1 30
-- --may-exist lrp-set-gateway-chassis rp0 ch1 31
lrp-set-gateway-chassis nope ch1 30
lrp-get-gateway-chassis rp0
lrp-get-gateway-chassis rp1
lrp-get-gateway-chassis nope
lrp-del-gateway-chassis rp0 ch2
lrp-del-gateway-chassis rp0 ch2
lrp-del-gateway-chassis rp0 nope
lrp-del-gateway-chassis nope ch1
lrp-get-gateway-chassis rp0
list gateway_chassis
lrp-del rp4
lrp-del rp4
-- --if-exists lrp-del rp4
lr-route-add lr0 192.168.0.0/24 10.0.0.2
lr-route-add lr0 192.168.0.0/24 10.0.0.2
lr-route-add lr0 192.168.0.0/24 10.0.0.3
-- --may-exist lr-route-add lr0 192.168.0.0/24 10.0.0.3
-- --may-exist lr-route-add lr0 192.168.0.0/24 10.0.0.3 rp0
-- --ecmp lr-route-add lr0 192.168.0.0/24 10.0.0.4
-- --ecmp lr-route-add lr0 192.168.0.0/24 10.0.0.4
-- --ecmp lr-route-add lr0 192.168.0.0/24 10.0.0.4 rp0
-- --ecmp --may-exist lr-route-add lr0 192.168.0.0/24 10.0.0.4
-- --ecmp-symmetric-reply lr-route-add lr0 192.168.0.0/24 10.0.0.5
-- --ecmp-symmetric-reply --may-exist lr-route-add lr0 192.168.0.0/24 10.0.0.5
lr-route-add lr0 192.168.1.5/24 10.0.0.2 rp0
lr-route-add lr0 192.168.2.5 10.0.0.2 nope
lr-route-add lr0 192.168.2.5 10.0.0.2
lr-route-add lr0 fd01::/64 fd00::2
lr-route-add lr0 fd02::5/64 fd00::2 rp1
lr-route-add lr0 0.0.0.0/0 10.0.0.9
lr-route-add lr0 ::/0 fd00::9
lr-route-add lr0 foo 10.0.0.9
lr-route-add lr0 10.0.0.300 10.0.0.9
lr-route-add lr0 10.9.0.0/33 10.0.0.9
lr-route-add lr0 10.9.0.0/16 foo
lr-route-add lr0 10.9.0.0/16 fd00::9
lr-route-add lr0 fd09::/16 10.0.0.9
lr-route-add lr0 10.9.0.0/16 10.0.0.9/24
-- --policy=src-ip lr-route-add lr0 192.168.0.0/24 10.0.0.2
-- --policy=dst-ip lr-route-add lr0 192.168.0.0/24 10.0.0.2
-- --policy=foo lr-route-add lr0 192.168.0.0/24 10.0.0.2
-- --route-table=rt1 lr-route-add lr0 192.168.0.0/24 10.0.0.2
-- --route-table=rt1 --policy=src-ip lr-route-add lr0 fd03::/64 fd00::2
-- --route-table=rt1 lr-route-add lr0 192.168.0.0/24 10.0.0.3
lr-route-add lr0 192.168.7.0/24 discard
lr-route-add lr0 192.168.8.0/24 discard rp0
-- --ecmp lr-route-add lr0 192.168.8.0/24 discard
-- --bfd lr-route-add lr0 192.168.8.0/24 discard
-- --bfd lr-route-add lr0 192.168.8.0/24 10.0.0.2 rp0
-- --bfd lr-route-add lr0 192.168.10.0/24 10.0.0.8
-- --bfd=12345678-1234-1234-1234-123456789abc lr-route-add lr0 192.168.10.0/24 10.0.0.8
-- --bfd=foo lr-route-add lr0 192.168.10.0/24 10.0.0.8
lr-route-add nope 192.168.0.0/24 10.0.0.3
list bfd
lr-route-list lr0
-- --route-table=rt1 lr-route-list lr0
-- --route-table= lr-route-list lr0
-- --route-table=nope lr-route-list lr0
lr-route-list nope
lr-route-list lr1
list logical_router_static_route
lr-route-del lr0 192.168.0.0/24 10.0.0.77
lr-route-del lr0 192.168.0.0/24 10.0.0.4 rp0
lr-route-del lr0 192.168.0.0/24 10.0.0.4 rpx
-- --if-exists lr-route-del lr0 192.168.0.0/24 10.0.0.4 rpx
-- --policy=src-ip lr-route-del lr0 192.168.0.0/24
-- --policy=foo lr-route-del lr0 192.168.0.0/24
lr-route-del lr0 foo
lr-route-del lr0 192.168.0.0/24 foo
lr-route-del lr0 192.168.7.0/24 discard
lr-route-del lr0 192.168.1.9/24
lr-route-del lr0 192.168.77.0/24
lr-route-del lr0 192.168.77.0/24 10.0.0.1 rp0
-- --route-table=nope --policy=dst-ip lr-route-del lr0 192.168.0.0/24
-- --route-table=rt1 lr-route-del lr0 192.168.0.0/24
lr-route-del lr0 192.168.0.0/24
lr-route-list lr0
-- --policy=src-ip lr-route-del lr0
-- --route-table=rt1 lr-route-del lr0
lr-route-list lr0
lr-route-del lr0
lr-route-list lr0
lr-route-del lr0
lr-route-del nope
lr-policy-add lr0 100 "ip4.src == 1.1.1.1" drop
lr-policy-add lr0 100 "ip4.src == 1.1.1.1" drop
-- --may-exist lr-policy-add lr0 100 "ip4.src == 1.1.1.1" allow
lr-policy-add lr0 101 a allow
lr-policy-add lr0 102 a allow pkt_mark=100
lr-policy-add lr0 102 b allow pkt_mark=100 foo=bar
lr-policy-add lr0 103 a reroute 10.0.0.2
lr-policy-add lr0 104 a reroute 10.0.0.2,10.0.0.3
lr-policy-add lr0 104 b reroute fd00::1,fd00::2
lr-policy-add lr0 105 a reroute 10.0.0.2,fd00::2
lr-policy-add lr0 105 a reroute fd00::2,10.0.0.2
lr-policy-add lr0 105 a reroute 10.0.0.2,x
lr-policy-add lr0 105 a reroute x
lr-policy-add lr0 105 a reroute
lr-policy-add lr0 105 a reroute 10.0.0.2 pkt_mark=5
lr-policy-add lr0 106 a reroute 10.0.0.2 pkt_mark
lr-policy-add lr0 106 a allow pkt_mark
lr-policy-add lr0 106 a allow pkt_mark=
lr-policy-add lr0 106 a foo
lr-policy-add lr0 -1 a drop
lr-policy-add lr0 32768 a drop
lr-policy-add lr0 x a drop
lr-policy-add nope 1 a drop
lr-policy-add lr0 107 a reroute 10.0.0.2/24
lr-policy-add lr0 108 a drop 10.0.0.2
lr-policy-list lr0
lr-policy-list nope
list logical_router_policy
lr-policy-del lr0 100 nope
-- --if-exists lr-policy-del lr0 100 nope
lr-policy-del lr0 100 "ip4.src == 1.1.1.1"
lr-policy-del lr0 104
lr-policy-del lr0 999
lr-policy-del lr0 x
lr-policy-del lr0 12345678-1234-1234-1234-123456789abc
-- --if-exists lr-policy-del lr0 12345678-1234-1234-1234-123456789abc
lr-policy-del lr0 12345678-1234-1234-1234-123456789abc x
lr-policy-list lr0
lr-policy-del lr0
lr-policy-del nope
lr-policy-list lr0
"""

TRANSLATION = r"""
ls-add sw0 -- ls-add sw1 -- lsp-add sw0 p1 -- lsp-add sw0 p2 -- lsp-add sw1 p3
lr-add lr0 -- lrp-add lr0 rp0 00:00:00:00:01:01 10.0.0.1/24 -- lrp-add lr0 rp1 00:00:00:00:01:02 10.0.1.1/24 fd00::1/64 -- lrp-set-gateway-chassis rp0 ch1 31
lsp-add sw0 sw0-r -- lsp-set-type sw0-r router
lr-nat-add lr0 snat 1.1.1.1 10.0.0.0/24
lr-nat-add lr0 snat 1.1.1.1 10.0.0.0/24
-- --may-exist lr-nat-add lr0 snat 1.1.1.1 10.0.0.0/24
-- --may-exist lr-nat-add lr0 snat 1.1.1.2 10.0.0.0/24
lr-nat-add lr0 snat 1.1.1.2 10.0.0.0/24
lr-nat-add lr0 dnat 1.1.1.1 10.0.0.5
lr-nat-add lr0 dnat 1.1.1.1 10.0.0.6
lr-nat-add lr0 dnat 1.1.1.1 10.0.0.0/24
lr-nat-add lr0 dnat_and_snat 1.1.1.1 10.0.0.6
lr-nat-add lr0 dnat_and_snat 1.1.1.3 10.0.0.6
lr-nat-add lr0 dnat_and_snat 1.1.1.4 10.0.0.7 p1
lr-nat-add lr0 dnat_and_snat 1.1.1.4 10.0.0.7 p1 00:00:00:00:00:44
lr-nat-add lr0 dnat_and_snat 1.1.1.5 10.0.0.8 nope 00:00:00:00:00:44
lr-nat-add lr0 dnat_and_snat 1.1.1.5 10.0.0.8 p1 xx
lr-nat-add lr0 snat 1.1.1.5 10.0.0.8 p1 00:00:00:00:00:44
-- --may-exist lr-nat-add lr0 dnat_and_snat 1.1.1.4 10.0.0.7 p2 00:00:00:00:00:55
lr-nat-add lr0 foo 1.1.1.1 10.0.0.5
lr-nat-add lr0 snat foo 10.0.0.5
lr-nat-add lr0 snat 1.1.1.7 foo
lr-nat-add lr0 dnat 1.1.1.7 foo
lr-nat-add lr0 dnat 1.1.1.7/24 10.0.0.7
lr-nat-add lr0 snat 1.1.1.7/24 10.0.0.7
lr-nat-add lr0 snat fd00::7 10.0.0.7
lr-nat-add lr0 snat 1.1.1.7 fd00::7
lr-nat-add lr0 snat fd00::7 fd00:1::/64
lr-nat-add lr0 dnat fd00::7 fd00:1::5
lr-nat-add lr0 dnat fd00::8 fd00:1::5/64
lr-nat-add lr0 snat 1.1.1.8 10.0.8.7/24
lr-nat-add nope snat 1.1.1.7 10.0.0.5
-- --stateless lr-nat-add lr0 snat 1.1.1.9 10.0.0.9
-- --stateless lr-nat-add lr0 dnat_and_snat 1.1.1.9 10.0.0.9
-- --stateless lr-nat-add lr0 dnat_and_snat 1.1.1.3 10.0.0.10
lr-nat-add lr0 dnat_and_snat 1.1.1.9 10.0.0.11
lr-nat-add lr0 dnat 1.1.1.9 10.0.0.11
lr-nat-add lr0 snat 1.1.1.9 10.0.0.11
-- --portrange lr-nat-add lr0 dnat 1.1.1.20 10.0.0.20 100-200
-- --portrange lr-nat-add lr0 snat 1.1.1.21 10.0.0.21 1-
-- --portrange lr-nat-add lr0 snat 1.1.1.21 10.0.0.21 5
-- --portrange lr-nat-add lr0 snat 1.1.1.22 10.0.0.22 5-3
-- --portrange lr-nat-add lr0 snat 1.1.1.22 10.0.0.22 0-3
-- --portrange lr-nat-add lr0 snat 1.1.1.22 10.0.0.22 5-70000
-- --portrange lr-nat-add lr0 snat 1.1.1.22 10.0.0.22 abc
-- --portrange lr-nat-add lr0 snat 1.1.1.22 10.0.0.22
-- --portrange lr-nat-add lr0 dnat_and_snat 1.1.1.23 10.0.0.23 p1 00:00:00:00:00:44 100-200
lr-nat-add lr0 dnat_and_snat 1.1.1.24 10.0.0.23 p1 00:00:00:00:00:44 100-200
-- --add-route lr-nat-add lr0 dnat_and_snat 1.1.1.25 10.0.0.25
-- --add-route lr-nat-add lr0 snat 1.1.1.26 10.0.0.26
-- --add-route --stateless lr-nat-add lr0 dnat_and_snat 1.1.1.27 10.0.0.27
-- --gateway-port=nope lr-nat-add lr0 snat 1.1.1.30 10.0.0.30
-- --gateway-port=rp1 lr-nat-add lr0 snat 1.1.1.30 10.0.0.30
-- --gateway-port=rp0 lr-nat-add lr0 snat 1.1.1.30 10.0.0.30
-- --gateway-port=rp0 lr-nat-add lr0 snat 1.1.1.30 10.0.0.30
lr-nat-add lr0 snat 1.1.1.31 10.0.0.30
lrp-set-gateway-chassis rp1 ch1 5
lr-nat-add lr0 snat 1.1.1.31 10.0.0.31
lr-nat-add lr0 snat 10.0.1.77 10.0.0.32
-- --gateway-port=rp1 lr-nat-add lr0 snat 1.1.1.33 10.0.0.30
lr-nat-list lr0
lr-nat-list nope
list nat
lr-route-list lr0
create address_set name=as1 addresses='"10.0.0.0/8"'
create address_set name=as2
lr-nat-update-ext-ip lr0 snat 10.0.0.0/24 as1
lr-nat-update-ext-ip lr0 dnat_and_snat 1.1.1.3 as2
-- --is-exempted lr-nat-update-ext-ip lr0 snat 10.0.0.0/24 as2
-- --is-exempted lr-nat-update-ext-ip lr0 dnat 1.1.1.1 as2
lr-nat-update-ext-ip lr0 dnat 9.9.9.9 as2
lr-nat-update-ext-ip lr0 foo 9.9.9.9 as2
lr-nat-update-ext-ip lr0 dnat foo as2
lr-nat-update-ext-ip lr0 dnat 1.1.1.1 nope
lr-nat-update-ext-ip lr0 dnat 1.1.1.1 12345678-1234-1234-1234-123456789abc
lr-nat-update-ext-ip nope dnat 1.1.1.1 as1
-- --columns=external_ip,type,allowed_ext_ips,exempted_ext_ips list nat
lr-nat-del lr0 snat 9.9.9.9
-- --if-exists lr-nat-del lr0 snat 9.9.9.9
lr-nat-del lr0 snat 10.0.0.30
lr-nat-del lr0 snat 10.0.0.30 rp0
lr-nat-del lr0 snat 10.0.0.30 nope
-- --if-exists lr-nat-del lr0 snat 10.0.0.31 nope
lr-nat-del lr0 foo
lr-nat-del lr0 dnat foo
lr-nat-del lr0 snat 10.0.0.0/24
lr-nat-del lr0 snat rp1
lr-nat-del lr0 snat 10.0.0.31 rp1
lr-nat-del lr0 snat 10.0.0.31 rp1
lr-nat-del lr0 dnat
lr-nat-del lr0 dnat
show lr0
lr-nat-list lr0
lr-nat-del lr0
lr-nat-del nope
lr-nat-list lr0
"""

SERVICES = r"""
ls-add sw0 -- ls-add sw1 -- lsp-add sw0 p1 -- lsp-add sw0 p2 -- lsp-add sw1 p3
lr-add lr0 -- lrp-add lr0 rp0 00:00:00:00:01:01 10.0.0.1/24
lr-add lr1
lb-add lb0 30.0.0.10:80 192.168.10.10:80,192.168.10.20:80
lb-add lb0 30.0.0.10:80 192.168.10.10:80
-- --may-exist lb-add lb0 30.0.0.10:80 192.168.10.30:80
-- --may-exist lb-add lb0 30.0.0.10:80 192.168.10.30:80 udp
lb-add lb0 30.0.0.20:80 192.168.10.30:80 udp
lb-add lb0 30.0.0.21:80 192.168.10.30:80 tcp
lb-add lb0 30.0.0.30:81 192.168.10.30:80
lb-add lb1 30.0.0.30 192.168.10.30,192.168.10.31
lb-add lb1 30.0.0.31 192.168.10.30 tcp
lb-add lb2 30.0.0.31 192.168.10.30 tcp
lb-add lb2 30.0.0.31:80 192.168.10.30
lb-add lb2 30.0.0.31 192.168.10.30:80
lb-add lb2 30.0.0.31:80 192.168.10.30:80 foo
lb-add lb2 30.0.0.31:80 192.168.10.30:80 sctp
lb-add lb2 30.0.0.31:80 192.168.10.30:80 udp
lb-add lb3 foo 192.168.10.30
lb-add lb3 foo:80 192.168.10.30:80
lb-add lb3 30.0.0.31:99999 192.168.10.30:80
lb-add lb3 30.0.0.31:80 foo
lb-add lb3 30.0.0.31:80 192.168.10.30:80,foo,x:3
lb-add lb3 30.0.0.31:80 [fd00::1]:80
lb-add lb3 30.0.0.31 fd00::1
lb-add lb3 30.0.0.31:80 ,
lb-add lb3 30.0.0.31:80 ""
lb-add lb4 [fd00::1]:80 [fd00::2]:80,[fd00::3]:81 tcp
lb-add lb4 fd00::1 fd00::2,fd00::3
lb-add lb4 [fd00::5] [fd00::2]
lb-add lb4 [fd0f::10]:80 192.168.10.30:80
lb-add lb4 30.0.0.60:0 192.168.10.30:80
-- --reject lb-add lb5 30.0.0.50:80 192.168.10.30:80
-- --event lb-add lb6 30.0.0.50:80 192.168.10.30:80
-- --reject --event lb-add lb7 30.0.0.50:80 192.168.10.30:80
-- --add-route lb-add lb8 30.0.0.50:80 192.168.10.30:80
-- --template lb-add lb9 ^vip:^port ^b:^p tcp
-- --template lb-add lb9 ^vip:^port ^b:^p tcp ipv4
-- --template lb-add lb10 ^vip:80 ^b:80,^c:81 tcp ipv6
-- --template lb-add lb10 30.0.0.1:80 ^b:80 tcp ipv4
-- --template lb-add lb10 ^v:80 10.0.0.1:80 tcp ipv4
-- --template lb-add lb10 ^v:80 ^b:80 tcp foo
-- --template lb-add lb11 ^v ^b tcp ipv4
lb-add lb12 30.0.0.99:80 192.168.10.30:80 tcp ipv4
lb-add lb13 30.0.0.98 192.168.10.30 tcp extra more
lb-list
lb-list lb1
lb-list nope
lb-list lb0
lb-del lb0
lb-del nope
-- --if-exists lb-del nope
lb-del lb1 9.9.9.9
-- --if-exists lb-del lb1 9.9.9.9
lb-del lb1 30.0.0.30
lb-list lb1
lb-del lb4 [fd00::1]:80
lb-del lb4 fd00::1
list load_balancer lb8
ls-lb-add sw0 lb2
ls-lb-add sw0 lb2
-- --may-exist ls-lb-add sw0 lb2
ls-lb-add sw0 nope
ls-lb-add nope lb2
ls-lb-add sw0 lb5
ls-lb-list sw0
ls-lb-list nope
ls-lb-del sw0 lb6
-- --if-exists ls-lb-del sw0 lb6
ls-lb-del sw0 nope
-- --if-exists ls-lb-del sw0 nope
ls-lb-del sw0 lb2
ls-lb-del sw0
ls-lb-list sw0
lr-lb-add lr0 lb2
lr-lb-add lr0 lb2
-- --may-exist lr-lb-add lr0 lb2
lr-lb-add lr0 nope
lr-lb-add nope lb2
lr-lb-list lr0
lr-lb-list nope
lr-lb-del lr0 lb6
-- --if-exists lr-lb-del lr0 lb6
lr-lb-del lr0 nope
lr-lb-del lr0 lb2
lr-lb-add lr0 lb5
lr-lb-del lr0
lr-lb-list lr0
dhcp-options-create 10.0.0.0/24
dhcp-options-create 10.0.1.0/24 a=b c=d
dhcp-options-create fd00::/64
dhcp-options-create foo
dhcp-options-create 10.0.0.0
dhcp-options-create 10.0.0.5/24
dhcp-options-create 10.0.2.0/24 ab
dhcp-options-create 10.0.2.0/24 a=
dhcp-options-list
dhcp-options-del 12345678-1234-1234-1234-123456789abc
dhcp-options-del foo
dhcp-options-set-options foo a=b
dhcp-options-set-options 12345678-1234-1234-1234-123456789abc a=b
dhcp-options-get-options foo
dhcp-options-get-options 12345678-1234-1234-1234-123456789abc
lsp-set-dhcpv4-options p1 foo
lsp-set-dhcpv4-options p1 12345678-1234-1234-1234-123456789abc
lsp-set-dhcpv4-options nope
lsp-set-dhcpv4-options p1
lsp-get-dhcpv4-options p1
lsp-get-dhcpv6-options p1
lsp-get-dhcpv6-options nope
ha-chassis-group-add g1
ha-chassis-group-add g1
ha-chassis-group-add-chassis g1 ch1 10
ha-chassis-group-add-chassis g1 ch2 20
ha-chassis-group-add-chassis g1 ch2 21
ha-chassis-group-add-chassis g1 ch2 x
ha-chassis-group-add-chassis g1 ch2 32768
ha-chassis-group-add-chassis g1 ch2 -1
ha-chassis-group-add-chassis nope ch2 1
ha-chassis-group-list
ha-chassis-group-set-chassis-prio g1 ch2 5
ha-chassis-group-set-chassis-prio g1 nope 5
ha-chassis-group-set-chassis-prio nope ch2 5
ha-chassis-group-set-chassis-prio g1 ch2 x
ha-chassis-group-remove-chassis g1 nope
ha-chassis-group-remove-chassis nope ch1
ha-chassis-group-remove-chassis g1 ch1
ha-chassis-group-list
ha-chassis-group-del nope
ha-chassis-group-del 12345678-1234-1234-1234-123456789abc
ha-chassis-group-del g1
ha-chassis-group-list
static-mac-binding-add rp0 10.0.0.2 00:00:00:00:00:22
static-mac-binding-add rp0 10.0.0.2 00:00:00:00:00:22
-- --may-exist static-mac-binding-add rp0 10.0.0.2 00:00:00:00:00:33
static-mac-binding-add nope 10.0.0.2 00:00:00:00:00:22
static-mac-binding-add rp0 foo 00:00:00:00:00:22
static-mac-binding-add rp0 10.0.0.3 xx
static-mac-binding-add rp0 fd00::2 00:00:00:00:00:22
static-mac-binding-add rp0 10.0.0.3/24 00:00:00:00:00:22
static-mac-binding-list
static-mac-binding-del rp0 10.0.0.9
-- --if-exists static-mac-binding-del rp0 10.0.0.9
static-mac-binding-del nope 10.0.0.2
-- --if-exists static-mac-binding-del nope 10.0.0.2
static-mac-binding-del rp0 foo
static-mac-binding-del rp0 10.0.0.2
static-mac-binding-list
set-connection ptcp:6641
-- --inactivity-probe=abc set-connection ptcp:6641
get-connection
set-ssl a b c d e
get-ssl
lsp-set-options p1
show
show lr1
lr-nat-add lr0 snat 1.1.1.1 10.0.0.0/24
show lr0
lrp-set-gateway-chassis rp0 ch1 5
lrp-set-gateway-chassis rp0 ch2 6
lr-del lr0
"""

CORNERS = r"""
ls-add sw0 -- ls-add sw1 -- lsp-add sw0 p1 -- lsp-add sw0 p2 -- lsp-add sw1 p3
acl-add sw0 '' -1 x pass
acl-add sw0 zz -1 x pass
acl-add sw0 from 1 x pass
-- --label=xx acl-add sw0 from 1 x drop
-- --label=xx --severity=zz acl-add sw0 from 1 x drop
-- --apply-after-lb acl-add sw0 from 1 x drop -- acl-add sw0 from 1 x drop
acl-list sw0
meter-add __m pass 0 foo -1
meter-add m9 pass 0 foo -1
meter-add m9 drop 0 foo -1
meter-add m9 drop 1 foo -1
mirror-add m9 foo x zz zz
mirror-add m9 gre x zz zz
mirror-add m9 gre 1 zz zz
mirror-add m9 gre 1 from zz
fwd-group-add f nope x x nope
fwd-group-add f sw0 x x nope
fwd-group-add f sw0 1.1.1.1 x nope
lr-add lr5 -- lrp-add lr5 lp5 00:00:00:00:00:01 1.1.1.1/24
lrp-add lr5 lp5 xx foo
lrp-add lr5 lp5 00:00:00:00:00:01 foo
lrp-add lr5 lp6 00:00:00:00:00:01 foo
lrp-add lr5 lp6 00:00:00:00:00:01 10.0.0.1/33
lrp-add lr5 lp6 00:00:00:00:00:01 10.0.0.1/255.255.255.0
lrp-add lr5 lp7 00:00:00:00:00:01 10.0.0.1/255.0.255.0
lrp-add lr5 lp7 0:0:0:0:0:1 10.0.0.1/24 10.0.0.1/24
lrp-add lr5 lp8 00:00:00:00:00:01 fd00::1/129
-- --may-exist lrp-add lr5 lp5 xx foo
set logical_router lr5 'external_ids:"neutron:router_name"=hello'
set logical_router_port lp5 'external_ids:"neutron:port_name"=x'
show lr5
show hello
lr-policy-add lr5 -1 x zzz
lr-nat-add lr5 zz zz zz
lr-nat-add lr5 dnat zz zz zz
lr-nat-add lr5 dnat 1.1.1.1 1.1.1.2 zz
-- --stateless --add-route --gateway-port=no lr-nat-add lr5 snat 1.1.1.1 1.1.1.2 zz xx
-- --stateless --add-route --gateway-port=no lr-nat-add lr5 snat 1.1.1.1 1.1.1.2
-- --add-route --gateway-port=no lr-nat-add lr5 snat 1.1.1.1 1.1.1.2
-- --gateway-port=rp1 lr-nat-add lr5 snat 1.1.1.1 1.1.1.2
-- --gateway-port=lp5 lr-nat-add lr5 snat 1.1.1.1 1.1.1.2
lr-nat-add lr5 snat 1.1.1.1 1.1.1.2
lrp-set-gateway-chassis lp5 ch1
-- --gateway-port=lp5 lr-nat-add lr5 snat 1.1.1.1 1.1.1.2
-- --gateway-port=lp5 lr-nat-add lr5 snat 1.1.1.9 1.1.1.2
-- --gateway-port=lp5 lr-nat-add lr5 snat 1.1.1.9 1.1.1.3
lr-nat-add lr5 snat 1.1.1.8 1.1.1.3
lrp-set-gateway-chassis lp6 ch2
-- --gateway-port=lp6 lr-nat-add lr5 snat 1.1.1.9 1.1.1.2
-- --gateway-port=lp6 lr-nat-add lr5 snat 1.1.1.1 1.1.1.2
-- --gateway-port=lp6 lr-nat-add lr5 snat 1.1.1.9 1.1.1.3
-- --may-exist --gateway-port=lp6 lr-nat-add lr5 snat 1.1.1.9 1.1.1.3
lr-nat-add lr5 snat 1.1.1.77 1.1.1.3
lr-nat-add lr5 snat 9.9.9.9 1.1.1.3
lr-nat-list lr5
lr-nat-del lr5 snat foo bar
lr-nat-del lr5 zz foo bar
lr-nat-del lr5 snat 1.1.1.3 lp5
lr-nat-del lr5 snat 1.1.1.3 lp5
lr-nat-del lr5 snat lp6
lr-nat-del lr5 snat 1.1.1.2 lp5
lr-nat-list lr5
-- --portrange lr-nat-add lr5 dnat_and_snat 1.1.1.1 1.1.1.2 p1 00:00:00:00:00:01
lr-nat-add lr5 dnat 1.1.1.1 1.1.1.2 100-200
lr-nat-add lr5 dnat_and_snat 1.1.1.77 1.1.1.2 p1 00:00:00:00:00:01 abc
lb-add zz foo bar zz
-- --reject --event lb-add zz foo bar zz
lb-add lb8 1.1.1.1:80 fd00::1
lb-add zz 1.1.1.1:80 [fd00::1]
lb-add zz 1.1.1.1: 1.1.1.2
lb-add zz :80 1.1.1.2
lb-add zz 1.1.1.1:x 1.1.1.2:4
lb-add zz fd00::zz 1.1.1.2:4
lb-add zz [fd00::1]:x 1.1.1.2:4
lb-add zz [fd00::1]80 1.1.1.2:4
lb-add zz 1.1.1.1:80 1.1.1.2:80,,1.1.1.3:80,
lb-add zz 01.1.1.1:80 1.1.1.2:080
lb-add zz fd00:0::1 fd00:0:0::2
lb-del zz
-- --template lb-add lbt ^v:80 ^b:1:2 tcp ipv4
-- --template lb-add lbt ^v:^p:^z ^b:^c tcp ipv4
-- --template lb-add lbt ^v:99999 ^b tcp ipv4
-- --template --may-exist lb-add lbt ^v:99999 ^c udp ipv4
-- --template lb-add lbu ^v ^b
-- --template lb-add lbv ^v:^v ^b udp ipv6
-- --template --reject --add-route lb-add lbw ^v:^v ^b
-- --reject lb-add lbu 1.1.1.1:80 1.1.1.2:80 sctp
lb-list lbu
static-mac-binding-add nope x x
static-mac-binding-del nope x
ha-chassis-group-set-chassis-prio nope nope x
ha-chassis-group-add-chassis nope nope x
lrp-set-gateway-chassis nope c x
lr-route-add lr5 foo foo nope
-- --policy=zz lr-route-add lr5 foo foo nope
-- --ecmp --bfd lr-route-add lr5 1.0.0.0/8 discard nope
lr-route-add lr5 1.0.0.0/8 zz nope
-- --ecmp lr-route-add lr5 1.0.0.0/8 discard nope
-- --policy=dst-ip lr-route-add lr5 1.0.0.0/8 1.1.1.1
-- --may-exist lr-route-add lr5 1.0.0.0/8 1.1.1.2 lp5
-- --may-exist lr-route-add lr5 1.0.0.0/8 1.1.1.3
-- --may-exist lr-route-add lr5 1.0.0.0/8 discard
-- --route-table=t lr-route-add lr5 1.0.0.0/8 1.1.1.1
-- --bfd lr-route-add lr5 2.0.0.0/8 1.1.1.1 lp5
-- --bfd lr-route-add lr5 3.0.0.0/8 1.1.1.1
lr-route-list lr5
lr-route-del lr5 1.0.0.0/8
lr-route-list lr5
-- --policy=zz lr-route-del lr5 foo
-- --route-table=t lr-route-del lr5
lr-route-list lr5
lsp-set-dhcpv4-options nope nope
copp-add x y z
copp-add dup arp a -- copp-list dup
qos-add sw0 zz -1 x zz
qos-add sw0 to -1 x zz
qos-add sw0 to 1 x zz=1 burst=1
dhcp-options-create 10.1.0.0/24 -- --id=@d get dhcp_options 10.1.0.0/24
-- --id=11111111-1234-1234-1234-123456789abc create dhcp_options cidr=10.1.0.0/24
-- --id=11111111-1234-1234-1234-123456789abd create dhcp_options cidr=fd00\:\:/64
-- --id=11111111-1234-1234-1234-123456789abd create dhcp_options 'cidr="fd00::/64"'
dhcp-options-set-options 11111111-1234-1234-1234-123456789abc a=b c=d lease_time=5
dhcp-options-get-options 11111111-1234-1234-1234-123456789abc
lsp-set-dhcpv4-options p1 11111111-1234-1234-1234-123456789abc
lsp-set-dhcpv4-options p1 11111111-1234-1234-1234-123456789abd
lsp-set-dhcpv6-options p1 11111111-1234-1234-1234-123456789abc
lsp-set-dhcpv6-options p1 11111111-1234-1234-1234-123456789abd
lsp-get-dhcpv4-options p1
lsp-get-dhcpv6-options p1
dhcp-options-del 11111111-1234-1234-1234-123456789abc
lsp-get-dhcpv4-options p1
lsp-set-dhcpv6-options p1
dhcp-options-list
--dry-run lr-add dry
--dry-run lr-nat-list lr5
--oneline lr-route-list lr5 -- lr-nat-list lr5 -- lb-list lbt -- acl-list sw0 -- lr-add a1
lr-del lr5
--no-leader-only --no-shuffle-remotes lr-list
--shuffle-remotes --leader-only lr-list
--print-wait-time --wait=none lr-list
--no-wait sync
"""

LISTS = {
    "rules and groups": RULES_AND_GROUPS,
    "routers": ROUTERS,
    "translation": TRANSLATION,
    "services": SERVICES,
    "corners": CORNERS,
}
"""
What is left out, and why: ``lsp-set-port-security`` without arguments crashes Debian's program; ``--bfd`` on a
second route by the same hop and port fails there, because it does not fetch the port of sessions (the manual page
says that the session is looked up, and ours finds it); of two rows that a name could mean, C takes any;
so it does with the order of a port's gateway chassis in ``show``.
"""


@pytest.fixture
def twin(tmp_path: Path, peer: Callable[[str], str]) -> Iterator[Twin]:
    twin = Twin(tmp_path, peer, PROGRAM, SCHEMA)
    yield twin
    twin.stop()


@pytest.mark.peers
@pytest.mark.parametrize("name", LISTS)
def test_same_lines_same_effect(twin: Twin, name: str) -> None:
    twin.compare_all(LISTS[name])


def test_the_lists_have_every_verb() -> None:
    words = {word for lines in LISTS.values() for word in lines.split()}
    missing = {verb.name for verb in VERBS} - words - {"init"}
    # The commands of 2015 are unknown to Debian's program; ports and switches have a test of their own.
    assert {name for name in missing if not name.startswith(("lsp-", "lswitch-", "lport-", "ls-"))} == set()


def test_every_entry_names_functions_that_exist() -> None:
    for verb in VERBS:
        for function in (verb.run, verb.need):
            if isinstance(function, LateFunction):
                assert callable(function.resolve())

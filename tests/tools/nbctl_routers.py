"""Command lines of ovn-nbctl on routers: ports, routes, policies, NAT."""

# ruff: noqa: E501 - a command line is one line

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
lrp-add nope lrp77 00:00:00:00:00:77 10.7.7.7/24 peer=x foo
lrp-add lr0 lrp77 00:00:00:00:00:77 10.7.7.7/24 peer=x foo
lrp-add lr0 lrp77 00:00:00:00:00:77 10.7.7.7/24 nope=x
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

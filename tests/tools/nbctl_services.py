"""Command lines of ovn-nbctl on services: load balancers, DHCP, control plane protection; and corners of the grammar."""

# ruff: noqa: E501 - a command line is one line

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
lr-copp-add nope nope
ls-copp-add nope nope
copp-del nope foo
copp-del nope arp
create load_balancer name=odd vips:"9.9.9.9:80"="1.1.1.1:80" vips:odd=1.1.1.1
lb-list odd
-- --add-duplicate lb-add odd 9.9.9.9:81 1.1.1.1:80
-- --add-duplicate lb-add odd 9.9.9.9:81 1.1.1.1:80
lb-del odd
set-ssl key cert ca
-- --bootstrap set-ssl key cert ca TLSv1.2 HIGH
get-ssl
del-ssl
del-connection
get-connection
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
ls-del nope -1
ls-list -
set logical_switch nope ports:k<5
set logical_switch nope name:k=
get logical_switch nope name=x
find logical_switch name
-- --columns=name find logical_switch name=nope
-- --if-exists --id=@x get nope nope name
-- --if-exists --all destroy logical_switch nope
-- --if-exists --all destroy logical_switch
-- --if-exists add logical_switch nope external_ids a=b
-- --if-exists remove logical_switch nope external_ids a
"""

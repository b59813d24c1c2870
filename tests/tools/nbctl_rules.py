"""Command lines of ovn-nbctl on rules: port groups, ACLs, QoS, meters, mirrors, groups of chassis."""

# ruff: noqa: E501 - a command line is one line

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
qos-add nope from -1 ip4 rate=1
qos-add nope from 5 ip4 rate=1
fwd-group-list sw1
"""

"""All verbs of ovn-nbctl (ovn-nbctl(8), "COMMANDS"): one entry each, whose functions are in the
modules of their families and are imported when a line has the verb.
"""

from __future__ import annotations

from typing import Final

from pyovn.tools.ctl.grammar import MANY, Verb
from pyovn.tools.ctl.late import family

_database = family("pyovn.tools.nbctl.database")
_lookup = family("pyovn.tools.nbctl.lookup")
_switch = family("pyovn.tools.nbctl.switches")
_port = family("pyovn.tools.nbctl.ports")
_acl = family("pyovn.tools.nbctl.acl")
_qos = family("pyovn.tools.nbctl.qos")
_meter = family("pyovn.tools.nbctl.meters")
_mirror = family("pyovn.tools.nbctl.mirrors")
_group = family("pyovn.tools.nbctl.groups")
_dhcp = family("pyovn.tools.nbctl.dhcp")
_router = family("pyovn.tools.nbctl.routers")
_rport = family("pyovn.tools.nbctl.routerports")
_route = family("pyovn.tools.nbctl.routes")
_policy = family("pyovn.tools.nbctl.policies")
_nat = family("pyovn.tools.nbctl.nat")
_lb = family("pyovn.tools.nbctl.balancers")
_old = family("pyovn.tools.nbctl.names2015")

_EXISTING: Final = "--may-exist --add-duplicate"
_OWNER: Final = "{SWITCH | PORTGROUP}"
_ACL_OPTIONS: Final = "--log --may-exist --type= --name= --severity= --meter= --label= --apply-after-lb"
_ROUTE_OPTIONS: Final = "--may-exist --ecmp --ecmp-symmetric-reply --policy= --route-table= --bfd?"
_NAT_OPTIONS: Final = "--may-exist --stateless --portrange --add-route --gateway-port="
_LB_OPTIONS: Final = "--may-exist --add-duplicate --reject --event --add-route --template"

# fmt: off
_GENERAL: Final = (
    Verb("init", 0, 0, _database("run_init")),
    Verb("show", 0, 1, _database("run_show"), _database("need_show"), options="--2015",
         syntax="[SWITCH | ROUTER]"),
    Verb("sync", 0, 0, _database("run_sync")),
)
_SWITCHES: Final = (
    Verb("ls-add", 0, 1, _switch("run_add"), _lookup("need_switches"), options=_EXISTING, syntax="[SWITCH]"),
    Verb("ls-del", 1, 1, _switch("run_delete"), _switch("need_deletion"), options="--if-exists",
         syntax="SWITCH"),
    Verb("ls-list", 0, 0, _switch("run_list"), _lookup("need_switches")),
    Verb("lsp-add", 2, 4, _port("run_add"), _port("need_addition"), options="--may-exist",
         syntax="SWITCH PORT [PARENT TAG]"),
    Verb("lsp-del", 1, 1, _port("run_delete"), _lookup("need_both"), options="--if-exists", syntax="PORT"),
    Verb("lsp-list", 1, 1, _port("run_list"), _lookup("need_both"), syntax="SWITCH"),
    Verb("lsp-get-parent", 1, 1, _port("run_get_parent"), _port("need_parent"), syntax="PORT"),
    Verb("lsp-get-tag", 1, 1, _port("run_get_tag"), _port("need_tag"), syntax="PORT"),
    Verb("lsp-get-ls", 1, 1, _port("run_get_switch"), _lookup("need_both"), syntax="PORT"),
    Verb("lsp-set-addresses", 1, MANY, _port("run_set_addresses"), _port("need_addresses"),
         syntax="PORT [ADDRESS]..."),
    Verb("lsp-get-addresses", 1, 1, _port("run_get_addresses"), _port("need_all_addresses"), syntax="PORT"),
    Verb("lsp-set-port-security", 1, MANY, _port("run_set_port_security"), _lookup("need_ports"),
         syntax="PORT [ADDRS]..."),
    Verb("lsp-get-port-security", 1, 1, _port("run_get_port_security"), _port("need_port_security"),
         syntax="PORT"),
    Verb("lsp-get-up", 1, 1, _port("run_get_up"), _port("need_up"), syntax="PORT"),
    Verb("lsp-set-enabled", 2, 2, _port("run_set_enabled"), _lookup("need_ports"), syntax="PORT STATE"),
    Verb("lsp-get-enabled", 1, 1, _port("run_get_enabled"), _port("need_enabled"), syntax="PORT"),
    Verb("lsp-set-type", 2, 2, _port("run_set_type"), _lookup("need_ports"), syntax="PORT TYPE"),
    Verb("lsp-get-type", 1, 1, _port("run_get_type"), _port("need_type"), syntax="PORT"),
    Verb("lsp-set-options", 1, MANY, _port("run_set_options"), _lookup("need_ports"),
         syntax="PORT [KEY=VALUE]..."),
    Verb("lsp-get-options", 1, 1, _port("run_get_options"), _port("need_options"), syntax="PORT"),
    Verb("lsp-set-dhcpv4-options", 1, 2, _dhcp("run_set_port_options"), _dhcp("need_ports"),
         syntax="PORT [DHCP_OPTIONS]"),
    Verb("lsp-get-dhcpv4-options", 1, 1, _dhcp("run_get_port_options"), _dhcp("need_ports"), syntax="PORT"),
    Verb("lsp-set-dhcpv6-options", 1, 2, _dhcp("run_set_port_options"), _dhcp("need_ports"),
         syntax="PORT [DHCP_OPTIONS]"),
    Verb("lsp-get-dhcpv6-options", 1, 1, _dhcp("run_get_port_options"), _dhcp("need_ports"), syntax="PORT"),
    Verb("lsp-attach-mirror", 2, 2, _mirror("run_attach"), _mirror("need_attachment"), options="--may-exist",
         syntax="PORT MIRROR"),
    Verb("lsp-detach-mirror", 2, 2, _mirror("run_detach"), _mirror("need_attachment"), syntax="PORT MIRROR"),
)
_RULES: Final = (
    Verb("acl-add", 5, 6, _acl("run_add"), _acl("need_acls"), options=_ACL_OPTIONS,
         syntax=f"{_OWNER} DIRECTION PRIORITY MATCH ACTION"),
    Verb("acl-del", 1, 4, _acl("run_delete"), _acl("need_acls"), options="--type=",
         syntax=f"{_OWNER} [DIRECTION [PRIORITY MATCH]]"),
    Verb("acl-list", 1, 1, _acl("run_list"), _acl("need_acls"), options="--type=", syntax=f"{_OWNER}"),
    Verb("qos-add", 5, 7, _qos("run_add"), _qos("need_rules"), options="--may-exist",
         syntax="SWITCH DIRECTION PRIORITY MATCH [rate=RATE [burst=BURST]] [dscp=DSCP]"),
    Verb("qos-del", 1, 4, _qos("run_delete"), _qos("need_rules"),
         syntax="SWITCH [{DIRECTION | UUID} [PRIORITY MATCH]]"),
    Verb("qos-list", 1, 1, _qos("run_list"), _qos("need_rules"), syntax="SWITCH"),
    Verb("meter-add", 4, 5, _meter("run_add"), _meter("need_meters"), options="--fair --may-exist",
         syntax="NAME ACTION RATE UNIT [BURST]"),
    Verb("meter-del", 0, 1, _meter("run_delete"), _meter("need_meters"), syntax="[NAME]"),
    Verb("meter-list", 0, 0, _meter("run_list"), _meter("need_meters")),
    Verb("copp-add", 3, 3, _meter("run_copp_add"), _meter("need_copp"), syntax="NAME PROTO METER"),
    Verb("copp-del", 1, 2, _meter("run_copp_delete"), _meter("need_copp"), syntax="NAME [PROTO]"),
    Verb("copp-list", 1, 1, _meter("run_copp_list"), _meter("need_copp"), syntax="NAME"),
    Verb("ls-copp-add", 2, 2, _meter("run_switch_copp"), _meter("need_switch_copp"), syntax="NAME SWITCH"),
    Verb("lr-copp-add", 2, 2, _meter("run_router_copp"), _meter("need_router_copp"), syntax="NAME ROUTER"),
    Verb("mirror-add", 5, 5, _mirror("run_add"), _mirror("need_mirrors"), options="--may-exist",
         syntax="NAME TYPE INDEX FILTER IP"),
    Verb("mirror-del", 0, 1, _mirror("run_delete"), _mirror("need_mirrors"), syntax="[NAME]"),
    Verb("mirror-list", 0, 0, _mirror("run_list"), _mirror("need_mirrors")),
)
_GROUPS: Final = (
    Verb("pg-add", 1, MANY, _group("run_port_group_add"), _group("need_port_groups"),
         syntax="GROUP [PORT]..."),
    Verb("pg-set-ports", 2, MANY, _group("run_port_group_set"), _group("need_port_groups"),
         syntax="GROUP PORT..."),
    Verb("pg-del", 1, 1, _group("run_port_group_delete"), _group("need_port_groups"), syntax="GROUP"),
    Verb("fwd-group-add", 4, MANY, _group("run_forwarding_add"), _group("need_forwarding"),
         options="--liveness", syntax="GROUP SWITCH VIP VMAC PORT..."),
    Verb("fwd-group-del", 1, 1, _group("run_forwarding_delete"), _group("need_forwarding"),
         options="--if-exists", syntax="GROUP"),
    Verb("fwd-group-list", 0, 1, _group("run_forwarding_list"), _group("need_forwarding"), syntax="[SWITCH]"),
    Verb("ha-chassis-group-add", 1, 1, _group("run_ha_add"), _group("need_ha_groups"), syntax="GROUP"),
    Verb("ha-chassis-group-del", 1, 1, _group("run_ha_delete"), _group("need_ha_groups"), syntax="GROUP"),
    Verb("ha-chassis-group-list", 0, 0, _group("run_ha_list"), _group("need_ha_groups")),
    Verb("ha-chassis-group-add-chassis", 3, 3, _group("run_ha_add_chassis"), _group("need_ha_groups"),
         syntax="GROUP CHASSIS PRIORITY"),
    Verb("ha-chassis-group-remove-chassis", 2, 2, _group("run_ha_remove_chassis"), _group("need_ha_groups"),
         syntax="GROUP CHASSIS"),
    Verb("ha-chassis-group-set-chassis-prio", 3, 3, _group("run_ha_set_priority"), _group("need_ha_groups"),
         syntax="GROUP CHASSIS PRIORITY"),
)
_ROUTERS: Final = (
    Verb("lr-add", 0, 1, _router("run_add"), _router("need_routers"), options=_EXISTING, syntax="[ROUTER]"),
    Verb("lr-del", 1, 1, _router("run_delete"), _router("need_routers"), options="--if-exists",
         syntax="ROUTER"),
    Verb("lr-list", 0, 0, _router("run_list"), _router("need_routers")),
    Verb("lrp-add", 4, MANY, _rport("run_add"), _rport("need_addition"), options="--may-exist",
         syntax="ROUTER PORT MAC NETWORK... [COLUMN[:KEY]=VALUE]..."),
    Verb("lrp-del", 1, 1, _rport("run_delete"), _rport("need_ports"), options="--if-exists", syntax="PORT"),
    Verb("lrp-list", 1, 1, _rport("run_list"), _rport("need_ports"), syntax="ROUTER"),
    Verb("lrp-set-enabled", 2, 2, _rport("run_set_enabled"), _rport("need_ports"), syntax="PORT STATE"),
    Verb("lrp-get-enabled", 1, 1, _rport("run_get_enabled"), _rport("need_enabled"), syntax="PORT"),
    Verb("lrp-set-options", 1, MANY, _rport("run_set_options"), _rport("need_ports"),
         syntax="PORT [KEY=VALUE]..."),
    Verb("lrp-set-redirect-type", 2, 2, _rport("run_set_redirect_type"), _rport("need_options"),
         syntax="PORT TYPE"),
    Verb("lrp-get-redirect-type", 1, 1, _rport("run_get_redirect_type"), _rport("need_options"),
         syntax="PORT"),
    Verb("lrp-set-gateway-chassis", 2, 3, _rport("run_set_gateway"), _rport("need_gateways"),
         options="--may-exist", syntax="PORT CHASSIS [PRIORITY]"),
    Verb("lrp-del-gateway-chassis", 2, 2, _rport("run_delete_gateway"), _rport("need_gateways"),
         syntax="PORT CHASSIS"),
    Verb("lrp-get-gateway-chassis", 1, 1, _rport("run_get_gateways"), _rport("need_gateways"), syntax="PORT"),
    Verb("static-mac-binding-add", 3, 3, _router("run_binding_add"), _router("need_bindings"),
         options="--may-exist", syntax="PORT IP MAC"),
    Verb("static-mac-binding-del", 2, 2, _router("run_binding_delete"), _router("need_bindings"),
         options="--if-exists", syntax="PORT IP"),
    Verb("static-mac-binding-list", 0, 0, _router("run_binding_list"), _router("need_bindings")),
    Verb("lr-route-add", 3, 4, _route("run_add"), _route("need_routes"), options=_ROUTE_OPTIONS,
         syntax="ROUTER PREFIX NEXTHOP [PORT]"),
    Verb("lr-route-del", 1, 4, _route("run_delete"), _route("need_routes"),
         options="--if-exists --policy= --route-table=", syntax="ROUTER [PREFIX [NEXTHOP [PORT]]]"),
    Verb("lr-route-list", 1, 1, _route("run_list"), _route("need_routes"), options="--route-table=",
         syntax="ROUTER"),
    Verb("lr-policy-add", 4, MANY, _policy("run_add"), _policy("need_policies"), options="--may-exist",
         syntax="ROUTER PRIORITY MATCH ACTION [NEXTHOP[,NEXTHOP]...] [KEY=VALUE]..."),
    Verb("lr-policy-del", 1, 3, _policy("run_delete"), _policy("need_policies"), options="--if-exists",
         syntax="ROUTER [{PRIORITY | UUID} [MATCH]]"),
    Verb("lr-policy-list", 1, 1, _policy("run_list"), _policy("need_policies"), syntax="ROUTER"),
    Verb("lr-nat-add", 4, 7, _nat("run_add"), _nat("need_nat"), options=_NAT_OPTIONS,
         syntax="ROUTER TYPE EXTERNAL_IP LOGICAL_IP [LOGICAL_PORT EXTERNAL_MAC] [EXTERNAL_PORT_RANGE]"),
    Verb("lr-nat-del", 1, 4, _nat("run_delete"), _nat("need_nat"), options="--if-exists",
         syntax="ROUTER [TYPE [IP] [GATEWAY_PORT]]"),
    Verb("lr-nat-list", 1, 1, _nat("run_list"), _nat("need_nat"), syntax="ROUTER"),
    Verb("lr-nat-update-ext-ip", 4, 4, _nat("run_update"), _nat("need_nat_and_sets"), options="--is-exempted",
         syntax="ROUTER TYPE IP ADDRESS_SET"),
)
_SERVICES: Final = (
    Verb("lb-add", 3, 5, _lb("run_add"), _lb("need_balancers"), options=_LB_OPTIONS,
         syntax="LB VIP[:PORT] IP[:PORT]... [PROTOCOL [ADDRESS_FAMILY]]"),
    Verb("lb-del", 1, 2, _lb("run_delete"), _lb("need_balancers"), options="--if-exists", syntax="LB [VIP]"),
    Verb("lb-list", 0, 1, _lb("run_list"), _lb("need_balancers"), syntax="[LB]"),
    Verb("ls-lb-add", 2, 2, _lb("run_switch_add"), _lb("need_switches"), options="--may-exist",
         syntax="SWITCH LB"),
    Verb("ls-lb-del", 1, 2, _lb("run_switch_delete"), _lb("need_switches"), options="--if-exists",
         syntax="SWITCH [LB]"),
    Verb("ls-lb-list", 1, 1, _lb("run_switch_list"), _lb("need_switches"), syntax="SWITCH"),
    Verb("lr-lb-add", 2, 2, _lb("run_router_add"), _lb("need_routers"), options="--may-exist",
         syntax="ROUTER LB"),
    Verb("lr-lb-del", 1, 2, _lb("run_router_delete"), _lb("need_routers"), options="--if-exists",
         syntax="ROUTER [LB]"),
    Verb("lr-lb-list", 1, 1, _lb("run_router_list"), _lb("need_routers"), syntax="ROUTER"),
    Verb("dhcp-options-create", 1, MANY, _dhcp("run_create"), _dhcp("need_options"),
         syntax="CIDR [KEY=VALUE]..."),
    Verb("dhcp-options-del", 1, 1, _dhcp("run_delete"), _dhcp("need_options"), syntax="DHCP_OPTIONS"),
    Verb("dhcp-options-list", 0, 0, _dhcp("run_list"), _dhcp("need_options")),
    Verb("dhcp-options-set-options", 1, MANY, _dhcp("run_set_options"), _dhcp("need_options"),
         syntax="DHCP_OPTIONS [KEY=VALUE]..."),
    Verb("dhcp-options-get-options", 1, 1, _dhcp("run_get_options"), _dhcp("need_options"),
         syntax="DHCP_OPTIONS"),
)
_NAMES_2015: Final = (
    Verb("lswitch-add", 0, 1, _old("run_switch_add"), _lookup("need_switches"), syntax="[LSWITCH]"),
    Verb("lswitch-del", 1, 1, _switch("run_delete"), _switch("need_deletion"), syntax="LSWITCH"),
    Verb("lswitch-list", 0, 0, _switch("run_list"), _lookup("need_switches")),
    Verb("lswitch-set-external-id", 2, 3, _old("run_set_switch_id"), _old("need_switch_ids"),
         syntax="LSWITCH KEY [VALUE]"),
    Verb("lswitch-get-external-id", 1, 2, _old("run_get_switch_id"), _old("need_switch_ids"),
         syntax="LSWITCH [KEY]"),
    Verb("lport-add", 2, 4, _old("run_port_add"), _port("need_addition"),
         syntax="LSWITCH LPORT [PARENT TAG]"),
    Verb("lport-del", 1, 1, _port("run_delete"), _lookup("need_both"), syntax="LPORT"),
    Verb("lport-list", 1, 1, _port("run_list"), _lookup("need_both"), syntax="LSWITCH"),
    Verb("lport-get-parent", 1, 1, _port("run_get_parent"), _port("need_parent"), syntax="LPORT"),
    Verb("lport-get-tag", 1, 1, _old("run_get_tag"), _old("need_tag"), syntax="LPORT"),
    Verb("lport-set-external-id", 2, 3, _old("run_set_port_id"), _old("need_port_ids"),
         syntax="LPORT KEY [VALUE]"),
    Verb("lport-get-external-id", 1, 2, _old("run_get_port_id"), _old("need_port_ids"), syntax="LPORT [KEY]"),
    Verb("lport-set-macs", 1, MANY, _port("run_set_addresses"), _port("need_addresses"),
         syntax="LPORT [MAC]..."),
    Verb("lport-get-macs", 1, 1, _port("run_get_addresses"), _port("need_all_addresses"), syntax="LPORT"),
    Verb("lport-set-port-security", 1, MANY, _port("run_set_port_security"), _lookup("need_ports"),
         syntax="LPORT [ADDRS]..."),
    Verb("lport-get-port-security", 1, 1, _port("run_get_port_security"), _port("need_port_security"),
         syntax="LPORT"),
    Verb("lport-get-up", 1, 1, _port("run_get_up"), _port("need_up"), syntax="LPORT"),
)
# fmt: on

VERBS: Final = (*_GENERAL, *_SWITCHES, *_RULES, *_GROUPS, *_ROUTERS, *_SERVICES, *_NAMES_2015)

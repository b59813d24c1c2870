"""The commands of ovs-ofctl as data: name, where its function is, how many arguments it takes.

A function is imported when its command is given: most of a short run is importing.  ovs-ofctl(8),
"Commands".
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyovn.tools.ofctl_settings import Settings

USAGE: Final = """ovs-ofctl: OpenFlow switch management utility
usage: ovs-ofctl [OPTIONS] COMMAND [ARG...]

For OpenFlow switches:
  show SWITCH                 show OpenFlow information
  dump-desc SWITCH            print switch description
  dump-tables SWITCH          print table stats
  mod-port SWITCH IFACE ACT   modify port behavior
  get-frags SWITCH            print fragment handling behavior
  set-frags SWITCH FRAG_MODE  set fragment handling behavior
  dump-ports SWITCH [PORT]    print port statistics
  dump-table-desc SWITCH      print table description (OF1.4+)
  dump-ports-desc SWITCH [PORT]  print port descriptions
  dump-flows SWITCH           print all flow entries
  dump-flows SWITCH FLOW      print matching FLOWs
  dump-aggregate SWITCH       print aggregate flow statistics
  dump-aggregate SWITCH FLOW  print aggregate stats for FLOWs
  add-flow SWITCH FLOW        add flow described by FLOW
  add-flows SWITCH FILE       add flows from FILE
  mod-flows SWITCH FLOW       modify actions of matching FLOWs
  del-flows SWITCH [FLOW]     delete matching FLOWs
  replace-flows SWITCH FILE   replace flows with those in FILE
  diff-flows SOURCE1 SOURCE2  compare flows from two sources
  packet-out SWITCH IN_PORT ACTIONS PACKET...
                              execute ACTIONS on PACKET
  add-group SWITCH GROUP      add group described by GROUP
  add-groups SWITCH FILE      add group from FILE
  [--may-create] mod-group SWITCH GROUP   modify specific group
  del-groups SWITCH [GROUP]   delete matching GROUPs
  insert-buckets SWITCH [GROUP] add buckets to GROUP
  remove-buckets SWITCH [GROUP] remove buckets from GROUP
  dump-groups SWITCH [GROUP]  print group description
  dump-group-stats SWITCH [GROUP]  print group statistics
  dump-group-features SWITCH  print group features
  monitor SWITCH [MISSLEN] [invalid_ttl] [watch:[...]]
                              print packets received from SWITCH
  snoop SWITCH                snoop on SWITCH and its controller
  add-tlv-map SWITCH MAP      add TLV option MAPpings
  del-tlv-map SWITCH [MAP]    delete TLV option MAPpings
  dump-tlv-map SWITCH         print TLV option mappings
  ct-flush-zone SWITCH ZONE   flush conntrack entries in ZONE
  probe TARGET                probe whether TARGET is up

Offline:
  parse-flow FLOW             print FLOW in canonical form
  parse-flows FILE            print the flows of FILE in canonical form

"""


class Command(Struct, frozen=True):
    """Function ``name`` of module ``ofctl_MODULE``; takes ``least`` to ``most`` arguments."""

    module: str
    name: str
    least: int
    most: int

    def run(self, settings: Settings, arguments: list[str]) -> int:
        """Do it; the exit status."""
        function: Any = getattr(importlib.import_module(f"pyovn.tools.ofctl_{self.module}"), self.name)
        status: int = function(settings, arguments)
        return status


_MANY: Final = sys.maxsize
COMMANDS: Final[Mapping[str, Command]] = {
    "show": Command("switch", "show", 1, 1),
    "dump-desc": Command("switch", "dump_desc", 1, 1),
    "dump-tables": Command("switch", "dump_tables", 1, 1),
    "dump-ports": Command("stats", "dump_ports", 1, 2),
    "dump-group-stats": Command("stats", "dump_group_stats", 1, 2),
    "dump-group-features": Command("stats", "dump_group_features", 1, 1),
    "dump-table-desc": Command("stats", "dump_table_desc", 1, 1),
    "set-frags": Command("stats", "set_frags", 2, 2),
    "monitor": Command("monitor", "monitor", 1, 4),
    "snoop": Command("monitor", "snoop", 1, 1),
    "dump-ports-desc": Command("switch", "dump_ports_desc", 1, 2),
    "mod-port": Command("switch", "mod_port", 3, 3),
    "get-frags": Command("switch", "get_frags", 1, 1),
    "dump-flows": Command("flows", "dump_flows", 1, 2),
    "dump-aggregate": Command("switch", "dump_aggregate", 1, 2),
    "add-flow": Command("flows", "add_flow", 2, 2),
    "add-flows": Command("flows", "add_flows", 2, 2),
    "mod-flows": Command("flows", "mod_flows", 2, 2),
    "del-flows": Command("flows", "del_flows", 1, 2),
    "replace-flows": Command("flows", "replace_flows", 2, 2),
    "diff-flows": Command("flows", "diff_flows", 2, 2),
    "packet-out": Command("switch", "packet_out", 2, _MANY),
    "add-group": Command("groups", "add_group", 2, 2),
    "add-groups": Command("groups", "add_groups", 2, 2),
    "mod-group": Command("groups", "mod_group", 2, 2),
    "del-groups": Command("groups", "del_groups", 1, 2),
    "insert-buckets": Command("groups", "insert_buckets", 2, 2),
    "insert-bucket": Command("groups", "insert_buckets", 2, 2),
    "remove-buckets": Command("groups", "remove_buckets", 2, 2),
    "remove-bucket": Command("groups", "remove_buckets", 2, 2),
    "dump-groups": Command("groups", "dump_groups", 1, 2),
    "add-tlv-map": Command("groups", "add_tlv_map", 2, 2),
    "del-tlv-map": Command("groups", "del_tlv_map", 1, 2),
    "dump-tlv-map": Command("groups", "dump_tlv_map", 1, 1),
    "ct-flush-zone": Command("switch", "ct_flush_zone", 2, 2),
    "probe": Command("switch", "probe", 1, 1),
    "parse-flow": Command("switch", "parse_flow", 1, 1),
    "parse-flows": Command("switch", "parse_flows", 1, 1),
}

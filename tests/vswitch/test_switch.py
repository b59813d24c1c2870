from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from scapy.utils import rdpcap
from switch_kit import SwitchLab, frame

from pyovn.sim.underlay import Underlay
from pyovn.sim.virtual import VirtualRuntime

if TYPE_CHECKING:
    from pathlib import Path

UDP = "udp,dl_src=00:00:00:00:00:01,dl_dst=00:00:00:00:00:02,nw_src=10.0.0.1,nw_ttl=64,udp_dst=6"

ARP = "arp,dl_src=00:00:00:00:00:02,dl_dst=ff:ff:ff:ff:ff:ff,arp_op=1"


def test_cur_cfg_follows_next_cfg_with_the_state_that_it_vouches_for() -> None:
    lab = SwitchLab()
    lab.add_bridge("br0")
    lab.add_port("br0", "p1")
    root = lab.root()
    assert root["next_cfg"] == root["cur_cfg"] == 2
    assert root["ovs_version"] == "3.1.0"
    assert "geneve" in root["iface_types"][1]
    row = lab.interface("p1")
    assert (row["ofport"], row["admin_state"], row["link_state"], row["error"]) == (
        1,
        "up",
        "up",
        ["set", []],
    )
    assert lab.interface("br0")["ofport"] == 65534
    (bridge,) = lab.rows("Bridge")
    assert len(bridge["datapath_id"]) == 16
    assert len(lab.rows("Datapath")) == 1


def test_an_unknown_type_is_an_error_in_its_row() -> None:
    lab = SwitchLab()
    lab.add_bridge("br0")
    lab.add_port("br0", "odd", type="gre64")
    row = lab.interface("odd")
    assert row["ofport"] == -1
    assert row["error"].startswith("could not open network device odd")
    lab.transact(
        {"op": "update", "table": "Interface", "where": [["name", "==", "odd"]], "row": {"type": ""}}
    )
    assert lab.interface("odd")["ofport"] == 1
    assert lab.interface("odd")["error"] == ["set", []]


def test_port_numbers_are_stable_and_requests_are_honoured() -> None:
    lab = SwitchLab()
    lab.add_bridge("br0")
    lab.add_port("br0", "a")
    lab.add_port("br0", "b", ofport_request=9)
    lab.add_port("br0", "c")
    assert [lab.interface(n)["ofport"] for n in "abc"] == [1, 9, 2]
    lab.delete_port("br0", "a")
    lab.add_port("br0", "d")
    assert [lab.interface(n)["ofport"] for n in "bcd"] == [9, 2, 3]
    lab.transact(
        {"op": "update", "table": "Interface", "where": [["name", "==", "d"]], "row": {"ofport_request": 33}}
    )
    assert lab.interface("d")["ofport"] == 33


def test_a_restarted_switch_keeps_the_numbers() -> None:
    lab = SwitchLab()
    lab.add_bridge("br0")
    for name in ("a", "b", "c"):
        lab.add_port("br0", name)
    lab.delete_port("br0", "a")
    before = {n: lab.interface(n)["ofport"] for n in ("b", "c", "br0")}
    lab.switch.stop()
    lab.switch.start()
    lab.runtime.settle()
    assert {n: lab.interface(n)["ofport"] for n in ("b", "c", "br0")} == before


def test_nothing_is_written_when_nothing_changes() -> None:
    lab = SwitchLab()
    lab.add_bridge("br0")
    lab.add_port("br0", "p1")
    commits = []
    lab.database.followers.append(lambda *args: commits.append(args))
    lab.runtime.advance(100.0)
    assert commits == []


def test_a_standalone_bridge_switches() -> None:
    lab = SwitchLab()
    lab.add_bridge("br0")
    for name in ("a", "b", "c"):
        lab.add_port("br0", name)
    lab.inject("a", UDP)
    assert [len(lab.got[n]) for n in "abc"] == [0, 1, 1]
    lab.transact({"op": "update", "table": "Bridge", "where": [], "row": {"fail_mode": "secure"}})
    lab.inject("a", UDP)
    assert [len(lab.got[n]) for n in "abc"] == [0, 1, 1]


def test_patch_ports_join_bridges() -> None:
    lab = SwitchLab()
    for bridge, port, peer in (("br0", "to1", "to0"), ("br1", "to0", "to1")):
        lab.add_bridge(bridge)
        lab.add_port(bridge, port, type="patch", options=["map", [["peer", peer]]])
    lab.add_port("br0", "a")
    lab.add_port("br1", "b")
    assert lab.interface("to0")["error"] == ["set", []]
    lab.inject("a", UDP)
    assert lab.got["b"] == [frame(UDP)]
    lab.delete_port("br1", "to0")
    assert lab.interface("to1")["error"] == "No usable peer 'to0' exists in 'dummy' datapath."
    lab.inject("a", UDP)
    assert len(lab.got["b"]) == 1


def test_a_bridge_goes_with_its_ports() -> None:
    lab = SwitchLab()
    lab.add_bridge("br0")
    lab.add_port("br0", "a")
    lab.transact({"op": "update", "table": "Open_vSwitch", "where": [], "row": {"bridges": ["set", []]}})
    assert lab.switch.bridges == {}
    with pytest.raises(KeyError):
        lab.switch.inject("a", frame(UDP))
    lab.add_bridge("br0")
    assert lab.switch.bridges["br0"].ports.keys() == {"br0"}


def hypervisors(kind: str, options: dict[str, str]) -> tuple[SwitchLab, SwitchLab]:
    runtime = VirtualRuntime()
    underlay = Underlay(runtime)
    labs = []
    for number in (1, 2):
        lab = SwitchLab(f"hv{number}", runtime, underlay)
        lab.set_root(external_ids=["map", [["ovn-encap-ip", f"192.168.0.{number}"]]])
        lab.add_bridge("br-int", fail_mode="secure")
        lab.add_port("br-int", "vif")
        given = {"remote_ip": f"192.168.0.{3 - number}", **options}
        lab.add_port(
            "br-int", "tun", type=kind, options=["map", [list(pair) for pair in sorted(given.items())]]
        )
        labs.append(lab)
    return labs[0], labs[1]


def test_geneve_carries_key_and_option() -> None:
    from pyovn.vswitch.tunnels import TlvMapping

    one, two = hypervisors("geneve", {"key": "flow", "csum": "true"})
    for lab in (one, two):
        lab.switch.bridges["br-int"].state.tlv[0] = TlvMapping(0x102, 0x80, 4, 0)
    one.add_flows(
        "br-int", "in_port=1,actions=set_field:0x1234->tun_id,set_field:0x38001->tun_metadata0,output:2"
    )
    two.add_flows(
        "br-int", "in_port=2,tun_id=0x1234,tun_metadata0=0x38001,tun_src=192.168.0.1,actions=output:1"
    )
    one.inject("vif", UDP)
    assert two.got["vif"] == [frame(UDP)]
    assert one.underlay.delivered == 1


def test_geneve_header_bytes() -> None:
    one, _ = hypervisors("geneve", {"key": "flow"})
    from pyovn.vswitch.tunnels import TlvMapping

    one.switch.bridges["br-int"].state.tlv[0] = TlvMapping(0x102, 0x80, 4, 0)
    seen: list[bytes] = []
    one.underlay.attach("192.168.0.9", lambda _src, payload: seen.append(payload))
    one.add_port(
        "br-int", "t9", type="geneve", options=["map", [["remote_ip", "192.168.0.9"], ["key", "flow"]]]
    )
    number = one.interface("t9")["ofport"]
    one.add_flows(
        "br-int", f"in_port=1,actions=set_field:5->tun_id,set_field:0x10002->tun_metadata0,output:{number}"
    )
    one.inject("vif", UDP)
    assert seen == [bytes.fromhex("0240655800000500 0102800100010002") + frame(UDP)]


def test_vxlan_and_fixed_keys() -> None:
    one, two = hypervisors("vxlan", {"key": "77"})
    one.add_flows("br-int", "in_port=1,actions=output:2")
    two.add_flows("br-int", "in_port=2,tun_id=77,actions=output:1")
    one.inject("vif", UDP)
    assert two.got["vif"] == [frame(UDP)]


def test_tunnels_that_would_look_alike_are_refused() -> None:
    one, _ = hypervisors("geneve", {"key": "flow"})
    one.add_port(
        "br-int", "twin", type="geneve", options=["map", [["remote_ip", "192.168.0.2"], ["key", "flow"]]]
    )
    row = one.interface("twin")
    assert row["ofport"] == -1
    assert row["error"] == "could not add network device twin to ofproto (File exists)"
    told = [text for text in one.logs if "attempting to add tunnel port with same config" in text]
    assert len(told) == 1
    one.delete_port("br-int", "tun")
    assert one.interface("twin")["error"] == ["set", []]
    assert one.interface("twin")["ofport"] > 0
    one.add_port("br-int", "none", type="geneve")
    assert "remote_ip" in one.interface("none")["error"]


def test_a_cut_underlay_loses_packets() -> None:
    one, two = hypervisors("geneve", {"key": "flow"})
    one.add_flows("br-int", "in_port=1,actions=output:2")
    two.add_flows("br-int", "in_port=2,actions=output:1")
    one.underlay.cut("192.168.0.1", "192.168.0.2")
    one.inject("vif", UDP)
    one.underlay.mend("192.168.0.1", "192.168.0.2")
    assert two.got["vif"] == []
    one.inject("vif", UDP)
    assert len(two.got["vif"]) == 1


def test_ports_can_be_taken_down() -> None:
    lab = SwitchLab()
    lab.add_bridge("br0")
    for name in ("a", "b"):
        lab.add_port("br0", name)
    lab.switch.set_admin_state(["b"], up=False)
    lab.runtime.settle()
    assert lab.interface("b")["admin_state"] == "down"
    lab.inject("a", UDP)
    assert lab.got["b"] == []


def test_learned_addresses_are_forgotten_in_time() -> None:
    lab = SwitchLab()
    lab.add_bridge("br0", other_config=["map", [["mac-aging-time", "15"]]])
    for name in ("a", "b"):
        lab.add_port("br0", name)
    lab.inject("a", UDP)
    fdb = lab.switch.bridges["br0"].pipeline.fdb
    assert len(fdb.entries) == 1
    lab.runtime.advance(14.0)
    assert len(fdb.entries) == 1
    lab.runtime.advance(3.0)
    assert fdb.entries == {}


def test_frames_can_be_captured(tmp_path: Path) -> None:
    lab = SwitchLab()
    lab.add_bridge("br0")
    lab.add_port("br0", "a", options=["map", [["pcap", str(tmp_path / "a.pcap")]]])
    paths = {"tx_pcap": str(tmp_path / "tx.pcap"), "rxq_pcap": str(tmp_path / "rx.pcap")}
    lab.add_port("br0", "b", options=["map", [list(pair) for pair in paths.items()]])
    lab.inject("a", UDP)
    lab.inject("b", ARP)
    lab.switch.stop()
    assert [bytes(p) for p in rdpcap(str(tmp_path / "a.pcap"))] == [frame(UDP), frame(ARP)]
    assert [bytes(p) for p in rdpcap(paths["tx_pcap"])] == [frame(UDP)]
    assert [bytes(p) for p in rdpcap(paths["rxq_pcap"])] == [frame(ARP)]


def test_a_number_that_is_taken_is_had_once_it_is_free() -> None:
    lab = SwitchLab()
    lab.add_bridge("br0")
    lab.add_port("br0", "a", ofport_request=1)
    lab.add_port("br0", "b", ofport_request=1)
    lab.add_port("br0", "c")
    assert [lab.interface(name)["ofport"] for name in "abc"] == [1, 2, 3]
    assert lab.interface("b")["error"] == ["set", []]
    lab.delete_port("br0", "a")
    assert [lab.interface(name)["ofport"] for name in "bc"] == [1, 3]


@pytest.mark.parametrize(
    ("kind", "options", "error"),
    [
        ("geneve", {}, "x: geneve type requires valid 'remote_ip' argument"),
        ("vxlan", {"remote_ip": "nonsense"}, "x: bad vxlan 'remote_ip'"),
        ("geneve", {"remote_ip": "1.2.3.4", "local_ip": "1.2.3"}, "x: bad geneve 'local_ip'"),
        ("geneve", {"remote_ip": "1.2.3.4", "key": "zz"}, "x: bad tunnel key 'zz'"),
        ("patch", {}, "x: patch type requires valid 'peer' argument"),
        ("patch", {"peer": "x"}, "x: patch peer must not be self"),
    ],
)
def test_bad_options_are_an_error_in_their_row(kind: str, options: dict[str, str], error: str) -> None:
    lab = SwitchLab()
    lab.add_bridge("br0")
    lab.add_port("br0", "x", type=kind, options=["map", [list(pair) for pair in options.items()]])
    lab.add_port("br0", "y")
    assert (lab.interface("x")["ofport"], lab.interface("x")["error"]) == (-1, error)
    assert lab.interface("y")["ofport"] == 1
    assert lab.logs.count(error) == 1
    lab.transact(
        {"op": "update", "table": "Interface", "where": [["name", "==", "x"]], "row": {"type": "dummy"}}
    )
    assert (lab.interface("x")["ofport"], lab.interface("x")["error"]) == (2, ["set", []])


def test_a_tunnel_to_oneself_is_a_tunnel() -> None:
    lab = SwitchLab()
    lab.transact(
        {
            "op": "update",
            "table": "Open_vSwitch",
            "where": [],
            "row": {"external_ids": ["map", [["ovn-encap-ip", "192.168.0.1"]]]},
        }
    )
    lab.add_bridge("br0", fail_mode="secure")
    lab.add_port("br0", "a", ofport_request=1)
    options = ["map", [["remote_ip", "192.168.0.1"], ["key", "flow"]]]
    lab.add_port("br0", "t", type="geneve", options=options, ofport_request=2)
    lab.add_flows("br0", "in_port=1,actions=output:2", "in_port=2,actions=output:1")
    lab.inject("a", UDP)
    lab.runtime.settle()
    assert lab.interface("t")["error"] == ["set", []]
    assert lab.got["a"] == [frame(UDP)]


def test_a_capture_file_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    lab = SwitchLab()
    lab.add_bridge("br0")
    path = tmp_path / "none" / "a.pcap"
    lab.add_port("br0", "a", options=["map", [["pcap", str(path)]]])
    lab.add_port("br0", "b")
    text = f"{path}: failed to open pcap file for appending (No such file or directory)"
    assert lab.logs.count(text) == 1
    lab.inject("a", UDP)
    assert lab.got["b"] == [frame(UDP)]


def test_a_bridge_with_a_slash_is_ignored() -> None:
    lab = SwitchLab()
    lab.add_bridge("a/b")
    lab.add_bridge("br0")
    assert lab.logs.count('ignoring bridge with invalid name "a/b"') == 1
    assert set(lab.switch.bridges) == {"br0"}


def test_one_listener_may_hear_all_ports() -> None:
    lab = SwitchLab()
    lab.add_bridge("br0")
    heard: list[tuple[str, bytes]] = []
    lab.switch.on_frame = lambda name, data: heard.append((name, data))
    for name in ("a", "b", "c"):
        lab.add_port("br0", name)
    lab.inject("a", UDP)
    assert sorted(heard) == [(name, frame(UDP)) for name in ("b", "br0", "c")]

"""What an explanation is written as: JSON, pictures, captures, colours."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from case_kit import Scene

from pyovn.explain import capture, pictures, render
from pyovn.explain.deployed import explain
from pyovn.explain.model import Fate, as_json

if TYPE_CHECKING:
    from pathlib import Path

    from pyovn.explain.model import Explanation


@pytest.fixture(scope="module")
def scene() -> Scene:
    scene = Scene(["hv1", "hv2"])
    for number, place in ((1, "hv1"), (2, "hv2"), (3, "hv1")):
        addresses = f"'00:00:00:00:00:0{number} 10.0.0.{number}'"
        words = f"lsp-add sw0 vm{number} -- lsp-set-addresses vm{number} {addresses}"
        scene.run(f"ovn-nbctl --may-exist ls-add sw0 -- {words}")
        scene.run(f"pyovn sandbox plug {place} vif{number} vm{number}")
    scene.run("ovn-nbctl --wait=hv sync")
    return scene


@pytest.fixture(scope="module")
def remote(scene: Scene) -> Explanation:
    return explain(scene.deployment, "vm1", "vm2", udp=53)


def test_what_it_says_is_what_happens(scene: Scene) -> None:
    """The frame of the explanation, sent, arrives where the explanation says, as the last hop has it."""
    for words in (("vm1", "vm2"), ("vm1", "broadcast"), ("vm1", "00:00:00:00:00:99")):
        found = explain(scene.deployment, *words)
        scene.deployment.deliveries.clear()
        if found.hops:
            scene.deployment.send("hv1", "vif1", found.hops[0].frame)
            scene.runtime.advance(1)
        there = sorted((d.logical_port, d.hypervisor, d.interface) for d in scene.deployment.deliveries)
        said = sorted((v.port, v.place, v.interface) for v in found.verdicts if v.fate is Fate.DELIVERED)
        assert there == said
        ends = {h.frame for h in found.hops if h.direction == "out" and h.interface.startswith("vif")}
        assert {d.frame for d in scene.deployment.deliveries} == ends


def test_nothing_is_changed_by_asking(scene: Scene) -> None:
    before = scene.deployment.central.databases["OVN_Southbound"].database.serial
    explain(scene.deployment, "vm1", "vm2")
    scene.runtime.advance(5)
    assert scene.deployment.central.databases["OVN_Southbound"].database.serial == before


def test_the_json_form(remote: Explanation) -> None:
    found = json.loads(json.dumps(as_json(remote)))
    assert found["format"] == 1
    assert found["arrives"] is True
    assert [v["fate"] for v in found["verdicts"]] == ["delivered"]
    layers = list(dict.fromkeys(s["layer"] for s in found["steps"]))
    assert layers == ["northbound", "logical", "openflow", "wire"]
    wire = [h for h in found["hops"] if h["wire"]]
    assert [h["place"] for h in wire] == ["hv1"]
    assert bytes.fromhex(wire[0]["wire"]).endswith(bytes.fromhex(wire[0]["frame"]))
    flows = [s for s in found["steps"] if s["layer"] == "logical"]
    assert all(s["why"] for s in flows), "pyovn's northd says why of every flow"
    assert all(re.fullmatch(r"[0-9a-f-]{36}", s["flow"]) for s in flows)


def test_a_capture_is_read_by_others(remote: Explanation, tmp_path: Path) -> None:
    scapy = pytest.importorskip("scapy.all")
    path = tmp_path / "x.pcapng"
    path.write_bytes(capture.pcapng(remote.hops))
    packets = scapy.rdpcap(str(path))
    assert len(packets) == len(remote.hops) + 1  # the tunnel's frame is there twice
    outer = packets[2]
    assert (outer["IP"].src, outer["IP"].dst, outer["UDP"].dport) == ("192.168.0.1", "192.168.0.2", 6081)
    assert outer["IP"].chksum == scapy.IP(bytes(outer["IP"])[:20]).chksum
    assert all(bytes(p) == remote.hops[0].frame for p in (packets[0], packets[1], packets[3]))
    assert b"as hv1 sends it on the underlay" in path.read_bytes()


def test_pictures(remote: Explanation) -> None:
    text = pictures.mermaid(remote)
    assert text.startswith("flowchart LR\n")
    assert "geneve VNI 1" in text
    assert all(name in text for name in ("vm1", "hv1", "hv2", "vm2"))
    dot = pictures.dot(remote)
    assert dot.count("->") == 3
    assert dot.startswith("digraph")


def test_a_name_with_quotes_does_not_break_a_picture(remote: Explanation) -> None:
    remote.verdicts.append(remote.verdicts[0].__class__(Fate.DROPPED, "", "", "", 'port "x\\" is lost'))
    try:
        assert '\\"x\\\\\\" is lost' in pictures.dot(remote)
        assert "#quot;x" in pictures.mermaid(remote)
    finally:
        remote.verdicts.pop()


def test_colours_are_only_around_the_text(remote: Explanation) -> None:
    plain = render.full(remote, render.Painter(colour=False))
    coloured = render.full(remote, render.Painter(colour=True))
    assert "\x1b[32;1mdelivered" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


def test_everything_has_more_tables(remote: Explanation) -> None:
    paint = render.Painter(colour=False)
    short, long = render.full(remote, paint), render.full(remote, paint, everything=True)
    assert "tables pass it on" in short
    assert "pass it on" not in long
    assert len(long.splitlines()) > len(short.splitlines()) + 60

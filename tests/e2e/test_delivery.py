"""The delivery matrix: every case of ``delivery_cases`` in every world of ``delivery_worlds``.

Ours in virtual time, Debian's ovn-northd above our controllers, Debian's ovn-controllers on our switches:
frames arrive where they must and nowhere else, the same in all.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from delivery import WIRE, Arrival, Send, World, build, run
from delivery_cases import cases
from delivery_worlds import RealWorld, VirtualWorld
from known_differences import canonical, unexplained

if TYPE_CHECKING:
    from collections.abc import Callable

acceptance = pytest.mark.acceptance


def check(world: World) -> None:
    """All cases are in the deployment at the same time."""
    table = cases(len(world.names))
    build(world, table)
    wrong = {case.name: problems for case in table if (problems := run(world, case))}
    assert not wrong, wrong


@pytest.mark.parametrize(
    ("hypervisors", "encaps"),
    [
        (2, "geneve"),
        (2, "vxlan"),
        (3, "mixed"),
        (50, "geneve"),
        pytest.param(50, "vxlan", marks=acceptance),
        pytest.param(50, "mixed", marks=acceptance),
    ],
)
def test_in_virtual_time(hypervisors: int, encaps: str) -> None:
    world = VirtualWorld(hypervisors, encaps)
    check(world)
    assert world.problems() == {}


@pytest.mark.peers
@pytest.mark.parametrize(
    ("northd", "controllers", "hypervisors", "encaps"),
    [
        ("debian", "ours", 2, "geneve"),
        ("ours", "debian", 2, "geneve"),
        ("ours", "debian", 2, "vxlan"),
        ("ours", "debian", 3, "mixed"),
        ("debian", "debian", 2, "geneve"),
        pytest.param("debian", "ours", 2, "vxlan", marks=acceptance),
        pytest.param("debian", "ours", 50, "geneve", marks=acceptance),
        pytest.param("debian", "ours", 50, "mixed", marks=acceptance),
        pytest.param("ours", "debian", 50, "geneve", marks=acceptance),
        pytest.param("ours", "debian", 50, "mixed", marks=acceptance),
        pytest.param("debian", "debian", 50, "geneve", marks=acceptance),
    ],
)
def test_with_debians_daemons(
    peer: Callable[[str], str], northd: str, controllers: str, hypervisors: int, encaps: str
) -> None:
    world = RealWorld(hypervisors, encaps, peer, northd=northd, controllers=controllers)
    try:
        check(world)
    finally:
        world.close()


@pytest.mark.peers
@pytest.mark.parametrize(("hypervisors", "encaps"), [(2, "geneve"), (2, "vxlan"), (3, "mixed")])
def test_our_controllers_go_on_with_debians_flows(
    peer: Callable[[str], str], hypervisors: int, encaps: str
) -> None:
    """After all cases ours take over from Debian's: what is installed is equal, but for known differences."""
    world = RealWorld(hypervisors, encaps, peer, controllers="debian")
    try:
        check(world)
        debians = {name: canonical(world.flows(name)) for name in world.names}
        world.take_over()
        for name in world.names:
            ours = canonical(world.flows(name))
            assert len(ours & debians[name]) > 300
            unknown = unexplained(debians[name], ours)
            assert not unknown, "\n".join([name, *unknown])
    finally:
        world.close()


def test_the_matrix_sees_what_is_missing_and_what_is_too_much() -> None:
    world = VirtualWorld(2)
    table = cases(2)
    build(world, table)
    (case,) = (case for case in table if case.name == "vlan")
    step = case.steps[0]
    assert isinstance(step, Send)
    assert len(step.arrivals) == 2
    for arrivals, said in (
        (step.arrivals[:1], "also at hv2 vvlan2"),
        (step.arrivals[1:], "also at  wire"),
        ((*step.arrivals, Arrival(WIRE, step.frame)), "missing at  wire"),
    ):
        (problem,) = run(world, replace(case, steps=(replace(step, arrivals=arrivals),)))
        assert said in problem

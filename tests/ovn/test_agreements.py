"""The shared numbers agree with the peers' documentation and with themselves."""

from __future__ import annotations

import pytest

from pyovn.ovn import keys, ports, registers
from pyovn.ovn.stages import PROFILE_2303, PROFILE_2603, Profile


def test_stages_of_23_03_have_the_numbers_that_its_controllers_know() -> None:
    profile = Profile("23.03")
    stage = profile.switch_in["l2_lkup"]
    assert (stage.name, stage.table, stage.openflow_table) == ("ls_in_l2_lkup", 25, 33)
    assert [
        len(p) for p in (profile.switch_in, profile.switch_out, profile.router_in, profile.router_out)
    ] == [
        27,
        10,
        22,
        7,
    ]
    assert profile.stages["ls_out_apply_port_sec"].openflow_table == 51
    assert PROFILE_2603.switch_in["l2_unknown"].table == 33
    assert [len(p) for p in (PROFILE_2603.switch_out, PROFILE_2603.router_in)] == [16, 29]


@pytest.mark.parametrize("profile", [PROFILE_2303, PROFILE_2603])
def test_no_two_tables_overlap(profile: Profile) -> None:
    present = [n for n in profile.oftables if n is not None]
    assert len(set(present)) == len(present)
    for stage in profile.stages.values():
        size = profile.pipeline_size(stage.pipeline.value)
        assert stage.table < size
        assert profile.openflow_table(stage.pipeline.value, stage.table) == stage.openflow_table


def test_an_unknown_profile_names_those_that_exist() -> None:
    with pytest.raises(ValueError, match=r"there are: 23\.03, 26\.03"):
        Profile("1.0")


def test_keys() -> None:
    assert keys.GENEVE_KEYS.datapath_local.last == 16711680
    assert 32768 in keys.GENEVE_KEYS.multicast
    assert 32768 not in keys.GENEVE_KEYS.port
    assert len({group.key for group in keys.MULTICAST_GROUPS.values()}) == len(keys.MULTICAST_GROUPS)


def test_flags_and_ports() -> None:
    assert registers.flag("check_port_sec") == 0x1000
    assert len(set(registers.FLAG_BITS.values())) == len(registers.FLAG_BITS)
    assert ports.southbound_type("router", on_gateway=True) == "l3gateway"
    assert ports.southbound_type("router") == "patch"
    assert ports.southbound_type("localnet") == "localnet"
    assert ports.chassisredirect_name("lrp0") == "cr-lrp0"

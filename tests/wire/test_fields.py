from __future__ import annotations

import copy
import pickle

import pytest

from pyovn.wire.openflow.fields import ALL_FIELDS, FIELDS, FIELDS_BY_CODE, PREREQUISITES, FieldError, field


def test_every_field_has_its_own_code_and_position() -> None:
    assert len({each.name for each in ALL_FIELDS}) == len(ALL_FIELDS) == 160
    assert [each.order for each in ALL_FIELDS] == list(range(len(ALL_FIELDS)))
    for each in ALL_FIELDS:
        if each.name != "in_port":  # OXM's in_port is in_port_oxm's, which is a view of it
            assert FIELDS_BY_CODE[each.code] is each
        assert FIELDS_BY_CODE[each.subfield_code] is each
        assert each.nbytes * 8 >= each.bits
        assert field(each.nxm) is each


def test_fields_stand_after_their_prerequisites() -> None:
    for each in ALL_FIELDS:
        for alternative in PREREQUISITES[each.prerequisites]:
            for name, value, mask in alternative:
                assert FIELDS[name] < each
                assert value <= mask <= FIELDS[name].full


def test_aliases_name_the_same_field() -> None:
    for alias, name in (
        ("dl_src", "eth_src"),
        ("nw_src", "ip_src"),
        ("tunnel_id", "tun_id"),
        ("ip_ecn", "nw_ecn"),
    ):
        assert field(alias) is FIELDS[name]
    assert field("NXM_OF_IP_SRC") is field("OXM_OF_IPV4_SRC") is FIELDS["ip_src"]
    with pytest.raises(FieldError):
        field("reg16")


def test_a_field_stays_itself() -> None:
    assert copy.deepcopy(FIELDS["reg0"]) is FIELDS["reg0"]
    assert pickle.loads(pickle.dumps(FIELDS["reg0"])) is FIELDS["reg0"]


def test_views_cover_all_their_bits() -> None:
    for each in ALL_FIELDS:
        if each.views and each.name not in ("in_port_oxm", "nw_tos"):
            covered = 0
            for view in each.views:
                covered |= ((1 << view.bits) - 1) << view.ofs
            assert covered == each.full

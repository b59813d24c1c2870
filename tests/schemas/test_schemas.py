"""The typed tables are the published interface definitions, to the last constraint."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pyovn.incremental import Engine
from pyovn.ovsdb.schema import DatabaseSchema
from pyovn.schemas.ic_northbound import IC_NORTHBOUND
from pyovn.schemas.ic_southbound import IC_SOUTHBOUND
from pyovn.schemas.northbound import NORTHBOUND, LogicalSwitchPort
from pyovn.schemas.southbound import SOUTHBOUND
from pyovn.schemas.vswitch import OPEN_VSWITCH

if TYPE_CHECKING:
    from pyovn.schemas.columns import Database

# SHA-256 of the canonical JSON (sorted keys, no blanks) of the definitions of OVN 26.03.2 and OVS 3.7.1.
PUBLISHED = {
    "OVN_Northbound": "6e49620fb7f08a31267940e72657a30e0aba23e36c42b987a8b6b72c9f228290",
    "OVN_Southbound": "6642465ea3cac91db4e557dbed8c6bac2630e1e451fe94faa0bd407325df5579",
    "Open_vSwitch": "ddaa17754ddeeab85df98c65f34fd28da02e0e34b83b22c6ee59dfb04dad5479",
    "OVN_IC_Northbound": "e118df1aa42199c63abfccc255845323d958f1f27d984ea785b5ee436d9ce114",
    "OVN_IC_Southbound": "932bb0e474fd262edef80af7d0d3bb5ddc057982d0ab6b0dbef5c6fcc7367c36",
}
ALL = (NORTHBOUND, SOUTHBOUND, OPEN_VSWITCH, IC_NORTHBOUND, IC_SOUTHBOUND)


def canonical(schema: DatabaseSchema) -> str:
    text = json.dumps(schema.to_json(), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("database", ALL, ids=lambda d: d.name)
def test_equals_the_published_definition(database: Database) -> None:
    assert canonical(database.schema) == PUBLISHED[database.name]


@pytest.mark.parametrize("database", ALL, ids=lambda d: d.name)
def test_survives_json(database: Database) -> None:
    assert DatabaseSchema.from_json(database.schema.to_json()) == database.schema


@pytest.mark.peers
@pytest.mark.parametrize(
    ("database", "path"),
    [
        (NORTHBOUND, "/usr/share/ovn/ovn-nb.ovsschema"),
        (SOUTHBOUND, "/usr/share/ovn/ovn-sb.ovsschema"),
        (OPEN_VSWITCH, "/usr/share/openvswitch/vswitch.ovsschema"),
    ],
    ids=["nb", "sb", "vswitch"],
)
def test_has_all_that_debians_release_has(database: Database, path: str) -> None:
    if not Path(path).exists():
        pytest.skip(f"{path} is not installed")
    older = DatabaseSchema.from_json(json.loads(Path(path).read_text()))
    for name, table in older.tables.items():
        assert set(table.columns) <= set(database.schema.tables[name].columns), name


def test_a_row_is_read_by_attribute_and_the_read_is_recorded() -> None:
    engine = Engine()
    ports = engine.table("ports", LogicalSwitchPort)
    out = engine.derive("names", ports, lambda port: [(port.name, "its name")])
    values = list(LogicalSwitchPort.DEFAULTS)
    name, up = (LogicalSwitchPort.COLUMNS.index(column) for column in ("name", "up"))
    values[name] = "vm1"
    ports.put("u", tuple(values))
    engine.settle()
    assert set(out.elements()) == {"vm1"}
    values[up] = True
    ports.put("u", tuple(values))
    with engine.recording() as ran:
        engine.settle()
    assert ran == []

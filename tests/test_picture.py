"""docs/picture.py says of each room what the room says of itself."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

DOCS = Path(__file__).parent.parent / "docs"


@pytest.fixture
def picture(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    pytest.importorskip("grimp", reason="import-linter's graph is part of the developers' tools")
    monkeypatch.setattr(sys, "path", [str(DOCS), *sys.path])
    return import_module("picture")


def test_a_room_is_summed_up_by_the_first_line_of_its_docstring(picture: ModuleType) -> None:
    rooms = [room for floor in picture.floors() for room in floor]
    assert "sandbox" in rooms
    assert picture.summary("sandbox") == "A whole deployment on one machine, in one process"
    for room in rooms:
        said = picture.summary(room)
        assert said
        assert '"""' not in said
        assert not said.endswith(".")

"""Each recorded case explains what a person who knows OVN would, word for word."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from case_kit import CASES, Question, Scene, read_case

if TYPE_CHECKING:
    from pathlib import Path

FILES = sorted(CASES.glob("*.txt"))
RECORD = bool(os.environ.get("PYOVN_RECORD"))


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_case(path: Path) -> None:
    case = read_case(path)
    scene = Scene(case.hypervisors)
    answers = []
    for act in case.acts:
        if isinstance(act, Question):
            answers.append((act, scene.answer(act.arguments)))
        else:
            scene.run(act)
    assert answers, "a case asks something"
    if RECORD:
        for question, answer in answers:
            question.answer = answer
        path.write_text(case.text())
    for question, answer in answers:
        assert answer == question.answer, question.arguments


def test_there_are_fifty() -> None:
    assert len(FILES) >= 50

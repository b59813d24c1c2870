"""An explanation as text for people: plain, or with ANSI colours in a terminal.

First the verdicts, because most readers want no more; then the way, part by part; then what else is to be
known.  A table that only passes the packet on is counted, not shown, unless everything is asked for.
Colours are the sixteen of every terminal: green arrives, red is dropped, yellow warns, dim is detail.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from pyovn.explain.model import GOOD, Fate, Layer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyovn.explain.model import Explanation, Step, Verdict

_CODES: Final = {"good": "32;1", "bad": "31;1", "warn": "33", "dim": "2", "head": "36;1", "": ""}
_MOST_ACTIONS: Final = 110
_INDENT: Final = "  "


class Painter:
    """Puts colours around words, or does not."""

    def __init__(self, *, colour: bool) -> None:
        self._colour = colour

    def __call__(self, kind: str, text: str) -> str:
        """``text`` as ``kind``, a name of ``_CODES``."""
        code = _CODES[kind]
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour and code and text else text


def brief(explanation: Explanation, paint: Painter) -> str:
    """One line per verdict."""
    lines = zip(explanation.verdicts, explanation.brief, strict=True)
    return "".join(f"{paint(_kind(verdict), line)}\n" for verdict, line in lines)


def verdicts(explanation: Explanation, paint: Painter) -> str:
    """The verdicts with the rows and the remedy, and the warnings."""
    out: list[str] = []
    for verdict, line in zip(explanation.verdicts, explanation.brief, strict=True):
        out.append(paint(_kind(verdict), line))
        if verdict.rows:
            named = ", ".join(dict.fromkeys(f"{row.database} {row}" for row in verdict.rows))
            out.append(f"{_INDENT}{paint('dim', 'row:   ')} {named}")
        out += [
            f"{_INDENT}{paint('dim', 'change:' if n == 0 else '       ')} {text}"
            for n, text in enumerate(verdict.change)
        ]
    out += [f"{paint('warn', 'note:')} {warning}" for warning in explanation.warnings]
    return "".join(f"{line}\n" for line in out)


def full(explanation: Explanation, paint: Painter, *, everything: bool = False) -> str:
    """All of it."""
    out = [verdicts(explanation, paint).rstrip("\n"), ""]
    out += [
        paint("dim", f"microflow: {explanation.question}"),
        paint("dim", f"packet:    {explanation.packet}"),
    ]
    for (layer, place, title), steps in groupby(explanation.steps, key=lambda s: (s.layer, s.place, s.title)):
        out += ["", paint("head", _heading(layer, place, title))]
        out += _part(list(steps), paint, everything=everything)
    if explanation.sources:
        out += [""] + [paint("dim", f"({source})") for source in explanation.sources]
    return "".join(f"{line}\n" for line in out)


def _heading(layer: Layer, place: str, title: str) -> str:
    match layer:
        case Layer.NORTHBOUND:
            return f"northbound of {place}"
        case Layer.LOGICAL:
            return f"logical flows of {place}: {title}"
        case Layer.OPENFLOW:
            return f"OpenFlow on {place}: {title}"
    return f"{place} => {title}" if " to " in title else f"{place} =>"


def _part(steps: list[Step], paint: Painter, *, everything: bool) -> Iterator[str]:
    passed = 0
    for step in steps:
        if not step.notable and not everything:
            passed += 1
            continue
        yield from _passed(passed, paint)
        passed = 0
        yield from _step(step, paint)
    yield from _passed(passed, paint)


def _passed(count: int, paint: Painter) -> Iterator[str]:
    if count:
        yield paint("dim", f"{_INDENT} ..  {count} table{'s' if count > 1 else ''} pass it on")


def _step(step: Step, paint: Painter) -> Iterator[str]:
    if step.layer in {Layer.NORTHBOUND, Layer.WIRE}:
        detail = f": {', '.join(step.detail)}" if step.detail else ""
        yield f"{_INDENT}{step.what}{detail}" + (f"  {paint('dim', step.why)}" if step.why else "")
        return
    number = f"{step.table:3d}" if step.table is not None else "   "
    if step.layer is Layer.LOGICAL:
        priority = "" if step.priority is None else f", priority {step.priority}"
        yield f"{_INDENT}{number}. {step.what}" + (f": {step.match}{priority}" if step.match else "")
    else:
        shown = step.what if step.priority is None else (step.match or "any packet")
        yield f"{_INDENT}{number}. {shown}" + (
            f", priority {step.priority}" if step.priority is not None else ""
        )
    margin = _INDENT * 4
    actions = "; ".join(step.detail) if step.layer is Layer.OPENFLOW else " ".join(step.detail)
    if actions:
        short = actions if len(actions) <= _MOST_ACTIONS else actions[: _MOST_ACTIONS - 3] + "..."
        yield f"{margin}{paint('bad' if actions in {'drop', 'drop;'} else '', short)}"
    because = _because(step)
    if because:
        yield f"{margin}{paint('dim', because)}"


def _because(step: Step) -> str:
    rows = ", ".join(f"{row.database} {row}" for row in step.rows)
    if step.layer is Layer.OPENFLOW and step.rows and step.rows[0].table == "Logical_Flow":
        return f"logical flow {step.rows[0].name.partition(':')[0]}"
    return " <- ".join(part for part in (step.why, rows) if part)


def _kind(verdict: Verdict) -> str:
    if verdict.fate in GOOD:
        return "good"
    return "warn" if verdict.fate is Fate.UNKNOWN else "bad"

"""What is generated stands in a page between two markers; ``--check`` fails when it is not up to date."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def refresh(name: str, marker: str, text: str) -> int:
    """Put ``text`` between the markers ``marker`` of ``docs/NAME``, or check that it is there; 0 or 1."""
    page = ROOT / "docs" / name
    before = page.read_text()
    begin, end = f"<!-- {marker}: begin -->", f"<!-- {marker}: end -->"
    head, found, rest = before.partition(begin)
    _, closed, tail = rest.partition(end)
    if not found or not closed:
        print(f"docs/{name} has no place for {marker}: {begin} ... {end}", file=sys.stderr)
        return 1
    after = f"{head}{begin}\n{text}\n{end}{tail}"
    if "--check" in sys.argv:
        if after != before:
            print(f"docs/{name} is not up to date: run make docs", file=sys.stderr)
            return 1
        return 0
    page.write_text(after)
    return 0

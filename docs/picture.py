"""Draw the structure of the code: rooms on floors, arrows for imports.

Reads the import graph with grimp (which import-linter uses, too) and the floors from pyproject.toml, and
writes them into docs/architecture.md; ``--check`` fails when the page is not up to date.  An arrow that
would run upward is an error here as it is in ``make check``.
"""

from __future__ import annotations

import ast
import sys
import tomllib

import grimp
from page import ROOT, refresh


def floors() -> list[list[str]]:
    """Rooms by floor, the highest first, those that exist."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    layers = config["tool"]["importlinter"]["contracts"][0]["layers"]
    named = [[name.strip(" ()") for name in layer.split("|")] for layer in layers]
    there = {path.parent.name for path in (ROOT / "src" / "pyovn").glob("*/__init__.py")}
    return [[name for name in floor if name in there] for floor in named]


def summary(room: str) -> str:
    """The first line of a room's docstring."""
    tree = ast.parse((ROOT / "src" / "pyovn" / room / "__init__.py").read_text())
    text = ast.get_docstring(tree)
    if not text:
        raise SystemExit(f"src/pyovn/{room}/__init__.py says nothing about the room")
    return text.splitlines()[0].rstrip(".:")


def imports() -> dict[str, set[str]]:
    """The rooms that each room imports."""
    graph = grimp.build_graph("pyovn")
    found: dict[str, set[str]] = {}
    for module in graph.modules:
        parts = module.split(".")
        if len(parts) < 2:
            continue
        for target in graph.find_modules_directly_imported_by(module):
            other = target.split(".")
            if len(other) > 1 and other[1] != parts[1]:
                found.setdefault(parts[1], set()).add(other[1])
    return found


def needed(edges: dict[str, set[str]]) -> dict[str, set[str]]:
    """The arrows that no longer way implies, so that the picture can be read."""

    def reach(room: str) -> set[str]:
        found: set[str] = set()
        for target in edges.get(room, ()):
            found |= {target} | reach(target)
        return found

    return {
        room: {t for t in targets if not any(t in reach(other) for other in targets - {t})}
        for room, targets in edges.items()
    }


def picture() -> str:
    """The picture as a Mermaid graph, and all imports as a table."""
    levels, edges = floors(), imports()
    height = {room: -i for i, floor in enumerate(levels) for room in floor}
    lines = ["```mermaid", "flowchart TB"]
    for i, floor in enumerate(levels):
        lines.append(f'    subgraph F{len(levels) - i}["floor {len(levels) - i}"]')
        lines += [f"        {room}" for room in floor]
        lines.append("    end")
    for room, targets in edges.items():
        for target in targets:
            if room in height and target in height and height[target] >= height[room]:
                raise SystemExit(f"{room} imports {target}, which is not below it")
    for room, targets in sorted(needed(edges).items()):
        lines += [f"    {room} --> {target}" for target in sorted(targets) if target in height]
    lines += [
        "```",
        "",
        "Arrows that a longer way implies are left out of the picture; the table has all.",
        "",
    ]
    lines += ["| floor | room | what it is | imports |", "| --- | --- | --- | --- |"]
    for i, floor in enumerate(levels):
        for room in floor:
            below = ", ".join(f"`{t}`" for t in sorted(edges.get(room, ())) if t in height)
            lines.append(f"| {len(levels) - i} | `{room}` | {summary(room)} | {below} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(refresh("architecture.md", "picture", picture()))

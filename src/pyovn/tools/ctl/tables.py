"""Tables of database values in the formats of ``--format`` and ``--data`` (ovs-vsctl(8), "Table
Formatting Options").

A cell is a value and its type, because each format writes values differently: ``json`` as RFC 7047 has them,
``html`` with UUIDs as links, the others as text in one of three styles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyovn.ovsdb.values import UUID, FrozenMap, Value, sort_key, value_to_json
from pyovn.tools.ctl.text import format_bare, format_json, format_value, quote, value_json_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyovn.ovsdb.schema import ColumnType
    from pyovn.tools.ctl.context import Style

    Cell = tuple[ColumnType, Value]
    Rows = Sequence[Sequence[Cell]]

_SHORT_UUID: Final = 8
_HTML: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})


def _cell_text(cell: Cell, style: Style) -> str:
    kind, value = cell
    if style.data == "json":
        return value_json_text(value)
    return format_bare(kind, value) if style.data == "bare" else format_value(kind, value)


def _as_list(headings: Sequence[str], rows: Rows, style: Style) -> str:
    blocks = []
    for row in rows:
        lines = []
        for heading, cell in zip(headings, row, strict=True):
            text = _cell_text(cell, style)
            lines.append(f"{heading:<20}: {text}\n" if style.headings else f"{text}\n")
        blocks.append("".join(lines))
    return "\n".join(blocks)


def _as_table(headings: Sequence[str], rows: Rows, style: Style) -> str:
    cells = [[_cell_text(cell, style) for cell in row] for row in rows]
    limit = style.max_column_width
    if limit:
        widest = [max(limit, len(h) if style.headings else 0) for h in headings]
        cells = [[text[:width] for text, width in zip(row, widest, strict=True)] for row in cells]
    lines = [list(headings), *cells] if style.headings else cells
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    if style.headings:
        lines.insert(1, ["-" * width for width in widths])
    return "".join(
        " ".join([*(text.ljust(width) for text, width in zip(line[:-1], widths, strict=False)), line[-1]])
        + "\n"
        for line in lines
    )


def _as_csv(headings: Sequence[str], rows: Rows, style: Style) -> str:
    lines = [list(headings)] if style.headings else []
    lines += [[_cell_text(cell, style) for cell in row] for row in rows]
    return "".join(",".join(map(_csv_field, line)) + "\n" for line in lines)


def _csv_field(text: str) -> str:
    if any(char in text for char in '",\n\r'):
        return '"' + text.replace('"', '""') + '"'
    return text


def _as_html(headings: Sequence[str], rows: Rows, style: Style) -> str:
    lines = ["<table border=1>"]
    if style.headings:
        cells = [f"    <th>{h.translate(_HTML)}</th>" for h in headings]
        lines += ["  <tr>", *cells, "  </tr>"]
    for row in rows:
        cells = [f"    <td>{_html_cell(h, cell, style)}</td>" for h, cell in zip(headings, row, strict=True)]
        lines += ["  <tr>", *cells, "  </tr>"]
    return "\n".join([*lines, "</table>\n"])


def _html_cell(heading: str, cell: Cell, style: Style) -> str:
    kind, value = cell
    if kind.key.type != "uuid" or isinstance(value, FrozenMap):
        return _cell_text(cell, style).translate(_HTML)
    attribute = "name=" if heading == "_uuid" else "href="
    mark = "" if heading == "_uuid" else "#"
    atoms = sorted(kind.atoms(value), key=sort_key)
    links = [
        f'<a {attribute}"{mark}{atom}">{atom[:_SHORT_UUID]}</a>' for atom in atoms if isinstance(atom, UUID)
    ]
    text = ", ".join(links)
    return f"[{text}]" if kind.max > 1 or not links else text


def _as_json(headings: Sequence[str], rows: Rows, style: Style) -> str:
    data = [[value_to_json(value) for _, value in row] for row in rows]
    table = {"data": data, "headings": list(headings)}
    return (pretty_json(table) if style.pretty else format_json(table)) + "\n"


def pretty_json(json: Any, depth: int = 0) -> str:
    """JSON on many lines, closing brackets at the end of the last element's."""
    indent = "\n" + "  " * (depth + 1)
    if isinstance(json, dict) and json:
        members = (f"{quote(k)}: {pretty_json(json[k], depth + 1)}" for k in sorted(json))
        return "{" + indent + f",{indent}".join(members) + "}"
    if isinstance(json, list) and json:
        return "[" + indent + f",{indent}".join(pretty_json(item, depth + 1) for item in json) + "]"
    return format_json(json)


_WRITERS: Final[dict[str, Callable[[Sequence[str], Rows, Style], str]]] = {
    "list": _as_list,
    "table": _as_table,
    "csv": _as_csv,
    "html": _as_html,
    "json": _as_json,
}


def format_rows(headings: Sequence[str], rows: Rows, style: Style) -> str:
    """One table."""
    return _WRITERS[style.format](headings, rows, style)

"""Tables as OVS's programs print them (ovsdb-client(1), "Output Formatting Options"; ovs-vsctl(8)).

A cell is plain text, a ``Datum`` (a column's value, whose text depends on ``Style.data``), or a ``Json``
value.  ``format_table`` gives one table; ``Printer`` writes several, apart as the format wants it.

Peculiarities that scripts have come to rely on: widths count bytes of UTF-8, not characters; in ``table``
format a line has no trailing spaces; in HTML a UUID is shown by its first eight digits as a link, or as an
anchor in the column ``_uuid``; ``json`` ignores ``data`` and ``headings``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from pyovn.ovsdb.values import Value, value_to_json
from pyovn.tools.ctl.text import format_bare, format_value
from pyovn.tools.json_text import json_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyovn.ovsdb.schema import ColumnType

Format = Literal["table", "list", "html", "csv", "json"]
Data = Literal["string", "bare", "json"]
FORMATS: Final[tuple[Format, ...]] = ("table", "list", "html", "csv", "json")
DATA: Final[tuple[Data, ...]] = ("string", "bare", "json")

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_CSV_SPECIAL: Final = re.compile('[\n\r,"]')
_HTML: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})
_LIST_WIDTH: Final = 20
_ANCHOR: Final = 8


class Datum(NamedTuple):
    """A cell that holds the value of a column."""

    kind: ColumnType
    value: Value


class Json(NamedTuple):
    """A cell that holds JSON which is no column's value, such as a type."""

    json: Any


Cell = str | Datum | Json


class Style:
    """How tables look; ``max_column_width`` is in bytes, for ``table`` only, and 0 is unlimited."""

    __slots__ = ("data", "format", "headings", "max_column_width", "pretty")

    def __init__(
        self,
        format: Format = "table",  # noqa: A002  # the option's name
        data: Data = "string",
        headings: bool = True,
        pretty: bool = False,
        max_column_width: int = 0,
    ) -> None:
        self.format = format
        self.data = data
        self.headings = headings
        self.pretty = pretty
        self.max_column_width = max_column_width


def cell_text(cell: Cell, style: Style) -> str:
    """The text of a cell in every format but ``json``."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, Json):
        return json_line(cell.json)
    if style.data == "json":
        return json_line(value_to_json(cell.value))
    write = format_value if style.data == "string" else format_bare
    return write(cell.kind, cell.value)


def cell_json(cell: Cell) -> Any:
    """The cell in format ``json``."""
    if isinstance(cell, Datum):
        return value_to_json(cell.value)
    return cell.json if isinstance(cell, Json) else cell


def pretty_json(json: Any, indent: int = 0) -> str:
    """JSON with one member or element a line, closing brackets after the last (``--pretty``)."""
    margin = " " * (indent + 2)
    if isinstance(json, dict):
        members = (f"{margin}{json_line(k)}: {pretty_json(json[k], indent + 2)}" for k in sorted(json))
        return "{\n" + (",\n".join(members) + "}" if json else margin + "}")
    if isinstance(json, list) and json:
        return "[\n" + ",\n".join(margin + pretty_json(e, indent + 2) for e in json) + "]"
    return json_line(json)


def json_text(json: Any, *, pretty: bool) -> str:
    """JSON for the standard output, on one line or pretty."""
    return pretty_json(json) if pretty else json_line(json)


def format_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    style: Style,
    caption: str | None = None,
    timestamp: str | None = None,
) -> str:
    """One table with its final newline."""
    if style.format == "json":
        table: dict[str, Any] = {
            "headings": list(columns),
            "data": [[cell_json(cell) for cell in row] for row in rows],
        }
        if caption is not None:
            table["caption"] = caption
        if timestamp is not None:
            table["time"] = timestamp
        return json_text(table, pretty=style.pretty) + "\n"
    texts = [[cell_text(cell, style) for cell in row] for row in rows]
    head = "" if timestamp is None else timestamp + "\n"
    return head + "".join(line + "\n" for line in _LINES[style.format](columns, texts, style, caption))


class Printer:
    """Writes one table after the other; a blank line parts them where the format has no marks."""

    __slots__ = ("_first", "_write", "style")

    def __init__(self, write: Callable[[str], object], style: Style) -> None:
        self._write = write
        self._first = True
        self.style = style

    def print(
        self,
        columns: Sequence[str],
        rows: Sequence[Sequence[Cell]],
        caption: str | None = None,
        timestamp: str | None = None,
    ) -> None:
        """Write one table."""
        if not self._first and self.style.format in {"table", "list", "csv"}:
            self._write("\n")
        self._first = False
        self._write(format_table(columns, rows, self.style, caption, timestamp))


def _captioned(caption: str | None) -> list[str]:
    return [] if caption is None else [caption]


def _table(columns: Sequence[str], rows: list[list[str]], style: Style, caption: str | None) -> list[str]:
    limit = style.max_column_width
    heads = [column.encode() for column in columns]
    cells = [[text.encode(errors="surrogateescape") for text in row] for row in rows]
    widths = [max(map(len, column), default=0) for column in zip(*cells, strict=True)] or [0] * len(heads)
    if limit:
        widths = [min(width, limit) for width in widths]
    if style.headings:
        widths = [max(width, len(head)) for width, head in zip(widths, heads, strict=True)]
        cells[:0] = [heads, [b"-" * width for width in widths]]
    lines = _captioned(caption)
    for row in cells:
        fields = [cell[:width].ljust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append(b" ".join(fields).rstrip(b" ").decode(errors="surrogateescape"))
    return lines


def _list(columns: Sequence[str], rows: list[list[str]], style: Style, caption: str | None) -> list[str]:
    lines = _captioned(caption)
    for number, row in enumerate(rows):
        if number:
            lines.append("")
        for column, text in zip(columns, row, strict=True):
            lines.append(f"{column:<{_LIST_WIDTH}}: {text}" if style.headings else text)
    return lines


def _csv(columns: Sequence[str], rows: list[list[str]], style: Style, caption: str | None) -> list[str]:
    lines = _captioned(caption)
    for row in [columns, *rows] if style.headings else rows:
        lines.append(",".join(map(_csv_field, row)))
    return lines


def _csv_field(text: str) -> str:
    if _CSV_SPECIAL.search(text):
        return '"' + text.replace('"', '""') + '"'
    return text


def _html(columns: Sequence[str], rows: list[list[str]], style: Style, caption: str | None) -> list[str]:
    lines = ["<table border=1>"]
    if caption is not None:
        lines.append(f"    <caption>{caption.translate(_HTML)}</caption>")
    if style.headings:
        lines += _html_row("th", [column.translate(_HTML) for column in columns])
    for row in rows:
        lines += _html_row("td", [_html_cell(c, t) for c, t in zip(columns, row, strict=True)])
    lines.append("</table>")
    return lines


def _html_row(element: str, cells: Sequence[str]) -> list[str]:
    return ["  <tr>", *(f"    <{element}>{cell}</{element}>" for cell in cells), "  </tr>"]


def _html_cell(column: str, text: str) -> str:
    if column == "_uuid":
        return f'<a name="{text.translate(_HTML)}">{text[:_ANCHOR].translate(_HTML)}</a>'
    parts, position = [], 0
    for found in _UUID.finditer(text):
        parts.append(text[position : found.start()].translate(_HTML))
        parts.append(f'<a href="#{found[0]}">{found[0][:_ANCHOR]}</a>')
        position = found.end()
    return "".join(parts) + text[position:].translate(_HTML)


_LINES: Final = {"table": _table, "list": _list, "csv": _csv, "html": _html}

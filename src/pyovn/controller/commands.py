"""The control commands of ovn-controller(8), "RUNTIME MANAGEMENT COMMANDS", and our own ones.

Names and forms of answers are C's.  What C reports of machinery that is not here is reported of what is in
its place: the cache of parsed logical flows is ``lflow-cache``, the passes of the engine are the one node of
``inc-engine``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pyovn.controller import inject, lflow
from pyovn.daemon.unixctl import CommandError
from pyovn.wire.openflow.text import format_flow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pyovn.controller.controller import Controller
    from pyovn.daemon.unixctl import ControlServer

    Handler = Callable[[Sequence[str]], str]

_COOKIE: Final = re.compile("(?:0x)?([0-9a-fA-F]{1,16})|([0-9a-fA-F]{8})-[0-9a-fA-F-]{0,27}")
"""A number, or the UUID of the southbound row whose first 32 bits the cookie is."""

_NODE: Final = "flow_output"
_COUNTERS: Final = ("recompute", "compute", "abort")
_SECONDS: Final = re.compile("[0-9]{1,9}")


class Commands:
    """The commands of one controller."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._cleared = (0, 0)

    def register(self, server: ControlServer) -> None:
        """Add all commands."""
        controller = self._controller
        table: tuple[tuple[str, str, int, int, Handler], ...] = (
            ("connection-status", "", 0, 0, lambda _a: controller.connection_status + "\n"),
            ("ct-zone-list", "", 0, 0, lambda _a: _lines(f"{n} {z}" for n, z in controller.zones.listing())),
            # Meters and groups come with the features that need them: there is none to list.
            ("meter-table-list", "", 0, 0, lambda _a: ""),
            ("group-table-list", "", 0, 0, lambda _a: ""),
            ("debug/status", "", 0, 0, lambda _a: "paused\n" if controller.paused else "running\n"),
            ("debug/pause", "", 0, 0, _silently(controller.pause)),
            ("debug/resume", "", 0, 0, _silently(controller.resume)),
            ("debug/delay-nb-cfg-report", "SECONDS", 1, 1, self._delay),
            ("debug/dump-local-bindings", "", 0, 0, lambda _a: _lines(self._bindings())),
            ("debug/dump-local-template-vars", "", 0, 0, lambda _a: "Local template vars:\n"),
            ("debug/dump-lflow-conj-ids", "", 0, 0, lambda _a: _lines(self._conjunctions())),
            ("debug/ignore-startup-delay", "", 0, 0, lambda _a: ""),
            ("recompute", "[deprecated]", 0, 0, _silently(controller.recompute)),
            ("inc-engine/recompute", "", 0, 0, _silently(controller.recompute)),
            ("inc-engine/show-stats", "[NODE [COUNTER]]", 0, 2, self._statistics),
            ("inc-engine/clear-stats", "", 0, 0, _silently(self._clear)),
            ("lflow-cache/flush", "", 0, 0, _silently(lflow.flush_cache)),
            ("flush-lflow-cache", "[deprecated]", 0, 0, _silently(lflow.flush_cache)),
            ("lflow-cache/show-stats", "", 0, 0, lambda _a: _lines(_cache())),
            ("audit/show", "", 0, 0, controller.auditor.show),
            ("audit/run", "", 0, 0, controller.auditor.run),
            ("inject-pkt", "MICROFLOW", 1, 1, self._inject),
            ("sb-cluster-state-reset", "", 0, 0, _silently(controller.reset_cluster_state)),
            ("notices", "", 0, 0, lambda _a: _lines(controller.status())),
            ("flow/why", "COOKIE", 1, 1, lambda args: _lines(_why(controller, args))),
        )
        for name, usage, least, most, handler in table:
            server.register(name, usage, least, most, handler)

    def _delay(self, args: Sequence[str]) -> str:
        """As C's: how long it takes until an nb_cfg that was reached is reported."""
        if _SECONDS.fullmatch(args[0]) is None:
            raise CommandError("unable to parse second(s)")
        seconds = int(args[0])
        self._controller.delay_reports(seconds)
        return f"delay nb_cfg report for {seconds} seconds.\n" if seconds else "no delay for nb_cfg report.\n"

    def _bindings(self) -> Iterator[str]:
        """The interfaces here, with the logical ports behind them."""
        model = self._controller.model
        yield "Local bindings:"
        ports = sorted(model.local_ports.elements(), key=lambda port: port.name)
        for port in ports:
            if not port.is_vif:
                continue
            children = [child for child in ports if child.parent == port.name]
            interface = model.interface_name(port.interface)
            yield (
                f"name: [{port.name}], OVS interface name : [{interface}], "
                f"num binding lports : [{1 + len(children)}]"
            )
            yield f"primary lport : [{port.name}]"
            for number, child in enumerate(children, 1):
                yield f"child lport[{number}] : [{child.name}], type : [CONTAINER]"
            yield "-" * 40

    def _conjunctions(self) -> Iterator[str]:
        for flow, datapath, number, conj_id in sorted(self._controller.lflows.conjunctions.listing()):
            yield f"lflow: {flow}, datapath: {datapath}, conjunction {number}: id {conj_id}"

    def _counts(self) -> tuple[int, int]:
        return self._controller.recomputes, self._controller.passes

    def _clear(self) -> None:
        self._cleared = self._counts()

    def _statistics(self, args: Sequence[str]) -> str:
        recomputes, passes = (now - then for now, then in zip(self._counts(), self._cleared, strict=True))
        values = dict(zip(_COUNTERS, (recomputes, passes, 0), strict=True))
        if args and args[0] != _NODE:
            return ""
        if len(args) == 2:
            if args[1] not in values:
                return f"Invalid stat type : {args[1]}\n"
            return f"{values[args[1]]}\n"
        return _lines(
            [f"Node: {_NODE}", *(f"- {name + ':':<12}{value:10}" for name, value in values.items())]
        )

    def _inject(self, args: Sequence[str]) -> str:
        try:
            message = inject.packet_out(self._controller.model, args[0])
        except inject.InjectError as error:
            raise CommandError(str(error)) from error
        if not self._controller.switch.send(message):
            raise CommandError("not connected to the switch")
        return ""


def _silently(function: Callable[[], object]) -> Handler:
    def run(_args: Sequence[str]) -> str:
        function()
        return ""

    return run


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _cache() -> Iterator[str]:
    """C's form, without the trimming that there is not."""
    entries, most = lflow.cache_size()
    yield "Enabled: true"
    for name, value in (
        ("high-watermark", most), ("total", entries), ("cache-expr", entries), ("cache-matches", 0),
    ):  # fmt: skip
        yield f"{name:<16}: {value}"


def _why(controller: Controller, args: Sequence[str]) -> list[str]:
    """Why the flows with a cookie are there: the derivation, its row and its one line."""
    given = _COOKIE.fullmatch(args[0])
    if given is None:
        raise CommandError(f"{args[0]} is no cookie: that is a hexadecimal number, or a UUID")
    found = controller.flow_table.why(int(given[1] or given[2], 16))
    lines = [
        f"{format_flow(flow)}: {reason.why} ({reason.derivation} of {reason.owner!r})"
        for flow, reasons in found
        for reason in reasons
    ]
    if not lines:
        raise CommandError(f"no flow with cookie {args[0]} is wanted")
    return lines

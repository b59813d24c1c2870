from __future__ import annotations

from typing import TYPE_CHECKING

from pyovn.incremental import Engine, record_type
from pyovn.sim.virtual import VirtualRuntime
from pyovn.sync.auditing import PAUSE, SHARE, Auditor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyovn.incremental import Record

Port = record_type("Port", ("name",))


def test_a_daemon_audits_a_share_a_second_and_tells_what_was_wrong() -> None:
    runtime, log, outside = VirtualRuntime(seed=1), list[str](), ["right"]

    def build() -> Engine:
        engine = Engine()
        ports = engine.table("ports", Port)

        def flows(port: Record) -> Iterator[tuple[str, str]]:
            yield f"{port.key} {outside[0]}", "a flow"

        engine.derive("flows", ports, flows)
        for number in range(2 * SHARE):
            ports.put(number, (str(number),))
        engine.settle()
        return engine

    engines = [build()]

    auditor = Auditor(
        runtime,
        lambda: engines[0],
        engines[0].settle,
        lambda level, text: log.append(f"{level}: {text}"),
    )
    auditor.start()
    runtime.advance(1.5 * PAUSE)
    assert auditor.show().startswith(f"{SHARE} derivations looked at, 0 times round\n0 differences found")
    outside[0] = "wrong"
    runtime.advance(PAUSE)
    what = f"what is remembered lacks '{SHARE} wrong' and has '{SHARE} right' too much"
    assert log[0] == f"err: audit: flows(<Port {SHARE}>): {what}; it is run again"
    outside[0] = "right"
    assert "1 of them not seen right again\nflows(" in auditor.show()
    engines[0] = build()  # the daemon has started over
    del log[:]
    assert auditor.run().startswith(
        f"{2 * SHARE} derivations looked at, 1 times round\n1 differences found, 0 of"
    )
    assert log == []

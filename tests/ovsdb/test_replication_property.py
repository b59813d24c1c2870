"""Whatever is committed, cut off and handed over between two servers: in the end they are the same."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from test_engine_property import OPERATIONS, to_json
from test_replication import World, base, contents

STEPS = st.lists(
    st.one_of(
        st.lists(OPERATIONS, min_size=1, max_size=3),
        st.sampled_from(["reconnect", "wait", "hand over", "in one go"]),
    ),
    max_size=12,
)


@settings(max_examples=40)
@given(STEPS)
def test_two_servers_stay_the_same(steps: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        world = World(Path(directory))
        active, backup, addresses = world.active, world.backup, {"a": "tcp:a:1", "b": "tcp:b:2"}
        names = ("a", "b")
        settle = True
        for step in steps:
            if step == "wait":
                world.runtime.advance(10)
            elif step == "reconnect":
                active.command("reconnect")
            elif step == "in one go":
                settle = not settle
            elif step == "hand over":
                world.runtime.advance(30)
                assert contents(active) == contents(backup)
                backup.command("disconnect-active-ovsdb-server")
                active.command("set-active-ovsdb-server", addresses[names[1]])
                active.command("connect-active-ovsdb-server")
                active, backup, names = backup, active, (names[1], names[0])
            else:
                base(active).transact([to_json(operation) for operation in step])
                if settle:
                    world.runtime.settle()
        world.runtime.advance(30)
        expected = contents(active)
        assert contents(backup) == expected
        assert backup.command("sync-status").startswith("state: backup\nreplicating: ")
        backup.daemon.exit()
        world.runtime.settle()
        assert contents(world.machine(names[1])) == expected
        active.daemon.exit()
        world.runtime.settle()

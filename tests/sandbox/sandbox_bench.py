"""A sandbox's host in virtual time, and its control commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pyovn.daemon.unixctl import CommandError, Deferred
from pyovn.sandbox.host import Host
from pyovn.sim.virtual import VirtualRuntime

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Bench:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.runtime = VirtualRuntime(seed=1)
        self.host = Host(self.runtime, str(directory), 2)
        assert self.runtime.run_until(self.host.is_ready, 30)

    def ask(self, command: str) -> Deferred:
        """Give a command whose answer comes later."""
        name, *args = command.split()
        answer = self.host.daemon.control.run(name, args)
        assert isinstance(answer, Deferred)
        return answer

    def answers(self, *deferred: Deferred, seconds: float = 0.0) -> list[tuple[bool, str]]:
        """The answers, none of which has come yet."""
        got: dict[int, tuple[bool, str]] = {}

        def listen(number: int) -> Callable[[bool, str], None]:
            return lambda accepted, text: got.update({number: (accepted, text)})

        for number, each in enumerate(deferred):
            each.when_settled(listen(number))
        assert got == {}, "answered before anything could be done"
        self.runtime.settle()
        if seconds:
            self.runtime.advance(seconds)
        return [got[number] for number in range(len(deferred))]

    def say(self, command: str) -> tuple[bool, str]:
        (answer,) = self.answers(self.ask(command))
        return answer

    def refusal(self, command: str) -> str:
        name, *args = command.split()
        with pytest.raises(CommandError) as caught:
            self.host.daemon.control.run(name, args)
        return str(caught.value)

    def interfaces(self, hypervisor: str) -> frozenset[str]:
        return self.host.deployment.hypervisor(hypervisor).interface_names()

    def add_ports(self, *names: str) -> None:
        rows: list[dict[str, Any]] = [{"op": "insert", "table": "Logical_Switch", "row": {"name": "sw0"}}]
        for number, name in enumerate(names):
            row = {"name": name, "addresses": f"00:00:00:00:00:0{number + 1}"}
            rows += [
                {"op": "insert", "table": "Logical_Switch_Port", "uuid-name": f"p{number}", "row": row},
                {
                    "op": "mutate", "table": "Logical_Switch", "where": [],
                    "mutations": [["ports", "insert", ["named-uuid", f"p{number}"]]],
                },
            ]  # fmt: skip
        self.host.deployment.transact(rows)
        self.runtime.advance(1)

    def does(self, *command: str, seconds: float = 30) -> tuple[bool, str]:
        """Give a command of any words and let time pass until it is answered."""
        got: list[tuple[bool, str]] = []
        try:
            answer = self.host.daemon.control.run(command[0], command[1:])
        except CommandError as error:
            return False, str(error)
        if isinstance(answer, str):
            return True, answer
        answer.when_settled(lambda accepted, text: got.append((accepted, text)))
        assert self.runtime.run_until(lambda: bool(got), seconds)
        return got[0]

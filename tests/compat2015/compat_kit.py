"""A deployment with the database of 2015, in virtual time, and what its tests say about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deployment_lab import Lab

if TYPE_CHECKING:
    from pyovn.compat2015.compat import Compat2015
    from pyovn.sandbox.lifecycle import DaemonSlot

Operation = dict[str, Any]
Flow = tuple[int, int, str, str]


class Old(Lab):
    """A ``Lab`` with ovn-compat2015; without hypervisors unless they are named."""

    def __init__(self, *hypervisors: str) -> None:
        super().__init__(*hypervisors, names2015=True)

    @property
    def slot(self) -> DaemonSlot[Compat2015]:
        found = self.deployment.ovn_compat2015
        assert found is not None
        return found

    @property
    def compat(self) -> Compat2015:
        return self.slot.program

    def kill_compat(self) -> None:
        """As SIGKILL would."""
        self.slot.kill()
        self.runtime.settle()

    def restart_compat(self) -> tuple[list[Any], list[Any]]:
        """Kill and start again; what it has sent to the southbound and to OVN."""
        self.kill_compat()
        return self.start_compat()

    def start_compat(self) -> tuple[list[Any], list[Any]]:
        self.slot.start()
        sent: tuple[list[Any], list[Any]] = ([], [])
        self.compat.sb_reconciler.sent, self.compat.ovn_reconciler.sent = sent
        self.runtime.advance(1)
        return sent

    # -- what it says --------------------------------------------------------------------------

    def switch_uuid(self, name: str) -> str:
        return str(self.row("nb", "Logical_Switch", name=name)["_uuid"][1])

    def flows(self, switch: str) -> set[Flow]:
        """(table, priority, match, actions) of a switch's rows in Pipeline; each is there once."""
        uuid = self.switch_uuid(switch)
        rows = [
            (row["table_id"], row["priority"], row["match"], row["actions"])
            for row in self.rows("ovn", "Pipeline")
            if row["logical_datapath"] == ["uuid", uuid]
        ]
        assert len(rows) == len(set(rows))
        return set(rows)

    def flow(self, switch: str, table: int, priority: int) -> set[tuple[str, str]]:
        return {
            (match, actions) for t, p, match, actions in self.flows(switch) if (t, p) == (table, priority)
        }

    def names(self) -> dict[str, str]:
        """Bindings.chassis by logical port."""
        return {row["logical_port"]: row["chassis"] for row in self.rows("ovn", "Bindings")}

    def claim(self, port: str, chassis: str) -> None:
        """What the article does by hand."""
        self.update("ovn", "Bindings", {"chassis": chassis}, logical_port=port)
        self.runtime.advance(1)

    def is_up(self, port: str) -> bool:
        return bool(self.row("nb", "Logical_Switch_Port", name=port)["up"] is True)

    def add(self, switch: str, name: str, **columns: Any) -> None:
        """A logical port."""
        self.transact(
            "nb",
            {
                "op": "insert", "table": "Logical_Switch_Port", "uuid-name": "p",
                "row": {"name": name, **columns},
            },
            {
                "op": "mutate", "table": "Logical_Switch", "where": [["name", "==", switch]],
                "mutations": [["ports", "insert", ["named-uuid", "p"]]],
            },
        )  # fmt: skip


def texts(*elements: str) -> list[Any]:
    """A set of strings as JSON."""
    return ["set", list(elements)]

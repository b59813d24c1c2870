"""Cases of ``pyovn explain`` as text: what is set up, what is asked, what the answer is.

A case is a file in ``cases/``::

    # What it is about, for the reader.
    hypervisors: hv1 hv2
    $ ovn-nbctl ls-add sw0 -- lsp-add sw0 vm1
    $ pyovn sandbox plug hv1 vif1 vm1
    ? vm1 vm2 --udp 53
        delivered to vm2 on hv2 (vif2)

``$`` lines are carried out on a deployment in virtual time, by the programs that would carry them out
elsewhere; ``?`` lines are the arguments of ``pyovn explain --verdict`` (or with ``--all`` and the like), and
the indented lines are what it prints.  ``PYOVN_RECORD=1`` writes what is printed into the files, to be read
before it is committed.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pyovn.explain import render
from pyovn.explain.deployed import explain
from pyovn.explain.evidence import EvidenceError
from pyovn.ovsdb.local import LocalClient
from pyovn.sandbox.deployment import Deployment
from pyovn.sandbox.frames import datagram
from pyovn.schemas.northbound import NORTHBOUND
from pyovn.schemas.southbound import SOUTHBOUND
from pyovn.schemas.vswitch import OPEN_VSWITCH
from pyovn.sim.virtual import VirtualRuntime
from pyovn.tools.ctl.served import Service
from pyovn.tools.nbctl.program import PROGRAM as NBCTL
from pyovn.tools.sbctl.program import PROGRAM as SBCTL
from pyovn.tools.vsctl.program import PROGRAM as VSCTL
from pyovn.vswitch.control_dummy import DummyCommands

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyovn.explain.model import Explanation
    from pyovn.ovsdb.server import Server
    from pyovn.schemas.columns import Database
    from pyovn.tools.ctl.program import Program

CASES: Final = Path(__file__).parent / "cases"
PATIENCE: Final = 30.0
"""Virtual seconds that a command may take."""


@dataclass(slots=True)
class Question:
    arguments: str
    answer: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Case:
    """A file: its lines, with commands and questions in order."""

    path: Path
    title: list[str] = field(default_factory=list)
    hypervisors: list[str] = field(default_factory=lambda: ["hv1", "hv2"])
    acts: list[str | Question] = field(default_factory=list)

    def text(self) -> str:
        """The file with the answers that it has now."""
        lines = [f"# {line}".rstrip() for line in self.title]
        lines.append(f"hypervisors: {' '.join(self.hypervisors)}")
        for act in self.acts:
            if isinstance(act, str):
                lines.append(f"$ {act}")
            else:
                lines += [f"? {act.arguments}", *(f"    {line}".rstrip() for line in act.answer)]
        return "".join(f"{line}\n" for line in lines)


def read_case(path: Path) -> Case:
    case = Case(path)
    for line in path.read_text().splitlines():
        if line.startswith("#"):
            case.title.append(line[1:].strip())
        elif line.startswith("hypervisors:"):
            case.hypervisors = line.partition(":")[2].split()
        elif line.startswith("$"):
            case.acts.append(line[1:].strip())
        elif line.startswith("?"):
            case.acts.append(Question(line[1:].strip()))
        elif line.strip() or (case.acts and isinstance(case.acts[-1], Question)):
            question = case.acts[-1]
            assert isinstance(question, Question), (path, line)
            question.answer.append(line[4:])
    return case


class Scene:
    """A deployment and the programs that act on it."""

    def __init__(self, hypervisors: Sequence[str]) -> None:
        self.runtime = VirtualRuntime(seed=1)
        self.deployment = Deployment(self.runtime)
        self.runtime.settle()
        for name in hypervisors:
            self.deployment.add_hypervisor(name)
        self.runtime.advance(3)
        self._services: dict[str, Service] = {}

    def _service(self, place: str, program: Program, server: Server, database: Database) -> Service:
        service = self._services.get(place)
        if service is None:
            columns = {name: tuple(table.columns) for name, table in database.schema.tables.items()}
            client: Any = LocalClient(self.runtime, server, database.name, columns, expected=database.schema)
            service = self._services[place] = Service(self.runtime, program, client, lambda _words: None)
            client.start()
            self.runtime.settle()
        return service

    def run(self, line: str) -> None:
        """Carry out a command; it must succeed."""
        words = shlex.split(line, comments=True)
        if words[0] in self.deployment.hypervisors:
            self._on(words[0], words[1:])
        elif words[0] == "ovn-nbctl":
            self._ctl("central", NBCTL, self.deployment.central, NORTHBOUND, words[1:])
        elif words[0] == "ovn-sbctl":
            self._ctl("southbound", SBCTL, self.deployment.central, SOUTHBOUND, words[1:])
        elif words[:2] == ["pyovn", "sandbox"]:
            self._sandbox(words[2], words[3:])
        elif words[:3] == ["ovn-appctl", "-t", "ovn-northd"]:
            {"pause": self.deployment.northd.pause, "resume": self.deployment.northd.resume}[words[3]]()
        else:
            raise AssertionError(f"no such command here: {line}")
        self.runtime.settle()

    def _on(self, place: str, words: list[str]) -> None:
        """On a hypervisor."""
        hypervisor = self.deployment.hypervisor(place)
        if words[0] == "ovs-vsctl":
            self._ctl(place, VSCTL, hypervisor.server, OPEN_VSWITCH, words[1:])
        elif words[:2] == ["ovs-appctl", "netdev-dummy/set-admin-state"]:
            DummyCommands(hypervisor.switch).set_admin_state(words[2:])
        elif words[:3] == ["ovn-appctl", "-t", "ovn-controller"]:
            controller = hypervisor.controller
            {"debug/pause": controller.pause, "debug/resume": controller.resume}[words[3]]()
        else:
            raise AssertionError(f"no such command on a hypervisor: {words}")

    def _ctl(
        self, place: str, program: Program, server: Server, database: Database, words: list[str]
    ) -> None:
        answers: list[tuple[bool, str]] = []
        deferred = self._service(place, program, server, database).run(words)
        deferred.when_settled(lambda accepted, text: answers.append((accepted, text)))
        assert self.runtime.run_until(lambda: bool(answers), PATIENCE), words
        assert answers[0][0], (words, answers[0][1])

    def _sandbox(self, verb: str, words: list[str]) -> None:
        deployment = self.deployment
        if verb == "send":
            place, interface = deployment.find(words[0])
            deployment.send(place, interface, datagram(words[2], words[1]))
            self.runtime.advance(2)
            return
        verbs = {
            "plug": deployment.plug,
            "unplug": deployment.unplug,
            "cut": deployment.links.cut,
            "mend": deployment.links.mend,
            "kill": deployment.kill,
            "start": deployment.start,
            "remove-hypervisor": deployment.remove_hypervisor,
        }
        verbs[verb](*words)  # type: ignore[operator]  # each takes words

    def explanation(self, arguments: str) -> Explanation:
        """Answer a question; raises ``EvidenceError``."""
        words, options = _options(shlex.split(arguments))
        self.runtime.advance(1)
        wish: dict[str, bool | int] = {name: True for name in ("arp", "icmp") if name in options}
        wish |= {name: int(options[name]) for name in ("udp", "tcp") if name in options}
        return explain(self.deployment, *words, on=options.get("on"), **wish)

    def answer(self, arguments: str) -> list[str]:
        """What the program would print, line by line."""
        try:
            explanation = self.explanation(arguments)
        except EvidenceError as error:
            return [f"pyovn explain: {error}"]
        paint = render.Painter(colour=False)
        if "--full" in arguments:
            return render.full(explanation, paint).splitlines()
        return render.verdicts(explanation, paint).splitlines()


def _options(words: list[str]) -> tuple[list[str], dict[str, str]]:
    """Arguments, and options by name; an option with ``=`` has a value."""
    options = {word[2:].partition("=")[0]: word.partition("=")[2] for word in words if word.startswith("--")}
    return [word for word in words if not word.startswith("--")], options

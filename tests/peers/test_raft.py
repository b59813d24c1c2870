"""Our clients on a Raft cluster of three C servers: following the leader, resuming, noticing a rebuild."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from process_kit import BIN, SOUTHBOUND, ServerProcess, end, run
from raft_kit import DATABASE, Cluster

from pyovn.ovsdb.blocking import BlockingClient, ConnectionFailedError
from pyovn.ovsdb.client import CONNECTION_LOST, NOT_CONNECTED, Client
from pyovn.sim.real import RealRuntime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyovn.ovsdb.client import Change, Reply

pytestmark = pytest.mark.peers

SWITCH = "Logical_Switch"


@pytest.fixture(scope="module")
def cluster(peer: Callable[[str], str]) -> Iterator[Cluster]:
    for program in ("ovsdb-server", "ovsdb-tool", "ovs-appctl"):
        peer(program)
    made = Cluster(peer, Path(tempfile.mkdtemp(prefix="po-", dir="/tmp")))
    try:
        made.start()
        yield made
    finally:
        made.clean()


class Follower:
    """A client of the cluster, with what it was told."""

    def __init__(self, remotes: str, *, leader_only: bool = True) -> None:
        self.runtime = RealRuntime()
        self.client = Client(
            self.runtime, remotes, DATABASE, {SWITCH: ["name"]}, leader_only=leader_only, probe_interval=5
        )
        self.client.on_changes = self._changed
        self.client.log = lambda level, text: self.lines.append(f"{level} {text}")
        self.lines: list[str] = []
        self.changes: list[Change] = []
        self.answers: list[Any] = []
        """Of monitor_cond_since: whether our last transaction was found."""
        receive = self.client._session.receive

        def note(message: Any) -> None:
            result = message.get("result") if isinstance(message, dict) else None
            if isinstance(result, list) and len(result) == 3 and isinstance(result[0], bool):
                self.answers.append((result[0], result[2]))
            receive(message)

        self.client._session.receive = note  # type: ignore[method-assign]  # listening in
        self.client.start()

    def _changed(self, changes: list[Change]) -> None:
        self.changes += changes

    def until(self, condition: Callable[[], bool], seconds: float = 15.0) -> None:
        assert self.runtime.run_until(condition, seconds), "\n".join(self.lines)

    def live_at(self, remote: str | None = None) -> None:
        self.until(lambda: self.client.state == "live" and remote in {None, self.client.remote})

    def names(self) -> list[str]:
        return sorted(str(row[0]) for row in self.client.replica.table(SWITCH).rows.values())

    def add(self, name: str, done: Callable[[Reply], None]) -> None:
        self.client.transact([{"op": "insert", "table": SWITCH, "row": {"name": name}}], done)

    def put(self, name: str) -> None:
        """Add a switch, as often as it takes."""
        replies: list[Reply] = []
        self.add(name, replies.append)
        self.until(lambda: bool(replies))
        assert replies[0].error is None

    def close(self) -> None:
        self.client.stop()
        self.runtime.close()


@pytest.fixture
def followers(cluster: Cluster) -> Iterator[Callable[..., Follower]]:
    made: list[Follower] = []

    def make(**names: Any) -> Follower:
        made.append(Follower(cluster.remotes, **names))
        return made[-1]

    yield make
    for follower in made:
        follower.close()


def test_the_client_follows_the_leader_through_its_death(
    cluster: Cluster, followers: Callable[..., Follower]
) -> None:
    follower = followers()
    first = cluster.leader()
    follower.live_at(first.tcp)
    follower.put("before")

    # A stream of transactions, some of them under way when the leader dies.
    replies: dict[str, list[Reply]] = {}

    def send() -> None:
        name = f"n{len(replies)}"
        replies[name] = []
        follower.add(name, replies[name].append)
        if len(replies) < 400:
            follower.runtime.call_later(0.002, send)

    send()
    follower.until(lambda: len(replies) > 100)
    cluster.kill(first)
    second = cluster.leader()
    assert second is not first
    follower.live_at(second.tcp)
    follower.until(lambda: len(replies) == 400 and all(replies.values()))
    follower.put("after")
    assert {len(got) for got in replies.values()} == {1}
    errors = {got[0].error for got in replies.values()}
    assert errors <= {None, CONNECTION_LOST, NOT_CONNECTED}
    assert CONNECTION_LOST in errors or NOT_CONNECTED in errors
    done = {name for name, got in replies.items() if got[0].error is None}
    unsent = {name for name, got in replies.items() if got[0].error == NOT_CONNECTED}
    names = set(follower.names())
    assert {"before", "after"} | done <= names
    assert not names & unsent
    assert "info" in follower.lines[0]
    cluster.heal(first)


def test_a_client_that_comes_back_is_told_what_it_missed(followers: Callable[..., Follower]) -> None:
    follower, writer = followers(), followers()
    follower.live_at()
    writer.live_at()
    writer.put("known")
    follower.until(lambda: "known" in follower.names())
    held = follower.names()
    follower.client.reconnect()
    writer.put("missed")
    follower.until(lambda: "missed" in follower.names())
    found, contents = follower.answers[-1]
    assert found
    assert len(contents.get(SWITCH, {})) <= 1  # the rest may have come as an update
    assert follower.names() == sorted([*held, "missed"])

    # Any member resumes, not only the one that was left.
    anywhere = followers(leader_only=False)
    anywhere.live_at()
    remote = anywhere.client.remote
    anywhere.changes.clear()
    anywhere.client.reconnect()
    anywhere.until(lambda: anywhere.client.state == "live" and len(anywhere.answers) == 2)
    assert anywhere.client.remote != remote
    assert anywhere.answers[-1][0]
    assert anywhere.changes == []


def test_a_member_that_leads_no_more_is_left(cluster: Cluster, followers: Callable[..., Follower]) -> None:
    follower = followers()
    leader = cluster.leader()
    follower.live_at(leader.tcp)
    with cluster.frozen(leader):
        cluster.leader()
    new = cluster.leader()
    assert new is not leader
    follower.live_at(new.tcp)
    follower.put("handed over")


def test_tools_find_the_leader(cluster: Cluster) -> None:
    leader, follower = cluster.leader(), cluster.follower()
    with BlockingClient(cluster.remotes, 10, leader_only=True) as client:
        client.connect(DATABASE)
        assert client.remote == leader.tcp
    with BlockingClient(f"{follower.tcp},{leader.tcp}", 10) as client:
        client.connect(DATABASE)
        assert client.remote == follower.tcp
    only = BlockingClient(follower.tcp, 10, leader_only=True)
    with pytest.raises(ConnectionFailedError, match="not the leader"):
        only.connect(DATABASE)
    nbctl = (BIN / "ovn-nbctl", "-t", "10")
    run(*nbctl, f"--db={cluster.remotes}", "ls-add", "by-tool")
    assert "by-tool" in run(*nbctl, f"--db={cluster.remotes}", "ls-list")
    assert "by-tool" in run(*nbctl, f"--db={follower.tcp}", "--no-leader-only", "ls-list")
    run(*nbctl, f"--db={follower.tcp}", "--no-leader-only", "ls-del", "by-tool")
    dump = run(BIN / "ovsdb-client", "dump", cluster.remotes, DATABASE, SWITCH, "name")
    assert "by-tool" not in dump
    cluster.kill(leader)
    cluster.leader()
    run(*nbctl, f"--db={cluster.remotes}", "ls-add", "through-death")
    cluster.heal(leader)


def test_northd_follows_the_leader(cluster: Cluster, short_tmp: Path, peer: Callable[[str], str]) -> None:
    database = short_tmp / "sb.db"
    run(peer("ovsdb-tool"), "create", database, SOUTHBOUND)
    southbound = ServerProcess(str(BIN / "ovsdb-server"), short_tmp, (database,))
    pidfile = short_tmp / "northd.pid"
    try:
        southbound.start()
        run(
            BIN / "ovn-northd", "--detach", "--no-chdir", f"--pidfile={pidfile}", "-vconsole:off",
            f"--unixctl={short_tmp}/northd.ctl", f"--ovnnb-db={cluster.remotes}",
            f"--ovnsb-db={southbound.unix}",
        )  # fmt: skip
        nbctl = (BIN / "ovn-nbctl", "-t", "15", f"--db={cluster.remotes}", "--wait=sb")
        run(*nbctl, "ls-add", "first")
        leader = cluster.leader()
        cluster.kill(leader)
        cluster.leader()
        run(*nbctl, "ls-add", "second")
        found = run(
            BIN / "ovn-sbctl", f"--db={southbound.unix}", "--columns=external_ids", "list", "datapath"
        )
        assert "first" in found
        assert "second" in found
        cluster.heal(leader)
    finally:
        if pidfile.exists():
            end(int(pidfile.read_text()))
        southbound.stop()


def test_a_rebuilt_database_is_noticed(cluster: Cluster, followers: Callable[..., Follower]) -> None:
    follower = followers()
    follower.live_at()
    follower.put("old")
    cluster.rebuild()
    follower.until(lambda: follower.names() == [])
    follower.live_at()
    told = [line for line in follower.lines if "was rebuilt" in line]
    assert len(told) == 1
    assert told[0].startswith("warn ")
    assert follower.answers[-1][0] is False
    follower.put("new")
    assert follower.names() == ["new"]

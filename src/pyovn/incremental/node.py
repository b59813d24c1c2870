"""One remembered derivation: a function applied to one key, its result, and what it read.

States, and who moves a node between them:

``FRESH``    the value is right.
``MAYBE``    a derivation that it read, directly or not, may yield something else now.  To verify,
             those are brought up to date first; if none of them changed, the node is fresh again
             without having run.  This is the *early cut-off*.
``STALE``    something that it read has changed; it has to run.
``RUNNING``  it is being run or verified; being read now is a cycle.
``DROPPED``  its owner is gone: it never runs again.

A node that raised keeps the exception as ``error`` and keeps its reads: it runs again when something
that it read changes, and not before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyovn.incremental.tracking import STATE, Source

if TYPE_CHECKING:
    from pyovn.incremental.family import Family

FRESH: Final = 0
MAYBE: Final = 1
STALE: Final = 2
RUNNING: Final = 3
DROPPED: Final = 4


class DerivationError(Exception):
    """A derivation cannot have a value now; the message says why."""


class CycleError(DerivationError):
    """A derivation would need its own result; the message names the keys on the way.

    Every derivation on the cycle fails with the same message, whichever was asked first.
    """

    def __init__(self, message: str, nodes: frozenset[Node] = frozenset()) -> None:
        super().__init__(message)
        self.nodes = nodes


class UpstreamError(DerivationError):
    """A derivation read one that has failed; ``cause`` is that node."""

    def __init__(self, cause: Node) -> None:
        super().__init__(f"{cause.label()} failed: {cause.error}")
        self.cause = cause


class Node(Source):
    """A derivation and its key.  ``sources`` is what it read last, in the order of reading."""

    __slots__ = ("error", "family", "key", "sources", "state", "value")

    def __init__(self, family: Family, key: Any) -> None:
        self.readers = None
        self.seen = 0
        self.family = family
        self.key = key
        self.value: Any = None
        self.error: BaseException | None = None
        self.state = STALE
        self.sources: tuple[Source, ...] = ()

    def label(self) -> str:
        """The name by which people find it: the function and its key."""
        return f"{self.family.name}({self.key!r})"

    def __repr__(self) -> str:
        return f"<{self.label()}>"


def mark(readers: dict[Node, int], mask: int) -> None:
    """The source of ``readers`` has changed in ``mask``: its readers are stale, theirs may be."""
    for node, seen in list(readers.items()):
        if seen & mask and node.state < STALE:
            was_fresh = node.state == FRESH
            node.state = STALE
            if was_fresh:
                node.family.wake(node)
                _mark_readers_maybe(node)


def _mark_readers_maybe(node: Node) -> None:
    """Walk what read ``node``, directly or not; a node that is not fresh has been walked before."""
    pending = [node]
    while pending:
        readers = pending.pop().readers
        if not readers:
            continue
        for reader in readers:
            if reader.state == FRESH:
                reader.state = MAYBE
                reader.family.wake(reader)
                pending.append(reader)


def refresh(node: Node) -> None:
    """Bring ``node`` up to date, running as little as possible."""
    if node.state == MAYBE and _verify(node):
        return
    if node.state == STALE:
        _run(node)
    elif node.state == RUNNING:
        raise _cycle(node)


def _verify(node: Node) -> bool:
    """Bring what a MAYBE node read up to date; True if that left the node fresh without running."""
    running = node.family.engine.running
    running.append(node)
    try:
        for source in node.sources:
            if isinstance(source, Node):
                if source in running:
                    node.state = STALE
                else:
                    refresh(source)
                if node.state != MAYBE:
                    return False
    except RecursionError:
        node.state = STALE  # to fail as a derivation, which stops nobody else
        return False
    finally:
        running.pop()
    node.state = FRESH
    return True


def _run(node: Node) -> None:
    """Run the derivation, record its reads, and mark its readers if the value is another one."""
    engine = node.family.engine
    saved_reads, saved_node = STATE.reads, STATE.node
    reads: dict[Source, int] = {}
    STATE.reads, STATE.node = reads, node
    node.state = RUNNING
    engine.running.append(node)
    value: Any = None
    error: BaseException | None = None
    try:
        value = node.family.compute(node.key)
    except Exception as caught:  # noqa: BLE001  the one place that isolates a failing derivation
        error = caught
    finally:
        engine.running.pop()
        STATE.reads, STATE.node = saved_reads, saved_node
        node.state = STALE
    _rewire(node, reads)
    node.state = FRESH
    if engine.ran is not None:
        engine.ran.append((node.family.name, node.key))
    old_value, old_error = node.value, node.error
    node.value, node.error = value, error
    if error is not None or old_error is not None:
        engine.note_failure(node, error)
        changed = type(error) is not type(old_error) or str(error) != str(old_error)
    elif not node.readers:
        return
    else:
        changed = old_value is not value and old_value != value
    if changed and node.readers:
        if isinstance(error, CycleError):
            # For others on the ring that have just failed for the same reason this is no news.
            told = str(error)
            mark({n: s for n, s in node.readers.items() if n not in error.nodes or str(n.error) != told}, 1)
        else:
            mark(node.readers, 1)


def _rewire(node: Node, reads: dict[Source, int]) -> None:
    """Replace the recorded reads of ``node``; sources that nobody reads any more are let go."""
    for source in node.sources:
        if source not in reads:
            _forget(source, node)
    for source, mask in reads.items():
        if source.readers is None:
            source.readers = {node: mask}
        else:
            source.readers[node] = mask
        source.seen |= mask
    node.sources = tuple(reads)


def _forget(source: Source, node: Node) -> None:
    """``node`` no longer reads ``source``."""
    readers = source.readers
    if readers is not None:
        readers.pop(node, None)
        if not readers:
            source.readers = None
            source.seen = 0
            if isinstance(source, Node):
                source.family.engine.orphans.append(source)


def drop(node: Node) -> None:
    """The node's owner is gone: forget its reads, its failure and its value."""
    for source in node.sources:
        _forget(source, node)
    node.sources = ()
    if node.error is not None:
        node.family.engine.note_failure(node, None)
    node.error = None
    node.value = None
    node.state = DROPPED


def _cycle(node: Node) -> CycleError:
    """The keys from ``node`` back to itself, told from the one whose name sorts first."""
    running = node.family.engine.running
    cycle = running[running.index(node) :]
    first = min(range(len(cycle)), key=lambda i: cycle[i].label())
    cycle = cycle[first:] + cycle[:first]
    return CycleError(" -> ".join(n.label() for n in [*cycle, cycle[0]]), frozenset(cycle))

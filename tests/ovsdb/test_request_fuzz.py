"""Random JSON at every level of a request: whatever it is, the server answers or ends the session."""

from __future__ import annotations

from typing import Any

from engine_kit import uuid
from hypothesis import given, settings
from hypothesis import strategies as st
from misbehaviour_kit import METHODS, World

ATOMS = st.sampled_from(
    [
        None,
        True,
        0,
        1,
        -1,
        2**63,
        1.5,
        "",
        "x",
        "T",
        "Plain",
        "i",
        "name",
        "==",
        "includes",
        "set",
        "map",
        "uuid",
        "named-uuid",
        uuid(1),
        "insert",
        "select",
        "update",
        "mutate",
        "delete",
        "wait",
        "+=",
        "_uuid",
        "_version",
    ]
)
NAMES = st.sampled_from(
    [
        "op",
        "table",
        "row",
        "where",
        "columns",
        "mutations",
        "until",
        "rows",
        "timeout",
        "uuid",
        "uuid-name",
        "Plain",
        "Root",
        "i",
        "s3",
        "m",
        "select",
        "initial",
        "modify",
        "name",
        "tables",
        "type",
        "key",
        "max",
    ]
)
JSON = st.recursive(
    ATOMS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=12,
)
BETTER = st.fixed_dictionaries(
    {"op": st.sampled_from(["insert", "select", "update", "mutate", "delete", "wait", "comment"])},
    optional={
        "table": st.sampled_from(["Plain", "Root", "Kid", "Pair"]),
        "row": st.dictionaries(
            st.sampled_from(["i", "name", "s3", "m", "kids", "best", "u"]), JSON, max_size=3
        ),
        "where": st.lists(JSON | st.tuples(ATOMS, ATOMS, JSON).map(list), max_size=2),
        "mutations": st.lists(st.tuples(ATOMS, ATOMS, JSON).map(list), max_size=2),
        "columns": st.lists(ATOMS, max_size=2),
        "until": ATOMS,
        "rows": st.lists(JSON, max_size=2),
        "timeout": ATOMS,
        "uuid-name": ATOMS,
    },
)
PARAMS = st.lists(JSON | BETTER, max_size=4).flatmap(lambda rest: st.sampled_from([rest, ["T", *rest]]))
REQUESTS = st.fixed_dictionaries(
    {}, optional={"method": st.sampled_from([*METHODS, "cancel"]) | JSON, "params": PARAMS | JSON, "id": JSON}
)
FUZZED = World()
EXAMPLES = max(300, settings().max_examples)


@settings(max_examples=EXAMPLES)
@given(st.lists(REQUESTS | JSON, min_size=1, max_size=4))
def test_no_json_at_any_level_raises_out_of_the_server(messages: list[Any]) -> None:
    sent: list[bytes] = []
    session = FUZZED.server.connect(sent.append, peer="fuzz")
    for message in messages:
        if session.open:
            before = len(sent)
            session.receive(message)
            is_request = isinstance(message, dict) and isinstance(message.get("method"), str)
            is_call = is_request and isinstance(message.get("params"), list) and message.get("id") is not None
            if is_call and session.open and message["method"] != "transact":
                assert len(sent) > before
    FUZZED.runtime.settle()
    if session.open:
        session.drop("done")

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from engine_kit import (
    delete,
    dump,
    fail,
    insert,
    make,
    mutate,
    ref,
    refs,
    rows,
    run,
    select,
    update,
    uuid,
)

if TYPE_CHECKING:
    from pyovn.ovsdb.engine import Database


def plain() -> Database:
    database = make()
    run(
        database,
        insert(
            "Plain",
            1,
            name="p1",
            i=5,
            si=["set", [1, 2, 3]],
            s3=["set", [1, 2]],
            m=["map", [["a", 1], ["b", 2]]],
            oi=4,
            r=1.5,
        ),
    )
    return database


@pytest.mark.parametrize(
    ("operation", "tag", "details"),
    [
        (5, "syntax error", "Parsing ovsdb operation 1 of 1 failed: Object expected."),
        ({}, "syntax error", "Parsing ovsdb operation 1 of 1 failed: Required 'op' member is missing."),
        ({"op": "nope"}, "syntax error", 'Parsing ovsdb operation 1 of 1 failed: No operation "nope"'),
        (
            {"op": "insert", "table": "No", "row": {}},
            "syntax error",
            "Parsing ovsdb operation 1 of 1 failed: No table named No.",
        ),
        (
            {"op": "comment", "comment": 5},
            "syntax error",
            "Parsing ovsdb operation 1 of 1 failed: Type mismatch for member 'comment'.",
        ),
        (
            {"op": "abort", "x": 1},
            "syntax error",
            "Parsing ovsdb operation 1 of 1 failed: Member 'x' is present but not allowed here.",
        ),
        ({"op": "abort"}, "aborted", "aborted by request"),
        ({"op": "assert", "lock": "l"}, "not owner", "Asserted lock l not held."),
        (insert("Plain", 1), "duplicate uuid", None),
        (insert("Plain", nope=1), "unknown column", "No column nope in table Plain."),
        (insert("Choice"), "constraint violation", "0 is not one of the allowed values ([1, 2, 3])"),
        (update("Plain", i="x"), "syntax error", "expected integer"),
        (update("Plain", i=2**63), "syntax error", "expected integer"),
        (update("Plain", oi=51), "constraint violation", "51 is greater than maximum allowed value 50"),
        (
            update("Plain", rr=9),
            "constraint violation",
            "9 is not in the valid range -1.5 to 2.5 (inclusive)",
        ),
        (update("Plain", os="z"), "constraint violation", "z is not one of the allowed values ([a, b, c])"),
        (
            update("Plain", len="x"),
            "constraint violation",
            '"x" length 1 is less than minimum allowed length 2',
        ),
        (update("Plain", si=["set", [3, 3]]), "ovsdb error", "set contains duplicate"),
        (update("Plain", s3=["set", []]), "syntax error", "set must have 1 to 3 members but 0 are present"),
        (
            update("Plain", i=["set", []]),
            "syntax error",
            "set must have exactly one member but 0 are present",
        ),
        (
            update("Plain", fixed=4),
            "constraint violation",
            "Cannot update immutable column fixed in table Plain.",
        ),
        (
            update("Plain", _uuid=ref(2)),
            "constraint violation",
            "Cannot update immutable column _uuid in table Plain.",
        ),
        (select("Plain", 5), "syntax error", "Parse error in condition."),
        (select("Plain", ["i", "===", 5]), "unknown function", "No function named ===."),
        (
            select("Plain", ["name", "<", "x"]),
            "syntax error",
            'Type mismatch: "<" operator may not be applied to column name of type string.',
        ),
        (select("Plain", columns=["i", "i"]), "syntax error", "array of distinct column names expected"),
        (mutate("Plain", ("i", "**=", 1)), "unknown mutator", "No mutator named **=."),
        (mutate("Plain", ("i", "/=", 0)), "domain error", "Division by zero."),
        (mutate("Plain", ("i", "+=", 2**63 - 1)), "range error", 'Result of "+=" operation is out of range.'),
        (
            mutate("Plain", ("si", "*=", 0)),
            "constraint violation",
            'Result of "*=" operation contains duplicates.',
        ),
        (
            mutate("Plain", ("s3", "delete", ["set", [1, 2]])),
            "constraint violation",
            "Attempted to store 0 elements in set of 1 to 3 integers.",
        ),
        (
            mutate("Plain", ("i", "insert", 1)),
            "syntax error",
            'Type mismatch: "insert" operator may not be applied to column i of type integer.',
        ),
        (
            mutate("Plain", ("m", "insert", ["map", [["c", 1], ["d", 1]]])),
            "constraint violation",
            "Attempted to store 4 elements in map of up to 3 (string, integer) pairs.",
        ),
        (
            mutate("Plain", ("fixed", "+=", 1)),
            "constraint violation",
            "Cannot mutate immutable column fixed in table Plain.",
        ),
        (
            {
                "op": "wait",
                "table": "Plain",
                "where": [],
                "columns": ["i"],
                "until": "==",
                "rows": [],
                "timeout": 0,
            },
            "timed out",
            '"where" clause test failed',
        ),
    ],
)
def test_refusals_say_what_is_wrong_and_leave_no_trace(operation: Any, tag: str, details: str | None) -> None:
    database = plain()
    before = dump(database)
    error = fail(database, operation)
    assert error["error"] == tag
    assert details is None or error["details"] == details
    assert dump(database) == before


def test_operations_after_a_failed_one_are_null_and_those_before_keep_their_results() -> None:
    outcome = make().transact([{"op": "comment", "comment": "a"}, {"op": "abort"}, {"op": "abort"}])
    assert outcome.results == [{}, {"error": "aborted", "details": "aborted by request"}, None]


def test_a_failed_commit_adds_an_error_after_all_results() -> None:
    outcome = make().transact([insert("Pair", 10, a=1), insert("Pair", 11, a=1)])
    assert [sorted(r) for r in outcome.results] == [["uuid"], ["uuid"], ["details", "error"]]
    assert "identical values (1 and [])" in outcome.results[2]["details"]


@pytest.mark.parametrize(
    ("mutations", "column", "expected"),
    [
        ([("i", "-=", 15), ("i", "/=", 3)], "i", -3),
        ([("i", "-=", 15), ("i", "%=", 3)], "i", -1),
        ([("r", "*=", 2)], "r", 3.0),
        ([("si", "+=", 1)], "si", ["set", [2, 3, 4]]),
        ([("si", "insert", ["set", [3, 9]])], "si", ["set", [1, 2, 3, 9]]),
        ([("si", "delete", ["set", [1, 9]])], "si", ["set", [2, 3]]),
        ([("m", "insert", ["map", [["a", 7], ["z", 9]]])], "m", ["map", [["a", 1], ["b", 2], ["z", 9]]]),
        ([("m", "delete", ["set", ["a", "q"]])], "m", ["map", [["b", 2]]]),
        ([("m", "delete", ["map", [["a", 2], ["b", 2]]])], "m", ["map", [["a", 1]]]),
        ([("oi", "delete", 4), ("oi", "insert", 7)], "oi", 7),
        ([("oi", "delete", 4), ("oi", "+=", 7)], "oi", ["set", []]),
    ],
)
def test_mutations(mutations: list[Any], column: str, expected: Any) -> None:
    database = plain()
    assert run(database, mutate("Plain", *mutations)) == [{"count": 1}]
    assert rows(database, "Plain", column) == [{column: expected}]


@pytest.mark.parametrize(
    ("clauses", "found"),
    [
        ([], True),
        ([True], True),
        ([False], False),
        ([["i", "==", 5]], True),
        ([["i", "!=", 5]], False),
        ([["i", "<=", 5], ["i", ">", 5]], False),
        ([["oi", "<", 5]], True),
        ([["oi", ">=", 5]], False),
        ([["os", "==", ["set", []]]], True),
        ([["si", "includes", ["set", [1, 2]]]], True),
        ([["si", "includes", ["set", [1, 9]]]], False),
        ([["si", "excludes", ["set", [1, 9]]]], False),
        ([["si", "excludes", 9]], True),
        ([["m", "includes", ["map", [["a", 1]]]]], True),
        ([["m", "excludes", ["map", [["a", 2]]]]], True),
        ([["_uuid", "==", ref(1)]], True),
        ([["_uuid", "==", ref(2)]], False),
        ([["_uuid", "!=", ref(1)]], False),
        ([["oi", "excludes", ["set", [4, 5]]]], False),
    ],
)
def test_conditions(clauses: list[Any], found: bool) -> None:
    assert len(run(plain(), select("Plain", *clauses))[0]["rows"]) == found


def test_an_index_answers_where_within_a_transaction_that_moves_its_keys() -> None:
    database = make()
    run(database, insert("Pair", 1, a=1), insert("Pair", 2, a=2))
    results = run(
        database,
        update("Pair", ["a", "==", 1], ["b", "==", ["set", []]], a=3),
        update("Pair", ["a", "==", 2], ["b", "==", ["set", []]], a=1),
        update("Pair", ["a", "==", 3], ["b", "==", ["set", []]], a=2),
    )
    assert results == [{"count": 1}] * 3
    assert rows(database, "Pair", "_uuid", "a") == [{"_uuid": ref(1), "a": 2}, {"_uuid": ref(2), "a": 1}]


def test_named_uuids_work_forward_backward_and_with_chosen_uuids() -> None:
    database = make()
    run(
        database,
        {**insert("Root", name="r", kids=["set", [["named-uuid", "k1"], ["named-uuid", "k2"]]])},
        {**insert("Kid", name="k1", next=["named-uuid", "k2"]), "uuid-name": "k1"},
        {**insert("Kid", 7, name="k2"), "uuid-name": "k2"},
        mutate("Root", ("friends", "insert", ["named-uuid", "k2"]), where=(["name", "==", "r"],)),
    )
    assert rows(database, "Root", "friends") == [{"friends": ref(7)}]
    assert rows(database, "Kid", "next")[1] == {"next": ref(7)}


def test_a_name_that_is_no_identifier_is_refused() -> None:
    error = fail(make(), insert("Root", kids=["named-uuid", "1x"]))
    assert error["details"] == "named-uuid string is not a valid <id>"


def test_max_rows_unique_keys_and_row_count_errors() -> None:
    database = make()
    run(database, *(insert("Pair", n, a=n) for n in range(4)))
    error = fail(database, insert("Pair", 9, a=9))
    assert error["details"].startswith('transaction causes "Pair" table to contain 5 rows')
    error = fail(database, update("Pair", ["a", "==", 1], a=2))
    assert "had the following index values before the transaction: 1 and []." in error["details"]
    run(database, delete("Pair", ["a", "==", 3]), insert("Pair", 9, a=9))


def test_comments_and_durability_reach_the_commit() -> None:
    operations = [
        {"op": "comment", "comment": "one"},
        insert("Pair", 1, a=1),
        {"op": "comment", "comment": "two"},
        {"op": "commit", "durable": True},
    ]
    commit = make().transact(operations).commit
    assert commit is not None
    assert (commit.comment, commit.durable) == ("one\ntwo", True)


def test_nothing_changed_is_no_commit() -> None:
    database = plain()
    operations = [update("Plain", i=5), insert("Pair", 1, a=1), delete("Pair"), insert("Kid", 2, name="x")]
    assert database.transact(operations).commit is None


def test_version_changes_with_the_row_only() -> None:
    database = plain()
    run(database, insert("Plain", 2, name="p2"))
    first, second = (row["_version"] for row in rows(database, "Plain", "_uuid", "_version"))
    assert first != second
    run(database, update("Plain", ["_uuid", "==", ref(1)], i=6))
    after = rows(database, "Plain", "_uuid", "_version")
    assert after[0]["_version"] != first
    assert after[1]["_version"] == second
    assert run(database, select("Plain", ["_version", "==", second], columns=["name"])) == [
        {"rows": [{"name": "p2"}]}
    ]


def test_a_writer_that_fails_refuses_the_transaction() -> None:
    database = make()

    def refuse(_commit: object) -> None:
        raise OSError(28, "No space left on device")

    database.writer = refuse
    assert fail(database, insert("Pair", 1, a=1))["error"] == "I/O error"
    assert rows(database, "Pair", "a") == []


# References


def family() -> Database:
    database = make()
    run(
        database,
        insert("Root", 1, name="r", kids=refs(11, 12), friends=refs(13)),
        insert("Kid", 11, name="a", next=ref(13)),
        insert("Kid", 12, name="b"),
        insert("Kid", 13, name="c"),
    )
    return database


def names(database: Database) -> list[str]:
    return [row["name"] for row in rows(database, "Kid", "name")]


def test_a_row_that_nothing_refers_to_is_garbage_with_all_that_hangs_on_it() -> None:
    database = family()
    assert names(database) == ["a", "b", "c"]
    run(database, mutate("Root", ("kids", "delete", ref(11))))
    assert names(database) == ["b"]
    assert rows(database, "Root", "friends") == [{"friends": ["set", []]}]
    run(database, delete("Root"))
    assert names(database) == []
    assert database.tables["Kid"].strong == {}


def test_a_reference_to_itself_does_not_keep_a_row() -> None:
    database = make()
    run(database, insert("Kid", 5, name="x", next=ref(5)))
    assert names(database) == []


def test_deleting_what_is_referred_to_and_referring_to_what_is_not_there_are_refused() -> None:
    database = family()
    error = fail(database, delete("Kid", ["name", "==", "b"]))
    assert error["details"] == f"cannot delete Kid row {uuid(12)} because of 1 remaining reference(s)"
    error = fail(database, mutate("Root", ("kids", "insert", ref(99))))
    assert error["details"] == (
        f"Table Root column kids row {uuid(1)} references nonexistent row {uuid(99)} in table Kid."
    )
    run(database, delete("Kid", ["name", "==", "b"]), mutate("Root", ("kids", "delete", ref(12))))
    assert names(database) == ["a", "c"]


def test_references_in_a_map_count() -> None:
    database = make()
    run(database, insert("Root", 1, by_key=["map", [["x", ref(11)], ["y", ref(11)]]]), insert("Kid", 11))
    run(database, mutate("Root", ("by_key", "delete", "x")))
    assert len(rows(database, "Kid", "name")) == 1
    run(database, mutate("Root", ("by_key", "delete", "y")))
    assert rows(database, "Kid", "name") == []


def test_weak_references_are_cleared_when_their_row_goes_and_when_it_never_was() -> None:
    database = make()
    run(
        database,
        insert("Root", 1, name="a"),
        insert("Root", 2, best=refs(1, 2)),
        insert("Root", 3, best=refs(1, 77)),
    )
    assert rows(database, "Root", "_uuid", "best")[2]["best"] == ref(1)
    run(database, delete("Root", ["name", "==", "a"]))
    assert [row["best"] for row in rows(database, "Root", "_uuid", "best")] == [ref(2), ["set", []]]
    reference = database.tables["Root"].weak_references[1]
    assert reference.sources == {}


def test_wait_blocks_times_out_and_comes_true() -> None:
    database = make()
    wait = {
        "op": "wait",
        "table": "Pair",
        "where": [],
        "columns": ["a"],
        "until": "==",
        "rows": [{"a": 5}],
        "timeout": 100,
    }
    outcome = database.transact([wait])
    assert (outcome.blocked, outcome.timeout) == (True, 100)
    outcome = database.transact([wait], elapsed=60)
    assert (outcome.blocked, outcome.timeout) == (True, 40)
    outcome = database.transact([wait], elapsed=101)
    assert outcome.results == [{"error": "timed out", "details": '"wait" timed out after 101 ms'}]
    run(database, insert("Pair", a=5))
    assert run(database, wait) == [{}]


def test_adding_one_element_to_a_large_set_is_cheap_and_a_small_difference() -> None:
    database = make()
    run(database, insert("Plain", 1, si=["set", list(range(10_000))]))
    column = database.tables["Plain"].by_name["si"]
    outcome = database.transact([mutate("Plain", ("si", "insert", 10_000))])
    (change,) = outcome.changes
    assert change.old is not None
    assert change.new is not None
    difference = column.datum.difference(
        change.old.values[column.position], change.new.values[column.position]
    )
    assert difference == frozenset({10_000})

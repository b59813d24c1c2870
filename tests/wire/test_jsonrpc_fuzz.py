"""The parser of the wire against anything: no input does more than raise ``JsonRpcError``."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyovn.wire.jsonrpc import MAX_DEPTH, Decoder, JsonRpcError, encode

PIECES = st.sampled_from(
    [
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b"\\",
        b":",
        b",",
        b"1",
        b"-1e9",
        b"true",
        b"null",
        b" ",
        b"\n",
        b"\xff",
        b'"a"',
        b'{"a":1}',
        b"[]",
        b'"\\""',
        b"\xc3\xa9",
        b"\x00",
        b'"\\u0000"',
        b"1e999",
        b"[[[[",
        b"NaN",
    ]
)
BYTES = st.one_of(st.binary(max_size=200), st.lists(PIECES, max_size=60).map(b"".join))
FINITE = st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(exclude_characters="\0", codec="utf-8"))
"""Null bytes are refused, and have a test of their own."""
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | FINITE | TEXT,
    lambda children: st.lists(children, max_size=4) | st.dictionaries(TEXT, children, max_size=4),
    max_leaves=15,
)
MESSAGES = st.lists(st.lists(JSON, max_size=4) | st.dictionaries(TEXT, JSON, max_size=4), max_size=5)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[a:b] for a, b in itertools.pairwise(edges)]


def fed(pieces: list[bytes], limit: int = 1 << 20) -> tuple[list[Any], bool]:
    """What was decoded, and whether the stream turned out to be no JSON."""
    decoder, values = Decoder(limit), []
    for piece in pieces:
        try:
            values += decoder.feed(piece)
        except JsonRpcError as error:
            return values + error.values, True
        assert decoder.pending <= limit
    return values, False


@settings(max_examples=max(300, settings().max_examples))
@given(BYTES, st.lists(st.integers(0, 300), max_size=8))
def test_any_bytes_are_decoded_or_refused_however_they_are_cut(data: bytes, places: list[int]) -> None:
    whole = fed([data])
    assert fed(cut(data, places)) == whole
    assert fed([bytes([byte]) for byte in data]) == whole


@settings(max_examples=200)
@given(MESSAGES, st.lists(st.integers(0, 10_000), max_size=8), st.sampled_from([b"", b" ", b"\n\t "]))
def test_what_was_sent_arrives(messages: list[Any], places: list[int], between: bytes) -> None:
    data = between.join(map(encode, messages))
    assert fed(cut(data, places)) == (messages, False)


@settings(max_examples=100)
@given(MESSAGES, st.integers(0, 10_000), st.binary(min_size=1, max_size=3))
def test_one_fault_in_a_good_stream(messages: list[Any], place: int, fault: bytes) -> None:
    data = b"".join(map(encode, messages))
    place %= len(data) + 1
    broken = data[:place] + fault + data[place:]
    assert fed([broken]) == fed(cut(broken, [place, place + 1]))


@settings(max_examples=100)
@given(MESSAGES)
def test_the_values_are_those_of_the_standard_library(messages: list[Any]) -> None:
    data = b" ".join(map(encode, messages))
    assert fed([data])[0] == [json.loads(encode(message)) for message in messages]


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":['])
@pytest.mark.parametrize("size", [1 << 14, 1_000_000])
def test_a_million_brackets_are_refused_early(opening: bytes, size: int) -> None:
    decoder = Decoder()
    with pytest.raises(JsonRpcError, match=f"deeper than {MAX_DEPTH}"):
        decoder.feed(opening * size)
    assert decoder.pending < 1 << 17


@pytest.mark.parametrize("chunk", [1 << 12, 1 << 16, 1 << 20])
def test_a_string_beyond_the_limit_is_refused_when_the_limit_is_reached(chunk: int) -> None:
    limit = 8 << 20
    decoder = Decoder(limit)
    decoder.feed(b'{"method":"')
    for _ in range((limit - 11) // chunk):
        decoder.feed(b"x" * chunk)
    with pytest.raises(JsonRpcError, match=f"longer than {limit}"):
        decoder.feed(b"x" * chunk)

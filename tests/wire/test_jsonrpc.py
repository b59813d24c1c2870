from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyovn.ovsdb.values import UUID
from pyovn.wire import jsonrpc
from pyovn.wire.jsonrpc import MAX_DEPTH, Decoder, JsonRpcError, encode

TEXT = st.text(alphabet='ab"\\{}[] \n\u00e9\u20ac\U0001f600', max_size=6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
MESSAGE = st.dictionaries(TEXT, JSON, max_size=4) | st.lists(JSON, max_size=4)
SPACES = st.sampled_from(["", " ", "\n", "\r\n\t "])


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    """``data`` in pieces of the given sizes, over and over."""
    pieces, start, turn = [], 0, 0
    while start < len(data):
        size = sizes[turn % len(sizes)] if sizes else len(data)
        pieces.append(data[start : start + size])
        start += size
        turn += 1
    return pieces


def run(pieces: list[bytes], decoder: Decoder | None = None) -> tuple[list[Any], str | None]:
    decoder = decoder or Decoder()
    values: list[Any] = []
    try:
        for piece in pieces:
            values += decoder.feed(piece)
    except JsonRpcError as error:
        return values + error.values, "error"
    return values, None


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(MESSAGE, SPACES, st.booleans()), max_size=6),
    st.lists(st.integers(1, 9), max_size=4),
)
def test_any_cut_of_the_stream_gives_the_messages(
    messages: list[tuple[Any, str, bool]], sizes: list[int]
) -> None:
    stream = "".join(json.dumps(m, ensure_ascii=a) + space for m, space, a in messages).encode()
    decoder = Decoder()
    assert run(cut(stream, sizes), decoder) == ([m for m, _, _ in messages], None)
    assert decoder.pending == 0


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(list('{}[]"\\:,1 a')), max_size=30), st.lists(st.integers(1, 5), max_size=3))
def test_what_is_wrong_does_not_depend_on_the_cut(letters: list[str], sizes: list[int]) -> None:
    stream = "".join(letters).encode()
    assert run(cut(stream, sizes)) == run(cut(stream, [1])) == run([stream])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=4), st.integers(MAX_DEPTH - 30, MAX_DEPTH + 30))
def test_depth_limit_does_not_depend_on_the_cut(sizes: list[int], depth: int) -> None:
    stream = b'{"a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"
    values, error = run(cut(stream, sizes))
    assert (len(values), error) == ((1, None) if depth <= MAX_DEPTH else (0, "error"))
    assert run([stream]) == (values, error)


@pytest.mark.parametrize("size", [1, 1000, 1 << 20])
@pytest.mark.parametrize("bracket", [b"[", b'{"":'])
def test_a_million_brackets_are_an_error(bracket: bytes, size: int) -> None:
    assert run(cut(bracket * 1_000_000, [size]))[1] == "error"
    assert run([b'{"a":' + bracket * 1_000_000 + b"}"])[1] == "error"


def test_size_limit_is_one_of_a_message() -> None:
    message = b'{"a":"' + b"x" * 50 + b'"}'
    assert run([message * 100], Decoder(max_bytes=60)) == ([{"a": "x" * 50}] * 100, None)
    for pieces in ([message], cut(message, [1]), cut(message, [7])):
        assert run(pieces, Decoder(max_bytes=57)) == ([], "error")


@pytest.mark.parametrize(
    "stream", [b"x", b"1", b'"a"', b"}", b"null", b'{"a":1}]', b'{"a":1]', b'{"a":"\xff"}']
)
def test_what_is_no_message(stream: bytes) -> None:
    assert run([stream])[1] == "error"
    assert run(cut(stream, [1]))[1] == "error"


@pytest.mark.parametrize("text", ["\0", "a\0b", "\\\0", '"\0', "\\" * 3 + "\0"])
def test_null_bytes_in_strings_are_refused(text: str) -> None:
    for message in (encode({"a": text}), encode({text: 1}), encode([[text]])):
        assert run([b"[1]", message]) == ([[1]], "error")
        assert run(cut(message, [7])) == ([], "error")


@pytest.mark.parametrize("text", ["\\u0000", "\\\\u0000", "\\" * 5 + "u0000", "u0000", "\\\1u0000"])
def test_the_text_of_an_escape_is_no_null_byte(text: str) -> None:
    message = encode({"a": text, text: "b"})
    assert run([message]) == ([{"a": text, text: "b"}], None)
    assert run(cut(message, [7])) == ([{"a": text, text: "b"}], None)


def test_messages_before_the_fault_are_kept() -> None:
    with pytest.raises(JsonRpcError) as caught:
        Decoder().feed(b'{"a":1}{"b":2}nonsense')
    assert caught.value.values == [{"a": 1}, {"b": 2}]


def large_message() -> bytes:
    row = {
        "_uuid": ["uuid", "0f47a3c6-6f25-4b4b-8d0b-1f6d5c1f2a3b"],
        "match": 'inport == "a\\b"',
        "n": [1, [2]],
    }
    return jsonrpc.encode(jsonrpc.response(1, {str(i): {"initial": row} for i in range(16_000)}))


class Work:
    """Bytes that the decoder's parts have been given to look at."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bytes = 0
        for name in ("_take", "_skim", "_walk", "_keep"):
            self._count(monkeypatch, Decoder, name, 1)
        self._count(monkeypatch, jsonrpc, "decode", 0)

    def _count(self, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, position: int) -> None:
        real = getattr(owner, name)

        def counted(*args: Any) -> Any:
            self.bytes += len(args[position])
            return real(*args)

        monkeypatch.setattr(owner, name, counted)


@pytest.mark.parametrize("piece", [1 << 10, 1 << 16, 1 << 20])
def test_work_is_linear_whatever_the_cut(monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    message = large_message()
    assert len(message) > 1_800_000
    work = Work(monkeypatch)
    values, error = run(cut(message + b'{"x":1}', [piece]))
    assert error is None
    assert len(values) == 2
    assert work.bytes < 6 * len(message), "each byte is taken, skimmed, walked, kept and parsed once"


def test_single_bytes_of_a_long_string() -> None:
    message = b'{"a":"' + b"x" * 200_000 + b'"}'
    values, error = run(cut(message, [1]))
    assert (len(values), error) == (1, None)


def test_messages() -> None:
    assert json.loads(jsonrpc.encode(jsonrpc.request(1, "echo", [UUID("a")]))) == {
        "id": 1,
        "method": "echo",
        "params": ["a"],
    }
    assert jsonrpc.notification("update", []) == {"id": None, "method": "update", "params": []}
    assert jsonrpc.error(1, "no") == {"id": 1, "result": None, "error": "no"}
    with pytest.raises(TypeError, match="object has no JSON form"):
        jsonrpc.encode(object())

"""A match: which packets a flow takes, as immutable (field, value, mask) terms in canonical order.

Invariants: at most one term per field; no mask is zero; value bits outside the mask are zero; no
view field (see ``fields``) appears; terms stand in ``ALL_FIELDS`` order.  So two matches that accept
the same packets term by term are equal and hash alike, and what a switch dumps compares equal to
what was installed.

A field that merely has to exist (``tun_metadata0`` without a value) is not representable: OVN does
not use it.  Prerequisites are not added or checked here; ``codec_match`` needs them to be present,
``missing_prerequisite`` tells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from pyovn.wire.openflow.fields import FIELDS, PREREQUISITES, Field, FieldError
from pyovn.wire.openflow.fields import field as field_named

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_VLAN_TCI: Final = FIELDS["vlan_tci"]
_NO_VLAN: Final = (0, 0x1FFF)  # OXM has no other way to say it, so a dump comes back like this

Key = TypeVar("Key", Field, str)
Term = tuple[Field, int, int]
"""Field, value, mask."""


class Match:
    """Immutable and hashable; make one with ``Match.of`` or ``Match.from_terms``."""

    __slots__ = ("_hash", "terms", "wire")

    terms: tuple[Term, ...]
    wire: bytes | None
    """The codec's memory of this match's OXM form; no part of the value."""

    def __init__(self, terms: tuple[Term, ...]) -> None:
        """``terms`` must already be canonical."""
        self.terms = terms
        self.wire = None
        self._hash = hash(terms)

    @staticmethod
    def of(values: Mapping[Key, int | tuple[int, int]]) -> Match:
        """``Match.of({"reg0": 5, "metadata": (1, 0xff)})``; raises ``FieldError``.

        Raises when a value does not fit, a mask is given to a field that takes none, or two
        overlapping fields (``reg0`` and ``xxreg0``) contradict each other.
        """
        terms: list[Term] = []
        for key, given in values.items():
            field = key if isinstance(key, Field) else field_named(key)
            if isinstance(given, tuple):
                value, mask = given
            else:
                value, mask = given, field.full
            if not 0 <= value <= field.full or not 0 <= mask <= field.full:
                raise FieldError(f"value {value:#x}/{mask:#x} does not fit {field.name} ({field.bits} bits)")
            if not field.maskable and mask not in (0, field.full):
                raise FieldError(f"{field.name} cannot be masked")
            terms.append((field, value, mask))
        match = Match.from_terms(terms)
        if match is None:
            raise FieldError("overlapping fields contradict each other")
        return match

    @staticmethod
    def from_terms(terms: Iterable[Term]) -> Match | None:
        """Bring terms in any order, views and repetitions included, to canonical form.

        ``None`` when two terms on the same bits contradict each other.
        """
        ordered = sorted(terms, key=_order)
        last = None
        for field, value, mask in ordered:
            # Repetition, overlap, an empty mask, bits outside it: rare, and worth a slower way.
            if field is last or field.views or not mask or value & ~mask or field is _VLAN_TCI:
                return _merge(ordered)
            last = field
        return Match(tuple(ordered))

    def items(self) -> tuple[Term, ...]:
        """The terms in canonical order."""
        return self.terms

    def get(self, field: Field | str) -> tuple[int, int] | None:
        """(value, mask) of the term on ``field``, or ``None``."""
        if isinstance(field, str):
            field = FIELDS[field]
        for candidate, value, mask in self.terms:
            if candidate is field:
                return value, mask
        return None

    def exact(self, field: Field | str) -> int | None:
        """The value when ``field`` is matched in full, else ``None``."""
        found = self.get(field)
        if found is None:
            return None
        if isinstance(field, str):
            field = FIELDS[field]
        return found[0] if found[1] == field.full else None

    def merge(self, other: Match) -> Match | None:
        """Packets that both accept; ``None`` when there can be none."""
        if not self.terms:
            return other
        if not other.terms:
            return self
        return Match.from_terms(self.terms + other.terms)

    def covers(self, other: Match) -> bool:
        """Whether every packet of ``other`` is one of ours, as far as the terms tell.

        This is OpenFlow's non-strict match of flow_mod (OpenFlow 1.5.1, section 6.4).
        """
        theirs = {field: (value, mask) for field, value, mask in other.terms}
        for field, value, mask in self.terms:
            found = theirs.get(field)
            if found is None or mask & ~found[1] or (value ^ found[0]) & mask:
                return False
        return True

    def without(self, fields: Iterable[Field]) -> Match:
        """The same match less the terms on ``fields``."""
        dropped = set(fields)
        return Match(tuple([term for term in self.terms if term[0] not in dropped]))

    def missing_prerequisite(self) -> Field | None:
        """The first field whose prerequisites no other term grants, or ``None``."""
        for field, _, _ in self.terms:
            alternatives = PREREQUISITES[field.prerequisites]
            if not any(all(self._grants(*need) for need in each) for each in alternatives):
                return field
        return None

    def _grants(self, name: str, value: int, mask: int) -> bool:
        found = self.get(name)
        return found is not None and not mask & ~found[1] and not (found[0] ^ value) & mask

    def __bool__(self) -> bool:
        return bool(self.terms)

    def __len__(self) -> int:
        return len(self.terms)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Match):
            return NotImplemented
        return self._hash == other._hash and self.terms == other.terms

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        inside = ", ".join(
            f"{f.name}={v:#x}" if m == f.full else f"{f.name}={v:#x}/{m:#x}" for f, v, m in self.terms
        )
        return f"Match({inside})"

    def __reduce__(self) -> tuple[object, ...]:
        return (Match, (self.terms,))


def _order(term: Term) -> int:
    return term[0].order


def _merge(terms: Iterable[Term]) -> Match | None:
    merged: dict[Field, tuple[int, int]] = {}
    for field, value, mask in terms:
        pieces = _pieces(field, value, mask) if field.views else ((field, value, mask),)
        for target, bits, care in pieces:
            if not care:
                continue
            old = merged.get(target)
            if old is None:
                merged[target] = (bits & care, care)
                continue
            if (old[0] ^ bits) & old[1] & care:
                return None
            merged[target] = (old[0] | (bits & care), old[1] | care)
    if merged.get(_VLAN_TCI) == (0, 0xFFFF):
        merged[_VLAN_TCI] = _NO_VLAN
    return Match(tuple(sorted([(field, *bits) for field, bits in merged.items()], key=_order)))


def _pieces(field: Field, value: int, mask: int) -> list[Term]:
    """Spread a view's value and mask over the fields that it shows."""
    return [
        (
            view.field,
            (value >> view.ofs & (1 << view.bits) - 1) << view.field_ofs,
            (mask >> view.ofs & (1 << view.bits) - 1) << view.field_ofs,
        )
        for view in field.views
    ]


_KEPT_LIMIT: Final = 1 << 17
_kept: dict[Match, Match] = {}


def shared(match: Match) -> Match:
    """The same match as an object that others have, too: controllers and switches of one process share it."""
    known = _kept.get(match)
    if known is None:
        if len(_kept) >= _KEPT_LIMIT:
            _kept.clear()
        known = _kept[match] = match
    return known


ANY: Final = Match(())
"""The match that takes every packet."""

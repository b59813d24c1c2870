"""Sets of values of one field, as masked values.

A *cube* is a pair (value, mask): all numbers that agree with ``value`` in the bits of ``mask``.  A
tuple of cubes is their union; ``EVERYTHING`` is the cube without constraint, and the empty tuple is
the empty set.  Each operation works on the field alone, so a complement or a range costs cubes of that
field (a sum) and never multiplies with other fields.

The complement of prefixes is again prefixes, disjoint: leaving out n prefixes of length p costs at
most n * p cubes.  Order of cubes: as given for unions, from low to high for ranges and complements,
so equal inputs give equal outputs.

Cubes that a user wrote are never fused into wider ones: an address added to a set then changes one
flow, and nominal fields have no masks.
"""

from __future__ import annotations

from typing import Final, TypeAlias

Cube: TypeAlias = tuple[int, int]
Cubes: TypeAlias = tuple[Cube, ...]

EVERYTHING: Final[Cubes] = ((0, 0),)
NOTHING: Final[Cubes] = ()
_PAIRS_MAX: Final = 4096


def interval(low: int, high: int, width: int) -> Cubes:
    """The numbers ``low`` to ``high``, both included, as the fewest prefixes of ``width`` bits."""
    full = (1 << width) - 1
    found: list[Cube] = []
    while low <= high:
        size = low & -low if low else 1 << width
        while low + size - 1 > high:
            size >>= 1
        found.append((low, full & ~(size - 1)))
        low += size
    return tuple(found)


def relation(op: str, value: int, width: int) -> Cubes:
    """The numbers of ``width`` bits that stand in ``op`` (``<``, ``<=``, ``>``, ``>=``) to ``value``."""
    top = (1 << width) - 1
    if op == "<":
        return interval(0, value - 1, width)
    if op == "<=":
        return interval(0, value, width)
    return interval(value + 1 if op == ">" else value, top, width)


def distinct(cubes: Cubes) -> Cubes:
    """Without repetitions.  Cubes within another stay: so each member of a set is its own flow."""
    return cubes if len(cubes) < 2 else tuple(dict.fromkeys(cubes))


def union(cubes: Cubes) -> Cubes:
    """Without repetitions and without cubes that lie within another."""
    if len(cubes) < 2:
        return cubes
    unique = dict.fromkeys(cubes)
    masks = {mask for _, mask in unique}
    if len(masks) == 1:
        return tuple(unique)
    return tuple(
        [
            (value, mask)
            for value, mask in unique
            if not any(
                wider != mask and wider & mask == wider and (value & wider, wider) in unique
                for wider in masks
            )
        ]
    )


def intersection(left: Cubes, right: Cubes, width: int) -> Cubes:
    """What both sets hold."""
    if len(left) == 1 and len(right) == 1:
        (value, mask), (other, care) = left[0], right[0]
        if (value ^ other) & mask & care:
            return NOTHING
        return ((value | other, mask | care),)
    if len(left) * len(right) > _PAIRS_MAX and _prefixes(left, width) and _prefixes(right, width):
        return _common(_intervals(left, width), _intervals(right, width), width)
    return union(
        tuple(
            [
                (value | other, mask | care)
                for value, mask in left
                for other, care in right
                if not (value ^ other) & mask & care
            ]
        )
    )


def complement(cubes: Cubes, width: int) -> Cubes:
    """The numbers of ``width`` bits that are in none of ``cubes``."""
    if _prefixes(cubes, width):
        found: list[Cube] = []
        start = 0
        for low, high in _intervals(cubes, width):
            if start < low:
                found += interval(start, low - 1, width)
            start = max(start, high + 1)
        found += interval(start, (1 << width) - 1, width)
        return tuple(found)
    rest: list[Cube] = list(EVERYTHING)
    for cube in cubes:
        rest = [piece for each in rest for piece in _subtract(each, cube)]
    return tuple(rest)


def _subtract(whole: Cube, part: Cube) -> list[Cube]:
    """``whole`` without ``part``, as disjoint cubes."""
    value, mask = whole
    other, care = part
    if (value ^ other) & mask & care:
        return [whole]
    pieces: list[Cube] = []
    missing = care & ~mask
    while missing:
        bit = 1 << (missing.bit_length() - 1)
        missing ^= bit
        pieces.append((value | (~other & bit), mask | bit))
        value |= other & bit
        mask |= bit
    return pieces


def _prefixes(cubes: Cubes, width: int) -> bool:
    full = (1 << width) - 1
    for _, mask in cubes:
        inverse = mask ^ full
        if inverse & (inverse + 1):
            return False
    return True


def _intervals(cubes: Cubes, width: int) -> list[tuple[int, int]]:
    """Prefixes as their first and last numbers, in order; they may overlap."""
    full = (1 << width) - 1
    return sorted((value, value | (mask ^ full)) for value, mask in cubes)


def _common(left: list[tuple[int, int]], right: list[tuple[int, int]], width: int) -> Cubes:
    """Two ordered lists of prefixes, walked side by side: of two that meet, one lies in the other."""
    full = (1 << width) - 1
    found: dict[Cube, None] = {}
    i = j = 0
    while i < len(left) and j < len(right):
        low, high = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if low <= high:
            found[low, full ^ (high - low)] = None
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return union(tuple(found))

"""A dict that notes which keys were touched, for whoever wants only the news.

The engine's failures and an allotment's unmet wishes are such dicts: a daemon that tells people about them
looks at what was touched since it last looked, never at all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable

K = TypeVar("K", bound="Hashable")
V = TypeVar("V")


class Noted(dict[K, V]):
    """``touched`` has every key that was set or removed since ``take_touched``, in order.

    A key that came and went again meanwhile is in it, too: it tells where to look, not what is there.
    """

    __slots__ = ("_touched",)

    def __init__(self) -> None:
        super().__init__()
        self._touched: dict[K, None] = {}

    def __setitem__(self, key: K, value: V) -> None:
        self._touched[key] = None
        super().__setitem__(key, value)

    def __delitem__(self, key: K) -> None:
        super().__delitem__(key)
        self._touched[key] = None

    def pop(self, key: K, *default: Any) -> Any:
        """Remove ``key`` and return its value, or the default where there is none."""
        if key in self:
            self._touched[key] = None
        return super().pop(key, *default)

    def clear(self) -> None:
        """Remove all."""
        self._touched.update(dict.fromkeys(self))
        super().clear()

    def _refuse(self, *_args: Any, **_named: Any) -> NoReturn:
        raise TypeError("not noted: use item assignment")

    update = setdefault = popitem = __ior__ = _refuse  # these would go unnoted

    def take_touched(self) -> list[K]:
        """The keys that were touched since the last call."""
        if not self._touched:
            return []
        touched, self._touched = self._touched, {}
        return list(touched)

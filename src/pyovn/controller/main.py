"""``ovn-controller``: where the process begins; what it is stands in ``program``.

Python looks for garbage while it imports, too, and finds none (see ``northd.main``).
"""

from __future__ import annotations

from pyovn.daemon import collector


def main() -> int:
    """The program."""
    collector.stay_away()
    from pyovn.controller import program

    return program.main()


if __name__ == "__main__":
    raise SystemExit(main())

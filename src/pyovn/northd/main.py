"""``ovn-northd``: where the process begins; what it is stands in ``program``.

Importing makes a hundred thousand objects that stay, and Python looks for garbage among every 700 of them,
which is an eighth of the time that the imports take.
"""

from __future__ import annotations

from pyovn.daemon import collector


def main() -> int:
    """The program."""
    collector.stay_away()
    from pyovn.northd import program

    return program.main()


if __name__ == "__main__":
    raise SystemExit(main())

"""What ovn-nbctl, ovn-sbctl and ovs-vsctl share: the command grammar and the general database verbs.

The pages to hold next to this package are ovs-vsctl(8) and ovn-nbctl(8), sections "OPTIONS" and
"Database Commands".  ``program`` runs a line of commands against a ``model``; ``grammar`` knows
lines, ``text`` values, ``naming`` tables, columns and records, ``conditions`` what ``find`` asks.
"""

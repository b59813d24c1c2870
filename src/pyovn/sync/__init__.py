"""Between the engine and the world: what came in becomes inputs, what is wanted becomes a difference.

``inputs``      a database replica feeds the engine's tables
``wants``       what derivations yield for a database: rows, elements of set columns, references
``entry``       what is wanted of one row
``managed``     how a table is kept, and which rows are there
``members``     the wanted elements of a set column
``reconcile``   wanted rows against the database's rows: the smallest transaction
``flowtable``   wanted flows against the switch's flows: the smallest bundle
``loop``        the main loop that all these daemons have
``provenance``  why rows are there, in words

Everything is level-triggered.  A difference is computed from what is wanted now and what is there
now; an event that is lost, repeated or late can delay the state and never corrupt it.
"""

"""ovsdb-server as a program: the database of ``ovsdb`` on the process layer of ``daemon``.

A room of its own because those two stand on one floor and do not know each other.
"""

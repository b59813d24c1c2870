"""pyovn: the Open Virtual Network, whole, in Python.

The rooms stand on floors; a room imports only from floors below its own (``docs/architecture.md``
shows the picture drawn from the code, ``make check`` holds the rule):

==========  ================================================================================
``wire``     protocols without I/O: JSON-RPC, OpenFlow, packet headers
``ovn``      what OVN's parts agree on: stages, registers, tunnel keys
``incremental``  derivations that re-run only where what they read has changed
``sim``      clock, transport and randomness, real or virtual
``ovsdb``    the database: values, schema, transactions, monitors, server, client, replica
``logical``  the logical-flow language and its way to OpenFlow
``daemon``   what every daemon shares: options, control socket, logging, pid file
``schemas``  the databases as typed tables
``sync``     between engine and databases or switch: inputs, reconcilers, the main loop
``dbserver``, ``northd``, ``controller``, ``vswitch``  the daemons
``sandbox``  a whole deployment on one machine
``tools``    the command-line programs
==========  ================================================================================
"""

__version__ = "0.1.0"

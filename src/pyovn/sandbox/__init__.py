"""A whole deployment on one machine, in one process.

``deployment``  databases, northd and hypervisors as objects, on any runtime: real or virtual time
``lifecycle``   daemons that are started, killed and started again
``links``       what connects them, to be cut and mended
``makers``      how daemons come into being, without files
``hosting``     the same with sockets, pid files and logs in a directory, so that tools find it
``network``     what the northbound says of ports, and where they are
``guests``      simulated VMs; ``ping`` lets them talk
``saved``       all of it in a file
``claims``      ports that are in two places
``verbs``       what can be done in a sandbox, a table; ``verbs_*`` do it
``host``        the process that hosts a sandbox
``wrappers``    a command for each hypervisor: ``hv1 ovs-vsctl show``
``frames``      Ethernet frames from a few words
``tour``        the guided tour: each step is a command, its output, and a check
``main``        ``pyovn sandbox``: start, shell or tour, clean up
"""

"""The embedded software switch: a drop-in for ``ovs-vswitchd`` with the dummy datapath.

It reads the ``Open_vSwitch`` database, speaks OpenFlow 1.5 on a management socket per bridge, and
forwards frames in user space, in real or in virtual time.  From the frame upward: ``flowkey`` and
``packetflow`` (what a packet is), ``classifier`` (which flow it matches), ``program`` and
``translate`` (what the flows do to it), ``datapath`` (cache and execution), ``ofserver`` (OpenFlow),
``bridge`` and ``switch`` (the database).
"""

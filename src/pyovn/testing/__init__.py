"""A pytest plugin: a whole OVN network in a test, in virtual time, without sockets and without root.

``plugin``   what pytest sees: the fixture ``ovn``, its marker and settings; imports nothing heavy
``network``  the object that the fixture gives
``lines``    command lines of ovn-nbctl, ovn-sbctl and ovs-vsctl, run in process
"""

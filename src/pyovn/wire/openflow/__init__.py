"""OpenFlow 1.5 as Open vSwitch speaks it: types, the text of ovs-ofctl(8), and the binary form.

``fields``, ``match``, ``actions`` and ``flow`` are the values that everything above works with;
``text`` reads and prints them as ovs-ofctl does; ``messages`` and ``codec`` are the wire.
"""

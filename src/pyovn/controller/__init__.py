"""ovn-controller: from the southbound and one hypervisor's ports to that hypervisor's flows.

``model``          the inputs and what features share: who we are, which ports and datapaths are here
``chassis``        our Chassis, Encap and Chassis_Private rows
``bridge``         the integration bridge and the tunnel ports on it
``binding``        which logical ports are claimed, ``up`` and ``ovn-installed``
``interest``       which southbound rows this hypervisor needs (conditional monitoring)
``zones``          connection-tracking zones
``lflow``          logical flows to OpenFlow
``conjunctions``   ids of conjunctive matches
``physical``       between logical and physical ports: tables 0, output, loopback, 64 and 65
``vlan``           tags at the edge: containers in a VM, tagged localnets
``localnet``       patches to the bridges of physical networks
``encap``          what a tunnel carries
``fdb``            learnt MAC addresses
``garp``           announcements of VMs on physical networks
``virtual``        virtual ports: who announces their address has them
``replies``        packets that the controller answers
``port_security``  the helper tables that check a port's addresses
``ofswitch``       the OpenFlow connection: read back, compare, one bundle
``ofbundle``       one bundle on its way, and what the switch says about it
``refusals``       what the switch refuses, and which ports are not up for it
``adoption``       what a start finds, taken over before anything is written
``complaints``     what in the configuration has no effect
``rivals``         two hosts with one system-id
``commands``       its control commands
``inject``         a packet from an expression
``ownership``      which rows of both databases are ours
``moves``          ports that came and went in a pass
``controller``     the daemon that joins them
"""

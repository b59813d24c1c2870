"""ovn-northd: from what a cloud system wants to logical flows.

``northd`` wires inputs, features and outputs; each feature is a module with one ``declare`` function:

``datapaths``      Datapath_Binding rows and datapath tunnel keys
``ports``          Port_Binding rows and port tunnel keys
``multicast``      the flood groups of a switch
``tags``           the VLANs of containers
``features``       what all chassis understand, and the room for keys
``routers``        rows of routers and their gateways
``admission``      what may enter and leave a switch: tags, sources, port security
``l2_lookup``      where a frame goes
``fdb``            ports that learn addresses
``arp_nd``         the switch answers for addresses that it knows
``virtual``        addresses that whichever of several ports holds
``provider``       router ports, localnets and queues
``vtep``           hardware gateways
``passthrough``    stages that no configured feature uses: on to the next
``port_status``    ``up`` of a logical switch port
``progress``       nb_cfg, sb_cfg, hv_cfg
``globals``        what northd writes into NB_Global and SB_Global about itself
``unserved``       what is in the northbound and not served yet
``leftovers``      what was learnt about ports and datapaths that are gone

``model`` holds what features share: the inputs, the relations made of them, and how flows are made.
"""

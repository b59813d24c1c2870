"""Why a packet goes its way: through the logical network, and from hypervisor to hypervisor.

``network`` is the southbound database as a packet sees it, ``microflow`` the packet, ``simulation`` its way
through the logical flows, ``report`` that way as text, ``trace`` all of it from a line of text to a text;
``port_security`` is what its name says.
"""

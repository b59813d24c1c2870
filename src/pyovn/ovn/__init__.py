"""What OVN's parts agree on: stages per profile, OpenFlow tables, registers, tunnel keys, port types."""

"""Protocols without I/O: JSON-RPC, OpenFlow (binary and ovs-ofctl text) and packet headers."""

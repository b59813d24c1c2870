"""The logical-flow language of ovn-sb(5): fields, expressions, actions, and their way to OpenFlow."""

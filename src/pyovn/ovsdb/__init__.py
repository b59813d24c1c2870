"""The database: values, schema, transactions, monitors, journal, server, client and replica (RFC 7047)."""

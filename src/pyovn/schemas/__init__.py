"""The databases as typed tables: one module each, declared with ``columns``."""

"""Logs, metrics and traces. A leaf: everything may use it, it uses nothing."""

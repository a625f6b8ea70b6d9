"""The only SQL of the project: tables, verbs over a connection, and the one writer.

Lock order of every transaction: idempotency keys, `active_jobs`, other rows, `stats` last; each
ascending by key.
"""

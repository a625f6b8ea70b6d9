"""The Python SDK: transports, clients, and the worker's calls."""

"""The coordinator's duties: what it does when nobody asks."""

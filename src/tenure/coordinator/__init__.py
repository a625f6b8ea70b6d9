"""Use cases: what the coordinator does, without HTTP and without SQL."""

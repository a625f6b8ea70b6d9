"""JobOptions as the JSON document that `jobs.options` holds."""

from __future__ import annotations

from functools import lru_cache

import msgspec

from tenure.domain.job import DEFAULT_OPTIONS, JobOptions

_decoder = msgspec.json.Decoder(JobOptions)


@lru_cache(maxsize=1024)
def encode_options(options: JobOptions) -> str | None:
    """The stored text; None for the defaults."""
    if options == DEFAULT_OPTIONS:
        return None
    return msgspec.json.encode(options).decode()


@lru_cache(maxsize=1024)
def decode_options(text: str | None) -> JobOptions:
    """The rules behind a stored text."""
    return DEFAULT_OPTIONS if text is None else _decoder.decode(text)

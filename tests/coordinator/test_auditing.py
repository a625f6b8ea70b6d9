"""What a start leaves in the audit."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from tenure.coordinator.auditing import start_of
from tenure.domain.audit import MASK
from tenure.settings import Settings


def test_a_start_tells_settings_but_no_secret() -> None:
    settings = Settings(
        database_url="postgresql://ann:hunter2@db/x?password=hunter2",
        secret_key="hunter2-b6yXq0fWkz2LmT9vRjPd81NaHc", token="hunter2",
        host="127.0.0.2", lease=timedelta(seconds=10),
    )  # fmt: skip
    entry = start_of("c1", settings)
    assert entry.after is not None
    assert entry.after["secret_key"] == entry.after["token"] == MASK
    assert entry.after["host"] == "127.0.0.2"
    assert entry.after["database_url"] == f"postgresql://{MASK}@db/x?password={MASK}"
    assert b"hunter2" not in msgspec.json.encode(entry.after)
    assert start_of("c1", Settings()).after == {}

"""Settings: flags > TENURE_* > .env (only with --env-file) > tenure.toml > defaults.

One frozen model for every command; spans and sizes carry their unit in the value (`30s`, `64MiB`).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tenure.domain.errors import ConfigurationError, FieldError
from tenure.values import Networks, PositiveSpan, Secret, Size, Span, Words


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Retention(_Group):
    """How long finished jobs and other history are kept."""

    failed: Span = timedelta(days=30)
    max_failed: Annotated[int, Field(ge=1)] = 100_000
    completed: Span = timedelta(days=7)
    cancelled: Span = timedelta(days=7)
    skipped: Span = timedelta(days=7)
    expired: Span = timedelta(days=7)
    events: Span = timedelta(days=90)
    stats: Span = timedelta(days=90)
    idempotency_keys: Span = timedelta(hours=24)


class Limits(_Group):
    """Bounds of everything that comes in."""

    payload: Size = 256 * 1024
    result: Size = 1024 * 1024
    error: Size = 64 * 1024
    checkpoint: Size = 64 * 1024
    log_bytes: Size = 1024 * 1024
    log_lines: Annotated[int, Field(ge=1)] = 10_000
    batch_jobs: Annotated[int, Field(ge=1, le=10_000)] = 10_000
    body: Size = 8 * 1024 * 1024
    queued_writes: Annotated[int, Field(ge=1)] = 10_000
    logins: Annotated[int, Field(ge=1)] = 30
    failed_logins: Annotated[int, Field(ge=1)] = 5
    refreshes: Annotated[int, Field(ge=1)] = 120
    registrations: Annotated[int, Field(ge=1)] = 10


class Quotas(_Group):
    """What one user may have and do; Admins may more. 0: as much as they like."""

    unfinished_jobs: Annotated[int, Field(ge=0)] = 10_000
    jobs_per_minute: Annotated[int, Field(ge=0)] = 10_000
    schedules: Annotated[int, Field(ge=0)] = 100


class Settings(_Group):
    """All settings. Names on the command line and in the environment are the fields' names."""

    database_url: Annotated[str, Field(repr=False)] = "sqlite:///tenure.db"
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 5000
    auth: Literal["none", "required"] = "none"
    secret_key: Annotated[Secret | None, Field(repr=False)] = None
    open_registration: bool | None = None
    admin_token_file: str | None = None
    worker_token_file: str | None = None
    insecure_bind: bool = False
    allowed_hosts: Words = ()
    tls_certificate: str | None = None
    tls_key: str | None = None
    trusted_proxies: Networks = ()
    lease: PositiveSpan = timedelta(seconds=30)
    sweep_every: PositiveSpan = timedelta(seconds=1)
    max_lost: Annotated[int, Field(ge=1)] = 3
    retention: Retention = Retention()
    limits: Limits = Limits()
    quotas: Quotas = Quotas()
    smtp_url: Annotated[
        str | None, Field(repr=False, pattern=r"^smtps?(\+starttls)?://[^/\s]+$")
    ] = None
    smtp_from: str = "tenure@localhost"
    log_level: Literal["trace", "debug", "info", "warning", "error"] = "info"
    log_format: Literal["text", "json"] = "text"
    tracing: bool = False

    coordinator_url: str = "http://127.0.0.1:5000"
    token: Annotated[str | None, Field(repr=False)] = None
    tls_ca: str | None = None
    slots: Annotated[int, Field(ge=1, le=10_000)] = 10
    queues: Words = ("default",)
    allow_scripts: bool = False
    script_python: str | None = None
    http_allow: Words = ()
    drain_grace: Span = timedelta(seconds=30)
    metrics_host: str = "127.0.0.1"
    metrics_port: Annotated[int | None, Field(ge=0, le=65_535)] = None
    env: str | None = None
    trace_url: str | None = None

    @property
    def registration_open(self) -> bool:
        """Whether anybody may sign up: as set, else only where nobody else can reach it."""
        return is_loopback(self.host) if self.open_registration is None else self.open_registration


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address that a server binds to."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


SECRETS = frozenset({"secret_key", "smtp_url", "token"})
"""Settings whose values are never shown."""

_PREFIX = "TENURE_"
_MAX_FILE_BYTES = 64 * 1024
_FOREIGN = re.compile(
    r"TENURE_(?:PROGRESS_FD|SKIP_UI|TEST_\w+|JOB_\w+"
    r"|(?:\w+_)?SERVICE_(?:HOST|PORT\w*)|(?:\w+_)?PORT_\d+_\w+)"
)
"""Names that are not settings: set for scripts, builds and tests, or by Kubernetes for services."""

_Path = tuple[str, ...]
_GROUPS: tuple[_Path, ...] = (("retention",), ("limits",), ("quotas",))


@dataclass(frozen=True, slots=True)
class Loaded:
    """`origins`: for every setting, by dotted name, where its value came from."""

    settings: Settings
    origins: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Entry:
    path: _Path
    value: Any
    origin: str
    label: str
    """What a person wrote, for messages."""


@dataclass(frozen=True, slots=True)
class _Wrong:
    path: _Path
    detail: str


def load(
    flags: Mapping[str, Any] | None = None,
    *,
    environ: Mapping[str, str],
    env_file: Path | None = None,
    directory: Path,
) -> Loaded:
    """The settings from all layers, the strongest last: `tenure.toml` or `[tool.tenure]` of
    `pyproject.toml` in `directory`, `env_file`, `environ`, `flags`.

    `flags` go by dotted field name; None means not given. An empty environment value counts as
    not given. `TENURE_<NAME>_FILE` names a file that holds the value. Raises ConfigurationError
    that names every wrong setting, never its value.
    """
    found: dict[_Path, _Entry] = {}
    wrong: list[FieldError] = []
    for candidate in _candidates(flags or {}, environ, env_file, directory):
        if isinstance(candidate, _Wrong):
            wrong.append(FieldError("/" + "/".join(candidate.path), candidate.detail))
        else:
            found[candidate.path] = candidate
    try:
        settings = Settings.model_validate(_nested(found))
    except ValidationError as error:
        wrong += [_explain(item, found) for item in error.errors(include_url=False)]
    if wrong:
        detail = wrong[0].detail if len(wrong) == 1 else f"{len(wrong)} settings are wrong"
        raise ConfigurationError(detail, errors=tuple(wrong))
    origins = {".".join(path): "default" for path in _leaves()}
    origins |= {".".join(path): entry.origin for path, entry in found.items()}
    return Loaded(settings, origins)


def environment_name(dotted: str) -> str:
    """The environment variable of a setting: `limits.payload` is `TENURE_LIMITS__PAYLOAD`."""
    return _PREFIX + dotted.upper().replace(".", "__")


def _candidates(
    flags: Mapping[str, Any], environ: Mapping[str, str], env_file: Path | None, directory: Path
) -> Iterator[_Entry | _Wrong]:
    name, table = _configuration_file(directory)
    yield from _table(table, (), name)
    if env_file is not None:
        yield from _variables(_env_file(env_file), f"file {env_file}")
    yield from _variables(environ, "environment")
    for dotted, value in flags.items():
        if value is not None:
            yield _Entry(tuple(dotted.split(".")), value, "command line", dotted)


def _configuration_file(directory: Path) -> tuple[str, dict[str, Any]]:
    """The name for messages and the table; `pyproject.toml` only where there is no own file."""
    import tomllib

    for name, keys in (("tenure.toml", ()), ("pyproject.toml", ("tool", "tenure"))):
        try:
            table: Any = tomllib.loads((directory / name).read_text("utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"{name} cannot be read: {error}") from None
        for key in keys:
            table = table.get(key, {}) if isinstance(table, dict) else {}
        if not isinstance(table, dict):
            raise ConfigurationError(f"[{'.'.join(keys)}] in {name} must be a table")
        return (name, table) if not keys else (f"{name} [tool.tenure]", table)
    return "", {}


def _env_file(path: Path) -> dict[str, str]:
    from dotenv import dotenv_values

    try:
        with path.open(encoding="utf-8") as stream:
            values = dotenv_values(stream=stream, interpolate=False)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from None
    return {name: value or "" for name, value in values.items()}


def _variables(variables: Mapping[str, str], source: str) -> Iterator[_Entry | _Wrong]:
    for name, value in variables.items():
        if not name.startswith(_PREFIX) or _FOREIGN.fullmatch(name) or value == "":
            continue
        if name.endswith("_PORT") and value.startswith("tcp://"):
            continue  # Kubernetes sets these for a service of that name
        path = tuple(name.removeprefix(_PREFIX).lower().split("__"))
        yield from _entries(path, value, name, f"{source} {name}", environment_name)


def _table(table: Mapping[str, Any], above: _Path, source: str) -> Iterator[_Entry | _Wrong]:
    for key, value in table.items():
        path = (*above, key)
        if isinstance(value, dict) and any(leaf[:-1] == path for leaf in _leaves()):
            yield from _table(value, path, source)
        else:
            yield from _entries(path, value, f"{'.'.join(path)} in {source}", source, str)


def _entries(
    path: _Path, value: Any, label: str, origin: str, write: Callable[[str], str]
) -> Iterator[_Entry | _Wrong]:
    leaves = _leaves()
    plain = (*path[:-1], path[-1].removesuffix("_file"))
    if path in leaves:
        yield _Entry(path, value, origin, label)
    elif plain in leaves:
        yield _from_file(plain, value, label, origin)
    elif isinstance(value, str) and path in _GROUPS:
        yield from _pairs(path, value, label, origin)
    elif path in _GROUPS:
        yield _Wrong(path, f"{label}: must be a table")
    else:
        beside = {leaf[-1]: ".".join(leaf) for leaf in leaves if leaf[:-1] == path[:-1]}
        close = difflib.get_close_matches(path[-1], beside, n=1, cutoff=0.6)
        hint = f", did you mean {write(beside[close[0]])}?" if close else ""
        yield _Wrong(path, f"{label}: unknown setting{hint}")


def _from_file(path: _Path, name: Any, label: str, origin: str) -> _Entry | _Wrong:
    try:
        with Path(str(name)).open(encoding="utf-8") as stream:
            text = stream.read(_MAX_FILE_BYTES + 1)
    except (OSError, ValueError):
        return _Wrong(path, f"{label}: the file cannot be read")
    if len(text) > _MAX_FILE_BYTES or not text.strip():
        return _Wrong(path, f"{label}: the file is empty or too large")
    return _Entry(path, text.strip(), f"{origin} -> {name}", label)


def _pairs(path: _Path, text: str, label: str, origin: str) -> Iterator[_Entry | _Wrong]:
    """`failed=30d,completed=7d`; a bare value stands for every final state of `retention`."""
    if path == ("retention",) and "=" not in text:
        for state in ("failed", "completed", "cancelled", "skipped", "expired"):
            yield _Entry((*path, state), text, origin, label)
        return
    for pair in text.split(","):
        key, _, value = (part.strip() for part in pair.partition("="))
        if (*path, key) in _leaves():
            yield _Entry((*path, key), value, origin, label)
        else:
            yield _Wrong((*path, key), f"{label}: {key!r} is unknown in {path[0]}")


def _leaves() -> dict[_Path, None]:
    """The path of every setting, groups opened, in the order of the model."""
    leaves: dict[_Path, None] = {}
    for name, field in Settings.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, _Group):
            leaves |= {(name, inner): None for inner in kind.model_fields}
        else:
            leaves[(name,)] = None
    return leaves


def _nested(found: Mapping[_Path, _Entry]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for path, entry in found.items():
        inner = values
        for part in path[:-1]:
            inner = inner.setdefault(part, {})
        inner[path[-1]] = entry.value
    return values


def _explain(item: Any, found: Mapping[_Path, _Entry]) -> FieldError:
    location = tuple(str(part) for part in item["loc"])
    label = next(
        (found[location[:n]].label for n in range(len(location), 0, -1) if location[:n] in found),
        ".".join(location),
    )
    message = item["msg"].removeprefix("Value error, ")
    message = re.sub(r"^(?:Input|String|Value) should", "must", message)
    return FieldError("/" + "/".join(location), f"{label}: {message[:1].lower()}{message[1:]}")

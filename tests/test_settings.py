from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tenure.domain.errors import ConfigurationError
from tenure.settings import Loaded, Settings, environment_name, load
from tenure.values import parse_span


def read(directory: Path, env_file: Path | None = None, /, **environ: str) -> Loaded:
    return load(environ=environ, env_file=env_file, directory=directory)


def refused(directory: Path, env_file: Path | None = None, /, **environ: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        read(directory, env_file, **environ)
    assert caught.value.errors
    return [error.detail for error in caught.value.errors]


def test_nothing_given_is_the_defaults(tmp_path: Path) -> None:
    loaded = read(tmp_path)
    assert loaded.settings == Settings()
    assert set(loaded.origins.values()) == {"default"}


def test_each_layer_beats_the_one_below_it(tmp_path: Path) -> None:
    (tmp_path / "tenure.toml").write_text('port = 1\nhost = "a"\nslots = 1\nmax_lost = 1\n')
    env_file = tmp_path / "local.env"
    env_file.write_text("TENURE_PORT=2\nTENURE_HOST=b\nTENURE_SLOTS=2\nOTHER=x\n")
    loaded = load(
        {"port": 4, "host": None},
        environ={"TENURE_PORT": "3", "TENURE_HOST": "c"},
        env_file=env_file,
        directory=tmp_path,
    )
    settings, origins = loaded.settings, loaded.origins
    assert (settings.port, settings.host, settings.slots, settings.max_lost) == (4, "c", 2, 1)
    assert origins["port"] == "command line"
    assert origins["host"] == "environment TENURE_HOST"
    assert origins["slots"] == f"file {env_file} TENURE_SLOTS"
    assert origins["max_lost"] == "tenure.toml"
    assert origins["lease"] == "default"


def test_an_env_file_is_read_only_when_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("TENURE_PORT=2\n")
    assert read(tmp_path).settings.port == 5000


def test_pyproject_serves_where_there_is_no_own_file(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.tenure]\nport = 7\n")
    loaded = read(tmp_path)
    assert (loaded.settings.port, loaded.origins["port"]) == (7, "pyproject.toml [tool.tenure]")
    (tmp_path / "tenure.toml").write_text("slots = 3\n")
    assert read(tmp_path).settings.port == 5000


def test_a_pyproject_without_the_table_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert read(tmp_path).settings == Settings()


def test_nested_settings_go_by_double_underscore_and_by_table(tmp_path: Path) -> None:
    (tmp_path / "tenure.toml").write_text('[limits]\npayload = "2MiB"\nresult = "1kB"\n')
    limits = read(tmp_path, TENURE_LIMITS__PAYLOAD="64KiB").settings.limits
    assert (limits.payload, limits.result) == (64 * 1024, 1000)


def test_retention_by_state_and_at_once(tmp_path: Path) -> None:
    by_state = read(tmp_path, TENURE_RETENTION="failed=90d, completed=12h").settings.retention
    assert (by_state.failed, by_state.completed) == (timedelta(days=90), timedelta(hours=12))
    assert by_state.cancelled == timedelta(days=7)
    at_once = read(tmp_path, TENURE_RETENTION="1d").settings.retention
    assert {at_once.failed, at_once.completed, at_once.expired} == {timedelta(days=1)}
    assert at_once.events == timedelta(days=90)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("250ms", timedelta(milliseconds=250)),
        ("30s", timedelta(seconds=30)),
        ("1.5m", timedelta(seconds=90)),
        ("2 h", timedelta(hours=2)),
        ("7d", timedelta(days=7)),
    ],
)
def test_spans_carry_their_unit(tmp_path: Path, text: str, span: timedelta) -> None:
    assert parse_span(text) == span
    assert read(tmp_path, TENURE_LEASE=text).settings.lease == span


@pytest.mark.parametrize("text", ["30", "30 s 5", "-3s", "s", "1e3s", "999999999999999d", "0s"])
def test_spans_without_sense_are_refused(tmp_path: Path, text: str) -> None:
    assert refused(tmp_path, TENURE_LEASE=text)[0].startswith("TENURE_LEASE: ")


@pytest.mark.parametrize(
    ("text", "size"), [("5", 5), ("5B", 5), ("2kB", 2000), ("2KiB", 2048), ("1.5MiB", 3 << 19)]
)
def test_sizes_carry_their_unit(tmp_path: Path, text: str, size: int) -> None:
    assert read(tmp_path, TENURE_LIMITS__BODY=text).settings.limits.body == size


@pytest.mark.parametrize("text", ["0", "-1", "1TB", "many"])
def test_sizes_without_sense_are_refused(tmp_path: Path, text: str) -> None:
    assert refused(tmp_path, TENURE_LIMITS__BODY=text)[0].startswith("TENURE_LIMITS__BODY: ")


def test_words_are_separated_by_commas_or_a_toml_list(tmp_path: Path) -> None:
    assert read(tmp_path, TENURE_QUEUES="a, b,,c").settings.queues == ("a", "b", "c")
    (tmp_path / "tenure.toml").write_text('queues = ["x", "y"]\n')
    assert read(tmp_path).settings.queues == ("x", "y")


def test_an_empty_variable_counts_as_not_given(tmp_path: Path) -> None:
    assert read(tmp_path, TENURE_TOKEN="", TENURE_PORT="").settings == Settings()


def test_unknown_names_are_refused_with_the_nearest_known_one(tmp_path: Path) -> None:
    assert refused(tmp_path, TENURE_PROT="1") == [
        "TENURE_PROT: unknown setting, did you mean TENURE_PORT?"
    ]
    assert refused(tmp_path, TENURE_LIMITS__PAYLODE="1") == [
        "TENURE_LIMITS__PAYLODE: unknown setting, did you mean TENURE_LIMITS__PAYLOAD?"
    ]
    env_file = tmp_path / ".env"
    env_file.write_text("TENURE_HOTS=x\n")
    assert refused(tmp_path, env_file) == [
        "TENURE_HOTS: unknown setting, did you mean TENURE_HOST?"
    ]
    (tmp_path / "tenure.toml").write_text("prot = 1\n[limits]\nqqq = 1\n")
    assert refused(tmp_path) == [
        "prot in tenure.toml: unknown setting, did you mean port?",
        "limits.qqq in tenure.toml: unknown setting",
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TENURE_PROGRESS_FD", "7"),
        ("TENURE_SKIP_UI", "1"),
        ("TENURE_TEST_LOOP", "uvloop"),
        ("TENURE_JOB_ID", "x"),
        ("TENURE_SERVICE_HOST", "10.0.0.1"),
        ("TENURE_COORDINATOR_SERVICE_PORT_HTTP", "5000"),
        ("TENURE_PORT", "tcp://10.0.0.1:5000"),
        ("TENURE_PORT_5000_TCP_ADDR", "10.0.0.1"),
        ("TENUREX", "x"),
    ],
)
def test_names_of_others_are_left_alone(tmp_path: Path, name: str, value: str) -> None:
    assert read(tmp_path, **{name: value}).settings == Settings()


def test_every_wrong_value_is_named_and_none_is_shown(tmp_path: Path) -> None:
    (tmp_path / "tenure.toml").write_text('slots = "many"\n')
    details = refused(
        tmp_path, TENURE_PORT="70000", TENURE_AUTH="maybe", TENURE_SECRET_KEY="hunter2-is-short"
    )
    assert {detail.partition(":")[0] for detail in details} == {
        "TENURE_PORT",
        "TENURE_AUTH",
        "TENURE_SECRET_KEY",
        "slots in tenure.toml",
    }
    assert not [detail for detail in details if "hunter2" in detail or "70000" in detail]


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("abc\n")
    loaded = read(tmp_path, TENURE_TOKEN_FILE=str(secret))
    assert loaded.settings.token == "abc"
    assert loaded.origins["token"] == f"environment TENURE_TOKEN_FILE -> {secret}"
    secret.write_text("\n")
    assert refused(tmp_path, TENURE_TOKEN_FILE=str(secret)) == [
        "TENURE_TOKEN_FILE: the file is empty or too large"
    ]
    assert refused(tmp_path, TENURE_TOKEN_FILE=str(tmp_path / "no")) == [
        "TENURE_TOKEN_FILE: the file cannot be read"
    ]


def test_secrets_are_not_in_the_repr() -> None:
    shown = repr(Settings(token="s3cret", database_url="postgresql://u:s3cret@h/d"))
    assert "s3cret" not in shown


@pytest.mark.parametrize("text", ["port = ", "a = 1\na = 2", "\x00", "tool = 5\n[tool.tenure]"])
def test_a_broken_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "tenure.toml").write_text(text)
    with pytest.raises(ConfigurationError, match=r"tenure\.toml cannot be read"):
        read(tmp_path)


def test_a_missing_env_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.env cannot be read"):
        read(tmp_path, tmp_path / "none.env")


def test_a_table_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool]\ntenure = 5\n")
    with pytest.raises(ConfigurationError, match="must be a table"):
        read(tmp_path)
    (tmp_path / "tenure.toml").write_text("limits = 5\n")
    assert refused(tmp_path) == ["limits in tenure.toml: must be a table"]


def test_the_environment_names() -> None:
    assert environment_name("limits.payload") == "TENURE_LIMITS__PAYLOAD"


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        ("x" * 31, "at least 32 bytes"),
        ("abababab" * 8, "repeats a few characters"),
        ("change-me-please-change-me-please-now", "others know it"),
    ],
)
def test_weak_secrets_are_refused_and_not_told(tmp_path: Path, secret: str, why: str) -> None:
    file = tmp_path / "secret"
    file.write_text(secret)
    for given in ({"TENURE_SECRET_KEY": secret}, {"TENURE_SECRET_KEY_FILE": str(file)}):
        with pytest.raises(ConfigurationError, match=why) as caught:
            load(environ=given, directory=tmp_path)
        assert secret not in str(caught.value)
        assert "openssl rand -hex 32" in caught.value.detail


@pytest.mark.parametrize(
    ("host", "given", "is_open"),
    [
        ("127.0.0.1", None, True), ("localhost", None, True), ("[::1]", None, True),
        ("0.0.0.0", None, False), ("example.org", None, False), ("0.0.0.0", True, True),
        ("127.0.0.1", False, False),
    ],
)  # fmt: skip
def test_who_may_sign_up(host: str, given: bool | None, is_open: bool) -> None:
    assert Settings(host=host, open_registration=given).registration_open is is_open

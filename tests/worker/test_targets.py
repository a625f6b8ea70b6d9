from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from tenure.domain.errors import ConfigurationError
from tenure.worker.registry import Registry, handler
from tenure.worker.targets import load_file, load_plugins, load_targets, watched_files

HANDLERS = """
    from tenure.worker.registry import handler

    @handler("one")
    def one(payload): return 1

    @handler("two")
    def two(payload): return 2

    three = 3
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working directory, with an import path that is put back."""
    monkeypatch.chdir(tmp_path)
    path, modules = list(sys.path), set(sys.modules)
    yield tmp_path
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def _write(file: Path, text: str = HANDLERS) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(dedent(text))
    return file


def _loaded(*targets: str) -> Registry:
    registry = Registry()
    load_targets(registry, targets)
    return registry


def _names(registry: Registry) -> set[str]:
    return {item.name for item in registry}


def test_a_module_brings_all_its_handlers(place: Path) -> None:
    _write(place / "shop" / "orders.py")
    assert _names(_loaded("shop.orders")) == {"one", "two"}


def test_an_attribute_brings_one(place: Path) -> None:
    _write(place / "orders_a.py")
    assert _names(_loaded("orders_a:two")) == {"two"}


def test_a_file_brings_its_handlers_and_can_import_its_neighbours(place: Path) -> None:
    _write(place / "deep" / "neighbour_x.py", "NAME = 'near'")
    _write(
        place / "deep" / "main.py",
        """
        import neighbour_x
        from tenure.worker.registry import handler

        @handler(neighbour_x.NAME)
        def run(payload): ...
        """,
    )
    assert _names(_loaded("deep/main.py")) == {"near"}


def test_a_file_is_imported_once(place: Path) -> None:
    file = _write(place / "once.py")
    assert load_file(file) is load_file(place / "." / "once.py")


def test_a_file_that_fails_leaves_no_module_behind(place: Path) -> None:
    file = _write(place / "bad.py", "raise OSError('no disk')")
    before = set(sys.modules)
    with pytest.raises(OSError, match="no disk"):
        load_file(file)
    assert {name for name in set(sys.modules) - before if "bad" in name} == set()


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("no_such_module_anywhere", "target no_such_module_anywhere: ModuleNotFoundError"),
        ("missing.py", "no such file"),
        ("bad.py", r"target bad.py: ValueError: broken"),
        ("empty.py", "no function there is decorated"),
        ("good_b:nothing", "has no nothing"),
        ("good_b:three", "not decorated"),
    ],
)
def test_a_wrong_target_is_named(place: Path, target: str, said: str) -> None:
    _write(place / "bad.py", "raise ValueError('broken')")
    _write(place / "empty.py", "x = 1")
    _write(place / "good_b.py")
    with pytest.raises(ConfigurationError, match=said):
        _loaded(target)


def _distribution(place: Path, entries: str) -> None:
    info = _write(place / "plug-1.0.dist-info" / "METADATA", "Name: plug\nVersion: 1.0\n").parent
    _write(info / "entry_points.txt", f"[tenure.handlers]\n{dedent(entries)}")
    sys.path.insert(0, str(place))


def test_plugins_are_loaded_and_a_broken_one_is_named(place: Path) -> None:
    _write(place / "plug_good.py")
    _write(place / "plug_bad.py", "import no_such_module_anywhere")
    _distribution(
        place,
        """\
        one = plug_good:one
        bad = plug_bad:run
        plain = plug_good:three
        """,
    )
    registry = Registry()
    failed = load_plugins(registry)
    assert {"one", "echo", "sample", "http"} <= _names(registry)
    assert "no_such_module_anywhere" in failed["bad"]
    assert "not decorated" in failed["plain"]


def test_an_explicit_handler_wins_over_a_plugin() -> None:
    @handler("echo")
    def mine(payload: object) -> object:
        return payload

    registry = Registry()
    registry.add(mine)
    assert load_plugins(registry) == {}
    found = registry.get("echo")
    assert found is not None
    assert found.function is mine


def test_the_files_to_watch(place: Path) -> None:
    _write(place / "watched_c.py")
    sys.path.insert(0, str(place))
    assert watched_files(["watched_c:one", "some/file.py"]) == [
        place / "watched_c.py",
        place / "some" / "file.py",
    ]

from __future__ import annotations

from tenure.telemetry.meters import OTHER, Histogram, Histograms, Names


def test_a_histogram_counts_up_to_each_bound() -> None:
    histogram = Histogram((1, 2, 5))
    for value in (0.5, 1, 1.5, 5, 5.1):
        histogram.observe(value)
    histogram.add({0: 2, 3: 1}, 10.5)
    assert histogram.cumulative() == [("1.0", 4), ("2.0", 5), ("5.0", 6), ("+Inf", 8)]
    assert histogram.total == 23.6


def test_beyond_the_bound_series_go_together_but_for_their_last_labels() -> None:
    series = Histograms((1,), most=2, open_labels=1)
    first = series.of("a", "ok")
    assert series.of("a", "ok") is first
    series.of("b", "ok")
    rest = series.of("c", "ok")
    assert series.of("d", "ok") is rest
    assert series.of("d", "bad") is not rest
    assert series.of("a", "ok") is first
    assert [labels for labels, _ in series] == [
        ("a", "ok"), ("b", "ok"), (OTHER, "ok"), (OTHER, "bad"),
    ]  # fmt: skip


def test_a_series_that_is_really_called_other_is_not_shown_twice() -> None:
    series = Histograms((1,), most=1, open_labels=1)
    own = series.of(OTHER, "ok")
    assert series.of("late", "ok") is own
    assert [labels for labels, _ in series] == [(OTHER, "ok")]


def test_names_stay_themselves_or_become_other_for_good() -> None:
    names = Names(2)
    assert [names.admit(name) for name in ("a", "b", "c", "a", "c")] == [
        "a",
        "b",
        OTHER,
        "a",
        OTHER,
    ]
    assert list(names) == ["a", "b"]

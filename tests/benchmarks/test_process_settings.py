"""The study of how threads wait and what becomes of freed memory, and that of how stages begin: a little of each."""

import pandas as pd
import pytest

from benchmarks import process_settings, startup


@pytest.mark.parametrize("name", ["as the stages run", "threads sleep at once"])
def test_steps_are_timed_in_processes_of_their_own(name):
    times = process_settings.in_processes(name, trainings=2, seconds=0.01)
    assert len(times) == 2
    assert all(time > 0 for time in times)


def test_what_the_stages_run_with_comes_first():
    variables, kept = next(iter(process_settings.SETTINGS.values()))
    assert (variables, kept) == ({"GOMP_SPINCOUNT": "1000"}, True)  # of stages/__init__.py and stages/pretrain.py


def test_ratios_are_of_the_same_round():
    milliseconds = {name: (10.0, 20.0) for name in process_settings.SETTINGS} | {"threads sleep at once": (15.0, 30.0)}
    rows = [
        {"setting": name, "trainings": 1, "round": number, "milliseconds": value}
        for name, values in milliseconds.items()
        for number, value in enumerate(values, 1)
    ]
    text = process_settings.as_markdown(pd.DataFrame(rows))
    assert "1.50x (1.50 to 1.50)" in text
    assert text.count("1.00x (1.00 to 1.00)") == 2


def test_a_stage_begins():
    clock, processor = startup.seconds(startup.STAGE.format(name="download"))
    assert clock > 0
    assert processor > 0

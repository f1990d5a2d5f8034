import pytest

from maskcon.parameters.errors import UserError
from maskcon.runtime.atomic_files import write_text
from maskcon.tracking.outcome import Point, curve_points, data_digest, read_outcome


def test_metrics_are_named_by_their_place(checkout):
    outcome = read_outcome(checkout, ["knn"])

    assert outcome.metrics["recall_at_1"] == 0.5
    assert outcome.metrics["interval.recall_at_1.low"] == 0.4
    assert outcome.metrics["untrained.recall_at_1"] == 0.25
    assert outcome.metrics["pretrain.timing.seconds"] == 3.75
    assert outcome.metrics["knn_fine_top_1"] == 0.625
    assert outcome.texts == {"pretrain.device": "cpu"}
    assert "pixels.recall_at_2" not in outcome.metrics  # null: not measured
    assert "untrained.interval.recall_at_1.low" not in outcome.metrics  # nobody compares it; an artifact has it


def test_what_an_earlier_run_measured_is_not_recorded(checkout):
    write_text(checkout / "metrics/measures/linear_in_full.json", '{"linear_fine_top_1": 0.5}')
    outcome = read_outcome(checkout, ["knn"])
    assert "linear_fine_top_1" not in outcome.metrics
    measured = [file.name for file in outcome.artifacts if file.parent.name == "measures"]
    assert measured == ["knn_in_full.json"]


def test_curves_carry_the_time_of_their_epoch(checkout):
    curves = read_outcome(checkout, ["knn"]).curves

    assert [point for point in curves if point.name == "pretrain/loss"] == [
        Point("pretrain/loss", 1, 3.5, 1.25),
        Point("pretrain/loss", 2, 2.5, 2.25),
        Point("pretrain/loss", 3, 2.0, 3.75),
    ]
    recall = [(p.epoch, p.seconds) for p in curves if p.name == "recall_over_epochs/recall_at_1"]
    assert recall == [(0, 0.0), (1, 1.25), (3, 3.75)]
    assert not any("coarse" in point.name for point in curves)  # its cells are empty


@pytest.mark.fault
def test_a_line_still_being_written_is_left_out(tmp_path):
    write_text(tmp_path / "c.csv", "epoch,loss,seconds\n1,3.5,1.0\n2,2.")
    assert curve_points(tmp_path / "c.csv", "pretrain")[0] == Point("pretrain/loss", 1, 3.5, 1.0)
    assert {point.epoch for point in curve_points(tmp_path / "c.csv", "pretrain")} == {1}


@pytest.mark.fault
@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("metrics/retrieval_in_full.json", "{"),
        ("metrics/pretrain.json", ""),
        ("plots/pretrain.csv", "loss\n1\n"),
        ("plots/pretrain.csv", "epoch,loss,seconds\none,1,1\n"),
    ],
)
def test_damaged_results_are_one_error(checkout, file, text):
    write_text(checkout / file, text)
    with pytest.raises(UserError, match="results cannot be read"):
        read_outcome(checkout, ["knn"])


def test_the_data_set_has_the_checksum_of_dvc(checkout):
    assert data_digest(checkout, "digits") == "0123456789abcdef0123456789abcdef.dir"
    assert data_digest(checkout, "two_digits") is None
    (checkout / "dvc.lock").unlink()
    assert data_digest(checkout, "digits") is None

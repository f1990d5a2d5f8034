import json

from maskcon.__main__ import main
from maskcon.commands.summary import recall_table
from tests.tracking.finished_checkout import make_checkout


def test_one_row_for_each_kind_of_features():
    metrics = {"recall_at_1": 0.96, "recall_at_10": 0.99, "coarse_recall_at_1": 1.0, "images": 9}
    metrics |= {"untrained": {"recall_at_1": 0.13, "recall_at_10": 0.5, "coarse_recall_at_1": 0.7}}
    metrics |= {"pixels": {"recall_at_1": 0.3, "recall_at_10": 0.75, "coarse_recall_at_1": 0.8}}
    assert [line.split() for line in recall_table(metrics).splitlines()] == [
        ["R@1", "R@10", "coarse", "R@1"],
        ["----------", "-----", "------", "------------"],
        ["trained", "96.0%", "99.0%", "100.0%"],
        ["untrained", "13.0%", "50.0%", "70.0%"],
        ["raw", "pixels", "30.0%", "75.0%", "80.0%"],
    ]


def test_without_fine_labels_the_coarse_recall_and_how_often_a_view_finds_the_other():
    coarse = {"coarse_recall_at_1": 0.5, "view_retrieval": 0.25}
    table = recall_table({**coarse, "images": 9, "untrained": coarse, "pixels": coarse})
    assert table.splitlines()[0].split() == ["coarse", "R@1", "view", "finds", "view"]
    assert table.splitlines()[2].split() == ["trained", "50.0%", "25.0%"]


def test_a_training_that_lost_is_told_with_what_to_use_instead(tmp_path, monkeypatch, capsys):
    checkout = make_checkout(tmp_path)
    monkeypatch.chdir(checkout)
    file = checkout / "metrics/retrieval_in_full.json"
    lost = {
        "gain": {"mean": -0.1, "low": -0.15, "high": -0.05, "instead": "models/untrained.pt"},
        "whitened": {"recall_at_1": 0.7},
    }
    file.write_text(json.dumps(json.loads(file.read_text()) | lost))
    main(["summary"])
    printed = capsys.readouterr().out
    assert "Training lost 10.0 points of Recall@1: use models/untrained.pt" in printed
    assert "whitened" in printed


def test_it_says_where_everything_is(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(make_checkout(tmp_path))
    for name in ("MLFLOW_TRACKING_URI", "DVC_ROOT"):
        monkeypatch.delenv(name, raising=False)
    main(["summary"])
    printed = capsys.readouterr().out
    for text in ("R@1", "50.0%", "reports/report.pdf", "reports/gallery.html", f"sqlite:///{tmp_path}", "make ui"):
        assert text in printed

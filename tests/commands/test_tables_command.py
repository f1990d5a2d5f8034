import pytest

from maskcon.__main__ import main


def test_help_names_the_metrics_as_one_types_them(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit):
        main(["tables", "--help"])
    assert "default: recall_at_1 recall_at_10 mean_average_precision_at_r" in capsys.readouterr().out

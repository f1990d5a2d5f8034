"""The stages figures and report in a folder of their own, through the files that they read and write."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.support.finished_run import CHECKOUT, number_images, two_digit_labels, write_finished_run

pytestmark = pytest.mark.slow

KINDS = ("embedding_map", "retrieved_images", "training_curves", "recall_at_k")


def run_stage(name: str, folder: Path, hash_seed: int = 0) -> subprocess.CompletedProcess:
    environment = os.environ | {
        "PYTHONPATH": str(CHECKOUT),
        "PYTHONHASHSEED": str(hash_seed),
        "PYTHONWARNINGS": "error::UserWarning",
    }
    return subprocess.run(
        [sys.executable, "-m", f"stages.{name}"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def small_run(folder: Path, has_fine: bool = True, **changes: object) -> Path:
    labels = two_digit_labels(120)
    images = number_images(labels["fine"].to_numpy())
    if not has_fine:
        labels = labels.assign(fine=np.nan, fine_name="")
    write_finished_run(folder, labels, images, figures__queries_per_coarse_class=1, figures__neighbours=3, **changes)
    for part in ("conf", "reports"):
        (folder / part).mkdir(exist_ok=True)
    (folder / "reports/report.typ").write_text((CHECKOUT / "reports/report.typ").read_text())
    (folder / "conf").rmdir()
    (folder / "conf").symlink_to(CHECKOUT / "conf")
    return folder


def figures_and_report(folder: Path, hash_seed: int = 0) -> dict[str, bytes]:
    for stage in ("figures", "report"):
        run = run_stage(stage, folder, hash_seed)
        assert run.returncode == 0, run.stderr
    names = [f"figures/{kind}.{ending}" for kind in KINDS for ending in ("png", "pdf")]
    return {name: (folder / "reports" / name).read_bytes() for name in [*names, "report.pdf"]}


def test_figures_and_report_come_out_the_same_in_another_process(tmp_path):
    first, second = (figures_and_report(small_run(tmp_path / str(number)), hash_seed=number) for number in (1, 2))
    assert [name for name in first if first[name] != second[name]] == []
    shown = json.loads((tmp_path / "1/reports/figures/shown.json").read_text())
    assert (shown["images_on_the_map"], shown["fine_classes_on_the_map"], shown["queries"]) == (120, 100, 10)


def test_images_without_fine_labels_go_the_whole_way(tmp_path):
    made = figures_and_report(small_run(tmp_path, has_fine=False))
    assert all(len(content) > 1000 for content in made.values())
    shown = json.loads((tmp_path / "reports/figures/shown.json").read_text())
    assert shown["fine_classes_on_the_map"] is None
    assert shown["colours_stand_for"] == "coarse"


def test_missing_embeddings_are_one_sentence(tmp_path):
    folder = small_run(tmp_path)
    (folder / "embeddings/test/untrained.npy").unlink()
    run = run_stage("figures", folder)
    assert run.returncode == 2
    assert "embeddings/test/untrained.npy" in run.stderr
    assert "dvc repro -f embed" in run.stderr
    assert "Traceback" not in run.stderr

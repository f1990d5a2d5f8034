"""The report: facts worded, and set as text whatever they say."""

import copy
import json
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import typst

from maskcon.figures.drawing import figure_style, new_figure, save_figure
from maskcon.images.packed.left_out import LeftOut
from maskcon.methods.parts.interface import Method, build_method
from maskcon.parameters.errors import UserError
from maskcon.parameters.model import load_parameters
from maskcon.parameters.plugins import METHODS
from maskcon.report.paper import (
    duration,
    gather_facts,
    grouped,
    in_lines,
    percent,
    percent_range,
    read_finished_run,
    typeset,
)
from tests.support.finished_run import number_images, two_digit_labels, write_finished_run

TEMPLATE = Path(__file__).resolve().parents[2] / "reports/report.typ"
FIGURES = {"embedding_map": 4, "retrieved_images": 7.5, "training_curves": 1.75, "recall_at_k": 4}  # heights, inches
PROVENANCE = {
    "git.commit": "0123456789abcdef0123456789abcdef01234567",
    "git.dirty": "false",
    "version.python": "3.11.7",
    "version.torch": "2.14.1",
    "platform": "Linux",
}
COMMANDS = ["git checkout 0123456", "dvc repro"]
SHOWN = {
    "images_on_the_map": 1500,
    "fine_classes_on_the_map": 100,
    "colours_stand_for": "within",
    "queries": 20,
    "coarse_classes_of_the_queries": 10,
    "neighbours": 10,
}
MARKUP = '#panic("read as code") $ @nowhere *_`</a> \\u{7} "'  # each part would fail or vanish if it were markup


def method() -> Method:
    return Method("MaskCon", "Z_i = e_0, quad r_(i j) = m_(i j)", "Feng and Patras, CVPR 2023", target=None)


def finished_run(folder: Path, labels: pd.DataFrame):
    write_finished_run(folder, labels, number_images(labels["fine"].fillna(0).to_numpy()))
    pd.Series(SHOWN).to_json(folder / "shown.json")
    with figure_style():
        for name, height in FIGURES.items():
            save_figure(new_figure(6.9, height), folder / "reports/figures" / name)
    (folder / "reports/figures/shown.json").write_text((folder / "shown.json").read_text())
    return read_finished_run(folder, load_parameters(folder / "params.yaml"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def run(folder):
    return finished_run(folder, two_digit_labels(200))


@pytest.fixture(scope="module")
def facts(run):
    return gather_facts(run, method(), PROVENANCE, COMMANDS)


@pytest.fixture(scope="module")
def coarse_facts(tmp_path_factory):
    labels = two_digit_labels(100).assign(fine=None, fine_name="")
    labels["fine"] = labels["fine"].astype(float)
    return gather_facts(finished_run(tmp_path_factory.mktemp("coarse"), labels), method(), PROVENANCE, COMMANDS)


def pages(facts: dict, folder: Path) -> list[bytes]:
    made = typeset(TEMPLATE, facts, folder / "reports/figures", format="png", ppi=20)
    return made if isinstance(made, list) else [made]


def with_every_text(value, text: str):
    """The same facts with every string replaced, but those by which the template chooses."""
    if isinstance(value, dict):
        kept = {"equation", "colours_stand_for"}
        return {key: one if key in kept else with_every_text(one, text) for key, one in value.items()}
    if isinstance(value, list):
        return [with_every_text(one, text) for one in value]
    return text if isinstance(value, str) else value


def test_facts_say_what_the_files_say(facts, run):
    assert facts["dataset"]["images"] == {"train": "200", "val": "100", "test": "200"}
    assert facts["dataset"]["coarse_names"] == [f"{ten}x" for ten in range(10)]
    assert facts["dataset"]["splits"][0] == {"name": "training", "images": "200", "coarse": "10", "fine": "100"}
    assert facts["training"]["duration"] == "1 min 2 s"
    assert facts["recall"]["columns"] == ["R@1", "R@2", "R@5", "R@10", "R@50", "R@100", "mAP@R", "coarse R@1"]
    names = [row["features"] for row in facts["recall"]["rows"]]
    assert names == ["trained", "untrained", "raw pixels"]
    for row, block in zip(
        facts["recall"]["rows"], [run.retrieval, run.retrieval["untrained"], run.retrieval["pixels"]], strict=True
    ):
        interval = block["interval"]["recall_at_1"]
        assert row["cells"][0]["value"] == f"{100 * block['recall_at_1']:.1f}"
        assert row["cells"][0]["interval"] == percent_range(interval["low"], interval["high"])
    assert [row["share"] for row in facts["by_coarse_class"]] == run.by_coarse_class["recall_at_1"].tolist()
    assert facts["provenance"] == {"commit": "0123456789ab", "dirty": False}


def test_every_parameter_is_in_the_report(facts, run):
    printed = {(group["group"], row["key"].partition(".")[0]) for group in facts["parameters"] for row in group["rows"]}
    values = run.parameters.model_dump()
    wanted = {(group, key) for group, one in values.items() if isinstance(one, dict) for key in one if group != "track"}
    absent = {(group, key) for group, key in wanted if values[group][key] is None}
    assert wanted - absent <= printed
    assert {("run", "seed"), ("run", "recipe"), ("versions", "torch")} <= printed


def test_without_fine_labels_what_needs_them_is_left_out(coarse_facts, folder):
    assert not coarse_facts["has_fine"]
    assert coarse_facts["recall"]["columns"] == ["coarse R@1", "view finds view"]
    assert coarse_facts["dataset"]["splits"][0]["fine"] == "none"
    assert pages(coarse_facts, folder)


def test_with_fine_labels_of_some_images_it_says_of_how_many(run, folder):
    shown = run.shown | {"fine_classes_on_the_map": None, "colours_stand_for": "coarse"}
    some = replace(run, retrieval=run.retrieval | {"images": 50, "images_in_part": 200}, shown=shown)
    facts = gather_facts(some, method(), PROVENANCE, COMMANDS)
    assert (facts["dataset"]["evaluated_images"], facts["images_in_part"]) == ("50", "200")
    assert (facts["has_fine"], facts["fine_in_figures"]) == (True, False)
    assert pages(facts, folder)


def test_what_is_left_out_is_counted_and_the_first_are_named(run, folder):
    torn = [LeftOut(f"{number}.jpg", 1, "is empty") for number in range(9)]
    several = replace(run, left_out=[LeftOut("deer", 20_000, "has no coarse class in data.coarse_map"), *torn])
    facts = gather_facts(several, method(), PROVENANCE, COMMANDS)
    told = facts["dataset"]["left_out"]
    assert (told["images"], told["more"]) == ("20\u2009009", "5")
    assert [one["source"] for one in told["first"]] == ["deer", "0.jpg", "1.jpg", "2.jpg", "3.jpg"]
    assert told["first"][0]["images"] == "20\u2009000"
    assert pages(facts, folder)


@pytest.mark.parametrize("coarse_classes", [2, 20, 40])
def test_tables_and_figures_stand_in_the_order_of_their_numbers_and_none_is_torn(run, folder, coarse_classes):
    table = pd.concat([run.by_coarse_class] * 4).head(coarse_classes)
    facts = gather_facts(replace(run, by_coarse_class=table), method(), PROVENANCE, COMMANDS)
    found = places(
        "query(figure.caption).map(it => (it.supplement.text, it.counter.at(it.location()).first(), place(it)))",
        *(facts, folder),
    )
    for kind, last in (("Table", 5), ("Figure", 4)):
        numbers, where = zip(*sorted(one[1:] for one in found if one[0] == kind), strict=True)
        assert numbers == tuple(range(1, last + 1))
        assert list(where) == sorted(where)
    rows = places("query(<bar>).map(place)", facts, folder)
    assert len(rows) == coarse_classes
    assert len({page for page, _ in rows}) == 1


def places(query: str, facts: dict, folder: Path):
    """What a query of the typeset report answers; ``place`` gives page and height, <bar> is each bar in a table."""
    bars = "#show rect: it => it + [#metadata(none) <bar>]\n"
    place = "#let place(it) = (it.location().page(), it.location().position().y.pt())\n"
    asked = folder / "asked.typ"
    asked.write_text(bars + TEMPLATE.read_text() + f"\n{place}#context [#metadata({query}) <answer>]")
    inputs = {"facts": json.dumps(facts), "figures": "/reports/figures"}
    [answer] = json.loads(typst.query(asked, "<answer>", root=folder, sys_inputs=inputs, field="value"))
    return answer


@pytest.mark.parametrize("changed", [{"git.dirty": "true"}, {"git.commit": "unknown"}])
def test_the_report_is_the_same_twice_and_has_no_date(run, folder, changed):
    facts = gather_facts(run, method(), PROVENANCE | changed, COMMANDS)
    first, second = (typeset(TEMPLATE, facts, folder / "reports/figures") for _ in range(2))
    assert first == second
    assert first.startswith(b"%PDF")
    assert b"/CreationDate" not in first
    assert b"/ModDate" not in first


def test_text_is_never_read_as_markup(facts, folder):
    assert len(pages(with_every_text(facts, MARKUP), folder)) >= len(pages(facts, folder))


def test_the_equation_is_read_as_mathematics(facts, folder):
    broken = copy.deepcopy(facts)
    broken["method"]["equation"] = "unheard_i"
    with pytest.raises(typst.TypstError):
        pages(broken, folder)


@pytest.mark.parametrize("name", METHODS)
def test_the_equation_of_every_method_can_be_set(run, folder, tiny_parameters, name):
    facts = gather_facts(run, build_method(tiny_parameters(loss=name).loss), PROVENANCE, COMMANDS)
    assert len(pages(facts, folder)) <= 3


def test_what_a_method_trains_beside_its_target_is_said(run, tiny_parameters):
    def told(name, changes):
        facts = gather_facts(run, build_method(tiny_parameters(changes, loss=name).loss), PROVENANCE, COMMANDS)
        return facts["method"]

    assert not told("wcl", {})["uses_keys"]
    assert told("sane", {})["keys_of_the_batch"]
    assert told("maskcon", {})["beside"] is None
    assert "its share of the loss is 0.25, that of the contrast 0.75" in told("coins", {"loss.w": 0.25})["beside"]


def test_a_long_command_is_one_command_when_it_is_pasted():
    command = """dvc exp run -S data=folder -S 'data.root="/photos/Bilder -S öäü"' -S loss=grafit -S seed=2"""
    lines = in_lines(command)
    assert lines == [
        "dvc exp run -S data=folder \\",
        """-S 'data.root="/photos/Bilder -S öäü"' \\""",
        "-S loss=grafit -S seed=2",
    ]
    read = subprocess.run(["sh", "-c", "set -- " + "\n".join(lines) + "; printf '%s\\n' \"$@\""], capture_output=True)
    assert read.stdout.decode().splitlines() == shlex.split(command)
    assert in_lines("git checkout 0123456") == ["git checkout 0123456"]


def test_bold_is_what_is_highest_and_not_what_was_trained(run):
    lower = {**run.retrieval, "recall_at_1": 0.2, "untrained": run.retrieval["untrained"] | {"recall_at_1": 0.5}}
    lower["pixels"] = run.retrieval["pixels"] | {"recall_at_1": 0.50001}  # printed alike
    facts = gather_facts(replace(run, retrieval=lower), method(), PROVENANCE, COMMANDS)
    assert [row["cells"][0]["highest"] for row in facts["recall"]["rows"]] == [False, True, True]


def test_every_measure_that_was_taken_has_a_row_and_the_caption_says_what_it_is(run):
    names = ["knn_fine_top_1", "few_shot_10_way_1_shot", "few_shot_all_way_3_shot", "of_a_new_kind"]
    block = {name: 0.5 for name in names} | {"interval": {name: {"low": 0.4, "high": 0.6} for name in names}}
    taken = replace(run, measures={**block, "untrained": block, "pixels": block})
    facts = gather_facts(taken, method(), PROVENANCE, COMMANDS)
    assert [row["measure"] for row in facts["measures"]] == [
        "nearest neighbours, fine",
        "few shots, 10 ways, 1 shot",
        "few shots, all ways, 3 shots",
        "of a new kind",
    ]
    assert facts["measures_in_words"] == (
        "the vote of the nearest training images and nearest class means from few examples"
    )


def test_of_very_many_coarse_classes_those_at_either_end(run):
    order = [(7 * place) % 1000 for place in range(1000)]
    table = pd.DataFrame({"coarse_name": map(str, order), "images": 5, "recall_at_1": [one / 1000 for one in order]})
    many = replace(run, by_coarse_class=table.assign(low=0.0, high=1.0))
    facts = gather_facts(many, method(), PROVENANCE, COMMANDS)
    assert [row["name"] for row in facts["by_coarse_class"]] == [*map(str, range(20)), *map(str, range(980, 1000))]
    assert not facts["all_coarse_classes"]


def test_a_missing_or_torn_file_is_named_with_the_stage_that_makes_it(run, tmp_path):
    with pytest.raises(UserError, match=r"metrics/pretrain\.json cannot be read .* dvc repro -f pretrain"):
        read_finished_run(tmp_path, run.parameters)
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics/pretrain.json").write_text('{"loss": ')
    with pytest.raises(UserError, match=r"metrics/pretrain\.json cannot be read .* dvc repro -f pretrain"):
        read_finished_run(tmp_path, run.parameters)


def test_numbers():
    assert [duration(seconds) for seconds in (0.4, 59.6, 61.5, 3600)] == ["0 s", "1 min 0 s", "1 min 2 s", "1 h 0 min"]
    assert percent(0.9624) == "96.2"
    assert grouped(9999) == "9999"
    assert grouped(1234567) == "1\u2009234\u2009567"


def test_a_training_that_lost_is_said_first_with_what_to_use_instead(run):
    gain = {"mean": -0.1, "low": -0.15, "high": -0.05, "instead": "models/whitened/encoder.pt"}
    lost = replace(run, retrieval={**run.retrieval, "gain": gain})
    facts = gather_facts(lost, method(), PROVENANCE, COMMANDS)
    assert facts["training_lost"] == {
        "points": "10.0",
        "interval": "5.0 to 15.0",
        "instead": "models/whitened/encoder.pt",
    }
    assert gather_facts(run, method(), PROVENANCE, COMMANDS)["training_lost"] is None

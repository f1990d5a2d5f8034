"""docs/tutorial.md followed from its first command to its last, on a smaller folder of drawn photos.

Every command is taken out of the document and run, and every line that the document shows beneath it has to be printed,
in that order. Numbers, and what a search finds, are those of the tutorial's own photos; all else is as shown. The few
commands that are not run here stand in RUN_ELSEWHERE, with the test that runs them.
"""

import contextlib
import io
import re
import shlex
import shutil
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from maskcon.__main__ import main as run_command
from maskcon.commands import summary
from maskcon.parameters.composition import compose
from maskcon.parameters.model import load_parameters
from maskcon.runtime.interruption import Interruptions
from stages import coarse, download, embed, evaluate, figures, measure, pretrain, report, track
from tests.support.pipeline_copies import POINTING_ELSEWHERE

REPOSITORY = Path(__file__).resolve().parents[2]
PHOTOS = "/home/me/photos"  # in the tutorial
CLASSES = {
    "animal": ("bird", "cat", "deer", "dog", "frog", "horse"),
    "vehicle": ("airplane", "automobile", "ship", "truck"),
}
SMALLER = [
    *("train.epochs=2", "train.warmup_epochs=1", "train.snapshot_epochs=1", "train.batch_size=16"),
    *("train.queue_size=64", "model.width=4", "evaluate.bootstrap_samples=100", "figures.neighbours=3"),
    *("figures.tsne_images=40", "figures.tsne_perplexity=5"),
]
RUN_ELSEWHERE = {
    ". .venv/bin/activate": "tests/pipeline/test_set_up.py",
    "dvc exp run --queue": "tests/pipeline/test_pipeline.py",
    "dvc queue": "tests/pipeline/test_pipeline.py",
    "make experiments": "tests/pipeline/test_pipeline.py",
    "make ui": "tests/commands/test_tracking_ui.py",
}
STAGES = (download, coarse, pretrain, embed, evaluate, measure, figures, report, track)


class Block(NamedTuple):
    """A fenced block of the document: ``sh`` and ``python`` are run, ``text`` is what the block before it prints."""

    language: str
    text: str

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()


TUTORIAL = (REPOSITORY / "docs/tutorial.md").read_text()
BLOCKS = [Block(*found) for found in re.findall(r"^```(\w*)\n(.*?)^```$", TUTORIAL, re.MULTILINE | re.DOTALL)]
COMMANDS = [line for block in BLOCKS if block.language == "sh" for line in block.lines]
SHOWN = [place for place, block in enumerate(BLOCKS) if block.language == "text"]


def draw_photos(folder: Path) -> None:
    """JPEGs of 32 x 32 pixels as the tutorial lays them out: a colour for each class, with noise on it."""
    generator = np.random.default_rng(0)
    for part, images in (("train", 6), ("test", 11)):
        for coarse_class, fine_classes in CLASSES.items():
            for fine_class in fine_classes:
                (folder / part / coarse_class / fine_class).mkdir(parents=True)
                colour = np.random.default_rng(len(fine_class)).integers(40, 216, 3)
                for number in range(images):
                    pixels = colour + generator.integers(-30, 30, (32, 32, 3))
                    path = folder / part / coarse_class / fine_class / f"{number:04}.jpg"
                    Image.fromarray(pixels.astype(np.uint8)).save(path)


@pytest.fixture(scope="module")
def printed(tmp_path_factory) -> dict[int, str]:
    """The document followed in a new folder: place of a block -> what it prints."""
    photos, checkout = tmp_path_factory.mktemp("photos"), tmp_path_factory.mktemp("checkout")
    draw_photos(photos)
    for name in ("maskcon", "stages", "conf", "coarse_labels", "dvc.yaml"):
        (checkout / name).symlink_to(REPOSITORY / name)
    (checkout / "reports").mkdir()
    shutil.copy(REPOSITORY / "reports/report.typ", checkout / "reports")
    outputs = {}
    with pytest.MonkeyPatch.context() as patch:
        for name in POINTING_ELSEWHERE:
            patch.delenv(name, raising=False)
        patch.chdir(checkout)
        for place, block in enumerate(BLOCKS):
            if block.language == "text":
                continue
            text = block.text.replace(PHOTOS, str(photos))
            with contextlib.redirect_stdout(io.StringIO()) as output:
                if block.language == "python":
                    exec(text, {})
                else:
                    for command in text.splitlines():
                        follow(command)
            outputs[place] = output.getvalue()
    return outputs


def follow(command: str) -> None:
    """What a command of the document calls, in this process, which has the libraries loaded already."""
    if is_run_elsewhere(command):
        return
    match shlex.split(command, comments=True):
        case ["make", "params", choices]:
            values = choices.removeprefix("SET=").split()
            Path("params.yaml").write_text(compose(Path("conf"), [*values, *SMALLER]))
        case ["make", "repro"]:
            parameters = load_parameters(Path("params.yaml"))
            for stage in STAGES:
                stage.main(parameters, *([Interruptions({})] if stage is pretrain else []))
            summary.main(parameters)
        case ["python", "-m", "maskcon", *words]:
            run_command(words)
        case words:
            pytest.fail(f"nothing here follows {words}")


def is_run_elsewhere(command: str) -> bool:
    return any(command.startswith(beginning) for beginning in RUN_ELSEWHERE)


def but_for_the_photos(line: str) -> str:
    """A line without what differs from one folder of photos to another: numbers, classes, width of columns."""
    fine = "|".join(name for names in CLASSES.values() for name in names)
    line = re.sub(r"\d[\d,.]*(e-\d+)?", "1", line)
    line = re.sub(rf"\b({fine})\b", "cat", line)
    line = re.sub(rf"\b({'|'.join(CLASSES)})\b", "animal", line)
    return " ".join(re.sub(r"-{3,}", "---", line).split())


def missing_line(shown: str, printed: str) -> str | None:
    """The first line of ``shown`` that is not printed after those before it; ``...`` stands for anything left out."""
    lines = iter([but_for_the_photos(line) for line in printed.splitlines()])
    for line in shown.splitlines():
        if line in ("", "..."):
            continue
        pattern = re.escape(but_for_the_photos(line)).replace(r"\.\.\.", ".*")
        if not any(re.fullmatch(pattern, one) for one in lines):
            return line
    return None


@pytest.mark.parametrize("place", SHOWN)
def test_prints_what_is_shown(printed, place):
    of_the_block_before = printed[max(one for one in printed if one < place)]
    assert missing_line(BLOCKS[place].text, of_the_block_before) is None, of_the_block_before


def test_what_is_shown_and_not_printed_is_found():
    printed = "rank  cosine\n----  ------\n1  0.93  dog  animal\nPicture: exports/search.png\n"
    assert missing_line("rank  cosine\n-- ---\n", printed) == "-- ---"
    assert missing_line("rank cosine\n...\n12  0.8  truck  vehicle\nPicture: ...", printed) is None
    assert missing_line("Picture: exports/search.png\nrank  cosine", printed) == "rank  cosine"
    assert missing_line("Picture: exports/found.png", printed) == "Picture: exports/found.png"


def test_the_document_has_what_it_promises():
    promised = ("make params", "make repro", "maskcon search", "maskcon gallery", "maskcon export", "dvc exp run")
    assert [words for words in promised if words not in "\n".join(COMMANDS)] == []
    assert len(SHOWN) >= 5
    assert {block.language for block in BLOCKS} == {"sh", "python", "text"}


@pytest.mark.parametrize("command", filter(is_run_elsewhere, COMMANDS))
def test_what_is_run_elsewhere_is_there(command):
    beginning, test = next(found for found in RUN_ELSEWHERE.items() if command.startswith(found[0]))
    assert (REPOSITORY / test).exists()
    if beginning.startswith("make "):
        assert f"\n{beginning.removeprefix('make ')}: environment" in (REPOSITORY / "Makefile").read_text()


@pytest.mark.parametrize("command", [one for one in COMMANDS if one.startswith("dvc exp run")])
def test_what_is_swept_is_allowed(command):
    chosen = next(shlex.split(one)[2] for one in COMMANDS if one.startswith("make params")).removeprefix("SET=")
    swept = [word for flag, word in pairwise(shlex.split(command)) if flag == "-S"]
    assert set(chosen.split()) <= set(swept)  # an experiment knows nothing of what make params chose
    for word in swept:
        key, values = word.split("=")
        for value in values.split(","):
            assert compose(REPOSITORY / "conf", [*chosen.split(), f"{key}={value}"])

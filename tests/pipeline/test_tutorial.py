"""docs/tutorial.md followed from its first command to its last, on a smaller folder of drawn photos.

Every command is taken out of the document and run, and every line that the document shows beneath it has to be printed,
in that order. Numbers, and what a search finds, are those of the tutorial's own photos; all else is as shown. The few
commands that begin as one of RUN_ELSEWHERE are tested elsewhere.
"""

import contextlib
import io
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maskcon.__main__ import main as run_command
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
RUN_ELSEWHERE = (". .venv/bin/activate", "dvc exp run --queue", "dvc queue", "make experiments", "make ui")
STAGES = (download, coarse, pretrain, embed, evaluate, measure, figures, report, track)
TUTORIAL = (REPOSITORY / "docs/tutorial.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", TUTORIAL, re.MULTILINE | re.DOTALL)  # language, text


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
        for place, (language, text) in enumerate(BLOCKS):
            if language not in ("sh", "python"):
                continue
            with contextlib.redirect_stdout(io.StringIO()) as output:
                if language == "python":
                    exec(text.replace(PHOTOS, str(photos)), {})
                else:
                    for command in text.replace(PHOTOS, str(photos)).splitlines():
                        follow(command)
            outputs[place] = output.getvalue()
    return outputs


def follow(command: str) -> None:
    """What a command of the document calls, in this process, which has the libraries loaded already."""
    if command.startswith(RUN_ELSEWHERE):
        return
    match shlex.split(command, comments=True):
        case ["make", "params", choices]:
            values = choices.removeprefix("SET=").split()
            Path("params.yaml").write_text(compose(Path("conf"), [*values, *SMALLER]))
        case ["make", "repro"]:
            parameters = load_parameters(Path("params.yaml"))
            for stage in STAGES:
                stage.main(parameters, *([Interruptions({})] if stage is pretrain else []))
            run_command(["summary"])
        case ["maskcon", *words] | ["python", "-m", "maskcon", *words]:
            run_command(words)
        case words:
            pytest.fail(f"nothing here follows {words}")


def but_for_the_photos(line: str) -> str:
    """A line without what differs from one folder of photos to another: numbers, classes, width of columns."""
    fine = "|".join(name for names in CLASSES.values() for name in names)
    line = re.sub(r"\d[\d,.]*(e-\d+)?", "1", line)
    line = re.sub(rf"\b({fine})\b", "cat", line)
    line = re.sub(rf"\b({'|'.join(CLASSES)})\b", "animal", line)
    return " ".join(re.sub(r"-{3,}", "---", line).split())


@pytest.mark.slow
@pytest.mark.parametrize("place", [place for place, (language, _) in enumerate(BLOCKS) if language == "text"])
def test_prints_what_is_shown(printed, place):
    """``...`` stands for anything left out."""
    by_block_before = printed[max(one for one in printed if one < place)]
    lines = iter([but_for_the_photos(line) for line in by_block_before.splitlines()])
    for shown in BLOCKS[place][1].splitlines():
        pattern = re.escape(but_for_the_photos(shown)).replace(r"\.\.\.", ".*")
        if shown not in ("", "..."):
            assert any(re.fullmatch(pattern, one) for one in lines), f"{shown!r} is not in:\n{by_block_before}"


@pytest.mark.parametrize("command", [line for _, text in BLOCKS for line in text.splitlines() if " -S " in line])
def test_what_is_swept_is_allowed(command):
    swept = [word.split("=") for word in shlex.split(command) if "=" in word]
    for key, values in swept:
        others = [f"{other}={value.split(',')[0]}" for other, value in swept if other != key]
        for value in values.split(","):
            assert compose(REPOSITORY / "conf", [*others, f"{key}={value}"])

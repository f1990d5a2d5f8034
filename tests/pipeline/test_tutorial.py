"""docs/tutorial.md followed from its first command to its last, on a small CIFAR-10 archive of drawn images.

Every command is taken out of the document and run, and every line that the document shows beneath it has to be printed,
in that order. Numbers, and what a search finds, are those of the tutorial's own photos; all else is as shown. The few
commands that begin as one of RUN_ELSEWHERE are tested elsewhere.
"""

import contextlib
import io
import pickle
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest

from maskcon.__main__ import main as run_command
from maskcon.images.reading import cifartoy
from maskcon.images.reading.cifar10_photos import CLASSES
from maskcon.parameters.composition import compose
from maskcon.parameters.model import load_parameters
from maskcon.runtime.interruption import Interruptions
from stages import coarse, download, embed, evaluate, features, figures, gallery, pretrain, report, track
from tests.images.small_archives import stand_in, write_tar
from tests.support.pipeline_copies import POINTING_ELSEWHERE

REPOSITORY = Path(__file__).resolve().parents[2]
SMALLER = [
    *("train.epochs=2", "train.warmup_epochs=1", "train.batch_size=16", "train.queue_size=32"),
    *("train.stored_views={weak:1,strong:1}", "model.input_size=32", "evaluate.bootstrap_samples=100"),
    *("figures.neighbours=3", "figures.tsne_images=40", "figures.tsne_perplexity=5"),
]
RUN_ELSEWHERE = (
    "make environment",
    ". .venv/bin/activate",
    "dvc exp",
    "dvc queue",
    "make experiments",
    "make ui",
    "make gallery",
)
STAGES = (download, coarse, features, pretrain, embed, evaluate, figures, gallery, report, track)
INTERRUPTIBLE = (features, pretrain)
TUTORIAL = (REPOSITORY / "docs/tutorial.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", TUTORIAL, re.MULTILINE | re.DOTALL)  # language, text


def draw_archive(root: Path) -> None:
    """CIFAR-10's archive in small: 20 images of each class to train and 11 to test, a colour for each, with noise."""
    generator = np.random.default_rng(0)
    colours = generator.integers(40, 216, (len(CLASSES), 3, 1))
    files = {}
    for name, images in {**{f"data_batch_{number}": 4 for number in range(1, 6)}, "test_batch": 11}.items():
        labels = [*range(len(CLASSES))] * images
        planes = colours[labels] + generator.integers(-30, 30, (len(labels), 3, 1024))
        batch = {b"data": planes.astype(np.uint8).reshape(len(labels), 3072), b"labels": labels}
        files[f"cifar-10-batches-py/{name}"] = pickle.dumps(batch, protocol=2)
    write_tar(root / cifartoy.ARCHIVE.name, files)


@pytest.fixture(scope="module")
def printed(tmp_path_factory) -> dict[int, str]:
    """The document followed in a new folder: place of a block -> what it prints."""
    checkout = tmp_path_factory.mktemp("checkout")
    for name in ("maskcon", "stages", "conf", "coarse_labels", "dvc.yaml"):
        (checkout / name).symlink_to(REPOSITORY / name)
    for name in ("data", "reports"):
        (checkout / name).mkdir()
    shutil.copy(REPOSITORY / "reports/report.typ", checkout / "reports")
    draw_archive(checkout / "data/source")
    outputs = {}
    with pytest.MonkeyPatch.context() as patch:
        for name in POINTING_ELSEWHERE:
            patch.delenv(name, raising=False)
        patch.chdir(checkout)
        stand_in(patch, cifartoy, "ARCHIVE", checkout / "data/source")
        for place, (language, text) in enumerate(BLOCKS):
            if language not in ("sh", "python"):
                continue
            with contextlib.redirect_stdout(io.StringIO()) as output:
                if language == "python":
                    exec(text, {})
                else:
                    for command in text.replace("$PWD", str(checkout)).splitlines():
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
                stage.main(parameters, *([Interruptions({})] if stage in INTERRUPTIBLE else []))
            run_command(["summary"])
        case ["maskcon", *words]:
            run_command(words)
        case words:
            pytest.fail(f"nothing here follows {words}")


def but_for_the_photos(line: str) -> str:
    """A line without what differs from one set of photos to another: numbers, classes, width of columns."""
    line = re.sub(r"\d[\d,.]*(e-\d+)?", "1", line)
    line = re.sub(rf"\b({'|'.join(CLASSES)})\b", "cat", line)
    line = re.sub(r"\bvehicle\b", "animal", line)
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

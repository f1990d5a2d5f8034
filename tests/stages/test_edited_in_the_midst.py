"""A stage whose inputs change while it works says so before it gives up what it has done."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from maskcon.encoders.features import computing
from maskcon.images.packed.image_set import LABEL_COLUMNS, write_set
from maskcon.images.reading import decoding
from maskcon.parameters.errors import USER_ERROR_EXIT_CODE, UserError
from maskcon.parameters.model import load_parameters
from maskcon.runtime.interruption import Interruptions
from maskcon.training import loop, run
from stages import coarse, features, pretrain
from tests.images.small_archives import REPOSITORY, photograph, preset

DVC = "stages: {{{0}: {{cmd: a, params: [seed], deps: [code.py], outs: [out]}}}}\n"


@pytest.fixture
def edited(tmp_path, monkeypatch):
    """edited(stage, run, module, name): ``run`` fails as its seed is edited when ``name`` is called; it is put back."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    Path("code.py").touch()
    values = Path("params.yaml")
    values.write_text("seed: 1\n")

    def run_edited(stage, run, module, name):
        monkeypatch.setenv("DVC_STAGE", stage)
        Path("dvc.yaml").write_text(DVC.format(stage))
        work = getattr(module, name)

        def edit_and_work(*arguments):
            values.write_text("seed: 2\n")
            return work(*arguments)

        with monkeypatch.context() as patched:
            patched.setattr(module, name, edit_and_work)
            with pytest.raises(UserError, match=f"seed changed while stage {stage} ran") as error:
                run()
        assert error.value.exit_code == USER_ERROR_EXIT_CODE
        values.write_text("seed: 1\n")
        with monkeypatch.context() as patched:
            patched.setattr(module, name, None)  # whoever does the work again fails
            run()
        assert [path for path in Path(".scratch").iterdir() if path.is_dir()] == []

    return run_edited


@pytest.mark.fault
def test_photos_that_were_decoded_are_found_again(edited, tmp_path):
    photograph(tmp_path / "source/bird")
    whole = load_parameters(REPOSITORY / "params.yaml")
    parameters = whole.model_copy(update={"data": preset("folder", tmp_path, raw=str(tmp_path / "source"))})
    edited("coarse", lambda: coarse.main(parameters), decoding, "read_photo")


@pytest.mark.fault
def test_features_that_were_computed_are_found_again(edited, tiny_parameters):
    parameters = tiny_parameters({"train.backbone": "frozen"})
    data = parameters.data
    pixels = np.zeros((6, *data.stored_size, 3), np.uint8)
    labels = pd.DataFrame(1, range(6), LABEL_COLUMNS)
    for part in ("train", "val", "test"):
        write_set(Path("data/sets") / data.name / part, labels, [pixels], *data.stored_size)
    edited("features", lambda: features.main(parameters, Interruptions()), computing, "features_in_slices")


@pytest.mark.fault
def test_what_was_trained_is_found_again(edited, tiny_parameters, tiny_set, monkeypatch):
    parameters = tiny_parameters()
    monkeypatch.setattr(pretrain, "read_training_set", lambda folder: tiny_set)
    monkeypatch.setattr(run, "key_of_training", lambda *inputs: "key")
    edited("pretrain", lambda: pretrain.main(parameters, Interruptions()), loop, "training_step")

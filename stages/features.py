"""Stage features: with train.backbone=frozen, features of several views of every training image, and of the images to
evaluate as they are; otherwise nothing.

They depend on the images, the backbone and the number of views alone: computed once for all methods, values and seeds.
"""

import os
import shutil
from pathlib import Path

from maskcon.parameters.model import Parameters
from maskcon.runtime.atomic_files import write_text
from maskcon.runtime.entry import run_stage
from maskcon.runtime.interruption import Interruptions
from maskcon.runtime.same_inputs import require_unchanged_inputs

FEATURES = Path("features")


def main(parameters: Parameters, interruptions: Interruptions) -> None:
    shutil.rmtree(FEATURES, ignore_errors=True)
    if parameters.train.backbone == "frozen":
        _compute(parameters, interruptions)
    about = "Of views of the training images, float16 [V, N, F], and of whole images to evaluate, float32 [N, F].\n"
    write_text(FEATURES / "README", about)


def _compute(parameters: Parameters, interruptions: Interruptions) -> None:
    require_same = require_unchanged_inputs(os.environ.get("DVC_STAGE"), Path.cwd())
    import numpy as np
    import torch

    from maskcon.encoders.features.computing import compute_features
    from maskcon.encoders.features.whole import backbone_rows
    from maskcon.encoders.networks import build_encoder
    from maskcon.images.packed.image_set import read_images, read_training_set
    from maskcon.images.packed.image_stream import ImageStream
    from maskcon.runtime.freed_memory import keep_freed_memory
    from maskcon.runtime.run_key import hash_of_training
    from maskcon.runtime.scratch import discard, scratch_folder
    from maskcon.views.operations.families import view_maker

    keep_freed_memory()
    data, counts = parameters.data, parameters.train.stored_views
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    packed, size = Path("data/sets") / data.name, (data.height, data.width)
    training_set = read_training_set(packed / "train")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(data.seed)
        encoder = build_encoder(parameters.model, data).to(device).eval()
    views = {name: view_maker(data.augmentation, name, size) for name in ("weak", "strong")}
    stretch = None if training_set.stretch is None else torch.from_numpy(training_set.stretch)
    root = Path(os.environ.get("DVC_ROOT", Path.cwd())) / ".scratch"
    key = f"features-{hash_of_training(Path.cwd(), parameters, 'features')[:24]}-{training_set.digest()[:24]}"
    with (
        scratch_folder(root, key, f"features of {data.name} by {parameters.model.backbone}") as scratch,
        interruptions.postponed(),
    ):
        compute_features(
            encoder,
            ImageStream(training_set.images, data.channels, device),
            stretch,
            views,
            {"weak": counts.weak, "strong": counts.strong},
            data.seed,
            scratch,
            lambda: interruptions.pending,
        )
        for part in ("val", "test"):
            rows = list(backbone_rows(encoder, read_images(packed / part), data.channels, device, size))
            np.save(scratch / f"{part}.npy", torch.cat([torch.empty(0, encoder.feature_size), *rows]).cpu().numpy())
        require_same()  # while the features can still be found again
        FEATURES.mkdir(exist_ok=True)
        for file in sorted(scratch.glob("*.npy")):
            shutil.move(file, FEATURES / file.name)
        discard(scratch)


if __name__ == "__main__":
    interruptions = Interruptions()
    run_stage(lambda parameters: main(parameters, interruptions), interruptions)

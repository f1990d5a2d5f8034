"""Stage features: with train.backbone=frozen, features of several views of every training image, and of the images to
evaluate as they are; otherwise nothing.

They depend on the images, the backbone and the number of views alone, and no label is read: computed once for all
methods, values, seeds and groupings into coarse classes.
"""

import hashlib
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
    import torch

    from maskcon.encoders.features.computing import compute_features
    from maskcon.encoders.features.stored import write_backbone
    from maskcon.encoders.features.two_views import view_by_place
    from maskcon.encoders.features.whole import backbone_rows, store_rows
    from maskcon.encoders.networks import build_encoder
    from maskcon.images.packed.image_set import read_images, read_stretch
    from maskcon.images.packed.image_stream import ImageStream
    from maskcon.runtime.freed_memory import keep_freed_memory
    from maskcon.runtime.run_key import hash_of_work
    from maskcon.runtime.scratch import discard, scratch_folder
    from maskcon.views.operations.families import view_maker

    keep_freed_memory()
    data, stored = parameters.data, {**dict(parameters.train.stored_views), "whole": 1}
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    packed, size = Path("data/sets") / data.name, (data.height, data.width)
    images, stretch = read_images(packed / "train"), read_stretch(packed / "train")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(data.seed)
        encoder = build_encoder(parameters.model, data).to(device).eval()
    random = ("weak", "strong")
    views = {name: view_maker(data.augmentation, name, size) for name in (*random, "whole")}
    root = Path(os.environ.get("DVC_ROOT", Path.cwd())) / ".scratch"
    key = f"features-{hash_of_work(Path.cwd(), parameters, 'features')[:24]}-{images_digest(packed)[:24]}"
    with scratch_folder(root, key, f"features of {data.name} by {parameters.model.backbone}") as scratch:
        with interruptions.postponed():
            compute_features(
                encoder,
                ImageStream(images, data.channels, device),
                None if stretch is None else torch.from_numpy(stretch),
                views,
                {name: number for name, number in stored.items() if number},
                data.seed,
                scratch,
                lambda: interruptions.pending,
            )
        for part in ("val", "test"):
            images, stretch = read_images(packed / part), read_stretch(packed / part)
            seen = {part: None} | {
                f"{part}_{name}": view_by_place(data.augmentation, name, size, stretch, data.seed) for name in random
            }
            for name, view in seen.items():
                rows = backbone_rows(encoder, images, data.channels, device, size, view)
                store_rows(name, len(images), rows, encoder, scratch)
        require_same()  # while the features can still be found again
        FEATURES.mkdir(exist_ok=True)
        for file in sorted(scratch.glob("*.npy")):
            shutil.move(file, FEATURES / file.name)
        write_backbone(parameters.model)
        discard(scratch)


def images_digest(packed: Path) -> str:
    """SHA-256 of all that features are computed from, so that work on other images is never gone on with."""
    digest = hashlib.sha256()
    for part in ("train", "val", "test"):
        for file in sorted((packed / part).glob("*.npy")):
            with open(file, "rb") as opened:
                digest.update(hashlib.file_digest(opened, "sha256").digest())
        digest.update(part.encode())
    return digest.hexdigest()


if __name__ == "__main__":
    interruptions = Interruptions()
    run_stage(lambda parameters: main(parameters, interruptions), interruptions)

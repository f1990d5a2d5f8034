import io
import json

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image
from ruamel.yaml import YAML

from maskcon.explore import export
from maskcon.explore.export import export_encoder
from maskcon.explore.gallery import workspace_gallery
from maskcon.explore.photo_encoder import PhotoEncoder, lanczos, resampled
from maskcon.parameters.model import check_parameters
from tests.support.finished_run import labels_table
from tests.support.searchable_workspace import write_workspace


def photos(number: int, height: int, width: int, seed: int = 0) -> np.ndarray:
    """uint8 [number, height, width, 3]: coloured shapes with noise on them."""
    generator = np.random.default_rng(seed)
    small = Image.Resampling.BICUBIC
    rough = generator.integers(0, 256, (number, 5, 6, 3), dtype=np.uint8)
    smooth = np.stack([np.asarray(Image.fromarray(one).resize((width, height), small)) for one in rough])
    return np.clip(smooth + generator.normal(0, 12, smooth.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def gallery_of(tmp_path_factory, tiny_values, repository):
    """A workspace's gallery, of photos stored at 28 and seen at 24 or of grey digits."""

    def make(kind: str):
        values = tiny_values()
        if kind == "photos":
            values["data"] = YAML(typ="safe").load((repository / "conf/data/folder.yaml").read_text())
            values["data"] |= {"raw": "photos", "height": 24, "width": 24, "stored": 28}
        parameters = check_parameters(values)
        number = np.arange(40)
        labels = labels_table(
            number % 2, [f"kind {n % 2}" for n in number], number % 4, [f"sort {n % 4}" for n in number]
        )
        images = photos(40, *parameters.data.stored_size)
        if kind == "grey":
            images = np.repeat(images[..., :1], 3, axis=-1)
        folder = tmp_path_factory.mktemp(kind)
        return workspace_gallery(write_workspace(folder, parameters, labels, images))

    return make


def as_file(pixels: np.ndarray) -> io.BytesIO:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png")
    return file


@pytest.mark.parametrize("kind", ["photos", "grey"])
@pytest.mark.parametrize("size", [(41, 70), (10, 12), (16, 24)])
def test_photos_of_any_size_have_the_encoders_features(gallery_of, kind, size):
    """Against Pillow's resizing, as the encoder's own reading of photos has it."""
    encoder = gallery_of(kind).encoder
    several = photos(3, *size, seed=1)
    with torch.no_grad():
        features = PhotoEncoder(encoder)(torch.from_numpy(several)).numpy()
    assert features == pytest.approx(encoder.embed([as_file(pixels) for pixels in several]), abs=1e-5)
    assert np.linalg.norm(features, axis=1) == pytest.approx(np.ones(3), abs=1e-5)


@pytest.mark.parametrize(
    ("size", "most"), [((300, 451), 0), ((31, 17), 4), ((8, 5), 0), ((24, 30), 0), ((451, 200), 1)]
)
def test_resampling_is_pillows(size, most):
    """To the bit, but where Pillow takes the rows first."""
    [pixels] = photos(1, *size, seed=3)
    ours = resampled(torch.from_numpy(pixels).permute(2, 0, 1)[None].double(), (24, 30), lanczos, reach=3)
    theirs = np.asarray(Image.fromarray(pixels).resize((30, 24), Image.Resampling.LANCZOS))
    assert np.abs(ours[0].permute(1, 2, 0).numpy() - theirs).max() <= most


def run_torch(path, several):
    extra = {"labels.json": ""}
    network = torch.export.load(path, extra_files=extra).module()
    with torch.no_grad():
        return network(torch.from_numpy(several)).numpy(), extra["labels.json"]


def run_onnx(path, several):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {"photos": several})[0], session.get_modelmeta().custom_metadata_map["labels"]


@pytest.mark.parametrize(("name", "run"), [("torch", run_torch), ("onnx", run_onnx)])
def test_an_exported_file_gives_the_features_and_holds_the_names(gallery_of, tmp_path, name, run):
    gallery, several = gallery_of("photos"), photos(5, 33, 50, seed=2)
    [(path, difference)] = export_encoder(gallery, tmp_path, [name]).items()
    assert difference < 1e-4
    features, kept = run(path, several)
    with torch.no_grad():
        assert features == pytest.approx(PhotoEncoder(gallery.encoder)(torch.from_numpy(several)).numpy(), abs=1e-4)
    described = json.loads((tmp_path / "labels.json").read_text())
    assert json.loads(kept) == described
    assert described["coarse_names"] == {"0": "kind 0", "1": "kind 1"}
    assert described["fine_names"] == {str(n): f"sort {n}" for n in range(4)}
    assert (described["height"], described["stored_size"]) == (24, [28, 28])


def test_a_file_that_computes_something_else_does_not_stay(gallery_of, tmp_path, monkeypatch):
    file, write, _ = export.WAYS["torch"]
    wrong = {"torch": (file, write, lambda path, images: np.zeros((len(images), 32), np.float32))}
    monkeypatch.setattr(export, "WAYS", wrong)
    with pytest.raises(RuntimeError, match="off those of the encoder"):
        export_encoder(gallery_of("photos"), tmp_path, ["torch"])
    assert list(tmp_path.iterdir()) == []

"""A gallery of drawn features and pictures, without a file; its names are as nasty as names can be."""

from pathlib import Path

import numpy as np

from maskcon.embedding.files import EmbeddedSet
from maskcon.explore.gallery_page.page import Pictured

NASTY = (
    "<img src=x onerror=\"document.title='owned'\">",
    "</script><script>document.title='owned'</script>",
    "\"quoted\" & 'more' &lt;b&gt; \u2028 {{data}} ${1}",
)


def made_up_gallery(images: int = 60, with_fine: bool = True, shown: np.ndarray | None = None) -> Pictured:
    """Six fine classes in three coarse ones, whose features cluster a little."""
    generator = np.random.default_rng(0)
    fine = generator.permutation(np.arange(images) % 6)
    features = generator.normal(size=(6, 16))[fine] + 0.9 * generator.normal(size=(images, 16))
    features = (features / np.linalg.norm(features, axis=1, keepdims=True)).astype(np.float32)
    colours = generator.integers(0, 256, (6, 1, 1, 3))[fine]
    pictures = np.clip(colours + generator.integers(-30, 30, (images, 20, 30, 3)), 0, 255).astype(np.uint8)
    names = np.array([f"{NASTY[label // 2]} {label}" for label in range(6)])
    labels = EmbeddedSet(
        folder=Path("nowhere"),
        coarse=fine // 2,
        coarse_name=np.array(NASTY)[fine // 2],
        fine=fine if with_fine else None,
        fine_name=names[fine] if with_fine else None,
        source=np.array([f"{NASTY[0]}/{row}.jpg" for row in range(images)]),
    )
    untrained = np.roll(features, 7, axis=0)  # another image's: hardly any nearest is right
    shown = np.arange(images) if shown is None else shown
    return Pictured(
        f"set {NASTY[0]}",
        f"run {NASTY[1]}",
        labels,
        pictures,
        {"untrained": untrained, "trained": features},
        shown,
        [grid(len(shown))] * 2,
    )


def grid(images: int) -> np.ndarray:
    """float32 [images, 2]: places on a map, none near another."""
    return np.stack(np.divmod(np.arange(images), 10), axis=1).astype(np.float32)

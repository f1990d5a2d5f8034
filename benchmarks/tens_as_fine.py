"""Images of two_digits in folders named by the tens digit: tens are then measured as if they were fine classes.

python -m benchmarks.tens_as_fine data/sets/two_digits two_digits_tens     # for grids/two_digits_held_out.yaml
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

packed, target = map(Path, sys.argv[1:])
for part in ("train", "val", "test"):
    names = pd.read_csv(packed / part / "labels.csv")["coarse_name"]
    for number, (image, name) in enumerate(zip(np.load(packed / part / "images.npy"), names, strict=True)):
        (target / part / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[..., 0]).save(target / part / name / f"{number:04d}.png")

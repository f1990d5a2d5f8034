"""Compose params.yaml from conf/, as ``dvc exp run`` does before each experiment. Not a stage.

python -m stages.compose_parameters data=digits loss=grafit loss.w=0.8
"""

import sys
from pathlib import Path

from maskcon.atomic_files import write_text
from maskcon.composition import compose
from maskcon.errors import mistakes_end_as_sentences

if __name__ == "__main__":
    with mistakes_end_as_sentences():
        write_text(Path("params.yaml"), compose(Path("conf"), sys.argv[1:]))

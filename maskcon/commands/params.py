"""Compose params.yaml from conf/, as ``dvc exp run`` does before each experiment. Not a stage.

python -m maskcon.commands.params data=digits loss=grafit loss.w=0.8
"""

import sys
from pathlib import Path

from maskcon.parameters.composition import compose
from maskcon.parameters.errors import mistakes_end_as_sentences
from maskcon.runtime.atomic_files import write_text

if __name__ == "__main__":
    with mistakes_end_as_sentences():
        write_text(Path("params.yaml"), compose(Path("conf"), sys.argv[1:]))

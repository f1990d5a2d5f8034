"""Compose params.yaml from conf/, as ``dvc exp run`` does before each experiment. Not a stage.

python -m stages.compose_parameters data=digits loss=grafit loss.w=0.8
"""

import sys
from pathlib import Path

from maskcon.atomic_files import write_text
from maskcon.composition import compose
from maskcon.errors import USER_ERROR_EXIT_CODE, UserError

if __name__ == "__main__":
    try:
        write_text(Path("params.yaml"), compose(Path("conf"), sys.argv[1:]))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(USER_ERROR_EXIT_CODE)

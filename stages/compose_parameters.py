"""Compose params.yaml from conf/, as ``dvc exp run`` does before each experiment. Not a stage.

python -m stages.compose_parameters data=digits loss=grafit loss.w=0.8
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from dvc.utils.hydra import compose_and_dump
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from maskcon.atomic_files import write_text
from maskcon.errors import USER_ERROR_EXIT_CODE, UserError
from maskcon.parameters import load_parameters


def compose(conf: Path, choices: list[str]) -> str:
    """The text of a params.yaml: the presets of ``conf`` with the choices made among them, checked.

    Raises:
        UserError: there is no such preset or key, or a value is not allowed.
    """
    with TemporaryDirectory() as folder:
        composed = Path(folder) / "params.yaml"
        try:
            compose_and_dump(composed, str(conf.resolve()), None, "config", "plugins", choices)
        except (HydraException, OmegaConfBaseException) as error:
            reason = str(error).split("Config search path")[0]  # what follows is for people who write Hydra
            raise UserError(" ".join(reason.split())) from None
        load_parameters(composed)
        return composed.read_text()


if __name__ == "__main__":
    try:
        write_text(Path("params.yaml"), compose(Path("conf"), sys.argv[1:]))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(USER_ERROR_EXIT_CODE)

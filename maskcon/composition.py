"""Composing the parameters of a run from conf/, as ``dvc exp run`` does before each experiment.

text = compose(Path("conf"), ["data=digits", "loss=grafit", "loss.w=0.8"])
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from dvc.utils.hydra import compose_and_dump
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from maskcon.errors import UserError
from maskcon.parameters import Parameters, load_parameters


def compose(conf: Path, choices: list[str]) -> str:
    """The text of a params.yaml: the presets of ``conf`` with the choices made among them, checked.

    Raises:
        UserError: there is no such preset or key, or a value is not allowed.
    """
    return _composed(conf, choices)[0]


def compose_parameters(conf: Path, choices: list[str]) -> Parameters:
    """The same, read. Raises: UserError, as ``compose``."""
    return _composed(conf, choices)[1]


def _composed(conf: Path, choices: list[str]) -> tuple[str, Parameters]:
    with TemporaryDirectory() as folder:
        composed = Path(folder) / "params.yaml"
        try:
            compose_and_dump(composed, str(conf.resolve()), None, "config", "plugins", choices)
        except (HydraException, OmegaConfBaseException) as error:
            reason = str(error).split("Config search path")[0]  # what follows is for people who write Hydra
            raise UserError(" ".join(reason.split())) from None
        parameters = load_parameters(composed)
        return composed.read_text(), parameters

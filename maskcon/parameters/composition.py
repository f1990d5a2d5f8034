"""Composing the parameters of a run from conf/, as ``dvc exp run`` does before each experiment.

text = compose(Path("conf"), ["data=digits", "loss=grafit", "loss.w=0.8"])
"""

import contextlib
from pathlib import Path
from tempfile import TemporaryDirectory

from dvc.utils.hydra import compose_and_dump
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from maskcon.parameters.errors import UserError
from maskcon.parameters.model import Parameters, load_parameters
from maskcon.parameters.sentences import written


def compose(conf: Path, choices: list[str]) -> str:
    """The text of a params.yaml: the presets of ``conf`` with the choices made among them, checked.

    Raises:
        UserError: there is no such preset or key, or a value is not allowed.
    """
    return composed(conf, choices)[0]


def compose_parameters(conf: Path, choices: list[str]) -> Parameters:
    """The same, read. Raises: UserError, as ``compose``."""
    return composed(conf, choices)[1]


def quoted_where_needed(choice: str) -> str:
    """KEY=VALUE as Hydra's grammar has it: a value that it cannot read as it is, such as a path with "ö", in quotes."""
    key, _, value = choice.partition("=")
    spellings = [choice, *(f"{key}={quote}{value}{quote}" for quote in "'\"" if value and quote not in value)]
    return next(filter(_is_readable, spellings), choice)


def _is_readable(choice: str) -> bool:
    try:
        return not OverridesParser.create().parse_override(choice).is_sweep_override()
    except HydraException:
        return False


def composed(conf: Path, choices: list[str]) -> tuple[str, Parameters]:
    """Both. Raises: UserError, as ``compose``."""
    choices = [quoted_where_needed(choice) for choice in choices]
    unreadable = [choice for choice in choices if not _is_readable(choice)]
    if unreadable:
        raise UserError(
            f"{written(unreadable[0])} cannot be read; expected key=value, a value with spaces in quotes: "
            "data.root='/home/me/my photos'"
        )
    try:
        return _checked(conf, choices)
    except (HydraException, OmegaConfBaseException) as error:
        with contextlib.suppress(HydraException, OmegaConfBaseException):  # an unknown key is told as in params.yaml
            _checked(conf, [_appended(conf, choice) for choice in choices])
        reason = str(error).split("Config search path")[0]  # what follows is for people who write Hydra
        raise UserError(" ".join(reason.split())) from None


def _appended(conf: Path, choice: str) -> str:
    """The same choice, but of a value that need not exist."""
    key = choice.partition("=")[0]
    return choice if key.startswith(("+", "~")) or (conf / key).is_dir() else f"++{choice}"


def _checked(conf: Path, choices: list[str]) -> tuple[str, Parameters]:
    with TemporaryDirectory() as folder:
        composed = Path(folder) / "params.yaml"
        compose_and_dump(composed, str(conf.resolve()), None, "config", "plugins", choices)
        return composed.read_text(), load_parameters(composed)

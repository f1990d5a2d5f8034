"""Plug-ins: modules of a folder, picked by name. Adding one is adding its file; nothing here lists them.

plug_in("loss.name", "maskcon").Values      # of maskcon/methods/maskcon.py
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from maskcon.parameters.errors import UserError
from maskcon.parameters.sentences import suggestion, written

PACKAGES = {  # parameter that holds names -> package of the plug-ins
    "data.name": "maskcon.images.sources",
    "loss.name": "maskcon.methods",
    "evaluate.measures": "maskcon.evaluation.measures",
    "model.name": "maskcon.encoders.backbones",
}


def names_of(key: str) -> list[str]:
    """The plug-ins that a parameter may name, in alphabetical order: the modules of their package. What they share lies
    in folders beside them."""
    folder = import_module(PACKAGES[key]).__path__
    return sorted(module.name for module in iter_modules(folder) if not module.ispkg)


def plug_in(key: str, name: object) -> ModuleType:
    """The module of a plug-in.

    Raises:
        UserError: there is none of this name.
    """
    if name not in names_of(key):
        raise UserError(f"{key}={written(name)} is unknown. {suggestion(written(name), names_of(key))}")
    return import_module(f"{PACKAGES[key]}.{name}")


DATA_SETS, METHODS, MEASURES, BACKBONES = map(names_of, PACKAGES)

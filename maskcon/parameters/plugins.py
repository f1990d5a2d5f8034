"""Plug-ins: modules of a folder, picked by name. Adding one is adding its file; nothing here lists them.

values_class("maskcon.methods", "maskcon")      # maskcon.methods.maskcon.Values
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from maskcon.parameters.errors import UserError
from maskcon.parameters.sentences import suggestion, written
from maskcon.parameters.values import Group

METHODS, DATA_SETS, MEASURES = "maskcon.methods", "maskcon.images.sources", "maskcon.evaluation.measures"


def names_in(package: str) -> list[str]:
    """The plug-ins of a package, in alphabetical order: its modules. What they share lies in folders beside them."""
    return sorted(module.name for module in iter_modules(import_module(package).__path__) if not module.ispkg)


def values_class(package: str, name: str, key: str = "name") -> type[Group]:
    """The class ``Values`` of a plug-in.

    Args:
        key: the parameter that holds the name, for the message.

    Raises:
        UserError: there is no such plug-in.
    """
    known = names_in(package)
    if name not in known:
        raise UserError(f"{key}={written(name)} is unknown. {suggestion(written(name), known)}")
    return import_module(f"{package}.{name}").Values

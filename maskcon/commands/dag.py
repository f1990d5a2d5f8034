"""The stages as a drawing that fits a terminal.

``dvc dag`` draws every edge, and ``track``, which records all there is, waits for nearly every stage: 25 edges, 200
columns. Here an edge is left out where a longer way says the same, and nine remain.
"""

import argparse
from pathlib import Path

from maskcon.parameters.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """There is nothing to choose."""


def main(arguments: argparse.Namespace) -> None:
    print(drawing(Path.cwd()))


def drawing(checkout: Path) -> str:
    """DVC's own drawing of the pipeline in this folder, without the edges that others imply.

    Raises:
        UserError: there is no pipeline here, or DVC cannot read it.
    """
    from dvc.dagascii import draw
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from networkx import relabel_nodes, transitive_reduction

    try:
        with Repo(str(checkout)) as repo:
            graph = relabel_nodes(repo.index.graph, {stage: stage.addressing for stage in repo.index.graph})
    except DvcException as error:
        raise UserError(f"DVC cannot read a pipeline here ({error}); run it from the top of the checkout") from None
    if not graph:
        raise UserError("there is no dvc.yaml with stages here; run it from the top of the checkout")
    needed = transitive_reduction(graph)  # an edge leads from a stage to one that it waits for
    lines = draw(sorted(needed), sorted(needed.edges)).splitlines()
    return "\n".join(line.rstrip() for line in lines)

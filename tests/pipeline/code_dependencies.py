"""Which files of this repository a stage's code is made of, found by following its imports.

    python -m tests.pipeline.code_dependencies            print what dvc.yaml should list, beside what it lists
    python -m tests.pipeline.code_dependencies --write    put it into dvc.yaml

Followed are ``import`` statements at any depth of a file (an import inside a function runs too), except those under
``if TYPE_CHECKING``, and with each module the ``__init__.py`` of its packages. Where a module is loaded by a name that
is a parameter, importlib.import_module(f"maskcon.methods.{name}"), the file is listed as
maskcon/methods/${loss.name}.py, and what any of those modules imports belongs to the stage.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ruamel.yaml import YAML

ROOMS = ("maskcon", "stages")  # top-level packages whose files are code of a stage


@dataclass(frozen=True)
class NamedByParameter:
    """A package of which each run loads the one module that a parameter names."""

    package: str
    parameter: str  # group.key: the presets in conf/group/ carry the names there are


LOADED_BY_NAME = (
    NamedByParameter("maskcon.methods", "loss.name"),
    NamedByParameter("maskcon.datasets", "data.name"),
    NamedByParameter("maskcon.augmentation", "data.augmentation"),
)


class CannotFollow(Exception):
    """An import whose module is only known when it runs."""


@dataclass
class Dependencies:
    """The files of one stage, found by ``follow``."""

    repository: Path
    found: set[str] = field(default_factory=set)

    def follow(self, module: str) -> "Dependencies":
        """Add the file of ``module``, of its packages, and of all that they import."""
        parts = module.split(".")
        if parts[0] not in ROOMS:
            return self
        for length in range(1, len(parts) + 1):
            path = _file_of(self.repository, ".".join(parts[:length]))
            if path is not None:
                self._follow_file(path, listed=True)
        return self

    def _follow_file(self, path: Path, listed: bool) -> None:
        name = path.relative_to(self.repository).as_posix()
        if name in self.found:
            return
        if listed:
            self.found.add(name)
        package = ".".join(path.relative_to(self.repository).parts[:-1])
        tree = ast.parse(path.read_text(), filename=name)
        for module in _imported(tree, package, self.repository):
            self.follow(module)
        for prefix in _loaded_by_name(tree, package, name):
            self._follow_named(prefix, name)

    def _follow_named(self, package: str, importer: str) -> None:
        named = next((one for one in LOADED_BY_NAME if one.package == package), None)
        if named is None:
            raise CannotFollow(f"{importer} loads a module of {package} by name; say in LOADED_BY_NAME what names it")
        template = f"{package.replace('.', '/')}/${{{named.parameter}}}.py"
        if template in self.found:
            return
        self.found.add(template)
        self.follow(package)
        for name in preset_names(self.repository, named):
            if (path := _file_of(self.repository, f"{package}.{name}")) is not None:
                self._follow_file(path, listed=False)  # only the one in use is listed, by the template


def code_dependencies(repository: Path, stage_module: str) -> list[str]:
    """Files that ``python -m stage_module`` is made of, as dvc.yaml should list them, sorted.

    Raises:
        CannotFollow: a module is loaded by a name that cannot be told from the text.
        FileNotFoundError: there is no such stage.
    """
    if _file_of(repository, stage_module) is None:
        raise FileNotFoundError(f"there is no module {stage_module}")
    return sorted(Dependencies(repository).follow(stage_module).found)


def preset_names(repository: Path, named: NamedByParameter) -> list[str]:
    group, key = named.parameter.split(".")
    presets = (repository / "conf" / group).glob("*.yaml")
    return sorted({str(YAML(typ="safe").load(preset.read_text())[key]) for preset in presets})


def stage_modules(pipeline: dict) -> dict[str, str]:
    """Stage -> module, for the stages of dvc.yaml that run ``python -m module``."""
    commands = {name: stage["cmd"].split() for name, stage in pipeline["stages"].items()}
    return {name: words[words.index("-m") + 1] for name, words in commands.items() if "-m" in words}


def is_code(dependency: str) -> bool:
    return dependency.endswith(".py") and dependency.split("/")[0] in ROOMS


def read_pipeline(repository: Path) -> dict:
    return YAML(typ="safe").load((repository / "dvc.yaml").read_text())


def listed_code(stage: dict) -> list[str]:
    return sorted(dep for dep in stage.get("deps", []) if isinstance(dep, str) and is_code(dep))


def write_dependencies(repository: Path) -> None:
    """Replace the code among the dependencies of every stage of dvc.yaml; all else stays as it is written.

    Raises:
        CannotFollow: a module is loaded by a name that cannot be told from the text.
    """
    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 200
    path = repository / "dvc.yaml"
    pipeline = yaml.load(path.read_text())
    for name, module in stage_modules(pipeline).items():
        if _file_of(repository, module) is None:
            continue
        stage = pipeline["stages"][name]
        wanted = code_dependencies(repository, module)
        if "deps" not in stage:
            after = max(list(stage).index(key) for key in ("desc", "cmd", "always_changed", "params") if key in stage)
            stage.insert(after + 1, "deps", [])
        deps = stage["deps"]
        for index in reversed(range(len(deps))):
            if isinstance(deps[index], str) and is_code(deps[index]) and deps[index] not in wanted:
                del deps[index]
        deps.extend(dep for dep in wanted if dep not in deps)
    with open(path, "w") as file:
        yaml.dump(pipeline, file)


def _file_of(repository: Path, module: str) -> Path | None:
    path = repository.joinpath(*module.split("."))
    candidates = (path / "__init__.py", path.with_name(f"{path.name}.py"))
    return next((file for file in candidates if file.exists()), None)


def _imported(tree: ast.AST, package: str, repository: Path) -> Iterator[str]:
    """Modules named in import statements. ``from a import b`` names a, and a.b where that is a module."""
    for node in _running(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield base
            names = (f"{base}.{alias.name}" for alias in node.names)
            yield from (name for name in names if _file_of(repository, name) is not None)


def _running(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that only a type checker sees."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test).split(".")[-1] == "TYPE_CHECKING":
            for other in child.orelse:
                yield other
                yield from _running(other)
            continue
        yield child
        yield from _running(child)


def _loaded_by_name(tree: ast.AST, package: str, importer: str) -> Iterator[str]:
    """Packages of which import_module(f"package.{name}") loads a module."""
    for node in _running(tree):
        if not isinstance(node, ast.Call) or ast.unparse(node.func).split(".")[-1] not in (
            "import_module",
            "__import__",
        ):
            continue
        prefix = _text_before_the_name(node.args[0], package)
        if prefix is None or not prefix.endswith("."):
            raise CannotFollow(
                f"{importer}, line {node.lineno}: {ast.unparse(node)} may load anything; write the package in it, "
                'as in import_module(f"maskcon.methods.{name}")'
            )
        if prefix.split(".")[0] in ROOMS:
            yield prefix.rstrip(".")


def _text_before_the_name(argument: ast.expr, package: str) -> str | None:
    """Of an f-string, what is known of it before its first unknown part."""
    if not isinstance(argument, ast.JoinedStr):
        return None
    known = ""
    for part in argument.values:
        if isinstance(part, ast.Constant):
            known += part.value
        elif isinstance(part, ast.FormattedValue) and ast.unparse(part.value) == "__package__":
            known += package
        else:
            break
    return known


def main(write: bool) -> int:
    repository = Path.cwd()
    if write:
        write_dependencies(repository)
    pipeline = read_pipeline(repository)
    different = 0
    for name, module in stage_modules(pipeline).items():
        print(f"{name}:")
        try:
            wanted = code_dependencies(repository, module)
        except (CannotFollow, FileNotFoundError) as error:
            print(f"  ! {error}")
            different += 1
            continue
        listed = listed_code(pipeline["stages"][name])
        marks = {
            **dict.fromkeys(listed, "- "),
            **dict.fromkeys(wanted, "+ "),
            **dict.fromkeys({*wanted} & {*listed}, "  "),
        }
        different += listed != wanted
        for file, mark in sorted(marks.items()):
            print(f"  {mark}{file}")
    return int(different > 0)


if __name__ == "__main__":
    sys.exit(main(write="--write" in sys.argv[1:]))

"""Nothing that is read is ever run: how the code opens files that may come from elsewhere."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCES = sorted(path for room in ("maskcon", "stages", "benchmarks") for path in (REPOSITORY / room).rglob("*.py"))
DEMANDED = {"torch.load": ("weights_only", True), "np.load": ("allow_pickle", False)}
# Each runs what it is handed, or may. The reader of pickles subclasses pickle.Unpickler and admits four names.
NEVER = {
    "eval", "exec", "compile", "os.system", "os.popen", "pickle.load", "pickle.loads", "joblib.load", "pd.read_pickle",
    "yaml.load", "yaml.unsafe_load", "yaml.full_load", "torch.hub.load", "np.fromregex", "marshal.loads", "shelve.open",
    "tarfile.TarFile.extractall", "shutil.unpack_archive",
}  # fmt: skip
NEVER_METHODS = {"extractall"}  # of archives: they are unpacked member by member, with checks


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_files_are_read_as_data(path):
    for name, call in calls(path):
        options = {option.arg: ast.unparse(option.value) for option in call.keywords}
        if name in DEMANDED:
            option, value = DEMANDED[name]
            assert options.get(option) == str(value), f"{path}:{call.lineno}: {name} without {option}={value}"
        assert name not in NEVER, f"{path}:{call.lineno}: {name}"
        assert name.rpartition(".")[2] not in NEVER_METHODS, f"{path}:{call.lineno}: {name}"
        assert options.get("shell", "False") == "False", f"{path}:{call.lineno}: a shell"
        if name == "YAML":
            assert options.get("typ") in ("'safe'", "'rt'"), f"{path}:{call.lineno}: YAML of a kind that makes objects"


def test_the_rule_would_find_something():
    assert sum(name in DEMANDED for path in SOURCES for name, _ in calls(path)) >= 5

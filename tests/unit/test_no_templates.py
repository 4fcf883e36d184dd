"""No module reads objects back from bytes, and no text of a user's is ever a template."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
READERS = {
    "pickle",
    "cPickle",
    "dill",
    "cloudpickle",
    "joblib",
    "marshal",
    "shelve",
    "jinja2",
    "mako",
    "yaml",
}
CODE = {"eval", "exec", "compile", "__import__"}
FILES = sorted(path for name in ("app", "indexes", "ingest") for path in (ROOT / name).rglob("*.py"))
TEMPLATES = {"WORDS", "words"}  # tables of our own sentences, whose gaps are filled by name


def faults(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        where = f"line {getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Import):
            names = {alias.name.split(".")[0] for alias in node.names}
            yield from (f"{where}: imports {name}" for name in names & READERS)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in READERS:
            yield f"{where}: imports {node.module}"
        elif isinstance(node, ast.Call):
            yield from (f"{where}: {fault}" for fault in _call(node))
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod) and not _harmless(node):
            yield f"{where}: % on what is no literal"


def _call(node: ast.Call) -> Iterator[str]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    keywords = {one.arg: one.value for one in node.keywords}
    if isinstance(node.func, ast.Name) and name in CODE:
        yield f"calls {name}"
    method = node.func if isinstance(node.func, ast.Attribute) else None
    if name in ("format", "format_map", "vformat") and method and not _fixed(method.value):
        yield f"{name} on what is no literal"
    if "allow_pickle" in keywords and getattr(keywords["allow_pickle"], "value", True) is not False:
        yield "allows pickles"
    of_torch = name == "load" and getattr(getattr(node.func, "value", None), "id", "") == "torch"
    if of_torch and getattr(keywords.get("weights_only"), "value", False) is not True:
        yield "torch.load reads pickles"
    if name in ("Template", "from_string"):
        yield f"makes a template: {name}"


def _fixed(node: ast.expr) -> bool:
    """A literal, a constant of the module, or an entry of a table of our own sentences."""
    if isinstance(node, ast.Subscript):
        return _fixed(node.value) or (isinstance(node.value, ast.Name) and node.value.id in TEMPLATES)
    if isinstance(node, ast.Name):
        return node.id.isupper()
    return isinstance(node, ast.Constant | ast.JoinedStr)


def _harmless(node: ast.BinOp) -> bool:
    """A literal of ours, or a remainder: its right side is a number, a length or a dimension."""
    right = node.right
    if _fixed(node.left):
        return True
    if isinstance(right, ast.Call):
        return isinstance(right.func, ast.Name) and right.func.id == "len"
    if isinstance(right, ast.Attribute):
        return right.attr == "dim"
    return isinstance(right, ast.Constant) and isinstance(right.value, int | float)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_none(path: Path) -> None:
    assert list(faults(ast.parse(path.read_text()))) == []


@pytest.mark.parametrize(
    "code",
    [
        "import pickle", "from pickle import loads", "import marshal", "import shelve",
        "from jinja2 import Template",
        "eval(text)", "exec(text)", "text.format(1)", "f(text).format(1)", "text % name",
        "string.Template(text)",
        "np.load(path, allow_pickle=True)", "np.load(path, allow_pickle=given)", "torch.load(path)",
    ],
)  # fmt: skip
def test_each_would_be_seen(code: str) -> None:
    assert list(faults(ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    [
        "'{}'.format(1)",
        "'%s' % name",
        "number % 4",
        "WORDS['a'].format(n=1)",
        "np.load(p, allow_pickle=False)",
    ],
)
def test_what_is_allowed(code: str) -> None:
    assert list(faults(ast.parse(code))) == []

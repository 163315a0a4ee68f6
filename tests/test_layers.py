"""Do imports point one way, and do the two lists of public names agree?"""

import ast
from pathlib import Path

import pytest

import genoarrays as ga

PACKAGE = Path(ga.__file__).parent
LAYERS = [
    ["errors", "_optional", "_compiled"],
    ["options"],
    ["genome"],
    ["ops"],
    ["formats"],
    ["store"],
    ["examples"],
    ["stream"],
    ["models"],
    ["inference"],
    ["evaluation"],
    ["plot", "testing"],
    ["demo"],
    ["cli"],
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
FACADE = {"demo", "cli"}  # use the library as a user does: `import genoarrays as ga`
FILES = sorted(PACKAGE.rglob("*.py"))


def layer(file):
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(file):
    """Modules of this package that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            if node.module == "genoarrays":
                yield from (f"genoarrays.{alias.name}" for alias in node.names)
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_imports__point_from_later_layers_to_earlier_ones(file):
    if file == PACKAGE / "__init__.py":
        return
    assert layer(file) in RANK, "a new folder needs its place in LAYERS"
    for module in imported(file):
        parts = module.split(".")
        if parts[0] != "genoarrays" or len(parts) < 2 or parts[1] == "__version__":
            continue
        assert RANK[parts[1]] <= RANK[layer(file)], f"{file.name} imports {module}"


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_facade__is_imported_by_the_outermost_layers_only(file):
    bare = [
        node
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Import) and any(a.name == "genoarrays" for a in node.names)
    ]
    assert not bare or layer(file) in FACADE


def test_layers__name_folders_that_exist():
    there = {layer(file) for file in FILES} - {"__init__"}
    assert there == set(RANK)


def test_public_names__are_the_same_for_type_checkers_and_at_run_time():
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    guarded = next(node for node in tree.body if isinstance(node, ast.If))
    typed = {}
    for node in ast.walk(guarded):
        if isinstance(node, ast.ImportFrom):
            typed |= {alias.name: node.module for alias in node.names}
    modules = {name: "genoarrays" for name in ga._MODULES}
    assert typed == {name: f"genoarrays.{where}" for name, where in ga._WHERE.items()} | modules


@pytest.mark.parametrize("name", ga.__all__)
def test_public_names__resolve_and_are_documented(name):
    found = getattr(ga, name)
    assert name == "__version__" or found.__doc__
    assert name in dir(ga)


def test_public_names__are_no_folders_or_modules():
    there = {layer(file) for file in FILES}
    assert not there & set(ga._WHERE)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = ga.nonsense


def test_files__stay_short():
    lengths = {str(file.relative_to(PACKAGE)): len(file.read_text().splitlines()) for file in FILES}
    assert {name: n for name, n in lengths.items() if n > 400} == {}
    assert sorted(lengths.values())[len(lengths) // 2] <= 180

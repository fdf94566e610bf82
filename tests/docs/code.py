"""What the code says of itself: collected from its sources, without running it."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from inspect import isabstract
from pathlib import Path
from pkgutil import walk_packages

import apps
from apps.runs.runners import kinds

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
GENERATED = re.compile(r"<!-- generated: .*?<!-- end of generated -->", re.DOTALL)
FAILURE = re.compile(r"[a-z{}]+\.(model|platform|project)\.[a-z0-9{}-]+")
ACTION = re.compile(r"[a-z_]+\.[a-z_]+")
CODE = re.compile(r"[a-z_]+")
# How a run of each kind can fail.
OF_EACH_KIND = ("{}.platform.unexpected", "{}.project.not-permitted")
WRITERS = {"record", "note", "_record", "_note", "note_change"}


@cache
def pages() -> dict[str, str]:
    return {path.relative_to(ROOT).as_posix(): path.read_text() for path in DOCS.rglob("*.md")}


@cache
def written() -> str:
    """What people wrote in docs/: a generated list explains nothing."""
    return "\n".join(GENERATED.sub("", text) for text in pages().values())


@cache
def _trees() -> dict[Path, ast.Module]:
    sources = [*(ROOT / "apps").rglob("*.py"), *(ROOT / "mlgov").rglob("*.py")]
    return {path: ast.parse(path.read_text()) for path in sources if "migrations" not in path.parts}


def _texts(node: ast.AST) -> Iterator[str]:
    """Every string below a node. What an f-string fills in reads `{}`."""
    inside = set()
    for child in ast.walk(node):
        if isinstance(child, ast.JoinedStr):
            inside |= {id(part) for part in child.values}
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else "{}" for part in child.values
            )
    for child in ast.walk(node):
        if (
            isinstance(child, ast.Constant)
            and isinstance(child.value, str)
            and id(child) not in inside
        ):
            yield child.value


def audit_actions() -> set[str]:
    """The actions that calls of `record`, and of what wraps it, name."""
    found = set()
    for tree in _trees().values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _called(node) in WRITERS:
                given = [*node.args, *(k.value for k in node.keywords if k.arg == "action")]
                found |= {t for part in given for t in _texts(part) if ACTION.fullmatch(t)}
            # `action = "rollout.end" if … else "rollout.fail"`, handed on
            elif isinstance(node, ast.Assign) and _names(node) == ["action"]:
                found |= {t for t in _texts(node.value) if ACTION.fullmatch(t)}
    return found | _actions_of_the_admin()


def _actions_of_the_admin() -> set[str]:
    """Each page that is a `RecordedAdmin` has a noun, and so its own three actions."""
    found = set()
    for tree in _trees().values():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and "RecordedAdmin" in map(ast.unparse, node.bases):
                named = [
                    a for a in node.body if isinstance(a, ast.Assign) and _names(a) == ["noun"]
                ]
                methods = {m.name for m in node.body if isinstance(m, ast.FunctionDef)}
                verbs = {"create", "edit", "delete"}
                if "has_delete_permission" in methods:
                    verbs.remove("delete")
                found |= {f"{text}.{verb}" for a in named for text in _texts(a) for verb in verbs}
    return found


def _called(node: ast.Call) -> str:
    function = node.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _names(node: ast.Assign) -> list[str]:
    return [target.id for target in node.targets if isinstance(target, ast.Name)]


def failure_codes() -> set[str]:
    """Codes of failed runs. What is only known when it happens stays as `{}`."""
    found = {text for tree in _trees().values() for text in _texts(tree) if FAILURE.fullmatch(text)}
    codes = set()
    for code in found:
        app, _, rest = code.partition(".")
        if app != "{}":
            codes.add(code)
        elif code in OF_EACH_KIND:
            codes |= {f"{kind.partition('.')[0]}.{rest}" for kind in kinds()}
        else:
            codes |= {f"{named}.{rest}" for named in _apps_named()}
    return {code for code in codes if code.partition(".")[0] in _labels()}


def _apps_named() -> set[str]:
    """Values of `APP`, by which modules that share failures say whose they are."""
    return {
        node.value.value
        for tree in _trees().values()
        for node in tree.body
        if isinstance(node, ast.Assign)
        and _names(node) == ["APP"]
        and isinstance(node.value, ast.Constant)
    }


def _labels() -> set[str]:
    return {path.name for path in (ROOT / "apps").iterdir() if path.is_dir()}


def refusal_codes() -> set[str]:
    """Codes of the kinds of refusals, and those that single refusals have instead."""
    found = set()
    for tree in _trees().values():
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg == "code":
                found |= {text for text in _texts(node.value) if CODE.fullmatch(text)}
            if isinstance(node, ast.ClassDef):
                for part in node.body:
                    if isinstance(part, ast.Assign) and _names(part) == ["code"]:
                        found |= {text for text in _texts(part) if CODE.fullmatch(text)}
    return found


def system_checks() -> set[str]:
    return {
        text
        for tree in _trees().values()
        for text in _texts(tree)
        if re.fullmatch(r"[a-z]+\.[EW]\d{3}", text) and text.partition(".")[0] in _labels()
    }


def metric_names() -> set[str]:
    tree = _trees()[ROOT / "apps" / "api" / "ops" / "metrics.py"]
    return {text for text in _texts(tree) if re.fullmatch(r"mlgov_[a-z_]+", text)}


def plug_in_methods() -> set[str]:
    """`Class.method` for each abstract method of the apps."""
    found = set()
    for module in walk_packages(apps.__path__, "apps."):
        if ".migrations" in module.name:
            continue
        for value in vars(import_module(module.name)).values():
            if isinstance(value, type) and isabstract(value) and value.__module__ == module.name:
                found |= {f"{value.__name__}.{method}" for method in value.__abstractmethods__}
    return found

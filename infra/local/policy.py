"""Reads policy documents, and has the domain look at them in a process of its own.

The rules of documents are the domain's, which this package may not import.
"""

import json
import re
import subprocess
import sys
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from rich.markup import escape
from rich.table import Column, Table
from typing_extensions import override

from infra.local.checkout import Checkout
from infra.local.errors import LocalStackError

_LAWS = re.compile(r"^laws:.*\n(?:(?:[ \t]+|- ).*\n)*", re.MULTILINE)
"""The section of laws in YAML: its line, and what is below it."""

_MARKS = {"error": "[red]✗[/]", "note": "[yellow]·[/]"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What the domain found in one file; a finding has severity, pointer, code and detail."""

    file: Path
    findings: Sequence[Mapping[str, str]]

    @property
    def is_valid(self) -> bool:
        """Say whether the document can be put in force."""
        return all(finding["severity"] != "error" for finding in self.findings)

    def as_json(self) -> dict[str, Any]:
        """Return all of it in plain values."""
        return {"file": str(self.file), "valid": self.is_valid, "findings": list(self.findings)}


def review(file: Path, *, checkout: Checkout) -> Review:
    """Lint a document in JSON (``.json``) or YAML; one that cannot be read has one error.

    Raises:
        LocalStackError: the domain could not look at it.
        OSError: the file cannot be opened.
    """
    try:
        document = _read(file)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as problem:
        detail = " ".join(str(problem).split())
        unreadable = {"severity": "error", "pointer": "", "code": "unreadable", "detail": detail}
        return Review(file=file, findings=[unreadable])
    return Review(file=file, findings=_ask("lint", checkout=checkout, about=document))


def schema(checkout: Checkout) -> str:
    """Return the JSON schema of documents.

    Raises:
        LocalStackError: the domain could not tell.
    """
    return json.dumps(_ask("schema", checkout=checkout), indent=2, ensure_ascii=False)


def default(checkout: Checkout) -> str:
    """Return the default document as YAML, quoted so that readers of YAML 1.1 agree as well.

    Raises:
        LocalStackError: the domain could not tell.
    """
    document = _ask("default", checkout=checkout)
    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)
    return text


def laws(checkout: Checkout) -> Sequence[Mapping[str, Any]]:
    """Return the law packs: their rules, their sources, and what they leave out.

    Raises:
        LocalStackError: the domain could not tell.
    """
    found: Sequence[Mapping[str, Any]] = _ask("laws", checkout=checkout)
    return found


def draft(file: Path) -> dict[str, Any]:
    """Return the document of a file in JSON (``.json``) or YAML.

    Raises:
        LocalStackError: it is neither, or no mapping.
        OSError: the file cannot be opened.
    """
    try:
        document = json.loads(_read(file))
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as problem:
        detail = " ".join(str(problem).split())
        raise LocalStackError(f"{file} cannot be read: {detail}", fix="Mend it.") from problem
    if not isinstance(document, dict):
        raise LocalStackError(f"{file} is no policy document.", fix="`engage policy default`")
    return document


def joined(file: Path, names: Sequence[str]) -> str:
    """Return the text of a policy's file with law packs switched on; all else stays as it is.

    Raises:
        LocalStackError: the file is no document, or its laws are written in a way of their own.
        OSError: the file cannot be opened.
    """
    document = draft(file)
    listed = document.get("laws") or []
    laws = [*listed, *(name for name in dict.fromkeys(names) if name not in listed)]
    wanted = {**document, "laws": laws}
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".json":
        return json.dumps(wanted, indent=2, ensure_ascii=False) + "\n"
    line = f"laws: [{', '.join(laws)}]\n"
    changed, count = _LAWS.subn(line, text)
    if not count:
        changed = f"{text.rstrip()}\n{line}"
    if not _says(changed, wanted):
        raise LocalStackError(
            f"The laws of {file} are written in a way that cannot be changed here.",
            fix=f"Write the line yourself: {line.strip()}",
        )
    return changed


def _says(text: str, document: Mapping[str, Any]) -> bool:
    try:
        return bool(yaml.load(text, Loader=_Loader) == document)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError):
        return False


def table(reviews: Sequence[Review]) -> Table:
    """Return the findings for people, file by file."""
    shown = Table("", "", "", Column(overflow="fold"), show_header=False, box=None)
    for one in reviews:
        mark = "[green]✓[/]" if one.is_valid else "[red]✗[/]"
        shown.add_row(mark, escape(str(one.file)))
        for finding in one.findings:
            place, code, detail = (escape(finding[name]) for name in ("pointer", "code", "detail"))
            shown.add_row(_MARKS[finding["severity"]], f"  {place or 'document'}", code, detail)
    return shown


def _ask(word: str, *, checkout: Checkout, about: str = "") -> Any:
    command = [sys.executable, "-m", "shared.contact_policy", word]
    done = subprocess.run(
        command, cwd=checkout.root, input=about, capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise LocalStackError(
            f"The contact policy could not answer: {last[0]}",
            fix="`uv sync` installs what it needs.",
        )
    return json.loads(done.stdout)


def _read(file: Path) -> str:
    """Return a file's document in JSON."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".json":
        return json.dumps(json.loads(text, object_pairs_hook=_each_once))
    return json.dumps(yaml.load(text, Loader=_Loader))  # noqa: S506 - a SafeLoader


def _each_once(fields: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(fields)
    if len(found) < len(fields):
        names = [name for name, _ in fields]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the field {twice} stands twice in one object")
    return found


class _Loader(yaml.SafeLoader):
    """Reads plain words as YAML 1.2's core schema does, and a field that stands twice not at all.

    YAML 1.1 would take ``10:00`` for the number 600 and ``off`` for false, and of two sections of
    one name it would drop the first without a word.
    """

    @override
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        found = super().construct_mapping(node, deep=deep)
        names = [name.value for name, _ in node.value]
        if len(found) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"the field {twice} stands twice in one object")
        return found


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _begins in (
    ("null", r"null|~|", ["n", "~", ""]),
    ("bool", r"true|false", ["t", "f"]),
    ("int", r"-?(?:0|[1-9][0-9]*)", list("-0123456789")),
    ("float", r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?", list("-0123456789")),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _begins
    )

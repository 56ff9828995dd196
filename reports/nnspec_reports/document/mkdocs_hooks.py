"""What mkdocs calls while it builds the site; spec/mkdocs.yml names this file.

Pages are made from the docstrings, the cases and results files. Pages written by hand may hold
`<!-- figure: NAME -->`, `<!-- differs: FAMILY -->`, `<!-- versions -->`, `{{ operations }}` and formulas in `$`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import Abort
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from nnspec.errors import NnspecError
from nnspec_reports.document._font import math_font
from nnspec_reports.document._formula import FormulaError
from nnspec_reports.document._pages import Site
from nnspec_reports.document._rounding import FIGURES

_EXTENSION = "nnspec_reports.document._extension"
_state: dict[str, Site] = {}
#: path of a page -> what it holds below the title
_html: dict[str, str] = {}


def _guarded(make: Callable[[], Any]) -> Any:
    """What goes wrong with the specification ends the build in one line."""
    try:
        return make()
    except (NnspecError, FormulaError) as error:
        raise Abort(f"nnspec: {error}") from error


def _made(config: MkDocsConfig) -> Site:
    if "site" not in _state:
        given = str(config.extra.get("results") or "")
        _state["site"] = _guarded(lambda: Site([Path(path) for path in given.split(",") if path]))
    return _state["site"]


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add the formulas to Markdown, and the operations to the navigation."""
    config.markdown_extensions.append(_EXTENSION)
    site = _made(config)
    conventions = [{family.capitalize(): f"conventions/{family}.md"} for family in site.families]
    operations: list[Any] = [
        {
            family.capitalize(): [
                {f"All of {family}": f"families/{family}.md"},
                *({op.name: f"operations/{op.name}.md"} for op in found),
            ]
        }
        for family, found in site.families.items()
    ]
    decisions = sorted(path.name for path in Path(config.docs_dir, "decisions").glob("*.md"))
    config.nav = [
        {"How to read it": "index.md"},
        {"The rounding model": "rounding.md"},
        {"The generator": "generator.md"},
        {"Laws": "laws.md"},
        {"Custom kernels": "custom-kernels.md"},
        {"Golden vectors": "vectors.md"},
        {"How the suite is tested": "suite.md"},
        {"Operations": [{"All operations": "operations.md"}, *operations, {"Training runs": "operations/training.md"}]},
        {"Conventions": [{"For all operations": "conventions/index.md"}, *conventions]},
        {"Requirements": "requirements.md"},
        {"Version history": "versions.md"},
        {"Decisions": [f"decisions/{name}" for name in decisions]},
    ]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made; what is HTML already is put in once Markdown is done."""
    for path, title, html in _guarded(lambda: list(_made(config).pages())):
        _html[path] = html
        files.append(File.generated(config, path, content=f"# {title}\n\n<!-- made: {path} -->\n"))
    files.append(File.generated(config, "assets/math.woff", content=math_font()))
    for family in _made(config).families:
        path = f"conventions/{family}.md"
        if files.get_file_from_path(path) is None:  # a new family is listed before somebody writes about it
            text = f"# {family.capitalize()}\n\n<!-- differs: {family} -->\n"
            files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Fill in numbers."""
    for name, number in _made(config).figures_told().items():
        markdown = markdown.replace(f"{{{{ {name} }}}}", number)
    return markdown


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Fill in what is made."""
    return re.sub(r"<!-- (\w+)(?:: (\S+))? -->", lambda found: _fill(found[1], found[2], _made(config)), html)


def _fill(kind: str, name: str, site: Site) -> str:
    match kind:
        case "made":
            return _html[name]
        case "differs":
            return site.differences(name)
        case "versions":
            return site.versions()
        case "figure":
            drawn, caption = FIGURES[name]()
            return f"<figure>\n{drawn}\n<figcaption>{caption}</figcaption>\n</figure>"
        case _:
            raise Abort(f"nnspec: there is no '{kind}' to fill in")

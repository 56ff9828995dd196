"""Check a built site: broken links, formulas that were not drawn, and what a browser complains of.

python -m nnspec_reports.document.check build/site
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from nnspec_reports.document._chromium import Chromium, find_chromium

__all__ = ["PHONE", "SCREEN", "Contents", "in_browser", "read", "without_browser"]

SCREEN, PHONE = (1280, 900), (390, 844)
_VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}


@dataclass
class Contents(HTMLParser):
    """What a page holds, as far as it is checked."""

    path: Path
    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    #: addresses of what a browser loads with the page
    loaded: list[str] = field(default_factory=list)
    #: text outside of code, figures and formulas
    prose: list[str] = field(default_factory=list)
    formulas: int = 0
    figures: int = 0
    #: tags that do not close in the order in which they were opened
    crossed: list[str] = field(default_factory=list)
    _open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.feed(self.path.read_text(encoding="utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note anchors, links and formulas."""
        given = {name: value or "" for name, value in attrs}
        if "id" in given:
            self.anchors.add(given["id"])
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag in ("link", "script", "img") and (address := given.get("href") or given.get("src")):
            self.loaded.append(address)
        self.formulas += tag == "math"
        self.figures += tag == "svg"
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """As in SVG: opened and closed."""
        if tag not in _VOID:
            self.handle_starttag(tag, attrs)
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        """Note what is not closed in order."""
        if self._open and self._open[-1] == tag:
            self._open.pop()
        elif tag not in _VOID:
            self.crossed.append(tag)

    def handle_data(self, data: str) -> None:
        """Keep prose."""
        if not {"code", "pre", "svg", "math", "script", "style"} & set(self._open):
            self.prose.append(data)


def read(site: Path) -> dict[Path, Contents]:
    """Every page of a site.

    Raises:
        FileNotFoundError: there is none.
    """
    pages = {path.resolve(): Contents(path.resolve()) for path in sorted(site.rglob("*.html"))}
    if not pages:
        raise FileNotFoundError(f"{site}: no page there; run mkdocs build -f spec/mkdocs.yml")
    return pages


#: what is left of a formula, of code in backticks, or of a place to be filled in
_UNRENDERED = re.compile(r"\$[^$\s][^$]*\$|`|\{\{|<!--|\b[a-z]_\{")


def without_browser(pages: dict[Path, Contents]) -> Iterator[str]:
    """The complaints about links, addresses outside of the site, and formulas."""
    for path, page in pages.items():
        for link in page.links + page.loaded:
            if complaint := _broken(link, path, pages):
                yield f"{path.name}: {link}: {complaint}"
        for address in page.loaded:
            if urlsplit(address).scheme not in ("", "data"):
                yield f"{path.name}: loads {address} from elsewhere"
        if page.crossed:
            yield f"{path.name}: tags are not closed in order: {', '.join(page.crossed[:5])}"
        for text in page.prose:
            if found := _UNRENDERED.search(text):
                yield f"{path.name}: not rendered: {text[max(0, found.start() - 20) : found.end() + 20].strip()!r}"


def _broken(link: str, path: Path, pages: dict[Path, Contents]) -> str | None:
    parts = urlsplit(link)
    if parts.scheme:
        return None
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.is_file():
        return "no such file"
    if parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
        return "no such place on the page"
    return None


#: pages wider than the window, and formulas without size: what shows that something is not drawn
_MEASURE = """(() => {
  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  const shown = [...document.querySelectorAll("math")].filter((m) => !m.closest("details:not([open])"));
  const lost = shown.filter((m) => m.getBoundingClientRect().width < 2 || m.querySelector("merror")).length;
  return {wide, lost};
})()"""


def in_browser(pages: dict[Path, Contents], path: str) -> Iterator[str]:
    """The complaints of a browser about every page, on a screen and on a phone."""
    with Chromium(path) as browser:
        for page in pages:
            browser.window(*SCREEN)
            browser.open(page.as_uri())
            for name, size in (("screen", SCREEN), ("phone", PHONE)):
                browser.window(*size)
                found = browser.value(_MEASURE)
                if found["wide"] > 0:
                    yield f"{page.name}: {found['wide']} pixels wider than a {name}"
                if found["lost"]:
                    yield f"{page.name}: {found['lost']} formulas are not drawn on a {name}"
            yield from (f"{page.name}: {complaint}" for complaint in browser.complaints)
            browser.complaints.clear()


def main(folder: str) -> int:
    """Print the complaints about a site; 1 if there are any."""
    pages = read(Path(folder))
    complaints = list(without_browser(pages))
    browser = find_chromium()
    if browser is not None:
        complaints += in_browser(pages, browser)
    for complaint in complaints:
        print(complaint)
    formulas = sum(page.formulas for page in pages.values())
    how = "with" if browser else "without"
    print(f"{len(pages)} pages, {formulas} formulas, checked {how} a browser: {len(complaints)} complaints")
    return 1 if complaints else 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))

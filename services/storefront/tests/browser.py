"""Pages in Debian's Chromium: what must hold of each, and a picture of it."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, Page, Response
from shop_chassis.testing.browser import SLOWEST, WIDTHS

LONG = bool(os.environ.get("SHOP_TEST_LONG"))
AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text()
_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
_SHIFTS = """
() => new Promise((done) => {
  let sum = 0;
  const moved = [];
  const place = (box) => [box.x, box.y, box.width, box.height].map(Math.round).join(" ");
  const add = (list) => list.getEntries().filter((each) => !each.hadRecentInput).forEach((each) => {
    sum += each.value;
    each.sources.forEach(({ node, previousRect, currentRect }) => {
      const what = node ? (node.outerHTML || node.textContent).slice(0, 80) : "what is gone";
      moved.push(`${what}: ${place(previousRect)} to ${place(currentRect)}`);
    });
  });
  const observer = new PerformanceObserver(add);
  observer.observe({ type: "layout-shift", buffered: true });
  const end = () => { add({ getEntries: () => observer.takeRecords() }); done([sum, moved.join("; ")]); };
  requestAnimationFrame(() => requestAnimationFrame(end));
})
"""


@dataclass
class Window:
    """A page at one width, in light or dark, and what went wrong in it."""

    context: BrowserContext
    page: Page
    base: str
    name: str
    shots: Path
    errors: list[str] = field(default_factory=list)
    received: int = 0
    """Bytes over the wire since it was opened."""
    status: int = 0
    """Of the page that is shown."""

    def open(self, path: str) -> None:
        """Returns when nothing is loading any more."""
        self.page.goto(self.base + path, wait_until="networkidle")

    def go(self, path: str) -> None:
        """Returns when the page is there, whatever it listens to afterwards."""
        self.page.goto(self.base + path, wait_until="load")
        self.page.get_by_role("heading", level=1).wait_for()

    def says(self, *words: str) -> None:
        """Returns when the page says one of these."""
        found = self.page.get_by_text(words[0])
        for each in words[1:]:
            found = found.or_(self.page.get_by_text(each))
        found.first.wait_for()

    def holds(self, name: str, *, asked: bool = False) -> None:
        """What must hold of every page; takes a picture called `name`. Raises AssertionError.

        `asked`: what moved was asked for by a click. Chromium knows that for half a second, and a busy
        machine answers later.
        """
        # Before the picture, for which the window becomes as high as the page.
        shifted, moved = self.page.evaluate(_SHIFTS)
        self.page.screenshot(path=self.shots / f"{name}-{self.name}.png", full_page=True)
        assert self.errors == [], f"{name}: the browser reports {self.errors}"
        wide = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{name}: {wide} px wider than the window"
        assert asked or shifted < 0.01, f"{name}: the layout shifts by {shifted:.3f}: {moved}"
        self.page.evaluate(AXE)
        found: dict[str, Any] = self.page.evaluate("(rules) => axe.run(document, rules)", _RULES)
        assert found["violations"] == [], f"{name}: {_told(found['violations'])}"


Opens = Callable[..., AbstractContextManager[Window]]
"""`with opens("phone", dark=True) as seen`: see `window`."""


def _told(violations: list[dict[str, Any]]) -> str:
    return "; ".join(
        f"{each['id']} ({each['help']}): "
        + ", ".join(
            f"{node['html'][:200]} {node.get('failureSummary', '')[:300]}" for node in each["nodes"][:4]
        )
        for each in violations
    )


@contextmanager
def window(
    browser: Chromium, base: str, shots: Path, width: str, *, dark: bool = False, scripts: bool = True
) -> Iterator[Window]:
    """A new window with no cookies."""
    wide, high = WIDTHS[width]
    context = browser.new_context(
        viewport={"width": wide, "height": high},
        color_scheme="dark" if dark else "light",
        locale="en-IE",
        java_script_enabled=scripts,
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.set_default_timeout(SLOWEST)
    opened = Window(context, page, base, f"{width}-dark" if dark else width, shots)
    # A page that says 404 is meant to, and a busy machine is no error of a page; everything else that the
    # console shows is one of ours.
    meant = re.compile(
        r"the server responded with a status of (404|422|503)|^htmx:(timeout|afterRequest),"
        r"|^Response Status Error Code 503 "
    )
    page.on(
        "console",
        lambda line: (
            opened.errors.append(line.text) if line.type == "error" and not meant.search(line.text) else None
        ),
    )
    page.on("pageerror", lambda error: opened.errors.append(str(error)))

    def answered(answer: Response) -> None:
        if answer.request.is_navigation_request() and answer.frame == page.main_frame:
            opened.status = answer.status

    page.on("response", answered)
    network = context.new_cdp_session(page)
    network.send("Network.enable")

    def finished(event: dict[str, Any]) -> None:
        opened.received += int(event["encodedDataLength"])

    network.on("Network.loadingFinished", finished)
    try:
        yield opened
    finally:
        context.close()

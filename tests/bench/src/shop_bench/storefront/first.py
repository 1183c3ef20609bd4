"""A first visit in a real browser: what comes over the wire, and whether anything moves."""

from typing import Any

from playwright.sync_api import Browser
from shop_chassis.testing.browser import SLOWEST, WIDTHS

from shop_bench.figures import Row

# Layout Instability API: every shift but those that follow an input.
_WATCH = """
window.shifted = 0;
new PerformanceObserver((list) => list.getEntries().forEach((each) => {
  if (!each.hadRecentInput) window.shifted += each.value;
})).observe({ type: "layout-shift", buffered: true });
"""
_SETTLED = (
    "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(shifted))))"
)


def visit(browser: Browser, url: str, width: str) -> Row:
    """Opens the front page without cookies or cache, and waits until nothing loads any more.

    Bytes are those over the wire, with headers; the shift is the sum of all (web.dev/cls counts less).
    """
    wide, high = WIDTHS[width]
    context = browser.new_context(viewport={"width": wide, "height": high}, locale="en-IE")
    try:
        page = context.new_page()
        page.set_default_timeout(SLOWEST)
        page.add_init_script(_WATCH)
        received: list[int] = []
        network = context.new_cdp_session(page)
        network.send("Network.enable")

        def finished(event: dict[str, Any]) -> None:
            received.append(int(event["encodedDataLength"]))

        network.on("Network.loadingFinished", finished)
        page.goto(url, wait_until="networkidle")
        shift = float(page.evaluate(_SETTLED))
    finally:
        context.close()
    return {"width": width, "bytes": sum(received), "requests": len(received), "shift": round(shift, 4)}

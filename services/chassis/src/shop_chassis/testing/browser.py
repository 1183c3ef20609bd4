"""Debian's Chromium, and the windows in which pages are looked at."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

WIDTHS = {"phone": (390, 844), "desktop": (1280, 900)}
"""Pixels: width and height of a window."""
SLOWEST = 120_000
"""Milliseconds: a busy machine is no error of a page."""


@contextmanager
def chromium() -> "Iterator[Browser]":
    """The browser; Debian's package `chromium`. An event loop runs in this thread while it is there."""
    from playwright.sync_api import sync_playwright  # a dependency of those who open one

    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=arguments)
        try:
            yield browser
        finally:
            browser.close()

"""What tests of pages share: a browser.

Without Chromium these tests are skipped; where CNNDSL_BROWSER is set, as .ci/run does, that is an error.
"""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    wanted = bool(os.environ.get("CNNDSL_BROWSER") or os.environ.get("CI"))
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        found = None
    if found is None:
        (pytest.fail if wanted else pytest.skip)("there is no Chromium, or no playwright to drive it")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield running
        running.close()

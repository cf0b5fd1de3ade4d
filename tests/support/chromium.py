"""What browser tests share: waiting for the page, and the rules of accessibility."""

import time

WAIT_MS = 10_000

_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


def eventually(page, expression, timeout_ms=WAIT_MS):
    """Wait for an expression; Playwright's own way needs eval, which the page forbids."""
    deadline = time.monotonic() + timeout_ms / 1000
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, expression
        page.wait_for_timeout(30)


def violations(page):
    """Return what axe-core finds against WCAG 2.2 A and AA, in one line each."""
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 - with Playwright only

    found = Axe().run(page, options=_RULES).response["violations"]
    return [
        f"{rule['id']}: {node['html'][:160]} {node['failureSummary']}"
        for rule in found
        for node in rule["nodes"]
    ]

"""Audits of what a page shows, by axe-core and the rules of WCAG 2.2 AA."""

from pathlib import Path

from browser.web.conftest import Page

AXE = Path(__file__).parents[3] / "web-client" / "node_modules" / "axe-core" / "axe.min.js"
AUDIT = """
const [done, rules] = [arguments[arguments.length - 1], arguments[0]];
const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const frame = () => new Promise(requestAnimationFrame);
frame().then(frame).then(() => axe.run(document, {runOnly: rules ?? tags, resultTypes: ["violations"]}))
  .then(({violations}) => done(violations.flatMap(({id, nodes}) =>
    nodes.map(node => `${id}: ${node.html.slice(0, 200)} ${node.failureSummary}`))));
"""
TOO_WIDE = """
const widths = ["ltr", "rtl"].map(direction => {
  document.documentElement.dir = direction;
  return document.documentElement.scrollWidth;
});
document.documentElement.dir = "";
return Math.max(...widths) > innerWidth;
"""
PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": False}


class Audit:
    """Sees one view of a page after the other, and keeps what is wrong in `faults`."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.faults: list[str] = []

    def see(self, view: str) -> None:
        """Audit what the page shows now, with light and dark colors."""
        if not self.page.run("return 'axe' in window"):
            self.page.run(AXE.read_text())
        self._run(f"{view}, light")
        scheme = {"name": "prefers-color-scheme", "value": "dark"}
        self.page.chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        self._run(f"{view}, dark", ["color-contrast"])
        self.page.chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})

    def see_on_phone_too(self, view: str) -> None:
        """Audit what the page shows now, also where there is as much space as on a phone."""
        self.see(view)
        self.page.chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
        self._run(f"{view}, phone")
        self.page.chrome.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

    def _run(self, view: str, rules: list[str] | None = None) -> None:
        found = self.page.chrome.execute_async_script(AUDIT, rules)
        self.faults += [f"{view}: {each}" for each in found]
        if self.page.run(TOO_WIDE):
            self.faults.append(f"{view}: wider than the window")

#!/usr/bin/env python3
"""`ingestctl serve` in headless Chromium (`make web`): every page looked at by axe-core, used by keyboard alone, narrow and wide, with titles and keys that would be
scripts. Ends with a line of JSON; 1 where something does not hold.

    web_view.py [--screenshots FOLDER]
"""
import argparse
import http.client
import json
import pathlib
import subprocess
import sys
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "deploy/local"), str(ROOT / "Tests/EndToEnd")]
sys.path += [str(path) for path in (ROOT / ".local/web/lib").glob("python3*/site-packages")]
import axe_core_python
import stack
from fleet_run import PROGRAMS, FleetRun, ends_with_figures
from processes import Failed
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

FOLDER = ROOT / ".local/tests/web"
DOCUMENTS = ROOT / "deploy/local/documents"
SCRIPT = "<script>window.owned=1</script>"
HOSTILE = {
    f"bad/{SCRIPT}.txt": b"The harbour master keeps the keys of the pilot boat.",
    'bad/"><img src=x onerror=window.owned=2>.txt': b"Another note about the pilot boat and its harbour.",
    "bad/\u202egnp.exe.txt": b"A key that turns its own direction, and the pilot boat.",
    "bad/javascript:window.owned=3//.txt": b"A key like an address of a script. The harbour is closed at night.",
    "bad/title.html": f"<html><head><title>{SCRIPT.replace('<', '&lt;')} &amp; title</title></head><body><h1>&lt;b onclick=window.owned=4&gt; heading</h1><p>The pilot boat leaves &lt;script&gt;window.owned=5&lt;/script&gt; at nine.</p></body></html>".encode(),
}
MANY = 55  # more than a page has
started = time.monotonic()


def say(text: str) -> None:
    print(f"[{time.monotonic() - started:6.1f} s] {text}", flush=True)


class Browser:
    def __init__(self, address: str, screenshots: pathlib.Path | None) -> None:
        options = webdriver.ChromeOptions()
        for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,900", "--force-color-profile=srgb"):
            options.add_argument(argument)
        options.binary_location = "/usr/bin/chromium"
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
        self.address, self.screenshots = address, screenshots
        self.axe = (pathlib.Path(axe_core_python.__file__).parent / "axe.min.js").read_text()
        self.minor = 0

    def open(self, path: str) -> None:
        self.driver.get(self.address.rstrip("/") + path)

    def check(self, name: str) -> None:
        """No serious finding, nothing ran, nothing hangs over on a narrow screen."""
        assert self.driver.execute_script("return window.owned") is None, f"{name}: a script of a document ran"
        # Through the debugger: the page's own policy would not let it in.
        self.driver.execute_script(self.axe)
        result = self.driver.execute_async_script("const done = arguments[arguments.length - 1]; axe.run().then(done)")
        serious = [f"{found['id']}: {found['help']}: {found['nodes'][0]['html'][:200]}" for found in result["violations"] if found["impact"] in ("serious", "critical")]
        assert not serious, f"{name}: {serious}"
        self.minor += len(result["violations"])
        assert len(result["passes"]) > 10, f"{name}: axe-core checked {len(result['passes'])} rules"
        if self.screenshots:
            self.driver.save_screenshot(str(self.screenshots / f"{name}.png"))
        self.driver.set_window_size(420, 800)
        width = self.driver.execute_script("return [document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        assert width[0] <= width[1], f"{name}: {width[0]} pixels wide on a screen of {width[1]}"
        self.driver.set_window_size(1280, 900)

    def press(self, *keys: str) -> None:
        ActionChains(self.driver).send_keys(*keys).perform()

    def focused(self) -> str:
        return self.driver.execute_script("const e = document.activeElement; return e.tagName + ' ' + (e.id || e.textContent.trim().slice(0, 60))")

    def tab_to(self, what, most: int = 40) -> None:
        for _ in range(most):
            self.press(Keys.TAB)
            if what(self.focused()):
                outline = self.driver.execute_script("return getComputedStyle(document.activeElement).outlineStyle")
                assert outline != "none", f"{self.focused()} has the focus and does not show it"
                return
        raise Failed(f"the keyboard does not reach it; the focus is at {self.focused()}")


def server_rules(address: str) -> int:
    """What a page of the web could try, and who can reach the server at all."""
    port = urllib.parse.urlsplit(address).port

    def ask(method: str, path: str, headers: dict[str, str]) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request(method, path, headers=headers)
        return connection.getresponse()

    good = ask("GET", "/", {})
    assert good.status == 200 and "default-src 'none'" in good.getheader("Content-Security-Policy") and "script-src" not in good.getheader("Content-Security-Policy")
    assert ask("GET", "/", {"Host": "evil.example"}).status == 421
    assert ask("POST", "/", {}).status == 405
    assert ask("GET", "/etc/passwd", {}).status == 404
    assert ask("GET", "/document?bucket=../../&key=x", {}).status in (200, 503)
    assert ask("GET", "/document?bucket=%ff", {}).status == 400
    local = [line.split()[1] for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:] if line.split()[3] == "0A"]
    assert f"0100007F:{port:04X}" in local and f"00000000:{port:04X}" not in local, "it listens on more than loopback"
    return 7


def run(screenshots: pathlib.Path | None) -> dict:
    aws = stack.Stack(FOLDER, kind="3.6.0", say=say)
    serving = browser = None
    try:
        fleet = aws.fleet("web")
        work = FleetRun(fleet, FOLDER, {"DOCUMENTS": f"s3://{fleet.bucket}/ s3://{fleet.bucket}/bad/=hostile"})
        for name in ("ingest-worker", "embed-worker"):
            work.start(name)
        for key, body in HOSTILE.items():
            fleet.put(key, body, "text/html" if key.endswith("html") else "text/plain")
        for path in sorted(DOCUMENTS.iterdir()):
            if path.suffix in (".pdf", ".html", ".md"):
                fleet.put(f"documents/{path.name}", path.read_bytes())
        fleet.put("documents/broken.pdf", b"%PDF-1.7\nnot really")
        for number in range(MANY):
            fleet.put(f"many/{number:03}*.txt", f"Entry {number} of a long list.".encode())
        time.sleep(1)
        work.fleet.wait_until_drained(60, alive=work.alive)
        environment = fleet.operator() | fleet.owner() | {"EMBEDDING_PRICE": "0.02"}
        serving = subprocess.Popen([PROGRAMS / "ingestctl", "serve", "--port", "0", "--json"], env=environment, stdout=subprocess.PIPE, text=True)
        address = json.loads(serving.stdout.readline())["address"]
        rules = server_rules(address)
        say(f"{rules} rules of the server hold")
        browser = Browser(address, screenshots)
        pages = 0
        for name, path in (("search-empty", "/"), ("search", "/?q=who+may+board+the+pilot+boat"), ("search-words", "/?q=pilot+boat&mode=text"),
                           ("documents", "/documents"), ("rejected", "/documents?state=rejected"), ("hostile", "/documents?tenant=hostile"), ("no-page", "/nothing")):
            browser.open(path)
            browser.check(name)
            pages += 1
        browser.open("/?q=pilot+boat")
        assert browser.driver.find_elements(By.CSS_SELECTOR, "ol.hits mark"), "no word of the question is marked"
        for key in HOSTILE:
            browser.open("/document?" + urllib.parse.urlencode({"bucket": fleet.bucket, "key": key}))
            text = browser.driver.find_element(By.TAG_NAME, "main").text
            assert "searchable" in text and "chunk" in text.lower(), (key, text[:500])
            browser.check(f"hostile-{pages}")
            pages += 1
        browser.open("/documents?state=live&prefix=many/")
        rows = [len(browser.driver.find_elements(By.CSS_SELECTOR, "tbody tr"))]
        browser.driver.find_element(By.LINK_TEXT, "Next page").click()
        rows.append(len(browser.driver.find_elements(By.CSS_SELECTOR, "tbody tr")))
        assert rows == [50, MANY - 50], f"pages of {rows} documents"
        browser.driver.find_element(By.CSS_SELECTOR, "tbody a").click()
        assert "searchable" in browser.driver.find_element(By.TAG_NAME, "main").text, "a key with a star"
        say(f"{pages} pages without a serious finding; no script of {len(HOSTILE)} titles and keys ran")
        keyboard(browser)
        say("searched, opened and jumped by keyboard alone")
        document = next(path for path in sorted(DOCUMENTS.iterdir()) if path.suffix == ".pdf")
        browser.open("/document?" + urllib.parse.urlencode({"bucket": fleet.bucket, "key": f"documents/{document.name}"}))
        browser.check("document")
        time.sleep(21)
        browser.open("/fleet")
        assert len(browser.driver.find_elements(By.CSS_SELECTOR, "svg polyline")) == 6
        browser.check("fleet")
        errors = [entry["message"] for entry in browser.driver.get_log("browser") if entry["level"] == "SEVERE" and "favicon" not in entry["message"] and "404" not in entry["message"]]
        assert not errors, errors
        work.stop()
        return {"pages": pages + 2, "hostile": len(HOSTILE), "serious_findings": 0, "minor_findings": browser.minor, "seconds": round(time.monotonic() - started)}
    finally:
        if browser:
            browser.driver.quit()
        if serving:
            serving.kill()
        aws.stop()


def keyboard(browser: Browser) -> None:
    browser.open("/")
    browser.press(Keys.TAB)
    assert "Skip" in browser.focused(), browser.focused()
    browser.tab_to(lambda focus: focus == "INPUT q")
    browser.press("who may board the pilot boat", Keys.ENTER)
    time.sleep(1.5)
    assert browser.driver.find_elements(By.CSS_SELECTOR, "ol.hits li"), "Enter did not search"
    title = browser.driver.find_element(By.CSS_SELECTOR, "ol.hits h2 a").text
    browser.tab_to(lambda focus: focus == f"A {title[:60]}")
    browser.press(Keys.ENTER)
    time.sleep(1.5)
    assert "/document?" in browser.driver.current_url, browser.driver.current_url
    browser.tab_to(lambda focus: focus == "A Chunk 0", most=60)
    browser.press(Keys.ENTER)
    assert browser.driver.current_url.endswith("#part-0"), browser.driver.current_url


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--screenshots", type=pathlib.Path)
    arguments = parser.parse_args()
    if arguments.screenshots:
        arguments.screenshots.mkdir(parents=True, exist_ok=True)
    return ends_with_figures(lambda: run(arguments.screenshots))


if __name__ == "__main__":
    sys.exit(main())

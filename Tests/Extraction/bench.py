#!/usr/bin/env python3
"""Extraction speed beside other tools (`make bench-extract`): the same documents, one process each, rounds in turn.

    bench.py [--rounds N]

PDF: pages per CPU second over all PDFs of the corpora and over those of three pages and more, with and without what needs poppler's private headers, whose replies have to be the same
bytes. HTML: MB per CPU second, with and without the choice of main content. What misses its goal is printed with where the time goes. Ends with a line of JSON; 1 when a goal is missed.
"""
import argparse
import json
import os
import pathlib
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "Tests/Extraction"))
import extractor

CORPORA = pathlib.Path(os.environ.get("FLEET_SHARED", ROOT.parent / "shared")) / "corpora"
PUBLIC = ROOT / ".build-public/release/document-extractor"
# Of the pages that pypdfium2 reads in the same time.
GOALS = {"all PDFs": {"ours, public headers": 0.75, "ours": 0.9}, "three pages and more": {"ours, public headers": 0.95, "ours": 1.1}}
started = time.monotonic()


def say(text: str) -> None:
    print(f"[{time.monotonic() - started:6.1f} s] {text}", flush=True)


def ours(paths: list[str], main: bool = True, program: pathlib.Path = extractor.PROGRAM) -> tuple[float, int]:
    child = extractor.Extractor(program=program)
    child.ask(ROOT / "README.md")
    before = child.cpu
    for path in paths:
        child.ask(path, main=main)
    figures = child.cpu - before, child.memory
    child.close()
    return figures


def measured(body) -> tuple[float, int]:
    """In a process of its own: CPU seconds without what came before, and peak memory."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            body([])
            before = time.process_time()
            body(None)
            os.write(write, f"{time.process_time() - before} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}".encode())
        finally:
            os._exit(0)
    os.close(write)
    text = os.read(read, 200).decode()
    os.close(read)
    os.waitpid(pid, 0)
    cpu, memory = text.split()
    return float(cpu), int(memory)


def pdftotext(paths: list[str]) -> tuple[float, int]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for path in paths:
        subprocess.run(["pdftotext", "-enc", "UTF-8", path, "-"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 0


def pypdfium2(paths: list[str]) -> tuple[float, int]:
    import pypdfium2

    def body(chosen):
        for path in paths if chosen is None else chosen:
            document = pypdfium2.PdfDocument(path)
            for page in document:
                text = page.get_textpage()
                text.get_text_bounded()
                text.close()
                page.close()
            document.close()
    return measured(body)


def pymupdf(paths: list[str]) -> tuple[float, int]:
    import pymupdf
    pymupdf.TOOLS.mupdf_display_errors(False)

    def body(chosen):
        for path in paths if chosen is None else chosen:
            with pymupdf.open(path) as document:
                for page in document:
                    page.get_text()
    return measured(body)


def lxml(paths: list[str]) -> tuple[float, int]:
    import lxml.html

    def body(chosen):
        for path in paths if chosen is None else chosen:
            lxml.html.fromstring(pathlib.Path(path).read_bytes()).text_content()
    return measured(body)


def selectolax(paths: list[str]) -> tuple[float, int]:
    from selectolax.lexbor import LexborHTMLParser

    def body(chosen):
        for path in paths if chosen is None else chosen:
            LexborHTMLParser(pathlib.Path(path).read_bytes()).text()
    return measured(body)


def pages(path: pathlib.Path) -> int:
    import pypdfium2
    try:
        return len(pypdfium2.PdfDocument(path))
    except Exception:
        return 0


def readable(path: pathlib.Path) -> bool:
    try:
        child = extractor.Extractor()
        child.read(path)
        return True
    except extractor.Rejected as rejection:
        return rejection.code in ("empty", "needs_ocr")
    except ConnectionError:
        return False
    finally:
        child.close()


def rounds(title: str, tools: dict, unit: float, name: str, count: int, peers: list[str]) -> dict:
    """Tools in turn; `unit` is what one run reads."""
    times: dict = {tool: [] for tool in tools}
    memory: dict = {}
    order = list(tools)
    for number in range(count):
        for tool in order[number % len(order):] + order[:number % len(order)]:
            seconds, peak = tools[tool]()
            times[tool].append(seconds)
            memory[tool] = max(peak, memory.get(tool, 0))
        say(f"  {title}: round {number + 1} of {count}")
    table = {}
    print(f"\n{title}: {name} per CPU second, median of {count} (range), peak MB")
    for tool, seconds in times.items():
        rates = sorted(unit / max(s, 1e-9) for s in seconds)
        table[tool] = {"rate": round(statistics.median(rates), 1), "range": [round(rates[0], 1), round(rates[-1], 1)], "mb": round(memory[tool] / 1e6)}
        print(f"  {tool:22} {table[tool]['rate']:9.1f}   ({rates[0]:.1f}-{rates[-1]:.1f})   {memory[tool] / 1e6:5.0f}")
    for tool in [tool for tool in tools if tool.startswith("ours")]:
        for peer in peers:
            ratios = [p / o for o, p in zip(times[tool], times[peer])]
            table[tool][f"over {peer}"] = round(statistics.median(ratios), 3)
            print(f"  {tool} / {peer}: {statistics.median(ratios):.2f}")
    return table


def differing(paths: list[str]) -> list[str]:
    """Of which the two builds do not read the same letters. Poppler's private headers tell as well how much of a turned letter's width is room between letters."""
    one, other = extractor.Extractor(), extractor.Extractor(program=PUBLIC)

    def letters(child: extractor.Extractor, path: str) -> bytes:
        try:
            return b"".join(child.read(path)["text"].split())
        except extractor.Rejected as rejection:
            return str(rejection).encode()

    found = [path for path in paths if letters(one, path) != letters(other, path)]
    one.close()
    other.close()
    return found


def where(paths: list[str]) -> None:
    """The libraries in which the time is spent, by samples of `perf`, where it is here."""
    if not shutil.which("perf"):
        print("  where the time goes: perf is not here (linux-perf)")
        return
    child = extractor.Extractor(sandbox=False)
    with tempfile.NamedTemporaryFile() as data:
        perf = subprocess.Popen(["perf", "record", "-q", "-F", "999", "-o", data.name, "-p", str(child.process.pid)], stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        for path in paths:
            child.ask(path)
        perf.send_signal(signal.SIGINT)
        perf.wait()
        report = subprocess.run(["perf", "report", "-i", data.name, "--no-children", "--sort", "dso"], capture_output=True, text=True).stdout
    child.close()
    shares = [line.split()[:2] for line in report.splitlines() if line.strip() and not line.startswith("#")]
    print("  where the time goes: " + ", ".join(f"{library} {share}" for share, library in shares[:6]))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    if not CORPORA.exists():
        print(json.dumps({"skipped": f"there is no {CORPORA}"}))
        return 0
    found = [(str(p), pages(p)) for p in sorted((CORPORA / "pdf").rglob("*.pdf")) if readable(p)]
    found = [(path, count) for path, count in found if count]
    long = [(path, count) for path, count in found if count >= 3]
    figures = {}
    for title, chosen in (("all PDFs", found), ("three pages and more", long)):
        paths = [path for path, _ in chosen]
        total = sum(count for _, count in chosen)
        say(f"{title}: {len(paths)} documents, {total} pages")
        assert not (unlike := differing(paths) if PUBLIC.exists() else []), unlike
        public = {"ours, public headers": lambda: ours(paths, program=PUBLIC)} if PUBLIC.exists() else {}
        tools = {"ours": lambda: ours(paths)} | public | {"pypdfium2": lambda: pypdfium2(paths), "PyMuPDF": lambda: pymupdf(paths), "pdftotext": lambda: pdftotext(paths)}
        figures[title] = rounds(title, tools, total, "pages", arguments.rounds, ["pypdfium2", "PyMuPDF"])
    html = [str(p) for p in sorted((CORPORA / "html").rglob("*.html"))]
    size = sum(os.path.getsize(p) for p in html) / 1e6
    say(f"HTML: {len(html)} documents, {size:.1f} MB")
    tools = {"ours": lambda: ours(html), "ours, whole pages": lambda: ours(html, main=False), "lxml": lambda: lxml(html), "selectolax": lambda: selectolax(html)}
    # The clock of a process ticks 100 times a second: several passes in a round.
    figures["HTML"] = rounds("HTML", {tool: (lambda body=body: tuple(sum(v) if i == 0 else max(v) for i, v in enumerate(zip(*(body() for _ in range(4)))))) for tool, body in tools.items()}, 4 * size, "MB", arguments.rounds, ["lxml", "selectolax"])
    tiny = ROOT / ".local/tiny.txt"
    tiny.write_text("One line.\n")
    child = extractor.Extractor()
    child.ask(tiny)
    before = time.monotonic()
    for _ in range(2000):
        child.ask(tiny)
    overhead = (time.monotonic() - before) / 2000 * 1000
    child.close()
    print(f"\nper document through the sandbox, both sides: {overhead:.3f} ms")
    reached = [(title, tool, figures[title][tool]["over pypdfium2"], goal) for title, goals in GOALS.items() for tool, goal in goals.items() if tool in figures[title]]
    missed = [f"{title}: {tool} {ratio} of pypdfium2, goal {goal}" for title, tool, ratio, goal in reached if ratio < goal]
    if missed:
        where([path for path, _ in found])
    if figures["HTML"]["ours"]["rate"] < 60:
        where(html)
        missed.append(f"HTML: {figures['HTML']['ours']['rate']} MB/s, goal 60")
    if figures["HTML"]["ours"]["over lxml"] < 1:
        missed.append(f"HTML: {figures['HTML']['ours']['over lxml']} of lxml, goal 1")
    if overhead > 0.2:
        missed.append(f"{overhead:.3f} ms a document, goal 0.2")
    if figures["all PDFs"]["ours"]["mb"] > 60:
        missed.append(f"{figures['all PDFs']['ours']['mb']} MB, goal 60")
    for text in missed:
        print(f"MISSED {text}")
    print(json.dumps(figures | {"overhead_ms": round(overhead, 3), "missed": missed}))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

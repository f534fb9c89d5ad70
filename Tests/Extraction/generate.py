"""Makes documents whose text is known: Markdown of the corpora as PDF in one and two columns, with headers, footers, page numbers and tables, as web
pages inside navigation, sidebars and footers, and as office documents.

    generate.py FOLDER [--count N]    run with the Python of .local/extraction
"""
import argparse
import concurrent.futures
import html
import json
import os
import pathlib
import random
import re
import sys

import office

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CORPORA = pathlib.Path(os.environ.get("FLEET_SHARED", ROOT.parent / "shared")) / "corpora"
STYLE = """
@page {{ size: A4; margin: 22mm 18mm;
  @top-left {{ content: "{header}"; font-size: 8pt }} @top-right {{ content: "Revision 7"; font-size: 8pt }}
  @bottom-center {{ content: "Page " counter(page) " of " counter(pages); font-size: 8pt }} }}
body {{ font-family: DejaVu Serif, serif; font-size: 10pt; line-height: 1.35; {columns} hyphens: {hyphens}; text-align: {align} }}
h1 {{ font-size: 20pt; column-span: all }} h2 {{ font-size: 15pt }} h3 {{ font-size: 12pt }}
pre, code {{ font-family: DejaVu Sans Mono, monospace; font-size: 8pt; white-space: pre-wrap; overflow-wrap: anywhere }}
table {{ border-collapse: collapse; font-size: 9pt; width: 100% }} td, th {{ border: 0.4pt solid #888; padding: 2pt 5pt; text-align: left }}
img {{ display: none }} {tables}
"""
WORDS = "Home Products Pricing Documentation Blog Careers Contact Login Register Search Support Community Partners Events Press Legal".split()


def sources(count: int) -> list[pathlib.Path]:
    """Markdown with enough text, always the same."""
    files = sorted((CORPORA / "md").rglob("*.md"), key=lambda p: str(p.relative_to(CORPORA)))
    files = [f for f in files if 2500 <= f.stat().st_size <= 40_000]
    random.Random(7).shuffle(files)
    return files[:count]


def body(markdown_text: str) -> str:
    import markdown
    text = re.sub(r"\A---\n.*?\n---\n", "", markdown_text, flags=re.DOTALL)
    text = re.sub(r"\{[%:].*?\}\n?", "", text)
    text = re.sub(r"<[^>\n]{1,200}>", "", text)
    return markdown.markdown(text, extensions=["tables", "fenced_code", "sane_lists"])


def truth(fragment: str) -> str:
    """The text a reader sees, with blocks apart."""
    import lxml.html
    tree = lxml.html.fromstring(f"<div>{fragment}</div>")
    for element in tree.iter("p", "li", "h1", "h2", "h3", "h4", "h5", "h6", "tr", "td", "th", "pre", "br", "div"):
        element.tail = "\n" + (element.tail or "")
    return tree.text_content()


def page(fragment: str, title: str, random_: random.Random) -> str:
    """A web page with everything around its content that pages have."""
    def links(count: int) -> str:
        return "".join(f'<li><a href="https://example.com/{random_.randrange(1000)}">{random_.choice(WORDS)} {random_.choice(WORDS)}</a></li>' for _ in range(count))

    nav = random_.choice(['<nav>{}</nav>', '<div class="navbar navbar-main">{}</div>', '<div id="menu" role="navigation">{}</div>'])
    side = random_.choice(['<aside>{}</aside>', '<div class="sidebar">{}</div>', '<div class="left-sidebar toc">{}</div>'])
    foot = random_.choice(['<footer>{}</footer>', '<div class="site-footer">{}</div>', '<div id="footer">{}</div>'])
    main = random_.choice(['<main>{}</main>', '<article>{}</article>', '<div id="content">{}</div>', '<div class="post-body">{}</div>', '<div>{}</div>'])
    related = f'<div class="related-posts"><h3>Related articles</h3><ul>{links(5)}</ul></div>'
    return f"""<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title><script>var x = "script text";</script>
<style>body {{ color: black }}</style></head><body><header class="masthead"><a href="/">Example Site</a><p>The place for examples since 1999</p></header>
{nav.format('<ul>' + links(12) + '</ul>')}<div class="breadcrumbs"><a href="/">Home</a> / <a href="/d">Documentation</a></div>
{side.format('<h3>On this page</h3><ul>' + links(10) + '</ul><p>Subscribe to our newsletter for weekly updates and offers.</p>')}
{main.format(fragment)}{related}<div class="cookie-banner">We use cookies to improve your experience. <button>Accept</button></div>
{foot.format('<p>© 2026 Example Corporation. All rights reserved.</p><ul>' + links(8) + '</ul>')}</body></html>"""


def make(job: tuple[str, str, int]) -> list[dict]:
    source, folder, number = job
    import weasyprint
    random_ = random.Random(number)
    path, out = pathlib.Path(source), pathlib.Path(folder)
    fragment = body(path.read_text(errors="replace"))
    text = truth(fragment)
    made = []
    for kind, columns in (("one", ""), ("two", "column-count: 2; column-gap: 9mm;")):
        # A table that is wider than its column would be printed over the other.
        style = STYLE.format(tables="table { column-span: all }" if columns else "", header=f"Field manual {number}", columns=columns, hyphens="auto" if number % 2 else "manual", align="justify" if number % 3 else "left")
        target = out / f"{number:03}-{kind}.pdf"
        if not target.exists():
            weasyprint.HTML(string=f"<html lang=en><head><style>{style}</style></head><body>{fragment}</body></html>").write_pdf(target)
        made.append({"file": target.name, "kind": f"pdf-{kind}", "truth": text})
    target = out / f"{number:03}.html"
    target.write_text(page(fragment, path.stem, random_))
    made.append({"file": target.name, "kind": "html", "truth": text})
    return made + office.make(number, fragment, truth, out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=60)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    jobs = [(str(f), str(arguments.folder), n) for n, f in enumerate(sources(arguments.count))]
    made = []
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count()) as pool:
        for number, documents in enumerate(pool.map(make, jobs), 1):
            made += documents
            if number % 10 == 0:
                print(f"  {number} of {len(jobs)} sources", file=sys.stderr, flush=True)
    office.convert(list(range(len(jobs))), arguments.folder)
    (arguments.folder / "index.json").write_text(json.dumps(made))


if __name__ == "__main__":
    main()

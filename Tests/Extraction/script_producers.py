"""Programs that make PDFs of a content in any script: each writes the layouts that it can, and says why it cannot write one."""
import html
import pathlib
import shutil
import subprocess
import tempfile

import office
from script_texts import Content, Script


class Skipped(Exception):
    """The reason for which a producer does not make a document."""


def weasyprint(content: Content, script: Script, layout: str, path: pathlib.Path) -> None:
    import weasyprint

    rows = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in content.rows)
    paragraphs = "".join(f"<p>{html.escape(paragraph)}</p>" for paragraph in content.paragraphs)
    turned = "position: absolute; top: 300pt; transform: rotate(90deg)" if layout == "sideways table" else ""
    style = f"""@page {{ size: A4; margin: 20mm }} body {{ font-family: '{script.font}', 'Noto Sans'; font-size: 11pt; line-height: 1.5 }} td {{ padding: 3pt 8pt; border: 0.5pt solid }}
        div {{ {"column-count: 2; column-gap: 8mm" if layout == "two columns" else ""} }} table {{ border-collapse: collapse; {turned} }}"""
    direction = "rtl" if script.is_right_to_left else "ltr"
    page = f"<html lang={script.language} dir={direction}><style>{style}</style><h1>{html.escape(content.heading)}</h1><div>{paragraphs}</div><table>{rows}</table></html>"
    weasyprint.HTML(string=page).write_pdf(path)


def libreoffice(content: Content, script: Script, layout: str, path: pathlib.Path) -> None:
    if layout == "sideways table":
        raise Skipped("LibreOffice turns no table")
    if not shutil.which("soffice"):
        raise Skipped("LibreOffice is not installed (libreoffice-writer-nogui)")
    mode = "rl-tb" if script.is_right_to_left else "lr-tb"
    names = f'style:font-name="F" style:font-name-asian="F" style:font-name-complex="F" fo:language="{script.language}"'
    columns = '<style:columns fo:column-count="2" fo:column-gap="0.8cm"/>' if layout == "two columns" else ""
    rows = "".join("<table:table-row>" + "".join(f'<table:table-cell><text:p text:style-name="P">{html.escape(cell)}</text:p></table:table-cell>' for cell in row) + "</table:table-row>" for row in content.rows)
    table = f'<table:table table:name="T" table:style-name="T"><table:table-column table:number-columns-repeated="3"/>{rows}</table:table>' if rows else ""
    paragraphs = "".join(f'<text:p text:style-name="P">{html.escape(paragraph)}</text:p>' for paragraph in content.paragraphs)
    document = f"""<?xml version="1.0" encoding="UTF-8"?><office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0"
 xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:fo="urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0"
 xmlns:svg="urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0" office:version="1.3" office:mimetype="application/vnd.oasis.opendocument.text">
<office:font-face-decls><style:font-face style:name="F" svg:font-family="'{script.font}'"/></office:font-face-decls>
<office:automatic-styles><style:style style:name="P" style:family="paragraph"><style:paragraph-properties style:writing-mode="{mode}" fo:margin-bottom="0.3cm"/><style:text-properties {names}/></style:style>
<style:style style:name="H" style:family="paragraph"><style:paragraph-properties style:writing-mode="{mode}" fo:margin-bottom="0.5cm"/><style:text-properties {names} fo:font-size="20pt" style:font-size-asian="20pt"
 style:font-size-complex="20pt"/></style:style>
<style:style style:name="T" style:family="table"><style:table-properties style:writing-mode="{mode}"/></style:style>
<style:style style:name="S" style:family="section"><style:section-properties style:writing-mode="{mode}">{columns}</style:section-properties></style:style></office:automatic-styles>
<office:body><office:text><text:p text:style-name="H">{html.escape(content.heading)}</text:p><text:section text:name="A" text:style-name="S">{paragraphs}</text:section>{table}</office:text></office:body></office:document>"""
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "document.fodt"
        source.write_text(document)
        office.soffice([source], "pdf", pathlib.Path(folder), path.parent / "libreoffice")
        shutil.copy(source.with_suffix(".pdf"), path)


def xelatex(content: Content, script: Script, layout: str, path: pathlib.Path) -> None:
    if not shutil.which("xelatex"):
        raise Skipped("XeLaTeX is not installed (texlive-xetex, texlive-lang-arabic)")
    environment = "multicols" if layout == "two columns" else ""
    paragraphs = "\n\n".join(content.paragraphs)
    if environment:
        paragraphs = f"\\begin{{multicols}}{{2}}\n{paragraphs}\n\\end{{multicols}}"
    table = "\\begin{tabular}{lll}\n" + " \\\\\n".join(" & ".join(row) for row in content.rows) + "\n\\end{tabular}" if content.rows else ""
    if layout == "sideways table":
        table = f"\\begin{{sideways}}{table}\\end{{sideways}}"
    # Most fonts of Noto have no Latin letters, and TeX takes them from no other font.
    scripts = {"he": "Hebrew", "ar": "Arabic", "fa": "Arabic", "ur": "Arabic", "th": "Thai", "hi": "Devanagari", "ta": "Tamil"}
    font = script.font if script.language in ("en", "hi", "ja") else "FreeSerif"
    option = f"[Script={scripts[script.language]}]" if script.language in scripts else ""
    breaks = f'\\XeTeXlinebreaklocale "{script.language}"\\XeTeXlinebreakskip=0pt plus 1pt' if not script.gap else ""
    # The option turns columns around, and tables twice.
    turned = "\\usepackage[RTLdocument]{bidi}" if layout == "two columns" else "\\usepackage{bidi}\\AtBeginDocument{\\setRTL}"
    bidi = turned if script.is_right_to_left else ""
    document = f"""\\documentclass[11pt,a4paper]{{article}}\\usepackage{{multicol,rotating,fontspec}}\\setmainfont{{{font}}}{option}{breaks}{bidi}\\pagestyle{{empty}}\\tolerance=9000
\\begin{{document}}
\\section*{{{content.heading}}}
{paragraphs}

{table}
\\end{{document}}"""
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "document.tex").write_text(document)
        done = subprocess.run(["xelatex", "-interaction=nonstopmode", "-halt-on-error", "document.tex"], cwd=folder, capture_output=True, timeout=180)
        if done.returncode:
            raise RuntimeError(done.stdout.decode(errors="replace")[-600:])
        shutil.copy(pathlib.Path(folder) / "document.pdf", path)


def reportlab(content: Content, script: Script, layout: str, path: pathlib.Path) -> None:
    """Reportlab joins no letters and turns no line: people shape Arabic, and put each line into the order of display, before they draw it. Letters of India are not joined."""
    import arabic_reshaper
    import bidi
    from reportlab.lib.pagesizes import A4
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.pdfbase.ttfonts import TTFont
    from reportlab.pdfgen.canvas import Canvas

    if script.language == "ja":
        font = "HeiseiKakuGo-W5"
        pdfmetrics.registerFont(UnicodeCIDFont(font))
    else:
        # It draws a line with one font: one that has the script and Latin letters.
        file = pathlib.Path("/usr/share/fonts/truetype/freefont/FreeSerif.ttf")
        if not file.exists():
            raise Skipped("FreeSerif is not installed (fonts-freefont-ttf)")
        font = "FreeSerif"
        pdfmetrics.registerFont(TTFont(font, str(file)))
    canvas = Canvas(str(path), pagesize=A4)

    def shown(line: str) -> str:
        return bidi.get_display(arabic_reshaper.reshape(line), base_dir="R") if script.is_right_to_left else line

    def draw(x: float, y: float, line: str, size: float, width: float) -> None:
        canvas.setFont(font, size)
        if script.is_right_to_left:
            canvas.drawRightString(x + width, y, shown(line))
        else:
            canvas.drawString(x, y, line)

    def lines(text: str, size: float, width: float) -> list[str]:
        units = text.split(" ") if script.gap else list(text)
        found, line = [], ""
        for unit in units:
            longer = line + (script.gap if line else "") + unit
            if line and pdfmetrics.stringWidth(shown(longer), font, size) > width:
                found.append(line)
                line = unit
            else:
                line = longer
        return [*found, line]

    columns = 2 if layout == "two columns" else 1
    width = 480 if columns == 1 else 225
    draw(57, 770, content.heading, 20, 480)
    flow = [line for paragraph in content.paragraphs for line in [*lines(paragraph, 11, width), ""]]
    height = (len(flow) + columns - 1) // columns
    for number, line in enumerate(flow):
        column = number // height
        left = 57 + 255 * (1 - column if script.is_right_to_left and columns == 2 else column)
        y = 730 - 17 * (number % height)
        if line:
            draw(left, y, line, 11, width)
    if content.rows:
        canvas.saveState()
        if layout == "sideways table":
            canvas.translate(140, 120)
            canvas.rotate(90)
        else:
            canvas.translate(57, y - 200)
        for number, row in enumerate(content.rows):
            for place, cell in enumerate(row):
                draw(170 * (2 - place if script.is_right_to_left else place), 130 - 22 * number, cell, 11, 140)
        canvas.restoreState()
    canvas.save()


PRODUCERS = [weasyprint, libreoffice, xelatex, reportlab]

#!/usr/bin/env python3
"""Pages in nine scripts by four programs in four layouts (`make scripts`): how much of the text that each was made from is read, and in which order.

    scripts.py [--only PRODUCER,SCRIPT,LAYOUT]     run with the Python of .local/extraction

Recall is the share of the words that are read (letters in scripts without blanks); order is twice their longest common subsequence over the words of both. Prints a
table, then what was skipped and why; ends with a line of JSON; 1 where a cell has a recall below 0.98 or an order below 0.97. Of scripts whose letters are reordered,
Devanagari and Tamil, it is enough to read what pdftotext reads.
"""
import argparse
import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "Tests/Extraction"))
import extractor
from fidelity import compare, pdftotext, say
from script_producers import PRODUCERS, Skipped
from script_texts import LAYOUTS, SCRIPTS, content

FOLDER = ROOT / ".local/scripts"
RECALL, ORDER = 0.98, 0.97


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="")
    wanted = set(filter(None, parser.parse_args().only.split(",")))
    FOLDER.mkdir(parents=True, exist_ok=True)
    child = extractor.Extractor()
    cells, skipped, below = {}, [], []
    for producer in PRODUCERS:
        for name, script in SCRIPTS.items():
            for layout in LAYOUTS:
                if wanted - {producer.__name__, name, layout}:
                    continue
                cell = f"{producer.__name__}, {name}, {layout}"
                path = FOLDER / f"{cell}.pdf".replace(", ", "-").replace(" ", "-")
                made = content(script, layout)
                try:
                    producer(made, script, layout, path)
                except Skipped as reason:
                    skipped.append(f"{cell}: {reason}")
                    continue
                truth = script.tokens(made.text)
                try:
                    read = child.read(path)["text"].decode()
                except extractor.Rejected as error:
                    below.append(f"{cell}: {error}")
                    continue
                peer = compare(script.tokens(pdftotext(path)), truth)[1:]
                cells[cell] = *compare(script.tokens(read), truth)[1:], *peer
                wanted_recall, wanted_order = (min(RECALL, peer[0]), min(ORDER, peer[1])) if script.is_reordered else (RECALL, ORDER)
                if cells[cell][0] < wanted_recall or cells[cell][1] < wanted_order:
                    below.append(f"{cell}: recall {cells[cell][0]:.3f}, order {cells[cell][1]:.3f}")
            say(f"{producer.__name__}, {name}")
    child.close()
    print(f"\n{'':44} recall  order   (pdftotext)")
    for cell, (recall, order, *peer) in cells.items():
        print(f"{cell:44} {recall:6.3f} {order:6.3f}   ({peer[0]:.3f} {peer[1]:.3f})")
    for reason in skipped:
        print(f"skipped: {reason}")
    for reason in below:
        print(f"PROBLEM {reason}")
    means = [round(sum(values[n] for values in cells.values()) / max(1, len(cells)), 4) for n in range(4)]
    print(json.dumps({"cells": len(cells), "skipped": len(skipped), "recall": means[0], "order": means[1], "pdftotext_recall": means[2], "pdftotext_order": means[3], "problems": below}))
    return 1 if below or not cells else 0


if __name__ == "__main__":
    sys.exit(main())

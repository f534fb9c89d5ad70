"""The three sets of the evaluation: documents, and questions whose answers are known. Nothing in them is written by a model.

cran   Cranfield's abstracts, one a document, and its human questions and judgements.
cat    the same abstracts, twenty to a document: long documents, of which a part is right.
long   documentation, books, papers of the shared corpora; questions are made by rule from sentences that stand in one document once.
"""
import collections
import dataclasses
import hashlib
import pathlib
import random
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "Tests/Extraction")]

import extractor  # noqa: E402

FOLDERS = ("md", "txt", "html", "pdf")
VOLUME = 20
ANSWERS, PER_DOCUMENT = 300, 3
WORDNET = pathlib.Path("/usr/share/wordnet")
STOP = set(
    "the of and to in is that it for was with as on be by are this which at from or have not an they but were their has had will would there what been if more when can who a i you we he "
    "she its into than then them these those such other some any all also only may must should could do does did so no nor out up about over under between both each how where while use used".split()
)


@dataclasses.dataclass
class Question:
    id: str
    text: str
    kind: str
    # Of abstracts, by number; or passages with single spaces.
    relevant: dict[str, int]
    answers: list[str]

    @property
    def is_tuning(self) -> bool:
        """Defaults are chosen on this half, and reported on the other."""
        return hashlib.sha256(self.id.encode()).digest()[0] % 2 == 0


@dataclasses.dataclass
class Set:
    name: str
    # Bytes by key.
    documents: dict[str, bytes]
    questions: list[Question]
    # The text of what is right, by its name: a chunk is of an abstract where both share a run of words.
    abstracts: dict[str, str]


def extracted(corpora: pathlib.Path) -> dict[str, dict]:
    """What the product's extractor reads of each document, by its path below `corpora`."""
    child, found = extractor.Extractor(), {}
    for folder in FOLDERS:
        for path in sorted((corpora / folder).rglob("*")):
            if path.is_file():
                try:
                    found[str(path.relative_to(corpora))] = child.read(path)
                except extractor.Rejected:
                    pass
    return found


def flat(text: str) -> str:
    return " ".join(text.split())


def cranfield(folder: pathlib.Path) -> tuple[dict[str, tuple[str, str]], list[Question]]:
    abstracts: dict[str, tuple[str, str]] = {}
    for record in re.split(r"^\.I ", (folder / "cran.all.1400").read_text(), flags=re.MULTILINE)[1:]:
        number = record.split("\n", 1)[0].strip()
        parts = re.search(r"^\.T$(.*?)^\.A$.*?^\.W$(.*)", record, re.DOTALL | re.MULTILINE)
        # This copy ends in five records that are none of Cranfield's.
        if not parts:
            continue
        title, body = flat(parts[1]), flat(parts[2])
        # The first sentence repeats the title.
        body = flat(body.removeprefix(title))
        if body:
            abstracts[number] = (title.removesuffix(" ."), body)
    grades: dict[str, dict[str, int]] = collections.defaultdict(dict)
    for line in (folder / "cranqrel").read_text().splitlines():
        question, document, grade = line.split()
        # 1 is the most relevant, 4 the least, 5 none; -1 is counted as 1 of the last degree.
        if document in abstracts and int(grade) != 5:
            grades[question][document] = 1 if int(grade) < 1 else 5 - int(grade)
    questions = []
    # The judgements number the questions in the order of the file.
    for number, record in enumerate(re.split(r"^\.I ", (folder / "cran.qry").read_text(), flags=re.MULTILINE)[1:], 1):
        text = flat(record.split(".W", 1)[1])
        if grades[str(number)]:
            questions.append(Question(f"cran-{number}", text, "human", grades[str(number)], []))
    return abstracts, questions


def cran(folder: pathlib.Path) -> Set:
    abstracts, questions = cranfield(folder)
    documents = {f"cran/{int(number):04}.md": f"# {title}\n\n{body}\n".encode() for number, (title, body) in abstracts.items()}
    return Set("cran", documents, questions, {number: f"{title} {body}" for number, (title, body) in abstracts.items()})


def cat(folder: pathlib.Path, share: float = 1) -> Set:
    abstracts, questions = cranfield(folder)
    numbers = list(abstracts)
    kept = numbers[: int(len(numbers) * share) // VOLUME * VOLUME if share < 1 else len(numbers)]
    documents = {}
    for start in range(0, len(kept), VOLUME):
        parts = [f"## {abstracts[number][0]}\n\n{abstracts[number][1]}\n" for number in kept[start : start + VOLUME]]
        documents[f"cat/volume-{start // VOLUME:03}.md"] = (f"# Aerodynamics, volume {start // VOLUME + 1}\n\n" + "\n".join(parts)).encode()
    known = set(kept)
    for question in questions:
        question.relevant = {number: grade for number, grade in question.relevant.items() if number in known}
    questions = [dataclasses.replace(question, id=question.id.replace("cran", "cat")) for question in questions if question.relevant]
    return Set("cat", documents, questions, {number: f"{abstracts[number][0]} {abstracts[number][1]}" for number in kept})


def long(corpora: pathlib.Path, texts: dict[str, dict], answers: int = ANSWERS) -> Set:
    """`texts` has what the extractor reads of each document: the questions are of sentences that both it and the file have."""
    chance = random.Random(20261128)
    sentences = _sentences(texts)
    total = collections.Counter(sentence for found in sentences.values() for _, sentence, _ in found)
    synonyms = _WordNet()
    questions: list[Question] = []
    candidates = []
    for key, found in sorted(sentences.items()):
        once = [item for item in found if total[item[1]] == 1]
        candidates += [(key, *item) for item in chance.sample(once, min(PER_DOCUMENT, len(once)))]
    chance.shuffle(candidates)
    for number, (key, before, sentence, heading) in enumerate(candidates[:answers]):
        # Any of its words, not the rarest: who asks does not know which words the answer alone has.
        content = sorted({word for word in _words(sentence) if word not in STOP and len(word) > 2})
        if len(content) < 5:
            continue
        picked = chance.sample(content, 4)
        made = [("keywords", " ".join(picked))]
        others = [synonyms.of(word) for word in picked]
        if sum(a != b for a, b in zip(picked, others)) >= 2:
            made.append(("paraphrase", " ".join(others)))
        if heading:
            made.append(("heading", f"{heading} {' '.join(chance.sample(content, 2))}"))
        around = [word for word in _words(before) if word not in STOP and len(word) > 3]
        if len(around) >= 2:
            made.append(("context", " ".join(chance.sample(content, 2) + chance.sample(around, 2))))
        questions += [Question(f"long-{number}-{kind}", text, kind, {}, [sentence]) for kind, text in made]
    documents = {f"long/{key}": (corpora / key).read_bytes() for key in texts}
    return Set("long", documents, questions, {})


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z][a-z-]+", text.lower())


def _sentences(texts: dict[str, dict]) -> dict[str, list]:
    """Of each document: the sentence before, the sentence, and the last heading."""
    found: dict[str, list] = {}
    for key, document in texts.items():
        items, heading, before = [], "", ""
        for kind, _, start, end in document["blocks"]:
            block = document["text"][start:end].decode()
            if kind == "heading":
                heading, before = flat(block)[:80], ""
                continue
            if kind != "paragraph":
                continue
            for sentence in re.split(r"(?<=[.!?])\s+(?=[A-Z])", flat(block)):
                plain = 60 <= len(sentence) <= 240 and re.fullmatch(r"[A-Z][\x20-\x7e]*[.!?]", sentence) and len(_words(sentence)) >= 8
                if plain and sentence.count("`") < 5 and sentence.count("*") < 3 and "|" not in sentence:
                    items.append((before, sentence, heading))
                before = sentence
        if items:
            found[key] = items
    return found


class _WordNet:
    """Another word of the first sense, where there is one; words of one part of speech alone, so that nothing has to be tagged."""

    def __init__(self) -> None:
        self.senses: dict[str, dict[str, str]] = {}
        self.data: dict[str, dict[str, list[str]]] = {}
        for part in ("noun", "verb", "adj"):
            self.senses[part], self.data[part] = {}, {}
            for line in (WORDNET / f"index.{part}").read_text().splitlines():
                if not line.startswith(" "):
                    fields = line.split()
                    self.senses[part][fields[0]] = fields[6 + int(fields[3])] if len(fields) > 6 + int(fields[3]) else fields[-1]
            for line in (WORDNET / f"data.{part}").read_text().splitlines():
                if not line.startswith(" "):
                    fields = line.split()
                    count = int(fields[3], 16)
                    self.data[part][fields[0]] = [fields[4 + 2 * index].split("(")[0] for index in range(count)]

    def of(self, word: str) -> str:
        for base in (word, word.removesuffix("s"), word.removesuffix("es"), word.removesuffix("ed"), word.removesuffix("ing"), word.removesuffix("d")):
            for part in ("noun", "verb", "adj"):
                if offset := self.senses[part].get(base):
                    others = [other for other in self.data[part].get(offset, []) if other.lower() != base and "_" not in other]
                    if others:
                        return others[0].lower()
        return word

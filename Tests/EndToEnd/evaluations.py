"""`ingestctl evaluate` with its files, variants, stored runs and report; a reranker; words in the forms that languages give them; the gate of a switch."""
import http.server
import json
import pathlib
import threading
import time

from searches import REFRESH

# A document, and questions in other forms of its words: the plural, a part of a compound, another spelling, a piece of a text without spaces.
LANGUAGES = {
    "german.txt": ("Die Häuser am Hafen haben neue Dächer, und die Wohnungskündigung der Straße ist nicht mehr gültig, weil es für den Wärter noch keine andere Lösung gibt.",
                   ["Haus", "Dach", "Kündigung", "Wohnung", "Haeuser", "Strasse"]),
    "english.txt": ("The dredgers were working near the quays while the harbour masters waited for the barges, and they had not been warned of the fog.", ["dredger", "quay", "barge", "wait"]),
    "swedish.txt": ("Fyrvaktaren och hans hundar har varit på ön i mer än tjugo år, och han är inte den enda som känner kusten.", ["hund", "vaktaren"]),
    "japanese.txt": ("灯台守は二十年以上も持ち場にいて、霧笛を鳴らす。海岸を知っているのは彼だけではない。", ["霧笛", "海岸"]),
    "russian.txt": ("Смотритель маяка уже более двадцати лет на своём посту, и он не единственный, кто знает берега и мели в этом заливе.", ["берег", "маяк"]),
}


class Reranker(http.server.BaseHTTPRequestHandler):
    """Scores a text by how short it is, in the shape that the path asks for."""

    requests: list[dict] = []
    status = 200

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        Reranker.requests.append(body | {"authorization": self.headers.get("Authorization", "")})
        scores = [1 / len(text) for text in body.get("texts") or body["documents"]]
        shapes = {"/tei/rerank": [{"index": n, "score": s} for n, s in enumerate(scores)], "/cohere/rerank": {"results": [{"index": n, "relevance_score": s} for n, s in enumerate(scores)]},
                  "/broken/rerank": {"results": []}}
        data = json.dumps(shapes[self.path]).encode()
        self.send_response(Reranker.status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_) -> None:
        pass


def run(fleet, operator, folder: pathlib.Path) -> dict:
    for name, (body, _) in LANGUAGES.items():
        fleet.put(f"shared/{name}", body.encode())
    fleet.wait_until_drained(60)
    time.sleep(REFRESH)
    forms = languages(operator)
    asked = evaluated(fleet, operator, folder)
    reranked(operator)
    return {"forms": forms, "evaluations": asked}


def languages(operator) -> int:
    count = 0
    for name, (_, words) in LANGUAGES.items():
        for word in words:
            found = operator.lines("search", "--mode", "text", "--limit", "5", word)
            assert any(hit["key"] == f"shared/{name}" for hit in found), f"'{word}' does not find {name}: {[hit['key'] for hit in found]}"
            count += 1
    return count


def evaluated(fleet, operator, folder: pathlib.Path) -> int:
    address, place = f"s3://{fleet.bucket}/shared", folder / "evaluations"
    place.mkdir(exist_ok=True)
    questions = [{"question": " ".join(words), "relevant": [f"{address}/{name}"]} for name, (_, words) in LANGUAGES.items()]
    questions.append({"id": "passage", "question": "harbour masters in fog", "answers": ["harbour  masters\nwaited for the barges"]})
    source = place / "questions.jsonl"
    source.write_text("\n".join(map(json.dumps, questions)) + "\n")
    saved, report = place / "run.jsonl", place / "report.html"
    lines = operator.lines("evaluate", str(source), "--against", "mode=text;mode=vector;join=rrf;join=l2,weight=30", "--save", str(saved), "--report", str(report), "--budgets", "50,500")
    runs = [line for line in lines if line["type"] == "evaluation"]
    tests = [line for line in lines if line["type"] == "comparison"]
    assert [line["mode"] for line in runs] == ["hybrid", "text", "vector", "hybrid", "hybrid"] and len(tests) == 4 * 5, lines
    assert runs[0]["questions"] == 6 and 0.5 < runs[0]["ndcg_at_10"] <= 1 and runs[0]["recall_in_budgets"][1] >= runs[0]["recall_in_budgets"][0], runs[0]
    assert all(line["low"] <= line["difference"] <= line["high"] and 0 < line["p"] <= 1 for line in tests), tests
    stored = [json.loads(line) for line in saved.read_text().splitlines()]
    assert len(stored) == 7 and stored[-1]["id"] == "passage" and stored[-1]["recall"] == 1, stored[-1]
    page = report.read_text()
    assert page.count("<svg") == 5 and "<script" not in page and "Paired tests" in page
    # The same run again is no worse; a run that was better is.
    operator.lines("evaluate", str(source), "--baseline", str(saved), "--budgets", "50,500")
    better = [stored[0]] + [line | {"ndcg": 1, "recall": 1, "mrr": 1} for line in stored[1:]]
    saved.write_text("\n".join(map(json.dumps, better)) + "\n")
    operator.lines("evaluate", str(source), "--mode", "text", "--baseline", str(saved), "--budgets", "50,500", "--limit", "1")
    wrong = {"question": "lamps", "relevant": ["s3://no-such-bucket/a"]}
    (place / "wrong.jsonl").write_text("\n".join(json.dumps(wrong | {"id": str(n + 1)}) for n in range(5)) + "\n")
    operator.lines("evaluate", str(place / "wrong.jsonl"), "--baseline", str(saved), "--budgets", "50,500", code=1)
    operator.lines("evaluate", str(place / "wrong.jsonl"), "--least-ndcg", "0.1", "--mode", "vector", code=1)
    # TREC's two files, and BEIR's.
    (place / "topics").write_text("<top>\n<num> Number: 7\n<title> dredger at the quay\n<desc> none\n</top>\n<top><num>8</num><title>Haus und Dach</title></top>\n")
    (place / "qrels").write_text("7 0 english 2\n7 0 german.txt 0\n8 0 german 1\n9 0 nothing 1\n")
    trec = operator.lines("evaluate", str(place / "topics"), "--qrels", str(place / "qrels"), "--mode", "text")[0]
    assert trec["questions"] == 2 and trec["ndcg_at_10"] == 1, trec
    (place / "queries.jsonl").write_text('{"_id": "a", "text": "hund"}\n')
    (place / "beir.tsv").write_text("query-id\tcorpus-id\tscore\na\tshared/swedish.txt\t1\n")
    assert operator.lines("evaluate", str(place / "queries.jsonl"), "--qrels", str(place / "beir.tsv"), "--mode", "text")[0]["mrr"] == 1
    (place / "tabbed").write_text("a\tbarges\n")
    (place / "tabbed.qrels").write_text("a 0 english 1\n")
    assert operator.lines("evaluate", str(place / "tabbed"), "--qrels", str(place / "tabbed.qrels"), "--mode", "text")[0]["recall"] == 1
    operator.run("evaluate", str(source), "--against", "mode=guess", code=64)
    operator.run("evaluate", str(source), "--baseline", str(source), code=69)
    return len(runs)


def reranked(operator) -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Reranker)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        base = f"http://127.0.0.1:{server.server_address[1]}"
        plain = operator.lines("search", "--limit", "5", "notice of the harbour")
        for shape, key in (("tei", ""), ("cohere", "a-secret-key")):
            options = ["--rerank-url", f"{base}/{shape}", "--rerank-api", shape, "--rerank-candidates", "20", *(["--rerank-api-key", key, "--rerank-model", "m"] if key else [])]
            hits = operator.lines("search", "--limit", "5", *options, "notice of the harbour")
            lengths = [len(hit["text"]) for hit in hits]
            assert lengths == sorted(lengths) and [hit["score"] for hit in hits] == sorted((hit["score"] for hit in hits), reverse=True), (shape, lengths)
            asked = Reranker.requests[-1]
            assert asked["query"] == "notice of the harbour" and len(asked.get("texts") or asked["documents"]) == 20 and asked["authorization"] == (f"Bearer {key}" if key else ""), asked
        assert len(plain) == 5
        done = operator.run("search", "--rerank-url", f"{base}/broken", "harbour", code=69)
        assert "RERANK_API" in done.stderr, done.stderr
        Reranker.status = 401
        done = operator.run("search", "--rerank-url", f"{base}/tei", "--rerank-api-key", "a-secret-key", "harbour", code=69)
        assert "RERANK_API_KEY" in done.stderr and "a-secret-key" not in done.stderr, done.stderr
    finally:
        Reranker.status = 200
        server.shutdown()
    server.server_close()
    done = operator.run("search", "--rerank-url", base, "harbour", code=69)
    assert "RERANK_URL" in done.stderr, done.stderr

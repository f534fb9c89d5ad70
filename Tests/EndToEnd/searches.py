"""`ingestctl search` as a person and a program use it: filters, a first hit that does not depend on the limit, copies, neighbours, refusals."""
import time

QUESTIONS = ["notice 3", "what does notice 7 say", "ships and lamps of the coast", "Notice 0.0.0", "silent", "storm warning", "how many ships"]
# Readers see what was written after the next refresh, a second later.
REFRESH = 2
LIMITS = [1, 2, 3, 5, 10, 50, 100]


def run(fleet, operator) -> dict:
    search = lambda *words, code=0: operator.lines("search", *words, code=code)
    address = f"s3://{fleet.bucket}"
    time.sleep(REFRESH)
    every = search("--limit", "100", "notice")
    tenants = {hit["tenant"] for hit in every}
    assert len(tenants) >= 2, tenants
    for mode in ("hybrid", "vector", "text"):
        for tenant in ("acme", "globex"):
            found = search("--mode", mode, "--tenant", tenant, "--limit", "50", "notice")
            assert found and {hit["tenant"] for hit in found} == {tenant}, (mode, tenant, found[:2])
        assert not search("--mode", mode, "--tenant", "no-such-tenant", "notice")
        below = search("--mode", mode, "--below", f"{address}/shared/", "--limit", "50", "notice")
        assert below and all(hit["key"].startswith("shared/") and hit["source"] == f"{address}/{hit['key']}" for hit in below), (mode, below[:2])
        assert not search("--mode", mode, "--format", "pdf", "notice") and search("--mode", mode, "--format", "pdf,text", "notice")
        assert not search("--mode", mode, "--least-quality", "100", "--flag", "no_such_flag", "notice")
        assert search("--mode", mode, "--without-flag", "no_such_flag", "notice")
    changed = 0
    for question in QUESTIONS:
        orders = [[(hit["document_id"], hit["chunk"]) for hit in search("--limit", str(limit), question)] for limit in LIMITS]
        for order in orders:
            assert order == orders[-1][: len(order)], f"'{question}' is answered in another order with another limit"
        changed += len(orders)
    hit = search("--limit", "1", "--expand", "2", "Notice", "0.0.0")[0]
    chunks = operator.lines("show", hit["source"], "--chunks")[1:]
    around = [chunk["text"] for chunk in chunks if abs(chunk["index"] - hit["chunk"]) <= 2]
    assert hit["context"] == around and hit["text"] in around, (hit["context"], around)
    assert hit["char_end"] > hit["char_start"] >= 0 and 0 <= hit["chunk"] < hit["chunks"] and hit["tokens"] > 0, hit
    assert search("--limit", "3", "notice 3 of the coast") == search("--limit", "3", "notice", "3", "of", "the", "coast")
    for words in ([""], ["  "], []):
        done = operator.run("search", *words, code=64)
        assert "question" in done.stderr.lower(), done.stderr
    copies = copied(fleet, operator, search)
    return {"orders": changed, "copies": copies}


def copied(fleet, operator, search) -> int:
    """The same text under two keys: two hits, or one."""
    body = b"The heron of the northern mole is counted twice, as its text is stored under two keys."
    for place in ("one", "two"):
        fleet.put(f"shared/heron-{place}.txt", body)
    fleet.wait_until_drained(60)
    time.sleep(REFRESH)
    both = [hit for hit in search("--limit", "20", "the heron of the northern mole") if "heron" in hit["key"]]
    once = [hit for hit in search("--limit", "20", "--collapse", "the heron of the northern mole") if "heron" in hit["key"]]
    assert len(both) == 2 and len(once) == 1 and once[0]["text"] == both[0]["text"], (both, once)
    return len(both)

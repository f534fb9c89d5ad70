"""Known mistakes, planted into a copy of the sources: the simulation must find each of them.

All are compiled into one copy, and PLANTED_BUG chooses one at run time. Every pattern has to fit exactly once, so that the list is kept with the code.
"""
import pathlib
import re
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
COPY = ROOT / ".build/mutants"

INGEST, EMBED = "IngestCore/Pipelines/IngestPipeline.swift", "IngestCore/Pipelines/EmbedPipeline.swift"
RULES = "IngestCore/2-Ledger/DocumentRecord"
REPAIR = "IngestCore/9-Verify/Repair.swift"
LOOP, SETTLEMENT = "IngestCore/1-Receive/WorkLoop.swift", "IngestCore/1-Receive/Settlement.swift"


class Mutant:
    """`old` becomes `new`, in which BUG is whether this one is planted. The simulation must name one of `invariants`; seeds that name one of `follows`, which the
    mistake violates as well, are passed over."""

    def __init__(self, name: str, invariants: str, file: str, old: str, new: str, seed_factor: int = 1, follows: str = "", is_rare: bool = False, is_double: bool = False) -> None:
        self.name, self.invariants, self.file, self.old, self.new = name, invariants.split(), file, old, new
        self.follows = follows.split()
        # Of two pipelines at once.
        self.is_double = is_double
        # Takes more than 10,000 seeds: a long run looks for it.
        self.is_rare = is_rare
        # How many times as many seeds a mistake gets that needs several faults in one order.
        self.seed_factor = seed_factor

    @property
    def path(self) -> pathlib.Path:
        return pathlib.Path("Tests" if self.file.startswith("SimulationTests") else "Sources", self.file)

    @property
    def is_rule(self) -> bool:
        return self.file.startswith((RULES, REPAIR))


MUTANTS = [
    # The rules of the ledger.
    Mutant("no-touch", "converged exact durable dead-letters", INGEST, "guard case .written = try await ledger.write(work.recordID, record.touched(), over: version) else {",
           "if BUG { return .done }\n        guard case .written = try await ledger.write(work.recordID, record.touched(), over: version) else {"),
    Mutant("no-compare-and-set", "converged exact complete durable hand-overs", "OpenSearch/Bulk.swift", "if let (sequence, term) = action.expected {", "if !BUG, let (sequence, term) = action.expected {"),
    Mutant("drop-on-reservation", "durable converged", f"{RULES}+Ingest.swift", "return pending.handedOff ? pending.content : nil", "return pending.handedOff || BUG ? pending.content : nil"),
    Mutant("compare-with-live", "converged durable", f"{RULES}+Ingest.swift", "guard content != .unknown && knownContent == content else", "guard content != .unknown && (knownContent == content || BUG && live?.content == content) else"),
    Mutant("refusal-keeps-reservation", "durable converged", f"{RULES}+Ingest.swift", "pending?.handedOff == false ? retiringPending() : self", "!BUG && pending?.handedOff == false ? retiringPending() : self"),
    Mutant("superseded-keeps", "exact", EMBED, "try await index.delete(work.document, generation: work.generation, count: work.header.chunkCount)\n        if isSuperseded",
           "if !BUG { try await index.delete(work.document, generation: work.generation, count: work.header.chunkCount) }\n        if isSuperseded"),
    Mutant("forget-retired", "exact", EMBED, "try await index.delete(work.document, generation: retired.generation, count: retired.chunkCount)",
           "if !BUG { try await index.delete(work.document, generation: retired.generation, count: retired.chunkCount) }"),
    Mutant("remove-early", "complete exact paid-once", EMBED, "            superseded(work)\n            return try await discard(work)",
           "            if BUG { return try await remove(work) }\n            superseded(work)\n            return try await discard(work)", seed_factor=6, is_rare=True),
    Mutant("skip-redelivered", "exact", f"{RULES}+Embed.swift", "pending.handedOff, isFirstDelivery, !isStale", "pending.handedOff, isFirstDelivery || BUG, !isStale"),
    Mutant("pause-counts-as-first", "exact dead-letters paid-once", "IngestCore/1-Receive/Job.swift", "first.receiveCount == 1 && pauses == 0", "first.receiveCount == 1 && pauses == 0 || BUG && first.receiveCount <= 3", seed_factor=4),
    Mutant("keep-pending", "converged", f"{RULES}+Embed.swift", "if pending?.generation == generation { record.pending = nil }", "if !BUG, pending?.generation == generation { record.pending = nil }"),
    Mutant("abandoned-is-known", "converged durable", f"{RULES}+Embed.swift", "rejecting(generation, .unknown, RejectedGeneration.abandoned,",
           "rejecting(generation, BUG ? pending?.content ?? .unknown : .unknown, RejectedGeneration.abandoned,"),
    Mutant("no-fresh-event", "converged durable", EMBED, "        try await requeueEvent(work)\n        return try await remove(work, isSuperseded: false)\n    }\n\n    private func requeueEvent", "        if !BUG { try await requeueEvent(work) }\n        return try await remove(work, isSuperseded: false)\n    }\n\n    private func requeueEvent"),
    Mutant("commit-anything", "converged exact complete", f"{RULES}+Embed.swift", "guard live?.generation ?? 0 <= generation, !rejected", "guard BUG || live?.generation ?? 0 <= generation, !rejected"),
    Mutant("due-is-everything", "exact complete converged", f"{RULES}+Embed.swift", "retired.filter { $0.generation < live?.generation ?? 0 }", "retired.filter { BUG || $0.generation < live?.generation ?? 0 }"),
    Mutant("commit-first", "complete", EMBED, "            do {\n                try await embed(work, record,",
           "            do {\n                if BUG { _ = try await ledger.update(work.recordID) { $0.committing(work.generation, work.header.content, chunkCount: work.header.chunkCount, reason: nil, at: time.now) } }\n                try await embed(work, record,"),
    Mutant("delete-first", "complete", EMBED, "        guard work.header.chunkCount > 0 else { return }\n",
           "        guard work.header.chunkCount > 0 else { return }\n        if BUG, let live = record.live { try await index.delete(work.document, generation: live.generation, count: live.chunkCount) }\n"),
    Mutant("rejection-reported-once", "dead-letters", EMBED, "            return .deadLetter([work.deadLetter(entry)])", "            return BUG ? .done : .deadLetter([work.deadLetter(entry)])"),
    # The way of a document.
    Mutant("missing-is-unchanged", "converged durable", INGEST, "case .missing: return .absent", "case .missing: return BUG ? .unchanged : .absent"),
    Mutant("handed-over-before-sent", "durable converged hand-overs", INGEST, "            let body = try await stages.handoff.pack(header, chunks)\n", "            if BUG { _ = try await ledger.update(recordID(header)) { $0.handingOff(header.generation) } }\n            let body = try await stages.handoff.pack(header, chunks)\n"),
    Mutant("unconfirmed-send", "durable converged", INGEST, "OutgoingMessage(body: body, trace: trace, group: header.tenant)",
           "OutgoingMessage(body: BUG ? String(body.dropLast()) : body, trace: trace, group: header.tenant)"),
    Mutant("discard-early", "hand-overs", EMBED, "        let chunks = try await handoff.unpack(work.message)\n", "        let chunks = try await handoff.unpack(work.message)\n        if BUG { try await handoff.discard(work.message) }\n"),
    Mutant("hand-overs-stay", "hand-overs", EMBED, "        vectors.forget(work.key)\n        try await handoff.discard(work.message)", "        vectors.forget(work.key)\n        if !BUG { try await handoff.discard(work.message) }"),
    Mutant("item-failures-ignored", "complete exact", "IngestCore/7-Index/OpenSearchIndex.swift", "if let worst { throw worst }", "if let worst, !BUG { throw worst }"),
    Mutant("vectors-shuffled", "exact", "IngestCore/Pipelines/VectorSource.swift", "case .success(let embedding) = results[place] else", "case .success(let embedding) = results[BUG ? results.count - 1 - place : place] else"),
    Mutant("reuse-by-place", "exact", "IngestCore/Pipelines/VectorSource.swift", "let source = known.byLiveHash[chunk.contentHash] {", "let source = BUG ? Optional(chunk.index) : known.byLiveHash[chunk.contentHash] {"),
    Mutant("pays-again", "paid-once", "IngestCore/Pipelines/VectorSource.swift", "        defer { paid.keep(held.withLock { $0 }, key) }\n", "        defer { if !BUG { paid.keep(held.withLock { $0 }, key) } }\n"),
    Mutant("impatient", "paid-once", "IngestCore/Availability/RetryBudget.swift", "guard mayPass, time.uptime < start + limit else", "guard !BUG, mayPass, time.uptime < start + limit else", seed_factor=8, is_rare=True),
    # The loop.
    Mutant("paused-for-ever", "converged", "IngestCore/Availability/CircuitBreakers.swift", "circuit.nextProbe = now + wait(after: circuit.attempts)", "circuit.nextProbe = now + (BUG ? .seconds(100_000) : wait(after: circuit.attempts))"),
    Mutant("acknowledge-first", "durable handles", LOOP, "        let ending = await attempts(&job, leases)\n", "        if BUG { await settlement.settle(job, .done) }\n        let ending = await attempts(&job, leases)\n"),
    Mutant("acknowledge-failures", "durable converged", SETTLEMENT, "            await release(job, after: wait)", "            if BUG { return await delete(job) }\n            await release(job, after: wait)", follows="hand-overs"),
    Mutant("dead-letters-lost", "dead-letters", SETTLEMENT, "        for deadLetterMessage in deadLetterMessages {", "        for deadLetterMessage in BUG ? [] : deadLetterMessages {"),
    Mutant("failures-are-rejections", "dead-letters converged durable exact", "IngestCore/1-Receive/Outcome.swift", "case .transient, .throttled, .fleet: self = .blocked(failure)",
           "case .transient, .throttled, .fleet: self = BUG ? .deadLetter([DeadLetterMessage(reason: \"failed\", detail: failure.summary)]) : .blocked(failure)"),
    Mutant("receives-too-much", "bounded", LOOP, "while places < 10, slots.tryAcquire() { places += 1 }", "while places < 10, BUG || slots.tryAcquire() { places += 1 }"),
    Mutant("leases-end", "leases", "IngestCore/1-Receive/LeaseKeeper.swift", "            await extendDue()\n", "            if !BUG { await extendDue() }\n", follows="paid-once"),
    Mutant("leases-outlive-messages", "handles", LOOP, "            guard isDeleted else { continue }", "            guard isDeleted, !BUG else { continue }"),
    Mutant("nothing-given-back", "stops", LOOP, "        case .stopped, .waited: await settlement.release(job, after: .zero)", "        case .stopped, .waited: if !BUG { await settlement.release(job, after: .zero) }"),
    # What a failure is about.
    Mutant("pays-before-looking", "paid-once", EMBED, "        if !isFirstAttempt {\n            // Chunks", "        if !BUG, !isFirstAttempt {\n            // Chunks", seed_factor=8, is_rare=True),
    Mutant("any-404-is-a-deletion", "converged durable exact hand-overs", "IngestCore/3-Fetch/S3Call.swift", "!isOfBucket, isAbsent(response, code) { return }", "!isOfBucket, BUG || isAbsent(response, code) { return }"),
    Mutant("pages-are-documents", "hand-overs converged exact dead-letters paid-once", "IngestCore/3-Fetch/S3Call.swift", "        guard isForeign else { return }", "        guard isForeign, !BUG else { return }", seed_factor=4),
    Mutant("unlisted-refusals", "converged dead-letters exact", EMBED, "                guard case .document(let rejection) = Failure(error) else { throw error }", "                guard !BUG, case .document(let rejection) = Failure(error) else { throw error }"),
    # Two pipelines at once: mistakes that the programs refuse, and one of the operator's.
    Mutant("shared-queue", "converged durable exact readers", "IngestCore/Registry/Admission.swift", "guard taken else { continue }", "guard taken, !BUG else { continue }", is_double=True, follows="paid-once stops dead-letters"),
    Mutant("replay-before-subscription", "converged readers", "SimulationTests/PipelinePlan.swift", "replay = subscribe + .milliseconds(random.draw(0...15_000))", "replay = (BUG ? .zero : subscribe) + .milliseconds(random.draw(0...15_000))", is_double=True),
    Mutant("switch-before-verify", "readers", "IngestCore/Registry/PipelineTransitions.swift", "found.differences.sorted { $0.key < $1.key }.map", "(BUG ? [:] : found.differences).sorted { $0.key < $1.key }.map", is_double=True),
    Mutant("switch-on-the-way", "readers", "IngestCore/9-Verify/KeyState.swift", "if isStrict, !isLive, let pending = record.pending {", "if isStrict, !BUG, !isLive, let pending = record.pending {", is_double=True),
    Mutant("retire-while-read", "readers", "IngestCore/Registry/PipelineTransitions.swift", "guard readers.contains(pipeline.index) || pipeline.state == .live else { return nil }", "guard !BUG, readers.contains(pipeline.index) || pipeline.state == .live else { return nil }", is_double=True),
    # Repairs, which the exhaustive model has.
    Mutant("adopt-too-many", "model", REPAIR, "let count = group.last + 1", "let count = group.last + (BUG ? 2 : 1)"),
    Mutant("endless-grace", "stops", LOOP, "environment.time.sleep(for: settings.grace)", "environment.time.sleep(for: BUG ? settings.grace * 1000 : settings.grace)"),
]


def misfits(root: pathlib.Path = ROOT) -> list[tuple[pathlib.Path, str]]:
    """Mutants that do not fit the code of `root`."""
    texts = {path: (root / path).read_text() for path in {mutant.path for mutant in MUTANTS} if (root / path).exists()}
    counts = [(mutant, texts[mutant.path].count(mutant.old)) for mutant in MUTANTS if mutant.path in texts]
    return [(root / mutant.path, f"the mutant {mutant.name} fits {count} times: keep Tests/mutants.py with the code") for mutant, count in counts if count != 1]


def plant() -> None:
    """Makes the copy, and builds it where something has changed."""
    for name in ("Sources", "Tests/SimulationTests", "Tests/IngestTestKit"):
        subprocess.run(["mkdir", "-p", COPY / name], check=True)
    manifest = re.sub(r"        \.testTarget\(\n            name: \"(?!SimulationTests)\w+\".*?\n        \),\n", "", (ROOT / "Package.swift").read_text(), flags=re.DOTALL)
    manifest = re.sub(r"        \.executableTarget\(\n            name: \"chunk-bench\".*?\n        \),\n", "", manifest, flags=re.DOTALL)
    files = {pathlib.Path("Package.swift"): manifest}
    for folder in ("Sources", "Tests/SimulationTests", "Tests/IngestTestKit"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file():
                files[path.relative_to(ROOT)] = path.read_bytes()
    for path, problem in misfits():
        raise SystemExit(f"{path}: {problem}")
    for mutant in MUTANTS:
        path = mutant.path
        text = files[path] if isinstance(files[path], str) else files[path].decode()
        planted = mutant.new.replace("BUG", f'Planted.has("{mutant.name}")')
        # Several mutants of one line stand behind each other.
        files[path] = text.replace(mutant.old, planted, 1)
        if mutant.old not in text:
            raise SystemExit(f"the mutant {mutant.name} meets another one's text in {path}")
    for target in {mutant.path.parts[:2] for mutant in MUTANTS}:
        files[pathlib.Path(*target, "Planted.swift")] = (
            'import Glibc\n\nenum Planted {\n    private static let bug = getenv("PLANTED_BUG").map { String(cString: $0) }\n\n'
            "    static func has(_ name: String) -> Bool { bug == name }\n}\n"
        )
    for path in sorted(COPY.rglob("*")):
        if path.is_file() and ".build" not in path.relative_to(COPY).parts and path.relative_to(COPY) not in files and path.name != "Package.resolved":
            path.unlink()
    for path, content in files.items():
        content = content.encode() if isinstance(content, str) else content
        target = COPY / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() or target.read_bytes() != content:
            target.write_bytes(content)
            shutil.copymode(ROOT / path, target) if (ROOT / path).exists() else None
    done = subprocess.run(["swift", "build", "-c", "release", "--build-tests"], cwd=COPY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise SystemExit(f"the mutants do not compile:\n{done.stdout[-4000:]}")


def binary() -> pathlib.Path:
    return COPY / ".build/release/ingest-fleetPackageTests.xctest"

import AsyncPrimitives
import ExtractionWire
import IngestCore
import IngestTestKit
import Testing
import TextCoding

@Suite struct ChunkerTests {
    /// A random document: paragraphs, headings, long words, several scripts, pages.
    static func document(seed: UInt64) -> ExtractedDocument {
        var random = SplitMix(state: seed)
        let words = [
            "lamp", "Lighthouse", "mercury.", "fog", "灯台", "守。", "маяк", "1871", "—", "ααα", "😀",
            String(repeating: "z", count: 300),
        ]
        var text: [UInt8] = []
        var blocks: [Block] = []
        var pages: [PageSpan] = []
        var pageStart = 0
        for _ in 0..<Int(random.next() % 40 + 1) {
            if !text.isEmpty { text += [0x0A, 0x0A] }
            if random.next() % 5 == 0, text.count > pageStart {
                pages.append(PageSpan(number: pages.count + 1, start: pageStart, end: text.count - 2))
                pageStart = text.count
            }
            let start = text.count
            let isHeading = random.next() % 4 == 0
            let count = isHeading ? 3 : Int(random.next() % 200 + 1)
            text += Array(
                (0..<count).map { _ in words[Int(random.next() % UInt64(words.count))] }.joined(
                    separator: random.next() % 9 == 0 ? "\n" : " "
                ).utf8
            )
            blocks.append(
                Block(
                    kind: isHeading ? .heading : .paragraph,
                    level: isHeading ? UInt8(random.next() % 6 + 1) : 0,
                    start: start,
                    end: text.count
                )
            )
        }
        pages.append(PageSpan(number: pages.count + 1, start: pageStart, end: text.count))
        return ExtractedDocument(format: .pdf, text: text, blocks: blocks, pages: pages)
    }

    // Slow without optimization: `swift test` alone runs a few seeds, `make test` (release) all.
    #if DEBUG
    private static let seeds: Range<UInt64> = 0..<1
    #else
    private static let seeds: Range<UInt64> = 0..<60
    #endif

    @Test(.tags(.long), .serialized, arguments: seeds)
    func everyChunkIsASliceWithinItsBudget(_ seed: UInt64) throws {
        let document = Self.document(seed: seed)
        let canonical = Array(String(decoding: document.text, as: UTF8.self).unicodeScalars)
        for (tokens, overlap) in [(512, 64), (64, 16), (16, 0)] {
            let chunks = try Chunker(tokens: tokens, overlap: overlap).chunks(of: document)
            var covered = [Bool](repeating: false, count: canonical.count)
            for (index, chunk) in chunks.enumerated() {
                #expect(chunk.index == index)
                let slice = String(String.UnicodeScalarView(canonical[chunk.characters]))
                #expect(slice == chunk.text)
                #expect(chunk.tokens == Tokenizer.cl100k.count(chunk.text))
                #expect(chunk.tokens <= tokens, "chunk \(index) of seed \(seed)")
                for position in chunk.characters { covered[position] = true }
                for part in chunk.pages { #expect(part.offset >= 0 && part.offset < chunk.text.unicodeScalars.count) }
                #expect(chunk.pages.first?.offset == 0)
            }
            for position in canonical.indices where !covered[position] {
                #expect(canonical[position].properties.isWhitespace)
            }
            #expect(try Chunker(tokens: tokens, overlap: overlap).chunks(of: document) == chunks)
        }
    }

    @Test func headingsBeginChunksAndMakePaths() throws {
        let paragraph = String(repeating: "The lamp is lit at dusk. ", count: 30)
        let document = Self.text([
            (.heading, 1, "Tower"), (.paragraph, 0, paragraph), (.heading, 2, "Lamp"), (.paragraph, 0, paragraph),
            (.heading, 1, "Boats"), (.paragraph, 0, paragraph),
        ])
        let chunks = try Chunker(tokens: 512, overlap: 64).chunks(of: document)
        #expect(chunks.map(\.headings) == [["Tower"], ["Tower", "Lamp"], ["Boats"]])
        #expect(chunks.map { $0.text.prefix(5) } == ["Tower", "Lamp\n", "Boats"])
    }

    @Test func overlapRepeatsWholeUnits() throws {
        let paragraphs = (0..<30).map {
            (Block.Kind.paragraph, UInt8(0), "Paragraph number \($0) speaks of the sea and of the wind.")
        }
        let chunks = try Chunker(tokens: 64, overlap: 16).chunks(of: Self.text(paragraphs))
        #expect(chunks.count > 5)
        let pairs = Array(zip(chunks, chunks.dropFirst()))
        for (left, right) in pairs {
            // Where a chunk has no room it repeats nothing.
            #expect(right.characters.lowerBound <= left.characters.upperBound + 2)
            #expect(right.characters.upperBound > left.characters.upperBound)
        }
        let repeating = pairs.count { $1.characters.lowerBound < $0.characters.upperBound }
        #expect(repeating * 2 >= pairs.count)
    }

    @Test func tooManyChunksAreARejection() {
        let paragraphs = (0..<100).map {
            (Block.Kind.paragraph, UInt8(0), "Paragraph number \($0) speaks of the sea and of the wind, and of ships.")
        }
        #expect(throws: Rejection.self) {
            try Chunker(tokens: 16, overlap: 0, maximumChunks: 10).chunks(of: Self.text(paragraphs))
        }
    }

    static func text(_ parts: [(Block.Kind, UInt8, String)]) -> ExtractedDocument {
        var text: [UInt8] = []
        var blocks: [Block] = []
        for (kind, level, part) in parts {
            if !text.isEmpty { text += [0x0A, 0x0A] }
            let start = text.count
            text += Array(part.trimmed.utf8)
            blocks.append(Block(kind: kind, level: level, start: start, end: text.count))
        }
        return ExtractedDocument(format: .text, text: text, blocks: blocks)
    }

    private static let longPieces: [(String, String)] = [
        ("one letter", String(repeating: "a", count: 100_000)), ("a ruler", String(repeating: "=", count: 100_000)),
        ("bases", (0..<20_000).map { ["ACGT", "TTAG", "CCCG", "GATA"][$0 * 7919 % 4] }.joined()),
        ("marks", "e" + String(repeating: "\u{301}", count: 30_000)),
        ("CJK", String(repeating: "灯台守は霧の中で", count: 3000)),
        ("emoji", String(repeating: "👩‍👩‍👧‍👦", count: 3000)),
        ("blanks", String(repeating: "a" + String(repeating: " ", count: 300), count: 300)),
    ]

    /// Text without a place to break is cut between tokens, and nothing of it is lost.
    @Test(arguments: longPieces)
    func longPiecesAreCutWithinTheBudget(_ name: String, _ text: String) throws {
        let bytes = Array(text.utf8)
        let document = ExtractedDocument(
            format: .text,
            text: bytes,
            blocks: [Block(kind: .paragraph, start: 0, end: bytes.count)]
        )
        let chunks = try Chunker(tokens: 64, overlap: 0).chunks(of: document)
        #expect(chunks.allSatisfy { $0.tokens <= 64 && $0.tokens == Tokenizer.cl100k.count($0.text) })
        let kept = chunks.map(\.text).joined().filter { $0 != " " }
        #expect(kept.unicodeScalars.elementsEqual(text.filter { $0 != " " }.unicodeScalars))
        // Cuts are as far apart as the budget allows.
        #expect(
            chunks.dropLast().filter { $0.tokens >= 32 }.count * 2 >= chunks.count - 1,
            "\(name): \(chunks.count) chunks"
        )
    }

    @Test func cuttingEndsAtItsDeadlineAndWhenTheJobIsCancelled() async throws {
        let bytes = Array(String(repeating: "a", count: 3_000_000).utf8)
        let document = ExtractedDocument(
            format: .text,
            text: bytes,
            blocks: [Block(kind: .paragraph, start: 0, end: bytes.count)]
        )
        let late = ThreadedChunker(Chunker(), deadline: .zero, deadlineName: "EXTRACT_SECONDS")
        await #expect { _ = try await late.cut(document) } throws: { ($0 as? Rejection)?.code == .timeout }
        let steps = LockedValue(0)
        #expect(throws: CancellationError.self) {
            try Chunker().chunks(of: document) {
                let count = steps.withLock { steps in
                    steps += 1
                    return steps
                }
                if count == 10 { throw CancellationError() }
            }
        }
        let chunker = ThreadedChunker(Chunker(), deadline: .seconds(600), deadlineName: "EXTRACT_SECONDS")
        let job = Task { try await chunker.cut(document) }
        job.cancel()
        await #expect(throws: CancellationError.self) { try await job.value }
    }
}

import ExtractionWire
import IngestCore
import IngestTestKit
import Testing
import TextCoding

@Suite struct ChunkStrategyTests {
    #if DEBUG
    private static let seeds: Range<UInt64> = 0..<1
    #else
    private static let seeds: Range<UInt64> = 0..<15
    #endif

    /// Whatever the strategy: within the budget, exactly the document's words, nothing left out, the same every time.
    static func check(_ chunks: [Chunk], of document: ExtractedDocument, _ settings: ChunkingSettings) {
        let canonical = Array(String(decoding: document.text, as: UTF8.self).unicodeScalars)
        var covered = [Bool](repeating: false, count: canonical.count)
        for (index, chunk) in chunks.enumerated() {
            #expect(chunk.index == index)
            #expect(String(String.UnicodeScalarView(canonical[chunk.characters])) == chunk.text)
            #expect(chunk.tokens == Tokenizer.cl100k.count(chunk.text) && chunk.tokens <= settings.tokens)
            for position in chunk.characters { covered[position] = true }
            #expect(chunk.context.tokens <= settings.tokens / 2)
            let embedded = ChunkPayload(chunk)
            #expect(embedded.embeddedTokens == Tokenizer.cl100k.count(embedded.embeddedText))
            if let parent = chunk.parent {
                #expect(parent.characters.lowerBound <= chunk.characters.lowerBound)
                #expect(parent.characters.upperBound >= chunk.characters.upperBound)
                let whole = String(String.UnicodeScalarView(canonical[parent.characters]))
                #expect(Tokenizer.cl100k.count(whole) <= settings.parentTokens)
            }
            if settings.strategy == .page, !document.pages.isEmpty { #expect(chunk.pages.count == 1) }
        }
        for position in canonical.indices where !covered[position] {
            #expect(canonical[position].properties.isWhitespace)
        }
    }

    // One at a time: tests on a virtual clock beside it need a thread of the pool.
    @Test(.tags(.long), .serialized, arguments: ChunkingSettings.Strategy.allCases, seeds)
    func everyStrategyKeepsToTheSameRules(_ strategy: ChunkingSettings.Strategy, _ seed: UInt64) throws {
        let document = ChunkerTests.document(seed: seed)
        for (tokens, overlap) in [(256, 32), (48, 8)] {
            var settings = ChunkingSettings(strategy, tokens: tokens, overlap: overlap)
            settings.parentTokens = 300
            let chunks = try Chunker(settings).chunks(of: document)
            Self.check(chunks, of: document, settings)
            #expect(try Chunker(settings).chunks(of: document) == chunks)
        }
    }

    private static let paragraph =
        "The lamp is lit at dusk. Dr. Moor keeps it, i.e. he trims it. Who else? \"Nobody.\" So it is."

    @Test func contextIsTheTitleAndThePathAndIsEmbedded() throws {
        var document = ChunkerTests.text([
            (.heading, 1, "Tower"), (.paragraph, 0, "One."), (.heading, 2, "Lamp ¶"),
            (.paragraph, 0, String(repeating: "The lamp is lit. ", count: 40)),
        ])
        document.title = "Lights of the coast"
        var settings = ChunkingSettings(tokens: 64, overlap: 0)
        let chunks = try Chunker(settings).chunks(of: document)
        #expect(chunks.last?.context.text == "Lights of the coast\nTower > Lamp")
        #expect(
            chunks.last.map { ChunkPayload($0).embeddedText }?.hasPrefix(
                "Lights of the coast\nTower > Lamp\n\nThe lamp"
            ) == true
        )
        settings.context = .none
        let plain = try Chunker(settings).chunks(of: document)
        #expect(plain.map(\.text) == chunks.map(\.text) && plain.allSatisfy { $0.context.text.isEmpty })
        #expect(plain.last?.contentHash != chunks.last?.contentHash)
        settings.context = .words
        let matched = try Chunker(settings).chunks(of: document)
        #expect(matched.map(\.contentHash) == plain.map(\.contentHash))
        #expect(matched.last.map { ChunkPayload($0).matched(withContext: true) }?.hasPrefix("Lights") == true)
        #expect(matched.last.map { ChunkPayload($0).embeddedText } == plain.last?.text)
    }

    @Test func longContextKeepsTheNearestHeadings() throws {
        let long = String(repeating: "very long heading ", count: 12)
        var document = ChunkerTests.text([
            (.heading, 1, long), (.heading, 2, long), (.heading, 3, "Near"), (.paragraph, 0, "Text."),
        ])
        document.title = String(repeating: "title ", count: 300)
        let chunks = try Chunker(tokens: 64, overlap: 0).chunks(of: document)
        #expect(chunks.allSatisfy { $0.context.tokens <= 32 })
        document.title = "Title"
        #expect(try Chunker(tokens: 64, overlap: 0).chunks(of: document).last?.context.text == "Title\nNear")
    }

    @Test func longTablesRepeatTheirHead() throws {
        let rows = (0..<40).map { (Block.Kind.tableRow, UInt8(0), "Harbour \($0) | \($0) m | open all year round") }
        let document = ChunkerTests.text([(.paragraph, 0, "Depths."), (.tableRow, 0, "Name | Depth | Season")] + rows)
        let chunks = try Chunker(tokens: 64, overlap: 0).chunks(of: document)
        #expect(chunks.count > 4)
        #expect(
            chunks.dropFirst().allSatisfy { $0.context.text == "Name | Depth | Season" && !$0.text.contains("Depth") }
        )
        #expect(chunks[0].context.text.isEmpty)
        // Rows stay whole.
        #expect(chunks.allSatisfy { $0.text.hasSuffix("round") })
    }

    @Test func codeStaysWholeWhereItFits() throws {
        let code = (0..<6).map { "    let value\($0) = read(file: \"a. b\")" }.joined(separator: "\n")
        let text = String(repeating: "The lamp is lit at dusk. ", count: 8)
        let document = ChunkerTests.text([(.paragraph, 0, text), (.code, 0, code), (.paragraph, 0, text)])
        let chunks = try Chunker(tokens: 96, overlap: 0).chunks(of: document)
        #expect(chunks.contains { $0.text.contains(code.trimmed) })
        let long = Array(repeating: code, count: 20).joined(separator: "\n")
        let cut = try Chunker(tokens: 64, overlap: 0).chunks(of: ChunkerTests.text([(.code, 0, long)]))
        #expect(cut.count > 10 && cut.allSatisfy { $0.text.hasSuffix("\")") })
    }

    private static let sentences: [(String, [String])] = [
        (
            "He came. She left! Why? \"So.\" Then (it ended.) Now.",
            ["He came.", "She left!", "Why?", "\"So.\"", "Then (it ended.)", "Now."]
        ),
        (
            "Mr. Moor of No. 5 met J. Hale, i.e. the owner. He paid 3.50 pounds.",
            ["Mr. Moor of No. 5 met J. Hale, i.e. the owner.", "He paid 3.50 pounds."]
        ),
        ("灯台守は霧の中。「誰だ？」と聞いた！終わり", ["灯台守は霧の中。", "「誰だ？」", "と聞いた！", "終わり"]),
        ("هل وصلت السفينة؟ نعم. كلا۔ انتهى", ["هل وصلت السفينة؟", "نعم.", "كلا۔", "انتهى"]),
        ("जहाज़ आया। वह गया।", ["जहाज़ आया।", "वह गया।"]),
    ]

    @Test(arguments: sentences)
    func sentencesEndWhereTheirScriptSays(_ text: String, _ expected: [String]) throws {
        let settings = ChunkingSettings(.sentenceWindow, tokens: 16, overlap: 0)
        let document = ChunkerTests.text([(.paragraph, 0, text)])
        let chunks = try Chunker(settings).chunks(of: document).map(\.text)
        // Several short ones may share a chunk, and none is cut where it fits.
        let whole = expected.filter { Tokenizer.cl100k.count($0) <= 16 }
        #expect(whole.allSatisfy { sentence in chunks.contains { $0.contains(sentence) } }, "\(chunks)")
        #expect(SentenceSplit.of(text) == expected)
    }

    /// As a careful writer changes a long report.
    @Test func oneChangedParagraphChangesAFewChunks() throws {
        func document(_ changed: String) -> ExtractedDocument {
            ChunkerTests.text(
                (0..<100).flatMap { page in
                    [(Block.Kind.heading, UInt8(2), "Section \(page)")]
                        + (0..<6).map { part in
                            let text =
                                page == 50 && part == 3
                                ? changed : "Paragraph \(part) of page \(page). \(Self.paragraph)"
                            return (Block.Kind.paragraph, UInt8(0), String(repeating: text + " ", count: 4))
                        }
                }
            )
        }
        for strategy in [ChunkingSettings.Strategy.structure, .page, .parentChild] {
            let chunker = Chunker(ChunkingSettings(strategy, tokens: 256, overlap: 32))
            let before = Set(try chunker.chunks(of: document("It was calm.")).map(\.contentHash))
            let after = try chunker.chunks(of: document("It blew a gale all night, and the boats stayed in.")).map(
                \.contentHash
            )
            #expect(after.filter { !before.contains($0) }.count <= 3, "\(strategy)")
        }
    }
}

/// The sentences that a chunk of one sentence would be made of.
private enum SentenceSplit {
    static func of(_ text: String) -> [String] {
        let bytes = Array(text.utf8)
        return bytes.withUnsafeBufferPointer { buffer in
            SentenceEnds(text: buffer).sentences(0, bytes.count).map {
                String(decoding: bytes[$0.start..<$0.end], as: UTF8.self)
            }
        }
    }
}

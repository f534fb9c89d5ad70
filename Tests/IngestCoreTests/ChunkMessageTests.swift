import IngestCore
import Testing

@Suite struct ChunkMessageTests {
    /// As workers of version 1 write it: later ones have to read it for as long as such messages may wait in a queue.
    private static let id = DocumentID(tenant: "t", object: ObjectReference(bucket: "documents", key: "docs/a.pdf"))
        .description
    static let versionOne = #"""
        {"version":1,"header":{"tenant":"t","object":{"bucket":"documents","key":"docs/a.pdf"},"documentID":"\#(id)","index":"documents-chunks-x","fingerprint":"x",
        "generation":7,"content":{"etag":"e"},"chunkCount":0,"format":"pdf","title":"T","language":"en","lastModified":"Wed, 04 Mar 2026 05:06:07 GMT"},
        "handOver":{"bucket":"h","key":"hand-over/0123/7.zst"}}
        """#

    @Test func versionOneIsRead() throws {
        let message = try ChunkMessage(decoding: Self.versionOne)
        #expect(
            message.header.generation == 7 && message.header.content == .etag("e") && message.header.format == "pdf"
        )
        #expect(message.payload == .object(ObjectReference(bucket: "h", key: "hand-over/0123/7.zst")))
        #expect(message.header.reason == nil)
        let again = try ChunkMessage(decoding: try message.encoded())
        #expect(again == message)
    }

    @Test func fieldsThatAVersionDoesNotKnowAreNoMistakeAndNewerVersionsAreLeft() throws {
        let extended = Self.versionOne.replacing(#""tenant":"t""#, with: #""tenant":"t","later":{"x":1}"#)
        #expect(try ChunkMessage(decoding: extended).header.tenant == "t")
        #expect(throws: ChunkMessage.Unreadable.newer(3)) {
            try ChunkMessage(decoding: #"{"version":3,"header":"another form"}"#)
        }
    }

    @Test func onlyWhatOlderWorkersMustNotReadSaysANewerVersion() throws {
        var message = try ChunkMessage(decoding: Self.versionOne)
        #expect(try message.encoded().contains(#""version":1"#))
        message.payload = .sweep
        let body = try message.encoded()
        #expect(body.contains(#""version":2"#))
        #expect(try ChunkMessage(decoding: body) == message)
    }

    /// SQS refuses U+FFFE and U+FFFF; a key may have them, and chunks are compressed bytes.
    @Test(arguments: [
        ChunkMessage.Payload.sweep, .inline([]), .inline([0xEF, 0xBF, 0xBE, 0xEF, 0xBF, 0xBF, 0, 34, 92]),
        .object(ObjectReference(bucket: "h", key: "\u{FFFF}\u{FFFE}.zst")),
    ])
    func noMessageHasACharacterThatSQSRefuses(_ payload: ChunkMessage.Payload) throws {
        var message = try ChunkMessage(decoding: Self.versionOne)
        message.header.title = "\u{FFFE}a\u{FFFF}\u{FFFD}\u{1F600}\u{FFFE}\"\\"
        message.payload = payload
        let body = try message.encoded()
        #expect(!body.unicodeScalars.contains { $0.value == 0xFFFE || $0.value == 0xFFFF })
        #expect(try ChunkMessage(decoding: body) == message)
    }

    /// Whoever may send to the queue may send anything: what no `ingest-worker` writes is refused as a whole.
    @Test(arguments: [
        (#""chunkCount":0"#, #""chunkCount":-1"#), (#""chunkCount":0"#, #""chunkCount":1000000000"#),
        (#""chunkCount":0"#, #""chunkCount":9223372036854775807"#), (#""generation":7"#, #""generation":-1"#),
        (#""generation":7"#, #""generation":9223372036854775807"#),
        (#""key":"docs/a.pdf""#, #""key":"docs/other.pdf""#),
        (#""tenant":"t""#, #""tenant":"u""#), (#""bucket":"documents""#, #""bucket":"documents@localhost:80/?""#),
    ])
    func forgedHeadersAreRefused(_ original: String, _ forged: String) {
        for body in [
            Self.versionOne,
            Self.versionOne.replacing(
                #""handOver":{"bucket":"h","key":"hand-over/0123/7.zst"}"#,
                with: #""tidying":true"#
            ),
        ] {
            #expect(body.contains(original))
            let body = body.replacing(original, with: forged)
            #expect { try ChunkMessage(decoding: body) } throws: { error in
                if case .invalid = error as? ChunkMessage.Unreadable { true } else { false }
            }
        }
    }

    /// The extremes of integers, in every place of a chunk: an error, and never a trap.
    @Test(arguments: ["i", "tokens", "from", "to"], [Int.min, -1, Int(Int32.max) + 1, Int.max])
    func numbersOutOfRangeAreNoChunk(_ field: String, _ value: Int) throws {
        var fields = ["i": 0, "tokens": 1, "from": 0, "to": 1]
        let good = try ChunkSet(decoding: Self.chunk(fields, pages: [1, 0]))
        #expect(try good.chunk(0).tokens == 1)
        fields[field] = value
        let bad = try ChunkSet(decoding: Self.chunk(fields, pages: [1, 0]))
        #expect(throws: ChunkHandoff.Loss.corrupt) { try bad.chunk(0) }
        let pages = try ChunkSet(
            decoding: Self.chunk(["i": 0, "tokens": 1, "from": 0, "to": 1], pages: [value, value])
        )
        #expect(throws: ChunkHandoff.Loss.corrupt) { try pages.chunk(0) }
    }

    private static func chunk(_ fields: [String: Int], pages: [Int]) -> [UInt8] {
        let numbers = fields.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",")
        return Array(#"[{\#(numbers),"pages":\#(pages),"text":"x","hash":"h"}]"#.utf8)
    }
}

import AsyncPrimitives
import HTTPTransport
import IngestCore
import IngestTestKit
import Testing
import TextCoding

@Suite struct BatchTests {
    @Test func vectorsComeBackAsTheyWere() throws {
        let vectors = BatchVectors([
            0: BatchVectors.Entry(tokens: 7, vector: [1, -0.5, 3e-9]),
            12_000: BatchVectors.Entry(tokens: 0, vector: [0, 1, 2]),
        ])
        let bytes = vectors.encoded()
        #expect(BatchVectors(bytes, dimensions: 3) == vectors)
        #expect(BatchVectors(BatchVectors([:]).encoded(), dimensions: 3)?.entries.isEmpty == true)
        #expect(BatchVectors(bytes, dimensions: 4) == nil, "of another model")
        for length in 0..<bytes.count { #expect(BatchVectors(Array(bytes.prefix(length)), dimensions: 3) == nil) }
        #expect(BatchVectors(bytes + [0], dimensions: 3) == nil)
    }

    @Test func bytesThatAreNoVectorsAreRefused() {
        let random = RandomSource.seeded(7)
        for _ in 0..<2000 {
            let bytes = (0..<Int(random.unit() * 64)).map { _ in UInt8(random.unit() * 256) }
            if let found = BatchVectors(bytes, dimensions: 2) {
                #expect(found.entries.values.allSatisfy { $0.vector.count == 2 && $0.vector.allSatisfy(\.isFinite) })
            }
        }
        var huge: [UInt8] = []
        for value in [UInt32.max, 1536] { withUnsafeBytes(of: value.littleEndian) { huge += $0 } }
        #expect(BatchVectors(huge, dimensions: 1536) == nil)
    }

    private static func line(_ name: String, status: Int = 200, _ vectors: String, tokens: Int = 9) -> String {
        #"{"id":"x","custom_id":"\#(name)","response":{"status_code":\#(status),"request_id":"r","body":{"data":[\#(vectors)],"usage":{"total_tokens":\#(tokens)}}},"error":null}"#
    }

    @Test func resultsAreReadInAnyOrderAndFailuresAreNone() {
        let lines = [
            Self.line("1 0", #"{"index":0,"embedding":[0,1]}"#),
            Self.line("0 256", #"{"index":1,"embedding":[0,1]},{"index":0,"embedding":[1,0]}"#),
            Self.line("2 0", status: 500, #"{"index":0,"embedding":[0,1]}"#),
            Self.line("3 0", #"{"index":0,"embedding":[0,1,2]},{"index":1,"embedding":[0,1]}"#),
            #"{"custom_id":"4 0","response":null,"error":{"code":"batch_expired"}}"#,
            "not JSON", "", #"{"custom_id":"-1 0","response":{"status_code":200,"body":{"data":[]}}}"#,
            Self.line("99999999999999999999 0", #"{"index":0,"embedding":[0,1]}"#), Self.line("5", ""),
        ]
        let results = BatchResults(Array(lines.joined(separator: "\n").utf8), dimensions: 2).vectors
        #expect(results[1]?[0] == BatchVectors.Entry(tokens: 9, vector: [0, 1]))
        #expect(results[0]?[256]?.vector == [1, 0] && results[0]?[257]?.vector == [0, 1])
        #expect(results[0].map { $0.values.reduce(0) { $0 + $1.tokens } } == 9, "what is billed is spread")
        #expect(results[2] == nil && results[4] == nil && results[5] == nil)
        #expect(results[3]?[0] == nil && results[3]?[1]?.vector == [0, 1], "one vector of other dimensions")
        #expect(results.count == 3)
    }

    @Test func aBatchIsNoLargerThanItsResultsMayBe() throws {
        let endpoint = try #require(Endpoint("http://provider/v1"))
        let settings = OpenAIEmbedder.Settings(endpoint: endpoint, apiKey: "k", model: "m", dimensions: 1536)
        var requests = BatchRequests(settings, EmbeddingProfile())
        let chunks = (0..<1000).map { number in
            ChunkPayload(
                Chunk(index: number, text: "text \(number)", tokens: 3, characters: 0..<1, pages: [], headings: [])
            )
        }
        while requests.hasRoom(for: chunks.count) {
            let entry = BatchEntry(
                index: "i",
                recordID: "r\(requests.entries.count)",
                generation: 1,
                message: "",
                chunks: Array(chunks.indices),
                since: Timestamp(milliseconds: 0)
            )
            requests.add(entry, chunks)
        }
        #expect(requests.inputs * 1536 * 16 / 3 < 48 << 20)
        #expect(requests.entries.count >= 3)
        #expect(requests.isTooLarge(50_000) && !requests.isTooLarge(1000))
        let lines = requests.lines.split(separator: 0x0A)
        #expect(lines.count == requests.entries.count * 4, "256 texts a request")
        #expect(lines.allSatisfy { JSONValue(parsing: Array($0)) != nil })
    }
}

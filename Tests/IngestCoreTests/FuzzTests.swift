import AsyncPrimitives
import Foundation
import HTTPTransport
import IngestCore
import IngestTestKit
import OpenSearch
import Resilience
import Testing

/// Mutated inputs to everything that reads what a server or a stranger wrote: none may end the process, and each is either read or refused.
///
/// `make fuzz` runs more of them: FUZZ_INPUTS says how many for each parser, FUZZ_SEED which ones, FUZZ_REPORT the file for the figures.
@Suite struct FuzzTests {
    private static func setting(_ name: String) -> Int? {
        ProcessInfo.processInfo.environment[name].flatMap { Int($0) }
    }
    private static let inputs = setting("FUZZ_INPUTS") ?? 5000
    private static let seed = UInt64(setting("FUZZ_SEED") ?? 1)

    private static let events: [[UInt8]] = GoldenEventTests.expected.keys.sorted().map { name in
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Events")
        return Array(try! Data(contentsOf: folder.appendingPathComponent("\(name).json")))
    }

    private static let listings: [[UInt8]] = [
        """
        <?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix>d%2F</Prefix>
        <KeyCount>2</KeyCount><MaxKeys>1000</MaxKeys><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><Contents><Key>d/a+b%20c.pdf</Key>
        <LastModified>2026-03-04T05:06:07.000Z</LastModified><ETag>&quot;9bb58f26192e4ba00f01e2e7b136bbd8&quot;</ETag><Size>434234</Size><StorageClass>STANDARD</StorageClass>
        </Contents><Contents><Key>%F0%9F%98%80</Key><ETag>"x-5"</ETag><Size>0</Size></Contents><NextContinuationToken>1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=</NextContinuationToken></ListBucketResult>
        """,
        "<Error><Code>NoSuchBucket</Code><Message>The specified bucket does not exist</Message></Error>",
        "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;\">]><ListBucketResult>&b;<Contents><Key>&b;</Key></Contents></ListBucketResult>",
    ].map { Array($0.utf8) }

    private static let bulks: [[UInt8]] = [
        #"{"items":[{"create":{"status":201,"_seq_no":7,"_primary_term":1}},{"index":{"status":409,"error":{"type":"version_conflict_engine_exception","reason":"[a]: version conflict"}}},{"delete":{"status":404}}]}"#,
        #"{"took":3,"errors":true,"items":[{"create":{"_index":"i","_id":"1","status":429,"error":{"type":"es_rejected_execution_exception","reason":"rejected","caused_by":{"type":"x","reason":"y"}}}},{"index":{"status":400,"error":{"type":"mapper_parsing_exception","reason":"failed to parse field [vector]"}}},{"delete":{"status":200,"_seq_no":9007199254740993}}]}"#,
        #"{"error":{"type":"cluster_block_exception","reason":"index [i] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark]"},"status":429}"#,
    ].map { Array($0.utf8) }

    @Test func events() throws {
        var (read, refused) = (0, 0)
        var mutator = Mutator(seed: Self.seed, corpus: Self.events)
        for _ in 0..<Self.inputs {
            do throws(EventParser.Unreadable) {
                _ = try EventParser.parse(String(decoding: mutator.next(), as: UTF8.self))
                read += 1
            } catch {
                refused += 1
            }
        }
        try Self.report("events", read, refused)
    }

    @Test func listings() async throws {
        var (read, refused) = (0, 0)
        var mutator = Mutator(seed: Self.seed &+ 1, corpus: Self.listings)
        let answer = LockedValue(HTTPResponse(status: 200))
        let store = testStore(ScriptedAnswer(answer))
        for _ in 0..<Self.inputs {
            let response = HTTPResponse(status: mutator.status(), body: mutator.next())
            answer.withLock { $0 = response }
            do {
                let page = try await store.list(bucket: "b", prefix: "", after: nil)
                #expect(response.isSuccess && page.entries.allSatisfy { $0.bytes >= Int.min })
                read += 1
            } catch {
                refused += 1
            }
        }
        try Self.report("listings", read, refused)
    }

    @Test func bulkAnswers() async throws {
        var (read, refused) = (0, 0)
        var mutator = Mutator(seed: Self.seed &+ 2, corpus: Self.bulks)
        let answer = LockedValue(HTTPResponse(status: 200))
        let retrying = Retrying(policy: RetryPolicy(maximumAttempts: 1))
        let client = OpenSearchClient(
            endpoint: Endpoint(isSecure: false, host: "h"),
            http: ScriptedAnswer(answer),
            retrying: retrying
        )
        let operations = [
            BulkOperation(.create(source: { [] }, bytes: 0), index: "i", id: "1"),
            BulkOperation(.replace(source: [], sequence: 1, term: 1), index: "i", id: "2"),
            BulkOperation(.delete, index: "i", id: "3"),
        ]
        for _ in 0..<Self.inputs {
            let response = HTTPResponse(status: mutator.status(), body: mutator.next())
            answer.withLock { $0 = response }
            let results = await client.bulk(operations, of: .index)
            #expect(results.count == 3)
            for result in results {
                switch result {
                case .success: read += 1
                case .failure(let error):
                    _ = Failure(error)
                    refused += 1
                }
            }
        }
        try Self.report("bulk answers", read, refused)
    }

    /// Hardly anything read, or everything, would mean that the mutations miss the parser.
    private static func report(_ name: String, _ read: Int, _ refused: Int) throws {
        #expect(read > refused / 1000 && refused > read / 1000)
        guard let path = ProcessInfo.processInfo.environment["FUZZ_REPORT"] else { return }
        let line = "{\"parser\":\"\(name)\",\"read\":\(read),\"refused\":\(refused)}\n"
        let file = fopen(path, "a")
        fputs(line, file)
        fclose(file)
    }
    /// The same answer to everything; remembers nothing.
    private struct ScriptedAnswer: HTTPClient {
        let answer: LockedValue<HTTPResponse>

        init(_ answer: LockedValue<HTTPResponse>) { self.answer = answer }

        func execute(_ request: HTTPRequest) async throws -> HTTPResponse { answer.withLock { $0 } }
    }

    /// Flips, cuts, doubles and crosses what parsers know, and throws in what they stumble over.
    private struct Mutator {
        private var state: UInt64
        private let corpus: [[UInt8]]
        private static let traps = [
            "\0", "\u{FFFE}", "{", "}", "[", "]", "\"", "\\u0000", "\\ud800", "null", "-0", "1e999",
            "99999999999999999999", "-9223372036854775808", "&#0;",
            "&lt;", "<![CDATA[", "]]>", "<!--", "<a>", "</", "%", "%ZZ", "%FF", "+", "\u{202E}", "💥",
            String(repeating: "[", count: 600),
            String(repeating: "<a>", count: 600), String(repeating: "{\"Records\":", count: 600),
            String(repeating: "A", count: 5000),
        ].map { Array($0.utf8) }

        init(seed: UInt64, corpus: [[UInt8]]) {
            state = seed
            self.corpus = corpus
        }

        private mutating func draw(_ count: Int) -> Int {
            state &+= 0x9e37_79b9_7f4a_7c15
            var z = state
            z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
            z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
            return Int((z ^ (z >> 31)) % UInt64(max(count, 1)))
        }

        mutating func status() -> Int { [200, 200, 200, 200, 200, 400, 403, 404, 413, 429, 503][draw(11)] }

        mutating func next() -> [UInt8] {
            var bytes = corpus[draw(corpus.count)]
            for _ in 0...draw(4) {
                let place = draw(bytes.count)
                switch draw(7) {
                case 0 where !bytes.isEmpty: bytes[place] ^= UInt8(1 << draw(8))
                case 1 where !bytes.isEmpty: bytes[place] = UInt8(draw(256))
                case 2: bytes.removeSubrange(place..<min(bytes.count, place + draw(40)))
                case 3: bytes.insert(contentsOf: Self.traps[draw(Self.traps.count)], at: place)
                case 4:
                    bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + draw(200))], at: draw(bytes.count))
                case 5: bytes.removeLast(draw(bytes.count))
                default:
                    let other = corpus[draw(corpus.count)]
                    let from = draw(other.count)
                    bytes.replaceSubrange(place..., with: other[from...])
                }
            }
            return bytes
        }
    }
}

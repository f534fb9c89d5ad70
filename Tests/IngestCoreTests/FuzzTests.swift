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
        var mutator = Mutator(seed: Fuzzing.seed, corpus: Self.events)
        for _ in 0..<Fuzzing.inputs {
            do throws(EventParser.Unreadable) {
                _ = try EventParser.parse(String(decoding: mutator.next(), as: UTF8.self))
                read += 1
            } catch {
                refused += 1
            }
        }
        try Fuzzing.report("events", read, refused)
    }

    @Test func listings() async throws {
        var (read, refused) = (0, 0)
        var mutator = Mutator(seed: Fuzzing.seed &+ 1, corpus: Self.listings)
        let answer = LockedValue(HTTPResponse(status: 200))
        let store = testStore(ScriptedAnswer(answer))
        for _ in 0..<Fuzzing.inputs {
            let response = HTTPResponse(status: mutator.status(), body: mutator.next())
            answer.withLock { $0 = response }
            do {
                let page = try await store.page(bucket: "b", prefix: "", after: nil, limit: 1000)
                #expect(response.isSuccess && page.entries.allSatisfy { $0.bytes >= Int.min })
                read += 1
            } catch {
                refused += 1
            }
        }
        try Fuzzing.report("listings", read, refused)
    }

    @Test func bulkAnswers() async throws {
        var (read, refused) = (0, 0)
        var mutator = Mutator(seed: Fuzzing.seed &+ 2, corpus: Self.bulks)
        let answer = LockedValue(HTTPResponse(status: 200))
        let retrying = Retrying(policy: RetryPolicy(maximumAttempts: 1))
        let client = OpenSearchClient(
            endpoint: Endpoint(isSecure: false, host: "h"),
            http: ScriptedAnswer(answer),
            retrying: retrying
        )
        let operations = [
            BulkOperation(.create(source: []), index: "i", id: "1"),
            BulkOperation(.replace(source: [], sequence: 1, term: 1), index: "i", id: "2"),
            BulkOperation(.delete, index: "i", id: "3"),
        ]
        for _ in 0..<Fuzzing.inputs {
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
        try Fuzzing.report("bulk answers", read, refused)
    }
}

import AsyncPrimitives
import HTTPTransport
import IngestCore
import IngestTestKit
import OpenSearch
import Resilience
import Testing

/// Damaged records of the ledger.
@Suite struct DamagedRecordTests {
    private static let names = IndexNames(
        alias: "docs",
        fingerprint: PipelineFingerprint(registered: "0123456789ab", settings: [:])
    )

    private static let whole = record(
        #""newest":3,"live":{"generation":3,"content":{"etag":"e"},"chunkCount":2,"committed":1700000000000}"#
    )

    private static func record(_ fields: String) -> String {
        #"{"tenant":"t","bucket":"b","key":"k","index":"i",\#(fields),"retired":[],"rejected":[],"touches":0,"created":1700000000000}"#
    }

    private func client(_ answer: @escaping @Sendable (HTTPRequest) -> String) -> OpenSearchClient {
        OpenSearchClient(
            endpoint: Endpoint(isSecure: false, host: "h"),
            http: ScriptedHTTPClient { request, _ in HTTPResponse(status: 200, body: Array(answer(request).utf8)) },
            retrying: Retrying(policy: RetryPolicy(maximumAttempts: 1))
        )
    }

    /// Reads go together: the other documents of the request are read all the same.
    @Test(arguments: [
        #"{"newest":"three"}"#, "[]", record(#""newest":9223372036854775807"#), record(#""newest":-1"#),
        record(#""newest":1,"pending":{"generation":1,"content":{"etag":"e"},"chunkCount":-1,"handedOver":true}"#),
        whole.replacing("1700000000000", with: "9223372036854775807"),
    ])
    func costsItsOwnDocument(_ damaged: String) async throws {
        let client = client { request in
            // The two reads are one request or two.
            let records = ["0": damaged, "1": Self.whole]
            let docs = String(decoding: request.body, as: UTF8.self).split(separator: "\"").compactMap { id in
                records[String(id)].map {
                    #"{"_id":"\#(id)","found":true,"_seq_no":1,"_primary_term":1,"_source":\#($0)}"#
                }
            }
            return #"{"docs":[\#(docs.joined(separator: ","))]}"#
        }
        let ledger = OpenSearchLedger(index: "ledger", client: client, time: SystemTime())
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await ledger.run() }
            async let first = ledger.read("0")
            async let second = ledger.read("1")
            #expect(try await second.record?.newest == 3)
            do {
                _ = try await first
                Issue.record("a damaged record was read")
            } catch {
                guard case .transient(let text, nil) = Failure(error) else { throw error }
                #expect(text.contains("the record 0 of the ledger ledger cannot be read"))
            }
            group.cancelAll()
        }
    }

    @Test func areCountedAndListed() async throws {
        let client = client { request in
            if request.path.hasSuffix("/_count") { return #"{"count":2}"# }
            if request.path == "/_search/scroll" { return #"{"hits":{"hits":[]}}"# }
            let hits = #"{"_id":"0","_source":{"newest":1}},{"_id":"1","_source":\#(Self.whole)}"#
            return #"{"_scroll_id":"s","hits":{"hits":[\#(hits)]}}"#
        }
        let walk = LedgerWalk(client: client, names: Self.names)
        let status = try await walk.status()
        #expect(status.unreadableRecords == 1 && status.live == 1 && status.chunks == 2)
        #expect(try await walk.forEach { _ in } == ["0"])
        let ledger = OpenSearchLedger(index: "ledger", client: client, time: SystemTime())
        let pruning = TombstonePruning(client: client, ledger: ledger, names: Self.names, time: SystemTime(), days: 30)
        #expect(try await pruning.run() == (removed: 0, unreadable: ["0"]))
    }
}

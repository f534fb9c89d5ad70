import AsyncPrimitives
import FoundationEssentials
import HTTPTransport
import OpenSearch
import Resilience
import TextCoding

/// Something that one operator does at a time: a record of the workers' index that expires by itself.
package struct RegistryLease: Sendable {
    private let client: OpenSearchClient
    private let id: String
    private let time: any TimeSource
    private let length: Duration
    private static let longestWait = Duration.seconds(120)

    /// - Parameters:
    ///   - name: what is leased; any text.
    ///   - length: after which it is free, whatever became of its holder.
    package init(_ name: String, client: OpenSearchClient, time: any TimeSource, length: Duration = .seconds(900)) {
        self.length = length
        self.client = client
        self.time = time
        id = "lease-" + Hex.string(Digest.sha256(name).prefix(10))
    }

    private struct Stored: Decodable {
        struct Source: Decodable {
            var until: Int64?
            var host: String?
        }
        var _source: Source?
        var _seq_no: Int?
        var _primary_term: Int?
    }

    /// Runs `body` alone. Waits while another holds the lease.
    package func run<Value>(waiting: (String) -> Void, _ body: () async throws -> Value) async throws -> Value {
        let end = time.uptime + Self.longestWait
        while let holder = try await take() {
            guard time.uptime < end else {
                throw Failure.fleet("another reader (\(holder)) still looks at the same queue: try again later")
            }
            waiting(holder)
            try await time.sleep(for: .seconds(1))
        }
        do {
            let value = try await body()
            await release()
            return value
        } catch {
            await release()
            throw error
        }
    }

    /// Runs `body` alone, or not at all where another holds the lease. Extends the lease meanwhile; `body` is cancelled where that fails.
    package func runIfFree(_ body: @escaping @Sendable () async throws -> Void) async throws {
        guard try await take() == nil else { return }
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await body() }
                group.addTask {
                    while true {
                        try await time.sleep(for: length / 3)
                        let path = "/\(WorkerReports.index)/_doc/\(id)"
                        _ = try await client.send("PUT", path, body: record, timeout: length / 3)
                    }
                }
                defer { group.cancelAll() }
                try await group.next()
            }
            await release()
        } catch {
            await release()
            throw error
        }
    }

    private var record: [UInt8] {
        JSONWriter.object {
            $0.field("until", Int(time.now.advanced(by: length).milliseconds))
            $0.field("host", HostName.current)
        }
    }

    /// Nil when it is ours; else who has it.
    private func take() async throws -> String? {
        let body = record
        let path = "/\(WorkerReports.index)"
        let created = try await client.send("PUT", "\(path)/_create/\(id)", body: body, accepting: [409])
        if created.isSuccess { return nil }
        let response = try await client.send("GET", "\(path)/_doc/\(id)", accepting: [404])
        guard response.isSuccess else { return "" }
        let stored = try client.decode(Stored.self, response)
        let until = Timestamp(checkedMilliseconds: stored._source?.until ?? 0)
        guard let until, until < time.now else { return stored._source?.host ?? "" }
        // It was left by one that ended.
        let query = [("if_seq_no", "\(stored._seq_no ?? 0)"), ("if_primary_term", "\(stored._primary_term ?? 0)")]
        let taken = try await client.send("PUT", "\(path)/_doc/\(id)", query: query, body: body, accepting: [409])
        return taken.isSuccess ? nil : ""
    }

    private func release() async {
        _ = try? await client.send("DELETE", "/\(WorkerReports.index)/_doc/\(id)", accepting: [404])
    }
}

import FoundationEssentials
import HTTPTransport
import OpenSearch
import Resilience
import TextCoding

/// Allowances in the cluster: a record for each account in `ingest-fleet-workers`, written where no other worker wrote since it was read.
package struct OpenSearchAllowances: AllowanceStore {
    private let client: OpenSearchClient
    private let path: String
    private let id: String

    /// - Parameter account: what shares the limits; any text.
    package init(account: String, client: OpenSearchClient) {
        self.client = client
        path = "/\(WorkerReports.index)"
        id = "allowance-" + Hex.string(Digest.sha256(account).prefix(10))
    }

    private struct Found: Decodable {
        var _source: Readable<Allowance>?
        var _seq_no: Int?
        var _primary_term: Int?
    }

    package func read() async throws -> StoredAllowance? {
        let response = try await client.send("GET", "\(path)/_doc/\(id)", accepting: [404], timeout: Self.timeout)
        guard response.isSuccess else { return nil }
        let found = try client.decode(Found.self, response)
        guard let number = found._seq_no, let term = found._primary_term else { return nil }
        return StoredAllowance(found._source?.value ?? Allowance(), sequenceNumber: number, primaryTerm: term)
    }

    private struct Written: Decodable {
        var _seq_no: Int
        var _primary_term: Int
    }

    package func write(_ allowance: Allowance, replacing stored: StoredAllowance?) async throws -> StoredAllowance? {
        let body = Array(try JSONEncoder().encode(allowance))
        let response =
            if let stored {
                try await client.send(
                    "PUT",
                    "\(path)/_doc/\(id)",
                    query: [("if_seq_no", "\(stored.sequenceNumber)"), ("if_primary_term", "\(stored.primaryTerm)")],
                    body: body,
                    accepting: [409],
                    timeout: Self.timeout
                )
            } else {
                try await client.send(
                    "PUT",
                    "\(path)/_create/\(id)",
                    body: body,
                    accepting: [409],
                    timeout: Self.timeout
                )
            }
        guard response.isSuccess else { return nil }
        let written = try client.decode(Written.self, response)
        return StoredAllowance(
            allowance,
            sequenceNumber: written._seq_no,
            primaryTerm: written._primary_term
        )
    }

    private static let timeout = Duration.seconds(10)
}

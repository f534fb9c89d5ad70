import FoundationEssentials

/// One operation of a `_bulk` request and what became of it.
package struct BulkOperation: Sendable {
    package enum Action: Sendable {
        case create(source: [UInt8])
        /// Replaces a document that still has this version.
        case replace(source: [UInt8], sequence: Int, term: Int)
        case delete
        /// Deletes a document that still has this version.
        case remove(sequence: Int, term: Int)

        var expected: (sequence: Int, term: Int)? {
            switch self {
            case .replace(_, let sequence, let term), .remove(let sequence, let term): (sequence, term)
            case .create, .delete: nil
            }
        }

        var isDelete: Bool {
            switch self {
            case .delete, .remove: true
            case .create, .replace: false
            }
        }
    }

    package var action: Action
    package var index: String
    package var id: String
    package var routing: String?
    /// The name must be an alias: a missing index is an error then, and not made up with a guessed mapping.
    package var requiresAlias: Bool

    package init(_ action: Action, index: String, id: String, routing: String? = nil, requiresAlias: Bool = false) {
        self.action = action
        self.index = index
        self.id = id
        self.routing = routing
        self.requiresAlias = requiresAlias
    }

    /// Bytes on the wire, about.
    package var weight: Int {
        switch action {
        case .create(let source), .replace(let source, _, _): source.count + 200
        case .delete, .remove: 200
        }
    }

    func write(into body: inout JSONWriter) {
        body.object { line in
            let name =
                switch action {
                case .create: "create"
                case .replace: "index"
                case .delete, .remove: "delete"
                }
            line.object(name) { target in
                target.field("_index", index)
                target.field("_id", id)
                if let routing { target.field("routing", routing) }
                if requiresAlias { target.field("require_alias", true) }
                if let (sequence, term) = action.expected {
                    target.field("if_seq_no", sequence)
                    target.field("if_primary_term", term)
                }
            }
        }
        body.newline()
        switch action {
        case .create(let source), .replace(let source, _, _):
            body.raw(source)
            body.newline()
        case .delete, .remove: break
        }
    }
}

package enum BulkResult: Sendable {
    case done(sequence: Int, term: Int)
    /// 409: a create found the id taken, or a replace another version.
    case conflict
    /// 404 of a delete.
    case missing
}

extension OpenSearchClient {
    /// Sends operations and reads every item's outcome. A request that is too large (413) is halved.
    package func bulk(_ operations: [BulkOperation]) async -> [Result<BulkResult, any Error>] {
        var body = JSONWriter(capacity: operations.reduce(0) { $0 + $1.weight })
        for operation in operations { operation.write(into: &body) }
        do {
            let response = try await send(
                "POST",
                "/_bulk",
                query: [
                    (
                        "filter_path",
                        "items.*.status,items.*._seq_no,items.*._primary_term,items.*.error.type,items.*.error.reason,items.*.error.caused_by.reason"
                    )
                ],
                body: body.bytes,
                contentType: "application/x-ndjson",
                accepting: operations.count > 1 ? [413] : []
            )
            if response.status == 413 {
                let half = operations.count / 2
                return await bulk(Array(operations[..<half])) + bulk(Array(operations[half...]))
            }
            return try results(response, operations)
        } catch {
            return operations.map { _ in .failure(error) }
        }
    }

    private struct Answer: Decodable {
        struct Item: Decodable {
            struct Reason: Decodable { var reason: String? }
            struct Cause: Decodable {
                var type: String?
                var reason: String?
                var caused_by: Reason?
            }
            var status: Int
            var _seq_no: Int?
            var _primary_term: Int?
            var error: Cause?
        }
        /// Absent when the node answered for the request as a whole.
        var items: [[String: Item]]?
    }

    private func results(_ response: HTTPResponse, _ operations: [BulkOperation]) throws -> [Result<
        BulkResult, any Error
    >] {
        guard let items = try decode(Answer.self, response).items, items.count == operations.count else {
            throw Failure.transient(
                "OpenSearch at \(endpoint): a bulk of \(operations.count) operations was not answered item by item"
            )
        }
        return zip(items, operations).map { item, operation in
            guard let outcome = item.values.first else {
                return .failure(Failure.transient("OpenSearch: a bulk item without outcome"))
            }
            if (200..<300).contains(outcome.status) {
                return .success(.done(sequence: outcome._seq_no ?? 0, term: outcome._primary_term ?? 0))
            }
            if outcome.status == 409 { return .success(.conflict) }
            if outcome.status == 404, operation.action.isDelete, outcome.error == nil {
                return .success(.missing)
            }
            let type = outcome.error?.type ?? ""
            // Reasons quote the document's values: only what names the fault is kept.
            let reasons = [outcome.error?.reason, outcome.error?.caused_by?.reason].compactMap(\.self)
            let reason = reasons.map { $0.prefix { $0 != "'" && $0 != "[" }.prefix(200) }.joined(separator: "; ")
            let text = "OpenSearch \(operation.index): item status \(outcome.status), \(type): \(reason)"
            return .failure(ItemFailure.classify(status: outcome.status, type: type, text))
        }
    }
}

import ExtractionWire
import FoundationEssentials
import HTTPTransport
import Resilience
import TextCoding

/// One operation of a `_bulk` request and what became of it.
package struct BulkOperation: Sendable {
    package enum Action: Sendable {
        /// The source is written into the request itself: a document's vectors are not in memory as JSON as well. `bytes` is its size, about.
        case create(write: @Sendable (inout JSONWriter) -> Void, bytes: Int)
        /// Replaces a document that still has this version.
        case replace(source: [UInt8], sequence: Int, term: Int)
        case delete
        /// Deletes a document that still has this version.
        case remove(sequence: Int, term: Int)

        package static func create(source: [UInt8]) -> Action {
            .create(write: { $0.raw(source) }, bytes: source.count)
        }

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
        case .create(_, let bytes): bytes + 200
        case .replace(let source, _, _): source.count + 200
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
        case .create(let write, _):
            write(&body)
            body.newline()
        case .replace(let source, _, _):
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
    package func bulk(_ operations: [BulkOperation], of dependency: Dependency) async -> [Result<
        BulkResult, any Error
    >] {
        guard !operations.isEmpty else { return [] }
        var body = JSONWriter(capacity: operations.reduce(0) { $0 + $1.weight })
        for operation in operations { operation.write(into: &body) }
        do {
            let response = try await send(
                "POST",
                "/_bulk",
                of: dependency,
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
            if response.status == 413 { return await halves(operations, dependency) }
            return try results(response, operations, dependency)
        } catch let error as OpenSearchError where error.status == 413 {
            let text = "one chunk is larger than a request may be: \(error.description)"
            return [.failure(Failure.document(Rejection(.indexRefused, text)))]
        } catch {
            return operations.map { _ in .failure(error) }
        }
    }

    private func halves(_ operations: [BulkOperation], _ dependency: Dependency) async -> [Result<
        BulkResult, any Error
    >] {
        let half = operations.count / 2
        return await bulk(Array(operations[..<half]), of: dependency)
            + bulk(Array(operations[half...]), of: dependency)
    }

    private func results(_ response: HTTPResponse, _ operations: [BulkOperation], _ dependency: Dependency) throws
        -> [Result<BulkResult, any Error>]
    {
        // A node that fails the request as a whole names no items.
        guard let items = BulkItem.items(of: response.body), items.count == operations.count else {
            throw unexpected(response, of: dependency)
        }
        return zip(items, operations).map { item, operation in
            guard let item else { return .failure(unexpected(response, of: dependency)) }
            if (200..<300).contains(item.status) {
                return .success(.done(sequence: item.sequence, term: item.term))
            }
            if item.status == 409 { return .success(.conflict) }
            if item.status == 404, operation.action.isDelete, !item.hasError { return .success(.missing) }
            // Reasons quote the document's values: only what names the fault is kept.
            let reason = item.reasons.map { Self.withoutValues($0).prefix(200) }.joined(separator: "; ")
            let text = "OpenSearch \(operation.index): item status \(item.status), \(item.type): \(reason)"
            return .failure(ItemFailure.classify(status: item.status, type: item.type, text, of: dependency))
        }
    }

    /// The reason up to the first quoted value; `field [name]` stays, as it names the fault.
    private static func withoutValues(_ reason: String) -> Substring {
        var rest = reason[...]
        var end = rest.startIndex
        while let mark = rest.firstIndex(where: { $0 == "'" || $0 == "[" }) {
            guard reason[mark] == "[",
                reason[..<mark].hasSuffix("field ") || reason[..<mark].hasSuffix("field=")
                    || reason[..<mark].hasSuffix("alias "), let close = reason[mark...].firstIndex(of: "]")
            else { return reason[..<mark] }
            end = reason.index(after: close)
            rest = reason[end...]
        }
        return reason[...]
    }
}

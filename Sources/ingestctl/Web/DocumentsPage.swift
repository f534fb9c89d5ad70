import AsyncPrimitives
import IngestCore
import TextCoding

/// Documents by state, with filters, a page at a time.
struct DocumentsPage: Sendable {
    private let pages: WebPages

    init(_ pages: WebPages) { self.pages = pages }

    func content(_ request: WebRequest) async throws -> HTML {
        let state = LedgerListing.State(rawValue: request["state"]) ?? .all
        var filter = LedgerListing.Filter(state: state)
        (filter.prefix, filter.tenant, filter.reason) = (request["prefix"], request["tenant"], request["reason"])
        let listing = LedgerListing(client: pages.context.services.openSearch, names: pages.pipeline.names)
        let after = request["after"].isEmpty ? nil : [request["in"], request["after"], request["of"]]
        let found = try await listing.page(filter, after: after)
        let options = LedgerListing.State.allCases.map { each -> HTML in
            let selected: HTML = each == state ? " selected" : ""
            return "<option\(selected)>\(each.rawValue)</option>"
        }
        let form: HTML = """
            <h1>Documents</h1><form action="/documents" method="get">
            <div><label for="state">State</label><select id="state" name="state">\(options)</select></div>
            <div class="wide"><label for="prefix">Key begins with</label><input id="prefix" name="prefix" value="\(filter.prefix)"></div>
            <div><label for="tenant">Tenant</label><input id="tenant" name="tenant" value="\(filter.tenant)"></div>
            <div><label for="reason">Reason</label><input id="reason" name="reason" value="\(filter.reason)"></div>
            <button type="submit">Filter</button></form>
            """
        guard !found.records.isEmpty else { return form + "<p role=\"status\">No document is in this state.</p>" }
        let rows = found.records.map(row)
        let table: HTML = """
            <p role="status">\(found.total) documents</p><div class="scroll" tabindex="0" role="region" aria-label="Table of documents"><table><thead><tr><th scope="col">Object</th><th scope="col">Tenant</th><th scope="col">State</th>
            <th scope="col" class="number">Chunks</th><th scope="col">Since</th></tr></thead><tbody>\(rows)</tbody></table></div>
            """
        guard let last = found.last else { return form + table }
        let next = WebRequest.address(
            "/documents",
            [
                ("state", state.rawValue), ("prefix", filter.prefix), ("tenant", filter.tenant),
                ("reason", filter.reason), ("in", last[0]), ("after", last[1]), ("of", last[2]),
            ]
        )
        return form + table + "<p><a href=\"\(next)\">Next page</a></p>"
    }

    private func row(_ record: DocumentRecord) -> HTML {
        let (state, since) = Self.state(record)
        let chunks = record.live?.chunkCount ?? 0
        return """
            <tr><td><a href="\(WebPages.link(record.object))"><bdi>\(record.object.description)</bdi></a></td><td><bdi>\(record.tenant)</bdi></td>
            <td>\(state)</td><td class="number">\(chunks)</td><td>\(since)</td></tr>
            """
    }

    private static func state(_ record: DocumentRecord) -> (String, String) {
        switch record.status {
        case .pending(let since): ("on its way", since?.iso8601 ?? "")
        case .rejected(let reason, let at): ("rejected: \(reason)", at?.iso8601 ?? "")
        case .new(let since): ("new", since.iso8601)
        case .deleted(let since): ("deleted", since.iso8601)
        case .live(let since): ("live", since.iso8601)
        }
    }
}

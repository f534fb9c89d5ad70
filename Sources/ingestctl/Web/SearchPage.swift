import IngestCore
import OpenSearch
import TextCoding

/// The search box, and hits with their page and the words of the question marked.
struct SearchPage: Sendable {
    private let pages: WebPages
    private static let limit = 10
    private static let longestQuestion = 2000

    init(_ pages: WebPages) { self.pages = pages }

    func content(_ request: WebRequest) async throws -> HTML {
        let question = String(request["q"].prefix(Self.longestQuestion))
        let mode = ChunkSearch.Mode(rawValue: request["mode"]) ?? .hybrid
        let options = ChunkSearch.Mode.allCases.map { each -> HTML in
            let selected: HTML = each == mode ? " selected" : ""
            return "<option\(selected)>\(each.rawValue)</option>"
        }
        let form: HTML = """
            <h1>Search</h1><form action="/" method="get" role="search">
            <div class="wide"><label for="q">Question</label><input id="q" name="q" value="\(question)" autocomplete="off"></div>
            <div><label for="mode">Compare</label><select id="mode" name="mode">\(options)</select></div>
            <button type="submit">Search</button></form>
            """
        guard !question.trimmed.isEmpty else { return form }
        let hits = try await hits(question, mode)
        if hits.isEmpty { return form + "<p role=\"status\">Nothing was found.</p>" }
        return form
            + "<p role=\"status\">\(hits.count) hits</p><ol class=\"hits\">\(hits.map { item($0, question) })</ol>"
    }

    private func hits(_ question: String, _ mode: ChunkSearch.Mode) async throws -> [SearchHit] {
        let (services, names) = (pages.context.services, pages.pipeline.names)
        let cluster = try await services.openSearch.cluster(searching: names.pattern)
        let vector = mode == .text ? [] : try await SearchCommand.vector(question, pages.embedder)
        return try await pages.context.withLedger(names) { ledger in
            let search = ChunkSearch(client: services.openSearch, names: names, ledger: ledger, cluster: cluster)
            return try await search.hits(.init(text: question, vector: vector, limit: Self.limit), mode: mode)
        }
    }

    private func item(_ hit: SearchHit, _ question: String) -> HTML {
        let passage = hit.passage(for: question, length: 400)
        let title = hit.title.isEmpty ? hit.object.name : hit.title
        let page: HTML = passage.page.map { ", page \($0)" } ?? ""
        let headings: HTML =
            hit.headings.isEmpty ? "" : "<p class=\"place\">\(hit.headings.joined(separator: " › "))</p>"
        let thousandths = Int((min(hit.score, 1e9) * 1000).rounded())
        let score = "\(thousandths / 1000).\(String(thousandths % 1000 + 1000).dropFirst())"
        return """
            <li><h2><a href="\(WebPages.link(hit.object))"><bdi>\(title.isEmpty ? hit.object.key : title)</bdi></a></h2>
            <p class="place"><bdi>\(hit.object.description)</bdi>\(page), score \(score)</p>\(headings)
            <p dir="auto">\(Highlight.marked(passage.text, question))</p></li>
            """
    }
}

/// The words of a question in a text.
enum Highlight {
    static func marked(_ text: String, _ question: String) -> HTML {
        let terms = Set(
            question.lowercased().split { !$0.isLetter && !$0.isNumber }.filter { $0.count > 2 }.map(String.init)
        )
        var result: HTML = ""
        var rest = text[...]
        while let start = rest.firstIndex(where: { $0.isLetter || $0.isNumber }) {
            let end = rest[start...].firstIndex { !$0.isLetter && !$0.isNumber } ?? rest.endIndex
            let word = String(rest[start..<end])
            result = result + HTML(text: String(rest[..<start]))
            result = result + (terms.contains(word.lowercased()) ? "<mark>\(word)</mark>" : "\(word)")
            rest = rest[end...]
        }
        return result + HTML(text: String(rest))
    }
}

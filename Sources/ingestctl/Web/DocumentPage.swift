import IngestCore
import Resilience
import TextCoding

/// One document: what is known of it, its text, and its chunks beside the text.
struct DocumentPage: Sendable {
    private let pages: WebPages
    /// A document of more chunks is shown by its first ones.
    private static let longestList = 500

    init(_ pages: WebPages) { self.pages = pages }

    func content(_ request: WebRequest) async throws -> (title: String, body: HTML) {
        let object = ObjectReference(bucket: request["bucket"], key: request["key"])
        guard !object.key.isEmpty, let address = ObjectAddress("s3://\(object.bucket)/"), !address.bucket.isEmpty else {
            return ("No document", "<h1>No document</h1><p>The address names no object.</p>")
        }
        let view = try await DocumentView.read(object, pages.pipeline, pages.context)
        let chunks = Array(try await view.chunks(pages.context, pages.pipeline).prefix(Self.longestList))
        let report = DocumentReport(view, pages.pipeline, pages.price)
        let rows = report.rows.map { name, value -> HTML in "<dt>\(name)</dt><dd><bdi>\(value)</bdi></dd>" }
        let title = chunks.first?.chunk.title ?? ""
        let heading = title.isEmpty ? object.name : title
        let body: HTML = """
            <h1><bdi>\(heading.isEmpty ? object.key : heading)</bdi></h1><dl>\(rows)</dl>
            """
        guard !chunks.isEmpty else { return (heading, body + "<p>No chunk of it is in the index.</p>") }
        let columns: HTML = """
            <div class="columns"><section aria-labelledby="text"><h2 id="text">Text</h2>
            <div class="text" tabindex="0" role="region" aria-label="Text of the document" dir="auto">\(text(chunks))</div></section>
            <section aria-labelledby="chunks"><h2 id="chunks">\(chunks.count) chunks</h2>\(chunks.map(article))</section></div>
            """
        return (heading, body + columns)
    }

    /// The document's text as its chunks have it, what they share once. Each chunk's own part can be jumped to.
    private func text(_ chunks: [ChunkLine]) -> [HTML] {
        var end = 0
        return chunks.map { line in
            let chunk = line.chunk
            let start = chunk.char_start ?? end
            let shared = max(0, end - start)
            let own = String(String.UnicodeScalarView(chunk.text.unicodeScalars.dropFirst(shared)))
            let gap = start > end && end > 0 ? "\n" : ""
            end = max(end, chunk.char_end ?? end)
            return "\(gap)<span id=\"part-\(chunk.chunk_index)\">\(own)</span>"
        }
    }

    private func article(_ line: ChunkLine) -> HTML {
        let chunk = line.chunk
        let headings: HTML = line.headings.isEmpty ? "" : "<p class=\"place\"><bdi>\(line.headings)</bdi></p>"
        let facts = [line.pages, "\(chunk.tokens ?? 0) tokens"].filter { !$0.isEmpty }.joined(separator: ", ")
        return """
            <article id="chunk-\(chunk.chunk_index)" aria-labelledby="head-\(chunk.chunk_index)">
            <h3 id="head-\(chunk.chunk_index)"><a href="#part-\(chunk.chunk_index)">Chunk \(chunk.chunk_index)</a></h3>
            <p class="place">\(facts)</p>\(headings)<pre dir="auto">\(chunk.text)</pre></article>
            """
    }
}

import AsyncPrimitives
import TextCoding

/// A chunk as it is in the index: its place, its text, its vector and where it came from.
package struct IndexedChunk: Sendable {
    package var documentID: DocumentID
    package var generation: Int
    package var chunk: ChunkPayload
    package var vector: [Float]

    package init(documentID: DocumentID, generation: Int, chunk: ChunkPayload, vector: [Float]) {
        self.documentID = documentID
        self.generation = generation
        self.chunk = chunk
        self.vector = vector
    }

    /// `<document id>:<generation>:<chunk index>`: a generation never overwrites another's chunks.
    package static func id(_ document: DocumentID, _ generation: Int, _ index: Int) -> String {
        "\(document):\(generation):\(index)"
    }

    /// The size of its source, about: a float takes some 13 characters.
    package var estimatedBytes: Int {
        vector.count * 13 + 2 * (chunk.text.utf8.count + chunk.context.utf8.count) + 1024
    }

    package var id: String { Self.id(documentID, generation, chunk.index) }

    /// The document's source for one index operation, and the one place that names the fields (see `IndexMapping`).
    package func source(_ header: ChunkMessage.Header, at time: Timestamp) -> [UInt8] {
        var writer = JSONWriter(capacity: estimatedBytes)
        write(into: &writer, header, at: time)
        return writer.bytes
    }

    /// The same into a request that is being written.
    package func write(into writer: inout JSONWriter, _ header: ChunkMessage.Header, at time: Timestamp) {
        writer.object { json in
            json.field("document_id", documentID.description)
            json.field("generation", generation)
            json.field("chunk_index", chunk.index)
            json.field("chunk_count", header.chunkCount)
            json.field("tenant", header.tenant)
            json.field("bucket", header.object.bucket)
            json.field("key", header.object.key)
            json.field("source", header.object.description)
            if let url = header.url { json.field("url", url) }
            if let access = header.access { json.field("access", access) }
            json.object("metadata") { metadata in
                metadata.field("source", header.object.description)
                if let page = chunk.pages.first { metadata.field("page", page.number) }
                // Without the braces.
                let attributes = (header.metadata ?? "{}").utf8.dropFirst().dropLast()
                if !attributes.isEmpty { metadata.raw(attributes) }
            }
            json.field("etag", header.etag)
            json.field("format", header.format)
            json.field("title", header.title)
            json.field("language", header.language)
            if !header.lastModified.isEmpty { json.field("last_modified", header.lastModified) }
            if let author = header.author { json.field("author", author) }
            if let quality = header.quality { json.field("quality", quality) }
            if let leftOut = header.leftOut { json.field("left_out", leftOut) }
            for (name, values) in [
                ("flags", header.flags), ("links", header.links), ("attachments", header.attachments),
                ("outline", header.outline),
            ] {
                if let values, !values.isEmpty { json.field(name, values) }
            }
            if let created = header.created { json.field("created", created) }
            if let modified = header.modified { json.field("modified", modified) }
            json.field("indexed_at", time.iso8601)
            json.field("content_hash", chunk.contentHash)
            json.field("text", chunk.text)
            if !chunk.context.isEmpty { json.field("context", chunk.context) }
            if let analyzer = header.analyzer.flatMap(WordAnalyzer.init(rawValue:)) {
                json.field(analyzer.field, chunk.matched(withContext: header.context?.isMatched ?? false))
            }
            json.field("tokens", chunk.tokens)
            json.field("char_start", chunk.characterStart)
            json.field("char_end", chunk.characterEnd)
            if let first = chunk.pages.first, let last = chunk.pages.last {
                json.field("page_start", first.number)
                json.field("page_end", last.number)
                json.field("page_numbers", chunk.pages.map(\.number))
                json.field("page_offsets", chunk.pages.map(\.offset))
            }
            json.field("headings", chunk.headings)
            if let parent = chunk.parent {
                json.field("parent_index", parent.index)
                json.field("parent_start", parent.characters.lowerBound)
                json.field("parent_end", parent.characters.upperBound)
            }
            json.field("fingerprint", header.fingerprint)
            json.key("vector")
            json.floats(vector)
        }
    }
}

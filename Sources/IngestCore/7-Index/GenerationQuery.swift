import TextCoding

extension JSONWriter {
    /// `sort` and `query` of a search for a generation's chunks in their order: those whose `field` is in `range`, or all.
    mutating func generation(
        _ generation: Int,
        of document: DocumentID,
        field name: String = "chunk_index",
        in range: ClosedRange<Int>? = nil
    ) {
        key("sort")
        array { $0.object { $0.object("chunk_index") { $0.field("order", "asc") } } }
        object("query") { query in
            query.object("bool") { bool in
                bool.key("filter")
                bool.array { filters in
                    filters.object { $0.object("term") { $0.field("document_id", document.description) } }
                    filters.object { $0.object("term") { $0.field("generation", generation) } }
                    guard let range else { return }
                    filters.object {
                        $0.object("range") {
                            $0.object(name) {
                                $0.field("gte", range.lowerBound)
                                $0.field("lte", range.upperBound)
                            }
                        }
                    }
                }
            }
        }
    }
}

import TextCoding

/// The bodies of a search: candidates first, by what ranks them alone; then all that is stored of the best.
struct SearchQuery {
    let question: ChunkSearch.Question
    let count: Int
    /// That words are matched in; empty for the text alone.
    let fields: [String]

    private static let candidateFields = [
        "document_id", "generation", "bucket", "key", "chunk_index", "content_hash", "parent_index",
    ]

    func body(_ mode: ChunkSearch.Mode) -> [UInt8] {
        JSONWriter.object { json in
            json.field("size", count)
            json.field("_source", Self.candidateFields)
            if mode == .hybrid, let join = question.join { json.object("search_pipeline") { join.write(&$0) } }
            json.object("query") { query in
                switch mode {
                case .hybrid:
                    query.object("hybrid") { hybrid in
                        hybrid.key("queries")
                        hybrid.array { queries in
                            queries.object { match(&$0) }
                            queries.object { nearest(&$0) }
                        }
                    }
                case .text: match(&query)
                case .vector: nearest(&query)
                }
            }
        }
    }

    /// Every chunk with its vector, in pages.
    func every(page: Int) -> [UInt8] {
        JSONWriter.object { json in
            json.field("size", page)
            json.field("_source", Self.candidateFields + ["vector"])
            json.object("query") { query in
                if question.filter.isEmpty {
                    query.object("match_all") { _ in }
                } else {
                    query.object("bool") { question.filter.write(&$0) }
                }
            }
        }
    }

    /// - Parameter marked: the fields whose passages with the question's words are requested.
    static func whole(_ ids: [String], _ question: String, marked: [String]) -> [UInt8] {
        JSONWriter.object { json in
            json.field("size", ids.count)
            json.field("_source", SearchHit.fields)
            json.object("query") { query in query.object("ids") { $0.field("values", ids) } }
            guard !marked.isEmpty else { return }
            json.object("highlight") { highlight in
                highlight.field("require_field_match", false)
                highlight.field("number_of_fragments", 3)
                highlight.field("fragment_size", 200)
                highlight.object("highlight_query") { words(question, marked, &$0) }
                highlight.object("fields") { fields in
                    for name in ["text"] + marked.dropFirst() { fields.object(name) { _ in } }
                }
            }
        }
    }

    private func match(_ query: inout JSONWriter) {
        query.object("bool") { bool in
            bool.key("must")
            bool.array { must in
                must.object { fields.isEmpty ? Self.text(question.text, &$0) : Self.words(question.text, fields, &$0) }
            }
            if !question.filter.isEmpty { question.filter.write(&bool) }
        }
    }

    /// Each document by the sum of its words and of its language's forms of them; those of an index from before these fields by their text.
    private static func words(_ question: String, _ fields: [String], _ query: inout JSONWriter) {
        let question = cut(question, words: mostClauses / (fields.count + 1))
        query.object("dis_max") { either in
            either.key("queries")
            either.array { queries in
                queries.object {
                    $0.object("multi_match") {
                        $0.field("query", question)
                        $0.field("type", "most_fields")
                        $0.field("fields", fields)
                    }
                }
                queries.object { old in
                    old.object("bool") { bool in
                        bool.key("must")
                        bool.array { $0.object { text(question, &$0) } }
                        bool.key("must_not")
                        bool.array { $0.object { $0.object("exists") { $0.field("field", "words") } } }
                    }
                }
            }
        }
    }

    private static func text(_ question: String, _ query: inout JSONWriter) {
        query.object("match") { $0.object("text") { $0.field("query", question) } }
    }

    /// OpenSearch takes 1,024 clauses of a query (`indices.query.bool.max_clause_count`), and each word in each field is one.
    private static let mostClauses = 900

    /// The first words of a question that is a page of text; a letter of a script without spaces is a word.
    static func cut(_ question: String, words limit: Int) -> String {
        var (words, isInside) = (0, false)
        var end = question.unicodeScalars.startIndex
        for index in question.unicodeScalars.indices {
            let scalar = question.unicodeScalars[index]
            let isLetter = scalar.properties.isAlphabetic || scalar.properties.numericType != nil
            if isLetter, !isInside || scalar.value >= 0x2E80 { words += 1 }
            if words > limit { break }
            isInside = isLetter
            end = question.unicodeScalars.index(after: index)
        }
        return String(question.unicodeScalars[..<end])
    }

    private func nearest(_ query: inout JSONWriter) {
        query.object("knn") { knn in
            knn.object("vector") {
                $0.key("vector")
                $0.floats(question.vector)
                $0.field("k", count)
                if !question.filter.isEmpty {
                    $0.object("filter") { $0.object("bool") { question.filter.write(&$0) } }
                }
            }
        }
    }
}
